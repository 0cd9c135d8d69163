//! The printer: the text form of a predicate.

use std::fmt;

use super::{Comparison, Predicate, Quantifier, TextTest};
use crate::log::LogSeverity;
use crate::value::write_quoted;
use crate::{Field, Value};

/// Writes the text form; [`Predicate::parse`] of it gives an equal predicate.
impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_at(self, f, Level::Or)
    }
}

/// What binds at least this tightly stands without parentheses.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Level {
    Or,
    And,
    Term,
}

fn write_at(predicate: &Predicate, f: &mut fmt::Formatter<'_>, level: Level) -> fmt::Result {
    let own = match predicate {
        Predicate::Or(terms) if terms.len() > 1 => Level::Or,
        Predicate::And(terms) if terms.len() > 1 => Level::And,
        _ => Level::Term,
    };
    if own < level {
        f.write_str("(")?;
        write_bare(predicate, f)?;
        return f.write_str(")");
    }
    write_bare(predicate, f)
}

fn write_bare(predicate: &Predicate, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match predicate {
        Predicate::And(terms) if terms.is_empty() => f.write_str("true"),
        Predicate::Or(terms) if terms.is_empty() => f.write_str("false"),
        Predicate::And(terms) => write_joined(terms, f, " and ", Level::Term),
        Predicate::Or(terms) => write_joined(terms, f, " or ", Level::And),
        Predicate::Not(term) => match &**term {
            Predicate::Absent(field) => write!(f, "{field} is present"),
            Predicate::Each { quantifier: Quantifier::Any, test, .. } => {
                f.write_str("none ")?;
                write_bare(test, f)
            }
            term => {
                f.write_str("not (")?;
                write_bare(term, f)?;
                f.write_str(")")
            }
        },
        Predicate::Compare { field, comparison, value } => {
            write!(f, "{field} {comparison} ")?;
            write_constant(f, field, value)
        }
        Predicate::In { field, values } => {
            write!(f, "{field} in {{")?;
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    f.write_str(", ")?;
                }
                write_constant(f, field, value)?;
            }
            f.write_str("}")
        }
        Predicate::Text { field, test, text } => {
            let word = match test {
                TextTest::Contains => "contains",
                TextTest::StartsWith => "starts_with",
                TextTest::EndsWith => "ends_with",
            };
            write!(f, "{field} {word} ")?;
            write_quoted(f, text)
        }
        Predicate::Phrase { field, phrase } => {
            let word = if phrase.is_token() { "has_token" } else { "has_phrase" };
            write!(f, "{field} {word} ")?;
            write_quoted(f, phrase.as_str())
        }
        Predicate::Matches { field, pattern } => {
            write!(f, "{field} matches ")?;
            write_quoted(f, pattern.as_str())
        }
        Predicate::Each { field, quantifier: Quantifier::All, test } if test.is_never() => {
            write!(f, "{field} is empty")
        }
        Predicate::Each { quantifier, test, .. } => {
            f.write_str(match quantifier {
                Quantifier::Any => "any ",
                Quantifier::All => "all ",
            })?;
            write_bare(test, f)
        }
        Predicate::Absent(field) => write!(f, "{field} is absent"),
        Predicate::Unavailable(field) => write!(f, "{field} is unavailable"),
    }
}

/// Inside a conjunction a conjunction gets parentheses too: the tree is kept as it is.
fn write_joined(
    terms: &[Predicate],
    f: &mut fmt::Formatter<'_>,
    word: &str,
    level: Level,
) -> fmt::Result {
    for (index, term) in terms.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        write_at(term, f, level)?;
    }
    Ok(())
}

fn write_constant(f: &mut fmt::Formatter<'_>, field: &Field, value: &Value) -> fmt::Result {
    match (field, value) {
        (Field::Severity, Value::Int(number)) => match LogSeverity::from_number(*number) {
            Some(severity) if severity.is_plain() => f.write_str(severity.word()),
            _ => write!(f, "{value}"),
        },
        _ => write!(f, "{value}"),
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}
