//! Deciding as the loop sees it: from facts to a decision.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ActionName, Decision, Digest, Facts, Measure, Ticket, ValueType};

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

/// From facts to a decision: pure, total, without side effects.
pub trait Decide: Send + Sync + fmt::Debug {
    /// What it needs.
    fn needs(&self) -> Needs;

    /// Joins a ticket's fields with the facts of a dive, and decides.
    fn decide(&self, ticket: &Ticket, facts: &Facts) -> Decision;
}
