//! What can be wrong with a plan.

use logdive_core::{Diagnostic, NameError, WindowError};
use thiserror::Error;

/// What is wrong with a plan, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The plan has no steps.
    #[error("the plan has no steps: add a select")]
    NoSteps,
    /// A step's name is not one.
    #[error("a step has no name")]
    Name(#[from] NameError),
    /// Two steps have one name.
    #[error("two steps are named `{0}`: give one another name")]
    Twice(String),
    /// A step looks at a layer there is not.
    #[error("step `{step}` looks at layer `{layer}`, which there is not{}", did_you_mean(.near.as_deref(), .known))]
    #[non_exhaustive]
    UnknownLayer {
        /// The step.
        step: String,
        /// The layer.
        layer: String,
        /// The layer that was probably meant.
        near: Option<String>,
        /// The layers there are.
        known: Vec<String>,
    },
    /// A step follows one that does not stand before it.
    #[error("step `{step}` follows `{from}`, which is no step before it")]
    #[non_exhaustive]
    UnknownStep {
        /// The step.
        step: String,
        /// What it follows.
        from: String,
    },
    /// A step follows ids that no layer has.
    #[error("step `{step}` follows id `{id}`, which {side} has: declare it with `Layer::id`")]
    #[non_exhaustive]
    UnknownId {
        /// The step.
        step: String,
        /// The kind of id.
        id: String,
        /// Who lacks it.
        side: &'static str,
    },
    /// A step's predicate is wrong.
    #[error("the predicate of step `{step}` is wrong:\n{}", rendered(.step, .text, .diagnostics))]
    #[non_exhaustive]
    Predicate {
        /// The step.
        step: String,
        /// The predicate's text.
        text: String,
        /// All that is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
    /// A cap is zero or above what is allowed.
    #[error("step `{step}`: `{cap}` is {value}, it must be {rule}")]
    #[non_exhaustive]
    Cap {
        /// The step.
        step: String,
        /// The cap.
        cap: &'static str,
        /// Its value.
        value: u64,
        /// What it must be.
        rule: String,
    },
    /// A window is empty, too long or needs a ticket.
    #[error("the window of {of} does not fit: {why}")]
    #[non_exhaustive]
    Window {
        /// The plan, a step or a measure.
        of: String,
        /// Why.
        why: String,
    },
    /// A measure does not fit the plan.
    #[error("measure `{measure}` does not fit: {why}")]
    #[non_exhaustive]
    Measure {
        /// The measure.
        measure: String,
        /// Why.
        why: String,
    },
}

impl PlanError {
    pub(crate) fn window(of: impl Into<String>, error: &WindowError) -> Self {
        Self::Window { of: of.into(), why: error.to_string() }
    }
}

fn did_you_mean(near: Option<&str>, known: &[String]) -> String {
    match near {
        Some(near) => format!(" (did you mean `{near}`?)"),
        None if known.is_empty() => ": the diver has no layers".to_owned(),
        None => format!(" (there are: {})", known.join(", ")),
    }
}

fn rendered(step: &str, text: &str, diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.render(step, text)).collect()
}
