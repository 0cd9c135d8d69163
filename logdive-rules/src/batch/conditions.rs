//! What conditions say of the rows of a chunk: Arrow's Kleene kernels over terms, each of which is
//! answered once.

use std::collections::BTreeMap;

use arrow_arith::boolean::{and_kleene, not, or_kleene};
use arrow_array::{Array, BooleanArray};
use arrow_buffer::BooleanBuffer;
use logdive_core::Truth;

use super::FactBatch;
use super::admitted::Admitted;
use super::terms::{Plan, Question, TABLES, alike, sure};
use crate::compiled::{Compiled, Node};
use crate::set::RuleSet;

/// A rule set over a batch.
pub(super) struct Evaluator<'a> {
    pub(super) compiled: &'a Compiled,
    /// By slot.
    columns: Vec<Admitted<'a>>,
    /// By term.
    terms: Vec<Plan>,
    /// By slot, of those that actions need exactly.
    exact: BTreeMap<usize, Plan>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(rules: &'a RuleSet, batch: &'a FactBatch) -> Self {
        let compiled = rules.compiled();
        let entries = rules.schema.entries.iter().zip(&compiled.defaults);
        let columns = entries.map(|((name, entry), default)| {
            Admitted::new(entry, default.as_ref(), batch.columns.get(name))
        });
        let columns: Vec<Admitted<'a>> = columns.collect();
        let mut room = TABLES;
        let mut plan = |question, slot: usize| {
            Plan::new(question, columns.get(slot).unwrap_or(&Admitted::Missing), &mut room)
        };
        let terms = compiled.terms.iter().map(|term| plan(Question::Term(&term.test), term.slot));
        let terms = terms.collect();
        let exact = compiled.exact.iter().flatten();
        let exact = exact.map(|slot| (*slot, plan(Question::Exact, *slot))).collect();
        Self { compiled, columns, terms, exact }
    }

    fn is_costly(&self, node: &Node) -> bool {
        match node {
            Node::And(inner) | Node::Or(inner) => inner.iter().any(|node| self.is_costly(node)),
            Node::Not(inner) => self.is_costly(inner),
            Node::Term(at) => self.terms.get(*at).is_some_and(Plan::is_costly),
        }
    }

    fn column(&self, slot: usize) -> &Admitted<'a> {
        self.columns.get(slot).unwrap_or(&Admitted::Missing)
    }
}

/// Some rows of the batch, with what is known of them already.
pub(super) struct Chunk<'a> {
    evaluator: &'a Evaluator<'a>,
    pub(super) start: usize,
    pub(super) len: usize,
    /// By term.
    answers: Vec<Option<BooleanArray>>,
    /// By slot: the rows of each distinct fact.
    hot: Vec<Option<Vec<Vec<u64>>>>,
}

impl<'a> Chunk<'a> {
    pub(super) fn new(evaluator: &'a Evaluator<'a>, start: usize, len: usize) -> Self {
        let answers = vec![None; evaluator.terms.len()];
        let hot = vec![None; evaluator.columns.len()];
        Self { evaluator, start, len, answers, hot }
    }

    /// The truth of a condition; null is unknown.
    pub(super) fn condition(&mut self, node: &Node) -> BooleanArray {
        self.over(node, None)
    }

    /// The truth where `rows` says; elsewhere anything.
    fn over(&mut self, node: &Node, rows: Option<&BooleanBuffer>) -> BooleanArray {
        match node {
            Node::And(inner) => self.join(inner, Truth::False, rows),
            Node::Or(inner) => self.join(inner, Truth::True, rows),
            Node::Not(inner) => sure(not(&self.over(inner, rows)), self.len),
            Node::Term(at) => self.term(*at, rows),
        }
    }

    /// `and` and `or`, in which `last` is the truth that settles a row. What is costly comes last,
    /// and is asked of the rows that are not settled.
    fn join(&mut self, inner: &[Node], last: Truth, rows: Option<&BooleanBuffer>) -> BooleanArray {
        let mut truth = alike(!last, self.len);
        let mut begun = false;
        for costly in [false, true] {
            let evaluator = self.evaluator;
            for node in inner.iter().filter(|node| evaluator.is_costly(node) == costly) {
                if !begun {
                    truth = self.over(node, rows);
                    begun = true;
                    continue;
                }
                let open =
                    if last == Truth::True { !truth.values() } else { truth.values().clone() };
                let open = match truth.nulls() {
                    Some(nulls) => &open | &!nulls.inner(),
                    None => open,
                };
                let open = match rows {
                    Some(rows) => &open & rows,
                    None => open,
                };
                if open.count_set_bits() == 0 {
                    return truth;
                }
                let other = self.over(node, if costly { Some(&open) } else { rows });
                let joined = match last {
                    Truth::True => or_kleene(&truth, &other),
                    _ => and_kleene(&truth, &other),
                };
                truth = sure(joined, self.len);
            }
        }
        truth
    }

    fn term(&mut self, at: usize, rows: Option<&BooleanBuffer>) -> BooleanArray {
        if let Some(Some(answer)) = self.answers.get(at) {
            return answer.clone();
        }
        let evaluator = self.evaluator;
        let (Some(term), Some(plan)) = (evaluator.compiled.terms.get(at), evaluator.terms.get(at))
        else {
            return alike(Truth::Unknown, self.len);
        };
        let rows = rows.filter(|_| plan.is_costly());
        let answer = self.answer(plan, Question::Term(&term.test), term.slot, rows);
        // An answer about some rows is no answer for another rule.
        if let Some(slot) = self.answers.get_mut(at).filter(|_| rows.is_none()) {
            *slot = Some(answer.clone());
        }
        answer
    }

    /// Where a fact is known exactly.
    pub(super) fn exact(&mut self, slot: usize) -> BooleanArray {
        match self.evaluator.exact.get(&slot) {
            Some(plan) => self.answer(plan, Question::Exact, slot, None),
            None => alike(Truth::False, self.len),
        }
    }

    fn answer(
        &mut self,
        plan: &Plan,
        question: Question<'_>,
        slot: usize,
        rows: Option<&BooleanBuffer>,
    ) -> BooleanArray {
        let mut none = None;
        let hot = self.hot.get_mut(slot).unwrap_or(&mut none);
        plan.answer(question, self.evaluator.column(slot), (self.start, self.len), rows, hot)
    }
}
