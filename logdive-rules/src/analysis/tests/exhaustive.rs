//! Against all facts: what is said never to be is not among them, and what is, is found.

use std::collections::BTreeSet;

use logdive_core::{Conclusion, Decision, Facts, Mode, Truth};

use super::random::{Case, Random, case};
use super::{codes, parse};
use crate::rule::Rule;
use crate::set::RuleSet;
use crate::statement::StatementKind;

fn cases() -> u64 {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    2_000 * scale.unwrap_or(1).max(1)
}

/// Halves, so that both cores have something to do.
#[test]
fn what_is_said_is_so_of_all_facts() {
    (0..cases() / 2).for_each(check);
}

#[test]
fn what_is_said_is_so_of_all_facts_too() {
    (cases() / 2..cases()).for_each(check);
}

type Said = BTreeSet<(&'static str, String)>;

fn check(seed: u64) {
    let mut random = Random::new(seed);
    let Case { text, facts, finite } = case(&mut random);
    let rules = parse(&text);
    let analysis = rules.analyse();
    let shown = || format!("seed {seed}\n{text}\n{analysis}");
    assert!(analysis.undecided().is_empty(), "{}", shown());
    let said: Said = analysis
        .findings()
        .iter()
        .map(|finding| {
            let rules = match finding.code {
                // Which rules shadow it is not unique.
                codes::SHADOWED => finding.rules[..1].join(" "),
                codes::GAP | codes::VAIN => finding.message.split('`').nth(1).unwrap().to_owned(),
                codes::AUTOMATIC => {
                    format!("{} {}", finding.rules[0], finding.message.split('`').nth(1).unwrap())
                }
                _ => finding.rules.join(" "),
            };
            (finding.code, rules)
        })
        .collect();
    let decided: Vec<(&Facts, Decision)> =
        facts.iter().map(|facts| (facts, rules.decide(facts))).collect();
    let by_definition = defined(&rules, &decided, &said, random.chance(25));
    for code in [
        codes::DEAD,
        codes::ALWAYS,
        codes::SHADOWED,
        codes::CONFLICT,
        codes::REDUNDANT,
        codes::GAP,
        codes::AUTOMATIC,
        codes::OVER,
        codes::VAIN,
    ] {
        let of = |set: &Said| of_code(set, code);
        let (said, mut is_so) = (of(&said), of(&by_definition));
        // A rule may be true over facts that are not among these, and be hidden or redundant there.
        if [codes::SHADOWED, codes::REDUNDANT].contains(&code) && !finite {
            is_so.extend(of_code(&by_definition, codes::DEAD));
        }
        if code == codes::REDUNDANT && !finite {
            is_so.extend(of_code(&by_definition, codes::SHADOWED));
        }
        // What must hold of all facts can only be less than what holds of these; what some facts
        // show can only be more.
        let shown_by_facts = [codes::CONFLICT, codes::GAP, codes::AUTOMATIC].contains(&code);
        let holds = match (finite, shown_by_facts) {
            (true, _) => said == is_so,
            (false, true) => said.is_superset(&is_so),
            (false, false) => said.is_subset(&is_so),
        };
        assert!(holds, "{code}: said {said:?}, is so {is_so:?}\n{}", shown());
    }
}

fn of_code(set: &Said, code: &str) -> BTreeSet<String> {
    set.iter().filter(|(its, _)| *its == code).map(|(_, what)| what.clone()).collect()
}

/// The definition of each finding, asked of all facts.
fn defined(rules: &RuleSet, decided: &[(&Facts, Decision)], said: &Said, redundant: bool) -> Said {
    let mut found = Said::new();
    let parts: Vec<&Rule> = rules.rules().filter(|rule| rule.mode() != Mode::Off).collect();
    let truth = |rule: &Rule, decision: &Decision| {
        decision.trace.iter().find(|trace| trace.rule == rule.name()).unwrap().truth
    };
    let above = |upper: &Rule, lower: &Rule| ranks_above(rules, upper, lower);
    let definite = |facts: &Facts| facts.iter().all(|(_, fact)| !fact.is_incomplete());
    let is_out = |rule: &Rule, decision: &Decision| {
        parts.iter().any(|upper| above(upper, rule) && truth(upper, decision) == Truth::True)
    };
    let mut idle = BTreeSet::new();
    for rule in &parts {
        let trues: Vec<&Decision> = decided
            .iter()
            .map(|(_, decision)| decision)
            .filter(|decision| truth(rule, decision) == Truth::True)
            .collect();
        let name = rule.name().to_owned();
        if trues.is_empty() {
            found.insert((codes::DEAD, name));
            idle.insert(rule.name());
        } else if trues.iter().all(|decision| is_out(rule, decision)) {
            found.insert((codes::SHADOWED, name));
            idle.insert(rule.name());
        }
        let mut known = decided.iter().filter(|(facts, _)| definite(facts));
        let reads = !rule.when().fields().is_empty() || rule.unless().is_some();
        if reads && known.all(|(_, decision)| truth(rule, decision) == Truth::True) {
            found.insert((codes::ALWAYS, rule.name().to_owned()));
        }
        for lower in rule.over().filter_map(|name| rules.rule(name)) {
            let reached = rules.rules().filter(|other| *other == lower || above(lower, other));
            let reached: Vec<&Rule> = reached.filter(|other| other.mode() != Mode::Off).collect();
            let meets = trues
                .iter()
                .any(|decision| reached.iter().any(|other| truth(other, decision) != Truth::False));
            if !meets {
                found.insert((codes::OVER, format!("{} {}", rule.name(), lower.name())));
            }
        }
    }
    for (index, a) in parts.iter().enumerate() {
        for b in &parts[index + 1..] {
            let both = |decision: &Decision| match decision.conclusion() {
                Conclusion::Undetermined { missing } => {
                    let among =
                        |rule: &Rule| missing[0].rules.iter().any(|name| name == rule.name());
                    missing[0].fact.starts_with("which of") && among(a) && among(b)
                }
                _ => false,
            };
            if !a.agrees(b) && decided.iter().any(|(_, decision)| both(decision)) {
                found.insert((codes::CONFLICT, format!("{} {}", a.name(), b.name())));
            }
        }
    }
    for statement in rules.statements() {
        let truth = |facts: &Facts| {
            // As rules read them: what is absent may read as a constant.
            let read = |field: &logdive_core::Field| {
                let entry = &rules.schema.entries[field.name()];
                entry.admit(field.name(), facts.read(field.name()))
            };
            statement.when.eval(&read)
        };
        if decided.iter().all(|(facts, _)| truth(facts) != Truth::True) {
            found.insert((codes::VAIN, statement.to_string()));
        }
        for (facts, decision) in decided {
            match statement.kind {
                StatementKind::Cover => {
                    if definite(facts) && truth(facts) == Truth::True && decision.rule().is_none() {
                        found.insert((codes::GAP, statement.to_string()));
                    }
                }
                StatementKind::NeverAutomatic => {
                    if decision.mode() == Mode::Automatic && truth(facts) != Truth::False {
                        let rule = decision.rule().unwrap();
                        found.insert((codes::AUTOMATIC, format!("{rule} {statement}")));
                    }
                }
            }
        }
    }
    for rule in parts.iter().filter(|rule| !idle.contains(rule.name())) {
        let key = (codes::REDUNDANT, rule.name().to_owned());
        if !redundant {
            // Taken as said, to save time.
            found.extend(said.get(&key).cloned());
            continue;
        }
        let mut without = rules.clone();
        for other in without.rules.iter_mut().filter(|other| other.name == rule.name()) {
            other.mode = Mode::Off;
        }
        if decided.iter().all(|(facts, decision)| asked(decision) == asked(&without.decide(facts)))
        {
            found.insert(key);
        }
    }
    found
}

/// What a decision comes to, whoever made it.
fn asked(decision: &Decision) -> String {
    match decision.conclusion() {
        Conclusion::Decided { decision, actions, mode, .. } => {
            format!("{decision} {actions:?} {mode}")
        }
        Conclusion::NoActionNeeded { decision, mode, .. } => format!("{decision} none {mode}"),
        Conclusion::Undetermined { .. } => "undetermined".to_owned(),
        Conclusion::NoRule { .. } => "default".to_owned(),
    }
}

fn ranks_above(rules: &RuleSet, upper: &Rule, lower: &Rule) -> bool {
    let mut open: Vec<&str> = upper.over().collect();
    while let Some(name) = open.pop() {
        if name == lower.name() {
            return true;
        }
        open.extend(rules.rule(name).into_iter().flat_map(Rule::over));
    }
    false
}
