//! Conditions of rules.

use logdive_core::predicate::syntax::{Expr, ExprKind};
use logdive_core::{Diagnostic, Predicate, Span, Value, predicate};

use super::Context;
use crate::diagnostics::NEVER_ABSENT;

impl Context<'_> {
    /// Checks a condition. Names whose entry could not be read are not reported again.
    pub(super) fn condition(&mut self, expression: &Expr) -> Option<Predicate> {
        match predicate::check(expression, &self.types) {
            Ok(predicate) => self.never_absent(expression).then_some(predicate),
            Err(found) => {
                for mut diagnostic in found {
                    if diagnostic.code == "P010" {
                        let name = self.text.get(diagnostic.span.range()).unwrap_or_default();
                        if self.broken.contains(name) {
                            continue;
                        }
                        diagnostic.message = format!("unknown fact `{name}`");
                        if self.schema.entries.is_empty() {
                            diagnostic.help = Some("declare it in the schema".to_owned());
                        }
                    }
                    if matches!(diagnostic.code.as_str(), "P011" | "P012")
                        && let Some(name) = field_at(expression, diagnostic.span)
                        && let Some(place) = self.places.get(name)
                    {
                        diagnostic = diagnostic.label(*place, "it is declared here");
                    }
                    self.diagnostics.push(diagnostic);
                }
                None
            }
        }
    }

    /// Reports tests for absence of what reads as a constant where it is absent.
    fn never_absent(&mut self, expression: &Expr) -> bool {
        let mut open = vec![expression];
        let before = self.diagnostics.len();
        while let Some(expression) = open.pop() {
            let (name, rest) = match &expression.kind {
                ExprKind::And(terms) | ExprKind::Or(terms) => {
                    open.extend(terms);
                    continue;
                }
                ExprKind::Not(term) => {
                    open.push(term);
                    continue;
                }
                ExprKind::Absent(name) | ExprKind::Present(name) => (name, None),
                ExprKind::OrElse { field: name, default, .. } => {
                    let behind = default.span.end..expression.span.end;
                    (name, Some(self.text.get(behind).unwrap_or_default()))
                }
                _ => continue,
            };
            let entry = self.schema.entries.get(&name.value);
            if let Some(default) = entry.and_then(|entry| entry.default.as_ref()) {
                let message = format!("`{}` is never absent: it reads as {default}", name.value);
                let help = "compare it with that constant, or declare it `optional`";
                let mut diagnostic =
                    Diagnostic::new(NEVER_ABSENT, expression.span, message).help(help);
                if let Some(place) = self.places.get(&name.value) {
                    diagnostic = diagnostic.label(*place, "it is declared here");
                }
                let present = matches!(expression.kind, ExprKind::Present(_));
                let said = match (rest, default) {
                    (Some(rest), _) => format!("{}{rest}", name.value),
                    (None, Value::Set(_)) if present => format!("not ({} is empty)", name.value),
                    (None, Value::Set(_)) => format!("{} is empty", name.value),
                    (None, default) if present => format!("{} != {default}", name.value),
                    (None, default) => format!("{} == {default}", name.value),
                };
                self.diagnostics.push(diagnostic.suggestion(said));
            }
        }
        self.diagnostics.len() == before
    }

    pub(super) fn report(&mut self, code: &str, span: Span, message: String, help: &str) {
        self.diagnostics.push(Diagnostic::new(code, span, message).help(help));
    }
}

/// A place where `is unavailable` is read, and whether it stands where its being false would make
/// the rule apply.
pub(super) struct Unavailable {
    pub(super) span: Span,
    pub(super) against: bool,
    /// What may stand there instead and says nothing, if something else stands beside it.
    pub(super) neutral: Option<bool>,
}

/// The field that the term at a place reads.
pub(super) fn field_at(expression: &Expr, place: Span) -> Option<&str> {
    let holds = |span: Span| span.start <= place.start && place.end <= span.end;
    let mut expression = Some(expression).filter(|expression| holds(expression.span))?;
    loop {
        let name = match &expression.kind {
            ExprKind::And(terms) | ExprKind::Or(terms) => {
                expression = terms.iter().find(|term| holds(term.span))?;
                continue;
            }
            ExprKind::Not(term) | ExprKind::Each { test: term, .. } => {
                expression = term;
                continue;
            }
            ExprKind::Flag(name)
            | ExprKind::Empty(name)
            | ExprKind::Compare { field: name, .. }
            | ExprKind::In { field: name, .. }
            | ExprKind::Text { field: name, .. }
            | ExprKind::Token { field: name, .. }
            | ExprKind::Phrase { field: name, .. }
            | ExprKind::Matches { field: name, .. }
            | ExprKind::OrElse { field: name, .. } => name,
            _ => return None,
        };
        return Some(&name.value);
    }
}

/// Finds every `is unavailable`; `against` says that the expression counts against the rule, as
/// that of `unless` does; `neutral` is what says nothing in its place.
pub(super) fn unavailable(
    expression: &Expr,
    against: bool,
    neutral: Option<bool>,
    found: &mut Vec<Unavailable>,
) {
    match &expression.kind {
        ExprKind::And(terms) => {
            terms.iter().for_each(|term| unavailable(term, against, Some(true), found));
        }
        ExprKind::Or(terms) => {
            terms.iter().for_each(|term| unavailable(term, against, Some(false), found));
        }
        ExprKind::Not(term) => {
            unavailable(term, !against, neutral.map(|neutral| !neutral), found);
        }
        ExprKind::Unavailable(_) => {
            found.push(Unavailable { span: expression.span, against, neutral });
        }
        _ => {}
    }
}
