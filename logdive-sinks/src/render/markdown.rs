//! GitHub-flavoured Markdown.

use std::fmt::Write as _;

use logdive_core::{Block, BlockKind, Document, Inline, Line};

use super::inert::{is_live, shown, visible};

pub(super) fn document(document: &Document) -> String {
    let mut out = Out::default();
    out.blocks(&document.0);
    out.text
}

#[derive(Default)]
struct Out {
    text: String,
    /// The bullet of the list just written: another one follows with another bullet, so that both
    /// stay apart.
    bullet: Option<char>,
}

impl Out {
    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            self.block(&block.kind);
        }
    }

    /// Writes a block, set off from the one before by an empty line.
    fn put(&mut self, block: &str) {
        if block.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(block);
        self.text.push('\n');
        self.bullet = None;
    }

    fn block(&mut self, kind: &BlockKind) {
        match kind {
            BlockKind::Heading { level, text } => {
                let marks = "#".repeat(usize::from(*level).clamp(1, 6));
                self.put(&format!("{marks} {}", inline(text, Place::Line)));
            }
            BlockKind::Paragraph(line) => self.put(&inline(line, Place::Line)),
            BlockKind::List(items) => self.list(items.iter().map(|i| inline(i, Place::Line))),
            BlockKind::KeyValues(pairs) => self.list(pairs.iter().map(|(key, value)| {
                let mut line = Line::new().strong(format!("{key}:")).text(" ");
                line.0.extend(value.0.iter().cloned());
                inline(&line, Place::Line)
            })),
            BlockKind::Table { columns, rows } => self.put(&table(columns, rows)),
            BlockKind::Code(lines) => self.put(&fence(lines)),
            BlockKind::Fold { title, blocks } => {
                self.put(&format!("<details>\n<summary>{}</summary>", html(title)));
                self.blocks(blocks);
                self.put("</details>");
            }
            BlockKind::Link { text, url } => self.put(&link(text, url)),
        }
    }

    fn list(&mut self, items: impl Iterator<Item = String>) {
        let bullet = if self.bullet == Some('-') { '*' } else { '-' };
        let items: Vec<String> = items.map(|item| format!("{bullet} {item}")).collect();
        self.put(&items.join("\n"));
        self.bullet = Some(bullet);
    }
}

/// Where a run of text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a line.
    Line,
    /// In a cell of a table, where `|` ends it.
    Cell,
    /// In the text of a link.
    Link,
}

enum Piece {
    Text(String),
    Strong(String),
    Code(String),
}

/// The runs of a line, with what would come alive turned into code and equal neighbours joined:
/// two code spans side by side would be read as one with other delimiters, and a word may be made
/// of several runs and is judged whole.
fn pieces(line: &Line) -> Vec<Piece> {
    let mut runs = Vec::new();
    for run in line.0.iter().filter(|run| !run.as_str().is_empty()) {
        let text = visible(run.as_str());
        add(
            &mut runs,
            match run {
                Inline::Text(_) => Piece::Text(text),
                Inline::Strong(_) => Piece::Strong(text),
                Inline::Code(_) => Piece::Code(text),
            },
        );
    }
    let mut set_off = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| runs.get(before));
        let after = runs.get(index + 1);
        add(
            &mut set_off,
            match run {
                Piece::Text(text) => Piece::Text(text.clone()),
                Piece::Code(text) => Piece::Code(text.clone()),
                Piece::Strong(text) if can_be_strong(text, before, after) => {
                    Piece::Strong(text.clone())
                }
                Piece::Strong(text) => Piece::Text(text.clone()),
            },
        );
    }
    let mut pieces = Vec::new();
    for run in set_off {
        match run {
            Piece::Text(text) => words(&text, &mut pieces, Piece::Text),
            Piece::Strong(text) => words(&text, &mut pieces, Piece::Strong),
            Piece::Code(_) => add(&mut pieces, run),
        }
    }
    pieces
}

/// Whether Markdown takes `**` around a text for what it is: at each end there must be a letter
/// inside, or no letter outside.
fn can_be_strong(text: &str, before: Option<&Piece>, after: Option<&Piece>) -> bool {
    let outside = |piece: Option<&Piece>, end: fn(&str) -> Option<char>| match piece {
        Some(Piece::Text(text) | Piece::Strong(text)) => end(text),
        Some(Piece::Code(_)) => Some('`'),
        None => None,
    };
    let is_set_off = |inside: Option<char>, outside: Option<char>| match (inside, outside) {
        (None, _) => false,
        (_, None) => true,
        (_, Some('*' | '_')) => false,
        (Some(inside), Some(outside)) => {
            inside.is_whitespace()
                || is_letter(inside)
                || outside.is_whitespace()
                || outside.is_ascii_punctuation()
        }
    };
    let first = |text: &str| text.chars().next();
    let last = |text: &str| text.chars().next_back();
    is_set_off(first(text), outside(before, last)) && is_set_off(last(text), outside(after, first))
}

/// A letter or number that no reader takes for a symbol, as some do circled letters.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() && !matches!(c, '\u{2460}'..='\u{24ff}' | '\u{1f100}'..='\u{1f1ff}')
}

fn words(text: &str, pieces: &mut Vec<Piece>, plain: fn(String) -> Piece) {
    for part in text.split_inclusive(char::is_whitespace) {
        let word = part.trim_end();
        if is_live(word) {
            add(pieces, Piece::Code(word.to_owned()));
            if let Some(space) = part.strip_prefix(word).filter(|space| !space.is_empty()) {
                add(pieces, plain(space.to_owned()));
            }
        } else {
            add(pieces, plain(part.to_owned()));
        }
    }
}

fn add(pieces: &mut Vec<Piece>, piece: Piece) {
    match (pieces.last_mut(), piece) {
        (Some(Piece::Text(last)), Piece::Text(text))
        | (Some(Piece::Strong(last)), Piece::Strong(text))
        | (Some(Piece::Code(last)), Piece::Code(text)) => last.push_str(&text),
        (_, piece) => pieces.push(piece),
    }
}

fn inline(line: &Line, place: Place) -> String {
    let mut out = String::new();
    let pieces = pieces(line);
    for piece in &pieces {
        match piece {
            Piece::Text(text) => out.push_str(&escaped(text, place)),
            Piece::Strong(text) => push_strong(&mut out, &escaped(text, place)),
            Piece::Code(text) => out.push_str(&code(text, place)),
        }
    }
    let out = out.trim();
    if place == Place::Line { line_start(out) } else { out.to_owned() }
}

/// Writes text between `**`; white space stays outside.
fn push_strong(out: &mut String, text: &str) {
    let inner = text.trim();
    if inner.is_empty() {
        out.push_str(text);
        return;
    }
    if text.starts_with(char::is_whitespace) {
        out.push(' ');
    }
    out.push_str("**");
    out.push_str(inner);
    out.push_str("**");
    if text.ends_with(char::is_whitespace) {
        out.push(' ');
    }
}

fn escaped(text: &str, place: Place) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Not `\`` and `\$`: a code span may follow, and `$` begins mathematics on GitHub.
            '`' => out.push_str("&#96;"),
            '$' => out.push_str("&#36;"),
            '|' if place == Place::Cell => out.push_str("&#124;"),
            // Within a word it is no emphasis.
            '_' if is_word(before) && is_word(chars.peek().copied()) => out.push('_'),
            '\\' | '*' | '_' | '[' | ']' | '~' | '^' | '#' | '|' => out.extend(['\\', c]),
            c => out.push(c),
        }
        before = Some(c);
    }
    out
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

/// Escapes what only means something at the beginning of a line: bullets and numbers of lists, and
/// what some readers take for a definition.
fn line_start(text: &str) -> String {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    if text.starts_with(['-', '+', '=', ':']) {
        format!("\\{text}")
    } else if rest.len() < text.len() && rest.starts_with(['.', ')']) {
        format!("{}\\{rest}", text.strip_suffix(rest).unwrap_or_default())
    } else {
        text.to_owned()
    }
}

fn code(text: &str, place: Place) -> String {
    if place == Place::Cell && text.contains('|') {
        // A table is cut at `|` before code is looked for.
        let parts: Vec<String> = text.split('|').map(|part| code(part, Place::Line)).collect();
        return parts.join("&#124;");
    }
    if text.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(text, '`') + 1);
    let edge = |c: char| c == '`' || c == ' ';
    let pad = if text.starts_with(edge) || text.ends_with(edge) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

fn longest_run(text: &str, of: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == of { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

fn fence(lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        // Our own marks are lines of their own and must not be forged by a line of a log.
        .map(|line| shown(line, "\t").replace("<!--", "<!\\u{2d}-"))
        .collect();
    let run = lines.iter().map(|line| longest_run(line, '`')).max().unwrap_or(0);
    let ticks = "`".repeat(run.max(2) + 1);
    let mut out = ticks.clone();
    for line in &lines {
        out.push('\n');
        out.push_str(line);
    }
    out.push('\n');
    out.push_str(&ticks);
    out
}

fn table(columns: &[String], rows: &[Vec<Line>]) -> String {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0).max(columns.len());
    if width == 0 {
        return String::new();
    }
    let row = |cells: Vec<String>| {
        let missing = width.saturating_sub(cells.len());
        let cells: Vec<String> =
            cells.into_iter().chain(std::iter::repeat_n(String::new(), missing)).collect();
        format!("| {} |", cells.join(" | "))
    };
    let mut out = row(columns.iter().map(|c| inline(&c.as_str().into(), Place::Cell)).collect());
    out.push('\n');
    out.push_str(&row(vec!["---".to_owned(); width]));
    for cells in rows {
        out.push('\n');
        out.push_str(&row(cells.iter().map(|cell| inline(cell, Place::Cell)).collect()));
    }
    out
}

/// Text in HTML, for the title of a fold, which is not read as Markdown.
fn html(line: &Line) -> String {
    let escape = |text: &str| {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '&' => out.push_str("&amp;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                c => out.push(c),
            }
        }
        out
    };
    let written: String = pieces(line)
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => escape(text),
            Piece::Strong(text) => format!("<strong>{}</strong>", escape(text)),
            Piece::Code(text) => format!("<code>{}</code>", escape(text)),
        })
        .collect();
    written.trim().to_owned()
}

/// A link of ours. Anything but `http` and `https` is shown and leads nowhere.
fn link(text: &str, url: &str) -> String {
    let label = inline(&text.into(), Place::Link);
    let Some(target) = target(url) else {
        return inline(&Line::new().text(format!("{text}: ")).code(url), Place::Line);
    };
    if label.is_empty() {
        return format!("[{}]({target})", code(&visible(url), Place::Link));
    }
    format!("[{label}]({target})")
}

fn target(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    // `https://github.com@evil.example/` looks like what it is not.
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') {
        return None;
    }
    let mut out = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            b'&' => out.push_str("&amp;"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'/' | b':' | b'?' | b'#' | b'@' | b'!' | b'+' | b',' | b';'
            | b'=' | b'%' | b'$' => out.push(char::from(byte)),
            byte => {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests;
