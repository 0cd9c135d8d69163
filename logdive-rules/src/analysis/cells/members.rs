//! Members of sets: which kinds there are, told apart by the tests of one member.

#![expect(
    clippy::mutable_key_type,
    reason = "a pattern is compared and hashed by its text, which does not change"
)]

use std::collections::HashMap;

use logdive_core::predicate::Quantifier;
use logdive_core::{Fact, Predicate, ValueType};

use super::merged::Merged;
use super::values::candidates;
use super::{Cell, State, Term};
use crate::analysis::budget::Budget;

/// The quantifier of a term over members, and the number of its test; none for other terms.
pub(crate) type Tested = Option<(Quantifier, usize)>;

/// What a set may have in it, told apart by the tests of its members.
#[derive(Debug)]
pub(crate) struct Members {
    /// Kinds of members. Of which there are some in the set is all that terms can see.
    pub(crate) cells: Vec<Cell>,
    /// For each term of the entry its quantifier and test, if it is one over members.
    pub(crate) tested: Vec<Tested>,
}

impl Members {
    pub(super) fn new(
        kind: &ValueType,
        terms: &[&Predicate],
        budget: Budget,
        left: &mut usize,
    ) -> (Self, Option<String>) {
        let (tests, tested) = tests(terms);
        let (candidates, undecided) = candidates(kind, &[], &tests, budget, 1, left);
        let tests: Vec<Term> =
            tests.into_iter().map(|test| Term { view: 0, predicate: test.clone() }).collect();
        // A member is read as it is.
        let mut found = Merged::new("", &[], &tests);
        for (value, rank) in candidates.into_iter().filter(|(value, _)| value.is_a(kind)) {
            found.add(State::Known, Fact::Known(value), rank);
        }
        (Self { cells: found.into_cells(), tested }, undecided)
    }

    /// The tests of members, in their order.
    pub(super) fn tests(terms: &[Term]) -> Vec<&Predicate> {
        let terms: Vec<&Predicate> = terms.iter().map(|term| &term.predicate).collect();
        tests(&terms).0
    }
}

/// The tests of members in terms, each once, and for each term which it asks.
fn tests<'a>(terms: &[&'a Predicate]) -> (Vec<&'a Predicate>, Vec<Tested>) {
    let mut tests: Vec<&Predicate> = Vec::new();
    let mut index: HashMap<&Predicate, usize> = HashMap::new();
    let tested = terms.iter().map(|term| match term {
        Predicate::Each { quantifier, test, .. } => {
            let at = *index.entry(test).or_insert_with(|| {
                tests.push(test);
                tests.len() - 1
            });
            Some((*quantifier, at))
        }
        _ => None,
    });
    let tested = tested.collect();
    (tests, tested)
}
