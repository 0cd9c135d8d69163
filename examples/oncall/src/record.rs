//! A log line as it is printed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use logdive_core::LogRecord;
use logdive_sinks::visible;
use serde_json::{Map, Value as Json, json};

/// The line as a JSON object; what it lacks is left out.
///
/// Ids are hexadecimal, attributes objects. `raw` is text, or base64 under `raw_base64` where it
/// is none.
pub(crate) fn to_json(record: &LogRecord) -> Json {
    let mut object = Map::new();
    let mut put = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    };
    let text = |text: &Option<String>| text.as_deref().map(Json::from);
    let inner = |text: &Option<String>| {
        text.as_deref().map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into()))
    };
    let time = |nanos: i64| {
        DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true)
    };
    put("time", record.time_unix_nano.map(|nanos| time(nanos).into()));
    put("time_unix_nano", record.time_unix_nano.map(Json::from));
    put("observed_time_unix_nano", Some(record.observed_time_unix_nano.into()));
    put("layer", Some(record.layer.as_str().into()));
    put("severity_number", record.severity.map(|severity| severity.number().into()));
    put("severity", record.severity.map(|severity| severity.to_string().into()));
    put("severity_text", text(&record.severity_text));
    put("service", text(&record.service));
    put("emitter", text(&record.emitter));
    put("event", text(&record.event));
    put("uid", text(&record.uid));
    put("request_id", text(&record.request_id));
    put("trace_id", record.trace_id.map(|id| hex(&id).into()));
    put("span_id", record.span_id.map(|id| hex(&id).into()));
    put("trace_flags", record.trace_flags.map(Json::from));
    put("body", text(&record.body));
    put("attributes", inner(&record.attributes));
    put("resource", inner(&record.resource));
    put("scope", inner(&record.scope));
    put("seq", Some(record.seq.into()));
    put("source", text(&record.source));
    put("source_offset", record.source_offset.map(Json::from));
    put("format", text(&record.format));
    put("parse_error", text(&record.parse_error));
    match record.raw.as_deref().map(|raw| (raw, std::str::from_utf8(raw))) {
        Some((_, Ok(text))) => put("raw", Some(text.into())),
        Some((raw, Err(_))) => put("raw_base64", Some(STANDARD.encode(raw).into())),
        None => {}
    }
    put("raw_length", record.raw_length.map(Json::from));
    put("raw_sha256", record.raw_sha256.map(|digest| json!(digest)));
    put("raw_blob", text(&record.raw_blob));
    put("shape", Some(format!("{:016x}", record.shape()).into()));
    Json::Object(object)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
        text
    })
}

/// The line for people: time, level, what wrote it, and the text on one line.
pub(crate) fn to_text(record: &LogRecord) -> String {
    let time = match record.time_unix_nano {
        Some(nanos) => {
            DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::Millis, true)
        }
        None => "no time".to_owned(),
    };
    let level = record.severity.map_or_else(|| "-".to_owned(), |severity| severity.to_string());
    let who = record.service.as_deref().or(record.emitter.as_deref()).unwrap_or("-");
    let text = record.body.as_deref().or(record.event.as_deref()).or(record.attributes.as_deref());
    let mut line = format!("{time:<24} {level:<6} {who}  {}", text.unwrap_or_default());
    if let Some(error) = &record.parse_error {
        line.push_str("  [");
        line.push_str(error);
        line.push(']');
    }
    visible(&line)
}
