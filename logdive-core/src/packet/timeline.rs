//! The layers' lines in one order of time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::findings::{shortened, shown_text, span};
use super::rank::{Candidate, Key};
use crate::log::LogRecord;
use crate::{BlockKind, Document, Evidence, LayerName, Line, Novelty, Priority, distance};

/// Rows of the timeline at most: a phone shows no more before patience ends.
const ROWS: usize = 24;
/// Changes are always on it; beyond this many lines they are folded to their templates.
const CHANGES: usize = 20;
/// Ways of requests through the layers that are shown.
const WAYS: usize = 3;
const TEXT: usize = 240;

struct Row {
    at: DateTime<Utc>,
    layer: LayerName,
    line: Line,
}

/// Writes what stands out, and every change, in order of time.
pub(super) fn timeline(
    document: &mut Document,
    evidence: &Evidence,
    ranked: &[Candidate],
    anchor: DateTime<Utc>,
) {
    let single = single_changes(evidence, ranked);
    // Rows of changes stand for their templates.
    let is_listed = |candidate: &Candidate| candidate.is_change && !single.is_empty();
    let on_it = |candidate: &&Candidate| {
        matches!(candidate.key, Key::Template(_))
            && candidate.count > 0
            && candidate.first.is_some()
            && !is_listed(candidate)
    };
    let (changes, others): (Vec<&Candidate>, Vec<&Candidate>) =
        ranked.iter().filter(on_it).partition(|candidate| candidate.is_change);
    let all = changes.len() + others.len();
    let mut rows: Vec<Row> = single.iter().map(|row| change(row, anchor)).collect();
    rows.extend(changes.iter().filter_map(|c| row(c, anchor)));
    rows.extend(others.iter().take(ROWS).filter_map(|c| row(c, anchor)));
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|a, b| {
        (a.at, &a.layer).cmp(&(b.at, &b.layer)).then_with(|| a.line.plain().cmp(&b.line.plain()))
    });
    let shown = changes.len() + others.len().min(ROWS);
    let title = if all > shown {
        format!("Timeline: {shown} of {all} kinds of line, those that stand out")
    } else {
        "Timeline".to_owned()
    };
    document.push(Priority::Normal, BlockKind::Heading { level: 3, text: title.into() });
    let items = rows.into_iter().map(|row| row.line).collect();
    document.push(Priority::Normal, BlockKind::List(items));
    ways(document, evidence, anchor);
}

fn row(candidate: &Candidate, anchor: DateTime<Utc>) -> Option<Row> {
    let (first, last) = (candidate.first?, candidate.last?);
    let Candidate { layer, count, .. } = candidate;
    let lines = if *count == 1 { "line" } else { "lines" };
    let mark = match candidate.novelty {
        Some(Novelty::New) => ", new",
        Some(Novelty::Changed) => ", changed",
        _ => "",
    };
    let span = span(first, last, anchor);
    let line = Line::new()
        .text(format!("{span}, {layer}, {count} {lines}{mark}: "))
        .code(shortened(shown_text(candidate), TEXT));
    Some(Row { at: first, layer: layer.clone(), line })
}

fn change(row: &LogRecord, anchor: DateTime<Utc>) -> Row {
    let text = row.body.as_deref().or(row.event.as_deref()).unwrap_or_default();
    let line = Line::new()
        .text(format!("{}, {}, ", distance(row.time(), anchor), row.layer))
        .strong("change")
        .text(": ")
        .code(shortened(text, TEXT));
    Row { at: row.time(), layer: row.layer.clone(), line }
}

/// The lines of layers of changes, each once, if all of them are there and they are few.
fn single_changes<'a>(evidence: &'a Evidence, ranked: &[Candidate]) -> Vec<&'a LogRecord> {
    let layers = &evidence.coverage.layers;
    let is_change = |row: &&LogRecord| layers.get(&row.layer).is_some_and(|layer| layer.changes);
    let mut seen = BTreeSet::new();
    let mut rows: Vec<&LogRecord> =
        evidence.steps.iter().flat_map(|step| &step.rows).filter(is_change).collect();
    rows.retain(|row| {
        seen.insert((&row.layer, row.ts(), &row.source, row.seq, &row.body, &row.uid))
    });
    let is_counted = |c: &&Candidate| c.is_change && matches!(c.key, Key::Template(_));
    let all: u64 = ranked.iter().filter(is_counted).map(|candidate| candidate.count).sum();
    if rows.len() as u64 >= all && rows.len() <= CHANGES { rows } else { Vec::new() }
}

/// The ways that requests took through the layers, among the lines shown.
fn ways(document: &mut Document, evidence: &Evidence, anchor: DateTime<Utc>) {
    let mut requests: BTreeMap<&str, BTreeMap<&LayerName, i64>> = BTreeMap::new();
    for row in evidence.steps.iter().flat_map(|step| &step.rows) {
        if let Some(id) = row.request_id.as_deref() {
            let first = requests.entry(id).or_default().entry(&row.layer).or_insert(i64::MAX);
            *first = row.ts().min(*first);
        }
    }
    // A way: its layers by time, how many requests took it, the first of them.
    let mut ways: BTreeMap<Vec<&LayerName>, (u64, i64, &str)> = BTreeMap::new();
    for (id, layers) in requests.iter().filter(|(_, layers)| layers.len() > 1) {
        let mut way: Vec<(&i64, &&LayerName)> = layers.iter().map(|(l, at)| (at, l)).collect();
        way.sort();
        let begin = way.first().map_or(i64::MAX, |(at, _)| **at);
        let way = way.into_iter().map(|(_, layer)| *layer).collect();
        let known = ways.entry(way).or_insert((0, begin, id));
        known.0 += 1;
        if (begin, *id) < (known.1, known.2) {
            (known.1, known.2) = (begin, id);
        }
    }
    let mut ways: Vec<_> = ways.into_iter().collect();
    ways.sort_by(|(way, a), (other, b)| b.0.cmp(&a.0).then_with(|| (a.1, way).cmp(&(b.1, other))));
    if ways.is_empty() {
        return;
    }
    let items = ways
        .into_iter()
        .take(WAYS)
        .map(|(way, (count, begin, id))| {
            let way: Vec<&str> = way.into_iter().map(LayerName::as_str).collect();
            let at = DateTime::from_timestamp_micros(begin).unwrap_or_default();
            let requests = if count == 1 { "request" } else { "requests" };
            Line::new()
                .text(format!("{}: {count} {requests}, first ", way.join(" → ")))
                .code(shortened(id, 60))
                .text(format!(" at {}", distance(at, anchor)))
        })
        .collect();
    let title = "Ways of requests through the layers, among the lines shown:";
    document.push(Priority::Detail, BlockKind::Paragraph(title.into()));
    document.push(Priority::Detail, BlockKind::List(items));
}
