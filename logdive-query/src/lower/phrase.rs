//! Finding tokens in sequence without splitting every text into tokens.

use logdive_core::Phrase;
use logdive_core::predicate::phrase::is_token_char;
use memchr::memmem;

/// Looks for a phrase: for the bytes of its first token, and only where they are for the rest.
///
/// Time is linear in the text times the number of tokens, which core limits.
#[derive(Debug, Clone)]
pub(super) struct PhraseFinder {
    first: memmem::Finder<'static>,
    rest: Vec<String>,
}

impl PhraseFinder {
    pub(super) fn new(phrase: &Phrase) -> Self {
        let mut tokens = phrase.tokens();
        // A phrase has at least one token.
        let first = tokens.next().unwrap_or_default();
        let first = memmem::Finder::new(first).into_owned();
        Self { first, rest: tokens.map(str::to_owned).collect() }
    }

    /// Occurrences that overlap need not be tried: they lie in one run of token characters, which
    /// is longer than the token.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.first.find_iter(text.as_bytes()).any(|at| {
            let before = text.get(..at).unwrap_or_default();
            let after = text.get(at + self.first.needle().len()..).unwrap_or_default();
            !before.ends_with(is_token_char) && self.follows(after)
        })
    }

    /// Whether what stands behind the first token ends it, and the other tokens follow.
    fn follows(&self, mut text: &str) -> bool {
        for token in &self.rest {
            let next = text.trim_start_matches(|c| !is_token_char(c));
            // Nothing separates: the token before is longer.
            if next.len() == text.len() {
                return false;
            }
            let Some(after) = next.strip_prefix(token.as_str()) else { return false };
            text = after;
        }
        !text.starts_with(is_token_char)
    }
}

#[cfg(test)]
mod tests {
    use logdive_core::Phrase;
    use proptest::prelude::*;

    use super::PhraseFinder;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// The same as core says, which splits the text into tokens.
        #[test]
        fn agrees_with_tokens(
            phrase in "[abé_ .]{1,6}", text in "([abé_]{1,3}|[ ./\u{301}🦀\u{0}]){0,16}"
        ) {
            if let Ok(phrase) = Phrase::parse(&phrase) {
                let found = PhraseFinder::new(&phrase).is_in(&text);
                prop_assert_eq!(found, phrase.is_in(&text), "{:?} in {:?}", phrase, text);
            }
        }
    }
}
