//! One dive, from a checked plan to evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use logdive_core::measure::Tally;
use logdive_core::port::{Budget, DiveError};
use logdive_core::{
    Coverage, Digest, Evidence, Fact, Facts, Function, LayerCoverage, LayerName, LogRecord,
    Measure, Predicate, Provenance, Reason, ReasonKind, StepEvidence, Times, Window,
};

use super::follow::{self, Caps};
use super::{Diver, misfit};
use crate::engine::{Engine, Halt};
#[cfg(feature = "lake")]
use crate::layers::lake::{LakeLayer, Resident};
use crate::layers::{Ask, LayerTable, Opened};
use crate::plan::{CheckedPlan, CheckedStep, Looks, measure_window};
use crate::rows::{self, Part};
use crate::tally::{self, Asked};

const ENGINE: &str = concat!("datafusion 55.2.0 / logdive-query ", env!("CARGO_PKG_VERSION"));

/// What became of one step.
struct Found {
    evidence: StepEvidence,
    parts: Vec<Part>,
    /// Why its lines may not be all, beyond what the layers' coverage says.
    doubts: Vec<Reason>,
    /// Tallies of the measures over it, or why there are none.
    tallies: Result<Vec<Tally>, Reason>,
}

pub(crate) async fn run(
    diver: &Diver,
    plan: &CheckedPlan,
    times: Option<&Times>,
    measures: &[Measure],
    budget: Budget,
) -> Result<Evidence, DiveError> {
    let windows = plan.windows(times).map_err(|error| misfit(&error))?;
    let asked = by_step(plan, &windows, times, measures)?;
    let engine = Engine::new(budget, diver.partitions).map_err(|source| DiveError::Engine {
        what: "starting the engine".to_owned(),
        source: source.into(),
    })?;
    let wanted = looked_at(plan, &windows);
    let (mut opened, lake_version) = open(diver, &engine, &wanted).await;
    let mut found: Vec<Found> = Vec::with_capacity(plan.steps.len());
    for ((step, window), asked) in plan.steps.iter().zip(&windows).zip(&asked) {
        let one = look(&engine, &opened, &found, step, window, asked).await;
        if let Err(halt) = &one {
            mark(&mut opened, &step.layers, halt);
        }
        found.push(one.unwrap_or_else(|halt| nothing(step, &halt)));
    }
    survey(&engine, diver, &wanted, &mut opened, &found).await;
    let mut layers: BTreeMap<LayerName, LayerCoverage> =
        opened.into_iter().map(|(name, opened)| (name, finish(opened))).collect();
    let facts = conclude(plan, &windows, &asked, &found, &layers);
    for (name, coverage) in &mut layers {
        coverage.shown = shown(name, &found);
        coverage.cut = coverage.matched.saturating_sub(coverage.shown);
        let doubts = found.iter().zip(&plan.steps).filter(|(_, step)| step.reads(name));
        let doubts = doubts.flat_map(|(found, _)| &found.doubts);
        for doubt in doubts.filter(|doubt| doubt.kind == ReasonKind::IllTyped) {
            if !coverage.failed.contains(doubt) {
                coverage.failed.push(doubt.clone());
            }
        }
    }
    let mut not_looked_at: Vec<LayerName> =
        diver.layers.iter().map(|layer| layer.name().clone()).collect();
    not_looked_at.retain(|name| !layers.contains_key(name));
    let window = windows.iter().copied().reduce(hull).ok_or_else(|| {
        // A checked plan has steps.
        DiveError::Plan("the plan has no steps".to_owned())
    })?;
    Ok(Evidence {
        steps: found.into_iter().map(|found| found.evidence).collect(),
        facts,
        coverage: Coverage { window, layers, not_looked_at },
        provenance: Provenance {
            plan: plan.text.clone(),
            plan_digest: plan.digest(),
            lake_version,
            engine: ENGINE.to_owned(),
        },
    })
}

impl CheckedStep {
    fn reads(&self, layer: &LayerName) -> bool {
        self.layers.iter().any(|read| read.name() == layer)
    }
}

/// The smallest window that holds both.
fn hull(a: Window, b: Window) -> Window {
    Window::new(a.from().min(b.from()), a.to().max(b.to())).unwrap_or(a)
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
            let window = measure_window(measure, window, times).map_err(|error| misfit(&error))?;
            asked.push(Asked { measure, window });
        }
    }
    Ok(asked)
}

/// Each layer of the plan: all its windows together, and what lines must meet to be of use.
fn looked_at(plan: &CheckedPlan, windows: &[Window]) -> BTreeMap<LayerName, (Window, Predicate)> {
    let mut wanted: BTreeMap<LayerName, (Window, Predicate)> = BTreeMap::new();
    for (step, window) in plan.steps.iter().zip(windows) {
        let predicate = match &step.looks {
            Looks::Select(predicate) => predicate.clone(),
            // Which ids are followed is not known yet.
            Looks::Follow { .. } => Predicate::always(),
        };
        for layer in &step.layers {
            let entry = wanted.entry(layer.name().clone());
            let one = || (*window, predicate.clone());
            entry
                .and_modify(|(all, any)| {
                    *all = hull(*all, *window);
                    *any = either(any.clone(), predicate.clone());
                })
                .or_insert_with(one);
        }
    }
    wanted
}

fn either(a: Predicate, b: Predicate) -> Predicate {
    match (a, b) {
        (a, b) if a == Predicate::always() || b == Predicate::always() => Predicate::always(),
        (Predicate::Or(mut terms), b) => {
            terms.push(b);
            Predicate::Or(terms)
        }
        (a, b) => Predicate::Or(vec![a, b]),
    }
}

/// Pins every layer of the plan, all at once.
async fn open(
    diver: &Diver,
    engine: &Engine,
    wanted: &BTreeMap<LayerName, (Window, Predicate)>,
) -> (BTreeMap<LayerName, Opened>, Option<u64>) {
    let (tables, version) = tables(diver, wanted).await;
    let opening = tables.iter().filter_map(|table| {
        let name = table.layer().name();
        let (window, predicate) = wanted.get(name)?;
        let ask = Ask {
            window: *window,
            predicate: predicate.clone(),
            engine,
            clock: &*diver.clock,
            time: engine.time_left(),
        };
        Some(async move { (name.clone(), table.open(&ask).await) })
    });
    (join_all(opening).await.into_iter().collect(), version)
}

/// The layers' tables; those of lakes at the newest version. The version is that of the one lake.
async fn tables(
    diver: &Diver,
    wanted: &BTreeMap<LayerName, (Window, Predicate)>,
) -> (Vec<Arc<dyn LayerTable>>, Option<u64>) {
    #[cfg_attr(not(feature = "lake"), expect(unused_mut, reason = "only lakes add tables"))]
    let mut tables = diver.tables.clone();
    #[cfg_attr(not(feature = "lake"), expect(unused_mut, reason = "only lakes have versions"))]
    let mut version = None;
    #[cfg(feature = "lake")]
    for of_lake in &diver.lakes {
        if !of_lake.layers.iter().any(|layer| wanted.contains_key(layer.name())) {
            continue;
        }
        let (snapshot, stale) = match of_lake.lake.refresh().await {
            Ok(snapshot) => (snapshot, None),
            Err(error) => {
                let detail = format!("an older version was read: {error}");
                let stale = Reason::new(ReasonKind::Failed, detail);
                (of_lake.lake.snapshot(), Some(stale))
            }
        };
        version = Some(snapshot.version());
        let of_lake_windows: Vec<Window> = wanted
            .iter()
            .filter(|(name, _)| of_lake.layers.iter().any(|layer| layer.name() == *name))
            .map(|(_, (window, _))| *window)
            .collect();
        let layers = of_lake_windows.len() as u64;
        let resident = of_lake_windows
            .into_iter()
            .reduce(hull)
            .and_then(|window| Resident::of(&snapshot, window, layers))
            .map(Arc::new);
        for layer in &of_lake.layers {
            tables.push(Arc::new(LakeLayer::new(
                layer.clone(),
                of_lake.lake.clone(),
                Arc::clone(&snapshot),
                stale.clone(),
                resident.clone(),
            )));
        }
    }
    let _ = wanted;
    (tables, version)
}

/// The lines of a step's layers before its predicate.
fn parts_of(
    opened: &BTreeMap<LayerName, Opened>,
    step: &CheckedStep,
    window: &Window,
    predicate: &Predicate,
) -> Vec<Part> {
    step.layers
        .iter()
        .filter_map(|layer| {
            let opened = opened.get(layer.name())?;
            Some(Part {
                layer: layer.clone(),
                table: Arc::clone(&opened.table),
                window: *window,
                predicate: predicate.clone(),
            })
        })
        .collect()
}

async fn look(
    engine: &Engine,
    opened: &BTreeMap<LayerName, Opened>,
    before: &[Found],
    step: &CheckedStep,
    window: &Window,
    asked: &[Asked<'_>],
) -> Result<Found, Halt> {
    let mut doubts = Vec::new();
    let mut stopped = None;
    let parts = match &step.looks {
        Looks::Select(predicate) => parts_of(opened, step, window, predicate),
        Looks::Follow { from, ids, hops, max_ids, max_rows } => {
            let target = parts_of(opened, step, window, &Predicate::never());
            let from = before.get(*from);
            let lines = from.map_or([].as_slice(), |found| found.parts.as_slice());
            let caps = Caps { hops: *hops, max_ids: *max_ids, max_rows: *max_rows };
            let followed = follow::follow(engine, lines, &target, ids, caps).await?;
            stopped = Some(followed.stopped);
            doubts.extend(followed.cut);
            followed.parts
        }
    };
    // Four questions about the same pinned lines: asked at once, answered in a fixed order.
    let of_rows = of_rows(asked);
    let (untested, templates, rows, tallies) = tokio::join!(
        rows::doubtful(engine, &parts),
        rows::templates(engine, &parts),
        rows::shown(engine, &parts, step.show),
        tally::tallies(engine, &parts, &of_rows),
    );
    let (untested, templates, rows) = (untested?, templates?, rows?);
    let tallies = tallies.map_err(|halt| halt.reason());
    if untested > 0 {
        let detail = format!(
            "step `{}`: {untested} lines could not be tested, a field is not of its type",
            step.name
        );
        doubts.push(Reason::new(ReasonKind::IllTyped, detail));
    }
    let matched = templates.iter().map(|template| template.count).sum::<u64>();
    let cut = matched.saturating_sub(rows.len() as u64);
    Ok(Found {
        evidence: StepEvidence {
            name: step.name.clone(),
            about: step.about.clone(),
            rows,
            templates,
            matched,
            cut,
            stopped,
        },
        parts,
        doubts,
        tallies,
    })
}

/// The measures that are computed from rows.
fn of_rows<'a>(asked: &[Asked<'a>]) -> Vec<Asked<'a>> {
    asked.iter().filter(|asked| !asked.measure.function.is_of_coverage()).copied().collect()
}

/// A step of which nothing is known.
fn nothing(step: &CheckedStep, halt: &Halt) -> Found {
    let reason = halt.reason();
    Found {
        evidence: StepEvidence {
            name: step.name.clone(),
            about: step.about.clone(),
            rows: Vec::new(),
            templates: Vec::new(),
            matched: 0,
            cut: 0,
            stopped: Some(reason.to_string()),
        },
        parts: Vec::new(),
        doubts: vec![reason.clone()],
        tallies: Err(reason),
    }
}

/// Notes in the coverage what ended a query over layers.
fn mark(opened: &mut BTreeMap<LayerName, Opened>, layers: &[logdive_core::Layer], halt: &Halt) {
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

/// Counts what was looked at, layer by layer.
async fn survey(
    engine: &Engine,
    diver: &Diver,
    wanted: &BTreeMap<LayerName, (Window, Predicate)>,
    opened: &mut BTreeMap<LayerName, Opened>,
    found: &[Found],
) {
    let counting = wanted.iter().filter_map(|(name, (window, _))| {
        let (layer, one) = (diver.layers.get(name)?, opened.get(name)?);
        let whole = Part {
            layer: layer.clone(),
            table: Arc::clone(&one.table),
            window: *window,
            predicate: Predicate::always(),
        };
        let parts: Vec<&Part> = found
            .iter()
            .flat_map(|found| &found.parts)
            .filter(|part| part.layer.name() == name)
            .collect();
        Some(async move { (name, layer, rows::survey(engine, &whole, &parts).await) })
    });
    for (name, layer, survey) in join_all(counting).await {
        match survey {
            Ok(survey) => {
                let Some(one) = opened.get_mut(name) else { continue };
                let coverage = &mut one.coverage;
                coverage.scanned = coverage.scanned.max(survey.scanned);
                coverage.matched = survey.matched;
                coverage.cost.rows = coverage.cost.rows.max(survey.scanned);
                let seen: BTreeSet<&String> = survey.emitters.iter().collect();
                coverage.silent_emitters =
                    one.emitters.iter().filter(|name| !seen.contains(name)).cloned().collect();
            }
            Err(halt) => mark(opened, std::slice::from_ref(layer), &halt),
        }
    }
}

fn finish(opened: Opened) -> LayerCoverage {
    let mut coverage = opened.coverage;
    opened.lost.tell(&mut coverage);
    coverage.cost.bytes = opened.bytes.load(Ordering::Relaxed);
    coverage
}

/// How many lines of a layer are shown: each once, however many steps show it.
fn shown(layer: &LayerName, found: &[Found]) -> u64 {
    let mut most: BTreeMap<Digest, u64> = BTreeMap::new();
    for step in found {
        let mut of_step: BTreeMap<Digest, u64> = BTreeMap::new();
        let of_layer = |record: &&LogRecord| record.layer == *layer;
        for record in step.evidence.rows.iter().filter(of_layer) {
            *of_step.entry(Digest::of_json(record)).or_default() += 1;
        }
        for (digest, count) in of_step {
            let known = most.entry(digest).or_default();
            *known = count.max(*known);
        }
    }
    most.values().sum()
}

/// What can be known of each measure.
fn conclude(
    plan: &CheckedPlan,
    windows: &[Window],
    asked: &[Vec<Asked<'_>>],
    found: &[Found],
    layers: &BTreeMap<LayerName, LayerCoverage>,
) -> Facts {
    let mut facts = Facts::new();
    for (index, (asked, one)) in asked.iter().zip(found).enumerate() {
        let mut tallies = match &one.tallies {
            Ok(tallies) => tallies.iter(),
            Err(_) => [].iter(),
        };
        for Asked { measure, window } in asked {
            let incomplete = gap(plan, windows, found, layers, index, window);
            let fact = match &measure.function {
                Function::Watermark => watermark(plan, layers, index, measure),
                Function::Complete => {
                    measure.conclude(&Tally::default(), window, incomplete.as_ref())
                }
                _ => match (&one.tallies, tallies.next()) {
                    (Ok(_), Some(tally)) => measure.conclude(tally, window, incomplete.as_ref()),
                    (Err(reason), _) => Fact::Unavailable(reason.clone()),
                    (Ok(_), None) => Fact::unavailable(
                        ReasonKind::NotMeasured,
                        format!("`{}` was not measured", measure.name),
                    ),
                },
            };
            facts.insert_overwrite(measure.name.clone(), fact);
        }
    }
    facts
}

/// Why lines of a step may be missing up to the end of a window; those of the step it follows
/// count, since an id that was missed there is missed here.
fn gap(
    plan: &CheckedPlan,
    windows: &[Window],
    found: &[Found],
    layers: &BTreeMap<LayerName, LayerCoverage>,
    index: usize,
    window: &Window,
) -> Option<Reason> {
    let step = plan.steps.get(index)?;
    let of_layer = |layer: &logdive_core::Layer| match layers.get(layer.name()) {
        Some(coverage) => coverage.gap(layer.name(), window.to()),
        None => {
            Some(Reason::new(ReasonKind::Failed, format!("{}: it was not opened", layer.name())))
        }
    };
    if let Some(reason) = step.layers.iter().find_map(of_layer) {
        return Some(reason);
    }
    if let Some(doubt) = found.get(index).and_then(|found| found.doubts.first()) {
        return Some(doubt.clone());
    }
    match &step.looks {
        Looks::Follow { from, .. } => gap(plan, windows, found, layers, *from, windows.get(*from)?),
        Looks::Select(_) => None,
    }
}

/// The lowest watermark over the layers of a step.
fn watermark(
    plan: &CheckedPlan,
    layers: &BTreeMap<LayerName, LayerCoverage>,
    index: usize,
    measure: &Measure,
) -> Fact {
    let step = plan.steps.get(index);
    let mut lowest = None;
    for layer in step.into_iter().flat_map(|step| &step.layers) {
        let watermark = layers.get(layer.name()).and_then(|coverage| coverage.watermark);
        let Some(watermark) = watermark else {
            let detail = format!("`{}`: layer `{}` has no watermark", measure.name, layer.name());
            return Fact::unavailable(ReasonKind::Late, detail);
        };
        lowest = Some(lowest.map_or(watermark, |lowest| watermark.min(lowest)));
    }
    lowest.map_or(Fact::Absent, Fact::from)
}
