//! JSON, with places. (serde's JSON does not tell where a value stands.)

use std::collections::HashSet;

use logdive_core::{Diagnostic, Span};

use super::node::{Key, Node, Value};
use super::{codes, limits, too_deep, too_many};

pub(super) fn node(text: &str) -> Result<Node, Diagnostic> {
    let mut reader = Reader { text, at: 0, values: 0 };
    let node = reader.value(1)?;
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.expected("the end")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expected(&self, what: &str) -> Diagnostic {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let found = rest.chars().next();
        let length = found.map_or(0, char::len_utf8);
        let found = found
            .map_or_else(|| "the end".to_owned(), |found| format!("`{}`", found.escape_default()));
        let message = format!("this is no JSON: expected {what}, found {found}");
        Diagnostic::new(codes::SYNTAX, Span::new(self.at, self.at + length), message)
    }

    fn value(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        self.space();
        let start = self.at;
        if depth > limits::DEPTH {
            return Err(too_deep(Span::new(start, start + 1)));
        }
        self.values += 1;
        if self.values > limits::VALUES {
            return Err(too_many(Span::new(start, start + 1)));
        }
        let value = match self.peek() {
            Some(b'{') => self.table(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.quoted()?),
            _ => {
                let bytes = self.text.as_bytes().iter().skip(self.at);
                let plain = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                let length = bytes.take_while(plain).count();
                let word = self.text.get(start..start + length).unwrap_or_default();
                let value = match word {
                    "null" => Value::Null,
                    "true" | "false" => Value::Bool,
                    number if number.parse::<serde_json::Number>().is_ok() => {
                        Value::Number(number.to_owned())
                    }
                    _ => return Err(self.expected("a value")),
                };
                self.at += length;
                value
            }
        };
        Ok(Node { value, span: Span::new(start, self.at) })
    }

    fn table(&mut self, depth: usize) -> Result<Value, Diagnostic> {
        self.at += 1;
        let mut entries = Vec::new();
        let mut names = HashSet::new();
        if self.eat(b'}') {
            return Ok(Value::Table(entries));
        }
        loop {
            self.space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in quotes"));
            }
            let name = self.quoted()?;
            let span = Span::new(start, self.at);
            if !names.insert(name.clone()) {
                let name = crate::plan::error::short(&name);
                let message = format!("the key `{name}` stands twice");
                return Err(Diagnostic::new(codes::KEY, span, message).help("remove one"));
            }
            if !self.eat(b':') {
                return Err(self.expected("`:`"));
            }
            entries.push((Key { name, span }, self.value(depth + 1)?));
            if !self.eat(b',') {
                break;
            }
        }
        if self.eat(b'}') { Ok(Value::Table(entries)) } else { Err(self.expected("`,` or `}`")) }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Diagnostic> {
        self.at += 1;
        let mut members = Vec::new();
        if self.eat(b']') {
            return Ok(Value::List(members));
        }
        loop {
            members.push(self.value(depth + 1)?);
            if !self.eat(b',') {
                break;
            }
        }
        if self.eat(b']') { Ok(Value::List(members)) } else { Err(self.expected("`,` or `]`")) }
    }

    fn quoted(&mut self) -> Result<String, Diagnostic> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => {
                    let message = "this is no JSON: a text without its closing quote";
                    let span = Span::new(start, start + 1);
                    return Err(Diagnostic::new(codes::SYNTAX, span, message));
                }
            }
        }
        self.at += 1;
        let raw = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(raw).map_err(|error| {
            // Its line and column are those inside of the text alone.
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or_default();
            let message = format!("this is no JSON text: {why}");
            Diagnostic::new(codes::SYNTAX, Span::new(start, self.at), message)
        })
    }
}
