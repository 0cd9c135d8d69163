//! Lines that stores keep as text: JSON objects become fields, anything else is the body.

use std::sync::Arc;

use logdive_core::format::{Format, JsonLines, Origin, parse};
use logdive_core::{LayerName, LogBatchBuilder, LogRecord};

/// A line as a store gives it.
#[derive(Debug)]
pub(super) struct Line {
    /// In nanoseconds since 1970.
    pub(super) time: i64,
    /// In nanoseconds since 1970, if the store tells.
    pub(super) observed: Option<i64>,
    pub(super) text: String,
}

/// Reads lines: the text of each is its body, or, of a JSON object, what its keys hold; the time is
/// the store's.
pub(super) fn records(layer: &LayerName, lines: Vec<Line>) -> Vec<LogRecord> {
    let mut objects = objects(layer, &lines).into_iter();
    let records = lines.into_iter().map(|line| {
        let observed = line.observed.unwrap_or(line.time);
        let base = LogRecord {
            time_unix_nano: Some(line.time),
            ..LogRecord::new(layer.clone(), observed)
        };
        let parsed = if is_object(&line.text) { objects.next() } else { None };
        match parsed.filter(|parsed| parsed.parse_error.is_none()) {
            None => LogRecord { body: Some(line.text), format: Some("text".to_owned()), ..base },
            Some(parsed) => LogRecord {
                body: Some(body(parsed.body, line.text)),
                severity: parsed.severity,
                severity_text: parsed.severity_text,
                service: parsed.service,
                emitter: parsed.emitter,
                event: parsed.event,
                uid: parsed.uid,
                request_id: parsed.request_id,
                trace_id: parsed.trace_id,
                span_id: parsed.span_id,
                trace_flags: parsed.trace_flags,
                attributes: parsed.attributes,
                format: parsed.format,
                ..base
            },
        }
    });
    records.collect()
}

/// Those lines that look like objects, parsed at once; one record each.
fn objects(layer: &LayerName, lines: &[Line]) -> Vec<LogRecord> {
    let mut bytes = Vec::new();
    let mut count = 0_u64;
    for line in lines.iter().filter(|line| is_object(&line.text)) {
        bytes.extend_from_slice(line.text.as_bytes());
        bytes.push(b'\n');
        count += 1;
    }
    let mut out = LogBatchBuilder::new();
    let origin = Origin::new(layer.clone(), "", 0);
    let format: Arc<dyn Format> = Arc::new(JsonLines::new());
    if count == 0 || parse(&format, &bytes, &origin, &mut out).records != count {
        return Vec::new();
    }
    out.finish().records().collect()
}

fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && !text.contains(['\n', '\r'])
}

/// The text of an object's message; all of it if it has none.
///
/// A number may be written in other digits than it is read as (`1e3`). Such a one is no text that
/// a store could look for in the line, so the whole line is taken.
fn body(message: Option<String>, line: String) -> String {
    let numeric = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    match message {
        Some(text) if !numeric(&text) || line.contains(&text) || line.contains("\\u") => text,
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use logdive_core::{LayerName, LogRecord, LogSeverity};

    use super::{Line, records};

    fn read(texts: &[&str]) -> Vec<LogRecord> {
        let line = |(n, text): (usize, &&str)| Line {
            time: i64::try_from(n).unwrap(),
            observed: None,
            text: (*text).to_owned(),
        };
        let lines = texts.iter().enumerate().map(line).collect();
        records(&LayerName::parse("x").unwrap(), lines)
    }

    #[test]
    fn objects_become_fields_and_the_rest_is_text() {
        let records = read(&[
            "plain",
            r#"{"level":"error","msg":"disk full","time":"1999-01-01T00:00:00Z","n":1}"#,
            "{ no json",
            "",
            "{\"msg\":\n\"two lines\"}",
            r#"{"n":2}"#,
            r#"{"msg":1e3}"#,
            r#"{"msg":17}"#,
        ]);
        let bodies: Vec<&str> = records.iter().map(|r| r.body.as_deref().unwrap()).collect();
        assert_eq!(
            bodies,
            [
                "plain",
                "disk full",
                "{ no json",
                "",
                "{\"msg\":\n\"two lines\"}",
                r#"{"n":2}"#,
                r#"{"msg":1e3}"#,
                "17"
            ]
        );
        assert_eq!(records[1].severity, Some(LogSeverity::ERROR));
        assert_eq!(records[1].time_unix_nano, Some(1), "the store's time, not the line's");
        assert!(records[1].attributes.as_deref().unwrap().contains("\"n\":1"));
        assert!(records[2].parse_error.is_none() && records[2].attributes.is_none());
        assert!(records[5].attributes.is_some());
    }
}
