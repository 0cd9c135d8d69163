//! The text of a template.

use super::HOLE as PRINTED;
use super::columns::{Leaf, Line};
use super::words::{HOLE, Vocabulary, is_place, joined};

/// What a template is printed from: its words, `None` for holes, and the gaps around them.
#[derive(Debug)]
pub(super) struct Print<'a> {
    words: Vec<Option<&'a str>>,
    gaps: Vec<String>,
}

impl<'a> Print<'a> {
    pub(super) fn new(leaf: &Leaf, lines: &[&Line], vocabulary: &'a Vocabulary) -> Self {
        Self {
            words: leaf.pattern.iter().map(|word| word.map(|word| vocabulary.text(word))).collect(),
            gaps: (0..=leaf.pattern.len()).map(|at| shared(at, lines, vocabulary)).collect(),
        }
    }

    /// What the lines share, with holes where they differ.
    pub(super) fn text(&self) -> String {
        self.with_hole(None)
    }

    /// The texts with a hole in the place of one word more, for each word that is a value: a
    /// path, a name with dots, or what stands behind `=`.
    pub(super) fn wider(&self) -> impl Iterator<Item = String> {
        let value = |(at, word): (usize, &Option<&str>)| {
            let word = (*word)?;
            let gap = self.gaps.get(at).map_or("", String::as_str);
            let value = is_place(word)
                || word.contains(['.', '/', '\\'])
                || gap.trim_end_matches(['"', '\'']).ends_with('=');
            value.then(|| self.with_hole(Some(at)))
        };
        self.words.iter().enumerate().filter_map(value)
    }

    fn with_hole(&self, hole: Option<usize>) -> String {
        let mut text = String::new();
        for (at, gap) in self.gaps.iter().enumerate() {
            text.push_str(gap);
            match self.words.get(at) {
                Some(Some(word)) if hole != Some(at) => text.push_str(word),
                Some(_) => text.push(HOLE),
                None => {}
            }
        }
        joined(text.trim()).replace(HOLE, PRINTED)
    }
}

/// What the gaps at a place share: their beginnings and ends.
fn shared(column: usize, lines: &[&Line], vocabulary: &Vocabulary) -> String {
    let mut gaps: Vec<u32> =
        lines.iter().filter_map(|line| line.gaps.get(column).copied()).collect();
    gaps.sort_unstable();
    gaps.dedup();
    let mut gaps = gaps.into_iter().map(|gap| vocabulary.text(gap));
    let Some(first) = gaps.next() else { return String::new() };
    let (mut head, mut tail, mut shortest, mut same) = (first, first, first.len(), true);
    for gap in gaps {
        same = false;
        head = common(head, gap);
        tail = common_end(tail, gap);
        shortest = shortest.min(gap.len());
    }
    if same {
        return first.to_owned();
    }
    // Of `a` and `a a` the `a` in front is shared, and not another behind it.
    while head.len() + tail.len() > shortest {
        let mut rest = tail.chars();
        rest.next();
        tail = rest.as_str();
    }
    format!("{head}{HOLE}{tail}")
}

fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let length: usize =
        a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    a.get(..length).unwrap_or_default()
}

fn common_end<'a>(a: &'a str, b: &str) -> &'a str {
    let same = a.chars().rev().zip(b.chars().rev()).take_while(|(a, b)| a == b);
    let length: usize = same.map(|(a, _)| a.len_utf8()).sum();
    a.get(a.len() - length..).unwrap_or_default()
}
