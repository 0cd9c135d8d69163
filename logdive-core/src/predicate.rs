//! Conditions over fields: a small typed tree with strong Kleene evaluation and a text form.
//!
//! ```text
//! error_code == "ThrottlingException" and not (event in {"Decrypt", "Encrypt"})
//! severity >= error or body contains "timed out"
//! body has_token "OOM" or body has_phrase "disk full" or body matches "code=5\\d\\d"
//! ```
//!
//! The grammar is in [`syntax`], what a term means at [`Predicate`], what is too large in
//! [`limits`].

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{Diagnostic, Field, Value};

mod check;
mod eval;
pub mod limits;
mod pattern;
pub mod phrase;
mod print;
pub mod syntax;
mod trace;

pub use check::{FieldTypes, check, constant};
pub use eval::Evaluation;
pub use limits::PredicateError;
pub use pattern::{Pattern, PatternError};
pub use phrase::{Phrase, PhraseError};

/// Words that cannot be field names.
pub(crate) const KEYWORDS: &[&str] = &[
    "and",
    "or",
    "not",
    "in",
    "is",
    "true",
    "false",
    "absent",
    "present",
    "unavailable",
    "contains",
    "starts_with",
    "ends_with",
    "has_token",
    "has_phrase",
    "matches",
    "else",
    "where",
    "when",
    "unless",
];

/// How a field is compared with a constant. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "lowerings must handle every comparison")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// How a text is tested. Bytes are compared: no folding of case, no normalisation. The enum is
/// complete.
#[expect(clippy::exhaustive_enums, reason = "lowerings must handle every test")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextTest {
    /// The field's text has the constant in it.
    Contains,
    /// The field's text begins with the constant.
    StartsWith,
    /// The field's text ends with the constant.
    EndsWith,
}

/// How many members of a set pass a test. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "lowerings must handle every quantifier")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantifier {
    /// At least one.
    Any,
    /// Every one.
    All,
}

/// A condition.
///
/// A term over a field that is absent or unavailable is unknown; `is absent` and
/// `is unavailable` are the terms that see the difference. The enum is complete: evaluators and
/// lowerings must handle every form.
#[expect(clippy::exhaustive_enums, reason = "a lowering that skips a form would be wrong")]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    /// All are true. Of none: true.
    And(Vec<Self>),
    /// At least one is true. Of none: false.
    Or(Vec<Self>),
    /// It is false.
    Not(Box<Self>),
    /// The field compares so with the constant.
    Compare {
        /// What is read.
        field: Field,
        /// How it is compared.
        comparison: Comparison,
        /// What it is compared with.
        value: Value,
    },
    /// The field is one of the constants.
    In {
        /// What is read.
        field: Field,
        /// What it may be.
        values: Vec<Value>,
    },
    /// The field's text passes the test.
    Text {
        /// What is read.
        field: Field,
        /// How it is tested.
        test: TextTest,
        /// What is looked for.
        text: String,
    },
    /// The field's text has these [tokens](phrase) in sequence: `has_token`, `has_phrase`.
    Phrase {
        /// What is read.
        field: Field,
        /// What is looked for.
        phrase: Phrase,
    },
    /// A part of the field's text matches a regular expression: `matches`. Unknown if the
    /// expression cannot be used, which only one that was deserialised can be.
    Matches {
        /// What is read.
        field: Field,
        /// What is looked for.
        pattern: Pattern,
    },
    /// Members of a set field pass a test of one member: `any`, `all`; `none` is `any`, negated.
    /// Of the empty set `all` is true and `any` is false.
    Each {
        /// What is read.
        field: Field,
        /// How many members.
        quantifier: Quantifier,
        /// One term over the same field, which reads a member there; or [`Predicate::never`], by
        /// which `all` says that the set is empty.
        test: Box<Self>,
    },
    /// The producer says that there is none. Definite unless the field is unavailable.
    Absent(Field),
    /// It cannot be had. Always definite, and the only term that is not monotone in knowledge:
    /// more knowledge can turn it from true to false.
    Unavailable(Field),
}

impl Predicate {
    /// The condition that always holds.
    #[must_use]
    pub const fn always() -> Self {
        Self::And(Vec::new())
    }

    /// The condition that never holds.
    #[must_use]
    pub const fn never() -> Self {
        Self::Or(Vec::new())
    }

    /// Whether it is written as the condition that never holds.
    #[must_use]
    pub const fn is_never(&self) -> bool {
        matches!(self, Self::Or(terms) if terms.is_empty())
    }

    /// `field == value`
    #[must_use]
    pub fn eq(field: Field, value: impl Into<Value>) -> Self {
        Self::Compare { field, comparison: Comparison::Equal, value: value.into() }
    }

    /// Both hold; nested conjunctions are joined.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::And(mut a), Self::And(b)) => {
                a.extend(b);
                Self::And(a)
            }
            (Self::And(a), b) if a.is_empty() => b,
            (Self::And(mut a), b) => {
                a.push(b);
                Self::And(a)
            }
            (a, Self::And(b)) if b.is_empty() => a,
            (a, Self::And(mut b)) => {
                b.insert(0, a);
                Self::And(b)
            }
            (a, b) => Self::And(vec![a, b]),
        }
    }

    /// It does not hold.
    #[expect(
        clippy::should_implement_trait,
        reason = "a builder word beside `and`, not an operator"
    )]
    #[must_use]
    pub fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Reads and checks the text form.
    ///
    /// # Errors
    /// All that is wrong with the text, each with its place, up to [`limits::MISTAKES`].
    pub fn parse(text: &str, fields: &dyn FieldTypes) -> Result<Self, Vec<Diagnostic>> {
        let (expression, mut diagnostics) = syntax::parse(text);
        if let Some(expression) = expression {
            match check(&expression, fields) {
                Ok(predicate) if diagnostics.is_empty() => return Ok(predicate),
                Ok(_) => {}
                Err(more) => diagnostics.extend(more),
            }
        }
        diagnostics.truncate(limits::MISTAKES);
        Err(diagnostics)
    }

    /// Every field the condition reads, in the order of first mention, each once.
    #[must_use]
    pub fn fields(&self) -> Vec<&Field> {
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut open = vec![self];
        while let Some(predicate) = open.pop() {
            match predicate {
                Self::And(terms) | Self::Or(terms) => open.extend(terms.iter().rev()),
                Self::Not(term) => open.push(term),
                term => found.extend(term.field().filter(|field| seen.insert(*field))),
            }
        }
        found
    }

    /// The field that a single term reads; `None` for `and`, `or` and `not`.
    #[must_use]
    pub const fn field(&self) -> Option<&Field> {
        match self {
            Self::And(_) | Self::Or(_) | Self::Not(_) => None,
            Self::Compare { field, .. }
            | Self::In { field, .. }
            | Self::Text { field, .. }
            | Self::Phrase { field, .. }
            | Self::Matches { field, .. }
            | Self::Each { field, .. }
            | Self::Absent(field)
            | Self::Unavailable(field) => Some(field),
        }
    }

    /// How many terms and how deep. `true` and `false` count as terms.
    #[must_use]
    pub fn size(&self) -> Size {
        let mut size = Size { terms: 0, depth: 0 };
        let mut open = vec![(self, 1)];
        while let Some((predicate, depth)) = open.pop() {
            size.depth = size.depth.max(depth);
            match predicate {
                Self::And(terms) | Self::Or(terms) if !terms.is_empty() => {
                    open.extend(terms.iter().map(|term| (term, depth + 1)));
                }
                Self::Not(term) => open.push((term, depth + 1)),
                _ => size.terms += 1,
            }
        }
        size
    }
}

/// The size of a predicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Size {
    /// Terms.
    pub terms: usize,
    /// Longest way from the root to a term.
    pub depth: usize,
}

#[cfg(test)]
mod tests;
