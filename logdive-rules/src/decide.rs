//! The meaning of a rule set: from facts to a decision, with a trace.

use std::collections::BTreeMap;

use logdive_core::port::{Decide, Needs, RuleBounds};
use logdive_core::{
    ActionRequest, Actor, Conclusion, Decision, Fact, Facts, MissingFact, Mode, Predicate,
    RuleTrace, Ticket, Truth, Value,
};

use crate::facts::admitted;
use crate::rule::{Argument, Call, Effect, Rule};
use crate::set::RuleSet;
use crate::standing::{Applies, Standing};

impl RuleSet {
    /// Decides. It is pure and total: the same facts give the same decision, whatever the order
    /// of the rules, and every set of facts gives one of the four conclusions.
    ///
    /// A fact that is not in the set, or does not fit the schema, is unavailable.
    /// [`RuleSet::facts`] tells such mistakes beforehand.
    ///
    /// 1. A rule is `when and not unless` in strong Kleene logic: true, false or unknown. Rules
    ///    of mode `off` take no part.
    /// 2. A rule that a true rule ranks above, by `over` directly or through others, is out.
    /// 3. Of the true rules that are left, all must decide the same and ask for the same;
    ///    otherwise it is undetermined, and the rules are named. Of several that agree, the one
    ///    of the lowest mode decides, of these the first by name.
    /// 4. It is undetermined if an unknown rule that is left could change the answer: one that
    ///    decides or asks for something else, or has a lower mode.
    /// 5. It is undetermined if an argument of an action is not known exactly.
    /// 6. No rule true: undetermined if one is unknown, else the default.
    #[must_use]
    pub fn decide(&self, facts: &Facts) -> Decision {
        self.decide_over(&admitted(&self.schema, facts, None))
    }

    /// What [`RuleSet::decide`] and the trait's `decide` share.
    fn decide_over(&self, facts: &Read<'_>) -> Decision {
        let trace: Vec<RuleTrace> = self.rules.iter().map(|rule| judge(rule, facts)).collect();
        Decision {
            conclusion: self.conclude(&trace, facts),
            // A rule that is off is not asked.
            trace: trace
                .into_iter()
                .zip(&self.rules)
                .filter(|(_, rule)| rule.mode != Mode::Off)
                .map(|(trace, _)| trace)
                .collect(),
            rules: Some(self.digest()),
            by: Actor::Automation,
            parent: None,
        }
    }

    fn conclude(&self, trace: &[RuleTrace], facts: &Read<'_>) -> Conclusion {
        let truths: Vec<Truth> = trace.iter().map(|trace| trace.truth).collect();
        let Standing { applies, open } = self.standing(&truths);
        let mut missing = Missing::default();
        if let Applies::Conflict { rivals, .. } = &applies {
            missing.add_conflict(rivals.iter().filter_map(|at| self.rules.get(*at)));
        }
        open.iter().filter_map(|at| trace.get(*at)).for_each(|trace| missing.add_terms(trace));
        let chosen = match applies {
            Applies::Rule(at) | Applies::Conflict { lowest: at, .. } => self.rules.get(at),
            Applies::Nothing => None,
        };
        let Some(chosen) = chosen else {
            return if missing.is_empty() {
                Conclusion::NoRule { because: self.default_because.clone() }
            } else {
                missing.conclusion()
            };
        };
        let actions: Vec<ActionRequest> = chosen
            .calls()
            .iter()
            .filter_map(|call| request(call, &chosen.name, facts, &mut missing))
            .collect();
        if !missing.is_empty() {
            return missing.conclusion();
        }
        let rule = chosen.name.clone();
        let decision = chosen.decision.clone();
        let because = chosen.because.render(|name| in_words(facts.get(name)));
        let mode = chosen.mode;
        match chosen.effect {
            Effect::NoAction => Conclusion::NoActionNeeded { rule, decision, because, mode },
            Effect::Actions(_) => Conclusion::Decided { rule, decision, because, actions, mode },
        }
    }
}

/// As the loop sees it: the ticket fields that the schema declares come from the ticket, the
/// rest from the facts of a dive.
impl Decide for RuleSet {
    fn needs(&self) -> Needs {
        Self::needs(self)
    }

    fn decide(&self, ticket: &Ticket, facts: &Facts) -> Decision {
        self.decide_over(&admitted(&self.schema, facts, Some(ticket)))
    }

    fn bounds(&self, rule: &str) -> RuleBounds {
        self.rule(rule).map(Rule::bounds).unwrap_or_default()
    }
}

/// Every entry of the schema with its fact.
type Read<'a> = BTreeMap<&'a str, Fact>;

/// Evaluates a rule; every term is in the trace.
fn judge(rule: &Rule, facts: &Read<'_>) -> RuleTrace {
    let trace = |condition: &Predicate| condition.trace(&|field| read(facts, field.name()));
    let (holds, when) = trace(&rule.when);
    let (hindered, unless) = rule.unless.as_ref().map_or_else(|| (Truth::False, Vec::new()), trace);
    let truth = holds.and(!hindered);
    RuleTrace { rule: rule.name.clone(), version: rule.version, truth, when, unless }
}

/// The checker lets rules read declared facts only; a fact that is not there is not measured.
fn read(facts: &Read<'_>, name: &str) -> Fact {
    facts.get(name).cloned().unwrap_or_else(|| Facts::new().read(name))
}

/// A fact as a sentence names it.
fn in_words(fact: Option<&Fact>) -> String {
    match fact {
        Some(Fact::Known(value)) => value.plain(),
        Some(Fact::AtLeast(value, _)) => format!("at least {}", value.plain()),
        Some(Fact::Absent) => "none".to_owned(),
        Some(Fact::Unavailable(_)) | None => "an unknown value".to_owned(),
    }
}

/// Joins a call with the facts its arguments name; what is not known exactly is missing.
fn request(
    call: &Call,
    rule: &str,
    facts: &Read<'_>,
    missing: &mut Missing,
) -> Option<ActionRequest> {
    let mut arguments = BTreeMap::new();
    let mut whole = true;
    for (parameter, argument) in &call.arguments {
        for name in argument.facts() {
            let fact = read(facts, name);
            if fact.known().is_none() {
                whole = false;
                missing.add(name, &fact, rule);
            }
        }
        let value = match argument {
            Argument::Constant(value) => Some(value.clone()),
            Argument::Fact(name) => read(facts, name).known().cloned(),
            Argument::Text(template) => {
                Some(Value::Text(template.render(|name| in_words(facts.get(name)))))
            }
        };
        arguments.extend(value.map(|value| (parameter.clone(), value)));
    }
    whole.then(|| ActionRequest { name: call.name.clone(), arguments })
}

/// What is missing, by fact.
#[derive(Default)]
struct Missing {
    conflict: Option<MissingFact>,
    facts: BTreeMap<String, MissingFact>,
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.conflict.is_none() && self.facts.is_empty()
    }

    /// Adds what the unknown terms of a rule read.
    fn add_terms(&mut self, trace: &RuleTrace) {
        for term in trace.when.iter().chain(&trace.unless) {
            if term.truth.is_unknown() {
                self.add(&term.fact, &term.read, &trace.rule);
            }
        }
    }

    fn add(&mut self, name: &str, fact: &Fact, rule: &str) {
        let missing = self.facts.entry(name.to_owned()).or_insert_with(|| MissingFact {
            fact: name.to_owned(),
            reason: match fact {
                Fact::Unavailable(reason) => reason.to_string(),
                Fact::AtLeast(value, reason) => {
                    format!("at least {} is known: {reason}", value.plain())
                }
                Fact::Absent => "there is none".to_owned(),
                Fact::Known(value) => format!("{value} does not fit its type"),
            },
            rules: Vec::new(),
        });
        // What one rule misses is added in a row.
        if missing.rules.last().is_none_or(|last| last != rule) {
            missing.rules.push(rule.to_owned());
        }
    }

    /// Adds that rules apply which decide differently.
    fn add_conflict<'a>(&mut self, rules: impl Iterator<Item = &'a Rule>) {
        let names: Vec<String> = rules.map(|rule| rule.name.clone()).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let listed = quoted.join(" and ");
        self.conflict = Some(MissingFact {
            fact: format!("which of {listed} ranks higher"),
            reason: format!("rules {listed} all apply and decide differently"),
            rules: names,
        });
    }

    /// The conflict first, then facts by name.
    fn conclusion(self) -> Conclusion {
        Conclusion::Undetermined {
            missing: self.conflict.into_iter().chain(self.facts.into_values()).collect(),
        }
    }
}
