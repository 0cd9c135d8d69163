//! A step that shows what stands around lines.

use std::time::Duration;

/// A step that shows, for each line of an earlier step, the lines before and after it of the same
/// emitter and source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub(crate) of: String,
    pub(crate) before: u64,
    pub(crate) after: u64,
    pub(crate) within: Duration,
}

impl Context {
    /// Around the lines of a select, follow or check: 5 lines before and 5 after each, at most 15
    /// minutes away.
    pub fn of(step: impl Into<String>) -> Self {
        Self { of: step.into(), before: 5, after: 5, within: Duration::from_secs(15 * 60) }
    }

    /// So many lines before.
    #[must_use]
    pub const fn before(mut self, lines: u64) -> Self {
        self.before = lines;
        self
    }

    /// So many lines after.
    #[must_use]
    pub const fn after(mut self, lines: u64) -> Self {
        self.after = lines;
        self
    }

    /// No line that is further away than this.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }
}
