//! A step's lines against those of the same step in other windows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use futures_util::future::join_all;
use logdive_core::compare::{Compared, Comparison, Looked, Settings, Windows, findings};
use logdive_core::{Field, LayerName, Reason, ReasonKind, Subject, Window, format_duration};

use super::mined::{Mined, examples, named, severity};
use super::open::{Versions, Wanted, open, want};
use super::{Diver, parts_in};
use crate::engine::{Engine, Halt};
use crate::gather::{Gathered, Part, Wants, gather};
use crate::plan::{Baseline, CheckedPlan, CheckedStep};

/// Values of one field that are compared, at most, by how many lines have them.
const VALUES: usize = 1_000;

/// A baseline as it was read.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) name: String,
    pub(super) window: Window,
    pub(super) gathered: Result<Gathered, String>,
}

/// The window of a baseline.
pub(super) fn window_of(baseline: Baseline, window: &Window) -> Option<Window> {
    let shifted =
        |time: DateTime<_>, by: Duration| time.checked_sub_signed(TimeDelta::from_std(by).ok()?);
    let (from, to) = match baseline {
        Baseline::Ago(ago) => (shifted(window.from(), ago)?, shifted(window.to(), ago)?),
        Baseline::Before(length) => (shifted(window.from(), length)?, window.from()),
    };
    Window::new(from, to).ok()
}

fn name_of(baseline: Baseline) -> String {
    match baseline {
        Baseline::Ago(ago) => format!("{} ago", format_duration(ago)),
        Baseline::Before(length) => format!("the {} before", format_duration(length)),
    }
}

/// Reads the baselines of a step, all at once.
pub(super) async fn read(
    dive: (&Diver, &Engine, &Versions),
    plan: &CheckedPlan,
    step: &CheckedStep,
    parts: &[Part],
    window: &Window,
    (baselines, fields): (&[Baseline], &[Field]),
) -> Vec<Before> {
    let reading = baselines.iter().map(|baseline| async move {
        let name = name_of(*baseline);
        let Some(window) = window_of(*baseline, window) else {
            let gathered = Err("it leaves the calendar".to_owned());
            return Before { name, window: *window, gathered };
        };
        let gathered = lines(dive, plan, step, parts, window, fields).await;
        Before { name, window, gathered }
    });
    join_all(reading).await
}

/// The lines of a step in another window. They count only if they are all there.
async fn lines(
    (diver, engine, versions): (&Diver, &Engine, &Versions),
    plan: &CheckedPlan,
    step: &CheckedStep,
    parts: &[Part],
    window: Window,
    fields: &[Field],
) -> Result<Gathered, String> {
    let mut wanted = Wanted::new();
    for part in parts {
        let own = plan.window_in(part.layer.name(), window);
        want(&mut wanted, part.layer.name(), own, &part.predicate);
    }
    let pinned = open(diver, engine, versions, &wanted, 1).await;
    let mut then = parts_in(plan, &pinned.layers, &step.layers, window);
    for (then, now) in then.iter_mut().zip(parts) {
        then.predicate.clone_from(&now.predicate);
    }
    let wants = Wants { shapes: true, emitters: true, fields, ..Wants::default() };
    let gathered =
        gather(engine, &then, &wants).await.map_err(|halt: Halt| halt.reason().to_string())?;
    for (name, opened) in &pinned.layers {
        let coverage = &opened.coverage;
        if let Some(failed) = coverage.failed.first() {
            return Err(format!("{name}: {failed}"));
        }
        if let Some(limit) = &coverage.stopped_by {
            return Err(format!("{name}: stopped by {limit}"));
        }
    }
    if gathered.untested > 0 {
        return Err(format!("{} lines could not be tested", gathered.untested));
    }
    match gathered.matched() {
        0 => Err("no lines are kept from then".to_owned()),
        _ => Ok(gathered),
    }
}

/// What differs; `windows` are those of each layer, with why lines of them may be missing.
pub(super) fn compare(
    mined: &Mined,
    now: &Gathered,
    windows: &BTreeMap<LayerName, Looked>,
    before: &[Before],
    fields: &[Field],
) -> Comparison {
    let empty = Gathered::default();
    let then: Vec<&Gathered> =
        before.iter().map(|before| before.gathered.as_ref().unwrap_or(&empty)).collect();
    let mut compared = templates(mined, now, &then);
    compared.extend(values(now, &then, fields));
    compared.extend(emitters(now, &then));
    compared.extend(layers(now, &then));
    let baselines: Vec<Looked> = before
        .iter()
        .map(|before| match &before.gathered {
            Ok(_) => Looked::whole(before.window.length()),
            Err(why) => {
                let reason = Reason::new(ReasonKind::Empty, format!("{}: {why}", before.name));
                Looked::partial(before.window.length(), reason)
            }
        })
        .collect();
    let windows = windows
        .iter()
        .map(|(layer, now)| {
            let windows = Windows { now: now.clone(), baselines: baselines.clone() };
            (layer.clone(), windows)
        })
        .collect();
    findings(&windows, compared, &Settings::default())
}

fn templates(mined: &Mined, now: &Gathered, before: &[&Gathered]) -> Vec<Compared> {
    let mut compared = BTreeMap::new();
    let time = |micros| DateTime::from_timestamp_micros(micros);
    for ((layer, id), folded) in mined.fold(&now.shapes) {
        let lines = &folded.lines;
        let subject = Subject::Template { layer: layer.clone(), id, text: folded.text.clone() };
        let one = Compared {
            severity: severity(lines),
            first: time(lines.first),
            last: time(lines.last),
            emitters: named(&lines.emitters),
            emitter_count: lines.emitters.len() as u64,
            examples: examples(lines),
            ..Compared::new(subject, lines.count, vec![0; before.len()])
        };
        compared.insert((layer, id), one);
    }
    for (at, then) in before.iter().enumerate() {
        for ((layer, id), folded) in mined.fold(&then.shapes) {
            let one = compared.entry((layer.clone(), id)).or_insert_with(|| {
                let subject = Subject::Template { layer, id, text: folded.text.clone() };
                let (severity, examples) = (severity(&folded.lines), examples(&folded.lines));
                Compared { severity, examples, ..Compared::new(subject, 0, vec![0; before.len()]) }
            });
            if let Some(count) = one.baselines.get_mut(at) {
                *count = folded.lines.count;
            }
        }
    }
    compared.into_values().collect()
}

/// Counts of the same keys in the window and in each baseline.
fn counted<K: Ord + Clone>(
    now: &BTreeMap<K, u64>,
    before: &[&Gathered],
    counts: impl Fn(&Gathered) -> BTreeMap<K, u64>,
    subject: impl Fn(&K) -> Option<Subject>,
) -> Vec<Compared> {
    let before: Vec<BTreeMap<K, u64>> = before.iter().map(|then| counts(then)).collect();
    let keys: BTreeSet<&K> = now.keys().chain(before.iter().flat_map(BTreeMap::keys)).collect();
    keys.into_iter()
        .filter_map(|key| {
            let count = |counts: &BTreeMap<K, u64>| counts.get(key).copied().unwrap_or_default();
            let baselines = before.iter().map(count).collect();
            Some(Compared::new(subject(key)?, count(now), baselines))
        })
        .collect()
}

fn values(now: &Gathered, before: &[&Gathered], fields: &[Field]) -> Vec<Compared> {
    let subject = |(layer, field, value): &(String, usize, String)| {
        Some(Subject::Value {
            layer: LayerName::parse(layer).ok()?,
            field: fields.get(*field)?.name().to_owned(),
            value: value.clone(),
        })
    };
    let frequent = |gathered: &Gathered| {
        let mut all: Vec<_> = gathered.values.iter().collect();
        all.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
        all.truncate(VALUES);
        all.into_iter().map(|(key, count)| (key.clone(), *count)).collect::<BTreeMap<_, _>>()
    };
    // A value that is frequent somewhere is counted everywhere.
    let mut kept: BTreeSet<(String, usize, String)> = frequent(now).into_keys().collect();
    kept.extend(before.iter().flat_map(|then| frequent(then).into_keys()));
    let of = |gathered: &Gathered| {
        let kept = gathered.values.iter().filter(|(key, _)| kept.contains(*key));
        kept.map(|(key, count)| (key.clone(), *count)).collect::<BTreeMap<_, _>>()
    };
    counted(&of(now), before, of, subject)
}

fn emitters(now: &Gathered, before: &[&Gathered]) -> Vec<Compared> {
    let subject = |(layer, emitter): &(String, Option<String>)| {
        let layer = LayerName::parse(layer).ok()?;
        Some(Subject::Emitter { layer, emitter: emitter.clone()? })
    };
    counted(&now.emitters, before, |then| then.emitters.clone(), subject)
}

fn layers(now: &Gathered, before: &[&Gathered]) -> Vec<Compared> {
    let subject = |layer: &String| Some(Subject::Layer { layer: LayerName::parse(layer).ok()? });
    counted(&now.lines, before, |then| then.lines.clone(), subject)
}
