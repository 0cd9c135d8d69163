//! A step that selects lines.

use logdive_core::WindowSpec;

use super::{Scope, Shown};

/// A step that selects lines of layers by a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    pub(crate) scope: Scope,
    pub(crate) filter: String,
    pub(crate) ids: Vec<String>,
    pub(crate) window: Option<WindowSpec>,
    pub(crate) show: Shown,
}

impl Select {
    /// Selects from these layers: all their lines, of which the newest 200 are shown.
    pub fn layers<S: Into<String>>(layers: impl IntoIterator<Item = S>) -> Self {
        Self { scope: Scope::layers(layers), ..Self::all() }
    }

    /// Selects from all layers there are.
    #[must_use]
    pub fn all() -> Self {
        Self {
            scope: Scope::All,
            filter: "true".to_owned(),
            ids: Vec::new(),
            window: None,
            show: Shown::newest(200),
        }
    }

    /// Selects only lines that meet this, in core's predicate grammar.
    #[must_use]
    pub fn filter(mut self, predicate: impl Into<String>) -> Self {
        self.filter = predicate.into();
        self
    }

    /// Selects only lines that hold one of the ids of these kinds that the dive was given: those
    /// of its ticket, or of [`DivePlan::id`](crate::DivePlan::id). None given: no lines.
    #[must_use]
    pub fn ids<S: Into<String>>(mut self, kinds: impl IntoIterator<Item = S>) -> Self {
        self.ids = kinds.into_iter().map(Into::into).collect();
        self
    }

    /// Looks at another window than the plan's.
    #[must_use]
    pub const fn on(mut self, window: WindowSpec) -> Self {
        self.window = Some(window);
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
