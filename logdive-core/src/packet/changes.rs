//! What changed between two looks at the same thing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::findings::shortened;
use super::rank::findings;
use crate::{
    BlockKind, Document, Evidence, Fact, Finding, LayerName, Line, Novelty, Priority, ReasonKind,
    Subject,
};

/// Findings that are named as having come or gone; the rest is counted.
const NAMED: usize = 8;
const TEXT: usize = 160;

/// One difference between two pieces of evidence.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A fact is another.
    Fact {
        /// Its name.
        name: String,
        /// What it was.
        before: Fact,
        /// What it is.
        after: Fact,
    },
    /// A step finds more or fewer lines.
    Lines {
        /// The step.
        step: String,
        /// How many it found.
        before: u64,
        /// How many it finds.
        after: u64,
    },
    /// The evidence has become complete, or is not any more.
    Complete(bool),
    /// The watermark of a layer has passed the window's end: its lines are all there.
    Watermark(LayerName),
    /// Something differs from the baselines that did not before.
    Appeared {
        /// What it is about.
        subject: Subject,
        /// How it differs.
        novelty: Novelty,
        /// Lines in the window.
        now: u64,
    },
    /// Something does not differ from the baselines any more.
    Withdrawn {
        /// What it is about.
        subject: Subject,
        /// How it differed.
        novelty: Novelty,
    },
}

impl Change {
    /// The change as a line; what logs say is set off as such.
    fn line(&self) -> Line {
        let plain = |fact: &Fact| match fact {
            Fact::AtLeast(value, _) => format!("at least {value}"),
            Fact::Unavailable(_) => "unavailable".to_owned(),
            other => other.to_string(),
        };
        match self {
            Self::Fact { name, before, after } => {
                format!("{name}: {} -> {}", plain(before), plain(after)).into()
            }
            Self::Lines { step, before, after } => {
                format!("{step}: {before} -> {after} lines").into()
            }
            Self::Complete(true) => "the evidence is complete now".into(),
            Self::Complete(false) => "the evidence is not complete any more".into(),
            Self::Watermark(layer) => {
                format!("{layer}: its watermark has passed the window's end").into()
            }
            Self::Appeared { subject, novelty, now } => {
                let lines = if *now == 1 { "line" } else { "lines" };
                let count = match novelty {
                    Novelty::New | Novelty::Changed => format!(", {now} {lines}"),
                    Novelty::Gone | Novelty::Silent => String::new(),
                };
                about(Line::new().strong(word(*novelty)).text(", "), subject).text(count)
            }
            Self::Withdrawn { subject, novelty } => {
                about(Line::new().text(format!("not {} any more, ", word(*novelty))), subject)
            }
        }
    }
}

const fn word(novelty: Novelty) -> &'static str {
    match novelty {
        Novelty::New => "new",
        Novelty::Changed => "changed",
        Novelty::Gone => "gone",
        Novelty::Silent => "silent",
    }
}

fn about(line: Line, subject: &Subject) -> Line {
    let line = line.text(subject.layer().to_string());
    match subject {
        Subject::Template { text, .. } => line.text(": ").code(shortened(text, TEXT)),
        Subject::Value { field, value, .. } => {
            line.text(": ").code(shortened(&format!("{field} = {value}"), TEXT))
        }
        Subject::Emitter { emitter, .. } => line.text(": ").code(shortened(emitter, TEXT)),
        Subject::Layer { .. } => line.text(" as a whole"),
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line().plain())
    }
}

/// What changed from one look to the next: completeness first, then watermarks, facts, what differs
/// from the baselines (the most severe first), and lines.
#[must_use]
pub fn changes(before: &Evidence, after: &Evidence) -> Vec<Change> {
    let mut changes = Vec::new();
    let complete = after.coverage.is_complete();
    if before.coverage.is_complete() != complete {
        changes.push(Change::Complete(complete));
    }
    let end = after.coverage.window.to();
    for (name, layer) in &after.coverage.layers {
        let was_late = before.coverage.layers.get(name).is_some_and(|layer| {
            layer.gap(name, end).is_some_and(|gap| gap.kind == ReasonKind::Late)
        });
        if was_late && layer.watermark.is_some_and(|watermark| watermark >= end) {
            changes.push(Change::Watermark(name.clone()));
        }
    }
    for (name, fact) in after.facts.iter() {
        let old = before.facts.read(name);
        if !same(&old, fact) {
            changes.push(Change::Fact { name: name.to_owned(), before: old, after: fact.clone() });
        }
    }
    let (old, new) = (findings(before), findings(after));
    for finding in only(&new, &old) {
        let Finding { subject, novelty, now, .. } = finding;
        changes.push(Change::Appeared { subject: subject.clone(), novelty: *novelty, now: *now });
    }
    for finding in only(&old, &new) {
        let Finding { subject, novelty, .. } = finding;
        changes.push(Change::Withdrawn { subject: subject.clone(), novelty: *novelty });
    }
    let old: BTreeMap<&str, u64> =
        before.steps.iter().map(|step| (step.name.as_str(), step.matched)).collect();
    for step in &after.steps {
        let before = old.get(step.name.as_str()).copied().unwrap_or_default();
        if before != step.matched {
            let step_name = step.name.to_string();
            changes.push(Change::Lines { step: step_name, before, after: step.matched });
        }
    }
    changes
}

/// The findings that only the first have, the most severe first.
fn only<'a>(these: &[&'a Finding], others: &[&'a Finding]) -> Vec<&'a Finding> {
    let known: BTreeSet<(&Subject, Novelty)> =
        others.iter().map(|finding| (&finding.subject, finding.novelty)).collect();
    let mut only: Vec<&Finding> = these
        .iter()
        .copied()
        .filter(|finding| !known.contains(&(&finding.subject, finding.novelty)))
        .collect();
    only.sort_by_key(|finding| (Reverse(finding.severity), finding.q, &finding.subject));
    only
}

/// Writes what changed since the last packet.
pub(super) fn since(document: &mut Document, previous: &Evidence, now: &Evidence) {
    let all = changes(previous, now);
    let is_finding =
        |change: &Change| matches!(change, Change::Appeared { .. } | Change::Withdrawn { .. });
    let named = all.iter().filter(|change| is_finding(change)).count().min(NAMED);
    let mut left = NAMED;
    let mut items: Vec<Line> = Vec::new();
    for change in &all {
        if is_finding(change) {
            if left == 0 {
                continue;
            }
            left -= 1;
        }
        items.push(change.line());
    }
    let more = all.iter().filter(|change| is_finding(change)).count() - named;
    if more > 0 {
        items.push(format!("{more} more differences from the baselines came or went").into());
    }
    document.push(
        Priority::Essential,
        BlockKind::Heading { level: 3, text: "Changed since the last packet".into() },
    );
    if items.is_empty() {
        document.push(Priority::Essential, BlockKind::Paragraph("nothing".into()));
    } else {
        document.push(Priority::Essential, BlockKind::List(items));
    }
}

/// The reason of an incomplete fact moves with the watermark; that alone is no change.
fn same(a: &Fact, b: &Fact) -> bool {
    match (a, b) {
        (Fact::AtLeast(a, _), Fact::AtLeast(b, _)) => a == b,
        (Fact::Unavailable(a), Fact::Unavailable(b)) => a.kind == b.kind,
        (a, b) => a == b,
    }
}
