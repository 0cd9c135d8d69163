//! From a masked text to its words and what stands between them.
//!
//! `#` is a hole. A word has letters and no hole; everything else is a gap: delimiters, holes,
//! and what looks like a word but is a part of a time or a unit of a number.

use std::borrow::Cow;
use std::collections::HashMap;

use super::pieces::{Piece, pieces};
use super::{MAX_MASKED, MAX_WORD, MAX_WORDS};

/// A hole.
pub(super) const HOLE: char = '#';

/// Texts by number.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Vocabulary {
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    pub(super) fn text(&self, number: u32) -> &str {
        let place = usize::try_from(number).ok();
        place.and_then(|place| self.texts.get(place)).map_or("", String::as_str)
    }

    /// Numbers the texts in their own order, so that the order in which they came is forgotten,
    /// and gives the new number of each old one.
    pub(super) fn sort(&mut self) -> Vec<u32> {
        let mut texts: Vec<(String, usize)> =
            std::mem::take(&mut self.texts).into_iter().zip(0..).collect();
        texts.sort_unstable();
        let mut new = vec![0; texts.len()];
        for (number, (text, old)) in (0..).zip(texts) {
            if let Some(place) = new.get_mut(old) {
                *place = number;
            }
            self.texts.push(text);
        }
        for number in self.numbers.values_mut() {
            let old = usize::try_from(*number).ok();
            *number = old.and_then(|old| new.get(old)).copied().unwrap_or_default();
        }
        new
    }

    pub(super) const fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether a word is written as states and methods are: `RUNNING`, `GET`, `AUTH_FAILED`.
    pub(super) fn is_state(&self, number: u32) -> bool {
        let text = self.text(number);
        text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    }
}

/// Whether a word is a path, a URL or an e-mail address: a value, not what a line says.
pub(super) fn is_place(word: &str) -> bool {
    word.starts_with('/') || word.contains(":\\") || word.contains("://") || word.contains('@')
}

/// A text's words and the gaps around them: one gap more than words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) words: Vec<u32>,
    pub(super) gaps: Vec<u32>,
}

impl Cut {
    /// Takes new numbers for old ones.
    pub(super) fn renumber(&mut self, new: &[u32]) {
        for number in self.words.iter_mut().chain(&mut self.gaps) {
            let old = usize::try_from(*number).ok();
            *number = old.and_then(|old| new.get(old)).copied().unwrap_or_default();
        }
    }
}

/// Cuts a masked text. One without words has its gap as its only word.
pub(super) fn cut(form: &str, vocabulary: &mut Vocabulary) -> Cut {
    let (form, is_cut) = looked_at(form);
    let pieces = pieces(form);
    let words = pieces.iter().filter(|piece| matches!(piece, Piece::Word(_))).count();
    let mut out =
        Cut { words: Vec::with_capacity(words.max(1)), gaps: Vec::with_capacity(words + 2) };
    let mut gap = String::new();
    for piece in pieces {
        match piece {
            Piece::Gap(text) => gap.push_str(text),
            Piece::Hole => gap.push(HOLE),
            Piece::Word(word) if word.len() > MAX_WORD => gap.push(HOLE),
            Piece::Word(_) if out.words.len() == MAX_WORDS => {
                gap.push(HOLE);
                break;
            }
            Piece::Word(word) => {
                out.gaps.push(vocabulary.number(&joined(&gap)));
                out.words.push(vocabulary.number(word));
                gap.clear();
            }
        }
    }
    if is_cut {
        gap.push(HOLE);
    }
    let last = vocabulary.number(&joined(&gap));
    if out.words.is_empty() {
        let nothing = vocabulary.number("");
        return Cut { words: vec![last], gaps: vec![nothing, nothing] };
    }
    out.gaps.push(last);
    repeated(&mut out, vocabulary);
    out
}

/// Longest run of words that is looked for again right behind itself.
const RUN: usize = 8;

/// Takes out runs of words that repeat the run in front of them with other numbers: lists of
/// records are as long as they are. What is left ends in a hole.
fn repeated(cut: &mut Cut, vocabulary: &mut Vocabulary) {
    let mut at = 0;
    while at < cut.words.len() {
        let run = (1..=RUN).find(|run| is_repeated(cut, at, *run, vocabulary));
        let Some(run) = run else {
            at += 1;
            continue;
        };
        // The run behind goes, and the gap in front of it; the gap behind it has a hole.
        cut.words.drain(at + run..at + 2 * run);
        cut.gaps.drain(at + run..at + 2 * run);
        if let Some(gap) = cut.gaps.get_mut(at + run) {
            let text = vocabulary.text(*gap);
            if !text.contains(HOLE) {
                *gap = vocabulary.number(&joined(&format!(" {HOLE}{text}")));
            }
        }
    }
}

/// Whether a run of words and the gaps between them come again right behind, and have a hole.
fn is_repeated(cut: &Cut, at: usize, run: usize, vocabulary: &Vocabulary) -> bool {
    let same = |all: &[u32], length: usize| {
        let first = all.get(at..at + length);
        first.is_some() && first == all.get(at + run..at + run + length)
    };
    let inside = cut.gaps.get(at + 1..=at + run).unwrap_or_default();
    cut.words.get(at) == cut.words.get(at + run)
        && same(&cut.words, run)
        && cut.gaps.get(at + 1..at + run) == cut.gaps.get(at + run + 1..at + 2 * run)
        && inside.iter().any(|gap| vocabulary.text(*gap).contains(HOLE))
}

/// The part of a masked text that is looked at, and whether there is more. The last word of it
/// may be cut and is left out.
fn looked_at(form: &str) -> (&str, bool) {
    if form.len() <= MAX_MASKED {
        return (form, false);
    }
    let mut end = MAX_MASKED;
    while !form.is_char_boundary(end) {
        end -= 1;
    }
    let part = form.get(..end).unwrap_or_default();
    (part.rfind(' ').and_then(|space| part.get(..=space)).unwrap_or(part), true)
}

/// The text with one hole where there were several with nothing but separators between them.
pub(super) fn joined(text: &str) -> Cow<'_, str> {
    if text.bytes().filter(|byte| char::from(*byte) == HOLE).nth(1).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut held = String::new();
    let mut behind_hole = false;
    for c in text.chars() {
        if c == HOLE {
            if !behind_hole {
                out.push(HOLE);
            }
            held.clear();
            behind_hole = true;
        } else if behind_hole && " ,;:|/.-+".contains(c) {
            held.push(c);
        } else {
            out.push_str(&held);
            held.clear();
            behind_hole = false;
            out.push(c);
        }
    }
    out.push_str(&held);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{Vocabulary, cut, joined};
    use crate::template::normal;

    /// Words between bars.
    fn check(text: &str, expected: &str) {
        let mut vocabulary = Vocabulary::default();
        let form = normal::form(text);
        let cut = cut(&form, &mut vocabulary);
        assert_eq!(cut.gaps.len(), cut.words.len() + 1);
        let words: Vec<&str> = cut.words.iter().map(|word| vocabulary.text(*word)).collect();
        assert_eq!(words.join("|"), expected, "{text}");
    }

    #[test]
    fn numbers_ids_and_addresses_are_no_words() {
        check("took 35 ms, 1.5 s, -3 KB of 10%", "took|of");
        check("10.0.0.1:80 to fe80::1:ab and [::1]:443", "to|and");
        check("00:1b:af:cc:dd:ee up", "up");
        check("3f2504e0-4f89-ffff-aaaa-0305e82c3301 gone", "gone");
        check("blk_-38865049 in /data/blk_1 of 0xdeadbeef", "in|of");
    }

    #[test]
    fn times_are_no_words() {
        check("Sun Dec 04 04:47:44 2005 up", "up");
        check("[10/Oct/2000:13:55:36 -0700] up", "up");
        check("Jul  1 09:00:55 up", "up");
        check("2023-07-10T11:58:13.500Z up at 7:05 PM EDT", "up|at");
        check("Monday, 10-Jul-23 you May go", "Monday|you|May|go");
    }

    #[test]
    fn words_end_at_delimiters_and_keep_their_names() {
        check("user=root tty=ssh (uid=0)", "user|root|tty|ssh|uid");
        check("java.io.IOException: Broken pipe.", "java.io.IOException|Broken|pipe");
        check("http://a.b/c?d=e,f C:\\x\\y std::io", "http://a.b/c?d=e|f|C:\\x\\y|std|io");
        check("enable.........0x1 ... -> done!", "enable|done");
        check("tag=\"View Lock\", say \"View Lock\"", "tag|View Lock|say|View|Lock");
        check("x+ y- *** GOODBYE", "x+|y-|GOODBYE");
    }

    #[test]
    fn lines_without_words_have_one() {
        check("", "");
        check("=====", "=====");
        check(" 12:30 [1, 2, 3]", " # [#]");
    }

    #[test]
    fn what_repeats_with_other_numbers_is_there_once() {
        check("iar 1, dear 2 (3) iar 4, dear 5 (6) iar 7, dear 8 end", "iar|dear|end");
        check("id=1 n=2; id=3 n=4", "id|n");
        check("no no never never", "no|no|never|never");
    }

    #[test]
    fn lists_are_one_hole() {
        assert_eq!(joined("(#, #, #) #:# "), "(#) # ");
        assert_eq!(joined("#=# ##"), "#=#");
    }
}
