//! How good the evidence is, and the facts it gave.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::findings::shortened;
use super::time;
use crate::{
    BlockKind, Coverage, Document, Evidence, Fact, LayerName, Line, Priority, Skew, distance,
    format_duration,
};

/// Emitters of a layer that are named; the rest is counted.
const NAMED: usize = 8;

/// Window and completeness, and below what of it a reader must know.
pub(super) fn quality(document: &mut Document, evidence: &Evidence, anchor: DateTime<Utc>) {
    let coverage = &evidence.coverage;
    let window = &coverage.window;
    let state = if coverage.is_complete() { "complete" } else { "INCOMPLETE" };
    let shown: u64 = evidence.steps.iter().map(|step| step.rows.len() as u64).sum();
    let cut = evidence.steps.iter().fold(0_u64, |sum, step| sum.saturating_add(step.cut));
    let cut = if cut == 0 { String::new() } else { format!(", {cut} counted and not shown") };
    let watermark = coverage.watermark().map_or_else(
        || "no common watermark".to_owned(),
        |watermark| format!("watermark {} ({})", time(watermark), distance(watermark, anchor)),
    );
    document.push(
        Priority::Essential,
        BlockKind::Paragraph(Line::new().text("Evidence ").strong(state).text(format!(
            ": {} to {} UTC ({} to {}), {watermark}, {} lines scanned, {} matched, {shown} shown{cut}",
            window.from().format("%F %T"),
            window.to().format("%T"),
            distance(window.from(), anchor),
            distance(window.to(), anchor),
            coverage.scanned(),
            coverage.matched(),
        ))),
    );
    let mut items = gaps(coverage);
    items.extend(lags(coverage));
    items.extend(silent(coverage));
    items.extend(skews(&coverage.skews));
    if !items.is_empty() {
        document.push(Priority::Essential, BlockKind::List(items));
    }
}

/// Why lines may be missing. Layers that lack the same thing are named together.
fn gaps(coverage: &Coverage) -> Vec<Line> {
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for gap in coverage.gaps() {
        let (layer, text) = gap.detail.split_once(": ").unwrap_or(("", &gap.detail));
        by_text.entry(text.to_owned()).or_default().push(layer.to_owned());
    }
    by_text
        .into_iter()
        .map(|(text, layers)| format!("{}: {text}", layers.join(", ")).into())
        .collect()
}

/// Layers that are behind the newest, the farthest first.
fn lags(coverage: &Coverage) -> Option<Line> {
    let mut behind: Vec<(u64, &LayerName)> = coverage
        .layers
        .iter()
        .filter_map(|(name, layer)| Some((layer.lag?.as_secs(), name)))
        .filter(|(seconds, _)| *seconds > 0)
        .collect();
    behind.sort_by_key(|(seconds, name)| (std::cmp::Reverse(*seconds), *name));
    let text = |(seconds, name): &(u64, &LayerName)| {
        format!("{name} {}", format_duration(std::time::Duration::from_secs(*seconds)))
    };
    let all: Vec<String> = behind.iter().map(text).collect();
    (!all.is_empty()).then(|| format!("behind the newest layer: {}", all.join(", ")).into())
}

fn silent(coverage: &Coverage) -> Vec<Line> {
    let of = |(name, layer): (&LayerName, &crate::LayerCoverage)| {
        let mut names: Vec<String> =
            layer.silent_emitters.iter().map(|name| shortened(name, 60)).collect();
        names.sort();
        names.dedup();
        let all = names.len();
        names.truncate(NAMED);
        let emitters = if all == 1 { "emitter" } else { "emitters" };
        let more = if all > NAMED { format!(" and {} more", all - NAMED) } else { String::new() };
        (all > 0)
            .then(|| format!("{name}: {all} silent {emitters}: {}{more}", names.join(", ")).into())
    };
    coverage.layers.iter().filter_map(of).collect()
}

fn skews(skews: &[Skew]) -> Vec<Line> {
    let mut skews: Vec<&Skew> = skews.iter().collect();
    skews.sort_by_key(|skew| (&skew.layer, &skew.against, skew.ahead_micros, skew.ids));
    let of = |skew: &Skew| {
        let length = std::time::Duration::from_secs(skew.ahead_micros.unsigned_abs() / 1_000_000);
        let way = if skew.ahead_micros < 0 { "behind" } else { "ahead of" };
        format!(
            "clocks: {} is {} {way} {} ({} ids seen in both); times are shown as logged",
            skew.layer,
            format_duration(length),
            skew.against,
            skew.ids
        )
        .into()
    };
    skews.into_iter().map(of).collect()
}

/// The measures that rules read.
pub(super) fn facts(document: &mut Document, evidence: &Evidence) {
    if evidence.facts.is_empty() {
        return;
    }
    let rows = evidence
        .facts
        .iter()
        .map(|(name, fact)| (name.to_owned(), Line::new().text(short_fact(fact))))
        .collect();
    document.push(Priority::Normal, BlockKind::Heading { level: 3, text: "Facts".into() });
    document.push(Priority::Normal, BlockKind::KeyValues(rows));
}

/// The value; the reason why it is not exact stands once in the quality line.
pub(super) fn short_fact(fact: &Fact) -> String {
    match fact {
        Fact::Known(value) => value.to_string(),
        Fact::AtLeast(value, _) => format!("at least {value}"),
        Fact::Absent => "absent".to_owned(),
        Fact::Unavailable(reason) => format!("unavailable: {reason}"),
    }
}
