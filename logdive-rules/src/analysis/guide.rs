//! Facts found by the solver, for property tests: for a rule, a pair, a gap.
//!
//! What is found are cells, one for each entry; every fact of a cell does. So a strategy may vary
//! a value inside its cell, and a case that fails shrinks there.

use batsat::Lit;
#[cfg(test)]
use logdive_core::Facts;
use logdive_core::{Fact, Mode};

use super::budget::Budget;
use super::cells::{Choice, Domain, State};
use super::problem::{Problem, Reply};
use crate::set::RuleSet;
use crate::statement::StatementKind;

/// What facts are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted<'a> {
    /// This rule decides.
    Decides(&'a str),
    /// This rule is true, ranking aside.
    True(&'a str),
    /// This rule cannot be known to be true or false.
    Unknown(&'a str),
    /// This rule is false.
    False(&'a str),
    /// Both rules are true.
    Both(&'a str, &'a str),
    /// No rule decides, though a `cover` statement names the facts: one of all, by their order.
    Gap(usize),
    /// No rule decides.
    Undecided,
    /// A rule decides automatically.
    Automatic,
}

/// Ways in which all entries may be, one for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Solution {
    choices: Vec<Choice>,
}

/// Asks for facts.
pub(crate) struct Guide<'a> {
    problem: Problem<'a>,
}

impl<'a> Guide<'a> {
    pub(crate) fn new(set: &'a RuleSet, budget: Budget) -> Self {
        Self { problem: Problem::new(set, budget) }
    }

    /// The entries, by name, with their cells; a solution has one choice for each.
    pub(crate) fn domains(&self) -> &[Domain] {
        &self.problem.domains
    }

    /// Distinct solutions, calm ones first, until there are no more; none for a rule that does not
    /// exist or is off.
    pub(crate) fn solutions<'g>(&'g mut self, wanted: Wanted<'_>) -> Solutions<'g, 'a> {
        let literals = self.literals(wanted);
        Solutions { guide: self, literals }
    }

    /// A solution near to what is preferred: for each entry a number that stands for one of its
    /// cells. Preferences are tried in turn, beginning with the entry `first`, and kept where they
    /// can be; so nothing is drawn in vain.
    pub(crate) fn near(
        &mut self,
        wanted: Wanted<'_>,
        preferred: &[usize],
        first: usize,
    ) -> Option<Solution> {
        let mut literals = self.literals(wanted)?;
        let Reply::Found(mut choices) = self.problem.ask(&literals) else { return None };
        let count = self.problem.domains.len();
        for at in (0..count).map(|at| (at + first) % count) {
            let (Some(domain), Some(number)) = (self.problem.domains.get(at), preferred.get(at))
            else {
                continue;
            };
            let Some(coded) = self.problem.coded.get(at) else { continue };
            let cell = number % domain.cells.len().max(1);
            let mut wish = vec![coded.taken(cell, &mut self.problem.sat)];
            if let Some(members) = &domain.members {
                // The number's digits say which members there are.
                let inside = |kind: usize| number.rotate_right(kind as u32 + 8) & 1 == 1;
                let kinds: Vec<usize> = (0..members.cells.len()).filter(|k| inside(*k)).collect();
                let known = domain.cells.get(cell).is_some_and(|c| c.state == State::Known);
                let choice = Choice { cell, members: if known { kinds } else { Vec::new() } };
                wish = vec![coded.is(&choice, &mut self.problem.sat)];
            }
            let with: Vec<Lit> = literals.iter().copied().chain(wish).collect();
            if let Reply::Found(found) = self.problem.ask(&with) {
                choices = found;
                literals = with;
            }
        }
        Some(Solution { choices })
    }

    /// The facts of a solution that read best.
    #[cfg(test)]
    pub(crate) fn facts(&self, solution: &Solution) -> Facts {
        self.problem.facts(&solution.choices)
    }

    /// For each entry all facts of the solution's cell that were found, the one that reads best
    /// first. Any of one entry go with any of the others.
    pub(crate) fn choices(&self, solution: &Solution) -> Vec<(&str, Vec<Fact>)> {
        let pairs = self.problem.domains.iter().zip(&solution.choices);
        let choices = pairs.map(|(domain, choice)| {
            let facts = match (&domain.members, domain.cells.get(choice.cell)) {
                (None, Some(cell)) => cell.facts.clone(),
                _ => vec![domain.fact(choice)],
            };
            (domain.name.as_str(), facts)
        });
        choices.collect()
    }

    /// Whether a fact may stand for an entry of a solution: whether it is in its cell.
    pub(crate) fn may_be(&self, solution: &Solution, name: &str, fact: &Fact) -> bool {
        let mut pairs = self.problem.domains.iter().zip(&solution.choices);
        let found = pairs.find(|(domain, _)| domain.name == name);
        found.is_some_and(|(domain, choice)| domain.choice(fact).as_ref() == Some(choice))
    }

    fn literals(&mut self, wanted: Wanted<'_>) -> Option<Vec<Lit>> {
        let set = self.problem.set;
        let rule = |name: &str| {
            let at = set.rules.iter().position(|rule| rule.name() == name)?;
            (set.rules.get(at)?.mode != Mode::Off).then_some(at)
        };
        let rails = |name: &str| self.problem.rails.get(rule(name)?).copied();
        Some(match wanted {
            Wanted::Decides(name) => self.problem.world.decides(rule(name)?, &set.rules)?,
            Wanted::True(name) => vec![rails(name)?.yes],
            Wanted::False(name) => vec![rails(name)?.no],
            Wanted::Unknown(name) => {
                let rails = rails(name)?;
                vec![!rails.yes, !rails.no]
            }
            Wanted::Both(a, b) => vec![rails(a)?.yes, rails(b)?.yes],
            Wanted::Gap(index) => {
                let covers = set.statements().iter().zip(&self.problem.stated);
                let mut covers =
                    covers.filter(|(statement, _)| statement.kind == StatementKind::Cover);
                let when = covers.nth(index)?.1.yes;
                vec![when, self.problem.definite, !self.problem.world.decided]
            }
            Wanted::Undecided => vec![!self.problem.world.decided],
            Wanted::Automatic => vec![self.problem.world.automatic(&mut self.problem.sat)],
        })
    }
}

/// Distinct solutions.
pub(crate) struct Solutions<'g, 'a> {
    guide: &'g mut Guide<'a>,
    literals: Option<Vec<Lit>>,
}

impl Iterator for Solutions<'_, '_> {
    type Item = Solution;

    fn next(&mut self) -> Option<Solution> {
        let literals = self.literals.as_mut()?;
        let problem = &mut self.guide.problem;
        let Reply::Found(choices) = problem.ask(literals) else {
            self.literals = None;
            return None;
        };
        // Not the same again: entries that nothing reads do not count.
        let read = problem.domains.iter().zip(&problem.coded).zip(&choices);
        let same: Vec<Lit> = read
            .filter(|((domain, _), _)| !domain.terms.is_empty())
            .map(|((_, coded), choice)| coded.is(choice, &mut problem.sat))
            .collect();
        literals.push(!problem.sat.and(same));
        Some(Solution { choices })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use logdive_core::{Fact, Truth};

    use super::{Guide, Solution, Wanted};
    use crate::analysis::Budget;
    use crate::analysis::tests::{KMS, parse};

    #[test]
    fn solutions_are_what_was_wanted_and_distinct() {
        let rules = parse(KMS);
        let rule = "throttled by own quota";
        let mut guide = Guide::new(&rules, Budget::default());
        let found: Vec<Solution> = guide.solutions(Wanted::Decides(rule)).take(50).collect();
        assert!(found.len() >= 10, "{}", found.len());
        let mut seen = HashSet::new();
        for solution in &found {
            let facts = guide.facts(solution);
            assert_eq!(rules.decide(&facts).rule(), Some(rule));
            assert!(seen.insert(facts.to_string_of_all()));
            for (name, others) in guide.choices(solution) {
                for other in others {
                    assert!(guide.may_be(solution, name, &other));
                    let facts = facts.clone().with(name, other);
                    assert_eq!(rules.decide(&facts).rule(), Some(rule));
                }
            }
            let known = facts.read("throttled").known().is_some();
            assert_eq!(guide.may_be(solution, "throttled", &Fact::from(1_000)), known);
            assert!(!guide.may_be(solution, "throttled", &Fact::from(49)));
        }
        // A rule of one term over three kinds of facts runs out of solutions.
        let few = parse(
            "schema s v1 { ticket.b : bool } decisions { x } default x \"\"
             rule \"r\" v1 mode confirm { when ticket.b decide x }",
        );
        let mut guide = Guide::new(&few, Budget::default());
        assert_eq!(guide.solutions(Wanted::True("r")).count(), 1);
        assert_eq!(guide.solutions(Wanted::False("r")).count(), 1);
        assert_eq!(guide.solutions(Wanted::Unknown("r")).count(), 1);
        assert_eq!(guide.solutions(Wanted::Undecided).count(), 2);
        assert_eq!(guide.solutions(Wanted::Automatic).count(), 0);
        assert_eq!(guide.solutions(Wanted::Both("r", "r")).count(), 1);
        assert_eq!(guide.solutions(Wanted::True("no such rule")).count(), 0);
    }

    #[test]
    fn preferences_are_kept_where_they_can_be() {
        let rules = parse(KMS);
        let mut guide = Guide::new(&rules, Budget::default());
        let mut drawn = HashSet::new();
        for seed in 0..40_usize {
            let numbers: Vec<usize> = (0..guide.domains().len())
                .map(|at| (seed * 31 + at).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20)
                .collect();
            let wanted = Wanted::Decides("key pending deletion");
            let solution = guide.near(wanted, &numbers, seed).unwrap();
            let facts = guide.facts(&solution);
            assert_eq!(rules.decide(&facts).rule(), Some("key pending deletion"));
            drawn.insert(facts.to_string_of_all());
            let solution = guide.near(Wanted::Gap(0), &numbers, seed).unwrap();
            let facts = guide.facts(&solution);
            assert_eq!(rules.decide(&facts).rule(), None);
            let cover = &rules.statements()[0];
            assert_eq!(cover.when.eval(&|field| facts.read(field.name())), Truth::True);
        }
        assert!(drawn.len() > 30, "{}", drawn.len());
    }

    trait InWords {
        fn to_string_of_all(&self) -> String;
    }

    impl InWords for logdive_core::Facts {
        fn to_string_of_all(&self) -> String {
            self.iter().map(|(name, fact)| format!("{name}={fact};")).collect()
        }
    }
}
