//! Plans: what a dive looks for, step by step.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::{Digest, Layers, Ticket, Times, Window, WindowSpec};

mod check;
mod error;
pub mod limits;
mod step;
mod text;
mod ticket;
mod words;

use std::time::Duration;

pub use check::Baseline;
pub(crate) use check::{CheckedPlan, CheckedStep, Looks, Padding, measure_window};
pub use error::PlanError;
pub use step::{Check, Compare, Context, Follow, Measures, Select, Templates};
pub(crate) use step::{Kind, Order, Scope, Shown, Step};
pub(crate) use ticket::ids_of;

/// What a dive looks for: a window, and steps.
///
/// A plan is built, or read from TOML or JSON; it is checked against layers by
/// [`DivePlan::validate`] and whenever it is bound to a diver or run. What it may ask for at most is
/// in [`limits`]. `Display` explains it in words.
///
/// Where a layer of the diver is marked as one of changes and no step looks only at such layers, a
/// step `changes` is added when the plan is checked: it shows their lines from
/// [`limits::CHANGES_BEFORE`] before the plan's window on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DivePlan {
    pub(crate) around: Around,
    /// The times of the ticket it is for, if it is for one.
    pub(crate) times: Option<Times>,
    /// Ids the dive is given, by kind.
    pub(crate) ids: BTreeMap<String, BTreeSet<String>>,
    pub(crate) padding: BTreeMap<String, Padding>,
    pub(crate) steps: Vec<Step>,
}

/// Where the window of a plan comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Around {
    /// A fixed window.
    Window(Window),
    /// A window around a ticket's time.
    Ticket(WindowSpec),
}

impl DivePlan {
    const fn new(around: Around) -> Self {
        Self {
            around,
            times: None,
            ids: BTreeMap::new(),
            padding: BTreeMap::new(),
            steps: Vec::new(),
        }
    }

    /// A plan around a fixed window, without steps.
    #[must_use]
    pub const fn around(window: Window) -> Self {
        Self::new(Around::Window(window))
    }

    /// A plan around the time of whatever ticket it is run for, without steps: one to be used
    /// again and again.
    #[must_use]
    pub const fn around_ticket(window: WindowSpec) -> Self {
        Self::new(Around::Ticket(window))
    }

    /// A plan for this very ticket, without steps: around its times, with what it names as the ids
    /// that the dive is given.
    ///
    /// The window begins 15 minutes before it started (was detected, was opened: what is known)
    /// and ends 5 minutes after it was detected (was opened). A ticket that was detected or opened
    /// long after it started is looked at for 6 hours from its start. A request id is an id of the
    /// kinds `request_id` and `request`, a trace id of `trace_id` and `trace`, an ARN of `arn` and
    /// `resource`, anything else of the kind of its name (`access_key`, `host`, …).
    #[must_use]
    pub fn for_ticket(ticket: &Ticket) -> Self {
        Self::around_ticket(ticket::window_of(&ticket.times)).ticket(ticket)
    }

    /// Gives the dive this ticket's times, and what it names as ids.
    #[must_use]
    pub fn ticket(mut self, ticket: &Ticket) -> Self {
        self.times = Some(ticket.times);
        for (kind, id) in ids_of(ticket) {
            self.ids.entry(kind.into()).or_default().insert(id);
        }
        self
    }

    /// Gives the dive an id: steps that select by ids of this kind find the lines that hold it.
    #[must_use]
    pub fn id(mut self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.ids.entry(kind.into()).or_default().insert(id.into());
        self
    }

    /// Looks at a layer for longer, before and after each window: its clock is off, or what
    /// matters shows there early or late.
    #[must_use]
    pub fn pad(mut self, layer: impl Into<String>, before: Duration, after: Duration) -> Self {
        self.padding.insert(layer.into(), Padding { before, after });
        self
    }

    /// Adds a step that selects lines.
    #[must_use]
    pub fn select(self, name: impl Into<String>, select: Select) -> Self {
        self.step(name.into(), Kind::Select(select))
    }

    /// Adds a step that follows the ids of an earlier one.
    #[must_use]
    pub fn follow(self, name: impl Into<String>, follow: Follow) -> Self {
        self.step(name.into(), Kind::Follow(follow))
    }

    /// Adds a step that shows what stands around each line of an earlier one.
    #[must_use]
    pub fn context(self, name: impl Into<String>, context: Context) -> Self {
        self.step(name.into(), Kind::Context(context))
    }

    /// Adds a step that folds the lines of an earlier one into templates.
    #[must_use]
    pub fn templates(self, name: impl Into<String>, templates: Templates) -> Self {
        self.step(name.into(), Kind::Templates(templates))
    }

    /// Adds a step that compares an earlier one with how it was before.
    #[must_use]
    pub fn compare(self, name: impl Into<String>, compare: Compare) -> Self {
        self.step(name.into(), Kind::Compare(compare))
    }

    /// Adds a step that measures an earlier one.
    #[must_use]
    pub fn measure(self, name: impl Into<String>, measures: Measures) -> Self {
        self.step(name.into(), Kind::Measure(measures))
    }

    /// Adds a step whose lines are expected not to be there: what is ruled out.
    #[must_use]
    pub fn check(self, name: impl Into<String>, check: Check) -> Self {
        self.step(name.into(), Kind::Check(check))
    }

    fn step(mut self, name: String, kind: Kind) -> Self {
        self.steps.push(Step { name, kind });
        self
    }

    /// Whether the plan needs a ticket's times and has none.
    #[must_use]
    pub fn needs_ticket(&self) -> bool {
        self.times.is_none()
            && (matches!(self.around, Around::Ticket(_))
                || self.steps.iter().any(|step| step.kind.window().is_some()))
    }

    /// Checks the plan against layers: names, fields, predicates, measures, windows, limits.
    ///
    /// # Errors
    /// The first thing that is wrong, naming the step; predicates with all their diagnostics.
    pub fn validate(&self, layers: &Layers) -> Result<(), PlanError> {
        CheckedPlan::of(self, layers).map(|_| ())
    }

    /// Explains the plan as it is run over these layers: predicates as they were read, baselines
    /// that nobody named, the step for changes.
    ///
    /// # Errors
    /// As [`DivePlan::validate`].
    pub fn explain(&self, layers: &Layers) -> Result<String, PlanError> {
        Ok(CheckedPlan::of(self, layers)?.text)
    }

    /// The plan's identity: the same for what looks for the same, however it is written; another
    /// for whatever changes what is looked for.
    ///
    /// # Errors
    /// If the plan does not fit the layers.
    pub fn digest(&self, layers: &Layers) -> Result<Digest, PlanError> {
        Ok(CheckedPlan::of(self, layers)?.digest())
    }
}
