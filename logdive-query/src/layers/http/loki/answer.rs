//! What Loki answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use logdive_core::{LayerName, LogRecord, LogSeverity};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::layers::http::client;
use crate::layers::http::fault::Fault;
use crate::layers::http::lines::{Line, records};
use crate::levels;

#[derive(Deserialize)]
struct Page {
    status: String,
    data: Data,
    #[serde(default)]
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Vec<Stream>,
    #[serde(default)]
    stats: Option<Stats>,
}

#[derive(Deserialize)]
struct Stream {
    stream: BTreeMap<String, String>,
    values: Vec<Vec<Json>>,
}

#[derive(Deserialize)]
struct Stats {
    #[serde(default)]
    summary: Summary,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    #[serde(rename = "totalBytesProcessed")]
    bytes: u64,
    #[serde(rename = "totalLinesProcessed")]
    lines: u64,
}

/// An entry of a stream. Equal entries cannot be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) time: i64,
    /// The stream's labels, as a JSON object with its keys in order.
    pub(super) labels: Arc<str>,
    pub(super) text: String,
    /// Structured metadata as a JSON object; empty if there is none.
    pub(super) metadata: String,
}

/// A page of entries by time.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) entries: Vec<Entry>,
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) warnings: Vec<String>,
}

/// Reads an answer.
///
/// # Errors
/// If it is no answer of Loki with lines.
pub(super) fn read(answer: &client::Answer) -> Result<Read, Fault> {
    let page: Page = answer.json()?;
    if page.status != "success" || page.data.kind != "streams" {
        let (status, kind) = (page.status, page.data.kind);
        return Err(Fault::new(format!(
            "Loki answered `{status}` with a result of `{kind}` and not with streams"
        )));
    }
    let summary = page.data.stats.map(|stats| stats.summary).unwrap_or_default();
    let mut entries = Vec::new();
    for stream in page.data.result {
        let labels: Arc<str> = serde_json::to_string(&stream.stream).unwrap_or_default().into();
        for value in stream.values {
            let Some(entry) = entry(value, &labels) else {
                return Err(Fault::new(format!(
                    "Loki answered with an entry of {labels} without time or text"
                )));
            };
            entries.push(entry);
        }
    }
    // Streams come one after the other; of one stream the order is kept.
    entries.sort_by_key(|entry| entry.time);
    let warnings = page.warnings.unwrap_or_default();
    Ok(Read { entries, bytes: summary.bytes, lines: summary.lines, warnings })
}

/// An entry: time, text and perhaps metadata, which servers that were asked for it put apart from
/// what was parsed of the line.
fn entry(value: Vec<Json>, labels: &Arc<str>) -> Option<Entry> {
    let mut parts = value.into_iter();
    let time = parts.next()?.as_str()?.parse().ok()?;
    let Json::String(text) = parts.next()? else { return None };
    let metadata = match parts.next() {
        Some(Json::Object(mut object)) => {
            let apart = object.contains_key("structuredMetadata") || object.contains_key("parsed");
            match (apart, object.remove("structuredMetadata")) {
                (true, Some(Json::Object(metadata))) => metadata,
                (true, _) => Map::new(),
                (false, _) => object,
            }
        }
        _ => Map::new(),
    };
    let metadata =
        if metadata.is_empty() { String::new() } else { Json::Object(metadata).to_string() };
    Some(Entry { time, labels: Arc::clone(labels), text, metadata })
}

/// The entries as log lines.
pub(super) fn lines(layer: &LayerName, entries: Vec<Entry>) -> Vec<LogRecord> {
    let about: Vec<(Arc<str>, String)> =
        entries.iter().map(|entry| (Arc::clone(&entry.labels), entry.metadata.clone())).collect();
    let texts = entries.into_iter().map(|entry| Line {
        time: entry.time,
        observed: None,
        text: entry.text,
    });
    let mut records = records(layer, texts.collect());
    for (record, (labels, metadata)) in records.iter_mut().zip(about) {
        add_labels(record, &labels);
        if !metadata.is_empty() {
            add_metadata(record, &metadata);
        }
    }
    records
}

fn add_labels(record: &mut LogRecord, labels: &str) {
    record.resource = Some(labels.to_owned());
    record.emitter = Some(labels.to_owned());
    if record.service.is_none() {
        let labels: Map<String, Json> = serde_json::from_str(labels).unwrap_or_default();
        record.service = labels.get("service_name").and_then(Json::as_str).map(str::to_owned);
    }
}

fn add_metadata(record: &mut LogRecord, metadata: &str) {
    let metadata: Map<String, Json> = serde_json::from_str(metadata).unwrap_or_default();
    let text =
        |keys: &[&str]| keys.iter().find_map(|key| metadata.get(*key)?.as_str()).map(str::to_owned);
    // An id of zeros means that there is none (W3C Trace Context).
    let hex = |key| {
        let bytes = crate::lower::from_hex(&text(&[key])?.to_lowercase())?;
        bytes.iter().any(|byte| *byte != 0).then_some(bytes)
    };
    record.trace_id = record.trace_id.or_else(|| hex("trace_id")?.try_into().ok());
    record.span_id = record.span_id.or_else(|| hex("span_id")?.try_into().ok());
    record.request_id = record.request_id.take().or_else(|| text(&["request_id"]));
    if record.severity.is_none() {
        let number = text(&["severity_number"]).and_then(|number| number.parse().ok());
        let word = text(&["severity_text", "detected_level", "level"]);
        record.severity = number
            .and_then(LogSeverity::from_number)
            .or_else(|| word.as_deref().and_then(levels::severity));
        record.severity_text = record.severity_text.take().or(word);
    }
    let own = record.attributes.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let own: Map<String, Json> = own.unwrap_or_default();
    let mut all = metadata;
    all.extend(own);
    record.attributes = Some(Json::Object(all).to_string());
}
