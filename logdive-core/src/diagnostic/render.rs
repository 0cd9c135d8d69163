//! Diagnostics drawn with their lines, as rustc draws its own.
//!
//! The layout is that of the crate annotate-snippets. What it is handed is made here, and small:
//! the lines that the diagnostic speaks of, of each what is near the place, without a character
//! that would move the caret or reach the terminal as a command.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level as Heading, Renderer, Snippet};

use super::{Diagnostic, Level, Span, TextLines};

/// How much of a line is drawn before and after the place of a mistake, in characters.
const DRAWN_BEFORE: usize = 120;
const DRAWN_AFTER: usize = 160;
/// Most lines between two places that are drawn below each other; what is farther off is named.
const DRAWN_APART: usize = 400;
/// Most second places that are drawn or named.
const LABELS: usize = 8;
/// Longest message, help and label, in characters.
const LONGEST_TEXT: usize = 2_000;
/// Wider than any line that is drawn: annotate-snippets must cut none.
const WIDTH: usize = 1 << 16;

impl Diagnostic {
    /// Draws the diagnostic with its lines, as compilers do. Nothing of the text reaches the
    /// terminal but what can be seen.
    ///
    /// `name` is what the text is called: a file, or `--where`.
    #[must_use]
    pub fn render(&self, name: &str, text: &str) -> String {
        self.render_in(name, &TextLines::new(text))
    }

    /// Draws the diagnostic as [`Diagnostic::render`] does, in a text whose lines are known: for
    /// many of one text.
    #[must_use]
    pub fn render_in(&self, name: &str, lines: &TextLines<'_>) -> String {
        draw(self, name, lines, Renderer::plain())
    }

    /// Draws the diagnostic with ANSI colours. Whether a terminal wants them is the caller's to
    /// know.
    #[must_use]
    pub fn render_coloured(&self, name: &str, lines: &TextLines<'_>) -> String {
        draw(self, name, lines, Renderer::styled())
    }
}

fn draw(diagnostic: &Diagnostic, name: &str, lines: &TextLines<'_>, renderer: Renderer) -> String {
    let primary = Mark::new(diagnostic.span, lines);
    let mut excerpt = Excerpt::around(&primary, lines);
    let mut far = Vec::new();
    for label in diagnostic.labels.iter().take(LABELS) {
        let mark = Mark::new(label.span, lines);
        // What lies over the mistake itself would hide its mark.
        if primary.touches(&mark) || !excerpt.add(&mark, &label.message, lines) {
            let place = lines.place(label.span.start);
            far.push(format!("{name}:{}:{}: {}", place.line, place.column, label.message));
        }
    }
    let gutter = excerpt.last().to_string().len();
    let heading = match diagnostic.level {
        Level::Error => Heading::ERROR,
        Level::Warning => Heading::WARNING,
        Level::Note => Heading::NOTE,
    };
    let title = heading.primary_title(visible(&diagnostic.message)).id(visible(&diagnostic.code));
    let mut group: Group<'_> = title.element(excerpt.snippet(&primary, lines));
    for note in far {
        group = group.element(Heading::NOTE.message(visible(&note)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Heading::HELP.message(visible(help)));
    }
    let drawing = renderer.term_width(WIDTH).render(&[group]);
    // annotate-snippets would count the column in what it was handed: the place is written here.
    let (first, rest) = drawing.split_once('\n').unwrap_or((&drawing, ""));
    let place = lines.place(diagnostic.span.start);
    let name = visible(name);
    let mut out = String::with_capacity(drawing.len() + name.len() + 80);
    let _ = writeln!(out, "{first}\n{:gutter$}--> {name}:{}:{}", "", place.line, place.column);
    out.push_str(rest);
    out.push('\n');
    out
}

/// A place to be marked: in one line, even if the span goes on in others.
struct Mark {
    line: usize,
    start: usize,
    end: usize,
}

impl Mark {
    fn new(span: Span, lines: &TextLines<'_>) -> Self {
        let line = lines.place(span.start).line;
        let whole = lines.line(line);
        let start = lines.boundary(span.start).min(whole.end);
        let end = lines.boundary(span.end).clamp(start, whole.end);
        Self { line, start, end }
    }

    fn touches(&self, other: &Self) -> bool {
        self.line == other.line && self.start <= other.end && other.start <= self.end
    }
}

/// The lines to be drawn, by number. It is never empty.
struct Excerpt {
    primary: usize,
    lines: BTreeMap<usize, Part>,
}

/// What is drawn of a line, and the second places in it.
struct Part {
    drawn: Range<usize>,
    marks: Vec<(Range<usize>, String)>,
}

impl Part {
    /// The part of a line that is near a place.
    fn around(mark: &Mark, lines: &TextLines<'_>) -> Self {
        let line = lines.line(mark.line);
        let part = |range: Range<usize>| lines.text().get(range).unwrap_or_default();
        let cut = part(line.start..mark.start).char_indices().rev().nth(DRAWN_BEFORE - 1);
        let start = line.start + cut.map_or(0, |(at, _)| at);
        let cut = part(mark.start..line.end).char_indices().nth(DRAWN_AFTER);
        let end = cut.map_or(line.end, |(at, _)| mark.start + at);
        Self { drawn: start..end, marks: Vec::new() }
    }

    /// The place of a byte in what is drawn.
    fn offset(&self, at: usize, lines: &TextLines<'_>) -> usize {
        let lead = self.drawn.start..at.clamp(self.drawn.start, self.drawn.end);
        flat(lines.text().get(lead).unwrap_or_default()).len()
    }
}

impl Excerpt {
    fn around(mark: &Mark, lines: &TextLines<'_>) -> Self {
        let parts = BTreeMap::from([(mark.line, Part::around(mark, lines))]);
        Self { primary: mark.line, lines: parts }
    }

    /// Adds a second place; says whether it is near enough.
    fn add(&mut self, mark: &Mark, message: &str, lines: &TextLines<'_>) -> bool {
        if mark.line.abs_diff(self.primary) > DRAWN_APART {
            return false;
        }
        let part = self.lines.entry(mark.line).or_insert_with(|| Part::around(mark, lines));
        // On a giant line it may stand outside of what is drawn.
        let seen = (part.drawn.start..=part.drawn.end).contains(&mark.start);
        if seen {
            part.marks.push((mark.start..mark.end, visible(message)));
        }
        seen
    }

    fn last(&self) -> usize {
        self.lines.keys().next_back().copied().unwrap_or(self.primary)
    }

    /// Makes what annotate-snippets draws: a small text with the places in it.
    fn snippet<'a>(self, primary: &Mark, lines: &TextLines<'_>) -> Snippet<'a, Annotation<'a>> {
        let first = self.lines.keys().next().copied().unwrap_or(self.primary);
        let mut source = String::new();
        let mut annotations = Vec::new();
        for line in first..=self.last() {
            if line > first {
                source.push('\n');
            }
            let Some(part) = self.lines.get(&line) else {
                // A single line between two is drawn; of more, none is.
                if self.lines.contains_key(&(line - 1)) && self.lines.contains_key(&(line + 1)) {
                    let start = lines.line(line).start;
                    let part = Part::around(&Mark { line, start, end: start }, lines);
                    source.push_str(&flat(lines.text().get(part.drawn).unwrap_or_default()));
                }
                continue;
            };
            let whole = lines.line(line);
            if part.drawn.start > whole.start {
                source.push('…');
            }
            let base = source.len();
            let place = |start: usize, end: usize| {
                base + part.offset(start, lines)..base + part.offset(end, lines)
            };
            if line == primary.line {
                annotations.push(AnnotationKind::Primary.span(place(primary.start, primary.end)));
            }
            for (mark, message) in &part.marks {
                let context = AnnotationKind::Context.span(place(mark.start, mark.end));
                annotations.push(context.label(message.clone()));
            }
            source.push_str(&flat(lines.text().get(part.drawn.clone()).unwrap_or_default()));
            if part.drawn.end < whole.end {
                source.push('…');
            }
        }
        Snippet::source(source).line_start(first).annotations(annotations)
    }
}

/// A part of a line without what moves the caret or commands the terminal.
fn flat(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            c if is_hidden(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A message, of its characters the first, on one line.
fn visible(text: &str) -> String {
    let mut chars = text.chars().map(|c| if is_hidden(c) { ' ' } else { c });
    let mut out: String = chars.by_ref().take(LONGEST_TEXT).collect();
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// Whether a character commands the terminal, or turns or hides what stands beside it.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests;
