//! Deciding as the loop sees it: from facts to a decision.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{ActionName, Decision, Digest, Facts, Measure, Ticket, ValueType, format_duration};

/// An action that a rule may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionNeed {
    /// The action.
    pub name: ActionName,
    /// The arguments the rule gives, with their types.
    pub arguments: BTreeMap<String, ValueType>,
    /// The rule that asks for it.
    pub rule: String,
}

/// What a rule set needs of the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// The measures it names.
    pub measures: Vec<Measure>,
    /// The actions it may ask for.
    pub actions: Vec<ActionNeed>,
    /// The rule set's digest.
    pub digest: Digest,
}

/// At most so many actions in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cap {
    /// How many actions.
    pub actions: u32,
    /// In how much time.
    pub per: Duration,
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {}", self.actions, format_duration(self.per))
    }
}

/// What a rule's author sets for its automation, beside its mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleBounds {
    /// At most so many actions; beyond it an action is refused.
    pub cap: Option<Cap>,
    /// The last day (UTC) on which the rule acts by itself without having been reviewed. Later it
    /// suggests.
    pub review_by: Option<NaiveDate>,
}

impl RuleBounds {
    /// Sets the cap.
    #[must_use]
    pub const fn cap(mut self, cap: Option<Cap>) -> Self {
        self.cap = cap;
        self
    }

    /// Sets the day of the review.
    #[must_use]
    pub const fn review_by(mut self, day: Option<NaiveDate>) -> Self {
        self.review_by = day;
        self
    }
}

/// From facts to a decision: pure, total, without side effects.
pub trait Decide: Send + Sync + fmt::Debug {
    /// What it needs.
    fn needs(&self) -> Needs;

    /// Joins a ticket's fields with the facts of a dive, and decides.
    fn decide(&self, ticket: &Ticket, facts: &Facts) -> Decision;

    /// What bounds the automation of a rule; by default nothing of its own.
    fn bounds(&self, rule: &str) -> RuleBounds {
        let _ = rule;
        RuleBounds::default()
    }
}
