//! What was ruled out, and what was not looked at.

use std::collections::BTreeSet;

use super::findings::shortened;
use crate::{BlockKind, Document, Evidence, Line, Priority, StepKind};

const ABOUT: usize = 160;

/// Checks that found nothing. Where lines may be missing, nothing is ruled out by that.
pub(super) fn ruled_out(document: &mut Document, evidence: &Evidence) {
    let is_empty = |step: &&crate::StepEvidence| step.kind == StepKind::Check && step.matched == 0;
    let complete = evidence.coverage.is_complete();
    let (sure, open): (Vec<_>, Vec<_>) =
        evidence.steps.iter().filter(is_empty).partition(|step| complete && step.stopped.is_none());
    for (title, steps) in [
        ("Ruled out", sure),
        ("Looked for and not found so far, though lines may be missing", open),
    ] {
        let items: Vec<Line> = steps
            .into_iter()
            .map(|step| {
                let why = step.stopped.as_ref().map_or_else(String::new, |why| format!(", {why}"));
                Line::new()
                    .text(format!("{}: no line of ", step.name))
                    .code(shortened(&step.about, ABOUT))
                    .text(why)
            })
            .collect();
        section(document, title, items);
    }
}

/// What was not looked at, and why; where nothing was found.
pub(super) fn not_looked_at(document: &mut Document, evidence: &Evidence) {
    let coverage = &evidence.coverage;
    let mut items: Vec<Line> = Vec::new();
    let names: BTreeSet<&str> =
        coverage.not_looked_at.iter().map(crate::LayerName::as_str).collect();
    if !names.is_empty() {
        let names: Vec<&str> = names.into_iter().collect();
        items.push(format!("layers not in the plan: {}", names.join(", ")).into());
    }
    for (name, layer) in &coverage.layers {
        if layer.read < layer.planned {
            let left = layer.planned - layer.read;
            items.push(format!("{name}: {left} of {} pieces were not read", layer.planned).into());
        }
    }
    for step in &evidence.steps {
        match (&step.stopped, step.kind) {
            // Of checks it stands above.
            (Some(_), StepKind::Check) if step.matched == 0 => {}
            (Some(why), _) => items.push(format!("{}: {why}", step.name).into()),
            (None, _) => {}
        }
    }
    if !evidence.steps.iter().any(|step| step.kind == StepKind::Compare) {
        items.push("baselines: the plan compares nothing, so what is new is not told".into());
    }
    let quiet: Vec<&str> = coverage
        .layers
        .iter()
        .filter(|(_, layer)| layer.matched == 0)
        .map(|(name, _)| name.as_str())
        .collect();
    if !quiet.is_empty() {
        items.push(format!("looked at, nothing found: {}", quiet.join(", ")).into());
    }
    section(document, "Not looked at", items);
}

fn section(document: &mut Document, title: &str, items: Vec<Line>) {
    if !items.is_empty() {
        document.push(Priority::Normal, BlockKind::Heading { level: 3, text: title.into() });
        document.push(Priority::Normal, BlockKind::List(items));
    }
}
