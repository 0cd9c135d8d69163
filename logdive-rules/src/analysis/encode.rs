//! From cells and conditions to literals.
//!
//! Each entry is a number, its cell, written by literals "at most the i-th": exactly one cell is
//! taken by construction, and an order comparison is one or two literals. Each condition is two
//! literals, "is true" and "is false"; with neither it is unknown.

#![expect(
    clippy::mutable_key_type,
    reason = "a pattern is compared and hashed by its text, which does not change"
)]

use std::collections::HashMap;

use batsat::Lit;
use logdive_core::predicate::Quantifier;
use logdive_core::{Predicate, Truth};

use super::cells::{Cell, Choice, Domain, Members, State};
use super::solver::Sat;

/// A three-valued answer: the literals that it is true, and that it is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rails {
    pub(crate) yes: Lit,
    pub(crate) no: Lit,
}

impl Rails {
    pub(crate) const fn not(self) -> Self {
        Self { yes: self.no, no: self.yes }
    }
}

/// The literals of one entry.
pub(crate) struct Coded {
    /// For each cell, that it or one before it is taken.
    up_to: Vec<Lit>,
    /// Of a set, for each kind of member that there is one.
    members: Vec<Lit>,
    /// That a known value is taken which is in no cell that was found.
    pub(crate) wild: Option<Lit>,
    /// What each term says.
    terms: Vec<Rails>,
    /// For each view, that its value is known exactly.
    pub(crate) known: Vec<Lit>,
    /// For each view, that it is a lower bound or unavailable.
    pub(crate) incomplete: Vec<Lit>,
}

impl Coded {
    pub(crate) fn new(domain: &Domain, sat: &mut Sat) -> Self {
        let mut up_to: Vec<Lit> =
            (1..domain.cells.len()).map(|at| sat.variable(domain.calm < at)).collect();
        for pair in up_to.windows(2) {
            if let [less, more] = pair {
                sat.clause(&[!*less, *more]);
            }
        }
        up_to.push(sat.yes());
        let mut coded = Self {
            up_to,
            members: Vec::new(),
            wild: None,
            terms: Vec::new(),
            known: Vec::new(),
            incomplete: Vec::new(),
        };
        let is_known: Vec<bool> =
            domain.cells.iter().map(|cell| cell.state == State::Known).collect();
        let known = coded.among(&is_known, sat);
        for view in 0..domain.views.len() {
            let flags = |flags: fn(&Cell) -> &[bool]| -> Vec<bool> {
                let cells = domain.cells.iter();
                cells.map(|cell| flags(cell).get(view).copied().unwrap_or(false)).collect()
            };
            let (exact, incomplete) = (flags(|cell| &cell.known), flags(|cell| &cell.incomplete));
            let (exact, incomplete) = (coded.among(&exact, sat), coded.among(&incomplete, sat));
            coded.known.push(exact);
            coded.incomplete.push(incomplete);
        }
        if let Some(members) = &domain.members {
            coded.members = members.cells.iter().map(|_| sat.variable(false)).collect();
            // What is not known has no members.
            for member in coded.members.clone() {
                sat.clause(&[!member, known]);
            }
        }
        // A value in no cell may be anything, and a lower bound in no cell too.
        let loose = domain.is_loose();
        if domain.undecided.is_some() {
            let wild = sat.variable(false);
            sat.clause(&[!wild, known]);
            coded.wild = Some(wild);
            if loose {
                for view in 0..domain.views.len() {
                    let exact = sat.variable(true);
                    let bound = sat.and([wild, !exact]);
                    if let Some(known) = coded.known.get_mut(view) {
                        *known = sat.and([*known, !bound]);
                    }
                    if let Some(incomplete) = coded.incomplete.get_mut(view) {
                        *incomplete = sat.or([*incomplete, bound]);
                    }
                }
            }
        }
        let mut made: HashMap<Vec<bool>, Lit> = HashMap::new();
        for term in 0..domain.terms.len() {
            let tested = domain.members.as_ref().and_then(|members| {
                let (quantifier, test) = (*members.tested.get(term)?)?;
                Some((members, quantifier, test))
            });
            // Of a set that is known its members say it, of all else the cells.
            let mut rail = |truth: Truth| {
                let cells = domain.cells.iter();
                let among: Vec<bool> = cells
                    .map(|cell| {
                        cell.truths.get(term) == Some(&truth)
                            && (tested.is_none() || cell.state != State::Known)
                    })
                    .collect();
                if let Some(literal) = made.get(&among) {
                    return *literal;
                }
                let literal = coded.among(&among, sat);
                made.insert(among, literal);
                literal
            };
            let mut rails = Rails { yes: rail(Truth::True), no: rail(Truth::False) };
            if let Some((members, quantifier, test)) = tested {
                let each = coded.each(members, quantifier, test, known, sat);
                rails =
                    Rails { yes: sat.or([rails.yes, each.yes]), no: sat.or([rails.no, each.no]) };
            }
            // Whether it is there at all says the same of all values.
            let of_state = domain.terms.get(term).is_some_and(|term| {
                matches!(term.predicate, Predicate::Absent(_) | Predicate::Unavailable(_))
            }) && !loose;
            if let Some(wild) = coded.wild.filter(|_| !of_state) {
                let (is, is_not) = (sat.variable(false), sat.variable(false));
                sat.clause(&[!is, !is_not]);
                if !loose {
                    sat.clause(&[is, is_not]);
                }
                let mut or_wild = |rail: Lit, free: Lit| {
                    let (tame, free) = (sat.and([rail, !wild]), sat.and([wild, free]));
                    sat.or([tame, free])
                };
                rails = Rails { yes: or_wild(rails.yes, is), no: or_wild(rails.no, is_not) };
            }
            coded.terms.push(rails);
        }
        coded
    }

    /// What a term over the members of a set comes to.
    fn each(
        &self,
        members: &Members,
        quantifier: Quantifier,
        test: usize,
        known: Lit,
        sat: &mut Sat,
    ) -> Rails {
        let some = |wanted: &[Truth], sat: &mut Sat| {
            let kinds = members.cells.iter().zip(&self.members);
            let kinds = kinds.filter(|(cell, _)| {
                cell.truths.get(test).is_some_and(|truth| wanted.contains(truth))
            });
            sat.or(kinds.map(|(_, inside)| *inside).collect::<Vec<Lit>>())
        };
        // Of `all` what is false makes it false, and what is not true keeps it from being true;
        // `any` is the other way round.
        let (decisive, other) = match quantifier {
            Quantifier::Any => (Truth::True, [Truth::True, Truth::Unknown]),
            Quantifier::All => (Truth::False, [Truth::False, Truth::Unknown]),
        };
        let (found, possible) = (some(&[decisive], sat), some(&other, sat));
        let decided = sat.and([known, found]);
        let opposite = sat.and([known, !possible]);
        match quantifier {
            Quantifier::Any => Rails { yes: decided, no: opposite },
            Quantifier::All => Rails { yes: opposite, no: decided },
        }
    }

    /// That one of these cells is taken.
    pub(crate) fn among(&self, cells: &[bool], sat: &mut Sat) -> Lit {
        let mut runs = Vec::new();
        let mut at = 0;
        while let Some(is) = cells.get(at) {
            let run = cells.iter().skip(at).take_while(|other| *other == is).count();
            if *is {
                let last = self.up_to.get(at + run - 1).copied().unwrap_or(sat.no());
                let before = at.checked_sub(1).and_then(|before| self.up_to.get(before).copied());
                let before = before.unwrap_or(sat.no());
                runs.push(sat.and([last, !before]));
            }
            at += run;
        }
        sat.or(runs)
    }

    /// That one cell is taken.
    pub(crate) fn taken(&self, cell: usize, sat: &mut Sat) -> Lit {
        let mut only = vec![false; cell + 1];
        if let Some(slot) = only.last_mut() {
            *slot = true;
        }
        self.among(&only, sat)
    }

    /// What is taken in the last answer.
    pub(crate) fn choice(&self, sat: &Sat) -> Choice {
        let cell = self.up_to.iter().position(|literal| sat.holds(*literal)).unwrap_or_default();
        let members = self.members.iter().enumerate().filter(|(_, inside)| sat.holds(**inside));
        Choice { cell, members: members.map(|(kind, _)| kind).collect() }
    }

    /// That it is taken as it is in a choice.
    pub(crate) fn is(&self, choice: &Choice, sat: &mut Sat) -> Lit {
        let cell = self.taken(choice.cell, sat);
        let members = self.members.iter().enumerate();
        let members: Vec<Lit> = members
            .map(|(kind, inside)| inside.apply_sign(choice.members.contains(&kind)))
            .collect();
        sat.and(members.into_iter().chain([cell]))
    }
}

/// The literals of all entries of a schema.
pub(crate) struct Encoder<'a> {
    coded: &'a [Coded],
    /// For each term its entry and its number there.
    terms: HashMap<&'a Predicate, (usize, usize)>,
}

impl<'a> Encoder<'a> {
    /// For the conditions of one view.
    pub(crate) fn new(view: usize, domains: &'a [Domain], coded: &'a [Coded]) -> Self {
        let mut terms = HashMap::new();
        for (entry, domain) in domains.iter().enumerate() {
            for (at, term) in domain.terms.iter().enumerate().filter(|(_, t)| t.view == view) {
                terms.insert(&term.predicate, (entry, at));
            }
        }
        Self { coded, terms }
    }

    /// The literals of a condition; conditions nest no deeper than the parser lets them.
    pub(crate) fn condition(&self, condition: &Predicate, sat: &mut Sat) -> Rails {
        match condition {
            Predicate::And(terms) => {
                let all: Vec<Rails> = terms.iter().map(|term| self.condition(term, sat)).collect();
                let yes = sat.and(all.iter().map(|one| one.yes));
                Rails { yes, no: sat.or(all.iter().map(|one| one.no)) }
            }
            Predicate::Or(terms) => {
                let all: Vec<Rails> = terms.iter().map(|term| self.condition(term, sat)).collect();
                let yes = sat.or(all.iter().map(|one| one.yes));
                Rails { yes, no: sat.and(all.iter().map(|one| one.no)) }
            }
            Predicate::Not(term) => self.condition(term, sat).not(),
            term => {
                let found = self.terms.get(term);
                let rails = found.and_then(|(entry, at)| self.coded.get(*entry)?.terms.get(*at));
                // A term over an entry that the schema does not have is unknown.
                rails.copied().unwrap_or(Rails { yes: sat.no(), no: sat.no() })
            }
        }
    }
}
