//! What a rule set concludes, as literals: the definition of [`RuleSet::decide`] written down for
//! the solver.
//!
//! [`RuleSet::decide`]: crate::RuleSet::decide

use std::collections::BTreeMap;
use std::collections::HashMap;

use batsat::Lit;
use logdive_core::Mode;

use super::encode::Rails;
use super::solver::Sat;
use crate::rule::{Argument, Effect, Rule};

/// The literals of one rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RuleLits {
    /// What it comes to.
    pub(crate) rails: Rails,
    /// It is true and not out.
    pub(crate) applies: Lit,
    /// It is not false and not out: it counts.
    pub(crate) counts: Lit,
}

/// Rules that decide the same and ask for the same.
pub(crate) struct Class {
    pub(crate) rules: Vec<usize>,
    /// All arguments of the actions are known exactly.
    pub(crate) known: Lit,
    /// No rule outside of the class counts.
    pub(crate) alone: Lit,
}

/// The conclusions of one rule set, or of the same without some rules.
pub(crate) struct World {
    pub(crate) rules: Vec<RuleLits>,
    pub(crate) classes: Vec<Class>,
    /// For each rule its class; none if it is off.
    pub(crate) class_of: Vec<Option<usize>>,
    /// Decided, or no action needed, by the rules of a class at a mode.
    pub(crate) outcomes: BTreeMap<(usize, Mode), Lit>,
    /// A rule decides: decided, or no action needed.
    pub(crate) decided: Lit,
    /// No rule is true or unknown.
    pub(crate) no_rule: Lit,
}

impl World {
    /// Writes down what follows for rules that come to `rails`; `known` says that an entry is
    /// known exactly.
    pub(crate) fn new(
        rules: &[Rule],
        below: &[Vec<usize>],
        rails: &[Rails],
        known: &HashMap<&str, Lit>,
        sat: &mut Sat,
    ) -> Self {
        let (no, yes) = (sat.no(), sat.yes());
        let takes_part = |at: usize| rules.get(at).is_some_and(|rule| rule.mode != Mode::Off);
        // A rule that is off comes to nothing, and hands the ranking on.
        let rails: Vec<Rails> = rails
            .iter()
            .enumerate()
            .map(|(at, rails)| if takes_part(at) { *rails } else { Rails { yes: no, no: yes } })
            .collect();
        let out = outranked(&rails, below, sat);
        let lits: Vec<RuleLits> = rails
            .iter()
            .zip(out)
            .map(|(rails, out)| RuleLits {
                rails: *rails,
                applies: sat.and([rails.yes, !out]),
                counts: sat.and([!rails.no, !out]),
            })
            .collect();
        let mut classes: Vec<Class> = Vec::new();
        let mut by_effect: HashMap<(&str, &Effect), usize> = HashMap::new();
        let mut class_of = vec![None; rules.len()];
        for (at, rule) in rules.iter().enumerate().filter(|(at, _)| takes_part(*at)) {
            let class = *by_effect.entry((&rule.decision, &rule.effect)).or_insert_with(|| {
                let names = rule.calls().iter().flat_map(|call| call.arguments.values());
                let names = names.flat_map(Argument::facts);
                let known = names.map(|name| known.get(name).copied().unwrap_or(no));
                let known = sat.and(known.collect::<Vec<Lit>>());
                classes.push(Class { rules: Vec::new(), known, alone: yes });
                classes.len() - 1
            });
            if let Some(class) = classes.get_mut(class) {
                class.rules.push(at);
            }
            if let Some(slot) = class_of.get_mut(at) {
                *slot = Some(class);
            }
        }
        let mut world = Self {
            rules: lits,
            classes,
            class_of,
            outcomes: BTreeMap::new(),
            decided: no,
            no_rule: no,
        };
        world.conclude(rules, sat);
        world
    }

    fn conclude(&mut self, rules: &[Rule], sat: &mut Sat) {
        let counts = |at: &usize| self.rules.get(*at).map(|lits| lits.counts);
        let present: Vec<Lit> = self
            .classes
            .iter()
            .map(|class| sat.or(class.rules.iter().filter_map(counts)))
            .collect();
        // That none before, and none after, counts.
        let mut after = vec![sat.yes(); present.len() + 1];
        for (at, present) in present.iter().enumerate().rev() {
            let rest = after.get(at + 1).copied().unwrap_or(sat.yes());
            if let Some(slot) = after.get_mut(at) {
                *slot = sat.and([rest, !*present]);
            }
        }
        self.no_rule = after.first().copied().unwrap_or(sat.yes());
        let mut before = sat.yes();
        let mut outcomes = BTreeMap::new();
        for (index, (class, present)) in self.classes.iter_mut().zip(&present).enumerate() {
            let rest = after.get(index + 1).copied().unwrap_or(sat.yes());
            class.alone = sat.and([before, rest]);
            before = sat.and([before, !*present]);
            let mut lower_count = Vec::new();
            for mode in Mode::ALL {
                let of_mode: Vec<&RuleLits> = class
                    .rules
                    .iter()
                    .filter(|at| rules.get(**at).is_some_and(|rule| rule.mode == mode))
                    .filter_map(|at| self.rules.get(*at))
                    .collect();
                if of_mode.is_empty() {
                    continue;
                }
                let some = sat.or(of_mode.iter().map(|lits| lits.applies));
                let lower = sat.or(lower_count.iter().copied());
                let decided = sat.and([some, !lower, class.alone, class.known]);
                outcomes.insert((index, mode), decided);
                lower_count.extend(of_mode.iter().map(|lits| lits.counts));
            }
        }
        self.decided = sat.or(outcomes.values().copied());
        self.outcomes = outcomes;
    }

    /// What must hold so that a rule is the one that decides.
    pub(crate) fn decides(&self, rule: usize, rules: &[Rule]) -> Option<Vec<Lit>> {
        let class = self.classes.get(self.class_of.get(rule).copied()??)?;
        let mode = rules.get(rule)?.mode;
        let mut all = vec![self.rules.get(rule)?.applies, class.alone, class.known];
        for other in &class.rules {
            let (Some(lits), Some(its)) = (self.rules.get(*other), rules.get(*other)) else {
                continue;
            };
            if its.mode < mode {
                all.push(!lits.counts);
            } else if its.mode == mode && *other < rule {
                // Of equal modes the first by name decides; rules are sorted by name.
                all.push(!lits.applies);
            }
        }
        Some(all)
    }

    /// That a rule decides which lets automation do it.
    pub(crate) fn automatic(&self, sat: &mut Sat) -> Lit {
        let automatic = self.outcomes.iter().filter(|((_, mode), _)| *mode == Mode::Automatic);
        sat.or(automatic.map(|(_, decided)| *decided))
    }
}

/// For each rule, that a true one ranks above it, directly or through others.
fn outranked(rails: &[Rails], below: &[Vec<usize>], sat: &mut Sat) -> Vec<Lit> {
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); rails.len()];
    for (at, targets) in below.iter().enumerate() {
        for target in targets {
            if let Some(list) = above.get_mut(*target) {
                list.push(at);
            }
        }
    }
    // From the top: there are no circles, so each rule comes after all above it.
    let mut open: Vec<usize> = above.iter().map(Vec::len).collect();
    let mut ready: Vec<usize> =
        open.iter().enumerate().filter(|(_, open)| **open == 0).map(|(at, _)| at).collect();
    let mut out = vec![sat.no(); rails.len()];
    while let Some(at) = ready.pop() {
        let mut reasons = Vec::new();
        for upper in above.get(at).into_iter().flatten() {
            reasons.extend(rails.get(*upper).map(|rails| rails.yes));
            reasons.extend(out.get(*upper).copied());
        }
        let literal = sat.or(reasons);
        if let Some(slot) = out.get_mut(at) {
            *slot = literal;
        }
        for lower in below.get(at).into_iter().flatten() {
            if let Some(open) = open.get_mut(*lower) {
                *open -= 1;
                if *open == 0 {
                    ready.push(*lower);
                }
            }
        }
    }
    out
}
