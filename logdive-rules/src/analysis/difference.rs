//! What changes from one version of a rule set to another, whatever the facts.
//!
//! Both versions are laid out over one schema: the entries of both, their terms together. Every
//! pair of conclusions that differ is asked for, so that where nothing is found, nothing changes.

use std::collections::{BTreeMap, BTreeSet};

use batsat::Lit;
use logdive_core::{Conclusion, Decision, Mode};

use super::budget::Budget;
use super::cells::{Domain, Terms};
use super::encode::{Coded, Encoder, Rails};
use super::problem::{Reply, add_terms, ask, facts, known_exactly, reads, rules_rails, tame};
use super::solver::Sat;
use super::world::World;
use crate::limits;
use crate::rule::Effect;
use crate::schema::{Entry, Origin, Schema};
use crate::set::RuleSet;

mod report;

pub use report::{Change, Difference, Outcome, SchemaChange};

impl RuleSet {
    /// Compares what this version and a newer one conclude, over all facts: decision, actions and
    /// mode.
    ///
    /// An entry that one version does not have is not read by it. At most
    /// [`limits::DIFFERENCES`] changes are shown, but whether there are any is always complete.
    #[must_use]
    pub fn difference(&self, new: &Self) -> Difference {
        self.difference_with(new, Budget::default())
    }

    /// [`RuleSet::difference`] at another cost.
    #[must_use]
    pub fn difference_with(&self, new: &Self, budget: Budget) -> Difference {
        let schema = schema_changes(&self.schema, &new.schema);
        let mut pair = Pair::new(self, new, budget);
        let mut found = Difference { schema, ..Difference::default() };
        pair.compare(&mut found);
        found
    }
}

/// One version of the two.
struct Version<'a> {
    set: &'a RuleSet,
    world: World,
}

/// Two versions over the entries of both.
struct Pair<'a> {
    old: Version<'a>,
    new: Version<'a>,
    domains: Vec<Domain>,
    coded: Vec<Coded>,
    tame: Vec<(usize, Lit)>,
    sat: Sat,
}

/// What rules ask for, and how far: what versions are compared by.
type Key<'a> = (&'a str, &'a Effect, Mode);

impl<'a> Pair<'a> {
    fn new(old: &'a RuleSet, new: &'a RuleSet, budget: Budget) -> Self {
        let mut terms = Terms::default();
        add_terms(&mut terms, 0, &old.rules);
        add_terms(&mut terms, 1, &new.rules);
        let domains = terms.domains(&[&old.schema, &new.schema], budget);
        let mut sat = Sat::new(budget.conflicts);
        let coded: Vec<Coded> = domains.iter().map(|domain| Coded::new(domain, &mut sat)).collect();
        let version = |view: usize, set: &'a RuleSet, sat: &mut Sat| {
            let encoder = Encoder::new(view, &domains, &coded);
            let known = known_exactly(view, &domains, &coded, sat);
            let rails: Vec<Rails> = rules_rails(&set.rules, &encoder, sat);
            Version { set, world: World::new(&set.rules, &set.below, &rails, &known, sat) }
        };
        let (old, new) = (version(0, old, &mut sat), version(1, new, &mut sat));
        let tame = tame(&coded);
        Self { old, new, domains, coded, tame, sat }
    }

    fn compare(&mut self, found: &mut Difference) {
        let differ = self.differ();
        let mut seen: BTreeSet<(Outcome, Outcome)> = BTreeSet::new();
        // What was shown is left out of the next question.
        let mut literals = vec![differ];
        loop {
            let choices =
                match ask(&mut self.sat, &self.coded, &self.domains, &self.tame, &literals) {
                    Reply::Never => return,
                    Reply::Undecided(why) => {
                        found.undecided.push(why);
                        return;
                    }
                    Reply::Found(choices) => choices,
                };
            let witness = facts(&self.domains, &choices);
            let decisions = [&self.old, &self.new].map(|version| version.set.decide(&witness));
            let [before, after] = &decisions;
            let (before, after) =
                (Outcome::of(before, self.old.set), Outcome::of(after, self.new.set));
            if before.is_same(&after) {
                found.undecided.push("facts that were found do not show a change".to_owned());
                return;
            }
            if found.changes.len() >= limits::DIFFERENCES {
                found.more = true;
                return;
            }
            let (Some(old), Some(new)) =
                (self.old.came_to(&before, &mut self.sat), self.new.came_to(&after, &mut self.sat))
            else {
                return;
            };
            let both = self.sat.and([old, new]);
            if !seen.insert((before.clone(), after.clone())) {
                // The literals do not say what was seen: never, if both evaluators agree.
                found.undecided.push("facts that were found show the same change again".to_owned());
                return;
            }
            literals.push(!both);
            let matter = self.matter(decisions.each_ref());
            found.changes.push(Change { before, after, witness, matter });
        }
    }

    /// That the two versions do not conclude the same.
    fn differ(&mut self) -> Lit {
        let old_default = self.old.set.default_decision().0;
        let new_default = self.new.set.default_decision().0;
        let mut differ = if old_default == new_default {
            vec![self.sat.differ(self.old.world.no_rule, self.new.world.no_rule)]
        } else {
            vec![self.old.world.no_rule, self.new.world.no_rule]
        };
        let (old, new) = (self.old.outcomes(), self.new.outcomes());
        let no = self.sat.no();
        for (key, old) in &old {
            let new = new.get(key).copied().unwrap_or(no);
            differ.push(self.sat.differ(*old, new));
        }
        differ.extend(new.iter().filter(|(key, _)| !old.contains_key(*key)).map(|(_, lit)| *lit));
        self.sat.or(differ)
    }

    /// The entries that the rules concerned read, in both versions.
    fn matter(&self, decisions: [&Decision; 2]) -> Vec<String> {
        let mut rules: BTreeSet<&str> = BTreeSet::new();
        for decision in decisions {
            match decision.conclusion() {
                Conclusion::Undetermined { missing } => {
                    rules.extend(
                        missing.iter().flat_map(|missing| &missing.rules).map(String::as_str),
                    );
                }
                _ => rules.extend(decision.rule()),
            }
        }
        let versions = [&self.old, &self.new];
        let rules = rules.iter().flat_map(|name| versions.map(|version| version.set.rule(name)));
        let names: BTreeSet<&str> = rules.flatten().flat_map(reads).collect();
        names.into_iter().map(str::to_owned).collect()
    }
}

impl<'a> Version<'a> {
    fn outcomes(&self) -> BTreeMap<String, Lit> {
        let outcomes = self.world.outcomes.iter().filter_map(|((class, mode), decided)| {
            let first = *self.world.classes.get(*class)?.rules.first()?;
            let rule = self.set.rules.get(first)?;
            Some((key((&rule.decision, &rule.effect, *mode)), *decided))
        });
        outcomes.collect()
    }

    /// The literal of an outcome: that this rule decides, that none does, that it is undetermined.
    fn came_to(&self, outcome: &Outcome, sat: &mut Sat) -> Option<Lit> {
        match outcome {
            Outcome::Decided { rule, .. } | Outcome::NoActionNeeded { rule, .. } => {
                let at = self.set.rules.iter().position(|other| other.name() == rule)?;
                let all = self.world.decides(at, &self.set.rules)?;
                Some(sat.and(all))
            }
            Outcome::NoRule { .. } => Some(self.world.no_rule),
            Outcome::Undetermined => Some(sat.and([!self.world.decided, !self.world.no_rule])),
        }
    }
}

/// A key in words, so that keys of two versions compare.
fn key((decision, effect, mode): Key<'_>) -> String {
    match effect {
        Effect::NoAction => format!("{decision} {mode} no action"),
        Effect::Actions(calls) => {
            let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
            format!("{decision} {mode} do {}", calls.join("; "))
        }
    }
}

fn schema_changes(old: &Schema, new: &Schema) -> Vec<SchemaChange> {
    let names: BTreeSet<&String> = old.entries.keys().chain(new.entries.keys()).collect();
    let changes = names.into_iter().filter_map(|name| {
        let (before, after) = (old.entries.get(name), new.entries.get(name));
        (before != after).then(|| SchemaChange {
            name: name.clone(),
            before: before.map(declared),
            after: after.map(declared),
        })
    });
    changes.collect()
}

/// An entry as a schema declares it, without its name.
fn declared(entry: &Entry) -> String {
    match &entry.origin {
        Origin::Measured(measure) => measure.to_string(),
        Origin::Ticket | Origin::Given => entry.to_string(),
    }
}
