//! The grammar's front: tokens, a cursor over them, and the expression parser.
//!
//! It is public because the rule language extends it: rules use the same tokens and call
//! [`expression`] for their conditions.
//!
//! ```text
//! expression := conjunction { "or" conjunction }
//! conjunction := negation { "and" negation }
//! negation := "not" negation | "(" expression ")" | term
//! term := "true" | "false"
//!       | field ["or" "else" constant] test
//!       | ("any" | "all" | "none") field test
//!       | field "is" ("absent" | "present" | "unavailable" | "empty")
//! test := [("==" | "!=" | "<" | "<=" | ">" | ">=") constant]
//!       | ["not"] "in" "{" [constant { "," constant }] "}"
//!       | ("contains" | "starts_with" | "ends_with") text
//!       | ("has_token" | "has_phrase" | "matches") text
//! ```
//!
//! A field without a test is a bool. `any`, `all` and `none` test the members of a set. `or else`
//! reads the constant where the field is absent: it is short for `field is absent or …` if the
//! constant passes the test, and for `field is present and …` if it does not. An address may be
//! tested against networks: `in {"10.0.0.0/8"}`.
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
pub use lexer::{Spanned, Token, TokenKind, tokens, without_followers};

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
    let mut found = Vec::new();
    let parsed = match expression(&mut cursor) {
        Ok(expr) => {
            if let Some(token) = cursor.peek() {
                found.push(Diagnostic::new(
                    "P002",
                    token.span,
                    format!("expected `and`, `or` or the end, found {}", token.kind.describe()),
                ));
            }
            Some(expr)
        }
        Err(diagnostic) => {
            found.push(diagnostic);
            None
        }
    };
    without_followers(text, &diagnostics, &mut found);
    diagnostics.append(&mut found);
    (parsed, diagnostics)
}
