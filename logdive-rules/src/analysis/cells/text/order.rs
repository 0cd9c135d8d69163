//! Where a text stands among constants: what `==`, `in` and `<` ask.

use std::collections::HashMap;

use super::alphabet::{Alphabet, Kinds};

/// Where a text stands: equal to a constant, or between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Equal(usize),
    /// So many constants are less. Where only equality is asked for, always none.
    Between(usize),
}

/// An automaton that finds the place of a text among sorted constants.
pub(super) struct Order {
    constants: Vec<Vec<char>>,
    /// Whether it matters between which constants a text stands.
    ordered: bool,
    states: Vec<State>,
    index: HashMap<State, u32>,
}

/// What was read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    /// It is how these constants begin, so many characters deep.
    Prefix { from: usize, to: usize, depth: usize },
    /// It is decided, whatever follows.
    Between(usize),
}

impl Order {
    /// Takes the constants, in any order, and puts what tells them apart into the alphabet.
    pub(super) fn new(constants: &[&str], ordered: bool, alphabet: &mut Alphabet) -> Self {
        let mut constants: Vec<Vec<char>> =
            constants.iter().map(|text| text.chars().collect()).collect();
        constants.sort_unstable();
        constants.dedup();
        for c in constants.iter().flatten() {
            alphabet.one(*c);
            if ordered {
                alphabet.set(vec![(u32::from(*c), char::MAX.into())]);
            }
        }
        Self { constants, ordered, states: Vec::new(), index: HashMap::new() }
    }

    pub(super) fn start(&mut self) -> u32 {
        self.state(State::Prefix { from: 0, to: self.constants.len(), depth: 0 })
    }

    /// Where a character of a kind leads.
    pub(super) fn step(&mut self, at: u32, kinds: &Kinds, kind: usize) -> u32 {
        let Some(State::Prefix { from, to, depth }) = self.states.get(at as usize).copied() else {
            return at;
        };
        let Some(c) = kinds.example.get(kind) else { return at };
        let open = self.constants.get(from..to).unwrap_or_default();
        // A constant that ends here is less than what goes on.
        let first = from + open.partition_point(|text| text.get(depth) < Some(c));
        let after = from + open.partition_point(|text| text.get(depth) <= Some(c));
        let next = if first < after {
            State::Prefix { from: first, to: after, depth: depth + 1 }
        } else {
            self.between(first)
        };
        self.state(next)
    }

    /// Whether what follows changes nothing.
    pub(super) fn is_settled(&self, at: u32) -> bool {
        matches!(self.states.get(at as usize), Some(State::Between(_)))
    }

    /// The place of a text that ends here.
    pub(super) fn place(&self, at: u32) -> Place {
        match self.states.get(at as usize) {
            Some(State::Prefix { from, to, depth }) => {
                let first = self.constants.get(*from).filter(|_| from < to);
                if first.is_some_and(|text| text.len() == *depth) {
                    Place::Equal(*from)
                } else if self.ordered {
                    Place::Between(*from)
                } else {
                    Place::Between(0)
                }
            }
            Some(State::Between(place)) => Place::Between(*place),
            None => Place::Between(0),
        }
    }

    const fn between(&self, less: usize) -> State {
        State::Between(if self.ordered { less } else { 0 })
    }

    fn state(&mut self, state: State) -> u32 {
        let next = self.states.len() as u32;
        let id = *self.index.entry(state).or_insert(next);
        if id == next {
            self.states.push(state);
        }
        id
    }
}
