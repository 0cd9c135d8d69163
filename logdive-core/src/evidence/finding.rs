//! Findings: what differs from the baselines.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::log::LogSeverity;
use crate::{Decimal, LayerName, TemplateId};

/// What a finding is about. The enum grows.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Lines of a template.
    Template {
        /// The layer.
        layer: LayerName,
        /// The template.
        id: TemplateId,
        /// Its text.
        text: String,
    },
    /// Lines whose field has a value.
    Value {
        /// The layer.
        layer: LayerName,
        /// The field's name.
        field: String,
        /// The value as text.
        value: String,
    },
    /// All lines of an emitter in a layer.
    Emitter {
        /// The layer.
        layer: LayerName,
        /// The emitter.
        emitter: String,
    },
    /// All lines of a layer.
    Layer {
        /// The layer.
        layer: LayerName,
    },
}

impl Subject {
    /// The layer it is about.
    #[must_use]
    pub const fn layer(&self) -> &LayerName {
        match self {
            Self::Template { layer, .. }
            | Self::Value { layer, .. }
            | Self::Emitter { layer, .. }
            | Self::Layer { layer } => layer,
        }
    }
}

/// How it differs. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "whoever ranks findings must handle each")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Novelty {
    /// It is in no baseline.
    New,
    /// There are more or fewer than the baselines say.
    Changed,
    /// It was in the baselines and is not there any more.
    Gone,
    /// A layer or emitter that wrote in the baselines wrote nothing.
    Silent,
}

/// A ratio of rates with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RateRatio {
    /// Rate in the window over rate in the baselines.
    pub ratio: Decimal,
    /// Lower end of the 95 % interval.
    pub low: Decimal,
    /// Upper end of the 95 % interval; `None` if it has none.
    pub high: Option<Decimal>,
}

/// One difference between the window and its baselines that is no chance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// How it differs.
    pub novelty: Novelty,
    /// Lines in the window.
    pub now: u64,
    /// Lines in all baselines together.
    pub before: u64,
    /// Lines that the baselines let expect in a window of this length.
    pub expected: Decimal,
    /// The ratio of rates, where both are known.
    pub ratio: Option<RateRatio>,
    /// The probability of a difference as large by chance, adjusted for how many were tested
    /// (Benjamini and Hochberg 1995).
    pub q: Decimal,
    /// The most severe of the lines in the window.
    pub severity: Option<LogSeverity>,
    /// The first of the lines in the window.
    pub first: Option<DateTime<Utc>>,
    /// The last of the lines in the window.
    pub last: Option<DateTime<Utc>>,
    /// Who wrote them: the first few names in order.
    pub emitters: Vec<String>,
    /// How many emitters wrote them.
    pub emitter_count: u64,
    /// At most two texts of lines in the window.
    pub examples: Vec<String>,
}
