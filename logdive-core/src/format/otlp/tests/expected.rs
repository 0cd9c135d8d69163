//! The rows that a request must become, by the model it was made of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::origin;
use crate::log::{LogRecord, LogSeverity};
use crate::testkit::otlp::{AnyValue, Attributes, Record, Request, ResourceLogs, ScopeLogs};

/// A row, with its JSON parsed, and whether it must keep its record's bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) record: LogRecord,
    pub(super) attributes: Json,
    pub(super) resource: Json,
    pub(super) scope: Json,
    /// Structured bodies, parsed.
    pub(super) body: Json,
    pub(super) keeps_raw: bool,
}

impl Row {
    /// A row as it was made.
    pub(super) fn of(row: LogRecord, structured: bool) -> Self {
        let parsed = |text: &Option<String>| {
            text.as_ref().map_or(Json::Null, |text| serde_json::from_str(text).unwrap())
        };
        let body = if structured { parsed(&row.body) } else { json!(row.body) };
        Self {
            attributes: parsed(&row.attributes),
            resource: parsed(&row.resource),
            scope: parsed(&row.scope),
            body,
            keeps_raw: row.raw.is_some(),
            record: LogRecord {
                attributes: None,
                resource: None,
                scope: None,
                body: None,
                raw: None,
                source_offset: None,
                format: None,
                parse_error: row.parse_error.map(|_| "an error".to_owned()),
                ..row
            },
        }
    }
}

pub(super) fn is_structured(record: &Record) -> bool {
    !matches!(record.body, None | Some(AnyValue::Empty | AnyValue::Text(_) | AnyValue::Bytes(_)))
}

pub(super) fn records(request: &Request) -> impl Iterator<Item = &Record> {
    let scopes = request.resources.iter().flat_map(|resource| &resource.scopes);
    scopes.flat_map(|scope| &scope.records)
}

pub(super) fn rows(request: &Request) -> Vec<Row> {
    let mut rows = Vec::new();
    for resource in &request.resources {
        for scope in &resource.scopes {
            for record in &scope.records {
                rows.push(row(record, resource, scope, rows.len()));
            }
        }
    }
    rows
}

fn row(record: &Record, resource: &ResourceLogs, scope: &ScopeLogs, seq: usize) -> Row {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let service = id(&resource.attributes, &["service.name"]);
    let emitters = ["service.instance.id", "k8s.pod.name", "host.name", "service.name"];
    let time = |nanos: u64| i64::try_from(nanos).ok().filter(|nanos| *nanos != 0);
    let is_time = |nanos: u64| i64::try_from(nanos).is_ok();
    let wrong = !is_time(record.time_unix_nano) || !is_time(record.observed_time_unix_nano);
    let is_id = |id: &[u8], length| id.iter().all(|byte| *byte == 0) || id.len() == length;
    let lossy = !(0..=24).contains(&record.severity_number)
        || record.flags > 255
        || !is_id(&record.trace_id, 16)
        || !is_id(&record.span_id, 8)
        || !is_unique(&record.attributes)
        || record.body.as_ref().is_some_and(|body| !is_unique_inside(body));
    let origin = origin();
    let nonzero = |id: &[u8]| id.iter().any(|byte| *byte != 0);
    Row {
        attributes: object(&record.attributes, record.dropped_attributes_count, ""),
        resource: object(
            &resource.attributes,
            resource.dropped_attributes_count,
            &resource.schema_url,
        ),
        scope: scope_json(scope),
        body: match &record.body {
            None => Json::Null,
            Some(body) => plain(body),
        },
        keeps_raw: lossy || wrong,
        record: LogRecord {
            time_unix_nano: time(record.time_unix_nano),
            observed_time_unix_nano: time(record.observed_time_unix_nano)
                .unwrap_or(origin.observed_time_unix_nano),
            severity: LogSeverity::from_number(record.severity_number.into()),
            severity_text: text(&record.severity_text),
            service,
            emitter: id(&resource.attributes, &emitters).or(origin.emitter),
            seq: i64::try_from(seq).unwrap(),
            event: text(&record.event_name),
            uid: id(&record.attributes, &["log.record.uid"]),
            request_id: id(
                &record.attributes,
                &["request_id", "aws.request_id", "http.request.id"],
            ),
            trace_id: record
                .trace_id
                .as_slice()
                .try_into()
                .ok()
                .filter(|id: &[u8; 16]| nonzero(id)),
            span_id: record.span_id.as_slice().try_into().ok().filter(|id: &[u8; 8]| nonzero(id)),
            trace_flags: Some((record.flags % 256).cast_signed()).filter(|flags| *flags != 0),
            source: Some("x".into()),
            parse_error: wrong.then(|| "an error".to_owned()),
            ..LogRecord::new(origin.layer, 0)
        },
    }
}

/// The last member of the first of these keys that holds an id.
fn id(attributes: &Attributes, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| {
        let found = attributes.iter().rev().filter(|(name, _)| name == key);
        found.into_iter().find_map(|(_, value)| match value {
            AnyValue::Text(text) if !text.is_empty() => Some(text.clone()),
            AnyValue::Int(number) => Some(number.to_string()),
            _ => None,
        })
    })
}

fn object(attributes: &Attributes, dropped: u32, schema_url: &str) -> Json {
    let mut object: Map<String, Json> =
        attributes.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
    if dropped > 0 {
        object.insert("otel.dropped_attributes_count".into(), dropped.into());
    }
    if !schema_url.is_empty() {
        object.insert("schema_url".into(), schema_url.into());
    }
    if object.is_empty() { Json::Null } else { object.into() }
}

fn scope_json(scope: &ScopeLogs) -> Json {
    let mut found = Map::new();
    for (key, text) in
        [("name", &scope.name), ("version", &scope.version), ("schema_url", &scope.schema_url)]
    {
        if !text.is_empty() {
            found.insert(key.into(), text.as_str().into());
        }
    }
    if !scope.attributes.is_empty() {
        found.insert("attributes".into(), object(&scope.attributes, 0, ""));
    }
    if scope.dropped_attributes_count > 0 {
        let key = "otel.dropped_attributes_count";
        found.insert(key.into(), scope.dropped_attributes_count.into());
    }
    if found.is_empty() { Json::Null } else { found.into() }
}

fn plain(value: &AnyValue) -> Json {
    match value {
        AnyValue::Empty => Json::Null,
        AnyValue::Text(text) => text.as_str().into(),
        AnyValue::Bool(bool) => (*bool).into(),
        AnyValue::Int(number) => (*number).into(),
        // The reader of JSON here is not exact: it reads both sides.
        AnyValue::Double(number) if number.is_finite() => {
            serde_json::from_str(&format!("{number:?}")).unwrap()
        }
        AnyValue::Double(number) if number.is_nan() => "NaN".into(),
        AnyValue::Double(number) => if *number > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        AnyValue::Bytes(bytes) => STANDARD.encode(bytes).into(),
        AnyValue::Array(values) => values.iter().map(plain).collect(),
        AnyValue::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), plain(value))).collect()
        }
    }
}

fn is_unique(attributes: &Attributes) -> bool {
    let keys: std::collections::HashSet<_> = attributes.iter().map(|(key, _)| key).collect();
    keys.len() == attributes.len() && attributes.iter().all(|(_, value)| is_unique_inside(value))
}

fn is_unique_inside(value: &AnyValue) -> bool {
    match value {
        AnyValue::Array(values) => values.iter().all(is_unique_inside),
        AnyValue::Object(members) => is_unique(members),
        _ => true,
    }
}
