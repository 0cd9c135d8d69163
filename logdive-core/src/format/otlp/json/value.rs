//! Values and attributes as JSON: `AnyValue`, `KeyValue`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::number::whole;
use super::reader::{Json, NotJson, Reader};
use crate::format::otlp::notes::Notes;
use crate::format::otlp::values::{DEPTH, Token, Values, too_deep};

type Read<T> = Result<T, NotJson>;

/// A value of a key that is expected to be no array and no object.
#[derive(Debug)]
pub(super) struct Scalar<'k, 'a> {
    key: &'k str,
    value: Json<'a>,
}

impl<'k, 'a> Scalar<'k, 'a> {
    /// Reads the value of a key.
    pub(super) fn read(reader: &mut Reader<'a>, key: &'k str) -> Read<Self> {
        let value = reader.value()?;
        reader.skip_rest(&value)?;
        Ok(Self { key, value })
    }

    /// The text; empty if it is null or no text.
    pub(super) fn text(self, notes: &mut Notes) -> Cow<'a, str> {
        match self.value {
            Json::Text(text) => text,
            Json::Null => Cow::Borrowed(""),
            _ => {
                self.wrong("no text", notes);
                Cow::Borrowed("")
            }
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number; `None` if it is null, or no number of this type.
    pub(super) fn number<N: TryFrom<i128>>(&self, notes: &mut Notes) -> Option<N> {
        let text = match &self.value {
            Json::Number(text) => text,
            Json::Text(text) => &**text,
            Json::Null => return None,
            _ => "",
        };
        let number = whole(text).and_then(|number| N::try_from(number).ok());
        if number.is_none() {
            self.wrong("no whole number, or one out of its range", notes);
        }
        number
    }

    pub(super) fn wrong(&self, what: &str, notes: &mut Notes) {
        notes.error(|| format!("`{:.80}` is {what}", self.key));
    }

    fn double(&self) -> Option<f64> {
        match &self.value {
            Json::Number(text) => text.parse().ok().filter(|double: &f64| double.is_finite()),
            Json::Text(text) => match &**text {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                text => text.parse().ok().filter(|double: &f64| double.is_finite()),
            },
            _ => None,
        }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        /// Padded or not.
        const BASE64: GeneralPurpose = GeneralPurpose::new(
            &STANDARD,
            GeneralPurposeConfig::new()
                .with_decode_padding_mode(DecodePaddingMode::Indifferent)
                .with_decode_allow_trailing_bits(true),
        );
        let text = self.as_text()?;
        if text.contains(['-', '_']) {
            return BASE64.decode(text.replace('-', "+").replace('_', "/")).ok();
        }
        BASE64.decode(text).ok()
    }
}

/// Reads a value: an object with one key, which names the type.
pub(super) fn any_value<'a>(
    reader: &mut Reader<'a>,
    values: &mut Values<'a>,
    notes: &mut Notes,
) -> Read<()> {
    any(reader, values, notes, DEPTH)
}

/// Reads attributes: an array of keys and values.
pub(super) fn key_values<'a>(
    reader: &mut Reader<'a>,
    values: &mut Values<'a>,
    notes: &mut Notes,
) -> Read<()> {
    array(reader, "attributes", values, notes, |reader, values, notes| {
        member(reader, values, notes, DEPTH)
    })
}

fn any<'a>(
    reader: &mut Reader<'a>,
    values: &mut Values<'a>,
    notes: &mut Notes,
    depth: usize,
) -> Read<()> {
    let place = values.place();
    match reader.value()? {
        Json::Null => {}
        Json::Object => reader.object(|reader, key| {
            let begun = reader.peek();
            let list = match &*key {
                "arrayValue" | "array_value" => Some(true),
                "kvlistValue" | "kvlist_value" => Some(false),
                _ => None,
            };
            if let Some(is_array) = list.filter(|_| begun == Some(b'{')) {
                replace(values, place, Token::Null, notes);
                let Some(depth) = depth.checked_sub(1) else {
                    notes.error(too_deep);
                    return reader.skip();
                };
                elements(reader, values, notes, is_array, depth)?;
                let end = values.place();
                values.set(place, if is_array { Token::Array(end) } else { Token::Object(end) });
                return Ok(());
            }
            let scalar = Scalar::read(reader, &key)?;
            // A key of which the value is null is not there.
            if !matches!(scalar.value, Json::Null)
                && let Some(token) = token(scalar, notes)
            {
                replace(values, place, token, notes);
            }
            Ok(())
        })?,
        other => {
            reader.skip_rest(&other)?;
            notes.error(|| "a value is no object that names its type".to_owned());
        }
    }
    if values.place() == place {
        values.push(Token::Null);
    }
    Ok(())
}

/// Puts a value at a place. Of several the last counts.
fn replace<'a>(values: &mut Values<'a>, place: usize, token: Token<'a>, notes: &mut Notes) {
    notes.lossy |= values.place() > place;
    values.truncate(place);
    values.push(token);
}

/// The value of a key that names its type; `None` if it names none.
fn token<'a>(scalar: Scalar<'_, 'a>, notes: &mut Notes) -> Option<Token<'a>> {
    let found = match scalar.key {
        "stringValue" | "string_value" => match scalar.value {
            Json::Text(text) => return Some(Token::Text(text)),
            _ => None,
        },
        "boolValue" | "bool_value" => match scalar.value {
            Json::Bool(bool) => Some(Token::Bool(bool)),
            _ => None,
        },
        "intValue" | "int_value" => {
            return scalar.number(notes).map(Token::Int).or(Some(Token::Null));
        }
        "doubleValue" | "double_value" => scalar.double().map(Token::Double),
        "bytesValue" | "bytes_value" => scalar.bytes().map(|bytes| Token::Bytes(bytes.into())),
        "arrayValue" | "array_value" | "kvlistValue" | "kvlist_value" => None,
        _ => {
            notes.lossy = true;
            return None;
        }
    };
    if found.is_none() {
        scalar.wrong("no such value", notes);
    }
    Some(found.unwrap_or(Token::Null))
}

/// Reads the elements of an array or the members of an object: `{"values": [ … ]}`.
fn elements<'a>(
    reader: &mut Reader<'a>,
    values: &mut Values<'a>,
    notes: &mut Notes,
    is_array: bool,
    depth: usize,
) -> Read<()> {
    reader.object(|reader, key| {
        if key != "values" {
            notes.lossy = true;
            return reader.skip();
        }
        array(reader, "values", values, notes, |reader, values, notes| {
            if is_array {
                any(reader, values, notes, depth)
            } else {
                member(reader, values, notes, depth)
            }
        })
    })
}

/// Reads an array; null is an empty one.
fn array<'a>(
    reader: &mut Reader<'a>,
    key: &str,
    values: &mut Values<'a>,
    notes: &mut Notes,
    each: impl Fn(&mut Reader<'a>, &mut Values<'a>, &mut Notes) -> Read<()>,
) -> Read<()> {
    match reader.value()? {
        Json::Null => Ok(()),
        Json::Array => reader.array(|reader| {
            let place = values.place();
            let read = each(reader, values, notes);
            if read.is_err() {
                // Half of it would not be what the list holds.
                values.truncate(place);
            }
            read
        }),
        other => {
            notes.error(|| format!("`{key}` is no array"));
            reader.skip_rest(&other)
        }
    }
}

fn member<'a>(
    reader: &mut Reader<'a>,
    values: &mut Values<'a>,
    notes: &mut Notes,
    depth: usize,
) -> Read<()> {
    if reader.peek() != Some(b'{') {
        notes.error(|| "an attribute is no object of a key and a value".to_owned());
        return reader.skip();
    }
    let place = values.place();
    let wrong_before = notes.error.is_some();
    values.push(Token::Key(Cow::Borrowed("")));
    let mut keyed = false;
    reader.object(|reader, key| match &*key {
        "key" => {
            notes.lossy |= keyed;
            keyed = true;
            let text = Scalar::read(reader, &key)?.text(notes);
            values.set(place, Token::Key(text));
            Ok(())
        }
        "value" => {
            notes.lossy |= values.place() > place + 1;
            values.truncate(place + 1);
            any(reader, values, notes, depth)
        }
        _ => {
            notes.lossy = true;
            reader.skip()
        }
    })?;
    if values.place() == place + 1 {
        values.push(Token::Null);
    }
    if reader.take_replaced() {
        notes.error(|| "it is not Unicode".to_owned());
    }
    if !wrong_before && let Some(Token::Key(key)) = values.get(place) {
        notes.within(|| format!("attribute `{key}`"));
    }
    Ok(())
}
