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

    /// Lines for people, each folded to the terminal; nothing under `--json`.
    pub(crate) fn block(&self, text: &str) {
        for line in text.trim_end().lines() {
            let depth = line.chars().take_while(|c| *c == ' ').count();
            self.text(wrapped(&visible(line), depth + 4, usize::MAX));
        }
    }

    /// Drawn diagnostics: what is said is folded, the lines of the text stay.
    pub(crate) fn drawn(&self, text: &str) {
        for line in text.trim_end().lines() {
            let line_of_text = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
            if line_of_text.starts_with('|') {
                self.text(visible(line));
            } else {
                self.block(line);
            }
        }
    }

    /// A text as it is, to be read by another program; nothing under `--json`.
    pub(crate) fn verbatim(&self, text: &str) {
        if !self.json {
            let _ = std::io::stdout().write_all(text.as_bytes());
        }
    }

    /// What a person must not miss: on standard error, whoever reads the output.
    pub(crate) fn warning(&self, text: &str) {
        let mut stderr = std::io::stderr();
        if self.json {
            let _ = writeln!(stderr, "{}", json!({ "warning": text }));
        } else {
            let text = wrapped(&visible(&format!("warning: {text}")), 2, usize::MAX);
            let _ = writeln!(stderr, "{text}");
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

/// Breaks a text into lines that fit the terminal, those after the first indented. What is longer
/// than `longest` characters is cut.
pub(crate) fn wrapped(text: &str, indent: usize, longest: usize) -> String {
    let width = width().max(indent + 20);
    let mut out = String::new();
    let mut column = 0;
    let mut left = longest;
    for word in text.split_inclusive(' ') {
        for piece in pieces(word, width - indent) {
            let length = piece.trim_end().chars().count();
            if column > 0 && column + length > width {
                out.truncate(out.trim_end().len());
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            }
            if left < length {
                out.push('…');
                return out;
            }
            left -= length;
            out.push_str(piece);
            column += piece.chars().count();
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Cuts a word that is longer than a line.
fn pieces(word: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while let Some((at, _)) = rest.char_indices().nth(width) {
        let (piece, more) = rest.split_at_checked(at).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = more;
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::{pieces, wrapped};

    #[test]
    fn lines_fit_the_terminal() {
        for text in ["a b", &"word ".repeat(100), &"x".repeat(500), &"é".repeat(5_000)] {
            let out = wrapped(text, 4, 600);
            let width = crate::output::width();
            assert!(out.lines().all(|line| line.chars().count() <= width), "{out}");
            let joined: String = out.split_whitespace().collect();
            let joined = joined.trim_end_matches('…');
            let whole: String = text.split_whitespace().collect();
            assert!(whole.starts_with(joined), "{out}");
        }
        assert_eq!(pieces("abcde", 2), ["ab", "cd", "e"]);
    }
}
