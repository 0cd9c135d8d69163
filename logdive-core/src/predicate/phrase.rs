//! Tokens of a text, and phrases: tokens in sequence.
//!
//! A **token** is a maximal run of characters that are letters or numbers in Unicode's sense
//! ([`char::is_alphanumeric`]) or `_`. Everything else separates: spaces, punctuation, symbols,
//! control characters, and combining marks (`e` followed by U+0301 is the token `e`). So
//! `GET /v1/users?id=42` has the tokens `GET`, `v1`, `users`, `id`, `42`. Tokens are compared byte
//! by byte: no folding of case, no normalisation.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::limits;

/// Whether a character belongs to a token.
#[must_use]
pub fn is_token_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The tokens of a text, in order.
pub fn tokens(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(|c| !is_token_char(c)).filter(|token| !token.is_empty())
}

/// One or more tokens in sequence.
///
/// `a, b`, `a b` and `(a)b` are the same phrase: what separates tokens says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Invariant: 1 to `limits::PHRASE` tokens, joined by single spaces.
pub struct Phrase(String);

impl Phrase {
    /// Takes the tokens of a text.
    ///
    /// # Errors
    /// If it has none, or more than [`limits::PHRASE`].
    pub fn parse(text: impl AsRef<str>) -> Result<Self, PhraseError> {
        let text = text.as_ref();
        let found: Vec<&str> = tokens(text).take(limits::PHRASE + 1).collect();
        match found.len() {
            0 => Err(PhraseError::NoToken),
            len if len > limits::PHRASE => Err(PhraseError::TooLong),
            _ => Ok(Self(found.join(" "))),
        }
    }

    /// Takes a text that is one token and nothing else.
    ///
    /// # Errors
    /// If it is another text.
    pub fn token(text: impl AsRef<str>) -> Result<Self, PhraseError> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(PhraseError::NoToken);
        }
        if text.chars().all(is_token_char) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PhraseError::NotOneToken)
        }
    }

    /// The tokens, joined by single spaces.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tokens, at least one.
    pub fn tokens(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.split(' ')
    }

    /// Whether it is a single token.
    #[must_use]
    pub fn is_token(&self) -> bool {
        !self.0.contains(' ')
    }

    /// Whether a text has these tokens one after the other, whatever separates them.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let mut rest = tokens(text);
        loop {
            let mut here = rest.clone();
            if self.tokens().all(|token| here.next() == Some(token)) {
                return true;
            }
            if rest.next().is_none() {
                return false;
            }
        }
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Phrase> for String {
    fn from(phrase: Phrase) -> Self {
        phrase.0
    }
}

impl TryFrom<String> for Phrase {
    type Error = PhraseError;

    fn try_from(text: String) -> Result<Self, PhraseError> {
        Self::parse(text)
    }
}

/// A text that is not a phrase, or not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
#[error("{}: {}", self.message(), self.help())]
pub enum PhraseError {
    /// There is no token in it.
    NoToken,
    /// It is more or something else than a token.
    NotOneToken,
    /// It is beyond [`limits::PHRASE`].
    TooLong,
}

impl PhraseError {
    /// What is wrong: a lowercase fragment.
    #[must_use]
    pub fn message(self) -> String {
        match self {
            Self::NoToken => "there is no letter, digit or `_` to look for".to_owned(),
            Self::NotOneToken => {
                "more than one token: a token is a run of letters, digits and `_`".to_owned()
            }
            Self::TooLong => format!("a phrase of more than {} tokens", limits::PHRASE),
        }
    }

    /// The way out.
    #[must_use]
    pub const fn help(self) -> &'static str {
        match self {
            Self::NoToken => "look for it with `contains`",
            Self::NotOneToken => "use `has_phrase` for tokens in sequence, `contains` for bytes",
            Self::TooLong => "look for fewer tokens, or for the text as it is with `contains`",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Phrase, PhraseError, tokens};
    use crate::predicate::limits;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(tokens(text).collect::<Vec<_>>(), expected, "{text:?}");
    }

    #[test]
    fn a_text_has_tokens() {
        check("GET /v1/users?id=42", &["GET", "v1", "users", "id", "42"]);
        check("user_id=a-b__c", &["user_id", "a", "b__c"]);
        check("Größe 温度 ٣ ½", &["Größe", "温度", "٣", "½"]);
        check("cafe\u{301}s", &["cafe", "s"]);
        check("a\u{0}b\u{200d}c\u{a0}d“e”", &["a", "b", "c", "d", "e"]);
        check("", &[]);
        check(" --\n🦀 ", &[]);
    }

    #[test]
    fn a_phrase_is_tokens_in_sequence() {
        let phrase = Phrase::parse(" timed,out ").unwrap();
        assert_eq!(phrase.as_str(), "timed out");
        for text in ["read timed out", "timed--out", "timed timed\nout."] {
            assert!(phrase.is_in(text), "{text}");
        }
        for text in ["timedout", "timed_out", "timed  way out", "untimed out", "Timed out", "out"] {
            assert!(!phrase.is_in(text), "{text}");
        }
        let token = Phrase::token("out").unwrap();
        assert!(token.is_token() && !phrase.is_token());
        assert!(token.is_in("timed-out!") && !token.is_in("about outs"));
    }

    #[test]
    fn what_is_no_phrase_is_refused() {
        assert_eq!(Phrase::parse("--"), Err(PhraseError::NoToken));
        assert_eq!(Phrase::token(""), Err(PhraseError::NoToken));
        assert_eq!(Phrase::token("a b"), Err(PhraseError::NotOneToken));
        assert_eq!(Phrase::token("a-"), Err(PhraseError::NotOneToken));
        let most = vec!["a"; limits::PHRASE].join(" ");
        assert!(Phrase::parse(&most).is_ok());
        assert_eq!(Phrase::parse(most + " a"), Err(PhraseError::TooLong));
        let json = |text: &str| serde_json::from_str::<Phrase>(text);
        assert_eq!(json("\"a,  b\"").unwrap().as_str(), "a b");
        assert!(json("\"\"").is_err() && json("\", \"").is_err());
    }

    proptest! {
        /// Between separators a token is found as it is, and a phrase in any text that has it.
        #[test]
        fn what_is_put_in_is_found(
            before in "[ab _é.-]{0,8}", phrase in "[ab_é]{1,2}( [ab_é]{1,2}){0,2}",
            between in "[ ./\u{301}-]{1,3}", after in "[ab _é.-]{0,8}",
        ) {
            let found = Phrase::parse(&phrase).unwrap();
            let text = format!("{before} {} {after}", phrase.replace(' ', &between));
            prop_assert!(found.is_in(&text), "{text:?}");
            prop_assert_eq!(tokens(&phrase).collect::<Vec<_>>(), found.tokens().collect::<Vec<_>>());
        }
    }
}
