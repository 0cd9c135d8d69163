//! Requests as protobuf.
//!
//! Source: opentelemetry-proto, `logs/v1/logs.proto`, `common/v1/common.proto`,
//! `resource/v1/resource.proto`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::lines::Lines;
use super::notes::Notes;
use super::record::{Described, Once, Record};
use crate::format::Rows;
use crate::format::protobuf::{Field, Fields, Value};

mod value;

/// Reads a frame: one `resource_logs` with its tag and length.
pub(super) fn parse(rows: &mut Rows<'_>) {
    let frame = rows.record();
    let mut reader = Reader {
        lines: Lines::new(rows),
        resource: Described::default(),
        scope: Described::default(),
        record: Record::default(),
    };
    for field in Fields::of(frame) {
        match field {
            Ok(Field { number: 1, value: Value::Bytes(logs), whole }) => {
                reader.resource_logs(logs, whole);
            }
            Ok(field) => {
                let error = format!("a request has no field {}", field.number);
                reader.lines.broken(field.whole, &error);
            }
            Err(broken) => reader.lines.broken(broken.rest, broken.why),
        }
    }
    reader.lines.finish();
}

struct Reader<'r, 'a> {
    lines: Lines<'r, 'a>,
    resource: Described<'a>,
    scope: Described<'a>,
    record: Record<'a>,
}

/// The number of the field that holds scopes in resources, and records in scopes.
const CHILDREN: u64 = 2;

impl<'a> Reader<'_, 'a> {
    fn resource_logs(&mut self, logs: &'a [u8], whole: &'a [u8]) {
        let resource = &mut self.resource;
        resource.clear();
        described(logs, "resource", resource, |field, resource| {
            match (field.number, field.value) {
                (1, Value::Bytes(bytes)) => attribute(bytes, resource),
                (2, Value::Varint(count)) => dropped(count, resource),
                (1 | 2, _) => wrong(field, "resource", &mut resource.notes),
                _ => resource.notes.lossy = true,
            }
        });
        self.lines.set_resource(resource, || as_it_came(logs));
        let before = self.lines.pushed();
        for field in Fields::of(logs) {
            match field {
                Ok(Field { number: CHILDREN, value: Value::Bytes(logs), whole }) => {
                    self.scope_logs(logs, whole);
                }
                Ok(_) => {}
                Err(broken) => {
                    let error = format!("`resource_logs` is broken: {}", broken.why);
                    self.lines.broken(broken.rest, &error);
                }
            }
            if self.lines.is_full() {
                return;
            }
        }
        if self.lines.pushed() == before {
            self.lines.childless(&self.resource.notes, whole);
        }
    }

    fn scope_logs(&mut self, logs: &'a [u8], whole: &'a [u8]) {
        let scope = &mut self.scope;
        scope.clear();
        described(logs, "scope", scope, |field, scope| match (field.number, field.value) {
            (1, Value::Bytes(bytes)) => {
                scope.see(Once::Name);
                scope.name = text(bytes, "name", &mut scope.notes);
            }
            (2, Value::Bytes(bytes)) => {
                scope.see(Once::Version);
                scope.version = text(bytes, "version", &mut scope.notes);
            }
            (3, Value::Bytes(bytes)) => attribute(bytes, scope),
            (4, Value::Varint(count)) => dropped(count, scope),
            (1..=4, _) => wrong(field, "scope", &mut scope.notes),
            _ => scope.notes.lossy = true,
        });
        self.lines.set_scope(scope, || as_it_came(logs));
        let before = self.lines.pushed();
        for field in Fields::of(logs) {
            match field {
                Ok(Field { number: CHILDREN, value: Value::Bytes(record), .. }) => {
                    self.log_record(record);
                }
                Ok(_) => {}
                Err(broken) => {
                    let error = format!("`scope_logs` is broken: {}", broken.why);
                    self.lines.broken(broken.rest, &error);
                }
            }
            if self.lines.is_full() {
                return;
            }
        }
        if self.lines.pushed() == before {
            self.lines.childless(&self.scope.notes, whole);
        }
    }

    fn log_record(&mut self, bytes: &'a [u8]) {
        let record = &mut self.record;
        record.clear();
        for field in Fields::of(bytes) {
            match field {
                Ok(field) => log_field(field, record),
                Err(broken) => {
                    record.notes.error(|| format!("the log record is broken: {}", broken.why));
                }
            }
        }
        self.lines.push(record, bytes);
    }
}

fn log_field<'a>(field: Field<'a>, record: &mut Record<'a>) {
    // Attributes may come many times.
    if field.number != 6 {
        record.see(field.number);
    }
    let notes = &mut record.notes;
    match (field.number, field.value) {
        (1, Value::Fixed64(nanos)) => record.time_unix_nano = nanos,
        (2, Value::Varint(number)) => record.severity_number = number.cast_signed(),
        (3, Value::Bytes(bytes)) => record.severity_text = text(bytes, "severity_text", notes),
        (5, Value::Bytes(bytes)) => {
            record.body.clear();
            value::any_value(bytes, &mut record.body, notes);
        }
        (6, Value::Bytes(bytes)) => value::key_value(bytes, &mut record.attributes, notes),
        (7, Value::Varint(count)) => match u32::try_from(count) {
            Ok(count) => record.dropped_attributes_count = count,
            Err(_) => notes.lossy = true,
        },
        (8, Value::Fixed32(flags)) => record.flags = flags,
        (9, Value::Bytes(bytes)) => record.trace_id = id(bytes, notes),
        (10, Value::Bytes(bytes)) => record.span_id = id(bytes, notes),
        (11, Value::Fixed64(nanos)) => record.observed_time_unix_nano = nanos,
        (12, Value::Bytes(bytes)) => record.event_name = text(bytes, "event_name", notes),
        (1..=3 | 5..=12, _) => wrong(field, "log record", notes),
        _ => notes.lossy = true,
    }
}

/// Reads what stands beside the children of a resource or a scope: the message that describes it,
/// and the url of the schema. A broken end is found again when the children are read.
fn described<'a>(
    logs: &'a [u8],
    name: &str,
    described: &mut Described<'a>,
    each: impl Fn(Field<'a>, &mut Described<'a>),
) {
    for field in Fields::of(logs).map_while(Result::ok) {
        match (field.number, field.value) {
            (CHILDREN, Value::Bytes(_)) => {}
            (1, Value::Bytes(message)) => {
                described.see(Once::Whole);
                for field in Fields::of(message) {
                    match field {
                        Ok(field) => each(field, described),
                        Err(broken) => {
                            described.notes.error(|| format!("it is broken: {}", broken.why));
                        }
                    }
                }
            }
            (3, Value::Bytes(bytes)) => {
                described.see(Once::SchemaUrl);
                described.schema_url = text(bytes, "schema_url", &mut described.notes);
            }
            (1..=3, _) => wrong(field, "list", &mut described.notes),
            _ => described.notes.lossy = true,
        }
    }
    described.notes.within(|| format!("the {name}"));
}

fn attribute<'a>(bytes: &'a [u8], described: &mut Described<'a>) {
    value::key_value(bytes, &mut described.attributes, &mut described.notes);
}

fn dropped(count: u64, described: &mut Described<'_>) {
    described.see(Once::Dropped);
    match u32::try_from(count) {
        Ok(count) => described.dropped_attributes_count = count,
        Err(_) => described.notes.lossy = true,
    }
}

/// The fields without the children, in base64.
fn as_it_came(logs: &[u8]) -> String {
    let mut fields = Vec::new();
    for field in Fields::of(logs).map_while(Result::ok) {
        if !matches!((field.number, field.value), (CHILDREN, Value::Bytes(_))) {
            fields.extend_from_slice(field.whole);
        }
    }
    STANDARD.encode(fields)
}

/// A text; where it is no UTF-8, what stands for it.
fn text<'a>(bytes: &'a [u8], name: &str, notes: &mut Notes) -> Cow<'a, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) => {
            notes.error(|| format!("`{name}` is not UTF-8: {error}"));
            String::from_utf8_lossy(bytes)
        }
    }
}

/// An id of so many bytes; zeros are none, and another length is no id.
fn id<const N: usize>(bytes: &[u8], notes: &mut Notes) -> Option<[u8; N]> {
    if bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    let id = bytes.try_into().ok();
    notes.lossy |= id.is_none();
    id
}

fn wrong(field: Field<'_>, of: &str, notes: &mut Notes) {
    let (number, kind) = (field.number, field.value.kind());
    notes.error(|| format!("field {number} of the {of} is {kind}, which it cannot be"));
}
