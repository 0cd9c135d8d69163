//! Texts: one for each combination of answers that the tests of an entry can give.
//!
//! Each test becomes an automaton over kinds of characters; all are run side by side, breadth
//! first from the empty text, so that each combination is found with a shortest text, or proved
//! not to exist. Beyond the limits of texts in [`limits`] it is said that this is not decided.

#![expect(
    clippy::mutable_key_type,
    reason = "a pattern is compared and hashed by its text, which does not change"
)]

use std::collections::{HashMap, HashSet};

use logdive_core::{Comparison, Predicate, Value};

use crate::limits;

mod alphabet;
mod dfa;
mod nfa;
mod order;

use alphabet::{Alphabet, Kinds};
use dfa::{Dfa, StateId};
use nfa::{Nfa, Refused, beside, compiler, word_chars};
use order::Order;

/// Texts that tell the tests of an entry apart.
pub(super) struct Texts {
    /// At least one for each combination of answers.
    pub(super) texts: Vec<String>,
    /// Why there may be combinations that none of the texts has.
    pub(super) undecided: Option<String>,
}

/// Limits of one search, each at most that of [`limits`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) product: usize,
    pub(super) steps: usize,
}

/// Finds texts for the tests of one entry. Terms that test no text are left out.
pub(super) fn texts<'a>(terms: impl Iterator<Item = &'a Predicate>, limits: Limits) -> Texts {
    let mut alphabet = Alphabet::default();
    let mut compiler = compiler(&mut alphabet);
    let mut constants: Vec<&str> = Vec::new();
    let mut ordered = false;
    let mut tests: Vec<Nfa> = Vec::new();
    let mut seen: HashSet<&Predicate> = HashSet::new();
    let mut too_large = false;
    for term in terms.filter(|term| seen.insert(term)) {
        let made = match term {
            Predicate::Compare { comparison, value: Value::Text(text), .. } => {
                ordered |= !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
                constants.push(text);
                continue;
            }
            Predicate::In { values, .. } => {
                constants.extend(values.iter().filter_map(|value| match value {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                }));
                continue;
            }
            Predicate::Text { test, text, .. } => compiler.text(*test, text),
            Predicate::Phrase { phrase, .. } => compiler.phrase(phrase),
            Predicate::Matches { pattern, .. } => compiler.regex(pattern.as_str()),
            _ => continue,
        };
        match made {
            Ok(nfa) => tests.push(nfa),
            // It is unknown of every text, so it tells none apart.
            Err(Refused::Unusable) => {}
            Err(Refused::TooLarge) => too_large = true,
        }
    }
    constants.sort_unstable();
    constants.dedup();
    if tests.is_empty() && !ordered && !too_large {
        let other = other_than(&constants);
        let texts = constants.into_iter().map(str::to_owned).chain([other]).collect();
        return Texts { texts, undecided: None };
    }
    let order = Order::new(&constants, ordered, &mut alphabet);
    let mut found = Texts {
        texts: constants.iter().map(|text| (*text).to_owned()).collect(),
        undecided: too_large
            .then(|| format!("its tests are automata of more than {} states", limits::TEXT_STATES)),
    };
    let asks = tests.iter().fold(0, |asks, nfa| asks | nfa.asks);
    let sides = Sides::new(asks, &mut alphabet);
    match alphabet.kinds() {
        Some(kinds) => {
            let sides: Vec<u8> = (0..kinds.len()).map(|kind| sides.of(&kinds, kind)).collect();
            let mut run = Run::new(order, &tests, &kinds, &sides);
            let why = run.search(limits, &mut found.texts);
            found.undecided = found.undecided.or(why);
        }
        None => found.undecided = Some("its tests name too many kinds of characters".to_owned()),
    }
    found
}

/// The calmest text that is none of these.
fn other_than(constants: &[&str]) -> String {
    let words = ["", "other"].into_iter().map(str::to_owned);
    let more = (2..).map(|number: u64| format!("other{number}"));
    let free = words.chain(more).find(|text| constants.binary_search(&text.as_str()).is_err());
    free.unwrap_or_default()
}

/// The sets of characters that assertions ask for.
struct Sides(Vec<(u8, alphabet::SetId)>);

impl Sides {
    fn new(asks: u8, alphabet: &mut Alphabet) -> Self {
        let code = |c: char| (u32::from(c), u32::from(c));
        let ranges = [
            (beside::LINE_FEED, vec![code('\n')]),
            (beside::RETURN, vec![code('\r')]),
            (beside::ASCII_WORD, word_chars(false)),
            (beside::WORD, word_chars(true)),
            (beside::TOKEN, alphabet::token_chars()),
        ];
        let asked = ranges.into_iter().filter(|(side, _)| asks & side != 0);
        Self(asked.map(|(side, ranges)| (side, alphabet.set(ranges))).collect())
    }

    fn of(&self, kinds: &Kinds, kind: usize) -> u8 {
        let sides = self.0.iter().filter(|(_, set)| kinds.has(*set, kind));
        sides.fold(0, |all, (side, _)| all | side)
    }
}

/// All automata of an entry, side by side.
struct Run<'a> {
    order: Order,
    tests: Vec<Dfa<'a>>,
    kinds: &'a Kinds,
}

/// Where a state was reached from, and by which kind of character.
struct Reached {
    state: Box<[StateId]>,
    from: Option<(usize, usize)>,
}

impl<'a> Run<'a> {
    fn new(order: Order, tests: &'a [Nfa], kinds: &'a Kinds, sides: &[u8]) -> Self {
        let most = limits::TEXT_MEMORY;
        let tests = tests.iter().map(|nfa| Dfa::new(nfa, kinds, sides, most)).collect();
        Self { order, tests, kinds }
    }

    /// Adds a shortest text for each combination of answers; says why if it cannot find all.
    fn search(&mut self, limits: Limits, texts: &mut Vec<String>) -> Option<String> {
        let memory = || format!("a test of it needs more than {} bytes", limits::TEXT_MEMORY);
        let mut first = vec![self.order.start()];
        for test in &mut self.tests {
            match test.start() {
                Ok(state) => first.push(state),
                Err(dfa::TooLarge) => return Some(memory()),
            }
        }
        let first: Box<[StateId]> = first.into();
        let mut index: HashMap<Box<[StateId]>, usize> = HashMap::from([(first.clone(), 0)]);
        let mut reached = vec![Reached { state: first, from: None }];
        let mut answers = HashSet::new();
        let (mut at, mut steps) = (0, 0);
        while let Some(Reached { state, .. }) = reached.get(at) {
            let state = state.clone();
            if answers.insert(self.answers(&state)) {
                if answers.len() > limits::TEXT_CELLS {
                    return Some(format!(
                        "its tests tell apart more than {} kinds of text",
                        limits::TEXT_CELLS
                    ));
                }
                texts.push(self.text(&reached, at));
            }
            if !self.is_settled(&state) {
                steps += self.kinds.len();
                let Some(leaves) = self.step(&state) else { return Some(memory()) };
                for (kind, next) in leaves.into_iter().enumerate() {
                    if index.contains_key(&next) {
                        continue;
                    }
                    index.insert(next.clone(), reached.len());
                    reached.push(Reached { state: next, from: Some((at, kind)) });
                }
                if reached.len() > limits.product || steps > limits.steps {
                    return Some(format!(
                        "its tests need more than {} states side by side",
                        limits.product
                    ));
                }
            }
            at += 1;
        }
        None
    }

    /// Where each kind of character leads; `None` if that takes too much memory.
    fn step(&mut self, state: &[StateId]) -> Option<Vec<Box<[StateId]>>> {
        let (order, tests) = state.split_first()?;
        let mut leaves: Vec<Vec<StateId>> = (0..self.kinds.len())
            .map(|kind| {
                let mut next = Vec::with_capacity(state.len());
                next.push(self.order.step(*order, self.kinds, kind));
                next
            })
            .collect();
        for (test, at) in self.tests.iter_mut().zip(tests) {
            let step = test.step(*at).ok()?;
            for (leaf, next) in leaves.iter_mut().zip(step) {
                leaf.push(*next);
            }
        }
        Some(leaves.into_iter().map(Into::into).collect())
    }

    fn is_settled(&self, state: &[StateId]) -> bool {
        let Some((order, tests)) = state.split_first() else { return true };
        self.order.is_settled(*order) && tests.iter().all(|at| *at == dfa::PASSED)
    }

    /// What all tests say of a text that ends here.
    fn answers(&self, state: &[StateId]) -> (order::Place, Box<[bool]>) {
        let (order, tests) = state.split_first().unwrap_or((&0, &[]));
        let passes = self.tests.iter().zip(tests).map(|(test, at)| test.passes(*at));
        (self.order.place(*order), passes.collect())
    }

    /// The text that led to a state.
    fn text(&self, reached: &[Reached], at: usize) -> String {
        let mut text: Vec<char> = Vec::new();
        let mut from = reached.get(at).and_then(|reached| reached.from);
        while let Some((before, kind)) = from {
            text.extend(self.kinds.example.get(kind));
            from = reached.get(before).and_then(|reached| reached.from);
        }
        text.into_iter().rev().collect()
    }
}

#[cfg(test)]
mod tests;
