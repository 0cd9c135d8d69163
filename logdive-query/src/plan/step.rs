//! Steps, as they are built.

use logdive_core::WindowSpec;
use serde::Serialize;

mod check;
mod compare;
mod context;
mod follow;
mod measures;
mod select;
mod templates;

pub use check::Check;
pub use compare::Compare;
pub use context::Context;
pub use follow::Follow;
pub use measures::Measures;
pub use select::Select;
pub use templates::Templates;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Select(Select),
    Follow(Follow),
    Context(Context),
    Templates(Templates),
    Compare(Compare),
    Measure(Measures),
    Check(Check),
}

impl Kind {
    /// A window of its own, around the ticket's time.
    pub(crate) const fn window(&self) -> Option<WindowSpec> {
        match self {
            Self::Select(select) => select.window,
            Self::Follow(follow) => follow.window,
            Self::Check(check) => check.window,
            _ => None,
        }
    }
}

/// Which layers a step looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    #[default]
    All,
    Layers(Vec<String>),
}

impl Scope {
    pub(crate) fn layers<S: Into<String>>(layers: impl IntoIterator<Item = S>) -> Self {
        Self::Layers(layers.into_iter().map(Into::into).collect())
    }
}

/// Which of the lines found are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Shown {
    pub(crate) order: Order,
    pub(crate) most: u64,
}

impl Shown {
    pub(crate) const fn newest(most: u64) -> Self {
        Self { order: Order::Newest, most }
    }

    pub(crate) const fn oldest(most: u64) -> Self {
        Self { order: Order::Oldest, most }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    Newest,
    Oldest,
}
