//! What a comparison of two versions says.

use std::fmt;

use logdive_core::{Conclusion, Decision, Facts, Mode};
use serde::Serialize;

use crate::rule::Rule;
use crate::set::RuleSet;

/// What a rule set concludes, as far as versions are compared by it.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// A rule decides and asks for actions.
    #[non_exhaustive]
    Decided {
        /// The rule.
        rule: String,
        /// Its decision.
        decision: String,
        /// What it asks for, as it is written.
        actions: Vec<String>,
        /// How far it lets automation go.
        mode: Mode,
    },
    /// A rule says that nothing needs to be done.
    #[non_exhaustive]
    NoActionNeeded {
        /// The rule.
        rule: String,
        /// Its decision.
        decision: String,
        /// How far it lets automation go.
        mode: Mode,
    },
    /// It cannot be decided.
    Undetermined,
    /// No rule applies.
    #[non_exhaustive]
    NoRule {
        /// The default's decision.
        decision: String,
    },
}

impl Outcome {
    pub(super) fn of(decision: &Decision, set: &RuleSet) -> Self {
        match decision.conclusion() {
            Conclusion::Decided { rule, decision, mode, .. } => Self::Decided {
                rule: rule.clone(),
                decision: decision.clone(),
                actions: set.rule(rule).map(actions).unwrap_or_default(),
                mode: *mode,
            },
            Conclusion::NoActionNeeded { rule, decision, mode, .. } => {
                Self::NoActionNeeded { rule: rule.clone(), decision: decision.clone(), mode: *mode }
            }
            Conclusion::Undetermined { .. } => Self::Undetermined,
            Conclusion::NoRule { .. } => {
                Self::NoRule { decision: set.default_decision().0.to_owned() }
            }
        }
    }

    /// Whether both come to the same, whichever rule it was.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Decided { decision: a, actions: b, mode: c, .. },
                Self::Decided { decision: x, actions: y, mode: z, .. },
            ) => (a, b, c) == (x, y, z),
            (
                Self::NoActionNeeded { decision: a, mode: b, .. },
                Self::NoActionNeeded { decision: x, mode: y, .. },
            ) => (a, b) == (x, y),
            (a, b) => a == b,
        }
    }
}

fn actions(rule: &Rule) -> Vec<String> {
    rule.calls().iter().map(ToString::to_string).collect()
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decided { rule, decision, actions, mode } => {
                write!(f, "{decision}, {mode}, by `{rule}`")?;
                actions.iter().try_for_each(|action| write!(f, "; {action}"))
            }
            Self::NoActionNeeded { rule, decision, mode } => {
                write!(f, "{decision}, no action, {mode}, by `{rule}`")
            }
            Self::Undetermined => f.write_str("undetermined"),
            Self::NoRule { decision } => write!(f, "{decision}, no rule applies"),
        }
    }
}

/// One way in which two versions differ.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What the old version concludes.
    pub before: Outcome,
    /// What the new version concludes.
    pub after: Outcome,
    /// Facts over which both were seen to do so. They may name entries that one version does not
    /// have: it does not read them.
    pub witness: Facts,
    /// Those of the facts that matter.
    pub matter: Vec<String>,
}

/// How the schemas of two versions differ in one entry.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaChange {
    /// The entry.
    pub name: String,
    /// How it was declared; none if it was not.
    pub before: Option<String>,
    /// How it is declared; none if it is not.
    pub after: Option<String>,
}

/// How two versions of a rule set differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub(super) changes: Vec<Change>,
    pub(super) schema: Vec<SchemaChange>,
    pub(super) more: bool,
    pub(super) undecided: Vec<String>,
}

impl Difference {
    /// What is concluded otherwise, with facts for each; one for each pair of rules, decisions and
    /// modes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Entries that are declared in one version only, or otherwise. A measure that changed is
    /// compared as if both versions read the same number; where the type changed, what depends on
    /// it is undecided.
    #[must_use]
    pub fn schema(&self) -> &[SchemaChange] {
        &self.schema
    }

    /// Whether there are more changes than are shown.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.more
    }

    /// What was not decided, and why.
    #[must_use]
    pub fn undecided(&self) -> &[String] {
        &self.undecided
    }

    /// Whether both decide the same whatever the facts: proved, not only not refuted. What facts
    /// are taken for the same is told by [`Difference::schema`].
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.changes.is_empty() && self.undecided.is_empty() && !self.more
    }
}

/// Writes each change with the facts that matter, for a narrow terminal.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.schema {
            let declared = |entry: &Option<String>| entry.clone().unwrap_or_else(|| "-".to_owned());
            writeln!(
                f,
                "schema {}\n  before: {}\n  after:  {}",
                change.name,
                declared(&change.before),
                declared(&change.after)
            )?;
        }
        for change in &self.changes {
            writeln!(f, "before: {}\nafter:  {}", change.before, change.after)?;
            for (name, fact) in change.witness.iter() {
                if change.matter.iter().any(|matter| matter == name) {
                    writeln!(f, "  {name}: {fact}")?;
                }
            }
        }
        for why in &self.undecided {
            writeln!(f, "undecided: {why}")?;
        }
        if self.more {
            writeln!(f, "there are more changes than these")?;
        }
        if self.is_none() {
            writeln!(f, "both decide the same whatever the facts")?;
        }
        Ok(())
    }
}
