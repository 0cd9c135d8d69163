//! The rule set in force, and what may take its place.

use std::sync::Arc;

use thiserror::Error;

use crate::diagnostics::RuleErrors;
use crate::set::RuleSet;

/// Holds the rule set that is in force. One that does not load, or that lost most of its rules,
/// does not take its place.
///
/// ```
/// use logdive_rules::{Keeper, RuleSet, Shrinking};
///
/// # let text = "schema s v1 { fact n : int } decisions { a, human } default human \"x\"
/// #   rule \"r\" v1 mode suggest { when n == 1 decide a }";
/// let mut keeper = Keeper::new(RuleSet::parse(text)?);
/// assert!(keeper.replace("rule \"half a file", Shrinking::Refused).is_err());
/// assert_eq!(keeper.rules().rules().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Keeper {
    rules: Arc<RuleSet>,
}

/// Whether a rule set may take the place of one with more than twice its rules. The enum is
/// complete.
#[expect(clippy::exhaustive_enums, reason = "a person confirms, or does not")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shrinking {
    /// It may not.
    Refused,
    /// A person has confirmed that it should.
    Confirmed,
}

/// Why a rule set stays in force.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeepError {
    /// The other does not load, or does not hold what it claims.
    #[error(transparent)]
    Rules(#[from] RuleErrors),
    /// The other is empty, or has less than half of the rules.
    #[error("the new set has {to} rules, the one in force {from}: confirm that it should")]
    #[non_exhaustive]
    Shrinks {
        /// How many rules the set in force has.
        from: usize,
        /// How many rules the other has.
        to: usize,
    },
}

impl Keeper {
    /// Puts a rule set in force.
    #[must_use]
    pub fn new(rules: RuleSet) -> Self {
        Self { rules: Arc::new(rules) }
    }

    /// The rule set in force.
    #[must_use]
    pub const fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Puts another in force; gives the one that was.
    ///
    /// # Errors
    /// If [`RuleSet::compile`] refuses the text; if it has no rules or less than half of those in
    /// force, unless that is confirmed. The set in force stays then.
    pub fn replace(
        &mut self,
        text: impl AsRef<str>,
        shrinking: Shrinking,
    ) -> Result<Arc<RuleSet>, KeepError> {
        let rules = self.rules.successor(text, shrinking)?;
        Ok(std::mem::replace(&mut self.rules, Arc::new(rules)))
    }
}

impl RuleSet {
    /// Reads the set that is to take this one's place.
    ///
    /// # Errors
    /// As [`Keeper::replace`].
    pub fn successor(
        &self,
        text: impl AsRef<str>,
        shrinking: Shrinking,
    ) -> Result<Self, KeepError> {
        let rules = Self::compile(text)?;
        let (from, to) = (self.rules().len(), rules.rules().len());
        if shrinking == Shrinking::Refused && self.shrinks_to(&rules) {
            return Err(KeepError::Shrinks { from, to });
        }
        Ok(rules)
    }

    /// Whether a set that is to take this one's place needs a person's confirmation: it has no
    /// rules, or less than half of these.
    #[must_use]
    pub fn shrinks_to(&self, new: &Self) -> bool {
        let (from, to) = (self.rules().len(), new.rules().len());
        to == 0 || to * 2 < from
    }
}
