//! The terms of conditions, by the entry they read.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use logdive_core::Predicate;

use super::Domain;
use crate::analysis::budget::Budget;
use crate::schema::Schema;

/// A term and the view that reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Term {
    /// One rule set has one view; two versions that are compared have one each, since they may
    /// declare an entry otherwise and so see the same fact otherwise.
    pub(crate) view: usize,
    pub(crate) predicate: Predicate,
}

/// The terms of conditions, by the entry they read.
#[derive(Default)]
pub(crate) struct Terms<'a> {
    by_entry: BTreeMap<&'a str, Vec<Term>>,
    seen: HashSet<(usize, &'a Predicate)>,
}

impl<'a> Terms<'a> {
    /// Adds what a condition reads in a view.
    pub(crate) fn add(&mut self, view: usize, condition: &'a Predicate) {
        let mut open = vec![condition];
        while let Some(condition) = open.pop() {
            match condition {
                Predicate::And(terms) | Predicate::Or(terms) => open.extend(terms),
                Predicate::Not(term) => open.push(term),
                term => {
                    if let Some(field) = term.fields().first()
                        && self.seen.insert((view, term))
                    {
                        let terms = self.by_entry.entry(field.name()).or_default();
                        terms.push(Term { view, predicate: term.clone() });
                    }
                }
            }
        }
    }

    /// The cells of every entry of the schemas, one for each view.
    pub(crate) fn domains(mut self, schemas: &[&Schema], budget: Budget) -> Vec<Domain> {
        let mut left = budget.cells;
        let names: BTreeSet<&String> =
            schemas.iter().flat_map(|schema| schema.entries.keys()).collect();
        let domains = names.into_iter().map(|name| {
            let views = schemas.iter().map(|schema| schema.entries.get(name).cloned()).collect();
            let terms = self.by_entry.remove(name.as_str()).unwrap_or_default();
            Domain::new(name, views, terms, budget, &mut left)
        });
        domains.collect()
    }
}
