//! `cover` and `never automatic`.

use logdive_core::Diagnostic;

use super::Context;
use super::condition::{Unavailable, unavailable};
use crate::diagnostics::UNAVAILABLE;
use crate::statement::Statement;
use crate::syntax::StatementNode;

/// Checks a statement.
pub(super) fn statement(node: &StatementNode, context: &mut Context<'_>) -> Option<Statement> {
    let mut found = Vec::new();
    unavailable(&node.when, false, None, &mut found);
    for Unavailable { span, neutral, .. } in found {
        let message = "a statement reads `is unavailable`";
        let help = "remove the term: statements are of what can be known";
        let diagnostic = Diagnostic::new(UNAVAILABLE, span, message).help(help);
        context.diagnostics.push(match neutral {
            Some(neutral) => diagnostic.suggestion(neutral.to_string()),
            None => diagnostic,
        });
    }
    let when = context.condition(&node.when)?;
    Some(Statement { kind: node.kind, when })
}
