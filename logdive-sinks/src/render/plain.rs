//! Plain text, for terminals and fields without markup.

use logdive_core::{Block, BlockKind, Document, Line};
use unicode_width::UnicodeWidthStr as _;

use super::NARROWEST;
use super::inert::{shown, visible};

/// Between the columns of a table.
const GAP: usize = 2;
const INDENT: usize = 2;
/// A longer name of a key does not push the values of all others aside.
const LONGEST_KEY: usize = 24;

pub(super) fn document(document: &Document, width: usize) -> String {
    let mut text = blocks(&document.0, width).join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The lines of blocks, an empty one between each two.
fn blocks(blocks: &[Block], width: usize) -> Vec<String> {
    let mut out = Vec::new();
    for block in blocks {
        let lines = lines(&block.kind, width);
        if !lines.is_empty() && !out.is_empty() {
            out.push(String::new());
        }
        out.extend(lines);
    }
    out
}

fn lines(kind: &BlockKind, width: usize) -> Vec<String> {
    match kind {
        BlockKind::Heading { level, text } => {
            let mut lines = wrap(&line(text), width, "", "");
            let longest = lines.iter().map(|line| line.width()).max().unwrap_or(0).min(width);
            if longest > 0 && *level <= 2 {
                lines.push(if *level <= 1 { "=" } else { "-" }.repeat(longest));
            }
            lines
        }
        BlockKind::Paragraph(text) => wrap(&line(text), width, "", ""),
        BlockKind::List(items) => {
            items.iter().flat_map(|item| wrap(&line(item), width, "- ", "  ")).collect()
        }
        BlockKind::KeyValues(pairs) => {
            let pairs: Vec<(String, String)> =
                pairs.iter().map(|(key, value)| (visible(key), line(value))).collect();
            key_values(&pairs, width)
        }
        BlockKind::Table { columns, rows } => table(columns, rows, width),
        // Lines of a machine are not wrapped: they are copied.
        BlockKind::Code(lines) => {
            lines.iter().map(|line| format!("  {}", shown(line, "    "))).collect()
        }
        BlockKind::Fold { title, blocks: inner } => {
            let mut lines = wrap(&line(title), width, "▾ ", "  ");
            let inner = blocks(inner, width.saturating_sub(INDENT).max(NARROWEST));
            lines.extend(
                inner.into_iter().map(|line| {
                    if line.is_empty() { line } else { format!("{:INDENT$}{line}", "") }
                }),
            );
            lines
        }
        BlockKind::Link { text, url } => {
            let (text, url) = (visible(text), visible(url));
            if text.is_empty() || text == url {
                vec![url]
            } else if text.width() + 2 + url.width() <= width {
                vec![format!("{text}: {url}")]
            } else {
                let mut lines = wrap(&format!("{text}:"), width, "", "");
                lines.push(url);
                lines
            }
        }
    }
}

fn line(line: &Line) -> String {
    visible(&line.plain())
}

/// Breaks at spaces. A word that is longer than a line stays whole: ids and URLs are copied.
fn wrap(text: &str, width: usize, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && current.width() + 1 + word.width() > width {
            lines.push(std::mem::replace(&mut current, rest.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    if !is_empty || !first.is_empty() {
        lines.push(current);
    }
    lines
}

fn key_values(pairs: &[(String, String)], width: usize) -> Vec<String> {
    let longest = pairs.iter().map(|(key, _)| key.width()).max().unwrap_or(0);
    let column = longest.min(LONGEST_KEY).min(width / 2);
    let rest = " ".repeat(column + 2);
    pairs
        .iter()
        .flat_map(|(key, value)| {
            let pad = " ".repeat(column.saturating_sub(key.width()));
            wrap(value, width, &format!("{key}: {pad}"), &rest)
        })
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn table(columns: &[String], rows: &[Vec<Line>], width: usize) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0).max(columns.len());
    if count == 0 {
        return Vec::new();
    }
    let cells = |row: Vec<String>| -> Vec<String> {
        row.into_iter().chain(std::iter::repeat(String::new())).take(count).collect()
    };
    let heads = cells(columns.iter().map(|head| visible(head)).collect());
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| cells(row.iter().map(line).collect())).collect();
    let mut widths: Vec<usize> = heads.iter().map(|head| head.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let total = widths.iter().sum::<usize>() + GAP * (count - 1);
    if total > width {
        return narrow_table(&heads, &rows, width);
    }
    let aligned = |row: &[String]| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + GAP));
        }
        line.trim_end().to_owned()
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut lines = vec![aligned(&heads), aligned(&rule)];
    lines.extend(rows.iter().map(|row| aligned(row)));
    lines
}

/// Each row as its own list of heads and cells: readable however narrow the terminal is.
fn narrow_table(heads: &[String], rows: &[Vec<String>], width: usize) -> Vec<String> {
    if rows.is_empty() {
        return wrap(&heads.join("  "), width, "", "");
    }
    let mut lines = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        let pairs: Vec<(String, String)> = heads
            .iter()
            .zip(row)
            .filter(|(_, cell)| !cell.is_empty())
            .map(|(head, cell)| (head.clone(), cell.clone()))
            .collect();
        lines.extend(key_values(&pairs, width));
    }
    lines
}

#[cfg(test)]
mod tests {
    use logdive_core::{BlockKind, Document, Line, Priority};

    use super::document;

    fn table() -> Document {
        let row = |cells: [&str; 3]| cells.map(Line::from).to_vec();
        Document::new().with(
            Priority::Normal,
            BlockKind::Table {
                columns: vec!["layer".into(), "count".into(), "example".into()],
                rows: vec![
                    row(["front", "72", "quota exceeded"]),
                    row(["storage", "1", "漢字 slow disk"]),
                ],
            },
        )
    }

    #[test]
    fn a_table_is_aligned_where_it_fits() {
        assert_eq!(
            document(&table(), 80),
            "layer    count  example\n\
             -------  -----  --------------\n\
             front    72     quota exceeded\n\
             storage  1      漢字 slow disk\n"
        );
    }

    #[test]
    fn a_table_is_readable_on_a_narrow_terminal() {
        assert_eq!(
            document(&table(), 24),
            "layer:   front\n\
             count:   72\n\
             example: quota exceeded\n\
             \n\
             layer:   storage\n\
             count:   1\n\
             example: 漢字 slow disk\n"
        );
    }

    #[test]
    fn text_wraps_and_words_stay_whole() {
        let id = "arn:aws:iam::123456789012:role/a-long-name";
        let text = document(&Document::new().paragraph(format!("denied for {id} since noon")), 20);
        assert_eq!(text, format!("denied for\n{id}\nsince noon\n"));
    }

    #[test]
    fn folds_are_indented_and_headings_underlined() {
        let inner = Document::new().paragraph("one two three four five six");
        let document = document(
            &Document::new()
                .heading(1, "Title\u{1b}[2J")
                .with(Priority::Detail, BlockKind::Fold { title: "more".into(), blocks: inner.0 }),
            22,
        );
        assert_eq!(
            document,
            "Title\\u{1b}[2J\n==============\n\n▾ more\n  one two three four\n  five six\n"
        );
    }
}
