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
    /// The text is no plan.
    #[error("the plan cannot be read:\n{}", rendered("plan", .text, .diagnostics))]
    #[non_exhaustive]
    Text {
        /// The text.
        text: String,
        /// All that is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
    /// A name is not one.
    #[error("step `{}` has a name that is none", short(.step))]
    #[non_exhaustive]
    Name {
        /// The step.
        step: String,
        /// What is wrong with the name.
        #[source]
        source: NameError,
    },
    /// Two steps have one name.
    #[error("two steps are named `{0}`: give one another name")]
    Twice(String),
    /// A step looks at a layer there is not.
    #[error("{of} looks at layer `{}`, which there is not{}", short(.layer), did_you_mean(.near.as_deref(), .known, "layers"))]
    #[non_exhaustive]
    UnknownLayer {
        /// The step, or the padding.
        of: String,
        /// The layer.
        layer: String,
        /// The layer that was probably meant.
        near: Option<String>,
        /// The layers there are.
        known: Vec<String>,
    },
    /// A step reads one that does not stand before it.
    #[error("step `{step}` {reads} `{}`, which is no step before it{}", short(.from), did_you_mean(.near.as_deref(), .known, "steps before it"))]
    #[non_exhaustive]
    UnknownStep {
        /// The step.
        step: String,
        /// How it reads it: follows, compares, …
        reads: &'static str,
        /// What it reads.
        from: String,
        /// The step that was probably meant.
        near: Option<String>,
        /// The steps before it that it may read.
        known: Vec<String>,
    },
    /// A step reads one whose lines it cannot read.
    #[error("step `{step}` {reads} `{from}`, {why}")]
    #[non_exhaustive]
    UnfitStep {
        /// The step.
        step: String,
        /// How it reads it.
        reads: &'static str,
        /// What it reads.
        from: String,
        /// Why it cannot, and what it can read.
        why: &'static str,
    },
    /// A step asks for ids that no layer has.
    #[error("step `{step}` asks for id `{}`, which {side} has{}: declare it with `Layer::id`", short(.id), meant(.near.as_deref()))]
    #[non_exhaustive]
    UnknownId {
        /// The step.
        step: String,
        /// The kind of id.
        id: String,
        /// Who lacks it.
        side: &'static str,
        /// The kind that was probably meant.
        near: Option<String>,
    },
    /// A step compares the values of a field that its layers do not have.
    #[error("step `{step}` compares field `{}`, which its layers do not have, of one type{}", short(.field), did_you_mean(.near.as_deref(), .known, "fields"))]
    #[non_exhaustive]
    UnknownField {
        /// The step.
        step: String,
        /// The field.
        field: String,
        /// The field that was probably meant.
        near: Option<String>,
        /// The fields there are.
        known: Vec<String>,
    },
    /// A step's predicate or measure is wrong.
    #[error("the {what} of step `{step}` is wrong:\n{}", rendered(.step, .text, .diagnostics))]
    #[non_exhaustive]
    Predicate {
        /// The step.
        step: String,
        /// What it is: the predicate, a measure.
        what: String,
        /// Its text.
        text: String,
        /// All that is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
    /// A number is zero or beyond its limit.
    #[error("{of}: `{cap}` is {value}, it must be {rule}: {way_out}")]
    #[non_exhaustive]
    Cap {
        /// The plan or the step.
        of: String,
        /// What is too large, or zero.
        cap: &'static str,
        /// Its value.
        value: u64,
        /// What it must be.
        rule: String,
        /// The way out, and the limit's name in [`limits`](super::limits).
        way_out: String,
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
    /// A baseline does not fit.
    #[error("step `{step}`: the baseline `{baseline}` does not fit: {why}")]
    #[non_exhaustive]
    Baseline {
        /// The step.
        step: String,
        /// The baseline.
        baseline: String,
        /// Why, and what to write.
        why: String,
    },
    /// A measure does not fit the plan.
    #[error("measure `{}` does not fit: {why}", short(.measure))]
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

    /// The error with the places in a plan's text under the name of its file.
    #[must_use]
    pub fn render(&self, file: &str) -> String {
        match self {
            Self::Text { text, diagnostics } => {
                format!("`{file}` is no plan:\n{}", rendered(file, text, diagnostics))
            }
            Self::Name { source, .. } => format!("{self}: {source}"),
            other => other.to_string(),
        }
    }
}

fn meant(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"))
}

fn did_you_mean(near: Option<&str>, known: &[String], what: &str) -> String {
    const MOST: usize = 20;
    match near {
        Some(_) => meant(near),
        None if known.is_empty() => format!(": there are no {what}"),
        None => {
            let some = known.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if known.len() > MOST { ", …" } else { "" };
            format!(" (there are: {some}{more})")
        }
    }
}

/// Draws the first mistakes.
fn rendered(name: &str, text: &str, diagnostics: &[Diagnostic]) -> String {
    const MOST: usize = 10;
    let mut drawn: String =
        diagnostics.iter().take(MOST).map(|diagnostic| diagnostic.render(name, text)).collect();
    if let Some(more) = diagnostics.len().checked_sub(MOST).filter(|more| *more > 0) {
        drawn.extend([format!("and {more} more\n")]);
    }
    drawn
}

/// A hostile name is not repeated at full length.
pub(super) fn short(name: &str) -> String {
    const MOST: usize = 80;
    match name.char_indices().nth(MOST) {
        None => name.to_owned(),
        Some((at, _)) => format!("{}…", name.get(..at).unwrap_or_default()),
    }
}
