//! Values and attributes as protobuf: `AnyValue`, `KeyValue`.

use std::borrow::Cow;

use super::{text, wrong};
use crate::format::otlp::notes::Notes;
use crate::format::otlp::values::{DEPTH, Token, Values, too_deep};
use crate::format::protobuf::{Fields, Value};

/// Reads a value.
pub(super) fn any_value<'a>(message: &'a [u8], values: &mut Values<'a>, notes: &mut Notes) {
    any(message, values, notes, DEPTH);
}

/// Reads an attribute: a key and its value.
pub(super) fn key_value<'a>(message: &'a [u8], values: &mut Values<'a>, notes: &mut Notes) {
    member(message, values, notes, DEPTH);
}

fn any<'a>(message: &'a [u8], values: &mut Values<'a>, notes: &mut Notes, depth: usize) {
    let place = values.place();
    for field in Fields::of(message) {
        let field = match field {
            Ok(field) => field,
            Err(broken) => {
                notes.error(|| format!("a value is broken: {}", broken.why));
                break;
            }
        };
        if !(1..=7).contains(&field.number) {
            notes.lossy = true;
            continue;
        }
        // Of several the last counts.
        notes.lossy |= values.place() > place;
        values.truncate(place);
        match (field.number, field.value) {
            (1, Value::Bytes(bytes)) => {
                values.push(Token::Text(text(bytes, "string_value", notes)))
            }
            (2, Value::Varint(number)) => values.push(Token::Bool(number != 0)),
            (3, Value::Varint(number)) => values.push(Token::Int(number.cast_signed())),
            (4, Value::Fixed64(bits)) => values.push(Token::Double(f64::from_bits(bits))),
            (5 | 6, Value::Bytes(list)) => {
                values.push(Token::Null);
                let Some(depth) = depth.checked_sub(1) else {
                    notes.error(too_deep);
                    continue;
                };
                let array = field.number == 5;
                elements(list, values, notes, array, depth);
                let end = values.place();
                values.set(place, if array { Token::Array(end) } else { Token::Object(end) });
            }
            (7, Value::Bytes(bytes)) => values.push(Token::Bytes(Cow::Borrowed(bytes))),
            _ => {
                wrong(field, "value", notes);
                values.push(Token::Null);
            }
        }
    }
    if values.place() == place {
        values.push(Token::Null);
    }
}

/// Reads the elements of an array or the members of an object: field 1 of its message.
fn elements<'a>(
    list: &'a [u8],
    values: &mut Values<'a>,
    notes: &mut Notes,
    array: bool,
    depth: usize,
) {
    for field in Fields::of(list) {
        match field.map(|field| (field.number, field.value, field)) {
            Ok((1, Value::Bytes(message), _)) if array => any(message, values, notes, depth),
            Ok((1, Value::Bytes(message), _)) => member(message, values, notes, depth),
            Ok((1, _, field)) => wrong(field, "list", notes),
            Ok(_) => notes.lossy = true,
            Err(broken) => notes.error(|| format!("a list of values is broken: {}", broken.why)),
        }
    }
}

fn member<'a>(message: &'a [u8], values: &mut Values<'a>, notes: &mut Notes, depth: usize) {
    let place = values.place();
    let wrong_before = notes.error.is_some();
    values.push(Token::Key(Cow::Borrowed("")));
    let mut keyed = false;
    for field in Fields::of(message) {
        let field = match field {
            Ok(field) => field,
            Err(broken) => {
                notes.error(|| format!("it is broken: {}", broken.why));
                break;
            }
        };
        match (field.number, field.value) {
            (1, Value::Bytes(bytes)) => {
                notes.lossy |= keyed;
                keyed = true;
                values.set(place, Token::Key(text(bytes, "key", notes)));
            }
            (2, Value::Bytes(message)) => {
                notes.lossy |= values.place() > place + 1;
                values.truncate(place + 1);
                any(message, values, notes, depth);
            }
            (1 | 2, _) => wrong(field, "attribute", notes),
            _ => notes.lossy = true,
        }
    }
    if values.place() == place + 1 {
        values.push(Token::Null);
    }
    if !wrong_before && let Some(Token::Key(key)) = values.get(place) {
        notes.within(|| format!("attribute `{key}`"));
    }
}
