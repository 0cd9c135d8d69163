//! The packet: what goes into a ticket, from a case to a document.
//!
//! The same case gives the same document: no clock is read, and the order of what the evidence
//! holds unordered does not matter. The first lines say what matters. The order is fixed: summary
//! and what stands out, what to do, quality of the evidence, what changed since the last packet,
//! what is new, changed and stopped, facts, timeline, lines, why, what was ruled out, what was not
//! looked at, the runbook, provenance, the command to run it again.
//!
//! [`evidence()`] writes what is found without a case: for a ticket that no playbook takes, and for
//! a dive without a ticket.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::case::Case;
use crate::{ActionKey, Anchor, BlockKind, Digest, Document, Evidence, Line, Priority};

mod changes;
mod findings;
mod head;
mod lines;
mod quality;
mod rank;
mod rest;
mod timeline;
mod why;

pub use changes::{Change, changes};
use rank::Candidate;

/// What a packet says beside what the case holds.
#[derive(Debug)]
pub struct PacketContext<'a> {
    /// The runbook's address.
    pub runbook: Option<&'a str>,
    /// How people call the one-command tool.
    pub command: &'a str,
    /// What each action would run.
    pub previews: &'a BTreeMap<ActionKey, String>,
}

/// Writes a case's packet.
#[must_use]
pub fn packet(case: &Case, context: &PacketContext<'_>) -> Document {
    let anchor = Anchor::Started.of(&case.ticket().times);
    let ranked = case.evidence().map(|evidence| rank::rank(evidence, anchor)).unwrap_or_default();
    let mut document = Document::new();
    head::summary(&mut document, case, anchor, findings::first_lines(&ranked, anchor));
    head::what_to_do(&mut document, case, context);
    if let Some(evidence) = case.evidence() {
        quality::quality(&mut document, evidence, anchor);
        if let Some(previous) = case.previous() {
            changes::since(&mut document, previous, evidence);
        }
        found(&mut document, evidence, &ranked, anchor);
    }
    if let Some(record) = case.decision() {
        why::why(&mut document, record);
    }
    if let Some(evidence) = case.evidence() {
        rest::ruled_out(&mut document, evidence);
        rest::not_looked_at(&mut document, evidence);
    }
    if let Some(url) = context.runbook {
        let link = BlockKind::Link { text: "runbook".to_owned(), url: url.to_owned() };
        document.push(Priority::Normal, link);
    }
    let id = case.id().to_string();
    let again = format!("{} query {id}", context.command);
    let rules = case.decision().and_then(|record| record.decision.rules);
    provenance(&mut document, Some(id), case.evidence(), rules, again);
    document
}

/// Writes what a dive found, without a case: what stands out, the quality of the evidence, and the
/// same sections as a packet has. `again` is the command that gives it again, and stands last.
#[must_use]
pub fn evidence(evidence: &Evidence, anchor: DateTime<Utc>, again: &str) -> Document {
    let ranked = rank::rank(evidence, anchor);
    let mut document = Document::new();
    let mut items = vec![Line::new().text(format!("t0 = {}", time(anchor)))];
    items.extend(findings::first_lines(&ranked, anchor));
    document.push(Priority::Essential, BlockKind::List(items));
    quality::quality(&mut document, evidence, anchor);
    found(&mut document, evidence, &ranked, anchor);
    rest::ruled_out(&mut document, evidence);
    rest::not_looked_at(&mut document, evidence);
    provenance(&mut document, None, Some(evidence), None, again.to_owned());
    document
}

/// What packets with and without a case share.
fn found(
    document: &mut Document,
    evidence: &Evidence,
    ranked: &[Candidate],
    anchor: DateTime<Utc>,
) {
    findings::sections(document, evidence, ranked, anchor);
    quality::facts(document, evidence);
    timeline::timeline(document, evidence, ranked, anchor);
    lines::lines(document, evidence, anchor);
}

fn provenance(
    document: &mut Document,
    case: Option<String>,
    evidence: Option<&Evidence>,
    rules: Option<Digest>,
    again: String,
) {
    let mut rows: Vec<(String, Line)> = Vec::new();
    let mut row = |name: &str, line: Line| rows.push((name.to_owned(), line));
    if let Some(case) = case {
        row("case", Line::new().code(case));
    }
    if let Some(evidence) = evidence {
        let provenance = &evidence.provenance;
        row("plan", Line::new().code(provenance.plan_digest.short()));
        if let Some(version) = provenance.lake_version {
            row("lake version", version.to_string().into());
        }
        row("engine", provenance.engine.clone().into());
    }
    if let Some(rules) = rules {
        row("rules", Line::new().code(rules.short()));
    }
    row("again", Line::new().code(again));
    document.push(Priority::Normal, BlockKind::Heading { level: 3, text: "Provenance".into() });
    document.push(Priority::Normal, BlockKind::KeyValues(rows));
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests;
