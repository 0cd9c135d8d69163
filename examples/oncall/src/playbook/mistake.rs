//! What is wrong with a playbook, with file and line.

use logdive_core::{Diagnostic, Span};
use serde_json::{Value as Json, json};

use crate::rules::place::Lines;

/// Codes of mistakes in a file of playbooks. Conditions have those of the grammar, rules and plans
/// their own.
pub(super) mod codes {
    /// It is no TOML.
    pub(in crate::playbook) const SYNTAX: &str = "B001";
    /// A key that means nothing here.
    pub(in crate::playbook) const KEY: &str = "B002";
    /// A key that is missing.
    pub(in crate::playbook) const MISSING: &str = "B003";
    /// A value that cannot be used.
    pub(in crate::playbook) const VALUE: &str = "B004";
    /// A name that is taken, or is none.
    pub(in crate::playbook) const NAME: &str = "B005";
    /// A file that cannot be read.
    pub(in crate::playbook) const FILE: &str = "B006";
    /// A plan that does not fit its layers.
    pub(in crate::playbook) const PLAN: &str = "B007";
    /// A measure that does not fit the plan.
    pub(in crate::playbook) const MEASURE: &str = "B008";
    /// An action that nobody can do.
    pub(in crate::playbook) const ACTION: &str = "B009";
    /// A rule set that lost most of its rules.
    pub(in crate::playbook) const SHRINKS: &str = "B010";
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Mistake {
    pub(super) playbook: Option<String>,
    file: String,
    line: usize,
    diagnostic: Json,
    drawn: String,
    /// In a line.
    said: String,
}

impl Mistake {
    /// A mistake at a place of a file.
    pub(super) fn at(
        playbook: Option<&str>,
        file: &str,
        text: &str,
        diagnostic: &Diagnostic,
    ) -> Self {
        let drawn = diagnostic.render(file, text);
        Self::drawn(playbook, file, text, diagnostic, drawn)
    }

    /// A mistake that draws itself.
    pub(super) fn drawn(
        playbook: Option<&str>,
        file: &str,
        text: &str,
        diagnostic: &Diagnostic,
        drawn: String,
    ) -> Self {
        let lines = Lines::of(text);
        let (line, column) = lines.place(diagnostic.span.start);
        Self {
            playbook: playbook.map(str::to_owned),
            file: file.to_owned(),
            line,
            diagnostic: lines.json(diagnostic),
            drawn,
            said: format!("{file}:{line}:{column}: {diagnostic}"),
        }
    }

    /// As compilers draw it.
    pub(super) fn draw(&self) -> &str {
        &self.drawn
    }

    pub(super) fn said(&self) -> &str {
        &self.said
    }

    pub(super) fn json(&self) -> Json {
        let mut value = self.diagnostic.clone();
        if let Some(object) = value.as_object_mut() {
            object.insert("playbook".to_owned(), json!(self.playbook));
            object.insert("file".to_owned(), json!(self.file));
        }
        value
    }

    /// Where it stands, for sorting.
    pub(super) fn order(&self) -> (&str, usize) {
        (&self.file, self.line)
    }
}

pub(super) fn span(range: std::ops::Range<usize>) -> Span {
    Span::new(range.start, range.end)
}
