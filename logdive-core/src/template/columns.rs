//! Texts of one number of words, as rows of a table.

use std::ops::Range;

use super::words::Cut;

/// A text: what stands between its words, and its number.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) gaps: Vec<u32>,
    pub(super) text: usize,
}

/// Texts of the same words.
#[derive(Debug)]
struct Row {
    words: Vec<u32>,
    lines: Range<usize>,
}

/// Rows of one width, in the order of their words; no two have the same.
#[derive(Debug, Default)]
pub(super) struct Columns {
    rows: Vec<Row>,
    lines: Vec<Line>,
}

/// Rows that are one template: the word at each place, `None` where there is a hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) pattern: Vec<Option<u32>>,
    pub(super) rows: Vec<usize>,
}

impl Columns {
    /// Makes a table for each width of texts.
    pub(super) fn tables(mut cuts: Vec<(Cut, usize)>) -> Vec<Self> {
        cuts.sort_unstable_by(|(a, _), (b, _)| {
            a.words.len().cmp(&b.words.len()).then_with(|| a.words.cmp(&b.words))
        });
        let mut tables: Vec<Self> = Vec::new();
        for (cut, text) in cuts {
            let fits = tables.last().is_some_and(|table| table.width() == cut.words.len());
            if !fits {
                tables.push(Self::default());
            }
            if let Some(table) = tables.last_mut() {
                table.push(cut, text);
            }
        }
        tables
    }

    /// Adds a text whose words are those of the last row or come behind them.
    fn push(&mut self, cut: Cut, text: usize) {
        let at = self.lines.len();
        self.lines.push(Line { gaps: cut.gaps, text });
        match self.rows.last_mut().filter(|row| row.words == cut.words) {
            Some(row) => row.lines.end = at + 1,
            None => self.rows.push(Row { words: cut.words, lines: at..at + 1 }),
        }
    }

    pub(super) fn width(&self) -> usize {
        self.rows.first().map_or(0, |row| row.words.len())
    }

    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn word(&self, row: usize, column: usize) -> u32 {
        self.rows.get(row).and_then(|row| row.words.get(column)).copied().unwrap_or_default()
    }

    /// The rows as one template, with holes at some places.
    pub(super) fn leaf(&self, rows: Vec<usize>, is_hole: impl Fn(usize) -> bool) -> Leaf {
        let first = rows.first().and_then(|row| self.rows.get(*row));
        let words = first.map(|row| row.words.as_slice()).unwrap_or_default();
        let word = |(at, word): (usize, &u32)| (!is_hole(at)).then_some(*word);
        Leaf { pattern: words.iter().enumerate().map(word).collect(), rows }
    }

    pub(super) fn lines(&self, leaf: &Leaf) -> Vec<&Line> {
        let rows = leaf.rows.iter().filter_map(|row| self.rows.get(*row));
        rows.filter_map(|row| self.lines.get(row.lines.clone())).flatten().collect()
    }
}
