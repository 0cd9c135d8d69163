//! Cells: for each entry of a schema, the finitely many kinds of facts that no term of the rules
//! can tell apart.
//!
//! Every term reads one entry. Where its answer may change is known for each type, so facts around
//! these places stand for all; core's own evaluator answers every term of each, and facts with the
//! same answers are one cell. So the cells are exact whatever the terms mean.
//!
//! What is measured by counting is never negative. Any entry may be unavailable, a ticket's too: a
//! required field that a ticket lacks is. A lower bound is a state of its own where the schema
//! lets it be one.

use std::collections::BTreeSet;

use logdive_core::{
    Fact, Function, Predicate, Reason, ReasonKind, Truth, Value, ValueSet, ValueType,
};

use super::budget::Budget;
use crate::schema::{Entry, Origin};

mod members;
mod merged;
mod terms;
mod text;
mod values;

pub(crate) use members::Members;
use merged::{Merged, Seen};
pub(crate) use terms::{Term, Terms};
#[cfg(feature = "proptest")]
pub(crate) use values::calm;
use values::candidates;
pub(crate) use values::distance;

/// In which state a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum State {
    Known,
    AtLeast,
    Absent,
    Unavailable,
}

/// Facts that no term can tell apart.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) state: State,
    /// Some of them, the one that reads best first.
    // Invariant: not empty.
    pub(crate) facts: Vec<Fact>,
    /// What each term of the entry says of them.
    pub(crate) truths: Vec<Truth>,
    /// For each view, whether it knows them exactly.
    pub(crate) known: Vec<bool>,
    /// For each view, whether it sees a lower bound or nothing.
    pub(crate) incomplete: Vec<bool>,
}

impl Cell {
    /// The fact that reads best.
    pub(crate) fn fact(&self) -> Fact {
        self.facts.first().cloned().unwrap_or(Fact::Absent)
    }
}

/// An entry of a schema with its cells.
#[derive(Debug)]
pub(crate) struct Domain {
    pub(crate) name: String,
    /// How each view declares it; none if a view does not.
    pub(crate) views: Vec<Option<Entry>>,
    /// The terms that read it, each once for each view that has it.
    pub(crate) terms: Vec<Term>,
    /// Known values in order, lower bounds from high to low, absent, unavailable: so that an order
    /// comparison is true in one run of neighbours.
    pub(crate) cells: Vec<Cell>,
    /// The cell of a quiet day.
    pub(crate) calm: usize,
    /// Of a set, what may be in it; its cell of known values stands for all of them.
    pub(crate) members: Option<Members>,
    /// Why there may be further cells of known values or members, if there may.
    pub(crate) undecided: Option<String>,
}

/// One way an entry may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Choice {
    /// Its cell.
    pub(crate) cell: usize,
    /// Of a set that is known: which kinds of members are in it.
    pub(crate) members: Vec<usize>,
}

impl Domain {
    fn new(
        name: &str,
        views: Vec<Option<Entry>>,
        terms: Vec<Term>,
        budget: Budget,
        left: &mut usize,
    ) -> Self {
        let entries: Vec<&Entry> = views.iter().flatten().collect();
        let kind = entries.last().map_or(ValueType::Bool, |entry| entry.kind.clone());
        let bounds = entries.iter().any(|entry| entry.may_be_at_least());
        let may_be = |fact: &Fact| entries.iter().any(|entry| may_be(entry, fact));
        let predicates: Vec<&Predicate> = terms.iter().map(|term| &term.predicate).collect();
        let mut undecided;
        let mut found = Merged::new(name, &views, &terms);
        let mut members = None;
        let mut calm = 0;
        if let ValueType::Set(member) = &kind {
            let (found_members, why) = Members::new(member, &predicates, budget, left);
            members = Some(found_members);
            undecided = why;
            found.add(State::Known, Fact::Known(Value::Set(ValueSet::default())), 0);
        } else {
            let ranges: Vec<(i64, i64)> = entries.iter().filter_map(|entry| entry.range).collect();
            let states = if bounds { 2 } else { 1 };
            let (candidates, why) = candidates(&kind, &ranges, &predicates, budget, states, left);
            undecided = why;
            let mut calmest = None;
            for (value, rank) in &candidates {
                let fact = Fact::Known(value.clone());
                if may_be(&fact) {
                    let cell = found.add(State::Known, fact, *rank);
                    if calmest.is_none_or(|(best, _)| *rank < best) {
                        calmest = Some((*rank, cell));
                    }
                }
            }
            calm = calmest.map_or(0, |(_, cell)| cell);
            if bounds {
                for (value, rank) in candidates.iter().rev() {
                    let reason = Reason::new(ReasonKind::Cut, "cut by a limit");
                    let fact = Fact::AtLeast(value.clone(), reason);
                    if may_be(&fact) {
                        found.add(State::AtLeast, fact, *rank);
                    }
                }
            }
        }
        if may_be(&Fact::Absent) {
            found.add(State::Absent, Fact::Absent, 0);
        }
        let reason = Reason::new(ReasonKind::TimedOut, "timed out");
        found.add(State::Unavailable, Fact::Unavailable(reason), 0);
        if entries.iter().any(|entry| entry.kind != kind) {
            undecided = Some("its type is not the same in both versions".to_owned());
        }
        let cells = found.into_cells();
        Self { name: name.to_owned(), calm, cells, members, undecided, views, terms }
    }

    /// Whether what is in no cell that was found may even be a lower bound or of another type.
    pub(crate) fn is_loose(&self) -> bool {
        let mut entries = self.views.iter().flatten();
        let first = entries.next();
        let bound = |entry: &Entry| entry.may_be_at_least();
        first.is_some_and(bound)
            || entries
                .any(|entry| bound(entry) || first.is_some_and(|first| first.kind != entry.kind))
    }

    /// The way a fact is; `None` for one that is in no cell that was found.
    pub(crate) fn choice(&self, fact: &Fact) -> Option<Choice> {
        let state = State::of(fact);
        if let (Some(members), Fact::Known(Value::Set(values))) = (&self.members, fact) {
            let tests = Members::tests(&self.terms);
            let answers = |fact: &Fact| -> Vec<Truth> {
                tests.iter().map(|test| test.eval(&|_| fact.clone())).collect()
            };
            let kinds: Option<BTreeSet<usize>> = values
                .iter()
                .map(|value| {
                    let truths = answers(&Fact::Known(value.clone()));
                    members.cells.iter().position(|cell| cell.truths == truths)
                })
                .collect();
            let cell = self.cells.iter().position(|cell| cell.state == State::Known)?;
            return Some(Choice { cell, members: kinds?.into_iter().collect() });
        }
        let seen = Seen::new(&self.name, &self.views, &self.terms, fact);
        let cell = self.cells.iter().position(|cell| {
            cell.state == state && cell.truths == seen.truths && cell.known == seen.known
        })?;
        Some(Choice { cell, members: Vec::new() })
    }

    /// The fact of a choice that reads best.
    pub(crate) fn fact(&self, choice: &Choice) -> Fact {
        let cell = self.cells.get(choice.cell);
        match (&self.members, cell) {
            (Some(members), Some(cell)) if cell.state == State::Known => {
                let kinds = choice.members.iter().filter_map(|kind| members.cells.get(*kind));
                let values = kinds.filter_map(|cell| cell.fact().known().cloned());
                Fact::Known(Value::Set(values.collect()))
            }
            (_, Some(cell)) => cell.fact(),
            (_, None) => Fact::Absent,
        }
    }
}

impl State {
    /// The state of a fact.
    pub(crate) const fn of(fact: &Fact) -> Self {
        match fact {
            Fact::Known(_) => Self::Known,
            Fact::AtLeast(..) => Self::AtLeast,
            Fact::Absent => Self::Absent,
            Fact::Unavailable(_) => Self::Unavailable,
        }
    }
}

/// Whether an entry may be so: as its schema says, and what is counted is never negative.
fn may_be(entry: &Entry, fact: &Fact) -> bool {
    let Origin::Measured(measure) = &entry.origin else { return entry.fits(fact).is_ok() };
    let counts =
        matches!(measure.function, Function::Count | Function::Distinct(_) | Function::Rate);
    let negative = match fact {
        Fact::Known(Value::Int(number)) | Fact::AtLeast(Value::Int(number), _) => *number < 0,
        Fact::Known(Value::Decimal(number)) | Fact::AtLeast(Value::Decimal(number), _) => {
            number.billionths() < 0
        }
        _ => false,
    };
    entry.fits(fact).is_ok() && !(counts && negative)
}
