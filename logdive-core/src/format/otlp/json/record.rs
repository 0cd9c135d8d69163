//! A log record as JSON.

use std::borrow::Cow;

use super::reader::{NotJson, Reader};
use super::value::{Scalar, any_value, key_values};
use crate::format::hex::hex;
use crate::format::otlp::notes::Notes;
use crate::format::otlp::record::Record;
use crate::log::LogSeverity;

/// Reads a record: an object.
pub(super) fn read<'a>(reader: &mut Reader<'a>, record: &mut Record<'a>) -> Result<(), NotJson> {
    reader.object(|reader, key| {
        let Some(number) = field(&key) else {
            record.notes.lossy = true;
            return reader.skip();
        };
        if number != 6 {
            record.see(number);
        }
        match number {
            5 => {
                record.body.clear();
                any_value(reader, &mut record.body, &mut record.notes)?;
            }
            6 => key_values(reader, &mut record.attributes, &mut record.notes)?,
            _ => scalar(number, Scalar::read(reader, &key)?, record),
        }
        if reader.take_replaced() {
            record.notes.error(|| format!("`{key}` is not Unicode"));
        }
        Ok(())
    })
}

/// The number that a field has in protobuf.
fn field(key: &str) -> Option<u64> {
    Some(match key {
        "timeUnixNano" | "time_unix_nano" => 1,
        "severityNumber" | "severity_number" => 2,
        "severityText" | "severity_text" => 3,
        "body" => 5,
        "attributes" => 6,
        "droppedAttributesCount" | "dropped_attributes_count" => 7,
        "flags" => 8,
        "traceId" | "trace_id" => 9,
        "spanId" | "span_id" => 10,
        "observedTimeUnixNano" | "observed_time_unix_nano" => 11,
        "eventName" | "event_name" => 12,
        _ => return None,
    })
}

fn scalar<'a>(field: u64, scalar: Scalar<'_, 'a>, record: &mut Record<'a>) {
    let notes = &mut record.notes;
    match field {
        1 => record.time_unix_nano = scalar.number(notes).unwrap_or_default(),
        2 => record.severity_number = severity(&scalar, notes),
        3 => record.severity_text = scalar.text(notes),
        7 => record.dropped_attributes_count = scalar.number(notes).unwrap_or_default(),
        8 => record.flags = scalar.number(notes).unwrap_or_default(),
        9 => record.trace_id = id(scalar, notes),
        10 => record.span_id = id(scalar, notes),
        11 => record.observed_time_unix_nano = scalar.number(notes).unwrap_or_default(),
        _ => record.event_name = scalar.text(notes),
    }
}

/// A severity by its number, or by its name in protobuf: `SEVERITY_NUMBER_ERROR2`.
fn severity(scalar: &Scalar<'_, '_>, notes: &mut Notes) -> i64 {
    let Some(name) = scalar.as_text().and_then(|text| text.strip_prefix("SEVERITY_NUMBER_")) else {
        return scalar.number(notes).unwrap_or_default();
    };
    if name == "UNSPECIFIED" {
        return 0;
    }
    let (word, more) = match name.as_bytes().last() {
        Some(digit @ b'2'..=b'4') => (name.get(..name.len() - 1), i64::from(digit - b'1')),
        _ => (Some(name), 0),
    };
    let word = word.unwrap_or_default();
    let upper = word.bytes().all(|byte| byte.is_ascii_uppercase());
    let first = LogSeverity::from_word(&word.to_ascii_lowercase()).filter(|_| upper);
    match first {
        Some(first) => i64::from(first.number()) + more,
        None => {
            scalar.wrong("no severity of OTLP", notes);
            0
        }
    }
}

/// An id of so many bytes in hexadecimal digits; zeros are none, and another length is no id.
fn id<const N: usize>(scalar: Scalar<'_, '_>, notes: &mut Notes) -> Option<[u8; N]> {
    let text: Cow<'_, str> = scalar.text(notes);
    let id = hex(&text);
    notes.lossy |= id.is_none() && text.bytes().any(|byte| byte != b'0');
    id
}
