//! Regular expressions that match in linear time, within limits.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::limits;

/// A regular expression, compiled once however often it is cloned and evaluated.
///
/// The syntax is that of the crate [`regex`](https://docs.rs/regex/1/regex/#syntax): Unicode, case
/// matters unless `(?i)` says otherwise, `.` is not a line feed unless `(?s)` does; a match
/// anywhere counts unless `^` and `$` anchor it. There is no look-around and no back-reference, so
/// that matching takes time linear in the text, whatever the expression.
///
/// Two are equal if their texts are. One that was deserialised is compiled when it is first needed;
/// [`Pattern::check`] says whether it can be. Where it cannot, [`Pattern::is_match`] gives `None`,
/// and a condition that asks is unknown.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Pattern {
    text: Arc<str>,
    compiled: Arc<OnceLock<Result<Regex, PatternError>>>,
}

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// If it is not one, or beyond one of the [limits].
    pub fn parse(text: impl Into<String>) -> Result<Self, PatternError> {
        let pattern = Self::from(text.into());
        pattern.check()?;
        Ok(pattern)
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it can be used: for expressions that were deserialised.
    ///
    /// # Errors
    /// If it is not an expression, or beyond one of the [limits].
    pub fn check(&self) -> Result<(), PatternError> {
        self.compiled().map(drop).map_err(Clone::clone)
    }

    /// Whether a part of the text matches; `None` if the expression cannot be used.
    #[must_use]
    pub fn is_match(&self, text: &str) -> Option<bool> {
        self.compiled().ok().map(|regex| regex.is_match(text))
    }

    fn compiled(&self) -> Result<&Regex, &PatternError> {
        self.compiled.get_or_init(|| compile(&self.text)).as_ref()
    }
}

fn compile(text: &str) -> Result<Regex, PatternError> {
    if text.len() > limits::PATTERN {
        return Err(PatternError::TooLong);
    }
    if classes(text) > limits::PATTERN_CLASSES {
        return Err(PatternError::TooManyClasses);
    }
    RegexBuilder::new(text)
        .size_limit(limits::PATTERN_SIZE)
        .dfa_size_limit(limits::PATTERN_CACHE)
        .nest_limit(limits::PATTERN_DEPTH)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            regex::Error::Syntax(report) => syntax(text, &report),
            other => PatternError::Syntax(other.to_string()),
        })
}

/// How many classes of characters stand in an expression: at most so many, since a backslash may
/// itself be escaped.
fn classes(text: &str) -> usize {
    let bytes = text.as_bytes();
    bytes.windows(2).filter(|pair| matches!(pair, [b'\\', c] if b"dDpPsSwW".contains(c))).count()
}

/// What is wrong, of a report that draws the expression with a caret below.
fn syntax(text: &str, report: &str) -> PatternError {
    let message = report.lines().filter_map(|line| line.strip_prefix("error: ")).next_back();
    let message = message.unwrap_or("it cannot be read");
    if message.contains("maximum number of nested") {
        return PatternError::TooDeep;
    }
    // An expression of several lines is drawn in another way.
    let caret = report.lines().nth(2).filter(|_| !text.contains('\n'));
    let caret = caret.and_then(|line| line.strip_prefix("    ")?.find('^'));
    PatternError::Syntax(match caret {
        Some(column) => format!("{message} (at character {})", column + 1),
        None => message.to_owned(),
    })
}

/// A text that is not a regular expression that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is not a regular expression.
    #[error("not a regular expression: {0}")]
    Syntax(String),
    /// It is beyond [`limits::PATTERN`].
    #[error("the regular expression is longer than {} bytes", limits::PATTERN)]
    TooLong,
    /// It is beyond [`limits::PATTERN_CLASSES`].
    #[error("the regular expression has more than {} classes", limits::PATTERN_CLASSES)]
    TooManyClasses,
    /// It is beyond [`limits::PATTERN_DEPTH`].
    #[error("the regular expression is nested more than {} deep", limits::PATTERN_DEPTH)]
    TooDeep,
    /// It is beyond [`limits::PATTERN_SIZE`].
    #[error("the regular expression is larger than {} bytes once compiled", limits::PATTERN_SIZE)]
    TooLarge,
}

impl PatternError {
    /// The way out.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Syntax(_) => {
                "the syntax is that of Rust's crate regex, without look-around and \
                 back-references; in a text a backslash is written `\\\\`"
            }
            Self::TooLong => "look for its parts with several `matches`, or with `contains`",
            Self::TooManyClasses => "repeat a class with `{…}` or `+`, or write `[0-9]` for `\\d`",
            Self::TooDeep => "leave out groups that say nothing",
            Self::TooLarge => {
                "lower the counts in `{…}`, or write `[0-9A-Za-z_]` for `\\w` and `[0-9]` for `\\d`"
            }
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl From<String> for Pattern {
    /// Takes a text as it is, to be compiled when it is first needed.
    fn from(text: String) -> Self {
        Self { text: text.into(), compiled: Arc::default() }
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text.as_ref().into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Pattern, PatternError};
    use crate::predicate::limits;

    #[test]
    fn matches_anywhere_and_case_matters() {
        let is_match = |pattern: &str, text: &str| Pattern::parse(pattern).unwrap().is_match(text);
        assert_eq!(is_match("b+", "abbc"), Some(true));
        assert_eq!(is_match("^b+", "abbc"), Some(false));
        assert_eq!(is_match("B", "abbc"), Some(false));
        assert_eq!(is_match("(?i)B", "abbc"), Some(true));
        assert_eq!(is_match("a.c", "a\nc"), Some(false));
        assert_eq!(is_match(r"^\w+$", "naïve٣"), Some(true));
        assert_eq!(is_match("", ""), Some(true));
        assert_eq!(is_match("\u{0}$", "a\u{0}"), Some(true));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| Pattern::parse(text).unwrap_err();
        assert_eq!(error("a(b"), PatternError::Syntax("unclosed group (at character 2)".into()));
        assert_eq!(
            error("é["),
            PatternError::Syntax("unclosed character class (at character 2)".into())
        );
        assert_eq!(error("a\n("), PatternError::Syntax("unclosed group".into()));
        let PatternError::Syntax(message) = error(r"(a)\1") else { panic!() };
        assert!(message.contains("backreferences are not supported"), "{message}");
        let PatternError::Syntax(message) = error("(?=a)") else { panic!() };
        assert!(message.contains("look-around"), "{message}");
    }

    /// Each limit is one beyond which an expression is refused, and up to which one is read.
    #[test]
    fn limits_are_kept() {
        let long = |len| "a".repeat(len);
        assert!(Pattern::parse(long(limits::PATTERN)).is_ok());
        assert_eq!(Pattern::parse(long(limits::PATTERN + 1)), Err(PatternError::TooLong));
        let classes = |count| format!("[{}]", r"\d".repeat(count));
        assert!(Pattern::parse(classes(limits::PATTERN_CLASSES)).is_ok());
        assert_eq!(
            Pattern::parse(classes(limits::PATTERN_CLASSES + 1)),
            Err(PatternError::TooManyClasses)
        );
        let deep = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Pattern::parse(deep(limits::PATTERN_DEPTH as usize - 1)).is_ok());
        assert_eq!(
            Pattern::parse(deep(limits::PATTERN_DEPTH as usize + 1)),
            Err(PatternError::TooDeep)
        );
        assert!(Pattern::parse(r"\w{10}").is_ok());
        assert_eq!(Pattern::parse(r"\w{1000}"), Err(PatternError::TooLarge));
        assert_eq!(Pattern::parse("(a{1000}){1000}"), Err(PatternError::TooLarge));
        assert_eq!(Pattern::parse("((a{99}){99}){99}"), Err(PatternError::TooLarge));
    }

    /// Expressions on which others take exponential time.
    #[test]
    fn matching_is_linear() {
        let text = "a".repeat(100_000) + "!";
        for catastrophic in ["(a+)+$", "(a|a)+$", "(a|aa)+$", "(.*)*x", r"(\w+\s?)+$"] {
            let begun = Instant::now();
            let pattern = Pattern::parse(catastrophic).unwrap();
            assert_eq!(pattern.is_match(&text), Some(false), "{catastrophic}");
            assert!(begun.elapsed() < Duration::from_secs(2), "{catastrophic}");
        }
    }

    #[test]
    fn a_bad_one_from_json_is_no_panic_and_no_match() {
        let bad: Pattern = serde_json::from_str("\"a(\"").unwrap();
        assert_eq!(bad.is_match("a("), None);
        assert!(bad.check().is_err());
        assert_eq!(serde_json::to_string(&bad).unwrap(), "\"a(\"");
        assert_eq!(bad, Pattern::from("a(".to_owned()));
        // A clone shares what was compiled.
        let good = Pattern::from("a+".to_owned());
        let clone = good.clone();
        assert_eq!(clone.is_match("caat"), Some(true));
        assert!(good.compiled.get().is_some());
    }
}
