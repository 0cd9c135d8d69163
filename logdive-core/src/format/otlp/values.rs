//! Values of attributes and bodies (`AnyValue`).
//!
//! Both encodings are read into one flat list, which is used again for the next record: so equal
//! values are written as equal JSON, and reading allocates nothing.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::format::object::{ObjectWriter, quoted};

/// How deep arrays and objects may stand in one another. Four brackets of JSON are one level, and
/// readers of JSON take 128 of them; protobuf's own readers take about as many.
pub(super) const DEPTH: usize = 30;

/// What is said of a value that is nested deeper.
pub(super) fn too_deep() -> String {
    format!("a value is nested deeper than {DEPTH} levels")
}

/// A piece of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// The key of a member; the next token begins its value.
    Key(Cow<'a, str>),
    /// Its elements are the values up to this place.
    Array(usize),
    /// Its members are the keys and values up to this place.
    Object(usize),
}

/// Values one after another, or members: a key, its value, the next key.
#[derive(Debug, Default)]
pub(super) struct Values<'a>(Vec<Token<'a>>);

impl<'a> Values<'a> {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place of the next token.
    pub(super) const fn place(&self) -> usize {
        self.0.len()
    }

    /// Forgets what stands from a place on.
    pub(super) fn truncate(&mut self, place: usize) {
        self.0.truncate(place);
    }

    pub(super) fn push(&mut self, token: Token<'a>) {
        self.0.push(token);
    }

    /// Puts a token in the place of another.
    pub(super) fn set(&mut self, place: usize, token: Token<'a>) {
        if let Some(slot) = self.0.get_mut(place) {
            *slot = token;
        }
    }

    /// Adds a member of the outermost object.
    pub(super) fn member(&mut self, key: &'a str, value: Token<'a>) {
        self.push(Token::Key(Cow::Borrowed(key)));
        self.push(value);
    }

    /// The value at a place.
    pub(super) fn get(&self, place: usize) -> Option<&Token<'a>> {
        self.0.get(place)
    }

    /// The members of the outermost object.
    pub(super) fn members(&self) -> Members<'_, 'a> {
        Members { values: self, at: 0, end: self.0.len() }
    }

    /// Writes the outermost object; whether its keys, and those of the objects inside, are unique.
    /// Of members of one key the last is written.
    pub(super) fn write_object(&self, out: &mut String) -> bool {
        self.object(0, self.0.len(), out)
    }

    /// Writes the value at a place; whether all keys inside are unique.
    pub(super) fn write(&self, place: usize, out: &mut String) -> bool {
        match self.0.get(place) {
            None | Some(Token::Null | Token::Key(_)) => out.push_str("null"),
            Some(Token::Bool(true)) => out.push_str("true"),
            Some(Token::Bool(false)) => out.push_str("false"),
            Some(Token::Int(number)) => {
                let _ = write!(out, "{number}");
            }
            Some(Token::Double(number)) if number.is_finite() => {
                let _ = write!(out, "{number:?}");
            }
            // As protobuf's JSON has them.
            Some(Token::Double(number)) if number.is_nan() => out.push_str("\"NaN\""),
            Some(Token::Double(number)) if *number > 0.0 => out.push_str("\"Infinity\""),
            Some(Token::Double(_)) => out.push_str("\"-Infinity\""),
            Some(Token::Text(text)) => quoted(out, text),
            Some(Token::Bytes(bytes)) => {
                out.push('"');
                STANDARD.encode_string(bytes, out);
                out.push('"');
            }
            Some(Token::Object(end)) => return self.object(place + 1, *end, out),
            Some(Token::Array(end)) => {
                let mut unique = true;
                let mut at = place + 1;
                out.push('[');
                while at < *end {
                    if at > place + 1 {
                        out.push(',');
                    }
                    unique &= self.write(at, out);
                    at = self.behind(at);
                }
                out.push(']');
                return unique;
            }
        }
        true
    }

    fn object(&self, begin: usize, end: usize, out: &mut String) -> bool {
        let members = Members { values: self, at: begin, end };
        let mut unique = members.clone().are_unique();
        let last: Option<HashMap<&str, usize>> = (!unique).then(|| members.clone().collect());
        let mut object = ObjectWriter::new(out);
        for (key, place) in members {
            if last.as_ref().is_none_or(|last| last.get(key) == Some(&place)) {
                unique &= self.write(place, object.value(key));
            }
        }
        object.end();
        unique
    }

    /// The place behind the value at a place.
    fn behind(&self, place: usize) -> usize {
        match self.0.get(place) {
            Some(Token::Array(end) | Token::Object(end)) => (*end).max(place + 1),
            _ => place + 1,
        }
    }
}

/// The keys of an object and the places of their values.
#[derive(Debug, Clone)]
pub(super) struct Members<'v, 'a> {
    values: &'v Values<'a>,
    at: usize,
    end: usize,
}

impl Members<'_, '_> {
    fn are_unique(self) -> bool {
        let mut few = [""; 16];
        let mut many = HashSet::new();
        for (count, (key, _)) in self.enumerate() {
            match few.get_mut(count) {
                Some(slot) => {
                    *slot = key;
                    if few.iter().take(count).any(|known| *known == key) {
                        return false;
                    }
                }
                None => {
                    if many.is_empty() {
                        many.extend(few);
                    }
                    if !many.insert(key) {
                        return false;
                    }
                }
            }
        }
        true
    }
}

impl<'v> Iterator for Members<'v, '_> {
    type Item = (&'v str, usize);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let Some(Token::Key(key)) = self.values.0.get(self.at) else { return None };
        let place = self.at + 1;
        self.at = self.values.behind(place);
        Some((key, place))
    }
}

#[cfg(test)]
mod tests {
    use super::{Token, Values};

    fn written(tokens: Vec<Token<'static>>) -> (String, bool) {
        let mut out = String::new();
        let unique = Values(tokens).write_object(&mut out);
        (out, unique)
    }

    #[test]
    fn values_are_written_as_plain_json() {
        let (out, unique) = written(vec![
            Token::Key("a".into()),
            Token::Array(10),
            Token::Int(i64::MIN),
            Token::Double(637.704),
            Token::Double(f64::NAN),
            Token::Double(f64::NEG_INFINITY),
            Token::Double(1e300),
            Token::Object(10),
            Token::Key("b".into()),
            Token::Bytes(b"\xff\0"[..].into()),
            Token::Key("c\"".into()),
            Token::Object(15),
            Token::Key("d".into()),
            Token::Array(15),
            Token::Bool(true),
            Token::Key("e".into()),
            Token::Double(1.0),
        ]);
        let a = r#"[-9223372036854775808,637.704,"NaN","-Infinity",1e300,{"b":"/wA="}]"#;
        assert_eq!(out, format!(r#"{{"a":{a},"c\"":{{"d":[true]}},"e":1.0}}"#));
        assert!(unique);
    }

    #[test]
    fn of_members_of_one_key_the_last_is_written() {
        let member = |key: &'static str, value| [Token::Key(key.into()), Token::Int(value)];
        let twice = [member("a", 1), member("b", 2), member("a", 3)].concat();
        assert_eq!(written(twice), (r#"{"b":2,"a":3}"#.to_owned(), false));
        const KEYS: &str = "abcdefghijklmnopqrstuvwxyz";
        let many = |last| {
            let keys = (0..26).filter_map(|at| KEYS.get(at..at + 1)).chain([last]);
            written(keys.flat_map(|key| member(key, 0)).collect())
        };
        assert!(!many("x").1);
        assert!(!many("b").1);
        assert!(many("xx").1);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&many("x").0).unwrap()["x"], 0);
        let inside = vec![
            Token::Key("a".into()),
            Token::Object(6),
            Token::Key("b".into()),
            Token::Int(1),
            Token::Key("b".into()),
            Token::Int(2),
        ];
        assert_eq!(written(inside), (r#"{"a":{"b":2}}"#.to_owned(), false));
    }
}
