//! What a back-test showed.

use std::collections::BTreeMap;

use logdive_core::Mode;
use serde::Serialize;

use crate::facts::FactProblem;
use crate::limits;
use crate::rule::Rule;

/// What a back-test showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BacktestReport {
    /// How often what came out.
    pub totals: BacktestTotals,
    /// Each rule that is not `off`, by name.
    pub rules: Vec<BacktestRule>,
    /// Where the rules do otherwise than the person did: first where they differ, then where the
    /// rules left it to a person, then where the person said nothing; each in the order of the
    /// records, at most [`limits::DIFFERENCES_KEPT`] of each.
    pub differences: Vec<BacktestDifference>,
    /// How many more differences there are.
    pub more: u64,
    /// Facts that did not fit the schema, by name; at most [`limits::NAMES_KEPT`].
    pub misfits: Vec<BacktestMisfit>,
    /// What persons decided that the rule set does not list, and how often; at most
    /// [`limits::NAMES_KEPT`].
    pub unknown_decisions: BTreeMap<String, u64>,
}

/// How often what came out. Of every record one of `agreed`, `differed`, `left`, `unasked` and
/// `open` is true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BacktestTotals {
    /// All records.
    pub records: u64,
    /// The person and the rules decided the same; or no rule applies, and the person decided what
    /// the default is.
    pub agreed: u64,
    /// They decided differently.
    pub differed: u64,
    /// The person decided, and the rules leave it to a person.
    pub left: u64,
    /// Of `left`: those where facts are missing. In the others no rule applies.
    pub undetermined: u64,
    /// Of `left`: those where some rule makes the decision that the person made, and did not.
    pub could: u64,
    /// The rules decide, and what the person decided is not said.
    pub unasked: u64,
    /// Neither decided.
    pub open: u64,
    /// Records of which a fact did not fit the schema, and was unavailable for that.
    pub misfits: u64,
}

/// How often a rule decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BacktestRule {
    /// Its name.
    pub rule: String,
    /// Its version.
    pub version: u32,
    /// How far it lets automation go.
    pub mode: Mode,
    /// Its decision.
    pub decision: String,
    /// How often it decided.
    pub decided: u64,
    /// Of these: the person decided the same.
    pub agreed: u64,
    /// Of these: the person decided otherwise.
    pub differed: u64,
    /// Of these: what the person decided is not said.
    pub unasked: u64,
}

impl BacktestRule {
    pub(super) fn of(rule: &Rule) -> Self {
        Self {
            rule: rule.name().to_owned(),
            version: rule.version(),
            mode: rule.mode(),
            decision: rule.decision().to_owned(),
            decided: 0,
            agreed: 0,
            differed: 0,
            unasked: 0,
        }
    }
}

/// How the rules do otherwise than the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BacktestKind {
    /// They decide something else.
    Differed,
    /// They leave it to a person.
    Left,
    /// They decide, and what the person decided is not said.
    Unasked,
}

/// A record over which the rules do otherwise than the person did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BacktestDifference {
    /// The record.
    pub id: String,
    /// How it differs.
    pub kind: BacktestKind,
    /// What the person decided.
    pub person: Option<String>,
    /// What the rules decide.
    pub decision: Option<String>,
    /// The rule that does.
    pub rule: Option<String>,
    /// How far it lets automation go.
    pub mode: Option<Mode>,
    /// Whether the rules do not decide because facts are missing.
    pub undetermined: bool,
    /// Which, with the reasons.
    pub missing: Vec<String>,
}

/// A fact that did not fit the schema in some records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BacktestMisfit {
    /// The fact, ticket field or unknown name.
    pub name: String,
    /// In how many records.
    pub records: u64,
    /// What was wrong in the first of them.
    pub problem: String,
}

impl BacktestReport {
    pub(super) fn misfit(&mut self, problems: &[FactProblem]) {
        self.totals.misfits += 1;
        for problem in problems {
            let name = problem.name();
            if let Some(known) = self.misfits.iter_mut().find(|known| known.name == name) {
                known.records += 1;
            } else if self.misfits.len() < limits::NAMES_KEPT {
                let (name, problem) = (name.to_owned(), problem.to_string());
                self.misfits.push(BacktestMisfit { name, records: 1, problem });
            }
        }
    }

    pub(super) fn unknown(&mut self, decision: &str) {
        if let Some(count) = self.unknown_decisions.get_mut(decision) {
            *count += 1;
        } else if self.unknown_decisions.len() < limits::NAMES_KEPT {
            self.unknown_decisions.insert(decision.to_owned(), 1);
        }
    }

    pub(super) fn has_room(&self, kind: BacktestKind) -> bool {
        let Self { totals, .. } = self;
        // Counted with this one.
        let so_far = match kind {
            BacktestKind::Differed => totals.differed,
            BacktestKind::Left => totals.left,
            BacktestKind::Unasked => totals.unasked,
        };
        usize::try_from(so_far).is_ok_and(|so_far| so_far <= limits::DIFFERENCES_KEPT)
    }
}
