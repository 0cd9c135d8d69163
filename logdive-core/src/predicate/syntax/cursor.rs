//! A cursor over tokens: what every parser of the grammar stands on.

use super::lexer::{Spanned, Token, TokenKind};
use crate::predicate::limits::{self, Limit};
use crate::{Diagnostic, Span, did_you_mean};

/// A place in a run of tokens.
#[derive(Debug)]
pub struct Cursor<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    terms: usize,
}

impl<'a> Cursor<'a> {
    /// Begins at the first token.
    #[must_use]
    pub const fn new(tokens: &'a [Token]) -> Self {
        Self { tokens, at: 0, depth: 0, terms: 0 }
    }

    /// The next token.
    #[must_use]
    pub fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    /// The token after the next.
    #[must_use]
    pub fn peek_second(&self) -> Option<&'a Token> {
        self.tokens.get(self.at + 1)
    }

    /// Takes the next token.
    pub fn advance(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at);
        self.at += usize::from(token.is_some());
        token
    }

    /// The place of the next token, or just behind the last.
    #[must_use]
    pub fn span(&self) -> Span {
        match (self.peek(), self.tokens.last()) {
            (Some(token), _) => token.span,
            (None, Some(last)) => Span::new(last.span.end, last.span.end),
            (None, None) => Span::default(),
        }
    }

    /// The place of the token that was taken last.
    #[must_use]
    pub fn previous(&self) -> Span {
        self.at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map_or_else(Span::default, |token| token.span)
    }

    /// Whether the next token is this word.
    #[must_use]
    pub fn at_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token { kind: TokenKind::Word(found), .. }) if found == word)
    }

    /// Whether the next token is this symbol.
    #[must_use]
    pub fn at_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Token { kind: TokenKind::Symbol(found), .. }) if *found == symbol)
    }

    /// Takes the next token if it is this word.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        self.at += usize::from(found);
        found
    }

    /// Takes the next token if it is this symbol.
    pub fn eat_symbol(&mut self, symbol: &str) -> bool {
        let found = self.at_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    /// Takes this symbol.
    ///
    /// # Errors
    /// If something else stands there (`P002`).
    pub fn expect_symbol(&mut self, symbol: &str) -> Result<Span, Diagnostic> {
        if self.eat_symbol(symbol) {
            Ok(self.previous())
        } else {
            Err(self.unexpected(&format!("`{symbol}`")))
        }
    }

    /// Takes a word, any word.
    ///
    /// # Errors
    /// If something else stands there (`P002`).
    pub fn expect_word(&mut self, what: &str) -> Result<Spanned<String>, Diagnostic> {
        match self.peek() {
            Some(Token { kind: TokenKind::Word(word), span }) => {
                self.at += 1;
                Ok(Spanned::new(word.clone(), *span))
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// Takes a text in quotes.
    ///
    /// # Errors
    /// If something else stands there (`P002`).
    pub fn expect_text(&mut self, what: &str) -> Result<Spanned<String>, Diagnostic> {
        match self.peek() {
            Some(Token { kind: TokenKind::Text(text), span }) => {
                self.at += 1;
                Ok(Spanned::new(text.clone(), *span))
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// The diagnostic for a token that should be something else.
    #[must_use]
    pub fn unexpected(&self, expected: &str) -> Diagnostic {
        let found = self.peek().map_or_else(|| "the end".to_owned(), |token| token.kind.describe());
        Diagnostic::new("P002", self.span(), format!("expected {expected}, found {found}"))
    }

    /// The diagnostic for a token that was left out: a word spelled alike is to be replaced by it,
    /// before anything else it is to be written.
    #[must_use]
    pub fn missing(&self, expected: &str, token: &str) -> Diagnostic {
        let found = self.unexpected(expected);
        match self.peek() {
            Some(Token { kind: TokenKind::Word(word), .. })
                if did_you_mean(word, [token]).is_some() =>
            {
                found.suggestion(token)
            }
            Some(Token { span, .. }) => Diagnostic {
                span: Span::new(span.start, span.start),
                ..found.help(format!("write `{token}` here")).suggestion(format!("{token} "))
            },
            None => found.help(format!("write `{token}` here")).suggestion(format!(" {token}")),
        }
    }

    /// Runs a parser one level deeper.
    ///
    /// # Errors
    /// What the parser reports, and `P013` beyond the greatest depth.
    pub fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, Diagnostic>,
    ) -> Result<T, Diagnostic> {
        if self.depth >= limits::DEPTH {
            return Err(Limit::Depth.diagnostic(self.span()));
        }
        if self.depth == 0 {
            self.terms = 0;
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Counts a term of the expression that is being read, so that a long one is refused before it
    /// is built.
    pub(super) fn term(&mut self) -> Result<(), Diagnostic> {
        self.terms += 1;
        if self.terms > limits::TERMS {
            return Err(Limit::Terms.diagnostic(self.span()));
        }
        Ok(())
    }
}
