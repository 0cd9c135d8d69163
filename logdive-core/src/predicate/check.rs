//! The checker: from what was written to a typed predicate.

use std::collections::HashMap;

use super::limits::{self, Limit};
use super::syntax::{Expr, ExprKind, Literal, Spanned};
use super::{Pattern, Phrase, PhraseError, Predicate};
use crate::diagnostic::{did_you_mean, shown};
use crate::log::LogSeverity;
use crate::{Decimal, Diagnostic, Field, Value, ValueType};

/// What fields there are and of which type: a layer, a ticket, a schema of facts.
pub trait FieldTypes {
    /// The type of a field; `None` if there is no such field.
    fn field_type(&self, field: &Field) -> Option<ValueType>;

    /// The names there are, for suggestions.
    fn names(&self) -> Vec<String>;
}

/// Checks an expression: every field is known, every constant fits its field.
///
/// Codes: `P010` unknown field, `P011` constant of another type, `P012` the type has no such
/// comparison, `P013` too large, `P014` a regular expression that cannot be used, `P015` a text
/// that is no token or phrase.
///
/// # Errors
/// All that is wrong with it, each with its place, up to [`limits::MISTAKES`].
pub fn check(expression: &Expr, fields: &dyn FieldTypes) -> Result<Predicate, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let patterns = HashMap::new();
    let mut checker = Checker { fields, diagnostics: &mut diagnostics, patterns };
    let predicate = checker.expression(expression);
    if let Some(predicate) = &predicate {
        let size = predicate.size();
        if size.terms > limits::TERMS {
            diagnostics.push(Limit::Terms.diagnostic(expression.span));
        } else if size.depth > limits::DEPTH {
            diagnostics.push(Limit::Depth.diagnostic(expression.span));
        }
    }
    match predicate {
        Some(predicate) if diagnostics.is_empty() => Ok(predicate),
        _ => Err(diagnostics),
    }
}

struct Checker<'a> {
    fields: &'a dyn FieldTypes,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// The same expression is compiled once.
    patterns: HashMap<String, Option<Pattern>>,
}

impl Checker<'_> {
    fn expression(&mut self, expression: &Expr) -> Option<Predicate> {
        if self.diagnostics.len() >= limits::MISTAKES {
            return None;
        }
        Some(match &expression.kind {
            ExprKind::And(terms) => Predicate::And(self.all(terms)?),
            ExprKind::Or(terms) => Predicate::Or(self.all(terms)?),
            ExprKind::Not(term) => Predicate::Not(Box::new(self.expression(term)?)),
            ExprKind::Bool(true) => Predicate::always(),
            ExprKind::Bool(false) => Predicate::never(),
            ExprKind::Flag(name) => {
                let (field, kind) = self.field(name)?;
                if kind != ValueType::Bool {
                    self.report(
                        Diagnostic::new(
                            "P012",
                            name.span,
                            format!("`{field}` is of type {kind}, not a condition by itself"),
                        )
                        .help("compare it with a constant, or write `is present`"),
                    );
                    return None;
                }
                Predicate::eq(field, true)
            }
            ExprKind::Compare { field, comparison, value } => {
                let (field, kind) = self.field(field)?;
                let constant = self.constant(&field, &kind, value)?;
                let ordered = !matches!(kind, ValueType::Bool | ValueType::Enum(_) | ValueType::Ip);
                let equality =
                    matches!(comparison, super::Comparison::Equal | super::Comparison::NotEqual);
                if !ordered && !equality {
                    self.report(
                        Diagnostic::new(
                            "P012",
                            expression.span,
                            format!("`{field}` is of type {kind}, which has no order"),
                        )
                        .help("use `==`, `!=` or `in`"),
                    );
                    return None;
                }
                Predicate::Compare { field, comparison: *comparison, value: constant }
            }
            ExprKind::In { field, values } => {
                let (field, kind) = self.field(field)?;
                if values.len() > limits::MEMBERS {
                    self.report(Limit::Members.diagnostic(expression.span));
                    return None;
                }
                let mut constants = Vec::with_capacity(values.len());
                for value in values {
                    constants.push(self.constant(&field, &kind, value));
                    if self.diagnostics.len() >= limits::MISTAKES {
                        break;
                    }
                }
                Predicate::In { field, values: constants.into_iter().collect::<Option<_>>()? }
            }
            ExprKind::Text { field, test, text } => Predicate::Text {
                field: self.text_field(field)?,
                test: *test,
                text: text.value.clone(),
            },
            ExprKind::Token { field, token } => {
                let field = self.text_field(field)?;
                Predicate::Phrase {
                    field,
                    phrase: self.phrase(token, Phrase::token(&token.value))?,
                }
            }
            ExprKind::Phrase { field, phrase } => {
                let field = self.text_field(field)?;
                Predicate::Phrase {
                    field,
                    phrase: self.phrase(phrase, Phrase::parse(&phrase.value))?,
                }
            }
            ExprKind::Matches { field, pattern } => {
                let field = self.text_field(field)?;
                Predicate::Matches { field, pattern: self.pattern(pattern)? }
            }
            ExprKind::Absent(name) => Predicate::Absent(self.field(name)?.0),
            ExprKind::Present(name) => Predicate::Absent(self.field(name)?.0).not(),
            ExprKind::Unavailable(name) => Predicate::Unavailable(self.field(name)?.0),
        })
    }

    /// Checks every term before giving up, so that all mistakes are reported at once.
    fn all(&mut self, terms: &[Expr]) -> Option<Vec<Predicate>> {
        let checked: Vec<_> = terms.iter().map(|term| self.expression(term)).collect();
        checked.into_iter().collect()
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn field(&mut self, name: &Spanned<String>) -> Option<(Field, ValueType)> {
        let known = Field::parse(&name.value)
            .ok()
            .and_then(|field| self.fields.field_type(&field).map(|kind| (field, kind)));
        if known.is_none() {
            let names = self.fields.names();
            let mut diagnostic = Diagnostic::new(
                "P010",
                name.span,
                format!("unknown field `{}`", shown(&name.value)),
            );
            diagnostic = match did_you_mean(&name.value, names.iter().map(String::as_str)) {
                Some(near) => diagnostic.suggestion(near),
                None => diagnostic.help(format!("there are: {}", names.join(", "))),
            };
            self.report(diagnostic);
        }
        known
    }

    /// A field whose text can be tested.
    fn text_field(&mut self, name: &Spanned<String>) -> Option<Field> {
        let (field, kind) = self.field(name)?;
        if matches!(kind, ValueType::Text | ValueType::Enum(_)) {
            return Some(field);
        }
        let message = format!("`{field}` is of type {kind}, not text");
        self.report(Diagnostic::new("P012", name.span, message));
        None
    }

    fn phrase(
        &mut self,
        text: &Spanned<String>,
        phrase: Result<Phrase, PhraseError>,
    ) -> Option<Phrase> {
        phrase
            .map_err(|error| {
                let code = if error == PhraseError::TooLong { "P013" } else { "P015" };
                self.report(Diagnostic::new(code, text.span, error.message()).help(error.help()));
            })
            .ok()
    }

    fn pattern(&mut self, text: &Spanned<String>) -> Option<Pattern> {
        if let Some(known) = self.patterns.get(&text.value) {
            return known.clone();
        }
        if self.patterns.len() >= limits::PATTERNS {
            self.report(Limit::Patterns.diagnostic(text.span));
            return None;
        }
        let pattern = match Pattern::parse(text.value.as_str()) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let diagnostic = Diagnostic::new("P014", text.span, error.to_string());
                self.report(diagnostic.help(error.help()));
                None
            }
        };
        self.patterns.insert(text.value.clone(), pattern.clone());
        pattern
    }

    fn constant(
        &mut self,
        field: &Field,
        kind: &ValueType,
        literal: &Spanned<Literal>,
    ) -> Option<Value> {
        let value = match (kind, &literal.value) {
            (ValueType::Bool, Literal::Bool(value)) => Ok(Value::Bool(*value)),
            (ValueType::Int, Literal::Int(value)) => Ok(Value::Int(*value)),
            (ValueType::Decimal, Literal::Int(value)) => Ok(Value::Decimal(Decimal::from(*value))),
            (ValueType::Decimal, Literal::Decimal(value)) => Ok(Value::Decimal(*value)),
            (ValueType::Text, Literal::Text(value)) => Ok(Value::Text(value.clone())),
            (ValueType::Time, Literal::Time(value)) => Ok(Value::Time(*value)),
            (ValueType::Duration, Literal::Duration(value)) => Ok(Value::Duration(*value)),
            (ValueType::Ip, Literal::Text(value)) => value
                .parse()
                .map(Value::Ip)
                .map_err(|_| (format!("`{}` is not an IP address", shown(value)), None)),
            (ValueType::Severity, Literal::Int(value)) => LogSeverity::from_number(*value)
                .map(|_| Value::Int(*value))
                .ok_or_else(|| ("a severity number is 1 to 24".to_owned(), None)),
            (ValueType::Severity, Literal::Word(word)) => LogSeverity::from_word(word)
                .map(|severity| Value::Int(severity.number().into()))
                .ok_or_else(|| {
                    let near = did_you_mean(word, LogSeverity::WORDS);
                    (
                        format!("`{word}` is not a severity: {}", LogSeverity::WORDS.join(", ")),
                        near.map(str::to_owned),
                    )
                }),
            (ValueType::Enum(members), Literal::Word(word) | Literal::Text(word)) => {
                if members.contains(word) {
                    Ok(Value::Text(word.clone()))
                } else {
                    let near = did_you_mean(word, members.iter().map(String::as_str));
                    let message = format!("`{field}` is never `{}`: {kind}", shown(word));
                    Err((message, near.map(str::to_owned)))
                }
            }
            (ValueType::Text, Literal::Word(word)) => {
                Err(("text stands in quotes".to_owned(), Some(format!("\"{word}\""))))
            }
            (kind, found) => Err((
                format!("`{field}` is of type {kind} and is compared with {}", found.describe()),
                None,
            )),
        };
        match value {
            Ok(value) => Some(value),
            Err((message, near)) => {
                let diagnostic = Diagnostic::new("P011", literal.span, message);
                self.report(match near {
                    Some(near) => diagnostic.suggestion(near),
                    None => diagnostic,
                });
                None
            }
        }
    }
}
