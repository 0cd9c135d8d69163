//! What is wrong with a text, where, and what to write instead.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

mod fix;
mod lines;
mod located;
mod render;
mod suggest;

pub use fix::{Fixed, apply_fixes};
pub use lines::{Place, TextLines};
pub use located::{Located, LocatedByte, LocatedFix, LocatedLabel, LocatedSpan};
pub(crate) use suggest::shown;
pub use suggest::{did_you_mean, nearest};

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

/// How much a diagnostic weighs.
#[non_exhaustive]
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The text cannot be used.
    #[default]
    Error,
    /// The text can be used, and does most likely not say what was meant.
    Warning,
    /// Worth knowing.
    Note,
}

impl Level {
    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A second place that a diagnostic speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there: a lowercase fragment.
    pub message: String,
}

/// One thing that is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// A stable code (`P003`, `R010`), never reused.
    pub code: String,
    /// How much it weighs.
    #[serde(default)]
    pub level: Level,
    /// Where.
    pub span: Span,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// Other places it speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Text that may stand in the span's place: put there, it mends what the diagnostic is about.
    /// An empty one says that the place's text should go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// Makes a diagnostic.
    #[must_use]
    pub fn new(code: &str, span: Span, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            level: Level::Error,
            span,
            message: message.into(),
            labels: Vec::new(),
            help: None,
            suggestion: None,
        }
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
            None => diagnostic.help(format!("there are: {}", suggest::listed(&names))),
        }
    }

    /// Says how much it weighs.
    #[must_use]
    pub const fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Self {
        self.labels.push(Label { span, message: message.into() });
        self
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
