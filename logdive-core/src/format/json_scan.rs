//! Where a JSON value ends, by brackets and quotes alone: one broken value does not hide others.

use memchr::{memchr2, memchr3};

/// A scan that goes on where the last bytes ended.
#[derive(Debug, Default)]
pub(super) struct JsonScan {
    depth: usize,
    in_text: bool,
    escaped: bool,
    begun: bool,
    /// The byte in front was the end of a line.
    line_begins: bool,
}

/// Where a value ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ValueEnd {
    /// Behind its last byte.
    pub(super) at: usize,
    /// Whether its brackets and quotes are closed.
    pub(super) whole: bool,
}

impl JsonScan {
    /// Looks for the end of the value from a byte on; bytes in front of it were looked at before.
    /// `None` if it does not end here.
    ///
    /// With `lines`, a value also ends, broken, in front of an end of line inside of a text, and
    /// in front of a line that begins with `{`: so a line that was cut short costs that line only.
    /// JSON has no ends of lines inside of texts, and whoever breaks values over lines indents
    /// what is inside.
    pub(super) fn end(&mut self, bytes: &[u8], from: usize, lines: bool) -> Option<ValueEnd> {
        let mut at = from;
        while let Some(byte) = bytes.get(at) {
            if self.in_text {
                if self.escaped {
                    self.escaped = false;
                    at += 1;
                    continue;
                }
                let rest = bytes.get(at..).unwrap_or_default();
                let found = if lines {
                    memchr3(b'"', b'\\', b'\n', rest)
                } else {
                    memchr2(b'"', b'\\', rest)
                };
                at += found?;
                match bytes.get(at) {
                    Some(b'"') => self.in_text = false,
                    Some(b'\\') => self.escaped = true,
                    _ => return Some(ValueEnd { at, whole: false }),
                }
                at += 1;
                continue;
            }
            match byte {
                b'{' if lines && self.line_begins && self.depth > 0 => {
                    return Some(ValueEnd { at, whole: false });
                }
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                // A stray bracket is a value of its own: the scan must move on.
                b'}' | b']' if self.depth == 0 => {
                    let at = if self.begun { at } else { at + 1 };
                    return Some(ValueEnd { at, whole: true });
                }
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(ValueEnd { at: at + 1, whole: true });
                    }
                }
                b',' if self.depth == 0 && self.begun => return Some(ValueEnd { at, whole: true }),
                _ => {}
            }
            self.begun = true;
            self.line_begins = *byte == b'\n';
            at += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::JsonScan;

    fn end(text: &str, lines: bool) -> Option<(usize, bool)> {
        JsonScan::default().end(text.as_bytes(), 0, lines).map(|end| (end.at, end.whole))
    }

    #[test]
    fn values_end_by_brackets_and_quotes() {
        for (text, lines, found) in [
            (r#"{"a":"]}\""} x"#, false, Some((12, true))),
            ("[1,{}],2", false, Some((6, true))),
            ("17 ,3", false, Some((3, true))),
            ("true]", false, Some((4, true))),
            ("} x", false, Some((1, true))),
            (r#"{"a":"b"#, false, None),
            ("{\"a\":\"b\n{\"c\":1}", true, Some((7, false))),
            ("{\"a\":[1\n{\"c\":1}", true, Some((8, false))),
            ("{\"a\":[\n  {\"c\":1}\n]}", true, Some((19, true))),
        ] {
            assert_eq!(end(text, lines), found, "{text}");
        }
    }
}
