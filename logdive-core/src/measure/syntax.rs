//! The text form of a measure: `count(step where … within 15m before started)`.
//!
//! ```text
//! measure := WORD "(" [STEP [".", FIELD]] ["," INT] ["where" expression] ["within" window] ")"
//! window := DURATION ("before" | "after" | "around") anchor
//!         | DURATION "before" "and" DURATION "after" anchor
//! anchor := "started" | "detected" | "opened"
//! ```
//!
//! It is public because the rule language and plans share it. Where the step is known already, as
//! in a plan, it may be left out: `count(where …)`, `distinct(request_id)`. Tokens and
//! `expression` are those of [`crate::predicate::syntax`].

use std::time::Duration;

use super::codes;
use crate::predicate::syntax::{Cursor, Expr, Spanned, Token, TokenKind, expression};
use crate::{Anchor, Diagnostic, Span, WindowSpec};

/// A measure as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MeasureExpr {
    /// What it computes.
    pub function: Spanned<String>,
    /// The step it reads.
    pub step: Spanned<String>,
    /// The field it reads, if it names one.
    pub field: Option<Spanned<String>>,
    /// The number behind a comma: the percentile.
    pub rank: Option<Spanned<i64>>,
    /// Which rows count.
    pub filter: Option<Expr>,
    /// A window of its own.
    pub window: Option<WindowSpec>,
    /// The place of all of it.
    pub span: Span,
}

/// Parses a measure. With `known`, the step is known: it may be left out, and a word that does not
/// begin with it is a field.
///
/// # Errors
/// `P002` for a token that should be something else, `R034` and `R035` for a form or a window that
/// is none.
pub fn measure(cursor: &mut Cursor<'_>, known: Option<&str>) -> Result<MeasureExpr, Diagnostic> {
    let start = cursor.span();
    let function = cursor.expect_word("a measure")?;
    cursor.expect_symbol("(")?;
    let (step, field) = match known {
        None => split(cursor.expect_word("a step")?),
        Some(known) => {
            let left_out = Spanned::new(known.to_owned(), function.span);
            match word_of(cursor.peek()) {
                None | Some("where" | "within") => (left_out, None),
                Some(_) => {
                    let word = cursor.expect_word("a field")?;
                    let (step, field) = split(word.clone());
                    if step.value == known { (step, field) } else { (left_out, Some(word)) }
                }
            }
        }
    };
    let rank = if cursor.eat_symbol(",") {
        let Some(Token { kind: TokenKind::Int(rank), span, .. }) = cursor.peek() else {
            return Err(cursor.unexpected("a percentile of 1 to 100"));
        };
        cursor.advance();
        Some(Spanned::new(*rank, *span))
    } else {
        None
    };
    let filter = if cursor.eat_word("where") { Some(expression(cursor)?) } else { None };
    let window = if cursor.eat_word("within") { Some(window(cursor)?) } else { None };
    if !cursor.at_symbol(")") {
        if cursor.at_symbol(",") {
            let message = "a comma where the measure should end";
            return Err(Diagnostic::new(codes::FORM, cursor.span(), message)
                .help("write `percentile(step.field, 99 where …)`: the percentile comes first"));
        }
        let expected = match (&filter, &window) {
            (_, Some(_)) => "`)`",
            (Some(_), None) => "`and`, `or`, `within` or `)`",
            (None, None) => "`where`, `within` or `)`",
        };
        return Err(cursor.unexpected(expected));
    }
    cursor.advance();
    let span = start.to(cursor.previous());
    Ok(MeasureExpr { function, step, field, rank, filter, window, span })
}

/// Splits `step.field` into both, each with its place.
fn split(word: Spanned<String>) -> (Spanned<String>, Option<Spanned<String>>) {
    match word.value.split_once('.') {
        None => (word, None),
        Some((step, field)) => {
            let dot = word.span.start + step.len();
            let step = Spanned::new(step.to_owned(), Span::new(word.span.start, dot));
            (step, Some(Spanned::new(field.to_owned(), Span::new(dot + 1, word.span.end))))
        }
    }
}

fn window(cursor: &mut Cursor<'_>) -> Result<WindowSpec, Diagnostic> {
    let start = cursor.span();
    let length = duration(cursor)?;
    let zero = Duration::ZERO;
    let (before, after) = if cursor.eat_word("before") {
        if cursor.eat_word("and") {
            let after = duration(cursor)?;
            if !cursor.eat_word("after") {
                return Err(cursor.unexpected("`after`"));
            }
            (length, after)
        } else {
            (length, zero)
        }
    } else if cursor.eat_word("after") {
        (zero, length)
    } else if cursor.eat_word("around") {
        (length, length)
    } else {
        return Err(cursor.unexpected("`before`, `after` or `around`"));
    };
    let anchor = anchor(cursor)?;
    if before.is_zero() && after.is_zero() {
        let span = start.to(cursor.previous());
        return Err(Diagnostic::new(codes::WINDOW, span, "the window is empty")
            .help("write how long it is: `within 15m before started`"));
    }
    Ok(WindowSpec { anchor, before, after })
}

fn duration(cursor: &mut Cursor<'_>) -> Result<Duration, Diagnostic> {
    match cursor.peek() {
        Some(Token { kind: TokenKind::Duration(duration), .. }) => {
            cursor.advance();
            Ok(*duration)
        }
        Some(Token { kind: TokenKind::Int(number), .. }) => {
            let help = format!("a duration has a unit: `{number}m`, `{number}s`");
            Err(cursor.unexpected("a duration").help(help))
        }
        _ => Err(cursor.unexpected("a duration")),
    }
}

fn anchor(cursor: &mut Cursor<'_>) -> Result<Anchor, Diagnostic> {
    let Some(word) = word_of(cursor.peek()) else {
        return Err(cursor.unexpected("`started`, `detected` or `opened`"));
    };
    // `ticket.opened` is what the ticket's field is called elsewhere.
    let plain = word.strip_prefix("ticket.").unwrap_or(word);
    let Some(anchor) = Anchor::from_name(plain) else {
        let names = Anchor::ALL.map(Anchor::name);
        let what = "time of a ticket";
        return Err(Diagnostic::unknown(codes::WINDOW, what, word, cursor.span(), names));
    };
    cursor.advance();
    Ok(anchor)
}

fn word_of(token: Option<&Token>) -> Option<&str> {
    match token {
        Some(Token { kind: TokenKind::Word(word), .. }) => Some(word),
        _ => None,
    }
}
