//! From tokens to lines.

use logdive_core::predicate::syntax::Token;

use super::spacing::{Spacing, text};
use super::{Blank, Line};
use crate::syntax::split::{self, Item, ItemKind};

/// Columns of the longest word that begins a clause.
const CLAUSE: usize = "unless".len();

/// The lines of a file that can be read.
pub(super) fn lines(tokens: &[Token], spacing: &Spacing<'_>) -> Vec<Line> {
    let mut layout = Layout { tokens, spacing, lines: Vec::new() };
    let mut before = None;
    for item in split::items(tokens, &mut Vec::new()) {
        // Statements may stand together.
        let claim = |kind| matches!(kind, ItemKind::Cover | ItemKind::Never);
        let together = claim(item.kind) && before.is_some_and(claim);
        layout.item(&item, if together { Blank::Kept } else { Blank::Always });
        before = Some(item.kind);
    }
    layout.lines
}

struct Layout<'a> {
    tokens: &'a [Token],
    spacing: &'a Spacing<'a>,
    lines: Vec<Line>,
}

impl Layout<'_> {
    fn item(&mut self, item: &Item<'_>, blank: Blank) {
        let start = self.index(item.head);
        let brace = start + item.head.len();
        let close = brace + item.body.len() + 1;
        let parts = match item.kind {
            ItemKind::Schema => split::entries(item.body).1,
            ItemKind::Rule => split::clauses(item.body).1,
            ItemKind::Decisions => {
                return self.push(start..close + 1, 0, blank, &[]);
            }
            ItemKind::Default => return self.push(start..brace, 0, blank, &[]),
            ItemKind::Cover | ItemKind::Never => {
                return self.push(start..brace, 0, blank, &["and", "or", "&&", "||"]);
            }
        };
        self.push(start..brace + 1, 0, blank, &["over", "cap", "owner", "review"]);
        for part in parts {
            let at = self.index(part);
            self.part(at..at + part.len(), item.kind);
        }
        self.push(close..close + 1, 0, Blank::Never, &[]);
    }

    /// An entry of a schema, a clause of a rule.
    fn part(&mut self, tokens: std::ops::Range<usize>, kind: ItemKind) {
        if kind == ItemKind::Schema {
            self.push(tokens, 2, Blank::Kept, &["where", "within", "at", "or", "optional"]);
            return;
        }
        let word = text(self.tokens, tokens.start).unwrap_or_default();
        let breaks: &[&str] = match word {
            "when" | "unless" => &["and", "or", "&&", "||"],
            "decide" => &["because"],
            _ => &[],
        };
        let actions = word == "do";
        let pad = if word == "no" { 0 } else { CLAUSE };
        self.push(tokens, 2, Blank::Kept, breaks);
        if let Some(line) = self.lines.last_mut() {
            line.pad = pad;
            if actions {
                line.hang = 2 + CLAUSE + 1;
                let behind = line.tokens.clone().skip(1).filter(|at| {
                    text(self.tokens, at - 1) == Some(";")
                        && self.spacing.is_outermost(*at, line.tokens.start)
                });
                line.breaks = behind.collect();
            }
        }
    }

    fn push(
        &mut self,
        tokens: std::ops::Range<usize>,
        indent: usize,
        blank: Blank,
        words: &[&str],
    ) {
        let tokens = tokens.start..tokens.end.min(self.tokens.len());
        let is_break = |at: &usize| {
            let word = text(self.tokens, *at).unwrap_or_default();
            let or_else = word == "or" && text(self.tokens, at + 1) == Some("else");
            words.contains(&word) && !or_else && self.spacing.is_outermost(*at, tokens.start)
        };
        let breaks = tokens.clone().skip(1).filter(is_break).collect();
        self.lines.push(Line { tokens, indent, pad: 0, breaks, hang: indent + 2, blank });
    }

    /// Where a part begins among all tokens.
    fn index(&self, part: &[Token]) -> usize {
        let Some(first) = part.first() else { return self.tokens.len() };
        self.tokens.partition_point(|token| token.span.start < first.span.start)
    }
}
