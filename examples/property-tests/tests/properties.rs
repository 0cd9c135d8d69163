//! What this team asks of its rules.

use logdive_core::{Fact, Mode};
use logdive_rules::testing::{Coverage, Law};
use logdive_rules::{RuleErrors, RuleSet};
use proptest::prelude::*;

fn rules() -> Result<RuleSet, RuleErrors> {
    property_tests::rules()
}

/// A law of this team alone: an enterprise customer is never answered by a machine.
#[test]
fn enterprise_customers_talk_to_people() -> Result<(), RuleErrors> {
    let rules = rules()?;
    proptest!(|(facts in rules.any_facts())| {
        let enterprise = facts.read("ticket.tier") == Fact::from("enterprise");
        prop_assert!(!enterprise || rules.decide(&facts).mode() < Mode::Automatic);
    });
    Ok(())
}

/// Facts that make a rule decide, drawn without guessing.
#[test]
fn a_notice_names_how_many() -> Result<(), Box<dyn std::error::Error>> {
    let rules = rules()?;
    proptest!(|(facts in rules.facts_for("own quota")?)| {
        let decision = rules.decide(&facts);
        prop_assert_eq!(decision.rule(), Some("own quota"));
        prop_assert_eq!(decision.actions().len(), 2);
    });
    Ok(())
}

/// Laws that come with the library, and that the tests above and these saw every rule and term.
#[test]
fn the_laws_hold_and_everything_was_seen() -> Result<(), Box<dyn std::error::Error>> {
    let rules = rules()?;
    Law::MoreKnowledgeNeverFlips.check(&rules, 512)?;
    Law::NeverAutomaticWhen("ticket.severity == 1").check(&rules, 512)?;
    Law::Monotone { fact: "throttled", decision: "quota_notice" }.check(&rules, 512)?;
    let coverage = Coverage::of(&rules);
    proptest!(|(facts in rules.any_facts())| {
        coverage.record(&rules.decide(&facts));
    });
    for rule in rules.rules() {
        proptest!(|(facts in rules.facts_for(rule.name())?)| {
            coverage.record(&rules.decide(&facts));
        });
    }
    coverage.check()?;
    Ok(())
}
