//! The splitter: a file into items, a schema into entries, a rule into clauses.
//!
//! It looks at words and braces only, so that one mistake stays in the part it is in.

use logdive_core::predicate::syntax::{Token, TokenKind};
use logdive_core::{Diagnostic, Span, did_you_mean, nearest};

use super::{is_symbol, is_text, word_of};
use crate::diagnostics::{BRACE, UNKNOWN_WORD};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Schema,
    Decisions,
    Default,
    Cover,
    Never,
    Rule,
}

impl ItemKind {
    const ALL: [Self; 6] =
        [Self::Schema, Self::Decisions, Self::Default, Self::Cover, Self::Never, Self::Rule];

    /// Whether a file has one of it.
    pub(super) const fn stands_once(self) -> bool {
        matches!(self, Self::Schema | Self::Decisions | Self::Default)
    }

    /// Whether braces hold its body.
    const fn has_body(self) -> bool {
        matches!(self, Self::Schema | Self::Decisions | Self::Rule)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Decisions => "decisions",
            Self::Default => "default",
            Self::Cover => "cover",
            Self::Never => "never",
            Self::Rule => "rule",
        }
    }

    fn of(token: Option<&Token>) -> Option<Self> {
        let word = word_of(token)?;
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// An item: its head, and what stands between its braces.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    pub(crate) kind: ItemKind,
    pub(crate) head: &'a [Token],
    pub(crate) body: &'a [Token],
    /// The opening brace.
    pub(super) open: Option<Span>,
}

impl Item<'_> {
    /// The place of the item's word.
    pub(super) fn span(&self) -> Span {
        self.head.first().map_or_else(Span::default, |token| token.span)
    }
}

/// Whether an item begins here for certain, even inside another that was never closed.
fn begins(tokens: &[Token], at: usize) -> bool {
    let next = tokens.get(at + 1);
    match ItemKind::of(tokens.get(at)) {
        Some(ItemKind::Rule) => is_text(next),
        Some(ItemKind::Decisions) => is_symbol(next, "{"),
        Some(ItemKind::Schema) => word_of(next).is_some() && is_symbol(tokens.get(at + 3), "{"),
        Some(ItemKind::Default) => word_of(next).is_some() && is_text(tokens.get(at + 2)),
        Some(ItemKind::Cover) => word_of(next) == Some("when"),
        Some(ItemKind::Never) => word_of(next) == Some("automatic"),
        None => false,
    }
}

/// Splits a file into items; what belongs to none is reported and skipped.
pub(crate) fn items<'a>(tokens: &'a [Token], diagnostics: &mut Vec<Diagnostic>) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let Some(kind) = ItemKind::of(Some(token)) else {
            diagnostics.push(stray(token, &ItemKind::ALL.map(ItemKind::word)));
            at += 1;
            while at < tokens.len() && !begins(tokens, at) {
                at += 1;
            }
            continue;
        };
        let (item, end) = item(tokens, at, kind, diagnostics);
        items.push(item);
        at = end;
    }
    items
}

fn item<'a>(
    tokens: &'a [Token],
    start: usize,
    kind: ItemKind,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Item<'a>, usize) {
    let slice = |from: usize, to: usize| tokens.get(from..to).unwrap_or_default();
    if kind == ItemKind::Default && begins(tokens, start) {
        let end = start + 3;
        return (Item { kind, head: slice(start, end), body: &[], open: None }, end);
    }
    let mut at = start + 1;
    let mut depth = 0_usize;
    let mut open = None;
    while let Some(token) = tokens.get(at) {
        if begins(tokens, at) {
            break;
        }
        if is_symbol(Some(token), "{") && kind.has_body() {
            depth += 1;
            open.get_or_insert((at, token.span));
        } else if is_symbol(Some(token), "}") && kind.has_body() {
            let Some((brace, span)) = open else { break };
            depth -= 1;
            if depth == 0 {
                let (head, body) = (slice(start, brace), slice(brace + 1, at));
                return (Item { kind, head, body, open: Some(span) }, at + 1);
            }
        }
        at += 1;
    }
    if let Some((brace, span)) = open {
        let message = format!("the `{{` of this {} is never closed", kind.word());
        diagnostics.push(Diagnostic::new(BRACE, span, message).help("write the missing `}`"));
        let (head, body) = (slice(start, brace), slice(brace + 1, at));
        return (Item { kind, head, body, open: Some(span) }, at);
    }
    // A stray `}` is not swallowed here: whoever splits the rest reports it.
    (Item { kind, head: slice(start, at), body: &[], open: None }, at)
}

/// The diagnostic for a token that begins nothing.
pub(super) fn stray(token: &Token, words: &[&str]) -> Diagnostic {
    let expected = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
    let expected = match expected.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => expected.concat(),
    };
    let found = token.kind.describe();
    let message = format!("expected {expected}, found {found}");
    let diagnostic = Diagnostic::new(UNKNOWN_WORD, token.span, message);
    let Some(word) = word_of(Some(token)) else {
        return match is_symbol(Some(token), "}") {
            true => diagnostic.help("it closes nothing: remove it, or write the `{` before it"),
            false => diagnostic,
        };
    };
    if let Some(near) = nearest(word, words) {
        return diagnostic.suggestion(near);
    }
    // A ticket's field, its first word misspelt or missing.
    let field = word.split_once('.').filter(|(first, _)| did_you_mean(first, ["ticket"]).is_some());
    match field.filter(|_| words.contains(&"ticket.NAME")) {
        Some((_, name)) => diagnostic.suggestion(format!("ticket.{name}")),
        None => diagnostic,
    }
}

/// Splits tokens at the places where a part begins; also gives what stands before the first.
fn split(tokens: &[Token], begins: impl Fn(&[Token], usize) -> bool) -> (&[Token], Vec<&[Token]>) {
    let starts: Vec<usize> = (0..tokens.len()).filter(|at| begins(tokens, *at)).collect();
    let slice = |from: usize, to: usize| tokens.get(from..to).unwrap_or_default();
    let ends = starts.iter().skip(1).copied().chain([tokens.len()]);
    let parts = starts.iter().zip(ends).map(|(from, to)| slice(*from, to)).collect();
    (slice(0, starts.first().copied().unwrap_or(tokens.len())), parts)
}

/// Splits a schema's body into entries.
pub(crate) fn entries(body: &[Token]) -> (&[Token], Vec<&[Token]>) {
    split(body, |tokens, at| {
        let goes_on = at.checked_sub(1).is_some_and(|before| {
            let before = tokens.get(before);
            let word = word_of(before).is_some_and(|word| {
                matches!(word, "and" | "or" | "not" | "where" | "before" | "after" | "around")
            });
            word || is_inner_symbol(before)
        });
        !goes_on
            && match word_of(tokens.get(at)) {
                Some("fact" | "evidence") => word_of(tokens.get(at + 1)).is_some(),
                Some(word) => word.starts_with("ticket."),
                None => false,
            }
    })
}

/// Splits a rule's body into clauses.
pub(crate) fn clauses(body: &[Token]) -> (&[Token], Vec<&[Token]>) {
    split(body, |tokens, at| {
        let inner = at.checked_sub(1).is_some_and(|before| is_inner_symbol(tokens.get(before)));
        !inner
            && match word_of(tokens.get(at)) {
                Some("when" | "unless" | "decide" | "do") => true,
                Some("no") => word_of(tokens.get(at + 1)) == Some("action"),
                _ => false,
            }
    })
}

/// Whether what follows this symbol belongs to the same part.
fn is_inner_symbol(token: Option<&Token>) -> bool {
    match token {
        Some(Token { kind: TokenKind::Symbol(symbol), .. }) => !matches!(*symbol, "}" | ")" | ";"),
        _ => false,
    }
}
