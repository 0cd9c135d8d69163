//! What is wrong with a text, where, and what to write instead.

use std::fmt::{self, Write as _};
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A range of bytes in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// Makes a span.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The span as a range, for slicing.
    #[must_use]
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// One thing that is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// A stable code (`P003`, `R010`), never reused.
    pub code: String,
    /// Where.
    pub span: Span,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Text that may stand in the span's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// Makes a diagnostic.
    #[must_use]
    pub fn new(code: &str, span: Span, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), span, message: message.into(), help: None, suggestion: None }
    }

    /// Adds the way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a replacement, and says so in the help unless there is one.
    #[must_use]
    pub fn suggestion(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.help.get_or_insert_with(|| format!("did you mean `{text}`?"));
        self.suggestion = Some(text);
        self
    }

    /// Draws the diagnostic with its line, as compilers do.
    ///
    /// `name` is what the text is called: a file, or `--where`.
    #[must_use]
    pub fn render(&self, name: &str, text: &str) -> String {
        let start = floor_boundary(text, self.span.start);
        let end = floor_boundary(text, self.span.end.max(start));
        let before = text.get(..start).unwrap_or_default();
        let line_number = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let lead = text.get(line_start..start).unwrap_or_default();
        let marked = text.get(start..end).unwrap_or_default().lines().next().unwrap_or_default();
        let column = lead.chars().count() + 1;
        let gutter = line_number.to_string().len();
        // A tab or a control character in the line must not move the caret or the terminal.
        let flat = |part: &str| -> String {
            part.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        let mut out = String::new();
        let _ = writeln!(out, "error[{}]: {}", self.code, self.message);
        let _ = writeln!(out, "{:gutter$}--> {name}:{line_number}:{column}", "");
        let _ = writeln!(out, "{:gutter$} |", "");
        let _ = writeln!(out, "{line_number} | {}", flat(line));
        let _ = writeln!(
            out,
            "{:gutter$} | {:lead$}{}",
            "",
            "",
            "^".repeat(marked.chars().count().max(1)),
            lead = column - 1
        );
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{:gutter$} = help: {help}", "");
        }
        out
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The candidate that a misspelt word most likely meant.
#[must_use]
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Span, did_you_mean};

    #[test]
    fn draws_the_line() {
        let text = "a == 1\nand thorttled >= 5";
        let diagnostic = Diagnostic::new("P010", Span::new(11, 20), "unknown field `thorttled`")
            .suggestion("throttled");
        assert_eq!(
            diagnostic.render("x.rules", text),
            "error[P010]: unknown field `thorttled`\n --> x.rules:2:5\n  |\n2 | and thorttled >= 5\n  |     ^^^^^^^^^\n  = help: did you mean `throttled`?\n"
        );
    }

    #[test]
    fn any_span_draws() {
        for (start, end) in [(0, 0), (3, 1), (50, 90), (1, 2)] {
            let drawn =
                Diagnostic::new("P001", Span::new(start, end), "x").render("n", "éé\n\u{1b}[0m");
            assert!(!drawn.contains('\u{1b}'));
        }
    }

    #[test]
    fn suggests_near_words_only() {
        let words = ["throttled", "other_err"];
        assert_eq!(did_you_mean("thorttled", words), Some("throttled"));
        assert_eq!(did_you_mean("xyz", words), None);
    }
}
