//! Tests of a rule set in files: facts with the decision and the rule that they must lead to.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use logdive_core::{Conclusion, Decision, Mode, Truth};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::set::RuleSet;

/// A file of tests, in any format that serde reads.
///
/// ```toml
/// now = "2026-11-23T03:00:00Z"
///
/// [[test]]
/// name = "throttled by our own quota"
/// facts = { ticket = { severity = 3 }, throttled = 72, other_err = 0 }
/// expect = { decision = "quota_notice", rule = "throttled by own quota" }
///
/// [[test]]
/// name = "loki is down"
/// facts = { ticket = { severity = 3 }, throttled = 72, other_err = { unavailable = "loki" } }
/// expect = { undetermined = ["other_err"] }
///
/// [[test]]
/// name = "quiet"
/// facts = { ticket = { severity = 3 }, throttled = 0, other_err = 0 }
/// expect = { no_rule = true }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Suite {
    /// The time that times in facts may be given as a distance from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<DateTime<Utc>>,
    /// The tests.
    #[serde(rename = "test", default)]
    pub tests: Vec<Test>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Test {
    /// What it shows.
    pub name: String,
    /// The facts, as [`FactsBuilder::json`](crate::FactsBuilder::json) reads them.
    #[serde(default = "no_facts")]
    pub facts: Json,
    /// What must come out.
    pub expect: Expected,
}

fn no_facts() -> Json {
    Json::Object(serde_json::Map::new())
}

/// What must come out of a test: a decision with its rule, `undetermined`, or `no_rule`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Expected {
    /// The decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The rule, which is named with the decision: two may decide the same for different reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// How far the rule lets automation go, if that is tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// The actions as a decision writes them, if they are tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<String>>,
    /// The facts that are missing, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undetermined: Option<BTreeSet<String>>,
    /// No rule applies.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_rule: bool,
}

/// What came out of a suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SuiteReport {
    /// Each test.
    pub tests: Vec<TestReport>,
    /// Rules that decided in no test.
    pub never_decided: Vec<String>,
    /// Rules that applied in every test.
    pub never_silent: Vec<String>,
    /// Why the suite as a whole proves nothing, if so.
    pub weakness: Option<Weakness>,
}

/// What came out of a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TestReport {
    /// The test's name.
    pub name: String,
    /// What was wrong, if it failed.
    pub failure: Option<String>,
}

/// Why a suite proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Weakness {
    /// It has no tests.
    Empty,
    /// No rule decides in any test.
    NothingDecides,
    /// Every rule applies in every test.
    NothingIsSilent,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the suite has no tests",
            Self::NothingDecides => "no rule decides in any test: add facts that make one decide",
            Self::NothingIsSilent => {
                "every rule applies in every test: add facts for which one must not apply"
            }
        })
    }
}

impl SuiteReport {
    /// Whether every test passed and the suite proves something.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.weakness.is_none() && self.tests.iter().all(|test| test.failure.is_none())
    }
}

impl Suite {
    /// Runs the tests against a rule set.
    #[must_use]
    pub fn run(&self, rules: &RuleSet) -> SuiteReport {
        let mut decided = BTreeSet::new();
        let mut silent = BTreeSet::new();
        let mut run = |test: &Test| {
            let facts = match rules.facts().json(&test.facts, self.now).build() {
                Ok(facts) => facts,
                Err(error) => return Some(error.to_string()),
            };
            let decision = rules.decide(&facts);
            decided.extend(decision.rule().map(str::to_owned));
            let quiet = decision.trace.iter().filter(|trace| trace.truth != Truth::True);
            silent.extend(quiet.map(|trace| trace.rule.clone()));
            test.expect.failure(&decision)
        };
        let tests: Vec<TestReport> = self
            .tests
            .iter()
            .map(|test| TestReport { name: test.name.clone(), failure: run(test) })
            .collect();
        let without = |found: &BTreeSet<String>| {
            let active = rules.rules().filter(|rule| rule.mode() != Mode::Off);
            let names = active.map(|rule| rule.name().to_owned());
            names.filter(|name| !found.contains(name)).collect::<Vec<_>>()
        };
        let weakness = if tests.is_empty() {
            Some(Weakness::Empty)
        } else if decided.is_empty() {
            Some(Weakness::NothingDecides)
        } else if silent.is_empty() {
            Some(Weakness::NothingIsSilent)
        } else {
            None
        };
        let (never_decided, never_silent) = (without(&decided), without(&silent));
        SuiteReport { tests, never_decided, never_silent, weakness }
    }
}

impl Expected {
    /// What is wrong with a decision, or with the expectation.
    fn failure(&self, found: &Decision) -> Option<String> {
        match (&self.decision, &self.rule, &self.undetermined, self.no_rule) {
            (Some(_), Some(_), None, false) | (None, None, Some(_), false) => {}
            (None, None, None, true) => {}
            (Some(_), None, None, false) => {
                return Some("the test names the decision without its rule: add `rule`".to_owned());
            }
            _ => {
                let ways = "`decision` with `rule`, `undetermined`, or `no_rule`";
                return Some(format!("the test must expect one thing: {ways}"));
            }
        }
        let fits = match found.conclusion() {
            Conclusion::Decided { decision, rule, .. }
            | Conclusion::NoActionNeeded { decision, rule, .. } => {
                let done: Vec<String> = found.actions().iter().map(ToString::to_string).collect();
                self.decision.as_ref() == Some(decision)
                    && self.rule.as_ref() == Some(rule)
                    && self.mode.is_none_or(|mode| mode == found.mode())
                    && self.actions.as_ref().is_none_or(|actions| *actions == done)
            }
            Conclusion::Undetermined { missing } => {
                let missing = missing.iter().map(|missing| missing.fact.clone());
                self.undetermined.as_ref() == Some(&missing.collect())
            }
            Conclusion::NoRule { .. } => self.no_rule,
        };
        (!fits).then(|| format!("expected {self}; {}", came_out(found)))
    }
}

/// What came out, with what a test may expect of it.
fn came_out(decision: &Decision) -> String {
    let Some(rule) = decision.rule() else { return decision.to_string() };
    let actions: Vec<String> = decision.actions().iter().map(ToString::to_string).collect();
    format!(
        "{decision} (by \"{rule}\", mode {}, actions [{}])",
        decision.mode(),
        actions.join("; ")
    )
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(missing) = &self.undetermined {
            let names: Vec<&str> = missing.iter().map(String::as_str).collect();
            return write!(f, "undetermined without {}", names.join(", "));
        }
        let (Some(decision), Some(rule)) = (&self.decision, &self.rule) else {
            return f.write_str("no rule");
        };
        write!(f, "{decision} by \"{rule}\"")?;
        if let Some(mode) = self.mode {
            write!(f, " in mode {mode}")?;
        }
        match &self.actions {
            Some(actions) => write!(f, " with actions [{}]", actions.join("; ")),
            None => Ok(()),
        }
    }
}
