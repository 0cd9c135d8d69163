//! Where actions are carried out.

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use crate::stop::Permit;
use crate::{Action, ActionKey, ActionSpec, Outcome};

/// How many targets a selector means, and how many of them are healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Targets {
    /// How many there are.
    pub total: u64,
    /// How many are healthy.
    pub healthy: u64,
}

/// Whether an action took effect, looked at afterwards. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "a caller must say what it does in each case")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It did.
    Verified(String),
    /// It did not.
    NotEffective(String),
    /// It cannot be told.
    Unknown(String),
}

/// Why an actuator could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ActuatorError(pub String);

/// Carries out actions.
///
/// # Contract
/// - `perform` begins the effect at most once; it asks the permit before each step and ends as
///   the action's behaviour on stop says.
/// - What may have taken effect without an answer is [`Outcome::InDoubt`].
#[async_trait]
pub trait Actuator: Send + Sync + fmt::Debug {
    /// What it can do.
    fn actions(&self) -> Vec<ActionSpec>;

    /// Does it, once.
    async fn perform(&self, action: &Action, permit: &Permit) -> Outcome;

    /// Looks an effect up by its key; `None` if there is none, or it cannot be told.
    ///
    /// # Errors
    /// If it cannot be asked.
    async fn find(&self, key: &ActionKey) -> Result<Option<Outcome>, ActuatorError> {
        let _ = key;
        Ok(None)
    }

    /// Looks whether an action took effect.
    async fn verify(&self, action: &Action) -> Verification {
        let _ = action;
        Verification::Unknown("this actuator cannot look".to_owned())
    }

    /// Counts the targets of a selector.
    ///
    /// # Errors
    /// If they cannot be counted.
    async fn targets(&self, selector: &str) -> Result<Targets, ActuatorError> {
        Err(ActuatorError(format!("cannot count the targets of `{selector}`")))
    }

    /// Says what would be done, for people: the command or request itself.
    fn preview(&self, action: &Action) -> String {
        action.to_string()
    }
}
