//! Requests of OTLP logs, written as protobuf and as JSON: what tests and benchmarks of the format
//! are fed with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

/// A value of an attribute or body.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "OTLP has these")]
pub enum AnyValue {
    /// None is set.
    Empty,
    /// `string_value`.
    Text(String),
    /// `bool_value`.
    Bool(bool),
    /// `int_value`.
    Int(i64),
    /// `double_value`.
    Double(f64),
    /// `bytes_value`.
    Bytes(Vec<u8>),
    /// `array_value`.
    Array(Vec<Self>),
    /// `kvlist_value`.
    Object(Attributes),
}

/// Keys and values.
pub type Attributes = Vec<(String, AnyValue)>;

/// A log record. Numbers of 0 and empty texts are not written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// `time_unix_nano`.
    pub time_unix_nano: u64,
    /// `observed_time_unix_nano`.
    pub observed_time_unix_nano: u64,
    /// `severity_number`.
    pub severity_number: i32,
    /// `severity_text`.
    pub severity_text: String,
    /// `body`.
    pub body: Option<AnyValue>,
    /// `attributes`.
    pub attributes: Attributes,
    /// `dropped_attributes_count`.
    pub dropped_attributes_count: u32,
    /// `flags`.
    pub flags: u32,
    /// `trace_id`.
    pub trace_id: Vec<u8>,
    /// `span_id`.
    pub span_id: Vec<u8>,
    /// `event_name`.
    pub event_name: String,
}

/// A scope and its records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScopeLogs {
    /// `name`.
    pub name: String,
    /// `version`.
    pub version: String,
    /// `attributes`.
    pub attributes: Attributes,
    /// `dropped_attributes_count`.
    pub dropped_attributes_count: u32,
    /// `schema_url`.
    pub schema_url: String,
    /// `log_records`.
    pub records: Vec<Record>,
}

/// A resource and its scopes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceLogs {
    /// `attributes`.
    pub attributes: Attributes,
    /// `dropped_attributes_count`.
    pub dropped_attributes_count: u32,
    /// `schema_url`.
    pub schema_url: String,
    /// `scope_logs`.
    pub scopes: Vec<ScopeLogs>,
}

/// A request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// `resource_logs`.
    pub resources: Vec<ResourceLogs>,
}

/// How OTLP/JSON is written where it leaves a choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JsonStyle {
    /// Keys in `snake_case`, not in `lowerCamelCase`.
    pub snake_case: bool,
    /// Numbers of 64 bits as numbers, not as texts.
    pub numbers: bool,
    /// Severities by name, not by number.
    pub names: bool,
    /// On many lines, not on one.
    pub pretty: bool,
}

impl Request {
    /// As protobuf.
    #[must_use]
    pub fn to_protobuf(&self) -> Vec<u8> {
        let mut request = Message::new();
        for resource in &self.resources {
            request.message(1, &resource.message());
        }
        request.into_bytes()
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self, style: JsonStyle) -> String {
        let resources: Vec<Json> = self.resources.iter().map(|logs| logs.json(style)).collect();
        let request = object(style, [("resourceLogs", Json::from(resources))]);
        if style.pretty { format!("{request:#}") } else { request.to_string() }
    }
}

impl ResourceLogs {
    fn message(&self) -> Message {
        let mut resource = Message::new();
        resource.attributes(1, &self.attributes);
        resource.varint(2, self.dropped_attributes_count.into());
        let mut logs = Message::new();
        logs.message(1, &resource);
        for scope in &self.scopes {
            logs.message(2, &scope.message());
        }
        logs.text(3, &self.schema_url);
        logs
    }

    fn json(&self, style: JsonStyle) -> Json {
        let scopes: Vec<Json> = self.scopes.iter().map(|scope| scope.json(style)).collect();
        let resource = object(
            style,
            [
                ("attributes", attributes(&self.attributes, style)),
                ("droppedAttributesCount", self.dropped_attributes_count.into()),
            ],
        );
        object(
            style,
            [
                ("resource", resource),
                ("scopeLogs", scopes.into()),
                ("schemaUrl", self.schema_url.as_str().into()),
            ],
        )
    }
}

impl ScopeLogs {
    fn message(&self) -> Message {
        let mut scope = Message::new();
        scope.text(1, &self.name);
        scope.text(2, &self.version);
        scope.attributes(3, &self.attributes);
        scope.varint(4, self.dropped_attributes_count.into());
        let mut logs = Message::new();
        logs.message(1, &scope);
        for record in &self.records {
            logs.message(2, &record.message());
        }
        logs.text(3, &self.schema_url);
        logs
    }

    fn json(&self, style: JsonStyle) -> Json {
        let records: Vec<Json> = self.records.iter().map(|record| record.json(style)).collect();
        let scope = object(
            style,
            [
                ("name", self.name.as_str().into()),
                ("version", self.version.as_str().into()),
                ("attributes", attributes(&self.attributes, style)),
                ("droppedAttributesCount", self.dropped_attributes_count.into()),
            ],
        );
        object(
            style,
            [
                ("scope", scope),
                ("logRecords", records.into()),
                ("schemaUrl", self.schema_url.as_str().into()),
            ],
        )
    }
}

impl Record {
    /// The record as protobuf.
    #[must_use]
    pub fn message(&self) -> Message {
        let mut record = Message::new();
        record.fixed64(1, self.time_unix_nano);
        record.varint(2, i64::from(self.severity_number).cast_unsigned());
        record.text(3, &self.severity_text);
        if let Some(body) = &self.body {
            record.message(5, &body.message());
        }
        record.attributes(6, &self.attributes);
        record.varint(7, self.dropped_attributes_count.into());
        record.fixed32(8, self.flags);
        record.bytes(9, &self.trace_id);
        record.bytes(10, &self.span_id);
        record.fixed64(11, self.observed_time_unix_nano);
        record.text(12, &self.event_name);
        record
    }

    fn json(&self, style: JsonStyle) -> Json {
        let severity = match self.severity_number {
            number @ 1..=24 if style.names => {
                let word = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
                    .into_iter()
                    .nth(usize::try_from((number - 1) / 4).unwrap_or_default())
                    .unwrap_or_default();
                let more = (number - 1) % 4 + 1;
                let more = if more == 1 { String::new() } else { more.to_string() };
                Json::from(format!("SEVERITY_NUMBER_{word}{more}"))
            }
            number => number.into(),
        };
        object(
            style,
            [
                ("timeUnixNano", whole(self.time_unix_nano, style)),
                ("observedTimeUnixNano", whole(self.observed_time_unix_nano, style)),
                ("severityNumber", severity),
                ("severityText", self.severity_text.as_str().into()),
                ("body", self.body.as_ref().map_or(Json::Null, |body| body.json(style))),
                ("attributes", attributes(&self.attributes, style)),
                ("droppedAttributesCount", self.dropped_attributes_count.into()),
                ("flags", self.flags.into()),
                ("traceId", hex(&self.trace_id)),
                ("spanId", hex(&self.span_id)),
                ("eventName", self.event_name.as_str().into()),
            ],
        )
    }
}

impl AnyValue {
    /// The value as protobuf.
    #[must_use]
    pub fn message(&self) -> Message {
        let mut value = Message::new();
        match self {
            Self::Empty => {}
            Self::Text(text) => value.field(1, text.as_bytes()),
            Self::Bool(bool) => value.tagged(2, u64::from(*bool)),
            Self::Int(number) => value.tagged(3, number.cast_unsigned()),
            Self::Double(number) => {
                value.raw(&[0x21]).raw(&number.to_le_bytes());
            }
            Self::Array(values) => {
                let mut array = Message::new();
                values.iter().for_each(|element| array.message(1, &element.message()));
                value.message(5, &array);
            }
            Self::Object(members) => {
                let mut list = Message::new();
                list.attributes(1, members);
                value.message(6, &list);
            }
            Self::Bytes(bytes) => value.field(7, bytes),
        }
        value
    }

    fn json(&self, style: JsonStyle) -> Json {
        let (key, value) = match self {
            Self::Empty => return json!({}),
            Self::Text(text) => ("stringValue", text.as_str().into()),
            Self::Bool(bool) => ("boolValue", Json::from(*bool)),
            Self::Int(number) if style.numbers => ("intValue", (*number).into()),
            Self::Int(number) => ("intValue", number.to_string().into()),
            Self::Double(number) if number.is_nan() => ("doubleValue", "NaN".into()),
            Self::Double(number) if number.is_infinite() => {
                ("doubleValue", if *number > 0.0 { "Infinity" } else { "-Infinity" }.into())
            }
            Self::Double(number) => ("doubleValue", (*number).into()),
            Self::Bytes(bytes) => ("bytesValue", STANDARD.encode(bytes).into()),
            Self::Array(values) => {
                let values: Vec<Json> = values.iter().map(|value| value.json(style)).collect();
                ("arrayValue", json!({ "values": values }))
            }
            Self::Object(members) => {
                ("kvlistValue", json!({ "values": attributes(members, style) }))
            }
        };
        named(style, key, value)
    }
}

/// An object of those members that hold something; keys that are 0, empty or null are left out.
fn object<const N: usize>(style: JsonStyle, members: [(&str, Json); N]) -> Json {
    let mut object = serde_json::Map::new();
    for (key, value) in members {
        let is_default = match &value {
            Json::Null => true,
            Json::String(text) => text.is_empty(),
            Json::Array(array) => array.is_empty(),
            Json::Number(number) => number.as_u64() == Some(0),
            _ => false,
        };
        if !is_default {
            object.insert(cased(style, key), value);
        }
    }
    object.into()
}

fn named(style: JsonStyle, key: &str, value: Json) -> Json {
    Json::Object([(cased(style, key), value)].into_iter().collect())
}

fn cased(style: JsonStyle, key: &str) -> String {
    if !style.snake_case {
        return key.to_owned();
    }
    let snake = |letter: char| {
        let underscore = letter.is_ascii_uppercase().then_some('_');
        underscore.into_iter().chain([letter.to_ascii_lowercase()])
    };
    key.chars().flat_map(snake).collect()
}

fn attributes(attributes: &Attributes, style: JsonStyle) -> Json {
    let pair = |(key, value): &(String, AnyValue)| json!({"key": key, "value": value.json(style)});
    attributes.iter().map(pair).collect()
}

fn whole(number: u64, style: JsonStyle) -> Json {
    match number {
        0 => Json::Null,
        number if style.numbers => number.into(),
        number => number.to_string().into(),
    }
}

fn hex(bytes: &[u8]) -> Json {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// A protobuf message as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message(Vec<u8>);

impl Message {
    /// A message of no fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a number of variable length, unless it is 0.
    pub fn varint(&mut self, field: u32, number: u64) {
        if number != 0 {
            self.tagged(field, number);
        }
    }

    /// Adds a number of variable length, also if it is 0.
    pub fn tagged(&mut self, field: u32, number: u64) {
        self.number(u64::from(field) << 3);
        self.number(number);
    }

    /// Adds a number of 64 bits, unless it is 0.
    pub fn fixed64(&mut self, field: u32, number: u64) {
        if number != 0 {
            self.number(u64::from(field) << 3 | 1);
            self.0.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Adds a number of 32 bits, unless it is 0.
    pub fn fixed32(&mut self, field: u32, number: u32) {
        if number != 0 {
            self.number(u64::from(field) << 3 | 5);
            self.0.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Adds a text, unless it is empty.
    pub fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    /// Adds bytes, unless there are none.
    pub fn bytes(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.field(field, bytes);
        }
    }

    /// Adds a message, also if it is empty.
    pub fn message(&mut self, field: u32, message: &Self) {
        self.field(field, &message.0);
    }

    /// Adds bytes with their length, also if there are none.
    pub fn field(&mut self, field: u32, bytes: &[u8]) {
        self.number(u64::from(field) << 3 | 2);
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Adds an attribute for each key and value.
    pub fn attributes(&mut self, field: u32, attributes: &Attributes) {
        for (key, value) in attributes {
            let mut pair = Self::new();
            pair.text(1, key);
            pair.message(2, &value.message());
            self.message(field, &pair);
        }
    }

    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The message's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The message's bytes, taken.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn number(&mut self, mut number: u64) {
        loop {
            let [low, ..] = number.to_le_bytes();
            number >>= 7;
            if number == 0 {
                self.0.push(low & 0x7f);
                return;
            }
            self.0.push(low | 0x80);
        }
    }
}
