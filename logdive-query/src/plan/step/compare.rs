//! A step that compares with how it was before.

use std::time::Duration;

use crate::plan::Baseline;

/// A step that compares the lines of an earlier step with those of other windows: which templates
/// and which values of fields are new, gone or changed, and who fell silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compare {
    pub(crate) of: String,
    /// None named: [`Compare::DEFAULT`].
    pub(crate) baselines: Vec<Baseline>,
    pub(crate) fields: Vec<String>,
}

impl Compare {
    /// What is compared with unless a baseline is named: the same time yesterday and last week,
    /// and the 6 hours before.
    pub const DEFAULT: [Baseline; 3] = [
        Baseline::Ago(Duration::from_secs(86_400)),
        Baseline::Ago(Duration::from_secs(7 * 86_400)),
        Baseline::Before(Duration::from_secs(6 * 3_600)),
    ];

    /// Compares the lines of a select or check with [`Compare::DEFAULT`]. (The lines of a follow
    /// cannot be compared: the ids of today are not in yesterday's lines.)
    pub fn of(step: impl Into<String>) -> Self {
        Self { of: step.into(), baselines: Vec::new(), fields: Vec::new() }
    }

    /// Compares with this, and with what else is named.
    #[must_use]
    pub fn against(mut self, baseline: Baseline) -> Self {
        self.baselines.push(baseline);
        self
    }

    /// Compares the values of these fields too.
    #[must_use]
    pub fn fields<S: Into<String>>(mut self, fields: impl IntoIterator<Item = S>) -> Self {
        self.fields = fields.into_iter().map(Into::into).collect();
        self
    }

    pub(crate) fn baselines(&self) -> &[Baseline] {
        if self.baselines.is_empty() { &Self::DEFAULT } else { &self.baselines }
    }
}
