//! Conditions of rules.

use logdive_core::predicate::syntax::{Expr, ExprKind};
use logdive_core::{Diagnostic, Predicate, Span, predicate};

use super::Context;

impl Context<'_> {
    /// Checks a condition. Names whose entry could not be read are not reported again.
    pub(super) fn condition(&mut self, expression: &Expr) -> Option<Predicate> {
        match predicate::check(expression, &self.types) {
            Ok(predicate) => Some(predicate),
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
                    self.diagnostics.push(diagnostic);
                }
                None
            }
        }
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
}

/// Finds every `is unavailable`; `against` says that the expression counts against the rule, as
/// that of `unless` does.
pub(super) fn unavailable(expression: &Expr, against: bool, found: &mut Vec<Unavailable>) {
    match &expression.kind {
        ExprKind::And(terms) | ExprKind::Or(terms) => {
            terms.iter().for_each(|term| unavailable(term, against, found));
        }
        ExprKind::Not(term) => unavailable(term, !against, found),
        ExprKind::Unavailable(_) => found.push(Unavailable { span: expression.span, against }),
        _ => {}
    }
}
