//! The packet: what goes into a ticket, from a case to a document.
//!
//! The same case gives the same document: no clock is read. The first lines say what matters; the
//! order is fixed: summary, what to do, quality of the evidence, what changed, timeline, lines,
//! why, what was not looked at, provenance, the command to run it again.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::case::{ActionStatus, Case, DecisionRecord};
use crate::log::LogRecord;
use crate::{
    Action, ActionKey, Anchor, BlockKind, Conclusion, Document, Evidence, Fact, Line, Mode,
    Outcome, Priority, Reversibility, RuleTrace, Template, Truth, distance,
};

mod changes;

pub use changes::{Change, changes};

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

/// Rows of the timeline at most: a phone shows no more before patience ends.
const TIMELINE_ROWS: usize = 24;

/// Writes a case's packet.
#[must_use]
pub fn packet(case: &Case, context: &PacketContext<'_>) -> Document {
    let anchor = Anchor::Started.of(&case.ticket().times);
    let mut document = Document::new();
    summary(&mut document, case, anchor);
    what_to_do(&mut document, case, context);
    if let Some(evidence) = case.evidence() {
        quality(&mut document, evidence, anchor);
        if let Some(previous) = case.previous() {
            what_changed(&mut document, previous, evidence);
        }
        facts(&mut document, evidence);
        timeline(&mut document, evidence, anchor);
        lines(&mut document, evidence, anchor);
    }
    if let Some(record) = case.decision() {
        why(&mut document, record);
    }
    if let Some(evidence) = case.evidence() {
        not_looked_at(&mut document, evidence);
    }
    if let Some(url) = context.runbook {
        let link = BlockKind::Link { text: "runbook".to_owned(), url: url.to_owned() };
        document.push(Priority::Normal, link);
    }
    provenance(&mut document, case, context);
    document
}

fn summary(document: &mut Document, case: &Case, anchor: DateTime<Utc>) {
    let ticket = case.ticket();
    let mode = match case.decision() {
        Some(record) => {
            format!("mode {}, set by {}", record.mode.mode, record.mode.because)
        }
        None => "nothing is decided".to_owned(),
    };
    document.push(
        Priority::Essential,
        BlockKind::Paragraph(
            Line::new().strong("[logdive]").text(format!(" {mode} | next: {}", next(case))),
        ),
    );
    document.push(
        Priority::Essential,
        BlockKind::Heading { level: 2, text: Line::new().text(ticket.title.clone()) },
    );
    let severity =
        ticket.severity.map_or_else(String::new, |s| format!(", severity {}", s.number()));
    document.push(
        Priority::Essential,
        BlockKind::Paragraph(Line::new().text(format!(
            "{}{severity}, t0 = {}",
            ticket.service.as_deref().unwrap_or("no service"),
            time(anchor)
        ))),
    );
    let conclusion = match (case.decision(), case.failure()) {
        (_, Some(failure)) => Line::new().strong("No evidence: ").text(failure),
        (Some(record), _) => conclusion(&record.decision.conclusion),
        (None, None) => Line::new().strong("Undecided."),
    };
    document.push(Priority::Essential, BlockKind::Paragraph(conclusion));
}

fn next(case: &Case) -> String {
    if let Some(ended) = case.ended() {
        return format!("nothing, the case is over: {ended}");
    }
    let waiting = case.actions().filter(|(_, status)| **status == ActionStatus::Proposed).count();
    let automatic = case.decision().is_some_and(|record| record.mode.mode == Mode::Automatic);
    match (waiting, automatic) {
        (0, true) if case.decision().is_some_and(|r| r.decision.rule().is_some()) => {
            "nothing is left to do".to_owned()
        }
        (0, _) => "nothing without you".to_owned(),
        (n, true) => {
            format!("{n} {} by itself", if n == 1 { "action begins" } else { "actions begin" })
        }
        (1, false) => "1 action waits for your approval".to_owned(),
        (n, false) => format!("{n} actions wait for your approval"),
    }
}

fn conclusion(conclusion: &Conclusion) -> Line {
    match conclusion {
        Conclusion::Decided { decision, because, rule, .. } => Line::new()
            .strong(format!("Decided: {decision}. "))
            .text(format!("{because} (rule \"{rule}\")")),
        Conclusion::NoActionNeeded { decision, because, rule, .. } => Line::new()
            .strong(format!("No action needed: {decision}. "))
            .text(format!("{because} (rule \"{rule}\")")),
        Conclusion::Undetermined { missing } => {
            let facts: Vec<String> = missing
                .iter()
                .map(|missing| format!("{} ({})", missing.fact, missing.reason))
                .collect();
            Line::new()
                .strong("Undetermined: for a person. ")
                .text(format!("Cannot be known: {}", facts.join("; ")))
        }
        Conclusion::NoRule { because } => {
            Line::new().strong("No rule applies: for a person. ").text(because.clone())
        }
    }
}

fn what_to_do(document: &mut Document, case: &Case, context: &PacketContext<'_>) {
    let mut items = Vec::new();
    for (action, status) in case.actions() {
        items.push(Line::new().code(action.to_string()).text(format!(": {}", status_text(status))));
        if let Some(preview) = context.previews.get(&action.key).filter(|text| !text.is_empty()) {
            items.push(Line::new().text("it runs ").code(preview.clone()));
        }
        items.push(undo(action));
    }
    let command = context.command;
    let id = case.id();
    let waits = case
        .actions()
        .any(|(_, status)| matches!(status, ActionStatus::Proposed | ActionStatus::Refused(_)));
    if waits && case.ended().is_none() {
        items.push(Line::new().text("approve: ").code(format!("{command} approve {id}")));
        items.push(
            Line::new().text("refuse: ").code(format!("{command} reject {id} --reason TEXT")),
        );
    }
    if case.ended().is_none() {
        let scope = format!("ticket:{}", case.ticket().id);
        items.push(
            Line::new().text("stop automation here: ").code(format!("{command} stop '{scope}'")),
        );
    }
    if !items.is_empty() {
        document.push(Priority::Essential, BlockKind::List(items));
    }
}

fn undo(action: &Action) -> Line {
    match &action.reversibility {
        Reversibility::UndoneBy { action: undo } => {
            Line::new().text("undone by ").code(undo.to_string())
        }
        Reversibility::Irreversible => Line::new().strong("cannot be undone"),
    }
}

fn status_text(status: &ActionStatus) -> String {
    match status {
        ActionStatus::Proposed => "proposed".to_owned(),
        ActionStatus::Approved(by, _) => format!("approved by {by}"),
        ActionStatus::Rejected(by, reason) => format!("refused by {by}: {reason}"),
        ActionStatus::Refused(reason) => format!("not begun: {reason}"),
        ActionStatus::Intended(by) => format!("begun on the authority of {by}"),
        ActionStatus::Finished(outcome) => match outcome {
            Outcome::Done { proof } => format!("done ({proof})"),
            other => other.to_string(),
        },
    }
}

fn quality(document: &mut Document, evidence: &Evidence, anchor: DateTime<Utc>) {
    let coverage = &evidence.coverage;
    let window = &coverage.window;
    let gaps = coverage.gaps();
    let state = if gaps.is_empty() { "complete" } else { "INCOMPLETE" };
    let shown: u64 = evidence.steps.iter().map(|step| step.rows.len() as u64).sum();
    let watermark = coverage.watermark().map_or_else(
        || "no common watermark".to_owned(),
        |watermark| format!("watermark {} ({})", time(watermark), distance(watermark, anchor)),
    );
    document.push(
        Priority::Essential,
        BlockKind::Paragraph(Line::new().text("Evidence ").strong(state).text(format!(
            ": {} to {} UTC, {}, {} lines scanned, {} matched, {shown} shown",
            window.from().format("%F %T"),
            window.to().format("%T"),
            watermark,
            coverage.scanned(),
            coverage.matched(),
        ))),
    );
    if gaps.is_empty() {
        return;
    }
    // Layers that lack the same thing are named together.
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for gap in &gaps {
        let (layer, text) = gap.detail.split_once(": ").unwrap_or(("", &gap.detail));
        by_text.entry(text.to_owned()).or_default().push(layer.to_owned());
    }
    let items = by_text
        .into_iter()
        .map(|(text, layers)| format!("{}: {text}", layers.join(", ")).into())
        .collect();
    document.push(Priority::Essential, BlockKind::List(items));
}

fn what_changed(document: &mut Document, previous: &Evidence, now: &Evidence) {
    let items: Vec<Line> =
        changes(previous, now).iter().map(|change| change.to_string().into()).collect();
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

fn facts(document: &mut Document, evidence: &Evidence) {
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
fn short_fact(fact: &Fact) -> String {
    match fact {
        Fact::Known(value) => value.to_string(),
        Fact::AtLeast(value, _) => format!("at least {value}"),
        Fact::Absent => "absent".to_owned(),
        Fact::Unavailable(reason) => format!("unavailable: {reason}"),
    }
}

fn timeline(document: &mut Document, evidence: &Evidence, anchor: DateTime<Utc>) {
    let mut seen: BTreeMap<(&crate::LayerName, i64), &Template> = BTreeMap::new();
    for template in evidence.steps.iter().flat_map(|step| &step.templates) {
        // A step that follows another finds its lines again: the larger count is the whole.
        let known = seen.entry((&template.layer, template.shape)).or_insert(template);
        if template.count > known.count {
            *known = template;
        }
    }
    let mut templates: Vec<&Template> = seen.into_values().collect();
    if templates.is_empty() {
        return;
    }
    let all = templates.len();
    templates.sort_by_key(|t| (std::cmp::Reverse(t.count), t.first, &t.layer, t.shape));
    templates.truncate(TIMELINE_ROWS);
    templates.sort_by_key(|t| (t.first, &t.layer, t.shape));
    let items = templates
        .iter()
        .map(|template| {
            let span = if template.first == template.last {
                distance(template.first, anchor)
            } else {
                format!(
                    "{} to {}",
                    distance(template.first, anchor),
                    distance(template.last, anchor)
                )
            };
            let Template { layer, count, example, .. } = template;
            let lines = if *count == 1 { "line" } else { "lines" };
            Line::new().text(format!("{span}, {layer}, {count} {lines}: ")).code(example.clone())
        })
        .collect();
    let title = if all > templates.len() {
        format!("Timeline: the {} most frequent of {all} kinds of line", templates.len())
    } else {
        "Timeline".to_owned()
    };
    document.push(Priority::Normal, BlockKind::Heading { level: 3, text: title.into() });
    document.push(Priority::Normal, BlockKind::List(items));
}

fn lines(document: &mut Document, evidence: &Evidence, anchor: DateTime<Utc>) {
    for step in &evidence.steps {
        let title = format!(
            "{}: {} lines, {} shown{} ({})",
            step.name,
            step.matched,
            step.rows.len(),
            step.stopped.as_ref().map_or_else(String::new, |why| format!(", {why}")),
            step.about,
        );
        let code = step.rows.iter().map(|row| line(row, anchor)).collect();
        let mut inner = Document::new();
        inner.push(Priority::Detail, BlockKind::Code(code));
        let fold = BlockKind::Fold { title: title.into(), blocks: inner.0 };
        document.push(Priority::Normal, fold);
    }
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

fn why(document: &mut Document, record: &DecisionRecord) {
    if record.decision.trace.is_empty() {
        return;
    }
    let items = record.decision.trace.iter().flat_map(rule_lines).collect();
    let mut inner = Document::new();
    inner.push(Priority::Normal, BlockKind::List(items));
    document.push(
        Priority::Normal,
        BlockKind::Fold {
            title: "Why, and why not: every rule with what it read".into(),
            blocks: inner.0,
        },
    );
}

fn rule_lines(trace: &RuleTrace) -> Vec<Line> {
    let verdict = match trace.truth {
        Truth::True => "applies",
        Truth::False => "does not apply",
        Truth::Unknown => "cannot be told",
    };
    let mut lines =
        vec![Line::new().strong(format!("\"{}\" v{} {verdict}", trace.rule, trace.version))];
    let terms = trace.when.iter().map(|term| ("when", term));
    let terms = terms.chain(trace.unless.iter().map(|term| ("unless", term)));
    for (word, term) in terms {
        let truth = match term.truth {
            Truth::True => "true",
            Truth::False => "false",
            Truth::Unknown => "unknown",
        };
        lines.push(Line::new().text(format!("{word} ")).code(term.term.clone()).text(format!(
            " is {truth}: {} is {}",
            term.fact,
            short_fact(&term.read)
        )));
    }
    lines
}

fn not_looked_at(document: &mut Document, evidence: &Evidence) {
    let coverage = &evidence.coverage;
    let mut items: Vec<Line> = Vec::new();
    if !coverage.not_looked_at.is_empty() {
        let names: Vec<&str> =
            coverage.not_looked_at.iter().map(crate::LayerName::as_str).collect();
        items.push(format!("layers not in the plan: {}", names.join(", ")).into());
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
    if !items.is_empty() {
        let title = "Ruled out, and not looked at";
        document.push(Priority::Normal, BlockKind::Heading { level: 3, text: title.into() });
        document.push(Priority::Normal, BlockKind::List(items));
    }
}

fn provenance(document: &mut Document, case: &Case, context: &PacketContext<'_>) {
    let mut rows: Vec<(String, Line)> = Vec::new();
    let mut row = |name: &str, line: Line| rows.push((name.to_owned(), line));
    row("case", Line::new().code(case.id().to_string()));
    if let Some(evidence) = case.evidence() {
        let provenance = &evidence.provenance;
        row("plan", Line::new().code(provenance.plan_digest.short()));
        if let Some(version) = provenance.lake_version {
            row("lake version", version.to_string().into());
        }
        row("engine", provenance.engine.clone().into());
    }
    if let Some(rules) = case.decision().and_then(|record| record.decision.rules) {
        row("rules", Line::new().code(rules.short()));
    }
    row("again", Line::new().code(format!("{} query {}", context.command, case.id())));
    document.push(Priority::Normal, BlockKind::Heading { level: 3, text: "Provenance".into() });
    document.push(Priority::Normal, BlockKind::KeyValues(rows));
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
