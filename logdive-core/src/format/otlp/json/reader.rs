//! Reads JSON in place, piece by piece.
//!
//! A number is given as it is written: a double is the nearest to its digits, and 64 bits are
//! exact, which `serde_json` promises only with features that cost every user of it.
//!
//! Source: RFC 8259.

use std::borrow::Cow;

/// How deep arrays and objects may stand in one another, as in `serde_json`.
const DEPTH: usize = 127;

/// Where a text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotJson {
    /// Bytes in front.
    pub(super) at: usize,
    pub(super) why: &'static str,
}

type Read<T> = Result<T, NotJson>;

/// A value. Of arrays and objects this is the beginning, which is not yet read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// The digits as they are written.
    Number(&'a str),
    Text(Cow<'a, str>),
    Array,
    Object,
}

#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    replaced: bool,
}

impl<'a> Reader<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0, replaced: false }
    }

    /// Whether something in a text was replaced since this was asked last: it is no UTF-8, or
    /// half of a pair of escapes.
    pub(super) const fn take_replaced(&mut self) -> bool {
        std::mem::replace(&mut self.replaced, false)
    }

    /// Checks that nothing follows.
    pub(super) fn end(&mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail("something follows the value"),
        }
    }

    /// The bytes that are not yet read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    /// The next value; an array or object is read by what reads its elements, or skipped.
    pub(super) fn value(&mut self) -> Read<Json<'a>> {
        match self.peek() {
            Some(b'{') => Ok(Json::Object),
            Some(b'[') => Ok(Json::Array),
            Some(b'"') => self.text().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            _ => {
                for (word, value) in [
                    (&b"null"[..], Json::Null),
                    (b"true", Json::Bool(true)),
                    (b"false", Json::Bool(false)),
                ] {
                    if self.rest().starts_with(word) {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                self.fail("a value is expected")
            }
        }
    }

    /// Reads over a value.
    pub(super) fn skip(&mut self) -> Read<()> {
        match self.value()? {
            Json::Array => self.array(Self::skip),
            Json::Object => self.object(|reader, _| reader.skip()),
            _ => Ok(()),
        }
    }

    /// Reads over a value of which the beginning was given.
    pub(super) fn skip_rest(&mut self, begun: &Json<'a>) -> Read<()> {
        if matches!(begun, Json::Array | Json::Object) { self.skip() } else { Ok(()) }
    }

    /// Reads an array; each element by the function.
    pub(super) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.open(b'[')?;
        if !self.take(b']') {
            loop {
                each(self)?;
                if self.take(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads an object; the value of each key by the function.
    pub(super) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, Cow<'a, str>) -> Read<()>,
    ) -> Read<()> {
        self.open(b'{')?;
        if !self.take(b'}') {
            loop {
                let key = self.key()?;
                each(self, key)?;
                if self.take(b'}') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a key and the colon behind it.
    pub(super) fn key(&mut self) -> Read<Cow<'a, str>> {
        if self.peek() != Some(b'"') {
            return self.fail("a key is expected");
        }
        let key = self.text()?;
        self.expect(b':')?;
        Ok(key)
    }

    fn open(&mut self, bracket: u8) -> Read<()> {
        self.expect(bracket)?;
        self.depth += 1;
        if self.depth > DEPTH { self.fail("it is nested too deep") } else { Ok(()) }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Read<()> {
        if self.take(byte) {
            return Ok(());
        }
        self.fail(match byte {
            b',' => "a comma or the end is expected",
            b':' => "a colon is expected",
            _ => "an array or an object is expected",
        })
    }

    const fn fail<T>(&self, why: &'static str) -> Read<T> {
        Err(NotJson { at: self.at, why })
    }

    fn number(&mut self) -> Read<&'a str> {
        let from = self.at;
        self.at += usize::from(self.here() == Some(b'-'));
        let first = self.here();
        let whole = self.digits();
        if whole == 0 || (whole > 1 && first == Some(b'0')) {
            return self.fail("this is no number");
        }
        if self.here() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return self.fail("digits are expected");
            }
        }
        if matches!(self.here(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.here(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return self.fail("digits are expected");
            }
        }
        let digits = self.bytes.get(from..self.at).unwrap_or_default();
        std::str::from_utf8(digits).or_else(|_| self.fail("this is no number"))
    }

    fn here(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// Reads a text; the quote is the next byte.
    fn text(&mut self) -> Read<Cow<'a, str>> {
        self.at += 1;
        let plain = self.plain()?;
        if self.take_quote() {
            return Ok(plain);
        }
        let mut text = plain.into_owned();
        loop {
            self.escape(&mut text)?;
            text.push_str(&self.plain()?);
            if self.take_quote() {
                return Ok(Cow::Owned(text));
            }
        }
    }

    fn take_quote(&mut self) -> bool {
        let found = self.here() == Some(b'"');
        self.at += usize::from(found);
        found
    }

    /// The text up to the next quote or escape.
    fn plain(&mut self) -> Read<Cow<'a, str>> {
        let rest = self.rest();
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
        let Some(length) = rest.iter().position(ends) else {
            self.at = self.bytes.len();
            return self.fail("a text does not end");
        };
        self.at += length;
        if self.here().is_some_and(|byte| byte < 0x20) {
            return self.fail("a control character in a text");
        }
        let text = String::from_utf8_lossy(rest.get(..length).unwrap_or_default());
        self.replaced |= matches!(text, Cow::Owned(_));
        Ok(text)
    }

    fn escape(&mut self, text: &mut String) -> Read<()> {
        self.at += 1;
        let escaped = self.here();
        self.at += 1;
        text.push(match escaped {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.hex4()?;
                match self.pair(unit) {
                    Some(char) => char,
                    None => {
                        self.replaced = true;
                        char::REPLACEMENT_CHARACTER
                    }
                }
            }
            _ => return self.fail("an escape that JSON does not have"),
        });
        Ok(())
    }

    /// The character of a UTF-16 unit, with the unit that follows where it is half of a pair.
    fn pair(&mut self, unit: u32) -> Option<char> {
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit);
        }
        if !self.rest().starts_with(b"\\u") {
            return None;
        }
        let before = self.at;
        self.at += 2;
        match self.hex4() {
            Ok(low @ 0xdc00..0xe000) => {
                char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
            }
            _ => {
                // It stands for itself, or is an error of its own.
                self.at = before;
                None
            }
        }
    }

    fn hex4(&mut self) -> Read<u32> {
        let digits = self.rest().get(..4).unwrap_or_default();
        let unit = digits.iter().try_fold(0, |unit, byte| {
            char::from(*byte).to_digit(16).map(|digit| unit << 4 | digit)
        });
        match unit {
            Some(unit) if digits.len() == 4 => {
                self.at += 4;
                Ok(unit)
            }
            _ => self.fail("four hexadecimal digits are expected"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Json, Read, Reader};

    fn read(reader: &mut Reader<'_>) -> Read<Value> {
        Ok(match reader.value()? {
            Json::Null => Value::Null,
            Json::Bool(value) => value.into(),
            Json::Number(digits) => serde_json::from_str(digits).unwrap(),
            Json::Text(text) => text.into_owned().into(),
            Json::Array => {
                let mut array = Vec::new();
                reader.array(|reader| {
                    array.push(read(reader)?);
                    Ok(())
                })?;
                array.into()
            }
            Json::Object => {
                let mut object = serde_json::Map::new();
                reader.object(|reader, key| {
                    object.insert(key.into_owned(), read(reader)?);
                    Ok(())
                })?;
                object.into()
            }
        })
    }

    fn whole(bytes: &[u8]) -> Option<Value> {
        let mut reader = Reader::of(bytes);
        let value = read(&mut reader).ok()?;
        reader.end().ok()?;
        let mut skipper = Reader::of(bytes);
        assert!(skipper.skip().and_then(|()| skipper.end()).is_ok(), "skipping reads the same");
        (!reader.take_replaced()).then_some(value)
    }

    #[test]
    fn it_takes_what_json_is_and_nothing_else() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for text in [
            r#" {"a" : [1, -0.5e+3, true, null, "\u00e9\ud83d\ude00\n\/"], "": {}} "#,
            "01",
            "1.",
            "-",
            "1e",
            "+1",
            "tru",
            "nullx",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "[1 2]",
            "\"\\x\"",
            "\"\n\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"a",
            "",
            " ",
            "1 2",
            "[",
            "{\"a\"",
            "{\"a\" 1}",
            "]",
            "\"\\",
            "\"\\u",
            "-1",
            "0",
            "1e400",
            "\"\\udc00\\ud800\"",
            &deep(127),
            &deep(128),
            &deep(100_000),
        ] {
            // A number that no double holds is a number of JSON nevertheless.
            let ours = if text == "1e400" { None } else { whole(text.as_bytes()) };
            assert_eq!(ours, serde_json::from_str(text).ok(), "{text:.40}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(text in r#"([\[\]{}:,"\\ u0-9a-e.+-]|"k":|\[1,|"\\ud83d\\ude00"|true){0,14}"#) {
            prop_assert_eq!(whole(text.as_bytes()), serde_json::from_str(&text).ok());
        }

        #[test]
        fn any_text_is_read(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(whole(json.as_bytes()), Some(Value::String(text)));
        }
    }
}
