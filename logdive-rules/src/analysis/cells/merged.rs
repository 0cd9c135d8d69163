//! Facts with the same answers are one cell.

use std::collections::HashMap;

use logdive_core::{Fact, Truth};

use super::{Cell, State, Term};
use crate::schema::Entry;

/// What all views make of a fact.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Seen {
    pub(super) truths: Vec<Truth>,
    pub(super) known: Vec<bool>,
    incomplete: Vec<bool>,
}

impl Seen {
    pub(super) fn new(name: &str, views: &[Option<Entry>], terms: &[Term], fact: &Fact) -> Self {
        let admitted: Vec<Fact> = views
            .iter()
            .map(|entry| match entry {
                Some(entry) => entry.admit(name, fact.clone()),
                None => fact.clone(),
            })
            .collect();
        let read = |view: usize| admitted.get(view).unwrap_or(fact);
        Self {
            truths: terms
                .iter()
                .map(|term| term.predicate.eval(&|_| read(term.view).clone()))
                .collect(),
            known: admitted.iter().map(|fact| fact.known().is_some()).collect(),
            incomplete: admitted.iter().map(Fact::is_incomplete).collect(),
        }
    }
}

/// Facts by what all views make of them.
pub(super) struct Merged<'a> {
    name: &'a str,
    views: &'a [Option<Entry>],
    terms: &'a [Term],
    cells: Vec<(Cell, u8)>,
    index: HashMap<(State, Seen), usize>,
}

impl<'a> Merged<'a> {
    pub(super) fn new(name: &'a str, views: &'a [Option<Entry>], terms: &'a [Term]) -> Self {
        Self { name, views, terms, cells: Vec::new(), index: HashMap::new() }
    }

    pub(super) fn into_cells(self) -> Vec<Cell> {
        self.cells.into_iter().map(|(cell, _)| cell).collect()
    }

    pub(super) fn add(&mut self, state: State, fact: Fact, rank: u8) -> usize {
        let key = (state, Seen::new(self.name, self.views, self.terms, &fact));
        if let Some(at) = self.index.get(&key) {
            if let Some((cell, best)) = self.cells.get_mut(*at) {
                if rank < *best {
                    *best = rank;
                    cell.facts.insert(0, fact);
                } else {
                    cell.facts.push(fact);
                }
            }
            return *at;
        }
        let at = self.cells.len();
        let seen = &key.1;
        let cell = Cell {
            state,
            facts: vec![fact],
            truths: seen.truths.clone(),
            known: seen.known.clone(),
            incomplete: seen.incomplete.clone(),
        };
        self.cells.push((cell, rank));
        self.index.insert(key, at);
        at
    }
}
