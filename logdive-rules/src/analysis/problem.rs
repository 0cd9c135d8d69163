//! A rule set laid out for questions.

use std::collections::{BTreeSet, HashMap};

use batsat::Lit;
use logdive_core::{Facts, Predicate};

use super::budget::Budget;
use super::cells::{Choice, Domain, Terms};
use super::encode::{Coded, Encoder, Rails};
use super::solver::{Answer, Sat};
use super::world::World;
use crate::rule::Rule;
use crate::set::RuleSet;

/// What a question came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It is so where entries are like this, one for each.
    Found(Vec<Choice>),
    /// It is never so.
    Never,
    /// It is not decided, and why.
    Undecided(String),
}

/// A rule set laid out for questions: cells, literals, conclusions.
pub(crate) struct Problem<'a> {
    pub(crate) set: &'a RuleSet,
    pub(crate) domains: Vec<Domain>,
    pub(crate) coded: Vec<Coded>,
    pub(crate) sat: Sat,
    /// What each rule comes to, ranking aside.
    pub(crate) rails: Vec<Rails>,
    /// What the condition of each statement comes to.
    pub(crate) stated: Vec<Rails>,
    pub(crate) world: World,
    /// Nothing is unavailable or a lower bound.
    pub(crate) definite: Lit,
    /// For each entry that is not decided: only cells that were found are taken.
    tame: Vec<(usize, Lit)>,
}

impl<'a> Problem<'a> {
    pub(crate) fn new(set: &'a RuleSet, budget: Budget) -> Self {
        let statements = set.statements();
        let mut terms = Terms::default();
        add_terms(&mut terms, 0, &set.rules);
        statements.iter().for_each(|statement| terms.add(0, &statement.when));
        let domains = terms.domains(&[&set.schema], budget);
        let mut sat = Sat::new(budget.conflicts);
        let coded: Vec<Coded> = domains.iter().map(|domain| Coded::new(domain, &mut sat)).collect();
        let encoder = Encoder::new(0, &domains, &coded);
        let rails = rules_rails(&set.rules, &encoder, &mut sat);
        let stated: Vec<Rails> = statements
            .iter()
            .map(|statement| encoder.condition(&statement.when, &mut sat))
            .collect();
        let known = known_exactly(0, &domains, &coded, &sat);
        let world = World::new(&set.rules, &set.below, &rails, &known, &mut sat);
        let definite =
            sat.and(coded.iter().flat_map(|coded| coded.incomplete.iter().map(|lit| !*lit)));
        let tame = tame(&coded);
        Self { set, domains, coded, sat, rails, stated, world, definite, tame }
    }

    /// Whether all can hold; first among the cells that were found.
    pub(crate) fn ask(&mut self, literals: &[Lit]) -> Reply {
        ask(&mut self.sat, &self.coded, &self.domains, &self.tame, literals)
    }

    /// The same at a share of the budget.
    pub(crate) fn ask_within(&mut self, literals: &[Lit], share: u64) -> Reply {
        let whole = self.sat.conflicts;
        self.sat.conflicts = (whole / share).max(1);
        let reply = self.ask(literals);
        self.sat.conflicts = whole;
        reply
    }

    /// The facts of choices.
    pub(crate) fn facts(&self, choices: &[Choice]) -> Facts {
        facts(&self.domains, choices)
    }
}

pub(crate) fn add_terms<'a>(terms: &mut Terms<'a>, view: usize, rules: &'a [Rule]) {
    for rule in rules {
        terms.add(view, &rule.when);
        rule.unless.iter().for_each(|unless| terms.add(view, unless));
    }
}

pub(crate) fn rules_rails(rules: &[Rule], encoder: &Encoder<'_>, sat: &mut Sat) -> Vec<Rails> {
    let rails = rules.iter().map(|rule| {
        let when = encoder.condition(&rule.when, sat);
        let Some(unless) = &rule.unless else { return when };
        let unless = encoder.condition(unless, sat).not();
        Rails { yes: sat.and([when.yes, unless.yes]), no: sat.or([when.no, unless.no]) }
    });
    rails.collect()
}

/// For each entry, that a view knows it exactly.
pub(crate) fn known_exactly<'a>(
    view: usize,
    domains: &'a [Domain],
    coded: &[Coded],
    sat: &Sat,
) -> HashMap<&'a str, Lit> {
    let known = |coded: &Coded| coded.known.get(view).copied().unwrap_or(sat.no());
    let pairs = domains.iter().zip(coded);
    pairs.map(|(domain, coded)| (domain.name.as_str(), known(coded))).collect()
}

pub(crate) fn tame(coded: &[Coded]) -> Vec<(usize, Lit)> {
    let wild = coded.iter().enumerate();
    wild.filter_map(|(entry, coded)| Some((entry, !coded.wild?))).collect()
}

pub(crate) fn ask(
    sat: &mut Sat,
    coded: &[Coded],
    domains: &[Domain],
    tame: &[(usize, Lit)],
    literals: &[Lit],
) -> Reply {
    let within: Vec<Lit> =
        literals.iter().copied().chain(tame.iter().map(|(_, tame)| *tame)).collect();
    match sat.ask(&within) {
        Answer::Yes => Reply::Found(coded.iter().map(|coded| coded.choice(sat)).collect()),
        Answer::GaveUp => Reply::Undecided("the solver's budget was spent".to_owned()),
        Answer::No if tame.is_empty() => Reply::Never,
        // Values that are in no cell could be anything: if even that does not help, it is never
        // so.
        Answer::No => match sat.ask(literals) {
            Answer::No => Reply::Never,
            Answer::GaveUp => Reply::Undecided("the solver's budget was spent".to_owned()),
            Answer::Yes => {
                let wild = tame.iter().find(|(_, tame)| !sat.holds(*tame));
                let domain = wild.and_then(|(entry, _)| domains.get(*entry));
                Reply::Undecided(domain.map_or_else(String::new, |domain| {
                    let why = domain.undecided.as_deref().unwrap_or_default();
                    format!("`{}` is not decided: {why}", domain.name)
                }))
            }
        },
    }
}

pub(crate) fn facts(domains: &[Domain], choices: &[Choice]) -> Facts {
    let taken = domains.iter().zip(choices);
    taken.map(|(domain, choice)| (domain.name.clone(), domain.fact(choice))).collect()
}

/// The names of what conditions of a rule read.
pub(crate) fn reads(rule: &Rule) -> BTreeSet<&str> {
    let conditions = [Some(&rule.when), rule.unless.as_ref()];
    conditions.into_iter().flatten().flat_map(fields).collect()
}

/// The names of what a condition reads.
pub(crate) fn fields(condition: &Predicate) -> impl Iterator<Item = &str> {
    condition.fields().into_iter().map(logdive_core::Field::name)
}
