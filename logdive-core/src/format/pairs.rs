//! `key=value key="quoted value" flag`, as logfmt has it.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cursor::Cursor;
use super::object::ObjectWriter;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// There is none: the key stands alone.
    Flag,
    /// As it is written.
    Word(&'a str),
    /// Between quotes, escapes resolved.
    Quoted(Cow<'a, str>),
}

impl Value<'_> {
    /// The value as text.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Flag => "true",
            Self::Word(text) => text,
            Self::Quoted(text) => text,
        }
    }
}

/// A key and its value.
pub(super) type Pair<'a> = (&'a str, Value<'a>);

/// Reads pairs one after another. What has no key (`=x`, a text in quotes) is stepped over.
#[derive(Debug)]
pub(super) struct Pairs<'a> {
    cursor: Cursor<'a>,
    /// Whether a value in brackets goes up to the bracket that closes it, as klog writes lists
    /// and structs; else, and if none closes it, up to the next space.
    brackets: bool,
    unclosed: bool,
}

impl<'a> Pairs<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { cursor: Cursor::new(text), brackets: false, unclosed: false }
    }

    pub(super) const fn with_brackets(text: &'a str) -> Self {
        Self { brackets: true, ..Self::new(text) }
    }

    /// Whether the quotes of the last value do not end; it goes up to the end then.
    pub(super) const fn is_unclosed(&self) -> bool {
        self.unclosed
    }

    fn value(&mut self) -> Value<'a> {
        match self.cursor.first() {
            Some(b'"') => Value::Quoted(self.quoted()),
            Some(b'{' | b'[' | b'<') if self.brackets => {
                // If one is not closed, those behind it are not looked at: each byte is read once.
                match bracketed(self.cursor.rest()) {
                    Some(len) => Value::Word(self.cursor.take(len)),
                    None => {
                        self.brackets = false;
                        Value::Word(word(&mut self.cursor))
                    }
                }
            }
            _ => Value::Word(word(&mut self.cursor)),
        }
    }

    fn quoted(&mut self) -> Cow<'a, str> {
        self.cursor.take(1);
        let (text, closed) = quoted(&mut self.cursor);
        self.unclosed |= !closed;
        text
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        loop {
            self.cursor = Cursor::new(self.cursor.rest().trim_start_matches(|c: char| c <= ' '));
            let is_key = |byte: &u8| *byte > b' ' && *byte != b'=' && *byte != b'"';
            let len = self.cursor.rest().bytes().take_while(is_key).count();
            let key = self.cursor.take(len);
            let has_value = self.cursor.eat("=");
            match (key.is_empty(), has_value) {
                (false, true) => return Some((key, self.value())),
                (true, true) => drop(self.value()),
                // A quote is no part of a key.
                (_, false) if self.cursor.first() == Some(b'"') => drop(self.quoted()),
                (false, false) => return Some((key, Value::Flag)),
                (true, false) => return None,
            }
        }
    }
}

/// Writes pairs; of those with one key the last, and none whose key is taken.
pub(super) fn write_pairs(pairs: &[Pair<'_>], taken: &[&str], object: &mut ObjectWriter<'_>) {
    let last = Last::new(pairs);
    for (at, (key, value)) in pairs.iter().enumerate() {
        if !last.is_last(at, key) || taken.contains(key) {
            continue;
        }
        match value {
            Value::Flag | Value::Word("true") => object.json(key, "true"),
            Value::Word("false") => object.json(key, "false"),
            Value::Word(word) => object.word(key, word),
            Value::Quoted(text) => object.text(key, text),
        }
    }
}

/// Where each key occurs last.
enum Last<'p, 'a> {
    /// A line has few keys, mostly: looking through them costs less than a table.
    Few(&'p [Pair<'a>]),
    Many(HashMap<&'a str, usize>),
}

impl<'p, 'a> Last<'p, 'a> {
    fn new(pairs: &'p [Pair<'a>]) -> Self {
        if pairs.len() <= 32 {
            return Self::Few(pairs);
        }
        Self::Many(pairs.iter().enumerate().map(|(at, (key, _))| (*key, at)).collect())
    }

    fn is_last(&self, at: usize, key: &str) -> bool {
        match self {
            Self::Few(pairs) => pairs.iter().skip(at + 1).all(|(other, _)| *other != key),
            Self::Many(places) => places.get(key) == Some(&at),
        }
    }
}

/// Takes what stands in front of the next white space.
fn word<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    let len = cursor.rest().bytes().take_while(|byte| *byte > b' ').count();
    cursor.take(len)
}

/// Takes a text up to its quote, which is stepped over, and says whether there was one.
pub(super) fn quoted<'a>(cursor: &mut Cursor<'a>) -> (Cow<'a, str>, bool) {
    let bytes = cursor.rest().as_bytes();
    let mut at = 0;
    let mut escapes = false;
    let end = loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match memchr::memchr2(b'"', b'\\', rest) {
            None => break None,
            Some(found) if rest.get(found) == Some(&b'"') => break Some(at + found),
            Some(found) => {
                escapes = true;
                at += found + 2;
            }
        }
    };
    let text = cursor.take(end.unwrap_or(bytes.len()));
    cursor.take(1);
    let text = if escapes { Cow::Owned(unescape(text)) } else { Cow::Borrowed(text) };
    (text, end.is_some())
}

/// Resolves the escapes of JSON and of Go; an unknown one stays as it is written.
fn unescape(text: &str) -> String {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        let mut cursor = Cursor::new(escape);
        let simple = match cursor.first() {
            Some(byte @ (b'"' | b'\\' | b'/' | b'\'')) => Some(byte),
            Some(b'n') => Some(b'\n'),
            Some(b'r') => Some(b'\r'),
            Some(b't') => Some(b'\t'),
            Some(b'b') => Some(8),
            Some(b'f') => Some(12),
            Some(b'a') => Some(7),
            Some(b'v') => Some(11),
            _ => None,
        };
        if let Some(byte) = simple {
            cursor.take(1);
            out.push(byte);
        } else if let Some(byte) = number(&mut cursor, "x", 2) {
            out.push(u8::try_from(byte).unwrap_or_default());
        } else if let Some(char) = unicode(&mut cursor) {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            out.push(b'\\');
        }
        rest = cursor.rest();
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&out).into_owned()
}

/// `u00e9`, `ud83dude00` with a backslash between, `U0001f600`.
fn unicode(cursor: &mut Cursor<'_>) -> Option<char> {
    if let Some(code) = number(cursor, "U", 8) {
        return Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    let high = number(cursor, "u", 4)?;
    if (0xd800..0xdc00).contains(&high) {
        let mut ahead = *cursor;
        if let Some(low @ 0xdc00..0xe000) = number(&mut ahead, "\\u", 4) {
            *cursor = ahead;
            return char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
        }
    }
    Some(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Takes a prefix and so many hexadecimal digits, if both are there.
fn number(cursor: &mut Cursor<'_>, prefix: &str, digits: usize) -> Option<u32> {
    let mut ahead = *cursor;
    if !ahead.eat(prefix) {
        return None;
    }
    let digits = ahead.take(digits);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(digits, 16).ok()?;
    *cursor = ahead;
    Some(number)
}

/// Where a value in brackets ends, brackets in quotes aside; `<` ends with `>` on a line of its
/// own, as klog writes texts of several lines.
fn bracketed(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() == Some(&b'<') {
        bytes.get(1).filter(|byte| **byte == b'\n')?;
        return memchr::memmem::find(bytes, b"\n >").map(|at| at + 3);
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            b'"' => {
                while let Some(inner) = bytes.get(at).filter(|inner| **inner != b'"') {
                    at += if *inner == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Pairs, Value};

    fn read(text: &str) -> Vec<(&str, Option<String>)> {
        let text_of = |value: Value<'_>| match value {
            Value::Flag => None,
            value => Some(value.text().to_owned()),
        };
        Pairs::new(text).map(|(key, value)| (key, text_of(value))).collect()
    }

    #[test]
    fn pairs_of_all_kinds() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read("a=1 b=\"x y\" flag c= d=\"q\\\"\\n\\u00e9\\ud83d\\ude00\\xc3\\xa9\\q\" e=/p?q=1"),
            [
                ("a", some("1")),
                ("b", some("x y")),
                ("flag", None),
                ("c", some("")),
                ("d", some("q\"\néé😀".replace("éé😀", "é😀é\\q").as_str())),
                ("e", some("/p?q=1")),
            ]
        );
        assert_eq!(read("=x \"stray\" = a=b"), [("a", some("b"))]);
        assert_eq!(read(" \t"), []);
        let mut open = Pairs::new("a=\"b c");
        assert_eq!(open.next(), Some(("a", Value::Quoted("b c".into()))));
        assert!(open.is_unclosed());
    }

    #[test]
    fn brackets_are_one_value_if_asked_for() {
        let mut pairs = Pairs::with_brackets("a={\"x\":\"}\", y:[1 2]} b=<\n\tc d\n > e=[1 2");
        let mut next = || pairs.next().map(|(key, value)| (key, value.text().to_owned()));
        assert_eq!(next().unwrap(), ("a", "{\"x\":\"}\", y:[1 2]}".to_owned()));
        assert_eq!(next().unwrap(), ("b", "<\n\tc d\n >".to_owned()));
        assert_eq!(next().unwrap(), ("e", "[1".to_owned()));
        assert_eq!(next().unwrap(), ("2", "true".to_owned()));
        assert_eq!(next(), None);
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read(value in any::<String>()) {
            let text = format!("a={} b=1", serde_json::to_string(&value).unwrap());
            let pairs: Vec<_> = Pairs::new(&text).collect();
            prop_assert_eq!(pairs, [("a", Value::Quoted(value.into())), ("b", Value::Word("1"))]);
        }

        #[test]
        fn any_text_ends(text in any::<String>()) {
            for pairs in [Pairs::new(&text), Pairs::with_brackets(&text)] {
                prop_assert!(pairs.count() <= text.len());
            }
        }
    }
}
