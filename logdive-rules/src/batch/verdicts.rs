//! What a rule set decides about each set of facts of a batch.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, BooleanArray, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_schema::ArrowError;
use logdive_core::Mode;

use super::FactBatch;
use super::conclude::{Concluded, Truths, conclude, ranking};
use super::conditions::{Chunk, Evaluator};
use crate::rule::Rule;
use crate::set::RuleSet;
use crate::verdict::Verdict;

/// Rows that are looked at together, so that what is known of them stays in the cache. A multiple
/// of 64.
const CHUNK: usize = 8_192;

impl RuleSet {
    /// What [`RuleSet::decide`] would conclude about each set of facts of a batch: the same for
    /// every row, and many times faster than one after the other.
    ///
    /// The batch may have been made for another rule set: a fact that it does not have, or has as
    /// another type, is unavailable.
    #[must_use]
    pub fn verdicts(&self, batch: &FactBatch) -> Verdicts<'_> {
        let evaluator = Evaluator::new(self, batch);
        let ranking = ranking(self);
        let mut verdicts = Verdicts { rules: self, rule: Vec::new(), undetermined: Vec::new() };
        for start in (0..batch.len()).step_by(CHUNK) {
            let mut chunk = Chunk::new(&evaluator, start, CHUNK.min(batch.len() - start));
            let conditions = self.rules.iter().zip(&evaluator.compiled.conditions);
            let truths = conditions.map(|(rule, condition)| match rule.mode() {
                // A rule that is off is not asked.
                Mode::Off => Truths::default(),
                _ => Truths::of(&chunk.condition(condition)),
            });
            let truths = truths.collect();
            let Concluded { rule, undetermined } = conclude(self, &ranking, truths, &mut chunk);
            verdicts.rule.extend(rule);
            verdicts.undetermined.extend(undetermined);
        }
        verdicts
    }

    /// Whether each rule, in the order of [`RuleSet::rules`], applies by itself to each set of
    /// facts, whatever ranks above it and whatever its mode; null is unknown.
    #[must_use]
    pub fn truths(&self, batch: &FactBatch) -> Vec<BooleanArray> {
        let evaluator = Evaluator::new(self, batch);
        let mut all = vec![Truths::default(); self.rules.len()];
        for start in (0..batch.len()).step_by(CHUNK) {
            let mut chunk = Chunk::new(&evaluator, start, CHUNK.min(batch.len() - start));
            for (all, condition) in all.iter_mut().zip(&evaluator.compiled.conditions) {
                let Truths { yes, unknown } = Truths::of(&chunk.condition(condition));
                all.yes.extend(yes);
                all.unknown.extend(unknown);
            }
        }
        let bits = |words| BooleanBuffer::new(Buffer::from_vec(words), 0, batch.len());
        let arrays = all.into_iter().map(|Truths { yes, unknown }| {
            BooleanArray::new(bits(yes), Some(NullBuffer::new(!&bits(unknown))))
        });
        arrays.collect()
    }
}

/// What a rule set decides about each set of facts of a [`FactBatch`]. Made by
/// [`RuleSet::verdicts`].
#[derive(Debug, Clone, PartialEq, Eq)]
// Invariant: `undetermined` has a bit for each row. `rule` is beyond the rules where none decides.
pub struct Verdicts<'a> {
    rules: &'a RuleSet,
    rule: Vec<u32>,
    undetermined: Vec<u64>,
}

impl<'a> Verdicts<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rule.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rule.is_empty()
    }

    /// The verdict about a row; `None` beyond the last.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Verdict<'a>> {
        let rule = *self.rule.get(row)?;
        Some(match self.rules.rules.get(rule as usize) {
            Some(rule) => Verdict::of(rule),
            None if self.is_undetermined(row) => Verdict::Undetermined,
            None => Verdict::NoRule,
        })
    }

    fn is_undetermined(&self, row: usize) -> bool {
        self.undetermined.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 != 0)
    }

    /// The verdicts by row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Verdict<'a>> + '_ {
        (0..self.len()).map(|row| self.get(row).unwrap_or(Verdict::NoRule))
    }

    /// The verdicts as columns of words: `outcome` (`decided`, `no_action_needed`, `undetermined`,
    /// `no_rule`), `rule` and `mode`, which are null where no rule decided.
    ///
    /// # Errors
    /// If Arrow refuses them, which it does for no verdicts of a rule set.
    pub fn record_batch(&self) -> Result<RecordBatch, ArrowError> {
        let outcomes = [
            Verdict::Undetermined.outcome(),
            Verdict::NoRule.outcome(),
            "decided",
            "no_action_needed",
        ];
        let outcome = self.iter().map(|verdict| match verdict {
            Verdict::Undetermined => 0,
            Verdict::NoRule => 1,
            Verdict::Decided(_) => 2,
            Verdict::NoActionNeeded(_) => 3,
        });
        let rule = self.rule.iter().map(|rule| i32::try_from(*rule).ok());
        let mode = self.iter().map(|verdict| verdict.rule().map(|rule| rule.mode() as i32));
        let columns: [(&str, ArrayRef); 3] = [
            ("outcome", words(outcome.map(Some), outcomes)?),
            ("rule", words(rule, self.rules.rules().map(Rule::name))?),
            ("mode", words(mode, Mode::ALL.map(Mode::name))?),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))
    }
}

fn words<'a>(
    keys: impl Iterator<Item = Option<i32>>,
    words: impl IntoIterator<Item = &'a str>,
) -> Result<ArrayRef, ArrowError> {
    let words: StringArray = words.into_iter().map(Some).collect();
    let keys: Int32Array = keys.collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(words))?))
}
