//! Acting in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::lock;
use crate::port::{Actuator, ActuatorError, Verification};
use crate::stop::Permit;
use crate::{Action, ActionKey, ActionSpec, Outcome};

/// Records what was performed, and finds it again by its key. A clone is the same actuator.
#[derive(Debug, Clone)]
pub struct MemoryActuator {
    specs: Vec<ActionSpec>,
    performed: Arc<Mutex<Vec<Action>>>,
}

impl MemoryActuator {
    /// What it can do.
    #[must_use]
    pub fn new(specs: Vec<ActionSpec>) -> Self {
        Self { specs, performed: Arc::default() }
    }

    /// What was performed, in order.
    #[must_use]
    pub fn performed(&self) -> Vec<Action> {
        lock(&self.performed).clone()
    }
}

#[async_trait]
impl Actuator for MemoryActuator {
    fn actions(&self) -> Vec<ActionSpec> {
        self.specs.clone()
    }

    async fn perform(&self, action: &Action, permit: &Permit) -> Outcome {
        if !permit.is_valid() {
            return Outcome::Refused { reason: "stopped before it began".to_owned() };
        }
        lock(&self.performed).push(action.clone());
        Outcome::Done { proof: "recorded".to_owned() }
    }

    async fn find(&self, key: &ActionKey) -> Result<Option<Outcome>, ActuatorError> {
        let found = lock(&self.performed).iter().any(|action| action.key == *key);
        Ok(found.then(|| Outcome::Done { proof: "recorded".to_owned() }))
    }

    async fn verify(&self, action: &Action) -> Verification {
        if lock(&self.performed).iter().any(|known| known.key == action.key) {
            Verification::Verified("recorded".to_owned())
        } else {
            Verification::NotEffective("not recorded".to_owned())
        }
    }
}
