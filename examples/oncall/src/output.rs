//! What is printed: text for people, or one JSON value a line for programs.

use std::io::{IsTerminal as _, Write as _};

use logdive_core::port::Markup;
use logdive_core::{ActionStatus, Case, Document};
use logdive_sinks::{Format, render, visible};
use serde_json::{Value as Json, json};

use crate::error::Failure;

/// Where output goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// A line for people; nothing under `--json`.
    pub(crate) fn text(&self, text: impl AsRef<str>) {
        if !self.json {
            line(text.as_ref());
        }
    }

    /// A value for programs; nothing without `--json`.
    pub(crate) fn value(&self, value: &Json) {
        if self.json {
            line(&value.to_string());
        }
    }

    /// Progress: on standard error, so that it is in nobody's way.
    pub(crate) fn progress(&self, text: impl AsRef<str>) {
        if !self.json {
            // A closed standard error is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{}", visible(text.as_ref()));
        }
    }

    /// Progress in the place of the last: one line of a terminal, and nothing elsewhere.
    pub(crate) fn status(&self, text: impl AsRef<str>) {
        let mut stderr = std::io::stderr();
        if !self.json && stderr.is_terminal() {
            let text: String = visible(text.as_ref()).chars().take(width() - 1).collect();
            let _ = write!(stderr, "\r\u{1b}[2K{text}");
            let _ = stderr.flush();
        }
    }

    /// Ends a line of [`status`](Self::status).
    pub(crate) fn status_ends(&self) {
        let mut stderr = std::io::stderr();
        if !self.json && stderr.is_terminal() {
            let _ = write!(stderr, "\r\u{1b}[2K");
            let _ = stderr.flush();
        }
    }

    /// Whether people read it.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn document(&self, document: &Document) {
        if !self.json {
            let format = Format::new(Markup::Plain).width(width());
            line(&render(document, format));
        }
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        let text = if self.json { failure.json().to_string() } else { failure.to_string() };
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// A reader that went away (`| head`) is no failure.
fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The terminal's width if the shell tells it, else what fits everywhere.
pub(crate) fn width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .filter(|columns| *columns > 1)
        .unwrap_or(80)
}

/// A case for programs.
pub(crate) fn case_json(case: &Case) -> Json {
    let decision = case.decision().map(|record| {
        json!({
            "conclusion": record.decision.conclusion,
            "text": record.decision.to_string(),
            "mode": record.mode,
            "trace": record.decision.trace,
        })
    });
    let actions: Vec<Json> = case
        .actions()
        .map(|(action, status)| {
            json!({ "key": action.key, "action": action.to_string(), "status": status_word(status) })
        })
        .collect();
    json!({
        "case": case.id(),
        "ticket": case.ticket().id,
        "title": case.ticket().title,
        "playbook": case.playbook(),
        "complete": case.evidence().map(|evidence| evidence.coverage.is_complete()),
        "facts": case.evidence().map(|evidence| &evidence.facts),
        "decision": decision,
        "actions": actions,
        "packets": case.packets(),
        "ended": case.ended(),
    })
}

/// Where an action stands, in a word or a line.
pub(crate) fn status_word(status: &ActionStatus) -> String {
    match status {
        ActionStatus::Proposed => "waits for approval".to_owned(),
        ActionStatus::Approved(by, _) => format!("approved by {by}"),
        ActionStatus::Rejected(by, _) => format!("refused by {by}"),
        ActionStatus::Refused(reason) => format!("not begun: {reason}"),
        ActionStatus::Intended(_) => "begun".to_owned(),
        ActionStatus::Finished(outcome) => outcome.to_string(),
        _ => "unknown".to_owned(),
    }
}
