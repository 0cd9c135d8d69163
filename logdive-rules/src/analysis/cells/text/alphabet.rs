//! The alphabet of a set of tests: kinds of characters that no test can tell apart.

use std::collections::HashMap;
use std::sync::OnceLock;

use logdive_core::predicate::phrase::is_token_char;

/// A set of characters, as ranges of code points, ends included.
pub(super) type Ranges = Vec<(u32, u32)>;

/// The number of a set of characters in an [`Alphabet`].
pub(super) type SetId = usize;

const AFTER_LAST: u32 = 0x11_0000;
/// Code points that are no characters.
const SURROGATES: (u32, u32) = (0xD800, 0xDFFF);
/// Beyond so many comparisons of ranges with sets an alphabet is too large.
const WORK: usize = 20_000_000;

/// The sets of characters that tests ask for, each once.
#[derive(Default)]
pub(super) struct Alphabet {
    sets: Vec<Ranges>,
    index: HashMap<Ranges, SetId>,
}

/// The kinds of characters: each character is of one kind, and of two of a kind all sets have
/// both or neither.
pub(super) struct Kinds {
    /// A character of each kind, printable if the kind has one.
    pub(super) example: Vec<char>,
    /// For each set, which kinds are in it.
    members: Vec<Vec<bool>>,
}

impl Alphabet {
    /// The set of these ranges; they may overlap and be in any order.
    pub(super) fn set(&mut self, mut ranges: Ranges) -> SetId {
        ranges.sort_unstable();
        let mut joined: Ranges = Vec::with_capacity(ranges.len());
        for (start, end) in ranges {
            match joined.last_mut() {
                Some((_, last)) if start <= last.saturating_add(1) => *last = (*last).max(end),
                _ => joined.push((start, end)),
            }
        }
        if let Some(id) = self.index.get(&joined) {
            return *id;
        }
        let id = self.sets.len();
        self.index.insert(joined.clone(), id);
        self.sets.push(joined);
        id
    }

    /// The set of one character.
    pub(super) fn one(&mut self, c: char) -> SetId {
        self.set(vec![(u32::from(c), u32::from(c))])
    }

    /// Finds the kinds; `None` if that takes too long.
    pub(super) fn kinds(&self) -> Option<Kinds> {
        let mut edges = vec![0, SURROGATES.0, SURROGATES.1 + 1];
        for (start, end) in self.sets.iter().flatten() {
            edges.extend([*start, end + 1]);
        }
        edges.sort_unstable();
        edges.dedup();
        edges.retain(|edge| *edge < AFTER_LAST);
        if edges.len().checked_mul(self.sets.len() + 1)? > WORK {
            return None;
        }
        // Parts of the code space are told apart by one set after the other.
        let mut group: Vec<u32> = vec![0; edges.len()];
        let mut inside: Vec<bool> = Vec::new();
        for set in &self.sets {
            inside.clear();
            let mut ranges = set.iter().peekable();
            for edge in &edges {
                while ranges.next_if(|(_, end)| end < edge).is_some() {}
                inside.push(ranges.peek().is_some_and(|(start, _)| start <= edge));
            }
            let mut seen: HashMap<(u32, bool), u32> = HashMap::new();
            for (group, inside) in group.iter_mut().zip(&inside) {
                let next = seen.len() as u32;
                *group = *seen.entry((*group, *inside)).or_insert(next);
            }
        }
        let mut best: HashMap<u32, (u32, char)> = HashMap::new();
        for (at, (edge, group)) in edges.iter().zip(&group).enumerate() {
            if (SURROGATES.0..=SURROGATES.1).contains(edge) {
                continue;
            }
            let end = edges.get(at + 1).copied().unwrap_or(AFTER_LAST) - 1;
            if let Some(found) = example(*edge, end) {
                let slot = best.entry(*group).or_insert(found);
                if found.0 < slot.0 {
                    *slot = found;
                }
            }
        }
        let mut found: Vec<(u32, char)> = best.into_values().collect();
        found.sort_unstable();
        let example: Vec<char> = found.into_iter().map(|(_, c)| c).collect();
        let members = self.sets.iter().map(|set| example.iter().map(|c| has(set, *c)).collect());
        Some(Kinds { members: members.collect(), example })
    }
}

impl Kinds {
    pub(super) fn len(&self) -> usize {
        self.example.len()
    }

    /// Whether the characters of a kind are in a set.
    pub(super) fn has(&self, set: SetId, kind: usize) -> bool {
        self.members.get(set).and_then(|kinds| kinds.get(kind)).copied().unwrap_or(false)
    }
}

pub(super) fn has(set: &[(u32, u32)], c: char) -> bool {
    let code = u32::from(c);
    let at = set.partition_point(|(_, end)| *end < code);
    set.get(at).is_some_and(|(start, _)| *start <= code)
}

/// The character of a range that a person reads best, and how well: least is best.
fn example(start: u32, end: u32) -> Option<(u32, char)> {
    const LIKED: [(char, char); 7] =
        [('x', 'x'), ('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_'), ('-', '-'), (' ', '~')];
    for (rank, (low, high)) in LIKED.into_iter().enumerate() {
        let first = start.max(low.into());
        if first <= end.min(high.into()) {
            return Some((rank as u32, char::from_u32(first)?));
        }
    }
    // Of what is left a letter is better than a mark, and anything better than a control.
    let looked_at = (start..=end).take(32).filter_map(char::from_u32);
    let rank = |c: char| match c {
        c if c.is_alphanumeric() => 10,
        c if c.is_control() => 30,
        _ => 20,
    };
    looked_at.map(|c| (rank(c), c)).min()
}

/// The characters of tokens, as core's `has_token` has them.
pub(super) fn token_chars() -> Ranges {
    static RANGES: OnceLock<Ranges> = OnceLock::new();
    RANGES.get_or_init(|| ranges_of(is_token_char)).clone()
}

fn ranges_of(is_in: impl Fn(char) -> bool) -> Ranges {
    let mut ranges: Ranges = Vec::new();
    for c in ('\0'..=char::MAX).filter(|c| is_in(*c)) {
        let code = u32::from(c);
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == code => *end = code,
            _ => ranges.push((code, code)),
        }
    }
    ranges
}

/// All characters but these.
pub(super) fn complement(ranges: &[(u32, u32)]) -> Ranges {
    let mut rest = Vec::with_capacity(ranges.len() + 1);
    let mut from = 0;
    for (start, end) in ranges {
        if from < *start {
            rest.push((from, start - 1));
        }
        from = end + 1;
    }
    if from < AFTER_LAST {
        rest.push((from, AFTER_LAST - 1));
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::{Alphabet, complement, token_chars};

    #[test]
    fn characters_of_a_kind_are_in_the_same_sets() {
        let mut alphabet = Alphabet::default();
        let vowels = alphabet.set("aeiou".chars().map(|c| (c.into(), c.into())).collect());
        let token = alphabet.set(token_chars());
        let x = alphabet.one('x');
        assert_eq!(alphabet.one('x'), x);
        let kinds = alphabet.kinds().unwrap();
        // Vowels, `x`, other token characters, the rest.
        assert_eq!(kinds.len(), 4);
        let kind = |c: char| kinds.example.iter().position(|e| *e == c).unwrap();
        assert!(kinds.has(vowels, kind('a')) && kinds.has(token, kind('a')));
        assert!(kinds.has(x, kind('x')) && !kinds.has(vowels, kind('x')));
        assert!(kinds.has(token, kind('b')) && !kinds.has(token, kind('-')));
    }

    #[test]
    fn a_complement_is_the_rest() {
        assert_eq!(complement(&[]), [(0, 0x10_FFFF)]);
        assert_eq!(complement(&[(0, 4), (7, 0x10_FFFF)]), [(5, 6)]);
        assert_eq!(complement(&complement(&token_chars())), token_chars());
    }
}
