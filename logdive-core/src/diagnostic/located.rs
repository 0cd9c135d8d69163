//! Diagnostics with lines and columns: what other programs read.

use serde::Serialize;

use super::{Diagnostic, Level, Place, Span, TextLines};

/// A diagnostic whose places are also counted in lines and characters.
///
/// Its JSON is what tools read: keys are never renamed or removed, and are there even if there is
/// nothing to say.
///
/// ```
/// use logdive_core::{Diagnostic, Span, TextLines};
///
/// let text = "a == 1\nand thorttled >= 5";
/// let found = Diagnostic::new("P010", Span::new(11, 20), "unknown field `thorttled`")
///     .suggestion("throttled");
/// let json = serde_json::to_value(found.located(&TextLines::new(text))).unwrap();
/// assert_eq!(json["span"]["start"], serde_json::json!({"byte": 11, "line": 2, "column": 5}));
/// assert_eq!(json["suggestion"]["text"], "throttled");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Located {
    /// A stable code.
    pub code: String,
    /// How much it weighs: `error`, `warning`, `note`.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: LocatedSpan,
    /// Other places it speaks of.
    pub labels: Vec<LocatedLabel>,
    /// The way out, in words.
    pub help: Option<String>,
    /// What mends it.
    pub suggestion: Option<LocatedFix>,
}

/// A range of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LocatedSpan {
    /// The first place.
    pub start: LocatedByte,
    /// The place behind the last.
    pub end: LocatedByte,
}

/// A byte of a text, counted from zero, and its place, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LocatedByte {
    /// The byte.
    pub byte: usize,
    /// Its line and character.
    #[serde(flatten)]
    pub place: Place,
}

/// A second place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LocatedLabel {
    /// Where.
    pub span: LocatedSpan,
    /// What is there.
    pub message: String,
}

/// A text and what it replaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LocatedFix {
    /// What is replaced.
    pub span: LocatedSpan,
    /// What stands there instead.
    pub text: String,
}

impl Diagnostic {
    /// Counts its places in a text.
    #[must_use]
    pub fn located(&self, lines: &TextLines<'_>) -> Located {
        let span = located(self.span, lines);
        let labels = self.labels.iter().map(|label| LocatedLabel {
            span: located(label.span, lines),
            message: label.message.clone(),
        });
        Located {
            code: self.code.clone(),
            level: self.level,
            message: self.message.clone(),
            span,
            labels: labels.collect(),
            help: self.help.clone(),
            suggestion: self.suggestion.clone().map(|text| LocatedFix { span, text }),
        }
    }
}

fn located(span: Span, lines: &TextLines<'_>) -> LocatedSpan {
    let byte = |byte| LocatedByte { byte, place: lines.place(byte) };
    LocatedSpan { start: byte(span.start), end: byte(span.end) }
}
