//! Structured data of RFC 5424: `[id name="value" …][…]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::cursor::Cursor;
use super::super::object::ObjectWriter;

/// Where the structured data at the beginning of a text ends; `None` if it does not end or is
/// none.
pub(super) fn end(text: &str) -> Option<usize> {
    let mut cursor = Cursor::new(text);
    while cursor.first() == Some(b'[') {
        Element::read(&mut cursor, |_, _| {})?;
    }
    let taken = text.len() - cursor.rest().len();
    (taken > 0 && matches!(cursor.first(), None | Some(b' ' | b'\n'))).then_some(taken)
}

/// Writes structured data as an object of objects. Names that occur several times in an element
/// have a list of their values.
pub(super) fn write(text: &str, object: &mut ObjectWriter<'_>) {
    let mut elements: BTreeMap<&str, BTreeMap<&str, Vec<Cow<'_, str>>>> = BTreeMap::new();
    let mut cursor = Cursor::new(text);
    while cursor.first() == Some(b'[') {
        let mut parameters = Vec::new();
        let read = Element::read(&mut cursor, |name, value| parameters.push((name, value)));
        let Some(Element { id }) = read else { break };
        let element = elements.entry(id).or_default();
        for (name, value) in parameters {
            element.entry(name).or_default().push(unescape(value));
        }
    }
    for (id, element) in &elements {
        object.object(id, |object| {
            for (name, values) in element {
                match values.as_slice() {
                    [value] => object.text(name, value),
                    values => object.list(name, values),
                }
            }
        });
    }
}

struct Element<'a> {
    id: &'a str,
}

impl<'a> Element<'a> {
    fn read(cursor: &mut Cursor<'a>, mut each: impl FnMut(&'a str, &'a str)) -> Option<Self> {
        if !cursor.eat("[") {
            return None;
        }
        let id = name(cursor)?;
        loop {
            if cursor.eat("]") {
                return Some(Self { id });
            }
            cursor.spaces();
            if cursor.eat("]") {
                return Some(Self { id });
            }
            let name = name(cursor)?;
            if !cursor.eat("=\"") {
                return None;
            }
            each(name, value(cursor)?);
        }
    }
}

/// A name: printable ASCII but `=`, space, `]` and `"`.
fn name<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let is_name = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'=' | b']' | b'"');
    let len = cursor.rest().bytes().take_while(is_name).count();
    Some(cursor.take(len)).filter(|name| !name.is_empty())
}

/// A value up to its quote, which is stepped over.
fn value<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let bytes = cursor.rest().as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            let value = cursor.take(at);
            cursor.take(1);
            return Some(value);
        }
        at += 2;
    }
}

/// Resolves `\"`, `\\` and `\]`; other backslashes stay.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, chars.peek()) {
            ('\\', Some(escaped @ ('"' | '\\' | ']'))) => {
                out.push(*escaped);
                chars.next();
            }
            _ => out.push(char),
        }
    }
    Cow::Owned(out)
}
