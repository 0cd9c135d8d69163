//! The checker: from what was written to a typed predicate.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::limits::{self, Limit};
use super::syntax::{Cursor, Expr, ExprKind, Literal, Spanned, literal, tokens};
use super::{Comparison, Pattern, Phrase, PhraseError, Predicate, Quantifier};
use crate::diagnostic::{did_you_mean, shown};
use crate::log::LogSeverity;
use crate::{Decimal, Diagnostic, Fact, Field, Span, Truth, Value, ValueType};

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
    let mut checker = Checker { fields, diagnostics: &mut diagnostics, patterns, member: false };
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
    /// What is checked tests a set's members.
    member: bool,
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
                if let Some(diagnostic) = null(&field, *comparison, value, expression.span)
                    && !self.member
                {
                    self.report(diagnostic);
                    return None;
                }
                let constant = self.constant(&field, &kind, value)?;
                let ordered = kind.is_ordered();
                let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
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
                    constants.push(self.member_of(&field, &kind, value));
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
            ExprKind::Each { quantifier, none, test } => self.each(*quantifier, *none, test)?,
            ExprKind::OrElse { field, default, test } => self.or_else(field, default, test)?,
            ExprKind::Empty(name) => {
                let (field, kind) = self.any_field(name)?;
                if !matches!(kind, ValueType::Set(_)) {
                    let message = format!("`{field}` is of type {kind}, not a set");
                    self.report(
                        Diagnostic::new("P012", name.span, message)
                            .help("only a set is empty: write `== \"\"`, or `is absent`"),
                    );
                    return None;
                }
                let test = Box::new(Predicate::never());
                Predicate::Each { field, quantifier: Quantifier::All, test }
            }
            ExprKind::Absent(name) => Predicate::Absent(self.any_field(name)?.0),
            ExprKind::Present(name) => Predicate::Absent(self.any_field(name)?.0).not(),
            ExprKind::Unavailable(name) => Predicate::Unavailable(self.any_field(name)?.0),
        })
    }

    /// A test of a set's members. `any … not in` is `all … in`, negated, and so on: a test in the
    /// tree is one term.
    fn each(&mut self, quantifier: Quantifier, none: bool, test: &Expr) -> Option<Predicate> {
        self.member = true;
        let checked = self.expression(test);
        self.member = false;
        let (quantifier, test, negated) = match (quantifier, checked?) {
            (Quantifier::Any, Predicate::Not(test)) => (Quantifier::All, *test, !none),
            (Quantifier::All, Predicate::Not(test)) => (Quantifier::Any, *test, true),
            (quantifier, test) => (quantifier, test, none),
        };
        let field = (*test.fields().first()?).clone();
        let each = Predicate::Each { field, quantifier, test: Box::new(test) };
        Some(if negated { each.not() } else { each })
    }

    /// What is said of the constant is known here.
    fn or_else(
        &mut self,
        name: &Spanned<String>,
        default: &Spanned<Literal>,
        test: &Expr,
    ) -> Option<Predicate> {
        let test = self.expression(test);
        let (field, kind) = self.field(name)?;
        let default = self.constant(&field, &kind, default)?;
        let test = test?;
        let absent = Predicate::Absent(field);
        Some(match test.eval(&|_| Fact::Known(default.clone())) {
            Truth::True => Predicate::Or(vec![absent, test]),
            Truth::False => Predicate::And(vec![absent.not(), test]),
            // Only of a test that was reported.
            Truth::Unknown => return None,
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

    /// A field of one value; behind `any` and `all` a set, as one of its members.
    fn field(&mut self, name: &Spanned<String>) -> Option<(Field, ValueType)> {
        let (field, kind) = self.any_field(name)?;
        let (message, help) = match (kind, self.member) {
            (ValueType::Set(members), true) => return Some((field, *members)),
            (ValueType::Set(members), false) => (
                format!("`{field}` is a set of {members}, which is tested member by member"),
                "write `any`, `all` or `none` before it, or `is empty` behind it",
            ),
            (kind, true) => (
                format!("`{field}` is of type {kind}, not a set"),
                "leave out `any`, `all` or `none`: it has one value",
            ),
            (kind, false) => return Some((field, kind)),
        };
        self.report(Diagnostic::new("P012", name.span, message).help(help));
        None
    }

    fn any_field(&mut self, name: &Spanned<String>) -> Option<(Field, ValueType)> {
        let known = Field::parse(&name.value)
            .ok()
            .and_then(|field| self.fields.field_type(&field).map(|kind| (field, kind)));
        if known.is_none() {
            let names = self.fields.names();
            let names = names.iter().map(String::as_str);
            self.report(Diagnostic::unknown("P010", "field", &name.value, name.span, names));
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
        let help = match kind {
            ValueType::Ip => "test it against networks: `in {\"10.0.0.0/8\"}`",
            kind if kind.is_ordered() => "compare it: `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`",
            _ => "compare it: `==`, `!=` or `in`",
        };
        self.report(Diagnostic::new("P012", name.span, message).help(help));
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

    /// A member of a list of constants: for addresses also a network.
    fn member_of(
        &mut self,
        field: &Field,
        kind: &ValueType,
        literal: &Spanned<Literal>,
    ) -> Option<Value> {
        match (kind, &literal.value) {
            (ValueType::Ip, Literal::Text(text)) if text.contains('/') => {
                self.constant(field, &ValueType::Cidr, literal)
            }
            _ => self.constant(field, kind, literal),
        }
    }

    fn constant(
        &mut self,
        field: &Field,
        kind: &ValueType,
        literal: &Spanned<Literal>,
    ) -> Option<Value> {
        constant(field.name(), kind, literal)
            .map_err(|diagnostic| self.report(self.explained(diagnostic, field, literal)))
            .ok()
    }

    /// Says what a word that is no constant was meant to be.
    fn explained(
        &self,
        mut diagnostic: Diagnostic,
        field: &Field,
        literal: &Spanned<Literal>,
    ) -> Diagnostic {
        let Literal::Word(word) = &literal.value else { return diagnostic };
        let other = Field::parse(word).ok().filter(|other| self.fields.field_type(other).is_some());
        if other.is_some() {
            diagnostic.message =
                format!("`{field}` cannot be compared with another field, `{word}`");
            diagnostic.help = Some("fields are compared with constants".to_owned());
            diagnostic.suggestion = None;
        }
        diagnostic
    }
}

/// What is wrong with `field == null`.
fn null(
    field: &Field,
    comparison: Comparison,
    literal: &Spanned<Literal>,
    span: Span,
) -> Option<Diagnostic> {
    let Literal::Word(word) = &literal.value else { return None };
    if !matches!(word.as_str(), "null" | "nil" | "None" | "NULL" | "undefined") {
        return None;
    }
    let state = match comparison {
        Comparison::Equal => "absent",
        Comparison::NotEqual => "present",
        _ => return None,
    };
    let diagnostic = Diagnostic::new("P011", span, format!("there is no `{word}`"));
    let help = format!("write `{field} is absent`, or `{field} is present`");
    Some(diagnostic.help(help).suggestion(format!("{field} is {state}")))
}

/// Checks a constant that stands where a type is asked for; `name` is what has the type. A text must
/// be in quotes; a member of an enum and a severity may be words.
///
/// # Errors
/// Why it is none, with its place (`P011`).
pub fn constant(
    name: &str,
    kind: &ValueType,
    literal: &Spanned<Literal>,
) -> Result<Value, Diagnostic> {
    let value = match (kind, &literal.value) {
        (ValueType::Bool, Literal::Bool(value)) => Ok(Value::Bool(*value)),
        (ValueType::Int, Literal::Int(value)) => Ok(Value::Int(*value)),
        (ValueType::Decimal, Literal::Int(value)) => Ok(Value::Decimal(Decimal::from(*value))),
        (ValueType::Decimal, Literal::Decimal(value)) => Ok(Value::Decimal(*value)),
        (ValueType::Text, Literal::Text(value)) => Ok(Value::Text(value.clone())),
        (ValueType::Time, Literal::Time(value)) => Ok(Value::Time(*value)),
        (ValueType::Duration, Literal::Duration(value)) => Ok(Value::Duration(*value)),
        (ValueType::Ip, Literal::Text(value)) => {
            value.parse().map(Value::Ip).map_err(|_| match value.contains('/') {
                true => ("a network stands in a list: `in {…}`".to_owned(), None),
                false => (format!("`{}` is not an IP address", shown(value)), None),
            })
        }
        (ValueType::Cidr, Literal::Text(value)) => network(value),
        (ValueType::Severity, Literal::Int(value)) => LogSeverity::from_number(*value)
            .map(|_| Value::Int(*value))
            .ok_or_else(|| ("a severity number is 1 to 24".to_owned(), None)),
        (ValueType::Severity, Literal::Word(word)) => LogSeverity::from_word(word)
            .map(|severity| Value::Int(severity.number().into()))
            .ok_or_else(|| {
                let near = did_you_mean(&word.to_ascii_lowercase(), LogSeverity::WORDS);
                (
                    format!("`{word}` is not a severity: {}", LogSeverity::WORDS.join(", ")),
                    near.map(str::to_owned),
                )
            }),
        (ValueType::Enum(members), Literal::Word(word) | Literal::Text(word)) => {
            if members.contains(word) {
                Ok(Value::Text(word.clone()))
            } else {
                let names = || members.iter().map(String::as_str);
                let near = did_you_mean(word, names())
                    .or_else(|| names().find(|name| name.eq_ignore_ascii_case(word)));
                // What is no word stands in quotes.
                let near = near.map(|near| match literal.value {
                    Literal::Word(_) if Field::parse(near).is_ok() => near.to_owned(),
                    _ => Value::from(near).to_string(),
                });
                let message = format!("`{name}` is never `{}`: {kind}", shown(word));
                Err((message, near))
            }
        }
        (ValueType::Text, Literal::Word(word)) => {
            Err(("text stands in quotes".to_owned(), Some(format!("\"{word}\""))))
        }
        (kind, found) => Err((
            format!("`{name}` is of type {kind}, and this is {}", found.describe()),
            respelled(kind, found),
        )),
    };
    value.map_err(|(message, near)| {
        let diagnostic = Diagnostic::new("P011", literal.span, message);
        match near {
            Some(near) => diagnostic.suggestion(near),
            None => diagnostic,
        }
    })
}

/// A constant of another type that says plainly which of this type was meant: `"50"` for `50`.
fn respelled(kind: &ValueType, found: &Literal) -> Option<String> {
    match (kind, found) {
        (ValueType::Text, Literal::Int(value)) => Some(format!("\"{value}\"")),
        (ValueType::Text, Literal::Decimal(value)) => Some(format!("\"{value}\"")),
        (ValueType::Text, Literal::Bool(value)) => Some(format!("\"{value}\"")),
        (ValueType::Bool, Literal::Word(word)) => {
            let lower = word.to_ascii_lowercase();
            matches!(lower.as_str(), "true" | "false").then_some(lower)
        }
        (ValueType::Severity, Literal::Text(text)) => {
            let lower = text.to_ascii_lowercase();
            LogSeverity::from_word(&lower).map(|_| lower)
        }
        (ValueType::Enum(members), found @ (Literal::Int(_) | Literal::Bool(_))) => {
            let text = match found {
                Literal::Int(value) => value.to_string(),
                Literal::Bool(value) => value.to_string(),
                _ => return None,
            };
            members.contains(&text).then(|| format!("\"{text}\""))
        }
        // A text that is a constant of this type once it is out of its quotes.
        (
            ValueType::Int
            | ValueType::Decimal
            | ValueType::Bool
            | ValueType::Duration
            | ValueType::Time,
            Literal::Text(text),
        ) => {
            let text = text.trim();
            let (tokens, mistakes) = tokens(text);
            let whole = tokens.len() == 1 && mistakes.is_empty();
            let read = literal(&mut Cursor::new(&tokens)).ok().filter(|_| whole)?;
            constant("it", kind, &read).is_ok().then(|| text.to_owned())
        }
        _ => None,
    }
}

/// Reads a network. Bits behind the prefix are an oversight: which network is meant?
fn network(text: &str) -> Result<Value, (String, Option<String>)> {
    let network = text.parse::<IpNet>().ok();
    let network = network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    match network {
        Some(network) if network.trunc() == network => Ok(Value::Cidr(network)),
        Some(network) => Err((
            format!("`{text}` has bits behind its prefix"),
            Some(format!("\"{}\"", network.trunc())),
        )),
        None => Err((format!("`{}` is not a network: write `10.0.0.0/8`", shown(text)), None)),
    }
}
