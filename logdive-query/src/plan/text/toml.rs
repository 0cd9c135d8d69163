//! TOML, with places.

use logdive_core::{Diagnostic, Span};
use toml::de::{DeTable, DeValue};

use super::node::{Key, Node, Value};
use super::{codes, limits, too_deep, too_many};

/// Most parts of one dotted key. The parser bounds tables in tables, but a dotted key in each of
/// them would still make a tree too deep to drop.
const PARTS: usize = 8;

/// Most `=`, `,`, `{` and `[` outside of texts: a value has two of them at most.
const MARKS: usize = 2 * limits::VALUES;

pub(super) fn node(text: &str) -> Result<Node, Diagnostic> {
    shallow(text)?;
    let table = DeTable::parse(text).map_err(|error| {
        let span =
            error.span().map_or_else(Span::default, |range| Span::new(range.start, range.end));
        Diagnostic::new(codes::SYNTAX, span, format!("this is no TOML: {}", error.message()))
    })?;
    let span = Span::new(0, 0);
    Ok(Node { value: Value::Table(entries(table.get_ref(), 1)?), span })
}

fn entries(table: &DeTable<'_>, depth: usize) -> Result<Vec<(Key, Node)>, Diagnostic> {
    let mut entries: Vec<(Key, Node)> = Vec::with_capacity(table.len());
    for (key, value) in table {
        let (at, name) = (key.span(), key.get_ref().to_string());
        let key = Key { name, span: Span::new(at.start, at.end) };
        let at = value.span();
        entries.push((key, of(value.get_ref(), Span::new(at.start, at.end), depth)?));
    }
    entries.sort_by_key(|(key, _)| key.span.start);
    Ok(entries)
}

fn of(value: &DeValue<'_>, span: Span, depth: usize) -> Result<Node, Diagnostic> {
    if depth >= limits::DEPTH {
        return Err(too_deep(span));
    }
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(_) => Value::Bool,
        DeValue::Datetime(time) => Value::Time(time.to_string()),
        DeValue::Integer(number) => {
            let (digits, radix) = (number.as_str(), number.radix());
            let plain = digits.strip_prefix('+').unwrap_or(digits);
            let number = u64::from_str_radix(plain, radix);
            Value::Number(number.map_or_else(|_| digits.to_owned(), |number| number.to_string()))
        }
        DeValue::Float(number) => Value::Number(number.as_str().to_owned()),
        DeValue::Array(members) => {
            let members = members.iter().map(|member| {
                let at = member.span();
                of(member.get_ref(), Span::new(at.start, at.end), depth + 1)
            });
            Value::List(members.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Table(entries(table, depth + 1)?),
    };
    Ok(Node { value, span })
}

/// Refuses keys of too many parts, and too many values, before a tree is made of them. What stands
/// in texts and comments does not count.
fn shallow(text: &str) -> Result<(), Diagnostic> {
    let bytes = text.as_bytes();
    let (mut at, mut dots, mut values) = (0, 0, 0);
    let find = |from: usize, wanted: &str| {
        text.get(from..).and_then(|rest| rest.find(wanted)).map_or(bytes.len(), |n| from + n)
    };
    while let Some(byte) = bytes.get(at) {
        let quote = if *byte == b'"' { "\"\"\"" } else { "'''" };
        match byte {
            b'#' => at = find(at, "\n"),
            b'"' | b'\'' if bytes.get(at..at + 3) == Some(quote.as_bytes()) => {
                // Escaped quotes inside end the text too early here; what follows is then counted
                // as keys, which errs to the safe side.
                at = find(at + 3, quote) + 3;
                continue;
            }
            b'"' => {
                at += 1;
                while let Some(inside) = bytes.get(at) {
                    match inside {
                        b'\\' => at += 1,
                        b'"' | b'\n' => break,
                        _ => {}
                    }
                    at += 1;
                }
            }
            b'\'' => {
                at += 1;
                at += bytes.iter().skip(at).take_while(|b| !matches!(b, b'\'' | b'\n')).count();
            }
            b'.' => dots += 1,
            b'=' | b',' | b'{' | b'[' => {
                dots = 0;
                values += 1;
            }
            b'\n' | b']' | b'}' => dots = 0,
            _ => {}
        }
        if values > MARKS {
            return Err(too_many(Span::new(at, at + 1)));
        }
        if dots >= PARTS {
            return Err(too_deep(Span::new(at, at + 1)));
        }
        at += 1;
    }
    Ok(())
}
