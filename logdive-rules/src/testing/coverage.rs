//! What tests have seen of a rule set.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use logdive_core::{Decision, Mode, RuleTrace, TermTrace, Truth};

use crate::set::RuleSet;

/// What tests have seen of a rule set: of each rule whether it was true, was false and decided; of
/// each term whether it was true and was false. Threads share one.
///
/// ```
/// # use logdive_rules::RuleSet;
/// use logdive_rules::testing::Coverage;
/// use proptest::prelude::*;
///
/// # let rules = RuleSet::parse(r#"
/// # schema s v1 { fact n : int } decisions { quota, human } default human "x"
/// # rule "quota" v1 mode suggest { when n >= 50 decide quota }"#)?;
/// let coverage = Coverage::of(&rules);
/// proptest!(|(facts in rules.any_facts())| {
///     coverage.record(&rules.decide(&facts));
/// });
/// coverage.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Coverage {
    seen: Mutex<BTreeMap<String, Seen>>,
}

#[derive(Debug, Default, Clone)]
struct Seen {
    was_true: bool,
    was_false: bool,
    decided: bool,
    /// By place in the rule: the term, whether it was true, and whether it was false.
    terms: BTreeMap<(bool, usize), (String, bool, bool)>,
}

/// What tests have not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
// Invariant: not empty.
pub struct Uncovered {
    /// What is missing, each as a sentence.
    pub missing: Vec<String>,
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tests have not seen: {}", self.missing.join("; "))
    }
}

impl std::error::Error for Uncovered {}

impl Coverage {
    /// Nothing was seen yet. Rules of mode `off` take no part.
    #[must_use]
    pub fn of(rules: &RuleSet) -> Self {
        let active = rules.rules().filter(|rule| rule.mode() != Mode::Off);
        let seen = active.map(|rule| (rule.name().to_owned(), Seen::default())).collect();
        Self { seen: Mutex::new(seen) }
    }

    /// Records a decision of the set.
    pub fn record(&self, decision: &Decision) {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for trace in &decision.trace {
            if let Some(seen) = all.get_mut(&trace.rule) {
                seen.record(trace);
                seen.decided |= decision.rule() == Some(trace.rule.as_str());
            }
        }
    }

    /// Whether every rule was true, was false and decided, and every term was true and was false.
    ///
    /// # Errors
    /// What was not seen.
    pub fn check(&self) -> Result<(), Uncovered> {
        let all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<String> = all.iter().flat_map(|(rule, seen)| seen.missing(rule)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Uncovered { missing }) }
    }
}

impl Seen {
    fn record(&mut self, trace: &RuleTrace) {
        self.was_true |= trace.truth.is_true();
        self.was_false |= trace.truth == Truth::False;
        for (unless, terms) in [(false, &trace.when), (true, &trace.unless)] {
            for (at, TermTrace { term, truth, fact, .. }) in terms.iter().enumerate() {
                // `true` and `false` read nothing.
                if fact.is_empty() {
                    continue;
                }
                let seen = self.terms.entry((unless, at));
                let (_, was_true, was_false) = seen.or_insert_with(|| (term.clone(), false, false));
                *was_true |= truth.is_true();
                *was_false |= *truth == Truth::False;
            }
        }
    }

    fn missing(&self, rule: &str) -> Vec<String> {
        let of_rule = [
            (self.was_true, "applies"),
            (self.was_false, "does not apply"),
            (self.decided, "decides"),
        ];
        let of_rule = of_rule.into_iter().filter(|(seen, _)| !seen);
        let mut missing: Vec<String> =
            of_rule.map(|(_, what)| format!("rule `{rule}` {what}")).collect();
        for (term, was_true, was_false) in self.terms.values() {
            for (seen, truth) in [(was_true, "true"), (was_false, "false")] {
                if !seen {
                    missing.push(format!("`{term}` of rule `{rule}` is {truth}"));
                }
            }
        }
        missing
    }
}
