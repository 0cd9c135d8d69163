//! Places in a text as lines and columns.

use logdive_core::{Diagnostic, Span};
use serde_json::{Value as Json, json};

/// Tells lines and columns, both from 1; columns are characters.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = [0].into_iter().chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The line and column of a byte.
    pub(crate) fn place(&self, at: usize) -> (usize, usize) {
        let at = at.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= at).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.as_bytes().get(start..at).unwrap_or_default();
        // Every character has one byte that is not a continuation.
        let column = before.iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
        (line, column)
    }

    /// A diagnostic for programs: with line and column beside the bytes of every place.
    pub(crate) fn json(&self, diagnostic: &Diagnostic) -> Json {
        let mut value = json!(diagnostic);
        self.add_to(&mut value, diagnostic.span);
        if let Some(labels) = value.get_mut("labels").and_then(Json::as_array_mut) {
            for (value, label) in labels.iter_mut().zip(&diagnostic.labels) {
                self.add_to(value, label.span);
            }
        }
        value
    }

    /// Adds a place to an object.
    pub(crate) fn add_to(&self, value: &mut Json, span: Span) {
        if let Some(object) = value.as_object_mut() {
            let (line, column) = self.place(span.start);
            let (end_line, end_column) = self.place(span.end);
            object.insert("span".to_owned(), json!(span));
            object.insert("line".to_owned(), line.into());
            object.insert("column".to_owned(), column.into());
            object.insert("end_line".to_owned(), end_line.into());
            object.insert("end_column".to_owned(), end_column.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn places_are_told() {
        let lines = Lines::of("aé\n\nbc");
        for (at, place) in [
            (0, (1, 1)),
            (1, (1, 2)),
            (3, (1, 3)),
            (4, (2, 1)),
            (5, (3, 1)),
            (7, (3, 3)),
            (99, (3, 3)),
        ] {
            assert_eq!(lines.place(at), place, "{at}");
        }
        assert_eq!(Lines::of("").place(0), (1, 1));
    }
}
