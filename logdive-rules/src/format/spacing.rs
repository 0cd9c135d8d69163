//! Where a space stands between two tokens of a line.

use logdive_core::predicate::syntax::{Token, TokenKind};

/// Words before a parenthesis that do not call anything.
const JOINING: [&str; 8] = ["and", "or", "not", "when", "unless", "where", "&&", "||"];

/// The spaces of a file.
pub(super) struct Spacing<'a> {
    tokens: &'a [Token],
    /// For each token the bracket that is open where it stands.
    open: Vec<Option<usize>>,
}

impl<'a> Spacing<'a> {
    pub(super) fn new(tokens: &'a [Token]) -> Self {
        let mut open = Vec::with_capacity(tokens.len());
        let mut stack = Vec::new();
        for at in 0..tokens.len() {
            open.push(stack.last().copied());
            match text(tokens, at) {
                Some("(" | "{") => stack.push(at),
                Some(")" | "}") => drop(stack.pop()),
                _ => {}
            }
        }
        Self { tokens, open }
    }

    /// Whether a space stands before a token.
    pub(super) fn is_before(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        let (Some(previous), Some(next)) = (text(self.tokens, before), text(self.tokens, at))
        else {
            return true;
        };
        match (previous, next) {
            ("(", _) | (_, ")" | "," | ";") | ("..", _) | (_, "..") => false,
            ("{", _) => !self.is_tight(before),
            (_, "}") => self.around(at).is_none_or(|open| !self.is_tight(open)),
            (_, ":") => self.around(at).is_none_or(|open| self.begins_item(open)),
            (word, "(") => JOINING.contains(&word) || matches!(word, "=" | "!" | "("),
            _ => true,
        }
    }

    fn around(&self, at: usize) -> Option<usize> {
        self.open.get(at).copied().flatten()
    }

    /// Whether a brace opens a set of constants: `in {1, 2}`, `or else {}`.
    fn is_tight(&self, open: usize) -> bool {
        let before = open.checked_sub(1).and_then(|at| text(self.tokens, at));
        before.is_some_and(|word| matches!(word, "in" | "else"))
    }

    /// Whether a bracket opens the body of an item: nothing is open around it.
    fn begins_item(&self, open: usize) -> bool {
        text(self.tokens, open) == Some("{") && self.around(open).is_none()
    }

    /// How many brackets are open where a token stands, from a first token on.
    pub(super) fn is_outermost(&self, at: usize, from: usize) -> bool {
        self.around(at).is_none_or(|open| open < from)
    }
}

/// A word or symbol as it stands; a constant has no say.
pub(super) fn text(tokens: &[Token], at: usize) -> Option<&str> {
    Some(match &tokens.get(at)?.kind {
        TokenKind::Word(word) => word,
        TokenKind::Symbol(symbol) => symbol,
        _ => "",
    })
}
