//! The smallest change of facts that would make a rule decide.

use std::cmp::{Ordering, Reverse};
use std::fmt;

use batsat::Lit;
use logdive_core::{Fact, Facts};
use serde::Serialize;

use crate::analysis::{Budget, Choice, Domain, Problem, Reply, State, distance};
use crate::limits;
use crate::set::RuleSet;

/// A change of one fact.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactChange {
    /// The fact or ticket field.
    pub name: String,
    /// What it is.
    pub from: Fact,
    /// What it would have to be.
    pub to: Fact,
}

/// The smallest change of facts that makes a rule decide.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nearest {
    /// The rule.
    pub rule: String,
    /// What changes, by name; nothing if the rule decides already.
    pub changes: Vec<FactChange>,
    /// The facts as they are then. Deciding over them was seen to come to the rule.
    pub facts: Facts,
}

/// Writes each change, for a narrow terminal.
impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            return writeln!(f, "`{}` decides", self.rule);
        }
        writeln!(f, "`{}` decides if", self.rule)?;
        for FactChange { name, from, to } in &self.changes {
            writeln!(f, "  {name}\n    is:      {from}\n    were:    {to}")?;
        }
        Ok(())
    }
}

impl RuleSet {
    /// The smallest change of facts that makes a rule decide: of fewest facts; of several such
    /// changes the one of facts that come first by name; of these to the nearest values. Facts
    /// become known or absent; only if that does not help they become unknown.
    ///
    /// `None` if there is no such change of at most [`limits::CHANGES`] facts, if the rule is
    /// `off` or does not exist, or if it is not decided within the limits of an analysis.
    #[must_use]
    pub fn nearest(&self, facts: &Facts, rule: &str) -> Option<Nearest> {
        let at = self.rules.iter().position(|other| other.name() == rule)?;
        let mut search = Search::new(self, facts, at)?;
        let choices = search.solve()?;
        let mut changed = facts.clone();
        let mut changes = Vec::new();
        let entries = search.problem.domains.iter().zip(&search.current).zip(&choices);
        for ((domain, (from, current)), choice) in entries {
            if choice != current {
                let to = nearest_in(domain, choice, from);
                changed.insert_overwrite(domain.name.as_str(), to.clone());
                let (name, from) = (domain.name.clone(), from.clone());
                changes.push(FactChange { name, from, to });
            }
        }
        (self.decide(&changed).rule() == Some(rule)).then(|| Nearest {
            rule: rule.to_owned(),
            changes,
            facts: changed,
        })
    }
}

struct Search<'a> {
    problem: Problem<'a>,
    /// Each fact as rules see it, and the way it is.
    current: Vec<(Fact, Choice)>,
    /// For each entry, that it changes.
    changed: Vec<Lit>,
    /// What makes the rule decide.
    goal: Vec<Lit>,
}

impl<'a> Search<'a> {
    fn new(set: &'a RuleSet, facts: &Facts, rule: usize) -> Option<Self> {
        let mut problem = Problem::new(set, Budget::default());
        let goal = problem.world.decides(rule, &set.rules)?;
        let mut current = Vec::with_capacity(problem.domains.len());
        for domain in &problem.domains {
            let entry = set.schema.entries.get(&domain.name)?;
            let fact = entry.admit(&domain.name, facts.read(&domain.name));
            let choice = domain.choice(&fact)?;
            current.push((fact, choice));
        }
        let mut changed = Vec::with_capacity(current.len());
        for (coded, (_, choice)) in problem.coded.iter().zip(&current) {
            changed.push(!coded.is(choice, &mut problem.sat));
        }
        Some(Self { problem, current, changed, goal })
    }

    fn solve(&mut self) -> Option<Vec<Choice>> {
        let at_least = self.count();
        let settled: Vec<Lit> = self
            .problem
            .coded
            .iter()
            .zip(&self.changed)
            .map(|(coded, changed)| {
                let incomplete = coded.incomplete.iter().copied();
                let incomplete = self.problem.sat.or(incomplete);
                self.problem.sat.or([!*changed, !incomplete])
            })
            .collect();
        for settled in [settled, Vec::new()] {
            for most in 0..=limits::CHANGES {
                let mut literals = self.goal.clone();
                literals.extend(&settled);
                literals.extend(at_least.get(most).map(|more| !*more));
                match self.problem.ask(&literals) {
                    Reply::Found(_) => return self.refine(literals, most),
                    Reply::Never => {}
                    Reply::Undecided(_) => return None,
                }
            }
        }
        None
    }

    /// For each number, that more entries than it change.
    fn count(&mut self) -> Vec<Lit> {
        let sat = &mut self.problem.sat;
        let mut more_than = vec![sat.no(); limits::CHANGES + 1];
        for changed in &self.changed {
            let mut next = Vec::with_capacity(more_than.len());
            let mut fewer = sat.yes();
            for more in &more_than {
                let one_more = sat.and([fewer, *changed]);
                next.push(sat.or([*more, one_more]));
                fewer = *more;
            }
            more_than = next;
        }
        more_than
    }

    /// Which entries, by name, and to which values, from the nearest.
    fn refine(&mut self, mut literals: Vec<Lit>, count: usize) -> Option<Vec<Choice>> {
        let mut taken = Vec::new();
        for (at, changed) in self.changed.clone().into_iter().enumerate() {
            let mut more = literals.clone();
            more.push(changed);
            if taken.len() < count && matches!(self.problem.ask(&more), Reply::Found(_)) {
                literals = more;
                taken.push(at);
            } else {
                literals.push(!changed);
            }
        }
        for at in taken {
            let (Some(domain), Some((from, current))) =
                (self.problem.domains.get(at), self.current.get(at))
            else {
                continue;
            };
            for cell in by_distance(domain, from, current) {
                let Some(coded) = self.problem.coded.get(at) else { continue };
                let mut more = literals.clone();
                more.push(coded.taken(cell, &mut self.problem.sat));
                if matches!(self.problem.ask(&more), Reply::Found(_)) {
                    literals = more;
                    break;
                }
            }
        }
        match self.problem.ask(&literals) {
            Reply::Found(choices) => Some(choices),
            _ => None,
        }
    }
}

/// Most cells that are tried one by one.
const TRIED: usize = 64;

/// The cells of an entry, the nearest first; sets have only one.
fn by_distance(domain: &Domain, from: &Fact, current: &Choice) -> Vec<usize> {
    let cells = domain.cells.iter().enumerate();
    let cells = cells.filter(|(at, cell)| {
        let may = matches!(cell.state, State::Known | State::Absent);
        may && (domain.members.is_some() || *at != current.cell)
    });
    let mut found: Vec<(u128, usize)> = cells
        .map(|(at, cell)| {
            let apart = cell.facts.iter().map(|fact| apart(from, fact)).min();
            (apart.unwrap_or(u128::MAX), at)
        })
        .collect();
    // Of two that are as far, the greater: numbers of things go up.
    found.sort_unstable_by_key(|(apart, at)| (*apart, Reverse(*at)));
    found.into_iter().map(|(_, at)| at).take(TRIED).collect()
}

fn apart(from: &Fact, to: &Fact) -> u128 {
    match (from, to) {
        (Fact::Known(from) | Fact::AtLeast(from, _), Fact::Known(to)) => {
            distance(from, to).unwrap_or(u128::MAX)
        }
        _ => u128::MAX,
    }
}

/// The fact of a choice that is nearest to another; where none is nearer, the one that reads best.
fn nearest_in(domain: &Domain, choice: &Choice, from: &Fact) -> Fact {
    let best = domain.fact(choice);
    if domain.members.is_some() {
        return best;
    }
    let facts = domain.cells.get(choice.cell).map(|cell| cell.facts.as_slice());
    let lower = |fact: &Fact| match (from.known(), fact.known()) {
        (Some(from), Some(fact)) => fact.compare(from) == Some(Ordering::Less),
        _ => false,
    };
    let facts = facts.unwrap_or_default().iter();
    let nearest = facts.min_by_key(|fact| (apart(from, fact), lower(fact)));
    nearest.cloned().unwrap_or(best)
}
