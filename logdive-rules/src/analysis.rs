//! Static analysis: what holds of a rule set whatever the facts.
//!
//! The facts of each entry fall into finitely many cells, so that every question about
//! all facts is one about finitely many, which a solver answers exactly. What it finds is replayed
//! by [`RuleSet::decide`] before it is shown.

use std::fmt;

use logdive_core::Level;
use serde::Serialize;

use crate::limits;
use crate::set::RuleSet;

mod budget;
mod cells;
mod difference;
mod encode;
mod finding;
#[cfg(any(test, feature = "proptest"))]
pub(crate) mod guide;
mod located;
mod problem;
mod queries;
mod reach;
mod solver;
mod world;

pub use budget::Budget;
pub use difference::{Change, Difference, Outcome, SchemaChange};
pub use finding::{Finding, Fix, codes};

#[cfg(feature = "proptest")]
pub(crate) use cells::calm;
pub(crate) use cells::{Choice, Domain, State, distance};
pub(crate) use problem::{Problem, Reply};
use queries::{Queries, Question};

/// What an analysis found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Analysis {
    findings: Vec<Finding>,
    undecided: Vec<Finding>,
}

impl Analysis {
    /// What was found, the worst first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What was not decided, and why: [`codes::UNDECIDED`].
    #[must_use]
    pub fn undecided(&self) -> &[Finding] {
        &self.undecided
    }

    /// The findings with which the rules must not run.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Error)
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&Finding) -> bool) {
        self.findings.retain(&keep);
        self.undecided.retain(keep);
    }

    /// Whether nothing was found and everything was decided.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.undecided.is_empty()
    }
}

/// Writes each finding, an empty line between two.
impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.findings.iter().chain(&self.undecided).enumerate() {
            write!(f, "{}{finding}", if index > 0 { "\n\n" } else { "" })?;
        }
        Ok(())
    }
}

impl RuleSet {
    /// Finds what is wrong with the rules whatever the facts: rules that never decide or always
    /// apply, conflicts, gaps, broken statements, what is redundant.
    ///
    /// Every entry may be unavailable, a ticket's too: a required field that a ticket lacks is. A
    /// measure that counts is never negative.
    ///
    /// ```
    /// # use logdive_rules::{RuleSet, codes};
    /// let rules = RuleSet::parse(r#"
    /// schema quota v1 { ticket.severity : int 1..5  fact throttled : int }
    /// decisions { quota, human }
    /// default human "no rule applies"
    /// rule "own quota" v1 mode automatic { when throttled >= 50 decide quota }
    /// never automatic when ticket.severity == 1"#)?;
    /// let analysis = rules.analyse();
    /// let finding = &analysis.findings()[0];
    /// assert_eq!(finding.code, codes::AUTOMATIC);
    /// let fix = finding.fix.as_ref().map(ToString::to_string);
    /// assert_eq!(fix.as_deref(), Some("add to `when` of `own quota`: and ticket.severity > 1"));
    /// # Ok::<(), logdive_rules::RuleErrors>(())
    /// ```
    #[must_use]
    pub fn analyse(&self) -> Analysis {
        self.analyse_with(Budget::default())
    }

    /// [`RuleSet::analyse`] at another cost.
    #[must_use]
    pub fn analyse_with(&self, budget: Budget) -> Analysis {
        self.asked(&Queries::QUESTIONS, budget)
    }

    /// Only what must hold of a set that runs: findings that are errors, and what of them is not
    /// decided.
    pub(crate) fn proofs(&self) -> Analysis {
        self.asked(&Queries::PROOFS, Budget::default())
    }

    fn asked<'a>(&'a self, questions: &[Question<Queries<'a>>], budget: Budget) -> Analysis {
        let found = match self.rules.len() > limits::ANALYSED_RULES {
            true => self.too_many(),
            false => Queries::new(Problem::new(self, budget)).ask_all(questions),
        };
        let (undecided, findings) =
            found.into_iter().partition(|finding| finding.code == codes::UNDECIDED);
        Analysis { findings, undecided }
    }

    /// Nothing is decided of a set that is too large.
    fn too_many(&self) -> Vec<Finding> {
        let why = format!("the set has more than {} rules", limits::ANALYSED_RULES);
        let claims = self.statements.iter().enumerate().map(|(at, statement)| {
            let message = format!("it is not decided whether `{statement}` holds: {why}");
            Finding::new(codes::UNDECIDED, &[], message).about(at)
        });
        let message = format!("nothing is decided of the rules: {why}");
        claims.chain([Finding::new(codes::UNDECIDED, &[], message)]).collect()
    }
}

#[cfg(test)]
mod tests;
