//! Fixes that a program can apply.

use super::Diagnostic;

/// A text with fixes applied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fixed {
    /// The text.
    pub text: String,
    /// How many fixes are in it.
    pub applied: usize,
}

impl Diagnostic {
    /// The text with the suggestion in the span's place; `None` if there is no suggestion, or if
    /// the span is not one of this text.
    #[must_use]
    pub fn apply(&self, text: &str) -> Option<String> {
        let suggestion = self.suggestion.as_deref()?;
        text.get(self.span.range())?;
        Some([text.get(..self.span.start)?, suggestion, text.get(self.span.end..)?].concat())
    }
}

/// Applies the suggestions of all diagnostics that have one. Of those that overlap or touch, the
/// first in the text is applied: reading the result again tells what is left.
#[must_use]
pub fn apply_fixes<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>, text: &str) -> Fixed {
    let mut fixes: Vec<(&Diagnostic, &str)> = diagnostics
        .into_iter()
        .filter_map(|diagnostic| Some((diagnostic, diagnostic.suggestion.as_deref()?)))
        .filter(|(diagnostic, _)| text.get(diagnostic.span.range()).is_some())
        .collect();
    fixes.sort_by_key(|(diagnostic, _)| (diagnostic.span.start, diagnostic.span.end));
    let mut fixed = Fixed { text: String::with_capacity(text.len()), applied: 0 };
    let mut copied = 0;
    for (diagnostic, suggestion) in fixes {
        let span = diagnostic.span;
        if fixed.applied > 0 && span.start <= copied {
            continue;
        }
        fixed.text.push_str(text.get(copied..span.start).unwrap_or_default());
        fixed.text.push_str(suggestion);
        copied = span.end;
        fixed.applied += 1;
    }
    fixed.text.push_str(text.get(copied..).unwrap_or_default());
    fixed
}

#[cfg(test)]
mod tests {
    use super::apply_fixes;
    use crate::{Diagnostic, Span};

    fn fix(start: usize, end: usize, text: &str) -> Diagnostic {
        Diagnostic::new("P010", Span::new(start, end), "x").suggestion(text)
    }

    #[test]
    fn a_fix_stands_in_the_place_of_its_span() {
        assert_eq!(fix(1, 3, "é").apply("abcd").unwrap(), "aéd");
        assert_eq!(fix(4, 4, "!").apply("abcd").unwrap(), "abcd!");
        assert_eq!(fix(0, 1, "").apply("abcd").unwrap(), "bcd");
        for (start, end) in [(3, 9), (9, 9), (3, 1), (0, usize::MAX)] {
            assert_eq!(fix(start, end, "x").apply("abcd"), None, "{start}..{end}");
        }
        assert_eq!(fix(1, 2, "x").apply("é"), None);
        assert_eq!(Diagnostic::new("P010", Span::new(0, 1), "x").apply("abcd"), None);
    }

    #[test]
    fn of_fixes_that_overlap_the_first_is_applied() {
        let all = [fix(4, 6, "Z"), fix(0, 2, "X"), fix(1, 3, "Y"), fix(4, 5, "W"), fix(50, 60, "")];
        let fixed = apply_fixes(&all, "abcdef");
        assert_eq!((fixed.text.as_str(), fixed.applied), ("XcdWf", 2));
        let same = [fix(2, 2, "X"), fix(2, 2, "Y")];
        assert_eq!(apply_fixes(&same, "abcd").text, "abXcd");
        assert_eq!(apply_fixes(&[], "abcd").text, "abcd");
    }
}
