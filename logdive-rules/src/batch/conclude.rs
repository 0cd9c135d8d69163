//! Ranking, agreement and conflicts of a chunk, on bitmaps: what [`RuleSet::decide`] says of one
//! set of facts, said of 64 at once.

use arrow_array::{Array, BooleanArray};
use logdive_core::Mode;

use super::conditions::Chunk;
use crate::rule::Rule;
use crate::set::RuleSet;

/// Where a rule is true and where it is unknown, a bit a row; neither beyond the last row.
#[derive(Debug, Clone, Default)]
pub(super) struct Truths {
    pub(super) yes: Vec<u64>,
    pub(super) unknown: Vec<u64>,
}

impl Truths {
    pub(super) fn of(truth: &BooleanArray) -> Self {
        let words = |bits: &arrow_buffer::BooleanBuffer| {
            bits.bit_chunks().iter_padded().take(truth.len().div_ceil(64)).collect::<Vec<u64>>()
        };
        let mut yes = words(truth.values());
        let Some(nulls) = truth.nulls() else {
            let unknown = vec![0; yes.len()];
            return Self { yes, unknown };
        };
        let mut unknown = words(nulls.inner());
        for ((yes, unknown), at) in yes.iter_mut().zip(&mut unknown).zip(0..) {
            *unknown = !*unknown & rows_in(truth.len(), at);
            *yes &= !*unknown;
        }
        Self { yes, unknown }
    }
}

/// The bits of a word that are rows.
const fn rows_in(len: usize, word: usize) -> u64 {
    match len.saturating_sub(word * 64) {
        left @ 0..64 => (1 << left) - 1,
        _ => u64::MAX,
    }
}

/// What came out of a chunk.
pub(super) struct Concluded {
    /// For each row the rule that decides.
    pub(super) rule: Vec<u32>,
    pub(super) undetermined: Vec<u64>,
}

/// Where no rule decides.
pub(super) const NO_RULE: u32 = u32::MAX;

/// Rules that rank above others, each before those it ranks above.
pub(super) fn ranking(rules: &RuleSet) -> Vec<usize> {
    let mut above = vec![0_usize; rules.below.len()];
    for below in rules.below.iter().flatten() {
        if let Some(count) = above.get_mut(*below) {
            *count += 1;
        }
    }
    let mut todo: Vec<usize> =
        above.iter().enumerate().filter(|(_, count)| **count == 0).map(|(at, _)| at).collect();
    let mut order = Vec::new();
    while let Some(at) = todo.pop() {
        let below = rules.below.get(at).map(Vec::as_slice).unwrap_or_default();
        if !below.is_empty() {
            order.push(at);
        }
        for below in below {
            if let Some(count) = above.get_mut(*below) {
                *count -= 1;
                if *count == 0 {
                    todo.push(*below);
                }
            }
        }
    }
    order
}

/// Concludes from the truth of each rule, by place; that of rules that are off is not read.
pub(super) fn conclude(
    rules: &RuleSet,
    ranking: &[usize],
    mut truths: Vec<Truths>,
    chunk: &mut Chunk<'_>,
) -> Concluded {
    let width = chunk.len.div_ceil(64);
    take_out(rules, ranking, &mut truths, width);
    let none = || vec![0_u64; width];
    let classes = &rules.compiled().classes;
    let of_classes: Vec<Truths> =
        classes.iter().map(|class| union(class, &truths, width)).collect();
    // Rows that a class has, and rows that two or more have.
    let (mut applies, mut conflict) = (none(), none());
    let (mut open, mut open_twice) = (none(), none());
    for class in &of_classes {
        count(&mut applies, &mut conflict, &class.yes);
        count(&mut open, &mut open_twice, &class.unknown);
    }
    let mut rule = vec![NO_RULE; chunk.len];
    let mut decided = none();
    for (class, truth) in classes.iter().zip(&of_classes) {
        if truth.yes.iter().all(|word| *word == 0) {
            continue;
        }
        // Where no other class applies or could.
        let mut free = truth.yes.clone();
        let words = free.iter_mut().zip(&conflict).zip(&open).zip(&open_twice).zip(&truth.unknown);
        for ((((free, conflict), open), twice), own) in words {
            *free &= !(conflict | twice | (open & !own));
        }
        for (at, mut rows) in asked(rules, class, &truths, free) {
            for slot in rules.compiled().exact.get(at).into_iter().flatten() {
                let exact = Truths::of(&chunk.exact(*slot)).yes;
                rows.iter_mut().zip(exact).for_each(|(rows, exact)| *rows &= exact);
            }
            // There are fewer rules than 2^32: a file has a limit.
            let name = u32::try_from(at).unwrap_or(NO_RULE);
            decided.iter_mut().zip(&rows).for_each(|(decided, rows)| *decided |= rows);
            rows_of(&rows, |row| {
                if let Some(slot) = rule.get_mut(row) {
                    *slot = name;
                }
            });
        }
    }
    let words = applies.iter().zip(&open).zip(&decided);
    let undetermined = words.map(|((applies, open), decided)| (applies | open) & !decided);
    Concluded { rule, undetermined: undetermined.collect() }
}

/// For each rule of a class the rows on which it decides: of the true ones the first, if none of a
/// lower mode is unknown. `free` are the rows on which the class may decide.
fn asked<'a>(
    rules: &'a RuleSet,
    class: &'a [usize],
    truths: &'a [Truths],
    mut free: Vec<u64>,
) -> impl Iterator<Item = (usize, Vec<u64>)> {
    let mut mode = None;
    // Unknown rules of this mode; those of lower ones are out of `free` already.
    let mut pending = vec![0_u64; free.len()];
    class.iter().filter_map(move |at| {
        let truth = truths.get(*at)?;
        let this = rules.rules.get(*at).map(Rule::mode);
        if this != mode {
            mode = this;
            for (free, pending) in free.iter_mut().zip(&mut pending) {
                *free &= !std::mem::take(pending);
            }
        }
        pending.iter_mut().zip(&truth.unknown).for_each(|(pending, more)| *pending |= more);
        if truth.yes.iter().all(|word| *word == 0) {
            return None;
        }
        let rows = free.iter_mut().zip(&truth.yes).map(|(free, yes)| {
            let rows = *free & yes;
            *free &= !yes;
            rows
        });
        Some((*at, rows.collect()))
    })
}

/// Takes every rule out where a true rule ranks above it, directly or through others.
fn take_out(rules: &RuleSet, ranking: &[usize], truths: &mut [Truths], width: usize) {
    let mut out: Vec<Option<Vec<u64>>> =
        vec![None; if ranking.is_empty() { 0 } else { truths.len() }];
    for at in ranking {
        let mut above = out.get(*at).cloned().flatten().unwrap_or_else(|| vec![0; width]);
        if rules.rules.get(*at).is_some_and(|rule| rule.mode() != Mode::Off) {
            let yes = truths.get(*at).into_iter().flat_map(|truth| &truth.yes);
            above.iter_mut().zip(yes).for_each(|(above, yes)| *above |= yes);
        }
        for below in rules.below.get(*at).into_iter().flatten() {
            if let Some(out) = out.get_mut(*below) {
                let out = out.get_or_insert_with(|| vec![0; width]);
                out.iter_mut().zip(&above).for_each(|(out, above)| *out |= above);
            }
        }
    }
    for (truth, out) in truths.iter_mut().zip(&out) {
        let Some(out) = out else { continue };
        for bits in [&mut truth.yes, &mut truth.unknown] {
            bits.iter_mut().zip(out).for_each(|(bits, out)| *bits &= !out);
        }
    }
}

/// Where any rule of a class is true, and where any is unknown.
fn union(class: &[usize], truths: &[Truths], width: usize) -> Truths {
    let mut all = Truths { yes: vec![0; width], unknown: vec![0; width] };
    for truth in class.iter().filter_map(|at| truths.get(*at)) {
        all.yes.iter_mut().zip(&truth.yes).for_each(|(all, more)| *all |= more);
        all.unknown.iter_mut().zip(&truth.unknown).for_each(|(all, more)| *all |= more);
    }
    all
}

fn count(once: &mut [u64], twice: &mut [u64], more: &[u64]) {
    for ((once, twice), more) in once.iter_mut().zip(twice).zip(more) {
        *twice |= *once & more;
        *once |= more;
    }
}

fn rows_of(bits: &[u64], mut row: impl FnMut(usize)) {
    for (word, bits) in bits.iter().enumerate() {
        let mut bits = *bits;
        while bits != 0 {
            row(word * 64 + bits.trailing_zeros() as usize);
            bits &= bits - 1;
        }
    }
}
