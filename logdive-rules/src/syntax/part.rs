//! A part of a file (an entry, a clause, a head) under a cursor of its own.

use logdive_core::predicate::syntax::{Cursor, Token};
use logdive_core::{Diagnostic, nearest};

use super::split::stray;
use super::word_of;

/// Parses a part to its end. `words` are those that may follow, for suggestions; `what` names the
/// part in messages.
pub(crate) fn whole<'a, T>(
    tokens: &'a [Token],
    what: &str,
    words: &[&str],
    parse: impl FnOnce(&mut Cursor<'a>) -> Result<T, Diagnostic>,
) -> Result<T, Diagnostic> {
    let mut cursor = Cursor::new(tokens);
    let result = parse(&mut cursor).and_then(|value| match cursor.peek() {
        None => Ok(value),
        Some(token) => Err(match word_of(Some(token)) {
            // It is spelled like `when`, and is a word of other languages.
            Some(word) if word != "then" && nearest(word, words).is_some() => stray(token, words),
            word => {
                let message =
                    format!("expected the end of {what}, found {}", token.kind.describe());
                let diagnostic = Diagnostic::new("P002", token.span, message);
                match word {
                    Some("then") => diagnostic.help("remove `then`").suggestion(""),
                    _ if ["`when`", "`unless`", "`cover`", "`never automatic`"].contains(&what) => {
                        diagnostic.help("conditions are joined by `and` and `or`")
                    }
                    _ => diagnostic,
                }
            }
        }),
    });
    result.map_err(|mut diagnostic| {
        // The end that the cursor saw is the end of the part, not of the file.
        if let Some(head) = diagnostic.message.strip_suffix("found the end") {
            diagnostic.message = format!("{head}found the end of {what}");
        }
        diagnostic
    })
}

/// Parses members between braces or parentheses, separated by commas; a comma may end them.
pub(super) fn list<T>(
    cursor: &mut Cursor<'_>,
    [open, close]: [&str; 2],
    mut member: impl FnMut(&mut Cursor<'_>) -> Result<T, Diagnostic>,
) -> Result<Vec<T>, Diagnostic> {
    cursor.expect_symbol(open)?;
    let mut members = Vec::new();
    while !cursor.eat_symbol(close) {
        members.push(member(cursor)?);
        if !cursor.eat_symbol(",") && !cursor.at_symbol(close) {
            return Err(cursor.unexpected(&format!("`,` or `{close}`")));
        }
    }
    Ok(members)
}
