//! Facts that were asked for: those for which a rule decides, two rules are true, nothing decides.

use std::collections::HashSet;
use std::rc::Rc;

use logdive_core::{Fact, Facts, Truth};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use thiserror::Error;

use crate::analysis::Budget;
use crate::analysis::guide::{Guide, Solution, Wanted};
use crate::set::RuleSet;

/// Most ways to be what was asked for that a strategy draws from.
const WAYS: usize = 64;
/// Sets of facts that are drawn to find values inside of cells.
const DRAWS: usize = 200;

/// There are no such facts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there are no facts for which {what}")]
pub struct NoSuchFacts {
    what: String,
}

impl RuleSet {
    /// Facts for which a rule decides. They are found by a solver, none is drawn in vain; failing
    /// cases shrink to calm values for which it still decides.
    ///
    /// # Errors
    /// If there are none: the rule does not exist, is off, is dead, or is hidden by others.
    ///
    /// ```
    /// # use logdive_rules::RuleSet;
    /// use proptest::prelude::*;
    ///
    /// # let rules = RuleSet::parse(r#"
    /// # schema s v1 { fact n : int  fact m : int } decisions { quota, human } default human "x"
    /// # rule "rare" v1 mode suggest { when n == 77 and m >= 9 decide quota }"#)?;
    /// proptest!(|(facts in rules.facts_for("rare")?)| {
    ///     let decision = rules.decide(&facts);
    ///     prop_assert_eq!(decision.rule(), Some("rare"));
    /// });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn facts_for(&self, rule: &str) -> Result<BoxedStrategy<Facts>, NoSuchFacts> {
        self.guided(Wanted::Decides(rule), || format!("rule `{rule}` decides"))
    }

    /// Facts for which a rule is true, false or unknown, whatever the others say.
    ///
    /// # Errors
    /// If there are none.
    pub fn facts_where(
        &self,
        rule: &str,
        truth: Truth,
    ) -> Result<BoxedStrategy<Facts>, NoSuchFacts> {
        let (wanted, word) = match truth {
            Truth::True => (Wanted::True(rule), "true"),
            Truth::Unknown => (Wanted::Unknown(rule), "unknown"),
            Truth::False => (Wanted::False(rule), "false"),
        };
        self.guided(wanted, || format!("rule `{rule}` is {word}"))
    }

    /// Facts for which a rule decides automatically.
    ///
    /// # Errors
    /// If there are none.
    pub fn facts_automatic(&self) -> Result<BoxedStrategy<Facts>, NoSuchFacts> {
        self.guided(Wanted::Automatic, || "a rule decides automatically".to_owned())
    }

    /// Facts for which two rules are both true, whichever ranks higher.
    ///
    /// # Errors
    /// If there are none.
    pub fn facts_for_both(&self, a: &str, b: &str) -> Result<BoxedStrategy<Facts>, NoSuchFacts> {
        self.guided(Wanted::Both(a, b), || format!("rules `{a}` and `{b}` are both true"))
    }

    /// Facts that a `cover` statement names and no rule decides; statements are counted from 0 in
    /// the order of [`RuleSet::statements`].
    ///
    /// # Errors
    /// If there are none, as it should be.
    pub fn facts_in_gap(&self, cover: usize) -> Result<BoxedStrategy<Facts>, NoSuchFacts> {
        self.guided(Wanted::Gap(cover), || format!("cover statement {cover} has a gap"))
    }

    /// Facts for which no rule decides.
    ///
    /// # Errors
    /// If there are none.
    pub fn facts_undecided(&self) -> Result<BoxedStrategy<Facts>, NoSuchFacts> {
        self.guided(Wanted::Undecided, || "no rule decides".to_owned())
    }

    fn guided(
        &self,
        wanted: Wanted<'_>,
        what: impl Fn() -> String,
    ) -> Result<BoxedStrategy<Facts>, NoSuchFacts> {
        let ways = Rc::new(self.ways(wanted));
        if ways.is_empty() {
            return Err(NoSuchFacts { what: what() });
        }
        // Numbers shrink to zero: the calmest way, and of each cell the fact that reads best.
        let entries = self.inputs().count();
        let drawn =
            (0..ways.len(), vec(prop_oneof![Just(None), any::<Index>().prop_map(Some)], entries));
        Ok(drawn
            .prop_map(move |(way, picks)| {
                let way = ways.get(way).into_iter().flatten();
                way.zip(picks)
                    .map(|((name, facts), pick)| {
                        let at = pick.map_or(0, |pick| pick.index(facts.len().max(1)));
                        (name.clone(), facts.get(at).cloned().unwrap_or(Fact::Absent))
                    })
                    .collect()
            })
            .boxed())
    }

    /// Ways to be what is wanted: for each entry the facts that it may be then.
    fn ways(&self, wanted: Wanted<'_>) -> Vec<Vec<(String, Vec<Fact>)>> {
        let mut guide = Guide::new(self, Budget::default());
        let mut found: Vec<Solution> = guide.solutions(wanted).take(WAYS / 2).collect();
        // The first are alike; others are found from places drawn at random, the same in each run.
        let mut runner = steady();
        let count = guide.domains().len();
        let mut seen: HashSet<Solution> = found.iter().cloned().collect();
        for _ in 0..WAYS / 2 {
            if found.len() < WAYS / 2 {
                break;
            }
            let Ok(numbers) = vec(any::<usize>(), count + 1).new_tree(&mut runner) else { break };
            let numbers = numbers.current();
            let first = numbers.last().map_or(0, |first| first % count.max(1));
            match guide.near(wanted, &numbers, first) {
                Some(solution) if seen.insert(solution.clone()) => found.push(solution),
                Some(_) => {}
                None => break,
            }
        }
        let drawn: Vec<Facts> = {
            let any = self.any_facts();
            let draw = |_| any.new_tree(&mut runner).ok().map(|tree| tree.current());
            (0..DRAWS).filter_map(draw).collect()
        };
        let way = |solution: &Solution| {
            let choices = guide.choices(solution).into_iter().map(|(name, mut facts)| {
                let others = drawn.iter().filter_map(|facts| facts.get(name));
                for other in others {
                    if !facts.contains(other) && guide.may_be(solution, name, other) {
                        facts.push(other.clone());
                    }
                }
                (name.to_owned(), facts)
            });
            choices.collect()
        };
        found.iter().map(way).collect()
    }
}

/// Draws the same in each run.
fn steady() -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng)
}
