//! Why a rule decides, why the others do not, and what would have to change.

use std::fmt;

use logdive_core::{Conclusion, Decision, Fact, Facts, Mode, Predicate, TermTrace, Truth};
use serde::Serialize;

use crate::facts::admitted;
use crate::rule::Rule;
use crate::set::RuleSet;

mod nearest;

pub use nearest::{FactChange, Nearest};

/// What became of one rule. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "who explains must handle each")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fate {
    /// It decides.
    Decides,
    /// It is true, and another that says the same or is in conflict with it is named.
    Applies,
    /// It is not false, and true rules rank above it.
    Outranked {
        /// Which.
        by: Vec<String>,
    },
    /// It is false.
    False,
    /// It cannot be known whether it is true.
    Unknown,
    /// Its mode is `off`.
    Off,
}

/// Why one rule came out as it did.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleExplanation {
    /// The rule.
    pub rule: String,
    /// Its version.
    pub version: u32,
    /// What became of it.
    pub fate: Fate,
    /// The fewest terms that say why: those that make it true; those that make it false; all
    /// that are unknown and matter.
    pub terms: Vec<TermTrace>,
}

/// Why a decision came out as it did, rule by rule.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// The rules: the one that decides first, then those that apply, that are unknown, that others
    /// put out, that are false; each by name.
    pub rules: Vec<RuleExplanation>,
}

impl RuleSet {
    /// Explains what [`RuleSet::decide`] makes of facts: for each rule why it decides, or the
    /// fewest terms that kept it from doing so.
    ///
    /// ```
    /// # use logdive_rules::RuleSet;
    /// let rules = RuleSet::parse(r#"
    /// schema quota v1 { fact throttled : int  fact other_err : int }
    /// decisions { quota, human }
    /// default human "no rule applies"
    /// rule "own quota" v1 mode confirm {
    ///   when throttled >= 50 and other_err == 0
    ///   decide quota because "{throttled} throttles"
    /// }"#)?;
    /// let facts = rules.facts().known("throttled", 30).known("other_err", 0).build()?;
    /// assert_eq!(rules.explain(&facts).to_string(), "\
    /// no rule applies: no rule applies
    /// false: own quota
    ///   throttled >= 50
    ///     throttled: 30
    /// ");
    /// let nearest = rules.nearest(&facts, "own quota").expect("there is a way");
    /// assert_eq!(nearest.to_string(), "\
    /// `own quota` decides if
    ///   throttled
    ///     is:      30
    ///     were:    50
    /// ");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn explain(&self, facts: &Facts) -> Explanation {
        let decision = self.decide(facts);
        let read = admitted(&self.schema, facts, None);
        let read = |name: &str| read.get(name).cloned().unwrap_or_else(|| Facts::new().read(name));
        let truth_of = |rule: &Rule| {
            decision.trace.iter().find(|trace| trace.rule == rule.name()).map(|trace| trace.truth)
        };
        let mut rules: Vec<RuleExplanation> = self
            .rules()
            .map(|rule| {
                let truth = truth_of(rule);
                let by = self.above(rule);
                let by = by.into_iter().filter(|above| truth_of(above) == Some(Truth::True));
                let by: Vec<String> = by.map(|above| above.name().to_owned()).collect();
                let fate = match truth {
                    _ if rule.mode() == Mode::Off => Fate::Off,
                    Some(Truth::False) | None => Fate::False,
                    Some(_) if !by.is_empty() => Fate::Outranked { by },
                    Some(Truth::Unknown) => Fate::Unknown,
                    Some(Truth::True) if decision.rule() == Some(rule.name()) => Fate::Decides,
                    Some(Truth::True) => Fate::Applies,
                };
                let terms = if fate == Fate::Off { Vec::new() } else { why(rule, &read) };
                RuleExplanation {
                    rule: rule.name().to_owned(),
                    version: rule.version(),
                    fate,
                    terms,
                }
            })
            .collect();
        rules.sort_by_key(|rule| match rule.fate {
            Fate::Decides => 0,
            Fate::Applies => 1,
            Fate::Unknown => 2,
            Fate::Outranked { .. } => 3,
            Fate::False => 4,
            Fate::Off => 5,
        });
        Explanation { decision, rules }
    }

    /// The rules that rank above one, directly or through others, by name.
    fn above(&self, rule: &Rule) -> Vec<&Rule> {
        let Some(at) = self.rules.iter().position(|other| other.name() == rule.name()) else {
            return Vec::new();
        };
        let mut is_above = vec![false; self.rules.len()];
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            for (upper, targets) in self.below.iter().enumerate() {
                if let Some(slot) = is_above.get_mut(upper).filter(|slot| !**slot)
                    && targets.contains(&at)
                {
                    *slot = true;
                    open.push(upper);
                }
            }
        }
        let rules = self.rules.iter().zip(is_above);
        rules.filter(|(_, above)| *above).map(|(rule, _)| rule).collect()
    }
}

/// The fewest terms of a rule that say why it is what it is.
fn why(rule: &Rule, read: &dyn Fn(&str) -> Fact) -> Vec<TermTrace> {
    let when = Judged::new(&rule.when, read);
    let unless = rule.unless.as_ref().map(|unless| Judged::new(unless, read));
    let unless_truth = unless.as_ref().map_or(Truth::False, |unless| unless.truth);
    let mut found = Vec::new();
    match when.truth.and(!unless_truth) {
        Truth::False => {
            let of_when = (when.truth == Truth::False).then(|| when.size());
            let of_unless = unless.filter(|unless| unless.truth == Truth::True);
            match (of_when, of_unless) {
                (Some(size), Some(unless)) if unless.size() < size => unless.explain(&mut found),
                (None, Some(unless)) => unless.explain(&mut found),
                _ => when.explain(&mut found),
            }
        }
        Truth::True => {
            when.explain(&mut found);
            unless.iter().for_each(|unless| unless.explain(&mut found));
        }
        Truth::Unknown => {
            let parts = [Some(when), unless];
            parts
                .iter()
                .flatten()
                .filter(|part| part.truth.is_unknown())
                .for_each(|part| part.explain(&mut found));
        }
    }
    let mut terms: Vec<TermTrace> = Vec::new();
    for (term, truth) in found {
        let text = term.to_string();
        if terms.iter().any(|other| other.term == text) {
            continue;
        }
        let fact = term.fields().first().map(|field| field.name().to_owned()).unwrap_or_default();
        let read = read(&fact);
        terms.push(TermTrace { term: text, truth, fact, read });
    }
    terms
}

/// A condition with the truth of every part.
struct Judged<'a> {
    condition: &'a Predicate,
    truth: Truth,
    parts: Vec<Self>,
}

impl<'a> Judged<'a> {
    /// Conditions nest no deeper than the parser lets them.
    fn new(condition: &'a Predicate, read: &dyn Fn(&str) -> Fact) -> Self {
        let inner: &[Predicate] = match condition {
            Predicate::And(terms) | Predicate::Or(terms) => terms,
            // `is present` is one term in the text.
            Predicate::Not(inner) if !matches!(**inner, Predicate::Absent(_)) => {
                std::slice::from_ref(inner)
            }
            _ => &[],
        };
        let parts: Vec<Self> = inner.iter().map(|part| Self::new(part, read)).collect();
        let truths = parts.iter().map(|part| part.truth);
        let truth = match condition {
            Predicate::And(_) => truths.fold(Truth::True, Truth::and),
            Predicate::Or(_) => truths.fold(Truth::False, Truth::or),
            _ => match parts.first() {
                Some(inner) => !inner.truth,
                None => condition.eval(&|field| read(field.name())),
            },
        };
        Self { condition, truth, parts }
    }

    /// The parts that together say why: of a choice only the smallest.
    fn reasons(&self) -> Vec<&Self> {
        let same = self.parts.iter().filter(|part| part.truth == self.truth);
        match (self.condition, self.truth) {
            (Predicate::And(_), Truth::False) | (Predicate::Or(_), Truth::True) => {
                same.min_by_key(|part| part.size()).into_iter().collect()
            }
            (Predicate::And(_) | Predicate::Or(_), _) => same.collect(),
            _ => self.parts.iter().collect(),
        }
    }

    /// How many terms say why.
    fn size(&self) -> usize {
        if self.is_term() { 1 } else { self.reasons().into_iter().map(Self::size).sum() }
    }

    fn is_term(&self) -> bool {
        self.parts.is_empty() && !matches!(self.condition, Predicate::And(_) | Predicate::Or(_))
    }

    fn explain(&self, found: &mut Vec<(&'a Predicate, Truth)>) {
        if self.is_term() {
            found.push((self.condition, self.truth));
        }
        self.reasons().into_iter().for_each(|part| part.explain(found));
    }
}

/// Writes the decision, then each rule with the terms that say why, a line each, for a narrow
/// terminal.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.decision)?;
        if let Conclusion::Undetermined { missing } = self.decision.conclusion() {
            for missing in missing {
                writeln!(f, "  {missing}")?;
            }
        }
        self.rules.iter().try_for_each(|rule| write!(f, "{rule}"))
    }
}

impl fmt::Display for RuleExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = match &self.fate {
            Fate::Decides => "decides",
            Fate::Applies => "applies",
            Fate::Outranked { .. } => "outranked",
            Fate::False => "false",
            Fate::Unknown => "unknown",
            Fate::Off => "off",
        };
        writeln!(f, "{fate}: {}", self.rule)?;
        if let Fate::Outranked { by } = &self.fate {
            by.iter().try_for_each(|by| writeln!(f, "  by {by}"))?;
        }
        for term in &self.terms {
            let not = match (term.truth, &self.fate) {
                (Truth::False, Fate::Decides | Fate::Applies | Fate::Outranked { .. }) => "not ",
                (Truth::True, Fate::False) => "hindered by ",
                _ => "",
            };
            writeln!(f, "  {not}{}\n    {}: {}", term.term, term.fact, term.read)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
