//! What a predicate or a rule reads: a value, its absence, or why it cannot be had.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Value, ValueType};

/// Why a fact cannot be had.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// Lines of the window may still arrive: the watermark has not passed its end.
    Late,
    /// A limit cut the input before it was read to its end.
    Cut,
    /// A source failed, or part of it was unreadable.
    Failed,
    /// A source did not answer in time.
    TimedOut,
    /// The value is there but is not of the declared type.
    IllTyped,
    /// Nothing measured it.
    NotMeasured,
    /// The number does not fit its type.
    Overflow,
    /// There is nothing to compute it from (a percentile of no rows).
    Empty,
    /// Anything else; the detail says what.
    Other,
}

/// Why a fact cannot be had, and the detail for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reason {
    /// The kind, for programs.
    pub kind: ReasonKind,
    /// The detail, for people.
    pub detail: String,
}

impl Reason {
    /// Makes a reason.
    #[must_use]
    pub fn new(kind: ReasonKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// A text is a reason of kind [`ReasonKind::Other`].
impl From<&str> for Reason {
    fn from(detail: &str) -> Self {
        Self::new(ReasonKind::Other, detail)
    }
}

impl From<String> for Reason {
    fn from(detail: String) -> Self {
        Self::new(ReasonKind::Other, detail)
    }
}

/// A field or measure as a predicate sees it.
///
/// The enum is complete on purpose: evaluators must decide what each state means.
#[expect(clippy::exhaustive_enums, reason = "an evaluator that ignores a state would be wrong")]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The value.
    Known(Value),
    /// A number of which only a lower bound is certain: the input is incomplete, and more input
    /// can only raise it. `>= bound` is true, `== 0` is false above zero, the rest is unknown.
    AtLeast(Value, Reason),
    /// The producer says that there is none.
    Absent,
    /// It cannot be had, and why.
    Unavailable(Reason),
}

impl Fact {
    /// An unavailable fact.
    #[must_use]
    pub fn unavailable(kind: ReasonKind, detail: impl Into<String>) -> Self {
        Self::Unavailable(Reason::new(kind, detail))
    }

    /// The value, if it is known exactly.
    #[must_use]
    pub const fn known(&self) -> Option<&Value> {
        match self {
            Self::Known(value) => Some(value),
            _ => None,
        }
    }

    /// Whether some of it cannot be known.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        matches!(self, Self::AtLeast(..) | Self::Unavailable(_))
    }

    /// Why it is incomplete, if it is.
    #[must_use]
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::AtLeast(_, reason) | Self::Unavailable(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether a fact of this state may stand where a type is asked for.
    #[must_use]
    pub fn is_a(&self, kind: &ValueType) -> bool {
        match self {
            Self::Known(value) | Self::AtLeast(value, _) => value.is_a(kind),
            Self::Absent | Self::Unavailable(_) => true,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => write!(f, "{value}"),
            Self::AtLeast(value, reason) => write!(f, "at least {value} ({reason})"),
            Self::Absent => f.write_str("absent"),
            Self::Unavailable(reason) => write!(f, "unavailable ({reason})"),
        }
    }
}

impl<V: Into<Value>> From<V> for Fact {
    fn from(value: V) -> Self {
        Self::Known(value.into())
    }
}

/// A set of facts by name.
///
/// A name that is not in the set reads as unavailable (`not measured`), never as absent: a set
/// that somebody forgot to fill must not look like a quiet system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(BTreeMap<String, Fact>);

impl Facts {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a fact, replacing one of the same name.
    pub fn insert_overwrite(&mut self, name: impl Into<String>, fact: impl Into<Fact>) {
        self.0.insert(name.into(), fact.into());
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, fact: impl Into<Fact>) -> Self {
        self.insert_overwrite(name, fact);
        self
    }

    /// Reads a fact; one that is not in the set is unavailable.
    #[must_use]
    pub fn read(&self, name: &str) -> Fact {
        self.0.get(name).cloned().unwrap_or_else(|| {
            Fact::unavailable(ReasonKind::NotMeasured, format!("`{name}` was not measured"))
        })
    }

    /// The fact, if it is in the set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.0.get(name)
    }

    /// All facts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.0.iter().map(|(name, fact)| (name.as_str(), fact))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<(String, Fact)> for Facts {
    fn extend<I: IntoIterator<Item = (String, Fact)>>(&mut self, facts: I) {
        self.0.extend(facts);
    }
}

impl FromIterator<(String, Fact)> for Facts {
    fn from_iter<I: IntoIterator<Item = (String, Fact)>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}
