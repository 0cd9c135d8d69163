//! What comes for property tests of rule sets: facts that were asked for, laws, coverage.

use logdive_core::{Fact, Mode, Truth};
use logdive_rules::RuleSet;
use logdive_rules::testing::{Coverage, Law};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::cases;
use crate::sets::any_rules;

const RARE: &str = r#"
schema s v1 {
  ticket.severity : int 1..5
  fact n : int
  fact name : text
  ticket.ports : set of int or else {}
}
decisions { quota, other, human }
default human "x"
cover when n >= 0
rule "rare" v1 mode automatic {
  when n == 77_u and name matches "^ab+c$" and any ticket.ports == 2222
  unless ticket.severity == 1
  decide quota
}
rule "other" v1 mode suggest { when n < 0 decide other }
"#;

fn rare() -> RuleSet {
    RuleSet::parse(RARE.replace("_u", "")).unwrap()
}

proptest! {
    #![proptest_config(cases(8))]

    /// What was asked for is what comes, for any set; and what shrinks stays it.
    #[test]
    fn facts_are_what_was_asked_for(rules in any_rules(true), steps in 0_usize..30) {
        let rules = RuleSet::parse(rules.text()).unwrap();
        let mut runner = TestRunner::deterministic();
        let active = rules.rules().filter(|rule| rule.mode() != Mode::Off);
        for rule in active.take(2) {
            if let Ok(facts) = rules.facts_for(rule.name()) {
                let mut tree = facts.new_tree(&mut runner).unwrap();
                for _ in 0..steps {
                    let decision = rules.decide(&tree.current());
                    prop_assert_eq!(decision.rule(), Some(rule.name()));
                    if !tree.simplify() {
                        break;
                    }
                }
            }
            for truth in [Truth::True, Truth::Unknown, Truth::False] {
                if let Ok(facts) = rules.facts_where(rule.name(), truth) {
                    let facts = facts.new_tree(&mut runner).unwrap().current();
                    let decision = rules.decide(&facts);
                    let trace = decision.trace.iter().find(|trace| trace.rule == rule.name());
                    prop_assert_eq!(trace.unwrap().truth, truth);
                }
            }
        }
        if let Ok(facts) = rules.facts_undecided() {
            let facts = facts.new_tree(&mut runner).unwrap().current();
            prop_assert!(rules.decide(&facts).rule().is_none());
        }
        if let Ok(facts) = rules.facts_automatic() {
            let facts = facts.new_tree(&mut runner).unwrap().current();
            prop_assert_eq!(rules.decide(&facts).mode(), Mode::Automatic);
        }
    }
}

/// Facts that nobody would draw by chance are drawn, differ, and shrink to calm ones.
#[test]
fn rare_facts_are_found_and_shrink_to_calm_ones() {
    let rules = rare();
    let facts = rules.facts_for("rare").unwrap();
    let mut runner = TestRunner::deterministic();
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let mut tree = facts.new_tree(&mut runner).unwrap();
        let drawn = tree.current();
        assert_eq!(rules.decide(&drawn).rule(), Some("rare"));
        names.insert(drawn.read("name").to_string());
        while tree.simplify() {}
        assert_eq!(rules.decide(&tree.current()).rule(), Some("rare"));
        assert_eq!(tree.current().read("name"), Fact::from("abc"));
    }
    assert!(names.len() >= 2, "{names:?}");
    let gap = rules.facts_in_gap(0).unwrap().new_tree(&mut runner).unwrap().current();
    assert!(rules.decide(&gap).rule().is_none());
    let both = rules.facts_for_both("rare", "other").unwrap_err().to_string();
    assert_eq!(both, "there are no facts for which rules `rare` and `other` are both true");
    assert!(rules.facts_for("no such rule").is_err());
}

#[test]
fn a_law_that_does_not_hold_is_shown_with_facts() {
    let rules = rare();
    Law::MoreKnowledgeNeverFlips.check(&rules, 500).unwrap();
    Law::NeverAutomaticWhen("ticket.severity == 1").check(&rules, 500).unwrap();
    Law::FormsAgree.check(&rules, 50).unwrap();
    Law::Irrelevant("name").check(&rules, 5).unwrap();
    let broken = Law::Monotone { fact: "n", decision: "other" }.check(&rules, 2_000).unwrap_err();
    assert!(broken.to_string().contains("decided other"), "{broken}");
    let broken = Law::Irrelevant("n").check(&rules, 2_000).unwrap_err();
    assert!(broken.to_string().contains("becomes, with n ="), "{broken}");
    let unknown = Law::Irrelevant("m").check(&rules, 5).unwrap_err();
    assert_eq!(unknown.to_string(), "the schema has no `m`");
    let wrong = Law::NeverAutomaticWhen("m == 1").check(&rules, 5).unwrap_err();
    assert!(wrong.to_string().contains("P010"), "{wrong}");
}

#[test]
fn what_was_not_seen_is_named() {
    let rules = rare();
    let coverage = Coverage::of(&rules);
    assert!(coverage.check().unwrap_err().to_string().contains("rule `rare` applies"));
    let mut runner = TestRunner::deterministic();
    let mut record = |facts: BoxedStrategy<logdive_core::Facts>| {
        for _ in 0..100 {
            coverage.record(&rules.decide(&facts.new_tree(&mut runner).unwrap().current()));
        }
    };
    record(rules.any_facts());
    record(rules.facts_for("rare").unwrap());
    record(rules.facts_for("other").unwrap());
    coverage.check().unwrap();
}
