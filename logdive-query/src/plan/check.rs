//! A plan checked against layers: what the engine runs.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use logdive_core::predicate::FieldTypes as _;
use logdive_core::{
    Digest, Field, Function, IdKind, Layer, LayerName, Layers, LayersFields, Measure, Predicate,
    StepKind, StepName, Times, ValueType, Window, WindowSpec, did_you_mean,
};
use serde::{Deserialize, Serialize};

use super::{Around, DivePlan, PlanError, Shown, limits};

mod caps;
mod changes;
mod digest;
mod given;
mod steps;
mod text;

/// A plan that fits its layers: names resolved, predicates parsed.
#[derive(Debug, Clone)]
pub(crate) struct CheckedPlan {
    pub(crate) around: Around,
    pub(crate) steps: Vec<CheckedStep>,
    pub(crate) text: String,
    /// How much more of a layer is looked at before and after each window.
    pub(crate) padding: BTreeMap<LayerName, Padding>,
    /// The times of the ticket it is for, if the plan is for one; those of a ticket that the dive
    /// is run for come first.
    pub(crate) times: Option<Times>,
    /// Ids that the plan gives the dive, beside those of a ticket that it is run for.
    pub(crate) ids: Vec<(IdKind, String)>,
}

/// How much more of a layer is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Padding {
    pub(crate) before: Duration,
    pub(crate) after: Duration,
}

/// A step that fits its layers. One that reads another step has its layers and its window.
#[derive(Debug, Clone)]
pub(crate) struct CheckedStep {
    pub(crate) name: StepName,
    pub(crate) about: String,
    pub(crate) layers: Vec<Layer>,
    pub(crate) window: Option<WindowSpec>,
    /// Which of its lines are shown: none for steps that show something else.
    pub(crate) show: Shown,
    pub(crate) looks: Looks,
}

/// What a step looks for. Steps that read another step's lines name it by its place in the plan.
#[derive(Debug, Clone)]
pub(crate) enum Looks {
    /// Lines that meet the predicate and, if kinds of ids are named, hold one of the ids that the
    /// dive was given (a ticket's entities).
    Select {
        predicate: Predicate,
        ids: Vec<IdKind>,
    },
    Follow {
        from: usize,
        ids: Vec<IdKind>,
        hops: u64,
        max_ids: u64,
        max_rows: u64,
    },
    /// So many lines before and after each line of a step, by emitter and source, at most so far
    /// away in time.
    Context {
        of: usize,
        before: u64,
        after: u64,
        within: Duration,
    },
    /// The lines of a step folded into templates, the most frequent so many.
    Templates {
        of: usize,
        most: u64,
    },
    /// The lines of a step against those of the same step in other windows; values of fields too.
    Compare {
        of: usize,
        baselines: Vec<Baseline>,
        fields: Vec<Field>,
    },
    /// Measures over a step, beside those that rules ask for.
    Measure {
        of: usize,
        measures: Vec<Measure>,
    },
    /// Lines that are expected not to be there.
    Check(Predicate),
    /// All lines of layers of changes.
    Changes,
}

/// A window to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Baseline {
    /// The same window so long ago.
    Ago(Duration),
    /// The time directly before the window, of this length.
    Before(Duration),
}

impl Looks {
    pub(crate) const fn kind(&self) -> StepKind {
        match self {
            Self::Select { .. } => StepKind::Select,
            Self::Follow { .. } => StepKind::Follow,
            Self::Context { .. } => StepKind::Context,
            Self::Templates { .. } => StepKind::Templates,
            Self::Compare { .. } => StepKind::Compare,
            Self::Measure { .. } => StepKind::Measure,
            Self::Check(_) => StepKind::Check,
            Self::Changes => StepKind::Changes,
        }
    }

    /// Whether it finds lines of its own, which other steps and measures can read.
    pub(crate) const fn has_lines(&self) -> bool {
        matches!(self, Self::Select { .. } | Self::Follow { .. } | Self::Check(_) | Self::Changes)
    }
}

impl CheckedPlan {
    pub(crate) fn of(plan: &DivePlan, layers: &Layers) -> Result<Self, PlanError> {
        // What costs nothing first: a giant plan is refused before any of it is parsed.
        caps::of_plan(plan)?;
        let padding = given::padding(plan, layers)?;
        let ids = given::ids(plan)?;
        let mut checker = steps::Checker { plan, layers, padding: &padding, measures: 0 };
        let mut steps: Vec<CheckedStep> = Vec::with_capacity(plan.steps.len() + 1);
        for step in &plan.steps {
            let step = checker.step(step, &steps)?;
            steps.push(step);
        }
        // They belong on the timeline of a ticket; whoever only looks for lines is not asked to pay
        // for them.
        if plan.needs_ticket() || plan.times.is_some() {
            steps.extend(changes::step(layers, &steps));
        }
        let header = DivePlan { steps: Vec::new(), ..plan.clone() }.to_string();
        let text = steps.iter().fold(header, |text, step: &CheckedStep| {
            format!("{text}\n{}: {}", step.name, step.about)
        });
        Ok(Self { around: plan.around, steps, text, padding, times: plan.times, ids })
    }

    /// The identity of what is looked for. Predicates count as they were read, not as they were
    /// written.
    pub(crate) fn digest(&self) -> Digest {
        digest::of(self)
    }

    /// The windows of the plan and of each step, for the times of a ticket or the plan's own. A
    /// step of changes begins [`limits::CHANGES_BEFORE`] earlier.
    pub(crate) fn windows(&self, times: Option<&Times>) -> Result<Vec<Window>, PlanError> {
        let times = times.or(self.times.as_ref());
        let plan = match &self.around {
            Around::Window(window) => *window,
            Around::Ticket(spec) => resolve("the plan", spec, times)?,
        };
        self.steps
            .iter()
            .map(|step| match (&step.looks, &step.window) {
                (Looks::Changes, _) => Ok(longer(plan, limits::CHANGES_BEFORE, Duration::ZERO)),
                (_, None) => Ok(plan),
                (_, Some(spec)) => resolve(&format!("step `{}`", step.name), spec, times),
            })
            .collect()
    }

    /// A step's window in one layer: with the layer's padding.
    pub(crate) fn window_in(&self, layer: &LayerName, window: Window) -> Window {
        let Some(padding) = self.padding.get(layer) else { return window };
        longer(window, padding.before, padding.after)
    }

    /// The window that holds a step's windows in all its layers.
    pub(crate) fn widest(&self, index: usize, window: Window) -> Window {
        let layers = self.steps.get(index).map_or([].as_slice(), |step| step.layers.as_slice());
        let windows = layers.iter().map(|layer| self.window_in(layer.name(), window));
        windows.reduce(|a, b| a.hull(&b)).unwrap_or(window)
    }

    pub(crate) fn step(&self, name: &StepName) -> Option<(usize, &CheckedStep)> {
        self.steps.iter().enumerate().find(|(_, step)| step.name == *name)
    }

    /// The measures that the plan itself asks for.
    pub(crate) fn measures(&self) -> impl Iterator<Item = &Measure> {
        self.steps.iter().flat_map(|step| match &step.looks {
            Looks::Measure { measures, .. } => measures.as_slice(),
            _ => [].as_slice(),
        })
    }

    /// Checks a measure, and gives the step that it reads.
    pub(crate) fn measure(&self, measure: &Measure) -> Result<usize, PlanError> {
        let fail = |why: String| PlanError::Measure { measure: measure.name.clone(), why };
        let Some((index, step)) = self.step(&measure.step) else {
            let readable = self.steps.iter().filter(|step| step.looks.has_lines());
            let names = readable.map(|step| step.name.as_str());
            let near = did_you_mean(measure.step.as_str(), names.clone());
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", names.collect::<Vec<_>>().join(", ")),
            };
            return Err(fail(format!("the plan has no step `{}` ({help})", measure.step)));
        };
        if !step.looks.has_lines() {
            return Err(fail(format!(
                "step `{}` has no lines of its own: measure the step that it reads",
                step.name
            )));
        }
        let fields = LayersFields::new(&step.layers);
        let read = measure.function.field().into_iter().chain(measure.filter.fields());
        for field in read {
            if fields.field_type(field).is_none() {
                return Err(fail(format!(
                    "the layers of step `{}` have no field `{field}` of one type",
                    step.name
                )));
            }
        }
        if let Function::Sum(field) = &measure.function
            && let Some(kind) = fields.field_type(field)
            && !matches!(kind, ValueType::Int | ValueType::Decimal | ValueType::Duration)
        {
            return Err(fail(format!("`{field}` is of type {kind}, which cannot be summed")));
        }
        Ok(index)
    }
}

/// The window of a measure: its own, which lies inside the step's, or the step's.
pub(crate) fn measure_window(
    measure: &Measure,
    step: &Window,
    times: Option<&Times>,
) -> Result<Window, PlanError> {
    let Some(spec) = &measure.window else { return Ok(*step) };
    let of = format!("measure `{}`", measure.name);
    let window = resolve(&of, spec, times)?;
    if window.from() < step.from() || window.to() > step.to() {
        let why = format!("{window} is not inside its step's, {step}");
        return Err(PlanError::Window { of, why });
    }
    Ok(window)
}

fn resolve(of: &str, spec: &WindowSpec, times: Option<&Times>) -> Result<Window, PlanError> {
    let Some(times) = times else {
        return Err(PlanError::Window {
            of: of.to_owned(),
            why: "it is around a ticket's time and there is no ticket; give its times".to_owned(),
        });
    };
    spec.resolve(times).map_err(|error| PlanError::window(of, &error))
}

fn longer(window: Window, before: Duration, after: Duration) -> Window {
    let shift = |by: Duration| TimeDelta::from_std(by).unwrap_or_default();
    let from = window.from().checked_sub_signed(shift(before));
    let to = window.to().checked_add_signed(shift(after));
    Window::new(from.unwrap_or(window.from()), to.unwrap_or(window.to())).unwrap_or(window)
}

#[cfg(test)]
mod tests;
