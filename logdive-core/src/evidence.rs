//! Evidence: what a dive found, and what it could not know.

use serde::{Deserialize, Serialize};

use crate::log::LogRecord;
use crate::{Coverage, Digest, Facts, LayerName, StepName};

mod finding;
mod template;

pub use finding::{Finding, Novelty, RateRatio, Subject};
pub use template::{Template, TemplateId, TemplateIdError};

/// What a step of a plan does. The enum grows with the kinds of steps.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Lines by a predicate.
    Select,
    /// Lines by the ids of another step's lines.
    Follow,
    /// The lines around the hits of another step.
    Context,
    /// Lines folded into templates.
    Templates,
    /// What is new, gone or changed against baselines.
    Compare,
    /// Numbers over another step's lines.
    Measure,
    /// Lines that are expected not to be there: what was ruled out.
    Check,
    /// The lines of layers of changes (deploys, flags): always looked at.
    Changes,
}

/// What one step of a dive found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEvidence {
    /// The step.
    pub name: StepName,
    /// What it does.
    pub kind: StepKind,
    /// What it looks for, in words.
    pub about: String,
    /// The lines shown, oldest first.
    pub rows: Vec<LogRecord>,
    /// The lines it found, shown or not, as templates: most frequent first.
    pub templates: Vec<Template>,
    /// The surroundings of hits, for steps that look for them.
    pub context: Vec<ContextGroup>,
    /// What differs from the baselines, for steps that compare: most telling first.
    pub findings: Vec<Finding>,
    /// How many lines it found.
    pub matched: u64,
    /// How many of them are not shown.
    pub cut: u64,
    /// Why a follow ended, or what kept the step from its end.
    pub stopped: Option<String>,
}

impl StepEvidence {
    /// A step that found nothing yet.
    #[must_use]
    pub const fn new(name: StepName, kind: StepKind, about: String) -> Self {
        Self {
            name,
            kind,
            about,
            rows: Vec::new(),
            templates: Vec::new(),
            context: Vec::new(),
            findings: Vec::new(),
            matched: 0,
            cut: 0,
            stopped: None,
        }
    }
}

/// Lines of one emitter and source around hits, in order and without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextGroup {
    /// The layer.
    pub layer: LayerName,
    /// Who wrote them.
    pub emitter: Option<String>,
    /// Where they were read from.
    pub source: Option<String>,
    /// The lines in the order of their emitter.
    pub lines: Vec<ContextLine>,
}

/// One line of a context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextLine {
    /// The line.
    pub record: LogRecord,
    /// Whether it is a hit, not only near one.
    pub hit: bool,
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
