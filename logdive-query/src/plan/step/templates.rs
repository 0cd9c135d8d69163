//! A step that folds lines into templates.

/// A step that folds the lines of an earlier step into templates with counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    pub(crate) of: String,
    pub(crate) most: u64,
}

impl Templates {
    /// Of the lines of a select, follow or check: the 50 most frequent templates.
    pub fn of(step: impl Into<String>) -> Self {
        Self { of: step.into(), most: 50 }
    }

    /// The most frequent, at most so many.
    #[must_use]
    pub const fn most(mut self, most: u64) -> Self {
        self.most = most;
        self
    }
}
