//! Past facts against a rule set: what it would have decided beside what a person did.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Read as _};

use chrono::{DateTime, Utc};
use logdive_core::{Conclusion, Facts, Mode};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use crate::limits;
use crate::rule::Rule;
use crate::set::RuleSet;
use crate::verdict::Verdict;

mod outcome;
mod report;

pub use report::{
    BacktestDifference, BacktestKind, BacktestMisfit, BacktestReport, BacktestRule, BacktestTotals,
};

/// What was known of a past ticket, and what a person decided.
///
/// In a file it is a line of JSON:
///
/// ```json
/// {"id": "OPS-17", "facts": {"throttled": 72, "ticket": {"severity": 3}}, "decision": "quota"}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Record {
    /// What it is called.
    pub id: String,
    /// The facts, as [`FactsBuilder::json`](crate::FactsBuilder::json) reads them.
    #[serde(default = "no_facts")]
    pub facts: Json,
    /// The ticket, if it does not stand among the facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Json>,
    /// What the person decided; `None` if it was not said.
    #[serde(default)]
    pub decision: Option<String>,
    /// The time that times in the facts may be given as a distance from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<DateTime<Utc>>,
}

fn no_facts() -> Json {
    Json::Object(serde_json::Map::new())
}

impl Record {
    /// A record of a person's decision.
    #[must_use]
    pub fn new(id: impl Into<String>, facts: Json, decision: Option<String>) -> Self {
        Self { id: id.into(), facts, ticket: None, decision, now: None }
    }
}

/// Why records cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BacktestError {
    /// Reading failed.
    #[error("cannot read line {line}")]
    #[non_exhaustive]
    Read {
        /// The line, from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// A line is longer than [`limits::RECORD`].
    #[error(
        "line {line} is longer than {} bytes: leave out what rules do not read",
        limits::RECORD
    )]
    #[non_exhaustive]
    TooLong {
        /// The line, from 1.
        line: u64,
    },
    /// A line is no record.
    #[error("line {line}, column {column} is no record: {problem}")]
    #[non_exhaustive]
    Record {
        /// The line, from 1.
        line: u64,
        /// The column, from 1, in bytes.
        column: usize,
        /// What is wrong.
        problem: String,
    },
}

/// A back-test under way.
///
/// Records are taken one after another and forgotten: what is kept is bounded by
/// [`limits::DIFFERENCES_KEPT`], whatever their number.
///
/// ```
/// use logdive_rules::{Backtest, RuleSet};
///
/// let rules = RuleSet::parse(r#"
/// schema quota v1 { fact throttled : int }
/// decisions { quota, human }
/// default human "no rule applies"
/// rule "own quota" v1 mode automatic { when throttled >= 50 decide quota }"#)?;
/// let past = r#"
/// {"id": "1", "facts": {"throttled": 72}, "decision": "quota"}
/// {"id": "2", "facts": {"throttled": 60}, "decision": "human"}
/// "#;
/// let mut test = Backtest::new(&rules);
/// test.read(past.as_bytes())?;
/// let report = test.finish();
/// assert_eq!((report.totals.agreed, report.totals.differed), (1, 1));
/// assert_eq!(report.differences[0].id, "2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the result is given by `finish`"]
pub struct Backtest<'a> {
    rules: &'a RuleSet,
    /// The decisions that rules make.
    made: BTreeSet<&'a str>,
    pending: Vec<Pending>,
    /// The facts of each pending record.
    facts: Vec<Facts>,
    /// How large the pending records are, as far as is known.
    bytes: usize,
    report: BacktestReport,
    counts: BTreeMap<&'a str, BacktestRule>,
}

/// A record whose facts are read, but for them.
#[derive(Debug)]
struct Pending {
    id: String,
    person: Option<String>,
}

/// Records that are decided at once, and bytes of them.
const CHUNK: usize = 4_096;
const CHUNK_BYTES: usize = 8 << 20;

impl<'a> Backtest<'a> {
    /// Begins a back-test.
    pub fn new(rules: &'a RuleSet) -> Self {
        let active = || rules.rules().filter(|rule| rule.mode() != Mode::Off);
        Self {
            rules,
            made: active().map(Rule::decision).collect(),
            pending: Vec::new(),
            facts: Vec::new(),
            bytes: 0,
            report: BacktestReport::default(),
            counts: active().map(|rule| (rule.name(), BacktestRule::of(rule))).collect(),
        }
    }

    /// Takes a record. What does not fit the schema is unavailable, as in the loop, and counted.
    pub fn push(&mut self, record: Record) {
        let Record { id, facts, ticket, decision, now } = record;
        let mut builder = self.rules.facts().json(&facts, now);
        if let Some(ticket) = &ticket {
            builder = builder.ticket(ticket);
        }
        let facts = match builder.clone().build() {
            Ok(facts) => facts,
            Err(error) => {
                self.report.misfit(error.problems());
                builder.admit()
            }
        };
        self.pending.push(Pending { id, person: decision });
        self.facts.push(facts);
        if self.pending.len() >= CHUNK {
            self.decide();
        }
    }

    /// Takes records from lines of JSON; empty lines are none.
    ///
    /// # Errors
    /// If reading fails, or at the first line that is no record or is longer than
    /// [`limits::RECORD`]. What was read before is taken.
    pub fn read(&mut self, mut source: impl BufRead) -> Result<(), BacktestError> {
        let most = u64::try_from(limits::RECORD).unwrap_or(u64::MAX).saturating_add(1);
        let mut text = Vec::new();
        for line in 1.. {
            text.clear();
            let read = source.by_ref().take(most).read_until(b'\n', &mut text);
            match read {
                Ok(0) => break,
                Ok(_) if text.trim_ascii().len() > limits::RECORD => {
                    return Err(BacktestError::TooLong { line });
                }
                Ok(_) => {}
                Err(source) => return Err(BacktestError::Read { line, source }),
            }
            if text.trim_ascii().is_empty() {
                continue;
            }
            let record = serde_json::from_slice(&text).map_err(|error| {
                let problem = error.to_string();
                // The line is that of the file, not of the record.
                let problem = problem.rsplit_once(" at line ").map_or(&*problem, |(what, _)| what);
                BacktestError::Record { line, column: error.column(), problem: problem.to_owned() }
            })?;
            self.bytes += text.len();
            self.push(record);
            if self.bytes >= CHUNK_BYTES {
                self.decide();
            }
        }
        Ok(())
    }

    /// Ends the back-test.
    #[must_use]
    pub fn finish(mut self) -> BacktestReport {
        self.decide();
        let mut report = self.report;
        report.rules = self.counts.into_values().collect();
        report.differences.sort_by_key(|difference| difference.kind);
        report
    }

    fn decide(&mut self) {
        self.bytes = 0;
        let (pending, facts) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.facts));
        let verdicts = outcome::verdicts(self.rules, &facts);
        for ((record, facts), verdict) in pending.into_iter().zip(&facts).zip(verdicts) {
            self.count(record, facts, verdict);
        }
    }

    fn count(&mut self, record: Pending, facts: &Facts, verdict: Verdict<'a>) {
        let totals = &mut self.report.totals;
        totals.records += 1;
        let mut of_rule = verdict.rule().and_then(|rule| self.counts.get_mut(rule.name()));
        if let Some(counts) = &mut of_rule {
            counts.decided += 1;
        }
        let default = self.rules.default_decision().0;
        let kind = match (record.person.as_deref(), verdict.rule()) {
            (Some(person), Some(rule)) if person == rule.decision() => {
                totals.agreed += 1;
                of_rule.into_iter().for_each(|counts| counts.agreed += 1);
                return;
            }
            (Some(_), Some(_)) => {
                totals.differed += 1;
                of_rule.into_iter().for_each(|counts| counts.differed += 1);
                BacktestKind::Differed
            }
            (Some(person), None) if verdict == Verdict::NoRule && person == default => {
                totals.agreed += 1;
                return;
            }
            (Some(person), None) => {
                totals.left += 1;
                totals.undetermined += u64::from(verdict == Verdict::Undetermined);
                totals.could += u64::from(self.made.contains(person));
                BacktestKind::Left
            }
            (None, Some(_)) => {
                totals.unasked += 1;
                of_rule.into_iter().for_each(|counts| counts.unasked += 1);
                BacktestKind::Unasked
            }
            (None, None) => {
                totals.open += 1;
                return;
            }
        };
        let known = |person: &String| self.rules.decisions().any(|decision| decision == person);
        if let Some(person) = record.person.as_ref().filter(|person| !known(person)) {
            self.report.unknown(person);
        }
        if self.report.has_room(kind) {
            let difference = self.difference(record, kind, facts, verdict);
            self.report.differences.push(difference);
        } else {
            self.report.more += 1;
        }
    }

    fn difference(
        &self,
        record: Pending,
        kind: BacktestKind,
        facts: &Facts,
        verdict: Verdict<'_>,
    ) -> BacktestDifference {
        // Which facts were missing is asked of those only that are shown.
        let undetermined = verdict == Verdict::Undetermined;
        let missing = match undetermined.then(|| self.rules.decide(facts).conclusion) {
            Some(Conclusion::Undetermined { missing }) => {
                missing.into_iter().map(|missing| missing.to_string()).collect()
            }
            _ => Vec::new(),
        };
        let rule = verdict.rule();
        BacktestDifference {
            id: record.id,
            kind,
            person: record.person,
            decision: rule.map(|rule| rule.decision().to_owned()),
            rule: rule.map(|rule| rule.name().to_owned()),
            mode: rule.map(Rule::mode),
            undetermined,
            missing,
        }
    }
}

#[cfg(test)]
mod tests;
