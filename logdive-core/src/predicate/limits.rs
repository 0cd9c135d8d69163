//! Limits of the text form and of a tree. Beyond them a condition is refused, never cut.
//!
//! Each limit is there so that reading, checking, printing and evaluating a condition takes
//! bounded time, memory and stack, whoever wrote it. A text is held to them when it is read; a tree
//! that came in another way (from JSON, or built in code) when [`Predicate::check_limits`] is asked.

use std::collections::HashSet;
use std::fmt::{self, Write as _};

use thiserror::Error;

use super::{PatternError, Predicate, Quantifier};
use crate::{Diagnostic, Field, Span};

/// Deepest nesting: of `not` and parentheses in a text, and from the root of a tree to a term.
pub const DEPTH: usize = 64;
/// Most terms in one predicate; `true` and `false` count as terms.
pub const TERMS: usize = 4_096;
/// Most members of one set.
pub const MEMBERS: usize = 10_000;
/// Longest text form, in bytes: 1 MiB.
pub const TEXT: usize = 1 << 20;
/// Most tokens of one phrase.
pub const PHRASE: usize = 64;
/// Most different regular expressions in one predicate.
pub const PATTERNS: usize = 16;
/// Longest regular expression, in bytes: 1 KiB.
pub const PATTERN: usize = 1 << 10;
/// Most of `\d`, `\p{…}`, `\s`, `\w` and their opposites in one regular expression: each stands
/// for hundreds of ranges of characters.
pub const PATTERN_CLASSES: usize = 64;
/// Deepest nesting of groups and brackets in a regular expression.
pub const PATTERN_DEPTH: u32 = 32;
/// Largest compiled regular expression, in bytes: 512 KiB. What counts is repetition: `\w{10}` is
/// about the largest that fits.
pub const PATTERN_SIZE: usize = 512 << 10;
/// Most memory for what a regular expression learns while it matches, in bytes, for each thread
/// and direction: 1 MiB. Beyond it matching gets slower and stays linear.
pub const PATTERN_CACHE: usize = 1 << 20;
/// Most mistakes of one text that are reported.
pub const MISTAKES: usize = 100;

/// A limit that a condition as a whole may be beyond.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// [`DEPTH`]
    Depth,
    /// [`TERMS`]
    Terms,
    /// [`MEMBERS`]
    Members,
    /// [`TEXT`]
    Text,
    /// [`PATTERNS`]
    Patterns,
}

impl Limit {
    /// What is too much: a lowercase fragment.
    #[must_use]
    pub fn message(self) -> String {
        match self {
            Self::Depth => format!("nested more than {DEPTH} deep"),
            Self::Terms => format!("more than {TERMS} terms"),
            Self::Members => format!("a set of more than {MEMBERS} members"),
            Self::Text => format!("longer than {TEXT} bytes"),
            Self::Patterns => format!("more than {PATTERNS} regular expressions"),
        }
    }

    /// The way out.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::Depth => "leave out parentheses that say nothing, or split the condition",
            Self::Terms => "name the values of one field with `in { … }`, or split the condition",
            Self::Members => "split the set over several conditions, or test what they share",
            Self::Text => "split the condition, or test what its constants share",
            Self::Patterns => "join them with `|`, or use `contains` and `has_token`",
        }
    }

    pub(super) fn diagnostic(self, span: Span) -> Diagnostic {
        Diagnostic::new("P013", span, self.message()).help(self.help())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message(), self.help())
    }
}

/// Why a condition cannot be used, though it is a tree of the right shape.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PredicateError {
    /// It is beyond a limit.
    #[error("the condition is {0}")]
    Limit(Limit),
    /// A field is matched with something that is not a regular expression, or too large a one.
    #[error("`{field}` is matched with what cannot be used")]
    #[non_exhaustive]
    Pattern {
        /// The field.
        field: Field,
        /// What is wrong with the regular expression.
        source: PatternError,
    },
    /// A test of a set's members is not one term over the set's field.
    #[error("`{field}` is tested with what is no test of one member")]
    #[non_exhaustive]
    Member {
        /// The field.
        field: Field,
    },
}

impl Predicate {
    /// Checks what the type cannot hold: that the tree is within the [limits](self), and that its
    /// regular expressions compile. What [`Predicate::parse`] gives passes, unless its text form
    /// grew beyond [`TEXT`] by being written out; ask of everything that came in another way,
    /// before it is evaluated, printed or lowered. What passes has a text form that can be read.
    ///
    /// The check itself takes no more stack for a deeper tree. (Dropping one does, as for any tree
    /// of boxes: JSON nests 128 deep at most, code that builds deeper ones is on its own.)
    ///
    /// # Errors
    /// The first limit that it is beyond, or the first regular expression that cannot be used.
    pub fn check_limits(&self) -> Result<(), PredicateError> {
        let beyond = |limit| Err(PredicateError::Limit(limit));
        let mut terms = 0;
        let mut patterns = HashSet::new();
        let mut open = vec![(self, 1)];
        while let Some((predicate, depth)) = open.pop() {
            if depth > DEPTH {
                return beyond(Limit::Depth);
            }
            match predicate {
                Self::And(inner) | Self::Or(inner) if !inner.is_empty() => {
                    // Of more children than there may be terms none needs to be looked at.
                    if inner.len() + terms > TERMS {
                        return beyond(Limit::Terms);
                    }
                    open.extend(inner.iter().map(|term| (term, depth + 1)));
                    continue;
                }
                Self::Not(inner) => {
                    open.push((inner, depth + 1));
                    continue;
                }
                Self::In { values, .. } if values.len() > MEMBERS => {
                    return beyond(Limit::Members);
                }
                Self::Each { field, quantifier, test } => {
                    if !tests_one_member(field, *quantifier, test) {
                        return Err(PredicateError::Member { field: field.clone() });
                    }
                    open.push((test, depth));
                    continue;
                }
                Self::Matches { field, pattern } if patterns.insert(pattern.as_str()) => {
                    if patterns.len() > PATTERNS {
                        return beyond(Limit::Patterns);
                    }
                    let unusable =
                        |source| PredicateError::Pattern { field: field.clone(), source };
                    pattern.check().map_err(unusable)?;
                }
                _ => {}
            }
            terms += 1;
            if terms > TERMS {
                return beyond(Limit::Terms);
            }
        }
        match write!(Room(TEXT), "{self}") {
            Ok(()) => Ok(()),
            Err(fmt::Error) => beyond(Limit::Text),
        }
    }
}

/// Whether this is a test that can be written behind `any` and `all`.
fn tests_one_member(field: &Field, quantifier: Quantifier, test: &Predicate) -> bool {
    match test {
        Predicate::Compare { field: read, .. }
        | Predicate::In { field: read, .. }
        | Predicate::Text { field: read, .. }
        | Predicate::Phrase { field: read, .. }
        | Predicate::Matches { field: read, .. } => read == field,
        test => quantifier == Quantifier::All && test.is_never(),
    }
}

/// Takes so many bytes of text and keeps none.
struct Room(usize);

impl fmt::Write for Room {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
