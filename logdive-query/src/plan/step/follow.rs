//! A step that follows ids.

use logdive_core::WindowSpec;

use super::{Scope, Shown};

/// A step that takes ids from the lines of another step and fetches every layer's lines that have
/// one of them, again and again until nothing new is found or a cap is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    pub(crate) from: String,
    pub(crate) ids: Vec<String>,
    pub(crate) scope: Scope,
    pub(crate) window: Option<WindowSpec>,
    pub(crate) hops: u64,
    pub(crate) max_ids: u64,
    pub(crate) max_rows: u64,
    pub(crate) show: Shown,
}

impl Follow {
    /// Follows the ids of a step, over all layers: at most 3 hops, 1,000 ids and 100,000 lines, of
    /// which the oldest 200 are shown. The ids come from all its lines, shown or not.
    pub fn from(step: impl Into<String>) -> Self {
        Self {
            from: step.into(),
            ids: Vec::new(),
            scope: Scope::All,
            window: None,
            hops: 3,
            max_ids: 1_000,
            max_rows: 100_000,
            show: Shown::oldest(200),
        }
    }

    /// Which kinds of ids, as layers declare them.
    #[must_use]
    pub fn ids<S: Into<String>>(mut self, kinds: impl IntoIterator<Item = S>) -> Self {
        self.ids = kinds.into_iter().map(Into::into).collect();
        self
    }

    /// Only in these layers.
    #[must_use]
    pub fn layers<S: Into<String>>(mut self, layers: impl IntoIterator<Item = S>) -> Self {
        self.scope = Scope::layers(layers);
        self
    }

    /// Looks at another window than the plan's.
    #[must_use]
    pub const fn on(mut self, window: WindowSpec) -> Self {
        self.window = Some(window);
        self
    }

    /// At most so many hops.
    #[must_use]
    pub const fn hops(mut self, hops: u64) -> Self {
        self.hops = hops;
        self
    }

    /// At most so many ids.
    #[must_use]
    pub const fn max_ids(mut self, ids: u64) -> Self {
        self.max_ids = ids;
        self
    }

    /// Ends following when so many lines are found.
    #[must_use]
    pub const fn max_rows(mut self, rows: u64) -> Self {
        self.max_rows = rows;
        self
    }

    /// Shows the newest lines, at most so many.
    #[must_use]
    pub const fn newest(mut self, most: u64) -> Self {
        self.show = Shown::newest(most);
        self
    }

    /// Shows the oldest lines, at most so many.
    #[must_use]
    pub const fn oldest(mut self, most: u64) -> Self {
        self.show = Shown::oldest(most);
        self
    }
}
