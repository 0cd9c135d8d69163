//! Rules without which every decision is the same.

use std::collections::HashMap;

use batsat::Lit;
use logdive_core::Mode;

use super::{Queries, Reply};
use crate::analysis::encode::Rails;
use crate::analysis::finding::{Finding, codes};
use crate::analysis::problem::known_exactly;
use crate::analysis::world::World;

impl Queries<'_> {
    /// Compares the set with the same in which some rules may be left out, one at a time. The
    /// ranking through a rule that is left out stays.
    pub(super) fn redundant(&mut self) {
        let problem = &mut self.problem;
        let sat = &mut problem.sat;
        // Which is left out is a number, written by "at most the i-th".
        let mut up_to: Vec<Lit> = problem.rails.iter().map(|_| sat.variable(true)).collect();
        for pair in up_to.windows(2) {
            if let [less, more] = pair {
                sat.clause(&[!*less, *more]);
            }
        }
        up_to.insert(0, sat.no());
        let chosen: Vec<[Lit; 2]> = up_to
            .windows(2)
            .filter_map(|pair| match pair {
                [before, here] => Some([!*before, *here]),
                _ => None,
            })
            .collect();
        let out: Vec<Lit> = chosen.iter().map(|both| sat.and(*both)).collect();
        let rails: Vec<Rails> = problem
            .rails
            .iter()
            .zip(&out)
            .map(|(rails, out)| Rails {
                yes: sat.and([rails.yes, !*out]),
                no: sat.or([rails.no, *out]),
            })
            .collect();
        let known: HashMap<&str, _> = known_exactly(0, &problem.domains, &problem.coded, sat);
        let set = problem.set;
        let without = World::new(&set.rules, &set.below, &rails, &known, sat);
        let mut differ = vec![sat.differ(problem.world.no_rule, without.no_rule)];
        for (key, decided) in &problem.world.outcomes {
            let other = without.outcomes.get(key).copied().unwrap_or(sat.no());
            differ.push(sat.differ(*decided, other));
        }
        let differ = sat.or(differ);
        'rules: for at in self.parts() {
            let Some(rule) = self.rule(at).filter(|_| !self.idle.contains(&at)) else { continue };
            let Some(chosen) = chosen.get(at) else { continue };
            let is_leaf = self.problem.set.below.get(at).is_none_or(Vec::is_empty);
            let mut questions = self.ways(at, &without);
            if !is_leaf {
                // What it ranks above comes back without it: then only all conclusions together
                // tell. Mostly one of the others does before.
                questions.push(vec![differ]);
            }
            let names = [rule.name()];
            let question = format!("whether rule `{}` is needed", rule.name());
            let mut open: Vec<Vec<Lit>> = questions
                .into_iter()
                .map(|literals| chosen.iter().copied().chain(literals).collect())
                .collect();
            let mut why = None;
            // One of the ways is mostly easy to see, and the others may be hard to rule out.
            for share in [100, 1] {
                why = None;
                let mut left = Vec::new();
                for literals in open {
                    match self.problem.ask_within(&literals, share) {
                        Reply::Found(_) => continue 'rules,
                        Reply::Never => {}
                        Reply::Undecided(reason) => {
                            why = Some(reason);
                            left.push(literals);
                        }
                    }
                }
                open = left;
            }
            if let Some(why) = why {
                self.undecided(&names, &question, &why);
            } else {
                let message = format!(
                    "rule `{}` is redundant: without it every decision, action and mode is the same",
                    rule.name()
                );
                self.report(Finding::new(codes::REDUNDANT, &names, message));
            }
        }
    }

    /// The ways in which a rule that ranks above no other makes a difference. Others come to the
    /// same with and without it, so that it does if it counts and
    /// - no other does, or
    /// - rules of another kind would decide, or
    /// - rules of its kind would at a higher mode, or
    /// - with it something is decided at its mode that would not be.
    fn ways(&self, at: usize, without: &World) -> Vec<Vec<Lit>> {
        let world = &self.problem.world;
        let (Some(rule), Some(lits)) = (self.rule(at), world.rules.get(at)) else {
            return Vec::new();
        };
        let Some(class) = world.class_of.get(at).copied().flatten() else { return Vec::new() };
        let mut ways = vec![vec![lits.counts, without.no_rule]];
        let of_class = without.outcomes.range((class, Mode::Off)..=(class, Mode::Automatic));
        let of_class: Vec<(Mode, Lit)> =
            of_class.map(|((_, mode), decided)| (*mode, *decided)).collect();
        let of_other = of_class.iter().map(|(_, decided)| !*decided);
        ways.push([lits.counts, without.decided].into_iter().chain(of_other).collect());
        for (mode, decided) in &of_class {
            if *mode > rule.mode() {
                ways.push(vec![lits.counts, *decided]);
            } else if *mode == rule.mode()
                && let Some(with) = world.outcomes.get(&(class, *mode))
            {
                ways.push(vec![*with, !*decided]);
            }
        }
        ways
    }
}
