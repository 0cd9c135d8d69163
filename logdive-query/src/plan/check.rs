//! Checking a plan against layers.

use std::collections::BTreeSet;
use std::time::Duration;

use logdive_core::predicate::FieldTypes as _;
use logdive_core::{
    Digest, Function, IdKind, Layer, Layers, LayersFields, Measure, Predicate, StepName, Times,
    ValueType, Window, WindowSpec, did_you_mean,
};
use serde::Serialize;

use super::{Around, DivePlan, Kind, PlanError, Scope, Shown, Step};

/// Longest window: beyond it a dive is not one for a ticket.
const LONGEST: Duration = Duration::from_secs(400 * 86_400);
const MOST_SHOWN: u64 = 100_000;
const MOST_HOPS: u64 = 20;
const MOST_IDS: u64 = 10_000;

/// A plan that fits its layers: names resolved, predicates parsed.
#[derive(Debug, Clone)]
pub(crate) struct CheckedPlan {
    pub(crate) around: Around,
    pub(crate) steps: Vec<CheckedStep>,
    pub(crate) text: String,
}

/// A step that fits its layers.
#[derive(Debug, Clone)]
pub(crate) struct CheckedStep {
    pub(crate) name: StepName,
    pub(crate) about: String,
    pub(crate) layers: Vec<Layer>,
    pub(crate) window: Option<WindowSpec>,
    pub(crate) show: Shown,
    pub(crate) looks: Looks,
}

/// What a step looks for.
#[derive(Debug, Clone)]
pub(crate) enum Looks {
    Select(Predicate),
    Follow { from: usize, ids: Vec<IdKind>, hops: u64, max_ids: u64, max_rows: u64 },
}

impl CheckedPlan {
    pub(crate) fn of(plan: &DivePlan, layers: &Layers) -> Result<Self, PlanError> {
        if plan.steps.is_empty() {
            return Err(PlanError::NoSteps);
        }
        if let Around::Window(window) = &plan.around {
            bounded("the plan", window.length())?;
        }
        if let Around::Ticket(spec) = &plan.around {
            bounded("the plan", spec.before.saturating_add(spec.after))?;
        }
        let mut steps: Vec<CheckedStep> = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let step = check(step, layers, &steps)?;
            steps.push(step);
        }
        let header = DivePlan { around: plan.around, steps: Vec::new() }.to_string();
        let text = steps.iter().fold(header, |text, step: &CheckedStep| {
            format!("{text}\n{}: {}", step.name, step.about)
        });
        Ok(Self { around: plan.around, steps, text })
    }

    /// The identity of what is looked for. Predicates count as they were read, not as they were
    /// written.
    pub(crate) fn digest(&self) -> Digest {
        #[derive(Serialize)]
        struct Identity<'a> {
            name: &'a StepName,
            layers: Vec<&'a Layer>,
            window: Option<WindowSpec>,
            show: Shown,
            filter: Option<String>,
            follow: Option<(usize, &'a [IdKind], u64, u64, u64)>,
        }
        let steps: Vec<Identity<'_>> = self
            .steps
            .iter()
            .map(|step| {
                let (filter, follow) = match &step.looks {
                    Looks::Select(predicate) => (Some(predicate.to_string()), None),
                    Looks::Follow { from, ids, hops, max_ids, max_rows } => {
                        (None, Some((*from, ids.as_slice(), *hops, *max_ids, *max_rows)))
                    }
                };
                Identity {
                    name: &step.name,
                    layers: step.layers.iter().collect(),
                    window: step.window,
                    show: step.show,
                    filter,
                    follow,
                }
            })
            .collect();
        Digest::of_json(&(self.around, steps))
    }

    /// The windows of the plan and of each step.
    pub(crate) fn windows(&self, times: Option<&Times>) -> Result<Vec<Window>, PlanError> {
        let plan = match &self.around {
            Around::Window(window) => *window,
            Around::Ticket(spec) => resolve("the plan", spec, times)?,
        };
        self.steps
            .iter()
            .map(|step| match &step.window {
                None => Ok(plan),
                Some(spec) => resolve(&format!("step `{}`", step.name), spec, times),
            })
            .collect()
    }

    pub(crate) fn step(&self, name: &StepName) -> Option<(usize, &CheckedStep)> {
        self.steps.iter().enumerate().find(|(_, step)| step.name == *name)
    }

    /// Checks a measure, and gives the step that it reads.
    pub(crate) fn measure(&self, measure: &Measure) -> Result<usize, PlanError> {
        let fail = |why: String| PlanError::Measure { measure: measure.name.clone(), why };
        let Some((index, step)) = self.step(&measure.step) else {
            let names = self.steps.iter().map(|step| step.name.as_str());
            let near = did_you_mean(measure.step.as_str(), names.clone());
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", names.collect::<Vec<_>>().join(", ")),
            };
            return Err(fail(format!("the plan has no step `{}` ({help})", measure.step)));
        };
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

fn bounded(of: &str, length: Duration) -> Result<(), PlanError> {
    if length <= LONGEST {
        return Ok(());
    }
    let why = format!("it is longer than {} days", LONGEST.as_secs() / 86_400);
    Err(PlanError::Window { of: of.to_owned(), why })
}

fn check(step: &Step, layers: &Layers, before: &[CheckedStep]) -> Result<CheckedStep, PlanError> {
    let name = StepName::parse(&step.name)?;
    if before.iter().any(|other| other.name == name) {
        return Err(PlanError::Twice(step.name.clone()));
    }
    if let Some(spec) = &step.window {
        bounded(&format!("step `{name}`"), spec.before.saturating_add(spec.after))?;
    }
    let cap = |cap: &'static str, value: u64, most: u64| {
        if (1..=most).contains(&value) {
            return Ok(());
        }
        Err(PlanError::Cap { step: step.name.clone(), cap, value, rule: format!("1 to {most}") })
    };
    cap("shown", step.show.most, MOST_SHOWN)?;
    let looked_at = scope(step, layers)?;
    let looks = match &step.kind {
        Kind::Select { filter } => {
            let fields = LayersFields::new(&looked_at);
            let predicate = Predicate::parse(filter, &fields).map_err(|diagnostics| {
                PlanError::Predicate { step: step.name.clone(), text: filter.clone(), diagnostics }
            })?;
            Looks::Select(predicate)
        }
        Kind::Follow { from, ids, hops, max_ids, max_rows } => {
            cap("hops", *hops, MOST_HOPS)?;
            cap("max_ids", *max_ids, MOST_IDS)?;
            cap("max_rows", *max_rows, u64::MAX)?;
            let found = before.iter().position(|other| other.name.as_str() == from);
            let Some(from) = found else {
                let (step, from) = (step.name.clone(), from.clone());
                return Err(PlanError::UnknownStep { step, from });
            };
            if ids.is_empty() {
                return Err(PlanError::Cap {
                    step: step.name.clone(),
                    cap: "ids",
                    value: 0,
                    rule: "at least one kind of id".to_owned(),
                });
            }
            let source = before.get(from).map_or([].as_slice(), |step| step.layers.as_slice());
            let kinds = ids
                .iter()
                .map(|id| id_kind(&step.name, id, source, &looked_at))
                .collect::<Result<BTreeSet<_>, _>>()?;
            Looks::Follow {
                from,
                ids: kinds.into_iter().collect(),
                hops: *hops,
                max_ids: *max_ids,
                max_rows: *max_rows,
            }
        }
    };
    let about = match &looks {
        Looks::Select(predicate) => {
            let kind = Kind::Select { filter: predicate.to_string() };
            Step { kind, ..step.clone() }.to_string()
        }
        Looks::Follow { .. } => step.to_string(),
    };
    Ok(CheckedStep { name, about, layers: looked_at, window: step.window, show: step.show, looks })
}

fn scope(step: &Step, layers: &Layers) -> Result<Vec<Layer>, PlanError> {
    let known = || layers.iter().map(|layer| layer.name().as_str().to_owned()).collect::<Vec<_>>();
    let unknown = |layer: &str| {
        let known = known();
        PlanError::UnknownLayer {
            step: step.name.clone(),
            layer: layer.to_owned(),
            near: did_you_mean(layer, known.iter().map(String::as_str)).map(str::to_owned),
            known,
        }
    };
    match &step.scope {
        Scope::All if layers.is_empty() => Err(unknown("*")),
        Scope::All => Ok(layers.iter().cloned().collect()),
        Scope::Layers(names) if names.is_empty() => Err(unknown("")),
        Scope::Layers(names) => {
            // Each once, in the order of their names: the order of mention changes nothing.
            let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
            names
                .into_iter()
                .map(|name| {
                    let found = layers.iter().find(|layer| layer.name().as_str() == name);
                    found.cloned().ok_or_else(|| unknown(name))
                })
                .collect()
        }
    }
}

fn id_kind(step: &str, id: &str, source: &[Layer], target: &[Layer]) -> Result<IdKind, PlanError> {
    let kind = IdKind::parse(id)?;
    let has = |layers: &[Layer]| layers.iter().any(|l| l.id_fields(&kind).next().is_some());
    let side = match (has(source), has(target)) {
        (true, true) => return Ok(kind),
        (false, _) => "no layer of the step it follows",
        (true, false) => "none of its layers",
    };
    Err(PlanError::UnknownId { step: step.to_owned(), id: id.to_owned(), side })
}
