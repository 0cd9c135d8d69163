//! Writes JSON objects for the attributes of a line into a buffer that is used again.

/// A JSON object as it is written.
#[derive(Debug)]
pub(super) struct ObjectWriter<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> ObjectWriter<'a> {
    /// Begins an object at the end of a buffer.
    pub(super) fn new(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// Writes a text.
    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        quoted(self.out, text);
    }

    /// Writes a text, if there is one.
    pub(super) fn option(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    /// Writes what is JSON already: a number, an object.
    pub(super) fn json(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.push_str(json);
    }

    /// Writes what a line has as a bare word: a number if it is one that reads back as it stands,
    /// else a text.
    pub(super) fn word(&mut self, key: &str, word: &str) {
        if is_exact_number(word) {
            self.json(key, word);
        } else {
            self.text(key, word);
        }
    }

    /// Writes a list of texts, if there are any.
    pub(super) fn list<S: AsRef<str>>(&mut self, key: &str, texts: impl IntoIterator<Item = S>) {
        let mut empty = true;
        for text in texts {
            if empty {
                self.key(key);
            }
            self.out.push(if empty { '[' } else { ',' });
            empty = false;
            quoted(self.out, text.as_ref());
        }
        if !empty {
            self.out.push(']');
        }
    }

    /// Writes an object in this one.
    pub(super) fn object(&mut self, key: &str, write: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.key(key);
        let mut object = ObjectWriter::new(self.out);
        write(&mut object);
        object.end();
    }

    /// Writes a key; the caller writes its value behind it.
    #[cfg(feature = "otlp")]
    pub(super) fn value(&mut self, key: &str) -> &mut String {
        self.key(key);
        self.out
    }

    /// Ends the object.
    pub(super) fn end(self) {
        self.out.push('}');
    }

    fn key(&mut self, key: &str) {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        quoted(self.out, key);
        self.out.push(':');
    }
}

/// An object that has something in it.
pub(super) fn filled(object: &str) -> Option<&str> {
    (object.len() > "{}".len()).then_some(object)
}

/// Whether a word is a JSON number that no reader changes: a whole number of 64 bits, or one of at
/// most 15 digits with a fraction or a signed exponent (`5e10` is rather a part of an id).
pub(super) fn is_exact_number(word: &str) -> bool {
    let bytes = word.as_bytes();
    let run = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let begin = usize::from(bytes.first() == Some(&b'-'));
    let whole = run(begin);
    if whole == 0 || (whole > 1 && bytes.get(begin) == Some(&b'0')) {
        return false;
    }
    let mut end = begin + whole;
    if end == bytes.len() {
        return word != "-0" && (whole <= 18 || word.parse::<i64>().is_ok());
    }
    let mut digits = whole;
    if bytes.get(end) == Some(&b'.') {
        let fraction = run(end + 1);
        if fraction == 0 {
            return false;
        }
        digits += fraction;
        end += 1 + fraction;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let exponent = run(end + 2);
        if !matches!(bytes.get(end + 1), Some(b'+' | b'-')) || !(1..=2).contains(&exponent) {
            return false;
        }
        end += 2 + exponent;
    }
    digits <= 15 && end == bytes.len()
}

/// The bytes that a JSON text escapes.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    // The array has a place for each byte.
    #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
    while byte < 256 {
        special[byte] = byte < 0x20 || byte == b'"' as usize || byte == b'\\' as usize;
        byte += 1;
    }
    special
};

fn is_special(byte: u8) -> bool {
    SPECIAL.get(usize::from(byte)).copied().unwrap_or(true)
}

/// Writes a JSON text with its quotes.
pub(super) fn quoted(out: &mut String, text: &str) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = special.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => {
                let digit = |n: u32| HEX.get((n & 15) as usize).copied().unwrap_or('0');
                let code = u32::from(control);
                out.push_str("\\u00");
                out.push(digit(code >> 4));
                out.push(digit(code));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ObjectWriter, filled, is_exact_number};

    #[test]
    fn numbers_are_exact_or_texts() {
        for word in ["0", "-1", "200", "0.25", "-0.5", "1.5e-05", "1e+20", "9223372036854775807"] {
            assert!(is_exact_number(word), "{word}");
            let value: serde_json::Value = serde_json::from_str(word).unwrap();
            assert!(value.is_number(), "{word}");
        }
        for word in [
            "",
            "-",
            "-0",
            "+1",
            "01",
            "1.",
            ".5",
            "1e5",
            "1e",
            "1e+",
            "0x10",
            "1_000",
            "1ms",
            "9223372036854775808",
            "0.1234567890123456",
            "NaN",
            "Infinity",
            "1.2.3",
            "1e+400",
        ] {
            assert!(!is_exact_number(word), "{word}");
        }
    }

    #[test]
    fn objects_hold_lists_and_objects() {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        object.list("none", [""; 0]);
        object.list("two", ["a", "\""]);
        object.object("inner", |inner| inner.word("n", "17"));
        object.text("at", "7");
        object.end();
        assert_eq!(out, r#"{"two":["a","\""],"inner":{"n":17},"at":"7"}"#);
        assert_eq!((filled(&out), filled("{}")), (Some(out.as_str()), None));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(pairs in prop::collection::btree_map(any::<String>(), any::<String>(), 0..5)) {
            let mut out = String::new();
            let mut object = ObjectWriter::new(&mut out);
            pairs.iter().for_each(|(key, text)| object.text(key, text));
            object.end();
            let read: std::collections::BTreeMap<String, String> = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(read, pairs);
        }
    }
}
