//! What a team claims of its rule set, to be proved before the set is used.

use logdive_core::Predicate;

/// A claim of a rule file: `cover when …` or `never automatic when …`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Statement {
    /// What is claimed.
    pub kind: StatementKind,
    /// Of which facts.
    pub when: Predicate,
}

/// What a statement claims. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "a claim that nobody proves would be a lie")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatementKind {
    /// `cover when …`: where the condition is true and nothing is unavailable, a rule decides.
    Cover,
    /// `never automatic when …`: unless the condition is false, no rule decides by itself.
    NeverAutomatic,
}

impl StatementKind {
    /// The words it begins with.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cover => "cover",
            Self::NeverAutomatic => "never automatic",
        }
    }
}
