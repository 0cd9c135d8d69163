//! Which cells a condition needs: a cheap proof that two rules cannot be true together.

#![expect(
    clippy::mutable_key_type,
    reason = "a pattern is compared and hashed by its text, which does not change"
)]

use std::collections::{BTreeMap, HashMap};

use logdive_core::{Predicate, Truth};

use super::cells::{Domain, State};
use crate::rule::Rule;

/// For some entries, the cells of which one must be taken if a condition is true. Entries that are
/// not named may be in any.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reach(BTreeMap<usize, Box<[u64]>>);

impl Reach {
    /// Whether no cells fit both.
    pub(crate) fn is_disjoint(&self, other: &Self) -> bool {
        self.0.iter().any(|(entry, cells)| {
            other.0.get(entry).is_some_and(|others| {
                cells.iter().zip(others).all(|(cells, others)| cells & others == 0)
            })
        })
    }

    fn both(mut self, other: Self) -> Self {
        for (entry, others) in other.0 {
            match self.0.get_mut(&entry) {
                Some(cells) => {
                    cells.iter_mut().zip(&others).for_each(|(cell, other)| *cell &= other)
                }
                None => {
                    self.0.insert(entry, others);
                }
            }
        }
        self
    }

    fn either(mut self, other: &Self) -> Self {
        self.0.retain(|entry, cells| match other.0.get(entry) {
            Some(others) => {
                cells.iter_mut().zip(others).for_each(|(cell, other)| *cell |= other);
                true
            }
            None => false,
        });
        self
    }

    fn nothing(domains: &[Domain]) -> Self {
        // Of an entry that there is, no cell.
        Self(domains.first().map(|domain| (0, none_of(domain))).into_iter().collect())
    }
}

fn none_of(domain: &Domain) -> Box<[u64]> {
    vec![0; domain.cells.len().div_ceil(64)].into()
}

/// Finds what conditions need.
pub(crate) struct Reaches<'a> {
    domains: &'a [Domain],
    terms: HashMap<&'a Predicate, (usize, usize)>,
}

impl<'a> Reaches<'a> {
    pub(crate) fn new(domains: &'a [Domain]) -> Self {
        let mut terms = HashMap::new();
        for (entry, domain) in domains.iter().enumerate() {
            for (at, term) in domain.terms.iter().enumerate() {
                terms.insert(&term.predicate, (entry, at));
            }
        }
        Self { domains, terms }
    }

    /// What a rule needs to be true.
    pub(crate) fn rule(&self, rule: &Rule) -> Reach {
        let when = self.condition(&rule.when, Truth::True);
        match &rule.unless {
            Some(unless) => when.both(self.condition(unless, Truth::False)),
            None => when,
        }
    }

    fn condition(&self, condition: &Predicate, truth: Truth) -> Reach {
        match (condition, truth) {
            (Predicate::And(terms), Truth::True) | (Predicate::Or(terms), Truth::False) => terms
                .iter()
                .map(|term| self.condition(term, truth))
                .fold(Reach::default(), Reach::both),
            (Predicate::And(terms) | Predicate::Or(terms), _) => {
                let mut ways = terms.iter().map(|term| self.condition(term, truth));
                let Some(first) = ways.next() else { return Reach::nothing(self.domains) };
                ways.fold(first, |all, way| all.either(&way))
            }
            (Predicate::Not(term), _) => self.condition(term, !truth),
            (term, _) => self.term(term, truth),
        }
    }

    fn term(&self, term: &Predicate, truth: Truth) -> Reach {
        let Some((entry, at)) = self.terms.get(term).copied() else { return Reach::default() };
        let Some(domain) = self.domains.get(entry) else { return Reach::default() };
        let mut cells = none_of(domain);
        let mut add = |cell: usize| {
            if let Some(word) = cells.get_mut(cell / 64) {
                *word |= 1 << (cell % 64);
            }
        };
        // What is known of a set, or in no cell, may make the term come to anything.
        let tested = domain.members.as_ref().and_then(|members| *members.tested.get(at)?);
        for (index, cell) in domain.cells.iter().enumerate() {
            let any = tested.is_some() || domain.undecided.is_some();
            if cell.truths.get(at) == Some(&truth) || (any && cell.state == State::Known) {
                add(index);
            }
        }
        Reach(BTreeMap::from([(entry, cells)]))
    }
}
