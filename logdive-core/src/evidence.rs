//! Evidence: what a dive found, and what it could not know.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::log::LogRecord;
use crate::{Coverage, Digest, Facts, LayerName, StepName};

/// Lines of one shape in one layer, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The layer.
    pub layer: LayerName,
    /// The shape they share.
    pub shape: i64,
    /// The text of the oldest of them.
    pub example: String,
    /// How many there are.
    pub count: u64,
    /// The oldest.
    pub first: DateTime<Utc>,
    /// The newest.
    pub last: DateTime<Utc>,
}

/// What one step of a dive found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEvidence {
    /// The step.
    pub name: StepName,
    /// What it looks for, in words.
    pub about: String,
    /// The lines shown, oldest first.
    pub rows: Vec<LogRecord>,
    /// All lines it found, shown or not, as templates: most frequent first.
    pub templates: Vec<Template>,
    /// How many lines it found.
    pub matched: u64,
    /// How many of them are not shown.
    pub cut: u64,
    /// Why a follow ended, for steps that follow ids.
    pub stopped: Option<String>,
}

/// Enough to get the same bytes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The plan in words.
    pub plan: String,
    /// The plan's digest.
    pub plan_digest: Digest,
    /// The lake's version that was read, if a lake was.
    pub lake_version: Option<u64>,
    /// Name and version of the engine.
    pub engine: String,
}

/// What a dive found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What each step found, in the order of the plan.
    pub steps: Vec<StepEvidence>,
    /// The measures that were asked for.
    pub facts: Facts,
    /// What was looked at and what was not.
    pub coverage: Coverage,
    /// How to get it again.
    pub provenance: Provenance,
}

impl Evidence {
    /// What was looked at and what was not.
    #[must_use]
    pub const fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// The step of a name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&StepEvidence> {
        self.steps.iter().find(|step| step.name.as_str() == name)
    }

    /// The digest of everything found.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }
}
