//! The standard plan of a ticket and its packet as lines: the one place that tests and benchmarks
//! of whole tickets take them from.

#![expect(
    clippy::expect_used,
    reason = "tests and benchmarks stop where something is not as it should be"
)]

use chrono::{DateTime, Utc};
use logdive_core::case::{Case, Entry};
use logdive_core::packet::{PacketContext, packet};
use logdive_core::port::Row;
use logdive_core::testkit::stream::Incident;
use logdive_core::{Block, BlockKind, CaseId, Digest, Document, Evidence, Line, PlaybookName};
use logdive_query::DivePlan;

/// The plan for any ticket.
pub(crate) fn plan() -> DivePlan {
    DivePlan::from_toml(include_str!("standard.toml")).expect("the standard plan")
}

/// The packet that a ticket is given, line by line, as it is read: titles of folds and what is in
/// them too, empty lines not.
pub(crate) fn packet_lines(incident: &Incident, evidence: &Evidence) -> Vec<String> {
    let ticket = &incident.ticket;
    let id = CaseId::new(&ticket.id, 1);
    let at = ticket.times.opened;
    let seen = Entry::Seen {
        ticket: Box::new(ticket.clone()),
        playbook: PlaybookName::parse("standard").expect("a name"),
    };
    let found = Entry::Found { evidence: Box::new(evidence.clone()) };
    let rows = [row(1, at, &id, seen), row(2, at, &id, found)];
    let cases = Case::replay(&rows).expect("a ticket and its evidence are a case");
    let case = cases.get(&id).expect("it is there");
    let previews = std::collections::BTreeMap::new();
    let context = PacketContext { runbook: None, command: "logdive", previews: &previews };
    lines(&packet(case, &context))
}

fn row(seq: u64, at: DateTime<Utc>, case: &CaseId, entry: Entry) -> Row {
    Row { seq, at, case: Some(case.clone()), entry, hash: Digest::of("") }
}

fn lines(document: &Document) -> Vec<String> {
    let mut out = Vec::new();
    document.0.iter().for_each(|block| push(block, &mut out));
    out.retain(|line| !line.trim().is_empty());
    out
}

fn push(block: &Block, out: &mut Vec<String>) {
    match &block.kind {
        BlockKind::Heading { text, .. } | BlockKind::Paragraph(text) => out.push(text.plain()),
        BlockKind::List(items) => out.extend(items.iter().map(Line::plain)),
        BlockKind::KeyValues(rows) => {
            out.extend(rows.iter().map(|(key, value)| format!("{key}: {}", value.plain())));
        }
        BlockKind::Table { columns, rows } => {
            out.push(columns.join(" | "));
            let cells = |row: &Vec<Line>| row.iter().map(Line::plain).collect::<Vec<_>>();
            out.extend(rows.iter().map(|row| cells(row).join(" | ")));
        }
        // A line of a log that has line breaks takes their room.
        BlockKind::Code(code) => {
            out.extend(code.iter().flat_map(|line| line.lines()).map(str::to_owned));
        }
        BlockKind::Fold { title, blocks } => {
            out.push(title.plain());
            blocks.iter().for_each(|block| push(block, out));
        }
        BlockKind::Link { text, url } => out.push(format!("{text}: {url}")),
    }
}
