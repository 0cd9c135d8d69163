//! A team's rule set, as its bot loads it. The properties that it must have are in `tests/`.

use logdive_rules::{RuleErrors, RuleSet};

/// The rules of the key service.
///
/// # Errors
/// What is wrong with the file, or what of its claims does not hold.
pub fn rules() -> Result<RuleSet, RuleErrors> {
    RuleSet::compile(include_str!("../throttling.rules"))
}
