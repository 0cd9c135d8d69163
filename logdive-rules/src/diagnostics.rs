//! What is wrong with a rule file, all of it at once.
//!
//! Codes are stable and never reused. `P…` come from the grammar that conditions share with the
//! rest of logdive; `R…` are the rule language's own. `R030` and `R032` to `R035`, those of measures,
//! are `logdive_core::measure::codes`.

use std::cell::Cell;
use std::fmt;

use logdive_core::measure::codes;
use logdive_core::predicate::syntax::Spanned;
use logdive_core::{Diagnostic, Located, Span, TextLines};
use serde::{Serialize, Serializer};

use crate::limits;

/// A word that begins nothing here: an item, entry, clause or part that does not exist.
pub(crate) const UNKNOWN_WORD: &str = "R001";
/// A block without its brace.
pub(crate) const BRACE: &str = "R002";
/// Larger than a limit allows.
pub(crate) const TOO_LARGE: &str = "R003";
/// More mistakes than are shown.
pub(crate) const MORE: &str = "R004";
/// The file lacks `schema`, `decisions` or `default`.
pub(crate) const MISSING_ITEM: &str = "R010";
/// An item or clause that may stand once stands twice.
pub(crate) const TWICE: &str = "R011";
/// A version that is missing or is not `v1`, `v2`, …
pub(crate) const VERSION: &str = "R012";
/// A mode that is missing or does not exist.
pub(crate) const MODE: &str = "R013";
/// A rule without `when` or `decide`.
pub(crate) const MISSING_CLAUSE: &str = "R014";
/// A name that is taken.
pub(crate) const DUPLICATE: &str = "R020";
/// A text that cannot be a name.
pub(crate) const NAME: &str = "R021";
/// A type that does not exist, or a range on a type that has none.
pub(crate) const TYPE: &str = "R022";
/// A step that the schema does not declare.
pub(crate) const STEP: &str = "R031";
/// A field of a type that the measure cannot be computed over.
pub(crate) const MEASURE_TYPE: &str = codes::FIELD_TYPE;
/// A decision that `decisions` does not list.
pub(crate) const DECISION: &str = "R040";
/// A rule after `over` that does not exist.
pub(crate) const OVER: &str = "R041";
/// Rules ranked in a circle.
pub(crate) const CIRCLE: &str = "R042";
/// `is unavailable` in an automatic rule, or where more knowledge would make a rule apply.
pub(crate) const UNAVAILABLE: &str = "R043";
/// A test for absence of what reads as a constant where it is absent.
pub(crate) const NEVER_ABSENT: &str = "R044";
/// A fact that the schema does not declare, in a placeholder or an argument.
pub(crate) const FACT: &str = "R050";
/// A placeholder without its brace.
pub(crate) const PLACEHOLDER: &str = "R051";

/// All that is wrong with a rule file.
///
/// Serialised it is a list of [`Located`], in the order of the text: what
/// `logdive rules check --json` prints.
#[derive(Debug, Clone, PartialEq, Eq)]
// Invariant: not empty, in the order of the text; `located` has the same in lines and columns.
pub struct RuleErrors {
    diagnostics: Vec<Diagnostic>,
    located: Vec<Located>,
}

impl RuleErrors {
    pub(crate) fn new(mut diagnostics: Vec<Diagnostic>, text: &str) -> Self {
        diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
        if let Some(more) = diagnostics.len().checked_sub(limits::DIAGNOSTICS).filter(|n| *n > 0) {
            diagnostics.truncate(limits::DIAGNOSTICS);
            let end = Span::new(text.len(), text.len());
            diagnostics.push(Diagnostic::new(MORE, end, format!("{more} more mistakes")));
        }
        for diagnostic in &mut diagnostics {
            if let Some(help) = diagnostic.help.as_mut()
                && help.len() > limits::HELP
            {
                let mut at = limits::HELP;
                while !help.is_char_boundary(at) {
                    at -= 1;
                }
                help.truncate(at);
                help.push('…');
            }
        }
        let lines = TextLines::new(text);
        let located = diagnostics.iter().map(|diagnostic| diagnostic.located(&lines)).collect();
        Self { diagnostics, located }
    }

    /// Each mistake, in the order of the text.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Each mistake with the line it begins in, counted from one.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &Diagnostic)> {
        self.located.iter().map(|located| located.span.start.place.line).zip(&self.diagnostics)
    }

    /// Draws each mistake with its line of the text, as compilers do.
    ///
    /// `name` is what the text is called: a file's path.
    #[must_use]
    pub fn render(&self, name: &str, text: &str) -> String {
        let lines = TextLines::new(text);
        let all = self.diagnostics.iter();
        all.map(|one| one.render_in(name, &lines)).collect::<Vec<_>>().join("\n")
    }

    /// Draws as [`RuleErrors::render`] does, with ANSI colours.
    #[must_use]
    pub fn render_coloured(&self, name: &str, text: &str) -> String {
        let lines = TextLines::new(text);
        let all = self.diagnostics.iter();
        all.map(|one| one.render_coloured(name, &lines)).collect::<Vec<_>>().join("\n")
    }
}

impl Serialize for RuleErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.located.serialize(serializer)
    }
}

/// Lists the mistakes in one line.
impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.diagnostics.len() {
            1 => f.write_str("the rules do not hold together")?,
            more => write!(f, "the rules do not hold together, {more} mistakes")?,
        }
        for (index, (line, diagnostic)) in self.lines().enumerate() {
            let before = if index == 0 { ": " } else { "; " };
            write!(f, "{before}line {line}: {diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RuleErrors {}

/// How many names are still compared for suggestions. A file of nothing but mistakes must not
/// cost the square of its size.
#[derive(Debug)]
pub(crate) struct Suggestions(Cell<usize>);

impl Suggestions {
    pub(crate) const fn new() -> Self {
        Self(Cell::new(limits::SUGGESTIONS))
    }

    /// How many of the names there are to look at for the next unknown one.
    pub(crate) fn most(&self) -> usize {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        if left == 0 { 8 } else { usize::MAX }
    }
}

/// The diagnostic for a name that is not among those there are.
pub(crate) fn unknown<'a>(
    code: &str,
    what: &str,
    name: &Spanned<String>,
    there_are: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    Diagnostic::unknown(code, what, &name.value, name.span, there_are)
}
