//! What is wrong with a text, where, and what to write instead.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How much of a line is drawn before and after the place of a mistake, in characters.
const DRAWN_BEFORE: usize = 120;
const DRAWN_AFTER: usize = 160;

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

    /// The diagnostic for a name that is not among those there are: says which was probably meant,
    /// or which there are.
    #[must_use]
    pub fn unknown<'a>(
        code: &str,
        what: &str,
        name: &str,
        span: Span,
        there_are: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let names: Vec<&str> = there_are.into_iter().collect();
        let diagnostic = Self::new(code, span, format!("unknown {what} `{}`", shown(name)));
        match nearest(name, &names) {
            Some(near) => diagnostic.suggestion(near),
            None if names.is_empty() => diagnostic.help(format!("there is no {what}: declare it")),
            None => diagnostic.help(format!("there are: {}", listed(&names))),
        }
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
        let lead = text.get(line_start..start).unwrap_or_default();
        let marked = text.get(start..end).unwrap_or_default().lines().next().unwrap_or_default();
        let column = lead.chars().count() + 1;
        // Of a line of a megabyte only what is near the place is drawn.
        let drawn_from = lead.char_indices().rev().nth(DRAWN_BEFORE).map_or(0, |(at, _)| at);
        let (dots, lead) = match lead.get(drawn_from..) {
            Some(near) if drawn_from > 0 => ("…", near),
            _ => ("", lead),
        };
        let rest = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let (rest, more) = match rest.char_indices().nth(DRAWN_AFTER) {
            Some((at, _)) => (rest.get(..at).unwrap_or_default(), "…"),
            None => (rest, ""),
        };
        let line = format!("{dots}{lead}{rest}{more}");
        let lead = dots.chars().count() + lead.chars().count();
        let marks = marked.chars().count().clamp(1, DRAWN_AFTER);
        let gutter = line_number.to_string().len();
        // A tab or a control character in the line must not move the caret or the terminal.
        let flat = |part: &str| -> String {
            part.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        let mut out = String::new();
        let _ = writeln!(out, "error[{}]: {}", self.code, self.message);
        let _ = writeln!(out, "{:gutter$}--> {name}:{line_number}:{column}", "");
        let _ = writeln!(out, "{:gutter$} |", "");
        let _ = writeln!(out, "{line_number} | {}", flat(&line));
        let _ = writeln!(out, "{:gutter$} | {:lead$}{}", "", "", "^".repeat(marks),);
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

/// Longest word that a candidate is looked for, in bytes.
const LONGEST_WORD: usize = 256;
/// Longest part of somebody's text that a message repeats, in characters.
const LONGEST_SHOWN: usize = 80;

/// A part of somebody's text as messages repeat it: a long one is cut.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((at, _)) => Cow::Owned(format!("{}…", text.get(..at).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// The name that was most likely meant: one that is spelled alike, or the only one that the word
/// begins.
#[must_use]
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    did_you_mean(word, names.iter().copied()).or_else(|| {
        let mut begun = names.iter().filter(|name| word.len() >= 2 && name.starts_with(word));
        begun.next().filter(|_| begun.next().is_none()).copied()
    })
}

fn listed(names: &[&str]) -> String {
    const MOST: usize = 12;
    let some = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST) {
        None | Some(0) => some,
        Some(more) => format!("{some} and {more} more"),
    }
}

/// The candidate that a misspelt word most likely meant.
#[must_use]
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // Nobody misspells such a word, and the distance takes the product of both lengths.
    if word.len() > LONGEST_WORD {
        return None;
    }
    let length = word.chars().count();
    let limit = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Span, did_you_mean, nearest, shown};

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
        assert_eq!(nearest("th", &["throttled", "other"]), Some("throttled"));
        assert_eq!(nearest("t", &["throttled"]), None);
        let words = ["throttled", "other_err"];
        assert_eq!(did_you_mean("thorttled", words), Some("throttled"));
        assert_eq!(did_you_mean("xyz", words), None);
        let long = "a".repeat(1 << 20);
        assert_eq!(did_you_mean(&long, [long.as_str()]), None);
    }

    #[test]
    fn of_a_giant_line_only_what_is_near_is_drawn() {
        let text = format!("{}bad{}", "é".repeat(1_000), "x".repeat(100_000));
        let drawn = Diagnostic::new("P010", Span::new(2_000, 2_003), "no").render("x", &text);
        let mut lines = drawn.lines().skip(3);
        let line = lines.next().unwrap();
        assert!(line.starts_with("1 | …éé") && line.ends_with("xx…"), "{line}");
        let caret = lines.next().unwrap();
        let before = line.chars().take_while(|c| *c != 'b').count();
        assert_eq!(caret.chars().take_while(|c| *c != '^').count(), before);
        assert!(drawn.contains("x:1:1001") && drawn.chars().count() < 1_000, "{drawn}");
    }

    #[test]
    fn messages_repeat_a_part() {
        assert_eq!(shown("é"), "é");
        assert_eq!(shown(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(shown(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
    }
}
