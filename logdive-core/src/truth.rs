//! Three-valued truth: strong Kleene logic.

use std::ops::Not;

use serde::{Deserialize, Serialize};

/// A truth value of strong Kleene logic.
///
/// The order is `False < Unknown < True`, so that conjunction is the minimum and disjunction the
/// maximum. The enum is complete: there is no fourth value.
///
/// Source: S. C. Kleene, *Introduction to Metamathematics* (1952), section 64.
#[expect(clippy::exhaustive_enums, reason = "a fourth truth value would break every caller")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It is not so.
    False,
    /// It cannot be known.
    Unknown,
    /// It is so.
    True,
}

impl Truth {
    /// Conjunction: false if either is false, true if both are true.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Disjunction: true if either is true, false if both are false.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// Whether it is [`Truth::True`].
    #[must_use]
    pub const fn is_true(self) -> bool {
        matches!(self, Self::True)
    }

    /// Whether it is [`Truth::Unknown`].
    #[must_use]
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::Unknown)
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{False, True, Unknown};

    #[test]
    fn tables() {
        let values = [False, Unknown, True];
        let and = values.map(|a| values.map(|b| a.and(b)));
        assert_eq!(and, [[False, False, False], [False, Unknown, Unknown], [False, Unknown, True]]);
        let or = values.map(|a| values.map(|b| a.or(b)));
        assert_eq!(or, [[False, Unknown, True], [Unknown, Unknown, True], [True, True, True]]);
        assert_eq!(values.map(|a| !a), [True, Unknown, False]);
    }
}
