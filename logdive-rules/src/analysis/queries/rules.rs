//! Questions about one rule: dead, always true, shadowed, an `over` in vain.

use std::collections::BTreeSet;

use logdive_core::Truth;

use super::{Queries, Reply, matter};
use crate::analysis::cells::Choice;
use crate::analysis::finding::{Finding, Fix, codes};

impl Queries<'_> {
    /// Rules that are never true, and those that others put out whenever they are.
    pub(super) fn dead_and_shadowed(&mut self) {
        for at in self.parts() {
            let (Some(rule), Some(lits)) =
                (self.rule(at), self.problem.world.rules.get(at).copied())
            else {
                continue;
            };
            let names = [rule.name()];
            let question = format!("whether rule `{}` ever decides", rule.name());
            let Some(Reply::Never) = self.ask(&[lits.applies], &names, &question) else { continue };
            self.idle.insert(at);
            match self.ask(&[lits.rails.yes], &names, &question) {
                Some(Reply::Never) => {
                    let message = format!("rule `{}` can never be true", rule.name());
                    self.report(Finding::new(codes::DEAD, &names, message));
                }
                Some(Reply::Found(choices)) => self.shadowed(at, &choices),
                _ => {}
            }
        }
    }

    fn shadowed(&mut self, at: usize, choices: &[Choice]) {
        let Some(rule) = self.rule(at) else { return };
        // Those above it of which one is true whenever it is.
        let above = self.above(at);
        let yes = |at: &usize| self.problem.rails.get(*at).map(|rails| rails.yes);
        let mut literals: Vec<_> = yes(&at).into_iter().collect();
        literals.extend(above.iter().filter_map(yes).map(|yes| !yes));
        let by: Vec<usize> = match self.problem.ask(&literals) {
            Reply::Never => above
                .iter()
                .copied()
                .filter(|at| {
                    let yes = self.problem.rails.get(*at).map(|rails| rails.yes);
                    yes.is_some_and(|yes| self.problem.sat.refuted(yes))
                })
                .collect(),
            _ => above.iter().copied().collect(),
        };
        let by: Vec<_> = by.into_iter().filter_map(|at| self.rule(at)).collect();
        let mut names = vec![rule.name()];
        names.extend(by.iter().map(|rule| rule.name()));
        let quoted: Vec<String> = by.iter().map(|rule| format!("`{}`", rule.name())).collect();
        let message = format!(
            "rule `{}` never decides: whenever it is true, {} is true and ranks above it",
            rule.name(),
            quoted.join(" or ")
        );
        let question = format!("whether rule `{}` ever decides", rule.name());
        let shows = self.replay(choices, &names, &question, |_, decision| {
            decision.rule() != Some(rule.name())
                && decision
                    .trace
                    .iter()
                    .any(|trace| trace.rule == rule.name() && trace.truth == Truth::True)
        });
        if let Some(facts) = shows {
            let matter = matter(by.into_iter().chain([rule]));
            self.report(Finding::new(codes::SHADOWED, &names, message).shown_by(facts, matter));
        }
    }

    /// Rules that are true whatever is known, though they read something.
    pub(super) fn always(&mut self) {
        for at in self.parts() {
            let (Some(rule), Some(rails)) = (self.rule(at), self.problem.rails.get(at).copied())
            else {
                continue;
            };
            if matter([rule]).is_empty() {
                continue;
            }
            let names = [rule.name()];
            let question = format!("whether rule `{}` is ever false", rule.name());
            let literals = [self.problem.definite, !rails.yes];
            if self.ask(&literals, &names, &question) == Some(Reply::Never) {
                let message = format!(
                    "rule `{}` is true whatever is known: if that is meant, write `when true`",
                    rule.name()
                );
                self.report(Finding::new(codes::ALWAYS, &names, message));
            }
        }
    }

    /// Rules that rank above others with which they never meet.
    pub(super) fn vain_over(&mut self) {
        for at in self.parts() {
            let Some(rule) = self.rule(at) else { continue };
            for below in self.problem.set.below.get(at).cloned().unwrap_or_default() {
                let Some(lower) = self.rule(below) else { continue };
                // What it ranks above through this one counts too.
                let reached = reached(&self.problem.set.below, below);
                let lits = &self.problem.world.rules;
                let counting: Vec<_> = reached
                    .iter()
                    .filter_map(|at| lits.get(*at))
                    .map(|lits| !lits.rails.no)
                    .collect();
                let meets = self.problem.sat.or(counting);
                let Some(rails) = self.problem.rails.get(at).copied() else { continue };
                let names = [rule.name(), lower.name()];
                let question = format!("whether `{}` ever meets `{}`", rule.name(), lower.name());
                if self.ask(&[rails.yes, meets], &names, &question) == Some(Reply::Never) {
                    let message = format!(
                        "`over \"{}\"` of rule `{}` changes nothing: where the one is true, the \
                         other is false",
                        lower.name(),
                        rule.name()
                    );
                    let facts = self.facts_of(at, rule.name());
                    let (rule, over) = (rule.name().to_owned(), lower.name().to_owned());
                    let fix = Fix::RemoveOver { rule, over };
                    let mut finding = Finding::new(codes::OVER, &names, message).mended_by(fix);
                    if let Some(facts) = facts {
                        let both = [self.rule(at), Some(lower)];
                        finding = finding.shown_by(facts, matter(both.into_iter().flatten()));
                    }
                    self.report(finding);
                }
            }
        }
    }

    /// Facts over which a rule is true.
    fn facts_of(&mut self, at: usize, name: &str) -> Option<logdive_core::Facts> {
        let yes = self.problem.rails.get(at)?.yes;
        let Reply::Found(choices) = self.problem.ask(&[yes]) else { return None };
        let facts = self.problem.facts(&choices);
        let decision = self.problem.set.decide(&facts);
        let shows =
            decision.trace.iter().any(|trace| trace.rule == name && trace.truth == Truth::True);
        shows.then_some(facts)
    }

    /// The rules that take part and rank above one, directly or through others.
    fn above(&self, at: usize) -> BTreeSet<usize> {
        let below = &self.problem.set.below;
        let mut above: Vec<Vec<usize>> = vec![Vec::new(); below.len()];
        for (upper, targets) in below.iter().enumerate() {
            for target in targets {
                if let Some(list) = above.get_mut(*target) {
                    list.push(upper);
                }
            }
        }
        let mut found = reached(&above, at);
        found.remove(&at);
        let parts: BTreeSet<usize> = self.parts().into_iter().collect();
        found.intersection(&parts).copied().collect()
    }
}

/// What can be reached from a place, itself too.
pub(super) fn reached(edges: &[Vec<usize>], from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for to in edges.get(at).into_iter().flatten() {
            if found.insert(*to) {
                open.push(*to);
            }
        }
    }
    found
}
