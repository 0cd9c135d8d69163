//! Places in a text, counted as people do.

use std::ops::Range;

use serde::Serialize;

/// How many bytes lie between places whose character is counted beforehand.
const BLOCK: usize = 4_096;

/// A place in a text, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The line. Line feeds end lines.
    pub line: usize,
    /// The character in its line.
    pub column: usize,
}

/// A text and where its lines begin: finds the place of a byte without reading all before it.
#[derive(Debug, Clone)]
// Invariant: `starts` is not empty and rises; `characters` has the number of characters that begin
// before each multiple of `BLOCK`.
pub struct TextLines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    characters: Vec<usize>,
}

impl<'a> TextLines<'a> {
    /// Reads a text once.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let feeds = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        let starts = std::iter::once(0).chain(feeds).collect();
        let mut before = 0;
        let characters = text.as_bytes().chunks(BLOCK).map(|block| {
            let so_far = before;
            before += begun(block);
            so_far
        });
        Self { text, characters: characters.collect(), starts }
    }

    /// The text.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The place of a byte. One inside a character has that character's place, one beyond the text
    /// that of its end.
    #[must_use]
    pub fn place(&self, at: usize) -> Place {
        let at = self.boundary(at);
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        Place { line, column: self.characters_before(at) - self.characters_before(start) + 1 }
    }

    /// The bytes of a line, counted from one, without what ends it.
    pub(super) fn line(&self, line: usize) -> Range<usize> {
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).copied();
        let start = start.unwrap_or(self.text.len());
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let returns = self.text.get(start..end).is_some_and(|line| line.ends_with('\r'));
        start..end - usize::from(returns)
    }

    /// The start of the character that a byte belongs to.
    pub(super) fn boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// How many characters begin before a byte.
    fn characters_before(&self, at: usize) -> usize {
        // A text that ends with a block has no count for what follows it.
        let block = (at / BLOCK).min(self.characters.len().saturating_sub(1));
        let before = self.characters.get(block).copied().unwrap_or_default();
        before + begun(self.text.as_bytes().get(block * BLOCK..at).unwrap_or_default())
    }
}

/// How many characters begin in these bytes.
fn begun(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BLOCK, Place, TextLines};

    #[test]
    fn places_are_counted_from_one() {
        let lines = TextLines::new("é\r\nab\n");
        let place = |line, column| Place { line, column };
        for (at, expected) in [
            (0, place(1, 1)),
            (1, place(1, 1)),
            (2, place(1, 2)),
            (4, place(2, 1)),
            (6, place(2, 3)),
            (7, place(3, 1)),
            (99, place(3, 1)),
        ] {
            assert_eq!(lines.place(at), expected, "{at}");
        }
        assert_eq!((lines.line(1), lines.line(2), lines.line(3)), (0..2, 4..6, 7..7));
        assert_eq!(TextLines::new("").place(3), place(1, 1));
        let whole = "x".repeat(BLOCK);
        assert_eq!(TextLines::new(&whole).place(BLOCK), place(1, BLOCK + 1));
    }

    proptest! {
        #[test]
        fn a_place_is_what_counting_gives(
            parts in proptest::collection::vec(("[a-zé漢🦀\n]{0,20}", 1_usize..400), 0..20),
            at in any::<prop::sample::Index>(),
        ) {
            let text: String = parts.iter().map(|(part, times)| part.repeat(*times)).collect();
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let before = text.get(..at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
            prop_assert_eq!(TextLines::new(&text).place(at), Place { line, column });
        }
    }
}
