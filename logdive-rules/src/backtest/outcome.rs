//! What a rule set makes of many sets of facts.

use logdive_core::Facts;

use crate::batch::FactBatch;
use crate::set::RuleSet;
use crate::verdict::Verdict;

/// Decides each set of facts.
pub(super) fn verdicts<'a>(rules: &'a RuleSet, facts: &[Facts]) -> Vec<Verdict<'a>> {
    match FactBatch::from_facts(rules, facts) {
        Ok(batch) => rules.verdicts(&batch).iter().collect(),
        // A time in a leap second, or more text than columns hold: they are decided one by one.
        Err(_) => facts.iter().map(|facts| rules.verdict(facts)).collect(),
    }
}
