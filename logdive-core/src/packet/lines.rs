//! The lines themselves, folded, a step after the other.

use chrono::{DateTime, Utc};

use crate::log::LogRecord;
use crate::{BlockKind, ContextGroup, Document, Evidence, Priority, StepKind, distance};

/// A fold for each step that has lines, or looked for some.
pub(super) fn lines(document: &mut Document, evidence: &Evidence, anchor: DateTime<Utc>) {
    for step in &evidence.steps {
        let (context, rows) = (context(&step.context, anchor), &step.rows);
        let is_empty = context.is_empty() && rows.is_empty();
        let looks = matches!(step.kind, StepKind::Select | StepKind::Follow | StepKind::Changes);
        if is_empty && !looks {
            continue;
        }
        let title = format!(
            "{}: {} lines, {} shown{} ({})",
            step.name,
            step.matched,
            rows.len(),
            step.stopped.as_ref().map_or_else(String::new, |why| format!(", {why}")),
            step.about,
        );
        let mut inner = Document::new();
        let code: Vec<String> = rows.iter().map(|row| line(row, anchor)).collect();
        if !code.is_empty() {
            inner.push(Priority::Detail, BlockKind::Code(code));
        }
        for block in context {
            inner.push(Priority::Detail, BlockKind::Code(block));
        }
        let fold = BlockKind::Fold { title: title.into(), blocks: inner.0 };
        document.push(Priority::Normal, fold);
    }
}

/// Surroundings, a block for each run of lines; `>` marks the hits.
fn context(groups: &[ContextGroup], anchor: DateTime<Utc>) -> Vec<Vec<String>> {
    let marked = |(hit, text): (bool, String)| format!("{} {text}", if hit { '>' } else { ' ' });
    groups
        .iter()
        .map(|group| {
            let of: Vec<&str> =
                [&group.emitter, &group.source].into_iter().filter_map(|n| n.as_deref()).collect();
            let head = format!("{} {}", group.layer, of.join(" "));
            let lines = group.lines.iter().map(|one| marked((one.hit, line(&one.record, anchor))));
            std::iter::once(head.trim_end().to_owned()).chain(lines).collect()
        })
        .collect()
}

fn line(row: &LogRecord, anchor: DateTime<Utc>) -> String {
    let text = row.body.as_deref().or(row.event.as_deref()).unwrap_or_default();
    let uid = row.uid.as_deref().unwrap_or("-");
    format!(
        "{} {} {} {uid} {text}",
        row.time().format("%T%.f"),
        distance(row.time(), anchor),
        row.layer
    )
}
