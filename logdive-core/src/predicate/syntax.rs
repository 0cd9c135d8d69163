//! The grammar's front: tokens, a cursor over them, and the expression parser.
//!
//! It is public because the rule language extends it: rules use the same tokens and call
//! [`expression`] for their conditions.
//!
//! ```text
//! expression := conjunction { "or" conjunction }
//! conjunction := negation { "and" negation }
//! negation := "not" negation | "(" expression ")" | term
//! term := "true" | "false" | field
//!       | field ("==" | "!=" | "<" | "<=" | ">" | ">=") constant
//!       | field ["not"] "in" "{" [constant { "," constant }] "}"
//!       | field ("contains" | "starts_with" | "ends_with") text
//!       | field ("has_token" | "has_phrase" | "matches") text
//!       | field "is" ("absent" | "present" | "unavailable")
//! ```
//!
//! `&&`, `||` and `!` are read as `and`, `or` and `not`; `#` begins a comment.
//!
//! Tests of text compare bytes; case matters. Of a line `GET /v1/users timed-out` are true:
//!
//! | test | true if the field's text | for example |
//! |---|---|---|
//! | `contains` | has the text in it, also inside a word | `contains "user"` |
//! | `starts_with`, `ends_with` | begins or ends with it | `starts_with "GET "` |
//! | `has_token` | has it as a whole [token](super::phrase): letters, digits, `_` | `has_token "users"` |
//! | `has_phrase` | has its tokens in sequence, whatever separates them | `has_phrase "timed out"` |
//! | `matches` | has a part that meets a [regular expression](super::Pattern) | `matches "/v[0-9]+/"` |
//!
//! In a text in quotes a backslash is written `\\`: the expression `\d+` is `matches "\\d+"`.

mod cursor;
mod expression;
mod lexer;

pub use cursor::Cursor;
pub use expression::{Expr, ExprKind, Literal, expression, literal};
pub use lexer::{Spanned, Token, TokenKind, tokens};

use super::limits;
use crate::{Diagnostic, Span};

/// Parses a whole text as one expression; gives what could be read, and all that is wrong.
#[must_use]
pub fn parse(text: &str) -> (Option<Expr>, Vec<Diagnostic>) {
    if text.len() > limits::TEXT {
        return (None, vec![limits::Limit::Text.diagnostic(Span::default())]);
    }
    let (tokens, mut diagnostics) = tokens(text);
    let mut cursor = Cursor::new(&tokens);
    match expression(&mut cursor) {
        Ok(expr) => {
            if let Some(token) = cursor.peek() {
                diagnostics.push(Diagnostic::new(
                    "P002",
                    token.span,
                    format!("expected `and`, `or` or the end, found {}", token.kind.describe()),
                ));
            }
            (Some(expr), diagnostics)
        }
        Err(diagnostic) => {
            diagnostics.push(diagnostic);
            (None, diagnostics)
        }
    }
}
