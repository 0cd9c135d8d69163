//! Laws that hold for every set of rules and every set of facts.

use std::collections::BTreeSet;
use std::rc::Rc;

use logdive_core::predicate::syntax::tokens;
use logdive_core::{ActionRequest, Conclusion, Decision, Fact, Facts, Mode, Truth, Value};
use logdive_rules::{Effect, Rule, RuleSet};
use proptest::prelude::*;
use proptest::sample::select;

use crate::cases;
use crate::sets::any_rules;

/// A set of rules and facts for it.
fn any_set_and_facts(blind: bool) -> impl Strategy<Value = (Rc<RuleSet>, Facts)> {
    any_rules(blind).prop_flat_map(|rules| {
        let rules = Rc::new(RuleSet::parse(rules.text()).expect("made to hold together"));
        let facts = rules.any_facts();
        facts.prop_map(move |facts| (Rc::clone(&rules), admitted(&rules, &facts)))
    })
}

/// The facts as rules see them: what is absent may read as a constant.
fn admitted(rules: &RuleSet, facts: &Facts) -> Facts {
    let given = facts.iter().fold(rules.facts(), |all, (name, fact)| all.fact(name, fact.clone()));
    given.admit()
}

/// A set of rules, facts for it, and the same facts with more known.
fn any_set_and_more_facts(blind: bool) -> impl Strategy<Value = (Rc<RuleSet>, Facts, Facts)> {
    any_set_and_facts(blind).prop_flat_map(|(rules, facts)| {
        let other = rules.any_facts();
        let raise = proptest::collection::vec(0_i64..5, 64);
        (Just(rules), Just(facts), other, raise).prop_map(|(rules, facts, other, raise)| {
            let other = admitted(&rules, &other);
            let mut more = Facts::new();
            for ((name, fact), raise) in facts.iter().zip(raise) {
                more.insert_overwrite(name, learnt(fact, &other.read(name), raise));
            }
            (rules, facts, more)
        })
    })
}

/// What a fact may turn out to be.
fn learnt(fact: &Fact, other: &Fact, raise: i64) -> Fact {
    match fact {
        Fact::Unavailable(_) => other.clone(),
        Fact::AtLeast(value, reason) => {
            let more = match value {
                Value::Int(number) => Value::Int(number.saturating_add(raise)),
                Value::Duration(length) => {
                    Value::Duration(*length + std::time::Duration::from_millis(100) * raise as u32)
                }
                other => other.clone(),
            };
            // It may stay a bound, or become certain.
            if raise % 2 == 0 { Fact::Known(more) } else { Fact::AtLeast(more, reason.clone()) }
        }
        known => known.clone(),
    }
}

/// What was decided and what is to be done.
fn asked(decision: &Decision) -> Option<(&str, &[ActionRequest])> {
    match decision.conclusion() {
        Conclusion::Decided { decision, actions, .. } => Some((decision, actions)),
        Conclusion::NoActionNeeded { decision, .. } => Some((decision, &[])),
        Conclusion::NoRule { .. } => Some(("", &[])),
        Conclusion::Undetermined { .. } => None,
    }
}

proptest! {
    #![proptest_config(cases(96))]

    /// Every set of facts gives a conclusion, and the trace tells why.
    #[test]
    fn it_is_total_and_the_trace_tells_why((rules, facts) in any_set_and_facts(true)) {
        let decision = rules.decide(&facts);
        let judged = rules.rules().filter(|rule| rule.mode() != Mode::Off).count();
        prop_assert_eq!(decision.trace.len(), judged);
        for trace in &decision.trace {
            let rule = rules.rule(&trace.rule).expect("a rule of the set");
            let read = |field: &logdive_core::Field| facts.read(field.name());
            let hindered = rule.unless().map_or(Truth::False, |unless| unless.eval(&read));
            prop_assert_eq!(trace.truth, rule.when().eval(&read).and(!hindered));
            for term in trace.when.iter().chain(&trace.unless) {
                prop_assert_eq!(&term.read, &facts.read(&term.fact));
            }
        }
        let truth_of = |name: &str| {
            decision.trace.iter().find(|trace| trace.rule == name).map(|trace| trace.truth)
        };
        match decision.conclusion() {
            Conclusion::Decided { rule, mode, .. }
            | Conclusion::NoActionNeeded { rule, mode, .. } => {
                prop_assert_eq!(truth_of(rule), Some(Truth::True));
                prop_assert_eq!(rules.rule(rule).map(Rule::mode), Some(*mode));
            }
            Conclusion::Undetermined { missing } => {
                prop_assert!(!missing.is_empty());
                for missing in missing {
                    prop_assert!(!missing.reason.is_empty());
                    for rule in &missing.rules {
                        prop_assert!(truth_of(rule).is_some_and(|truth| truth != Truth::False));
                    }
                }
            }
            Conclusion::NoRule { .. } => {
                prop_assert!(decision.trace.iter().all(|trace| trace.truth == Truth::False));
            }
        }
    }

    /// The same facts give the same decision, whatever the order of the file.
    #[test]
    fn the_order_of_rules_does_not_matter(
        (one, other) in any_rules(true).prop_flat_map(|rules| {
            let shuffled = Just(rules.0.clone()).prop_shuffle();
            (Just(rules), shuffled.prop_map(crate::sets::Rules))
        }),
        seed in any::<[u8; 32]>(),
    ) {
        let (one, other) = (RuleSet::parse(one.text()).unwrap(), RuleSet::parse(other.text()).unwrap());
        prop_assert_eq!(one.digest(), other.digest());
        prop_assert_eq!(&one, &other);
        let facts = drawn(&one, seed);
        prop_assert_eq!(one.decide(&facts).digest(), other.decide(&facts).digest());
        prop_assert_eq!(one.decide(&facts), one.decide(&facts));
    }

    /// Rules see facts as they are admitted.
    #[test]
    fn what_is_decided_is_decided_over_admitted_facts(
        rules in any_rules(true), seed in any::<[u8; 32]>(),
    ) {
        let rules = RuleSet::parse(rules.text()).unwrap();
        let facts = drawn(&rules, seed);
        prop_assert_eq!(rules.decide(&admitted(&rules, &facts)), rules.decide(&facts));
    }

    /// The normal form says the same.
    #[test]
    fn the_normal_form_loads(rules in any_rules(true)) {
        let rules = RuleSet::parse(rules.text()).unwrap();
        let again = RuleSet::parse(rules.to_string()).unwrap();
        prop_assert_eq!(again.to_string(), rules.to_string());
        prop_assert_eq!(again, rules);
    }

    /// Knowing more may turn undetermined into a decision; it never turns one decision into
    /// another, and never raises one to act at a lower mode.
    #[test]
    fn more_knowledge_never_flips_a_decision(
        (rules, facts, more) in any_set_and_more_facts(false)
    ) {
        let (before, after) = (rules.decide(&facts), rules.decide(&more));
        if let Some(asked_before) = asked(&before) {
            prop_assert_eq!(Some(asked_before), asked(&after));
            prop_assert!(before.mode() <= after.mode());
        }
    }

    /// Rules that see what cannot be had do not change that for what is done automatically.
    #[test]
    fn more_knowledge_never_flips_what_was_done_automatically(
        (rules, facts, more) in any_set_and_more_facts(true)
    ) {
        let (before, after) = (rules.decide(&facts), rules.decide(&more));
        if before.mode() == Mode::Automatic {
            prop_assert_eq!(asked(&before), asked(&after));
            prop_assert_eq!(after.mode(), Mode::Automatic);
        }
    }

    /// The decision is that of the definition, written down the slow way.
    #[test]
    fn it_is_what_the_definition_says((rules, facts) in any_set_and_facts(true)) {
        let decision = rules.decide(&facts);
        let found = match decision.conclusion() {
            Conclusion::Decided { rule, .. } | Conclusion::NoActionNeeded { rule, .. } => {
                Some(Some(rule.as_str()))
            }
            Conclusion::NoRule { .. } => Some(None),
            Conclusion::Undetermined { .. } => None,
        };
        prop_assert_eq!(found, defined(&rules, &facts));
    }

    /// What the strategy makes is what the builder lets pass.
    #[test]
    fn any_facts_fit_the_schema((rules, facts) in any_set_and_facts(false)) {
        let mut builder = rules.facts();
        for (name, fact) in facts.iter() {
            builder = builder.fact(name, fact.clone());
        }
        prop_assert_eq!(builder.build().unwrap(), facts);
    }

    /// Comments and layout do not change a digest; the rules do.
    #[test]
    fn layout_does_not_change_the_digest(
        rules in any_rules(true),
        gaps in proptest::collection::vec(
            select(vec![" ", "\n", "\t\t", "\r\n", " # a rule \"x\" { }\n", "\n\n  "]), 1..50,
        ),
    ) {
        let text = rules.text();
        let (tokens, _) = tokens(&text);
        let laid_out: String = tokens
            .iter()
            .zip(gaps.iter().cycle())
            .map(|(token, gap)| format!("{}{gap}", &text[token.span.range()]))
            .collect();
        let digest = RuleSet::parse(&text).unwrap().digest();
        prop_assert_eq!(RuleSet::parse(&laid_out).unwrap().digest(), digest);
        let formatted = logdive_rules::format(&laid_out).unwrap();
        prop_assert_eq!(RuleSet::parse(&formatted).unwrap().digest(), digest, "{}", formatted);
        prop_assert_eq!(logdive_rules::format(&formatted).unwrap(), formatted.as_str());
        let comments = |text: &str| text.matches("# a rule").count();
        prop_assert_eq!(comments(&formatted), comments(&laid_out));
        let raised = text.replacen("rule \"r0\" v1", "rule \"r0\" v2", 1);
        prop_assert_ne!(RuleSet::parse(raised).unwrap().digest(), digest);
    }
}

/// Facts from a seed.
fn drawn(rules: &RuleSet, seed: [u8; 32]) -> Facts {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(proptest::test_runner::Config::default(), rng);
    rules.any_facts().new_tree(&mut runner).unwrap().current()
}

/// The rule that decides by definition; `Some(None)` if none applies, `None` if undetermined.
fn defined<'a>(rules: &'a RuleSet, facts: &Facts) -> Option<Option<&'a str>> {
    let read = |field: &logdive_core::Field| facts.read(field.name());
    let truth = |rule: &Rule| {
        let unless = rule.unless().map_or(Truth::False, |unless| unless.eval(&read));
        rule.when().eval(&read).and(!unless)
    };
    let all: Vec<(&Rule, Truth)> = rules
        .rules()
        .filter(|rule| rule.mode() != Mode::Off)
        .map(|rule| (rule, truth(rule)))
        .collect();
    let beaten = |rule: &Rule| {
        all.iter().any(|(other, truth)| truth.is_true() && ranks_above(rules, other, rule))
    };
    let left: Vec<(&Rule, Truth)> = all.iter().copied().filter(|(rule, _)| !beaten(rule)).collect();
    let trues: Vec<&Rule> =
        left.iter().filter(|(_, truth)| truth.is_true()).map(|(rule, _)| *rule).collect();
    let unknowns: Vec<&Rule> =
        left.iter().filter(|(_, truth)| truth.is_unknown()).map(|(rule, _)| *rule).collect();
    let Some(lowest) = trues.iter().map(|rule| rule.mode()).min() else {
        return unknowns.is_empty().then_some(None);
    };
    let chosen = trues.iter().filter(|rule| rule.mode() == lowest).min_by_key(|r| r.name())?;
    let same =
        |rule: &Rule| rule.decision() == chosen.decision() && rule.effect() == chosen.effect();
    let known = match chosen.effect() {
        Effect::NoAction => true,
        Effect::Actions(calls) => calls
            .iter()
            .flat_map(|call| call.arguments.values())
            .flat_map(|argument| argument.facts())
            .all(|name| facts.read(name).known().is_some()),
    };
    let certain = trues.iter().all(|rule| same(rule))
        && unknowns.iter().all(|rule| same(rule) && rule.mode() >= lowest)
        && known;
    certain.then_some(Some(chosen.name()))
}

fn ranks_above(rules: &RuleSet, upper: &Rule, lower: &Rule) -> bool {
    let mut above: BTreeSet<&str> = upper.over().collect();
    loop {
        let more: BTreeSet<&str> = above
            .iter()
            .filter_map(|name| rules.rule(name))
            .flat_map(Rule::over)
            .chain(above.iter().copied())
            .collect();
        if more.len() == above.len() {
            return above.contains(lower.name());
        }
        above = more;
    }
}

const FILES: [&str; 3] = [
    include_str!("../data/decides.rules"),
    include_str!("../data/types.rules"),
    include_str!("../data/measures.rules"),
];

/// What is cut off anywhere is a mistake with a place, not a panic, and never half a rule.
#[test]
fn every_prefix_is_read_without_a_panic() {
    for file in FILES {
        let whole = RuleSet::parse(file).unwrap();
        for (end, _) in file.char_indices() {
            match RuleSet::parse(&file[..end]) {
                Ok(cut) => {
                    for rule in cut.rules() {
                        assert_eq!(Some(rule), whole.rule(rule.name()), "cut at {end}");
                    }
                }
                Err(found) => {
                    assert!(found.diagnostics().iter().all(|d| d.span.start <= end));
                    assert!(!found.render("file", &file[..end]).is_empty());
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(128))]

    /// Any bytes are read without a panic.
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(RuleSet::parse(&text).is_err());
    }

    /// So is a file with parts left out, doubled and put elsewhere.
    #[test]
    fn any_edit_is_read_without_a_panic(
        file in select(FILES.to_vec()),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4), 1..8),
    ) {
        let (found, _) = tokens(file);
        let mut parts: Vec<&str> = found.iter().map(|token| &file[token.span.range()]).collect();
        for (from, to, kind) in edits {
            let (from, to) = (from.index(parts.len()), to.index(parts.len()));
            match kind {
                0 if parts.len() > 1 => drop(parts.remove(from)),
                1 => parts.insert(to, parts[from]),
                2 => parts.swap(from, to),
                _ => parts.insert(to, "}"),
            }
        }
        let text = parts.join(" ");
        if let Err(found) = RuleSet::parse(&text) {
            let last = found.diagnostics().iter().map(|d| d.span.end).max();
            prop_assert!(last <= Some(text.len()));
            prop_assert!(!found.to_string().is_empty());
        }
    }
}

/// Deep nesting is refused, in every form, however long.
#[test]
fn deep_nesting_is_refused() {
    let file = |condition: &str| {
        format!(
            "schema s v1 {{ fact a : bool }} decisions {{ x }} default x \"\"\n\
             rule \"r\" v1 mode off {{ when {condition} decide x }}"
        )
    };
    for motif in ["!", "not ", "(", "!!(", "!!(!!!!!!(!!!!(((("] {
        let condition = motif.repeat(60_000 / motif.len());
        let found = RuleSet::parse(file(&condition)).unwrap_err();
        assert!(found.diagnostics().iter().any(|d| d.code == "P013"), "{motif}: {found}");
    }
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(RuleSet::parse(file(&nested(60))).is_ok());
    assert!(RuleSet::parse(file(&nested(70))).is_err());
    // Wide is not deep, but has a limit too.
    let wide = vec!["a"; logdive_rules::limits::TERMS + 1].join(" and ");
    assert!(RuleSet::parse(file(&wide)).is_err());
}
