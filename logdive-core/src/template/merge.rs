//! Makes one of templates that differ in one place alone.

use std::collections::BTreeSet;

use super::columns::Leaf;
use super::split::{enough, limit};
use super::words::Vocabulary;

/// Templates that share less than half of their words are made one only if so many differ.
const MANY: usize = 100;

/// Merging may bring together what can be merged again, in another place; so often.
const ROUNDS: usize = 4;

/// A template with the sum of the hashes of its places, so that the hash without one of them is a
/// subtraction away.
struct Summed {
    leaf: Leaf,
    sum: u64,
}

impl Summed {
    fn new(leaf: Leaf) -> Self {
        let hashes = leaf.pattern.iter().enumerate().map(|(at, word)| hash(at, *word));
        Self { sum: hashes.fold(0, u64::wrapping_add), leaf }
    }

    fn word(&self, column: usize) -> Option<u32> {
        self.leaf.pattern.get(column).copied().flatten()
    }

    fn without(&self, column: usize) -> u64 {
        self.sum.wrapping_sub(hash(column, self.word(column)))
    }
}

/// SplitMix64 of a place and its word.
fn hash(at: usize, word: Option<u32>) -> u64 {
    let word = word.map_or(0, |word| u64::from(word) + 1);
    let mut hash = ((at as u64) << 33 | word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Merges templates that are the same but for one place, if one of them has a hole there, or if
/// more words stand there than are kept.
pub(super) fn merge(
    leaves: Vec<Leaf>,
    width: usize,
    vocabulary: &Vocabulary,
    few: usize,
) -> Vec<Leaf> {
    let mut leaves: Vec<Summed> = leaves.into_iter().map(Summed::new).collect();
    for _ in 0..ROUNDS {
        let before = leaves.len();
        for column in 0..width {
            merge_at(column, &mut leaves, vocabulary, few);
        }
        if leaves.len() == before {
            break;
        }
    }
    leaves.into_iter().map(|summed| summed.leaf).collect()
}

fn merge_at(column: usize, leaves: &mut Vec<Summed>, vocabulary: &Vocabulary, few: usize) {
    let mut order: Vec<(u64, usize)> =
        leaves.iter().enumerate().map(|(at, leaf)| (leaf.without(column), at)).collect();
    order.sort_unstable();
    let mut merged = false;
    for alike in order.chunk_by(|(a, _), (b, _)| a == b) {
        let [(_, first), others @ ..] = alike else { continue };
        let of: Vec<&Summed> = alike.iter().filter_map(|(_, at)| leaves.get(*at)).collect();
        if others.is_empty() || !agree(column, &of) || !is_hole(column, &of, vocabulary, few) {
            continue;
        }
        merged = true;
        let mut rows = Vec::new();
        for (_, at) in others {
            if let Some(other) = leaves.get_mut(*at) {
                rows.append(&mut other.leaf.rows);
            }
        }
        if let Some(summed) = leaves.get_mut(*first) {
            summed.leaf.rows.append(&mut rows);
            summed.sum = summed.without(column).wrapping_add(hash(column, None));
            if let Some(word) = summed.leaf.pattern.get_mut(column) {
                *word = None;
            }
        }
    }
    if merged {
        leaves.retain(|summed| !summed.leaf.rows.is_empty());
    }
}

/// Whether a place is a hole of templates that are the same but for it.
fn is_hole(column: usize, leaves: &[&Summed], vocabulary: &Vocabulary, few: usize) -> bool {
    let words: BTreeSet<u32> = leaves.iter().filter_map(|leaf| leaf.word(column)).collect();
    let pattern = leaves.first().map(|first| first.leaf.pattern.as_slice()).unwrap_or_default();
    let others = pattern.iter().enumerate().filter(|(at, _)| *at != column);
    let shared = others.filter(|(_, word)| word.is_some()).count();
    if shared > 0 && words.len() < leaves.len() {
        return true;
    }
    let some: Vec<u32> = words.iter().copied().take(enough(few)).collect();
    let most = if shared * 2 >= pattern.len() { limit(vocabulary, &some, few) } else { MANY };
    words.len() > most
}

/// Whether templates are the same but for a place: their hash says so, and may be wrong.
fn agree(column: usize, leaves: &[&Summed]) -> bool {
    let same = |a: &Summed, b: &Summed| {
        let mut places = a.leaf.pattern.iter().zip(&b.leaf.pattern).enumerate();
        places.all(|(at, (a, b))| at == column || a == b)
    };
    leaves.windows(2).all(|pair| matches!(pair, [a, b] if same(a, b)))
}
