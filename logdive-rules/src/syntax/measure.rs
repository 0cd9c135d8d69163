//! Measures: `count(step where … within 15m before started)`.

use std::time::Duration;

use logdive_core::predicate::syntax::{Cursor, Spanned, Token, TokenKind, expression};
use logdive_core::{Anchor, Diagnostic, Span, WindowSpec};

use super::{MeasureNode, word_of};
use crate::diagnostics::{MEASURE_FORM, WINDOW, unknown_at};

pub(super) fn measure(cursor: &mut Cursor<'_>) -> Result<MeasureNode, Diagnostic> {
    let start = cursor.span();
    let function = cursor.expect_word("a measure")?;
    cursor.expect_symbol("(")?;
    let (step, field) = source(cursor.expect_word("a step")?);
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
            return Err(Diagnostic::new(MEASURE_FORM, cursor.span(), message)
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
    Ok(MeasureNode { function, step, field, rank, filter, window, span })
}

/// Splits `step.field` into both, each with its place.
fn source(word: Spanned<String>) -> (Spanned<String>, Option<Spanned<String>>) {
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
        return Err(Diagnostic::new(WINDOW, span, "the window is empty")
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
        return Err(unknown_at(WINDOW, "time of a ticket", word, cursor.span(), names));
    };
    cursor.advance();
    Ok(anchor)
}
