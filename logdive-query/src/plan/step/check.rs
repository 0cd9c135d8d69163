//! A step whose lines are expected not to be there.

use logdive_core::WindowSpec;

use super::{Scope, Shown};

/// A step that is expected to find nothing: what it rules out. Lines that are there nevertheless
/// are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub(crate) scope: Scope,
    pub(crate) filter: String,
    pub(crate) window: Option<WindowSpec>,
    pub(crate) show: Shown,
}

impl Check {
    /// Expects that these layers have no lines; should they, the newest 20 are shown.
    pub fn layers<S: Into<String>>(layers: impl IntoIterator<Item = S>) -> Self {
        Self { scope: Scope::layers(layers), ..Self::all() }
    }

    /// Expects that no layer has lines.
    #[must_use]
    pub fn all() -> Self {
        Self { scope: Scope::All, filter: "true".to_owned(), window: None, show: Shown::newest(20) }
    }

    /// Expects no lines that meet this, in core's predicate grammar.
    #[must_use]
    pub fn filter(mut self, predicate: impl Into<String>) -> Self {
        self.filter = predicate.into();
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
