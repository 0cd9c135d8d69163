//! One dive, from a checked plan to evidence.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::compare::Looked;
use logdive_core::port::{Budget, DiveError};
use logdive_core::{
    Coverage, Evidence, Field, IdKind, LayerCoverage, LayerName, Measure, Predicate, Provenance,
    Reason, ReasonKind, StepEvidence, StepKind, Times, Window,
};

use super::conclude::{conclude, gap};
use super::estimate::Estimate;
use super::follow::{Caps, follow, has_id};
use super::mined::Mined;
use super::open::{Pinned, Versions, Wanted, looked_at, open, want};
use super::survey::survey;
use super::{Diver, compare, context, misfit, skew};
use crate::engine::{Engine, Halt};
use crate::gather::{Asked, Gathered, Id, Part, Wants, gather};
use crate::layers::Opened;
use crate::plan::{CheckedPlan, CheckedStep, Looks, measure_window};

const ENGINE: &str = concat!("datafusion 55.2.0 / logdive-query ", env!("CARGO_PKG_VERSION"));

/// Templates of one step in the evidence, at most.
const TEMPLATES: usize = 500;

/// What is asked of a dive, beside the plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Request<'a> {
    pub(super) times: Option<&'a Times>,
    /// The ids that were given: a ticket's entities, or by hand.
    pub(super) ids: &'a [Id],
    pub(super) measures: &'a [Measure],
    pub(super) budget: Budget,
}

/// What became of one step.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) evidence: StepEvidence,
    pub(super) parts: Vec<Part>,
    pub(super) gathered: Gathered,
    /// Why its lines may not be all, beyond what the layers' coverage says.
    pub(super) doubts: Vec<Reason>,
    /// Why nothing is known of it.
    pub(super) failed: Option<Reason>,
}

impl Found {
    fn empty(step: &CheckedStep) -> Self {
        Self {
            evidence: StepEvidence::new(step.name.clone(), step.looks.kind(), step.about.clone()),
            parts: Vec::new(),
            gathered: Gathered::default(),
            doubts: Vec::new(),
            failed: None,
        }
    }

    /// A step of which nothing is known.
    fn nothing(step: &CheckedStep, halt: &Halt) -> Self {
        let reason = halt.reason();
        let mut found = Self::empty(step);
        found.evidence.stopped = Some(reason.to_string());
        found.doubts.push(reason.clone());
        found.failed = Some(reason);
        found
    }
}

/// The lines of layers in a window, before any condition.
pub(super) fn parts_in(
    plan: &CheckedPlan,
    opened: &BTreeMap<LayerName, Opened>,
    layers: &[logdive_core::Layer],
    window: Window,
) -> Vec<Part> {
    let part = |layer: &logdive_core::Layer| {
        Some(Part {
            layer: layer.clone(),
            table: std::sync::Arc::clone(&opened.get(layer.name())?.table),
            window: plan.window_in(layer.name(), window),
            predicate: Predicate::always(),
        })
    };
    layers.iter().filter_map(part).collect()
}

/// A dive that is on its way.
struct Diving<'a> {
    diver: &'a Diver,
    engine: &'a Engine,
    versions: &'a Versions,
    plan: &'a CheckedPlan,
    /// The ids that were given: a ticket's, or by hand.
    ids: &'a [Id],
    budget: Budget,
    windows: &'a [Window],
    asked: &'a [Vec<Asked<'a>>],
    opened: BTreeMap<LayerName, Opened>,
    found: Vec<Found>,
}

pub(super) async fn run(
    diver: &Diver,
    plan: &CheckedPlan,
    request: &Request<'_>,
) -> Result<(Evidence, u64), DiveError> {
    let windows = plan.windows(request.times).map_err(|error| misfit(&error))?;
    let measures: Vec<Measure> = request.measures.iter().chain(plan.measures()).cloned().collect();
    let ids: Vec<Id> = request.ids.iter().chain(&plan.ids).cloned().collect();
    let times = request.times.or(plan.times.as_ref());
    let asked = by_step(plan, &windows, times, &measures)?;
    let budget = request.budget;
    let engine = Engine::new(budget, diver.partitions).map_err(|source| DiveError::Engine {
        what: "starting the engine".to_owned(),
        source: source.into(),
    })?;
    let wanted = looked_at(plan, &windows);
    let versions = Versions::newest(diver).await;
    estimate(diver, &versions, plan, &windows, &wanted).within(&budget)?;
    let opening = open(diver, &engine, &versions, &wanted, reads(plan));
    let Pinned { layers: opened, lake_version } = opening.await;
    let mut diving = Diving {
        diver,
        engine: &engine,
        versions: &versions,
        plan,
        ids: &ids,
        budget,
        windows: &windows,
        asked: &asked,
        opened,
        found: Vec::with_capacity(plan.steps.len()),
    };
    diving.check_prices();
    for (index, (step, window)) in plan.steps.iter().zip(&windows).enumerate() {
        let one = diving.look(index, step, *window).await;
        if let Err(halt) = &one {
            mark(&mut diving.opened, &step.layers, halt);
        }
        diving.found.push(one.unwrap_or_else(|halt| Found::nothing(step, &halt)));
    }
    let baselines = diving.baselines().await;
    survey(&engine, diver, &wanted, &mut diving.opened, &diving.found).await;
    let Diving { opened, mut found, .. } = diving;
    let mut layers: BTreeMap<LayerName, LayerCoverage> =
        opened.into_iter().map(|(name, opened)| (name, finish(opened))).collect();
    lag(&mut layers);
    for layer in diver.layers.iter() {
        if let Some(coverage) = layers.get_mut(layer.name()) {
            coverage.changes = layer.is_changes();
        }
    }
    let facts = conclude(plan, &windows, &asked, &found, &layers);
    let then = baselines.values().flatten().filter_map(|before| before.gathered.as_ref().ok());
    let mined = Mined::of(found.iter().map(|f| &f.gathered).chain(then).map(|g| &g.shapes));
    for index in 0..found.len() {
        fold(plan, &windows, &layers, &mined, &baselines, &mut found, index);
    }
    tell_shown(&mut layers, plan, &found);
    let skews = skew::skew(found.iter().map(|found| &found.gathered.ids));
    let mut not_looked_at: Vec<LayerName> =
        diver.layers.iter().map(|layer| layer.name().clone()).collect();
    not_looked_at.retain(|name| !layers.contains_key(name));
    // Changes are looked for earlier than all else; that is no part of what the dive is about.
    let looked =
        plan.steps.iter().zip(&windows).filter(|(step, _)| step.looks.kind() != StepKind::Changes);
    let window = looked.map(|(_, window)| *window).reduce(|a, b| a.hull(&b));
    let window = window.or_else(|| windows.first().copied()).ok_or_else(|| {
        // A checked plan has steps.
        DiveError::Plan("the plan has no steps".to_owned())
    })?;
    let evidence = Evidence {
        steps: found.into_iter().map(|found| found.evidence).collect(),
        facts,
        coverage: Coverage { window, layers, not_looked_at, skews },
        provenance: Provenance {
            plan: plan.text.clone(),
            plan_digest: plan.digest(),
            lake_version,
            engine: ENGINE.to_owned(),
        },
    };
    Ok((evidence, engine.peak_memory()))
}

/// About how often a plan reads its lines: a hop is a look of its own.
fn reads(plan: &CheckedPlan) -> usize {
    let looks = |step: &CheckedStep| match &step.looks {
        Looks::Select { .. } | Looks::Check(_) | Looks::Context { .. } => 1,
        Looks::Follow { hops, .. } => usize::try_from(*hops).unwrap_or(usize::MAX).min(3),
        // Changes are looked for in a window of their own; the others read what is gathered.
        _ => 0,
    };
    plan.steps.iter().map(looks).sum()
}

/// The kinds of ids that are followed from a step's lines: by later steps, and by itself from hop
/// to hop.
fn followed(plan: &CheckedPlan, index: usize) -> Vec<IdKind> {
    let kinds = plan.steps.iter().enumerate().filter_map(|(at, step)| match &step.looks {
        Looks::Follow { from, ids, .. } if *from == index || at == index => Some(ids),
        _ => None,
    });
    kinds.flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The fields of a step's lines that are compared, of all steps that compare it: their places say
/// which is which.
fn compared(plan: &CheckedPlan, index: usize) -> Vec<Field> {
    let fields = plan.steps.iter().filter_map(|step| match &step.looks {
        Looks::Compare { of, fields, .. } if *of == index => Some(fields),
        _ => None,
    });
    fields.flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The measures over each step.
fn by_step<'a>(
    plan: &CheckedPlan,
    windows: &[Window],
    times: Option<&Times>,
    measures: &'a [Measure],
) -> Result<Vec<Vec<Asked<'a>>>, DiveError> {
    let mut asked: Vec<Vec<Asked<'a>>> = vec![Vec::new(); plan.steps.len()];
    for measure in measures {
        let index = plan.measure(measure).map_err(|error| misfit(&error))?;
        if let (Some(window), Some(asked)) = (windows.get(index), asked.get_mut(index)) {
            let window = plan.widest(index, *window);
            let window = measure_window(measure, &window, times).map_err(|error| misfit(&error))?;
            asked.push(Asked { measure, window });
        }
    }
    Ok(asked)
}

/// What the plan and its baselines would read.
pub(super) fn estimate(
    diver: &Diver,
    versions: &Versions,
    plan: &CheckedPlan,
    windows: &[Window],
    wanted: &Wanted,
) -> Estimate {
    let mut all = vec![wanted.clone()];
    for (step, window) in plan.steps.iter().zip(windows) {
        let Looks::Compare { of, baselines, .. } = &step.looks else { continue };
        let Some(of) = plan.steps.get(*of) else { continue };
        for then in baselines.iter().filter_map(|baseline| compare::window_of(*baseline, window)) {
            let mut wanted = Wanted::new();
            for layer in &of.layers {
                let window = plan.window_in(layer.name(), then);
                want(&mut wanted, layer.name(), window, &Predicate::always());
            }
            all.push(wanted);
        }
    }
    Estimate::of(diver, versions, &all)
}

impl Diving<'_> {
    /// Layers that cost money have said how much by now.
    fn check_prices(&mut self) {
        let most = self.budget.micro_dollars;
        let mut spent = 0_u64;
        for opened in self.opened.values_mut() {
            spent = spent.saturating_add(opened.coverage.cost.micro_dollars);
            if spent > most {
                let limit = format!("the money budget of {most} millionths of a dollar");
                opened.coverage.stopped_by.get_or_insert(limit);
            }
        }
    }

    async fn look(&self, index: usize, step: &CheckedStep, window: Window) -> Result<Found, Halt> {
        let (ids, fields) = (followed(self.plan, index), compared(self.plan, index));
        let of_rows: Vec<Asked<'_>> = self
            .asked
            .get(index)
            .into_iter()
            .flatten()
            .filter(|asked| !asked.measure.function.is_of_coverage())
            .copied()
            .collect();
        let wants = Wants {
            show: Some(step.show),
            shapes: true,
            emitters: true,
            ids: &ids,
            fields: &fields,
            measures: &of_rows,
        };
        let mut parts = parts_in(self.plan, &self.opened, &step.layers, window);
        let mut found = Found::empty(step);
        match &step.looks {
            Looks::Select { predicate, ids } => {
                let given: Vec<&Id> =
                    self.ids.iter().filter(|(kind, _)| ids.contains(kind)).collect();
                if !ids.is_empty() && given.is_empty() {
                    let kinds: Vec<&str> = ids.iter().map(IdKind::as_str).collect();
                    found.evidence.stopped =
                        Some(format!("no id of kind {} was given", kinds.join(" or ")));
                }
                for part in &mut parts {
                    part.predicate = predicate.clone();
                    if !ids.is_empty() {
                        let given = has_id(&part.layer, given.iter().copied());
                        part.predicate = given.and(predicate.clone());
                    }
                }
            }
            Looks::Check(predicate) => {
                parts.iter_mut().for_each(|part| part.predicate.clone_from(predicate));
            }
            Looks::Changes => {}
            Looks::Follow { from, ids, hops, max_ids, max_rows } => {
                let seen = self.found.get(*from).map(|from| from.gathered.ids.clone());
                let caps = Caps { hops: *hops, max_ids: *max_ids, max_rows: *max_rows };
                let seen = seen.unwrap_or_default();
                let followed = follow(self.engine, seen, &parts, ids, &wants, caps).await?;
                found.evidence.stopped = Some(followed.stopped);
                found.doubts.extend(followed.cut);
                self.settle(step, &mut found, followed.parts, followed.gathered);
                return Ok(found);
            }
            Looks::Context { of, before, after, within } => {
                let Some(of) = self.found.get(*of) else { return Ok(found) };
                let wide = context::around(&window, *within);
                let layers: Vec<_> = of.parts.iter().map(|part| part.layer.clone()).collect();
                let parts = parts_in(self.plan, &self.opened, &layers, wide);
                let hits = &of.evidence.rows;
                let [before, after] =
                    [before, after].map(|lines| usize::try_from(*lines).unwrap_or(usize::MAX));
                found.evidence.context =
                    context::context(self.engine, &parts, hits, before, after, *within).await?;
                let lines = found.evidence.context.iter().map(|group| group.lines.len() as u64);
                found.evidence.matched = lines.sum();
                return Ok(found);
            }
            // These read what other steps gathered, when all have.
            Looks::Templates { .. } | Looks::Compare { .. } | Looks::Measure { .. } => {
                return Ok(found);
            }
        }
        let gathered = gather(self.engine, &parts, &wants).await?;
        self.settle(step, &mut found, parts, gathered);
        Ok(found)
    }

    fn settle(
        &self,
        step: &CheckedStep,
        found: &mut Found,
        parts: Vec<Part>,
        mut gathered: Gathered,
    ) {
        if gathered.untested > 0 {
            let detail = format!(
                "step `{}`: {} lines could not be tested, a field is not of its type",
                step.name, gathered.untested
            );
            found.doubts.push(Reason::new(ReasonKind::IllTyped, detail));
        }
        found.evidence.matched = gathered.matched();
        found.evidence.rows = std::mem::take(&mut gathered.shown);
        found.evidence.cut =
            found.evidence.matched.saturating_sub(found.evidence.rows.len() as u64);
        found.parts = parts;
        found.gathered = gathered;
    }

    /// The baselines of steps that compare, by their places.
    async fn baselines(&self) -> BTreeMap<usize, Vec<compare::Before>> {
        let mut read = BTreeMap::new();
        for (index, step) in self.plan.steps.iter().enumerate() {
            let Looks::Compare { of, baselines, .. } = &step.looks else { continue };
            let (Some(of_step), Some(found), Some(window)) =
                (self.plan.steps.get(*of), self.found.get(*of), self.windows.get(*of))
            else {
                continue;
            };
            let fields = compared(self.plan, *of);
            let before = compare::read(
                (self.diver, self.engine, self.versions),
                self.plan,
                of_step,
                &found.parts,
                window,
                (baselines, &fields),
            );
            read.insert(index, before.await);
        }
        read
    }
}

/// Folds what was gathered into the evidence of a step.
fn fold(
    plan: &CheckedPlan,
    windows: &[Window],
    layers: &BTreeMap<LayerName, LayerCoverage>,
    mined: &Mined,
    baselines: &BTreeMap<usize, Vec<compare::Before>>,
    found: &mut [Found],
    index: usize,
) {
    let Some(step) = plan.steps.get(index) else { return };
    match &step.looks {
        Looks::Templates { of, most } => {
            let Some(of) = found.get(*of) else { return };
            let most = usize::try_from(*most).unwrap_or(usize::MAX);
            let templates = mined.templates(&of.gathered.shapes, most);
            let (matched, failed) = (of.evidence.matched, of.failed.clone());
            let shown: u64 = templates.iter().map(|template| template.count).sum();
            if let Some(own) = found.get_mut(index) {
                own.evidence.templates = templates;
                own.evidence.matched = matched;
                own.evidence.cut = matched.saturating_sub(shown);
                own.evidence.stopped = failed.map(|reason| reason.to_string());
            }
        }
        Looks::Compare { of, .. } => {
            let Some(before) = baselines.get(&index) else { return };
            let Some((of_step, window)) = plan.steps.get(*of).zip(windows.get(*of)) else { return };
            let looked = of_step.layers.iter().map(|layer| {
                let window = plan.window_in(layer.name(), *window);
                let looked = Looked {
                    length: window.length(),
                    gap: gap(plan, windows, found, layers, *of, &window, Some(layer.name())),
                };
                (layer.name().clone(), looked)
            });
            let looked: BTreeMap<LayerName, Looked> = looked.collect();
            let Some(of_found) = found.get(*of) else { return };
            let fields = compared(plan, *of);
            let comparison = compare::compare(mined, &of_found.gathered, &looked, before, &fields);
            let (matched, failed) = (of_found.evidence.matched, of_found.failed.clone());
            if let Some(own) = found.get_mut(index) {
                own.evidence.findings = comparison.findings;
                own.evidence.matched = matched;
                own.evidence.stopped = failed.map(|reason| reason.to_string()).or_else(|| {
                    let left_out = comparison.left_out;
                    (!left_out.is_empty()).then(|| left_out.join("; "))
                });
            }
        }
        Looks::Measure { of, .. } => {
            let matched = found.get(*of).map(|of| of.evidence.matched);
            if let (Some(own), Some(matched)) = (found.get_mut(index), matched) {
                own.evidence.matched = matched;
            }
        }
        _ => {
            if let Some(own) = found.get_mut(index) {
                own.evidence.templates = mined.templates(&own.gathered.shapes, TEMPLATES);
            }
        }
    }
}

/// Notes in the coverage what ended a query over layers.
pub(super) fn mark(
    opened: &mut BTreeMap<LayerName, Opened>,
    layers: &[logdive_core::Layer],
    halt: &Halt,
) {
    for layer in layers {
        let Some(opened) = opened.get_mut(layer.name()) else { continue };
        let coverage = &mut opened.coverage;
        match halt {
            Halt::Limit(limit) => {
                coverage.stopped_by.get_or_insert_with(|| limit.clone());
            }
            Halt::Failed(reason) if !coverage.failed.contains(reason) => {
                coverage.failed.push(reason.clone());
            }
            Halt::Failed(_) => {}
        }
    }
}

fn finish(opened: Opened) -> LayerCoverage {
    let mut coverage = opened.coverage;
    opened.lost.tell(&mut coverage);
    let bytes = opened.bytes.load(std::sync::atomic::Ordering::Relaxed);
    coverage.cost.bytes = bytes / opened.sharers.max(1);
    coverage
}

/// How far each layer lies behind the newest one.
fn lag(layers: &mut BTreeMap<LayerName, LayerCoverage>) {
    let newest = layers.values().filter_map(|layer| layer.newest).max();
    for coverage in layers.values_mut() {
        let behind = newest.zip(coverage.newest).map(|(newest, own)| newest - own);
        coverage.lag = behind.and_then(|behind| behind.to_std().ok());
    }
}

/// Says in the coverage what is shown, and what could not be tested.
fn tell_shown(
    layers: &mut BTreeMap<LayerName, LayerCoverage>,
    plan: &CheckedPlan,
    found: &[Found],
) {
    let shown = shown(found);
    for (name, coverage) in layers {
        coverage.shown = shown.get(name).copied().unwrap_or_default();
        coverage.cut = coverage.matched.saturating_sub(coverage.shown);
        let reads = |step: &CheckedStep| {
            step.layers.iter().any(|read: &logdive_core::Layer| read.name() == name)
        };
        let doubts = found.iter().zip(&plan.steps).filter(|(_, step)| reads(step));
        let doubts = doubts.flat_map(|(found, _)| &found.doubts);
        for doubt in doubts.filter(|doubt| doubt.kind == ReasonKind::IllTyped) {
            if !coverage.failed.contains(doubt) {
                coverage.failed.push(doubt.clone());
            }
        }
    }
}

/// How many lines of each layer are shown: each once, however many steps show it.
fn shown(found: &[Found]) -> BTreeMap<LayerName, u64> {
    let mut most: BTreeMap<(&LayerName, String), u64> = BTreeMap::new();
    for step in found {
        let mut of_step: BTreeMap<(&LayerName, String), u64> = BTreeMap::new();
        for record in &step.evidence.rows {
            let line = format!("{:?}", record.as_line());
            *of_step.entry((&record.layer, line)).or_default() += 1;
        }
        for (line, count) in of_step {
            let known = most.entry(line).or_default();
            *known = count.max(*known);
        }
    }
    let mut shown = BTreeMap::new();
    for ((layer, _), count) in most {
        *shown.entry(layer.clone()).or_default() += count;
    }
    shown
}
