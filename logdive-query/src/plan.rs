//! Plans: what a dive looks for, step by step.

use std::fmt;

use logdive_core::{Digest, Layers, Window, WindowSpec};
use serde::{Deserialize, Serialize};

mod check;
mod error;
mod step;

pub(crate) use check::{CheckedPlan, CheckedStep, Looks, measure_window};
pub use error::PlanError;
pub use step::{Follow, Select};
pub(crate) use step::{Kind, Order, Scope, Shown, Step};

/// What a dive looks for: a window, and steps that select lines or follow ids.
///
/// A plan is built, or read from JSON or TOML; it is checked against layers by
/// [`DivePlan::check`] and whenever it is bound to a diver or run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DivePlan {
    pub(crate) around: Around,
    pub(crate) steps: Vec<Step>,
}

/// Where the window of a plan comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Around {
    /// A fixed window.
    Window(Window),
    /// A window around a ticket's time.
    Ticket(WindowSpec),
}

impl DivePlan {
    /// A plan around a fixed window, without steps.
    #[must_use]
    pub const fn around(window: Window) -> Self {
        Self { around: Around::Window(window), steps: Vec::new() }
    }

    /// A plan around a ticket's time, without steps.
    #[must_use]
    pub const fn for_ticket(window: WindowSpec) -> Self {
        Self { around: Around::Ticket(window), steps: Vec::new() }
    }

    /// Adds a step that selects lines.
    #[must_use]
    pub fn select(mut self, name: impl Into<String>, select: Select) -> Self {
        self.steps.push(select.named(name.into()));
        self
    }

    /// Adds a step that follows the ids of an earlier one.
    #[must_use]
    pub fn follow(mut self, name: impl Into<String>, follow: Follow) -> Self {
        self.steps.push(follow.named(name.into()));
        self
    }

    /// Whether the plan needs a ticket's times.
    #[must_use]
    pub fn needs_ticket(&self) -> bool {
        matches!(self.around, Around::Ticket(_))
            || self.steps.iter().any(|step| step.window.is_some())
    }

    /// Checks the plan against layers: names, fields, predicates, windows, caps.
    ///
    /// # Errors
    /// The first thing that is wrong, naming the step; predicates with all their diagnostics.
    pub fn check(&self, layers: &Layers) -> Result<(), PlanError> {
        CheckedPlan::of(self, layers).map(|_| ())
    }

    /// The plan's identity: the same for the same plan, however its predicates are spaced.
    ///
    /// # Errors
    /// If the plan does not fit the layers.
    pub fn digest(&self, layers: &Layers) -> Result<Digest, PlanError> {
        Ok(CheckedPlan::of(self, layers)?.digest())
    }
}

/// Writes the plan in words, a line for the window and one for each step.
impl fmt::Display for DivePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.around {
            Around::Window(window) => write!(f, "dive from {window}")?,
            Around::Ticket(spec) => write!(f, "dive {}", step::spec_in_words(spec))?,
        }
        self.steps.iter().try_for_each(|step| write!(f, "\n{}: {step}", step.name))
    }
}
