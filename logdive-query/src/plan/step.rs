//! Steps: select and follow.

use std::fmt;

use logdive_core::{Anchor, WindowSpec, format_duration};
use serde::{Deserialize, Serialize};

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) scope: Scope,
    /// A window of its own, around the ticket's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<WindowSpec>,
    pub(crate) show: Shown,
    pub(crate) kind: Kind,
}

/// Which layers a step looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Scope {
    #[default]
    All,
    Layers(Vec<String>),
}

/// Which of the lines found are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) order: Order,
    pub(crate) most: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    Newest,
    Oldest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Select { filter: String },
    Follow { from: String, ids: Vec<String>, hops: u64, max_ids: u64, max_rows: u64 },
}

/// A step that selects lines of layers by a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    scope: Scope,
    filter: String,
    window: Option<WindowSpec>,
    show: Shown,
}

impl Select {
    /// Selects from these layers: all their lines, of which the newest 200 are shown.
    pub fn layers<S: Into<String>>(layers: impl IntoIterator<Item = S>) -> Self {
        Self { scope: Scope::Layers(layers.into_iter().map(Into::into).collect()), ..Self::all() }
    }

    /// Selects from all layers there are.
    #[must_use]
    pub fn all() -> Self {
        Self {
            scope: Scope::All,
            filter: "true".to_owned(),
            window: None,
            show: Shown { order: Order::Newest, most: 200 },
        }
    }

    /// Selects only lines that meet this, in core's predicate grammar.
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
        self.show = Shown { order: Order::Newest, most };
        self
    }

    /// Shows the oldest lines, at most so many.
    #[must_use]
    pub const fn oldest(mut self, most: u64) -> Self {
        self.show = Shown { order: Order::Oldest, most };
        self
    }

    pub(super) fn named(self, name: String) -> Step {
        let Self { scope, filter, window, show } = self;
        Step { name, scope, window, show, kind: Kind::Select { filter } }
    }
}

/// A step that takes ids from the lines of another step and fetches every layer's lines that have
/// one of them, again and again until nothing new is found or a cap is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    from: String,
    ids: Vec<String>,
    scope: Scope,
    window: Option<WindowSpec>,
    hops: u64,
    max_ids: u64,
    max_rows: u64,
    show: Shown,
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
            show: Shown { order: Order::Oldest, most: 200 },
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
        self.scope = Scope::Layers(layers.into_iter().map(Into::into).collect());
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
        self.show = Shown { order: Order::Newest, most };
        self
    }

    /// Shows the oldest lines, at most so many.
    #[must_use]
    pub const fn oldest(mut self, most: u64) -> Self {
        self.show = Shown { order: Order::Oldest, most };
        self
    }

    pub(super) fn named(self, name: String) -> Step {
        let Self { from, ids, scope, window, hops, max_ids, max_rows, show } = self;
        Step {
            name,
            scope,
            window,
            show,
            kind: Kind::Follow { from, ids, hops, max_ids, max_rows },
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = match &self.scope {
            Scope::All => "all layers".to_owned(),
            Scope::Layers(layers) => layers.join(", "),
        };
        match &self.kind {
            Kind::Select { filter } => write!(f, "lines of {layers} where {filter}")?,
            Kind::Follow { from, ids, hops, max_ids, max_rows } => write!(
                f,
                "lines of {layers} with a {} of `{from}`, at most {hops} hops, {max_ids} ids, \
                 {max_rows} lines",
                ids.join(" or ")
            )?,
        }
        if let Some(window) = &self.window {
            write!(f, ", {}", spec_in_words(window))?;
        }
        let order = match self.show.order {
            Order::Newest => "newest",
            Order::Oldest => "oldest",
        };
        write!(f, ", the {order} {} shown", self.show.most)
    }
}

/// A window around a ticket's time in words.
pub(super) fn spec_in_words(spec: &WindowSpec) -> String {
    let anchor = match spec.anchor {
        Anchor::Detected => "it was detected",
        Anchor::Opened => "the ticket was opened",
        _ => "it started",
    };
    let (before, after) = (format_duration(spec.before), format_duration(spec.after));
    format!("from {before} before to {after} after {anchor}")
}
