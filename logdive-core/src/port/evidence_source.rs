//! The dive as the loop sees it: from a ticket to evidence.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Digest, Evidence, Measure, StepName, Ticket, ValueType};

/// What one step of the bound plan offers to measures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDescription {
    /// The step.
    pub name: StepName,
    /// The fields its rows have, with their types.
    pub fields: BTreeMap<String, ValueType>,
}

/// What an evidence source does: its steps and the identity of its plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The steps in order.
    pub steps: Vec<StepDescription>,
    /// The plan's digest.
    pub plan: Digest,
}

/// What a dive may use. Each is enforced while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Most rows read.
    pub rows: u64,
    /// Most bytes read.
    pub bytes: u64,
    /// Longest wall time.
    pub time: Duration,
    /// Most memory that operators may hold, in bytes.
    #[serde(default = "default_memory")]
    pub memory: u64,
    /// Most money, in millionths of a dollar, where layers state a price.
    #[serde(default = "no_limit")]
    pub micro_dollars: u64,
}

const fn default_memory() -> u64 {
    1 << 30
}

const fn no_limit() -> u64 {
    u64::MAX
}

impl Default for Budget {
    /// 50 million rows, 8 GiB read, 30 seconds, 1 GiB of memory, any price.
    fn default() -> Self {
        Self {
            rows: 50_000_000,
            bytes: 8 << 30,
            time: Duration::from_secs(30),
            memory: default_memory(),
            micro_dollars: no_limit(),
        }
    }
}

/// What is asked of a dive.
#[derive(Debug, Clone)]
pub struct DiveRequest {
    /// The ticket it is for: its times anchor the window, its entities bind as values.
    pub ticket: Ticket,
    /// The measures a rule set names.
    pub measures: Vec<Measure>,
    /// What it may use.
    pub budget: Budget,
}

/// Why a dive gave nothing at all. A dive that got a part of it gives evidence and says so in its
/// coverage.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiveError {
    /// The plan does not fit the ticket or the measures.
    #[error("the plan does not fit: {0}")]
    Plan(String),
    /// It would cost more than its budget.
    #[error("refused: {0}")]
    OverBudget(String),
    /// The engine failed.
    #[error("{what} failed")]
    Engine {
        /// What was being done.
        what: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// From a ticket to evidence. The plan is bound when the source is made.
#[async_trait]
pub trait EvidenceSource: Send + Sync + fmt::Debug {
    /// What its plan offers.
    fn describe(&self) -> Description;

    /// Dives.
    ///
    /// # Errors
    /// If there is no evidence at all.
    async fn dive(&self, request: &DiveRequest) -> Result<Evidence, DiveError>;
}
