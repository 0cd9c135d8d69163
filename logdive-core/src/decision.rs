//! Decisions: immutable, and each explains itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ActionRequest, Actor, Digest, Fact, Mode, Truth};

/// One term of a rule, with what it read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermTrace {
    /// The term as it is written.
    pub term: String,
    /// What it came out as.
    pub truth: Truth,
    /// The fact it read.
    pub fact: String,
    /// The value it read.
    pub read: Fact,
}

/// One rule, with what its terms read. Nothing is cut short: every term is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTrace {
    /// The rule's name.
    pub rule: String,
    /// The rule's version.
    pub version: u32,
    /// Whether it applies.
    pub truth: Truth,
    /// The terms of `when`.
    pub when: Vec<TermTrace>,
    /// The terms of `unless`.
    pub unless: Vec<TermTrace>,
}

/// A fact that was missing, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingFact {
    /// The fact.
    pub fact: String,
    /// Why it is missing.
    pub reason: String,
    /// The rules that could not be decided without it.
    pub rules: Vec<String>,
}

impl fmt::Display for MissingFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fact, self.reason)
    }
}

/// What came out. The enum is complete: a caller must say what it does in each case.
#[expect(clippy::exhaustive_enums, reason = "a case that a caller forgets would act wrongly")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// A rule applies and asks for something to be done.
    Decided {
        /// The rule, or the person's reason.
        rule: String,
        /// The decision's name.
        decision: String,
        /// Why, in words.
        because: String,
        /// What is to be done.
        actions: Vec<ActionRequest>,
        /// How far the rule lets automation go.
        mode: Mode,
    },
    /// A rule applies and nothing needs to be done.
    NoActionNeeded {
        /// The rule.
        rule: String,
        /// The decision's name.
        decision: String,
        /// Why, in words.
        because: String,
        /// How far the rule lets automation go.
        mode: Mode,
    },
    /// It cannot be decided: facts are missing that could change the answer. For a person.
    Undetermined {
        /// Which.
        missing: Vec<MissingFact>,
    },
    /// No rule applies. For a person.
    NoRule {
        /// The default's reason.
        because: String,
    },
}

/// A decision about a ticket. It is never changed; a person's replacement is a new one that names
/// its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What came out.
    pub conclusion: Conclusion,
    /// Every rule with what it read.
    pub trace: Vec<RuleTrace>,
    /// Digest of the rule set that decided; `None` for a person's decision.
    pub rules: Option<Digest>,
    /// Who decided.
    pub by: Actor,
    /// Digest of the decision that this one replaces.
    pub parent: Option<Digest>,
}

impl Decision {
    /// What came out.
    #[must_use]
    pub const fn conclusion(&self) -> &Conclusion {
        &self.conclusion
    }

    /// The decision's identity.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }

    /// The rule that decided, if one did.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        match &self.conclusion {
            Conclusion::Decided { rule, .. } | Conclusion::NoActionNeeded { rule, .. } => {
                Some(rule)
            }
            _ => None,
        }
    }

    /// What is to be done.
    #[must_use]
    pub fn actions(&self) -> &[ActionRequest] {
        match &self.conclusion {
            Conclusion::Decided { actions, .. } => actions,
            _ => &[],
        }
    }

    /// How far the rule lets automation go; nothing where no rule decided.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        match &self.conclusion {
            Conclusion::Decided { mode, .. } | Conclusion::NoActionNeeded { mode, .. } => *mode,
            _ => Mode::Off,
        }
    }
}

/// Writes the conclusion in a line.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.conclusion {
            Conclusion::Decided { decision, because, .. } => {
                write!(f, "decided {decision}: {because}")
            }
            Conclusion::NoActionNeeded { decision, because, .. } => {
                write!(f, "no action needed ({decision}): {because}")
            }
            Conclusion::Undetermined { missing } => {
                let names: Vec<&str> = missing.iter().map(|fact| fact.fact.as_str()).collect();
                write!(f, "undetermined: {} cannot be known", names.join(", "))
            }
            Conclusion::NoRule { because } => write!(f, "no rule applies: {because}"),
        }
    }
}
