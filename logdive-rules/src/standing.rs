//! How rules stand to each other once each is true, false or unknown: what decides, and what
//! could change the answer. Shared by the evaluators that go fact by fact.

use logdive_core::{Mode, Truth};

use crate::set::RuleSet;

/// What follows from the truth of each rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) applies: Applies,
    /// The unknown rules that could change the answer, in order.
    pub(crate) open: Vec<usize>,
}

/// What the true rules that are left say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Applies {
    /// There is none.
    Nothing,
    /// They agree, and this one decides.
    Rule(usize),
    /// They do not agree.
    Conflict {
        /// The one that would decide if they did.
        lowest: usize,
        /// All of them.
        rivals: Vec<usize>,
    },
}

impl RuleSet {
    /// Concludes from the truth of each rule, by place in `rules`. See [`RuleSet::decide`].
    pub(crate) fn standing(&self, truths: &[Truth]) -> Standing {
        let out = self.outranked(truths);
        let left = |wanted: Truth| {
            let is_out = |at: usize| out.get(at).copied().unwrap_or(false);
            self.rules.iter().zip(truths).enumerate().filter_map(move |(at, (rule, truth))| {
                let stands = *truth == wanted && rule.mode != Mode::Off && !is_out(at);
                stands.then_some((at, rule))
            })
        };
        // Rules are sorted by name, and the first of equal modes is taken.
        let Some((at, chosen)) = left(Truth::True).min_by_key(|(_, rule)| rule.mode) else {
            let open = left(Truth::Unknown).map(|(at, _)| at).collect();
            return Standing { applies: Applies::Nothing, open };
        };
        if left(Truth::True).all(|(_, rule)| rule.agrees(chosen)) {
            let open = left(Truth::Unknown)
                .filter(|(_, rule)| !rule.agrees(chosen) || rule.mode < chosen.mode)
                .map(|(at, _)| at)
                .collect();
            Standing { applies: Applies::Rule(at), open }
        } else {
            let rivals = left(Truth::True).map(|(at, _)| at).collect();
            let open = left(Truth::Unknown).map(|(at, _)| at).collect();
            Standing { applies: Applies::Conflict { lowest: at, rivals }, open }
        }
    }

    /// The rules that a true rule ranks above, directly or through others; empty if there are
    /// none.
    fn outranked(&self, truths: &[Truth]) -> Vec<bool> {
        let ranks = |at: &usize| self.below.get(*at).is_some_and(|below| !below.is_empty());
        let takes_part = |at: &usize| self.rules.get(*at).is_some_and(|r| r.mode != Mode::Off);
        let is_true = |(at, truth): (usize, &Truth)| truth.is_true().then_some(at);
        let mut todo: Vec<usize> = truths
            .iter()
            .enumerate()
            .filter_map(is_true)
            .filter(ranks)
            .filter(takes_part)
            .collect();
        if todo.is_empty() {
            return Vec::new();
        }
        let mut out = vec![false; self.rules.len()];
        while let Some(at) = todo.pop() {
            for below in self.below.get(at).into_iter().flatten() {
                if let Some(slot) = out.get_mut(*below).filter(|slot| !**slot) {
                    *slot = true;
                    todo.push(*below);
                }
            }
        }
        out
    }
}
