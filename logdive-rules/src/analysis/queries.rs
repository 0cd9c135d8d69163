//! The questions that an analysis asks.

use std::collections::{BTreeMap, BTreeSet};

use batsat::Lit;
use logdive_core::{Decision, Facts, Mode};

use super::cells::Choice;
use super::finding::{Finding, codes};
use super::problem::{Problem, Reply, reads};
use crate::limits;
use crate::rule::Rule;
use crate::statement::{Statement, StatementKind};

mod conflicts;
mod mend;
mod redundant;
mod rules;
mod statements;

/// What a question looks for, and how it is asked.
pub(super) type Question<Q> = (&'static str, fn(&mut Q));

/// Asks all questions of one rule set.
pub(super) struct Queries<'a> {
    problem: Problem<'a>,
    statements: &'a [Statement],
    found: Vec<Finding>,
    counts: BTreeMap<&'static str, usize>,
    /// Rules that are never true, or never while nothing outranks them: nothing more is said.
    idle: BTreeSet<usize>,
    /// The statement that is asked about.
    statement: Option<usize>,
}

impl<'a> Queries<'a> {
    pub(super) fn new(problem: Problem<'a>) -> Self {
        let statements = problem.set.statements();
        let (found, counts, idle) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        Self { problem, statements, found, counts, idle, statement: None }
    }

    /// All questions, each with what it looks for. Those that are first spare the later ones.
    pub(super) const QUESTIONS: [Question<Self>; 7] = [
        ("dead and shadowed", Self::dead_and_shadowed),
        ("always", Self::always),
        ("conflicts", Self::conflicts),
        ("gaps", Self::gaps),
        ("automatic", Self::automatic),
        ("vain over", Self::vain_over),
        ("redundant", Self::redundant),
    ];

    /// The questions whose findings are errors.
    pub(super) const PROOFS: [Question<Self>; 3] =
        [("conflicts", Self::conflicts), ("gaps", Self::gaps), ("automatic", Self::automatic)];

    /// All findings, the worst first, and then by code, in the order of rules.
    pub(super) fn ask_all(mut self, questions: &[Question<Self>]) -> Vec<Finding> {
        for (_, ask) in questions {
            ask(&mut self);
            self.statement = None;
        }
        for (code, count) in &self.counts {
            if let Some(more) = count.checked_sub(limits::FINDINGS).filter(|more| *more > 0) {
                let message = format!("at least {more} more findings {code} are not shown");
                self.found.push(Finding::new(codes::UNDECIDED, &[], message));
            }
        }
        self.found.sort_by(|a, b| a.level.cmp(&b.level).then_with(|| a.code.cmp(b.code)));
        self.found
    }

    /// The rules that take part, by number.
    fn parts(&self) -> Vec<usize> {
        let rules = self.problem.set.rules.iter().enumerate();
        rules.filter(|(_, rule)| rule.mode != Mode::Off).map(|(at, _)| at).collect()
    }

    fn rule(&self, at: usize) -> Option<&'a Rule> {
        self.problem.set.rules.get(at)
    }

    /// Keeps a finding, or counts it if there are too many of its code.
    fn report(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.code).or_default();
        *count += 1;
        if *count <= limits::FINDINGS {
            self.found.push(finding);
        }
    }

    fn is_full(&self, code: &str) -> bool {
        self.counts.get(code).is_some_and(|count| *count > limits::FINDINGS)
    }

    fn undecided(&mut self, rules: &[&str], question: &str, why: &str) {
        let message = format!("it is not decided {question}: {why}");
        let mut finding = Finding::new(codes::UNDECIDED, rules, message);
        finding.statement = self.statement;
        self.report(finding);
    }

    /// Whether all can hold; what is not decided is reported.
    fn ask(&mut self, literals: &[Lit], rules: &[&str], question: &str) -> Option<Reply> {
        match self.problem.ask(literals) {
            Reply::Undecided(why) => {
                self.undecided(rules, question, &why);
                None
            }
            reply => Some(reply),
        }
    }

    /// The facts of choices, if deciding over them shows what is said of them. An answer that does
    /// not replay is reported as undecided.
    fn replay(
        &mut self,
        choices: &[Choice],
        rules: &[&str],
        question: &str,
        shows: impl FnOnce(&Facts, &Decision) -> bool,
    ) -> Option<Facts> {
        let facts = self.problem.facts(choices);
        let decision = self.problem.set.decide(&facts);
        if shows(&facts, &decision) {
            return Some(facts);
        }
        self.undecided(rules, question, "the facts that were found do not show it");
        None
    }
}

/// What rules read, together.
fn matter<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> BTreeSet<&'a str> {
    rules.into_iter().flat_map(reads).collect()
}
