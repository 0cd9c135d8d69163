//! Pairs of rules that can apply together and decide differently.

use std::collections::BTreeSet;

use logdive_core::Conclusion;

use super::rules::reached;
use super::{Queries, Reply, matter};
use crate::analysis::cells::Choice;
use crate::analysis::finding::{Finding, codes};
use crate::analysis::reach::{Reach, Reaches};

impl Queries<'_> {
    /// All pairs. One question asks for all partners of a rule at once.
    pub(super) fn conflicts(&mut self) {
        let parts = self.parts();
        let reaches = Reaches::new(&self.problem.domains);
        let rules = &self.problem.set.rules;
        let reach: Vec<Reach> = rules.iter().map(|rule| reaches.rule(rule)).collect();
        let below: Vec<BTreeSet<usize>> =
            (0..rules.len()).map(|at| reached(&self.problem.set.below, at)).collect();
        let ranked = |a: usize, b: usize| {
            below.get(a).is_some_and(|below| below.contains(&b))
                || below.get(b).is_some_and(|below| below.contains(&a))
        };
        for (index, at) in parts.iter().copied().enumerate() {
            if self.idle.contains(&at) {
                continue;
            }
            let (Some(rule), Some(its)) = (self.rule(at), reach.get(at)) else { continue };
            let others = parts.iter().copied().skip(index + 1).filter(|other| {
                !self.idle.contains(other)
                    && !ranked(at, *other)
                    && self.rule(*other).is_some_and(|other| !rule.agrees(other))
                    && reach.get(*other).is_some_and(|other| !its.is_disjoint(other))
            });
            let others: Vec<usize> = others.collect();
            self.partners(at, others);
            if self.is_full(codes::CONFLICT) {
                return;
            }
        }
    }

    /// Finds with which of these rules one is in conflict.
    fn partners(&mut self, at: usize, mut others: Vec<usize>) {
        let Some(rule) = self.rule(at) else { return };
        while !others.is_empty() && !self.is_full(codes::CONFLICT) {
            let applies = |at: usize| self.problem.world.rules.get(at).map(|lits| lits.applies);
            let Some(its) = applies(at) else { return };
            let theirs: Vec<_> = others.iter().filter_map(|at| applies(*at)).collect();
            let some = self.problem.sat.or(theirs);
            let question =
                format!("whether a rule that decides differently meets `{}`", rule.name());
            let reply = self.ask(&[its, some], &[rule.name()], &question);
            let Some(Reply::Found(choices)) = reply else { return };
            let world = &self.problem.world.rules;
            let met: Vec<usize> = others
                .iter()
                .copied()
                .filter(|at| {
                    world.get(*at).is_some_and(|lits| self.problem.sat.holds(lits.applies))
                })
                .collect();
            if met.is_empty() {
                return;
            }
            for other in &met {
                self.conflict(at, *other, &choices);
            }
            others.retain(|at| !met.contains(at));
        }
    }

    fn conflict(&mut self, at: usize, other: usize, choices: &[Choice]) {
        let (Some(rule), Some(other)) = (self.rule(at), self.rule(other)) else { return };
        let names = [rule.name(), other.name()];
        let question = format!("whether `{}` and `{}` meet", rule.name(), other.name());
        let facts = self.replay(choices, &names, &question, |_, decision| {
            let Conclusion::Undetermined { missing } = decision.conclusion() else { return false };
            let conflict = missing.first();
            conflict.is_some_and(|first| {
                names.iter().all(|name| first.rules.iter().any(|rule| rule == name))
            })
        });
        let Some(facts) = facts else { return };
        let what = if rule.decision() == other.decision() {
            "ask for different actions".to_owned()
        } else {
            format!("decide `{}` and `{}`", rule.decision(), other.decision())
        };
        let message = format!(
            "rules `{}` and `{}` can apply together and {what}: rank one `over` the other, or let \
             their conditions exclude each other",
            rule.name(),
            other.name()
        );
        let matter = matter([rule, other]);
        self.report(Finding::new(codes::CONFLICT, &names, message).shown_by(facts, matter));
    }
}
