//! The formatter: the same file, laid out as all files are. Comments and the order of items stay.

use logdive_core::predicate::syntax::{Token, TokenKind, tokens};

use spacing::Spacing;

use crate::diagnostics::RuleErrors;
use crate::syntax;

mod layout;
mod spacing;

/// Lays a rule file out: an item's parts each on a line, lines of at most a hundred columns where
/// a condition or a list of actions can be broken. `&&`, `||` and `!` become words.
///
/// The result says the same (its digest is that of the file), and is laid out as itself.
///
/// # Errors
/// What cannot be read. Names and types are not checked.
pub fn format(text: impl AsRef<str>) -> Result<String, RuleErrors> {
    let text = text.as_ref();
    let (_, diagnostics) = syntax::parse_within_limits(text);
    if !diagnostics.is_empty() {
        return Err(RuleErrors::new(diagnostics, text));
    }
    let (tokens, _) = tokens(text);
    let spacing = Spacing::new(&tokens);
    let lines = layout::lines(&tokens, &spacing);
    let writer = Writer { text, tokens: &tokens, spacing: &spacing, out: String::new() };
    Ok(writer.write(&lines))
}

/// Columns beyond which a line is broken.
const WIDTH: usize = 100;

/// What stands in a line.
struct Line {
    /// From this token, to that.
    tokens: std::ops::Range<usize>,
    indent: usize,
    /// Columns that the first word takes at least, so that what follows is in line.
    pad: usize,
    /// Tokens before which the line may be broken.
    breaks: Vec<usize>,
    /// How far a broken line's rest is indented.
    hang: usize,
    blank: Blank,
}

/// Whether a blank line stands before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blank {
    Never,
    /// If the file has one.
    Kept,
    Always,
}

/// What stands between two tokens beside spaces.
struct Gap<'a> {
    /// A comment on the line of the token before.
    trailing: Option<&'a str>,
    /// Comments on lines of their own, each with whether a blank line stands before it.
    own: Vec<(&'a str, bool)>,
    /// A blank line before the next token.
    blank: bool,
}

struct Writer<'a> {
    text: &'a str,
    tokens: &'a [Token],
    spacing: &'a Spacing<'a>,
    out: String,
}

impl<'a> Writer<'a> {
    fn write(mut self, lines: &[Line]) -> String {
        for line in lines {
            self.line(line);
        }
        let last = self.gap(self.tokens.len());
        self.comments(&last, 0);
        while self.out.ends_with('\n') {
            self.out.pop();
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    /// The gap before a token; behind the last for the number of tokens.
    fn gap(&self, at: usize) -> Gap<'a> {
        let before = at.checked_sub(1).and_then(|at| self.tokens.get(at));
        let start = before.map_or(0, |token| token.span.end);
        let end = self.tokens.get(at).map_or(self.text.len(), |token| token.span.start);
        let between = self.text.get(start..end).unwrap_or_default();
        let mut gap = Gap { trailing: None, own: Vec::new(), blank: false };
        let mut blank = false;
        // The text behind the last newline belongs to the token's line.
        let last = between.bytes().filter(|byte| *byte == b'\n').count();
        for (index, line) in between.split('\n').enumerate() {
            let line = line.trim();
            match (line.starts_with('#'), index) {
                (true, 0) if before.is_some() => gap.trailing = Some(line),
                (true, _) => gap.own.push((line, std::mem::take(&mut blank))),
                (false, index) => blank |= index > 0 && index < last,
            }
        }
        gap.blank = blank;
        gap
    }

    /// Ends the line, with a comment if there is one; writes comments that have lines of their own.
    fn comments(&mut self, gap: &Gap<'_>, indent: usize) {
        if let Some(comment) = gap.trailing {
            self.out.push_str("  ");
            self.out.push_str(comment);
        }
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        for (comment, blank) in &gap.own {
            self.blank(*blank);
            self.indent(indent);
            self.out.push_str(comment);
            self.out.push('\n');
        }
    }

    /// Writes a blank line, unless the file begins or a block was just opened.
    fn blank(&mut self, wanted: bool) {
        let opened = self.out.ends_with("{\n");
        if wanted && !self.out.is_empty() && !opened && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    fn indent(&mut self, columns: usize) {
        self.out.extend(std::iter::repeat_n(' ', columns));
    }

    fn line(&mut self, line: &Line) {
        let before = self.gap(line.tokens.start);
        // A comment above an item belongs to it: the blank line stands above the comment.
        let above = match line.blank {
            Blank::Never => false,
            Blank::Kept => before.blank && before.own.is_empty(),
            Blank::Always => true,
        };
        let mut before_own = before.own.clone();
        if let Some((_, blank)) = before_own.first_mut() {
            *blank |= line.blank == Blank::Always;
        }
        let kept = line.blank != Blank::Never && before.blank;
        let has_comments = !before_own.is_empty();
        self.comments(
            &Gap { trailing: before.trailing, own: before_own, blank: false },
            line.indent,
        );
        self.blank(if has_comments { kept } else { above });
        self.indent(line.indent);
        let broken = self.is_too_long(line);
        let mut first = true;
        for at in line.tokens.clone() {
            let Some(token) = self.tokens.get(at) else { continue };
            if !first {
                let gap = self.gap(at);
                let commented = gap.trailing.is_some() || !gap.own.is_empty();
                if commented {
                    self.comments(&gap, line.hang);
                    self.indent(line.hang);
                } else if broken && line.breaks.binary_search(&at).is_ok() {
                    self.out.push('\n');
                    self.indent(line.hang);
                } else if self.spacing.is_before(at) {
                    self.out.push(' ');
                }
            }
            let word = self.word(token);
            self.out.push_str(word);
            if first && line.pad > 0 {
                let missing = line.pad.saturating_sub(word.len());
                // The space that follows is written with the next token.
                self.indent(missing);
            }
            first = false;
        }
    }

    fn is_too_long(&self, line: &Line) -> bool {
        let mut columns = line.indent + line.pad;
        for at in line.tokens.clone() {
            let Some(token) = self.tokens.get(at) else { continue };
            columns += usize::from(self.spacing.is_before(at));
            columns += self.word(token).chars().count();
        }
        columns > WIDTH
    }

    fn word(&self, token: &Token) -> &'a str {
        match &token.kind {
            TokenKind::Symbol("&&") => "and",
            TokenKind::Symbol("||") => "or",
            TokenKind::Symbol("!") => "not",
            _ => self.text.get(token.span.range()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
