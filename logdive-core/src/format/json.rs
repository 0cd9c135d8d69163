//! JSON lines: one object a line.

use serde_json::{Map, Value as Json};

use super::{Emit, Format, Origin, Parsed, frame, rfc3339_nanos};
use crate::log::{LogBatchBuilder, LogRecord, LogSeverity};

/// Lines of JSON objects, with sensible guesses which keys hold time, level, message and ids.
///
/// The whole object is kept as the line's attributes. A key that is tried and holds something
/// else stays there and is passed over.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JsonLines {
    /// Keys that may hold the time: RFC 3339, or a number since 1970 whose size tells its unit.
    pub time: Vec<String>,
    /// Keys that may hold the level.
    pub level: Vec<String>,
    /// Keys that may hold the text.
    pub message: Vec<String>,
    /// Keys that may hold the request id.
    pub request_id: Vec<String>,
    /// Keys that may hold the trace id, 32 hexadecimal digits.
    pub trace_id: Vec<String>,
    /// Keys that may hold the span id, 16 hexadecimal digits.
    pub span_id: Vec<String>,
    /// Keys that may hold the line's own id.
    pub uid: Vec<String>,
    /// Keys that may hold the event's name.
    pub event: Vec<String>,
    /// Keys that may hold what wrote the line.
    pub emitter: Vec<String>,
}

impl Default for JsonLines {
    fn default() -> Self {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Self {
            time: keys(&["time", "timestamp", "ts", "@timestamp", "eventTime", "datetime"]),
            level: keys(&["level", "severity", "severity_text", "lvl", "log.level"]),
            message: keys(&["message", "msg", "body", "log", "text"]),
            request_id: keys(&["request_id", "requestId", "req_id", "requestID", "req"]),
            trace_id: keys(&["trace_id", "traceId", "traceID", "trace.id"]),
            span_id: keys(&["span_id", "spanId", "spanID", "span.id"]),
            uid: keys(&["uid", "event_id", "eventID", "log.record.uid"]),
            event: keys(&["event", "event_name", "eventName"]),
            emitter: keys(&["host", "hostname", "instance", "pod"]),
        }
    }
}

impl JsonLines {
    /// The format with its guesses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn record(&self, raw: &[u8], base: LogRecord) -> Result<LogRecord, String> {
        let text = std::str::from_utf8(raw).map_err(|error| format!("not UTF-8: {error}"))?;
        let object: Map<String, Json> =
            serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))?;
        let level = first(&object, &self.level, scalar);
        Ok(LogRecord {
            time_unix_nano: first(&object, &self.time, nanos),
            severity: level.as_deref().and_then(severity),
            severity_text: level,
            event: first(&object, &self.event, scalar),
            uid: first(&object, &self.uid, scalar),
            request_id: first(&object, &self.request_id, scalar),
            trace_id: first(&object, &self.trace_id, hex),
            span_id: first(&object, &self.span_id, hex),
            body: first(&object, &self.message, scalar),
            emitter: first(&object, &self.emitter, scalar).or(base.emitter),
            attributes: Some(text.to_owned()),
            ..base
        })
    }
}

impl Format for JsonLines {
    fn name(&self) -> &'static str {
        "json"
    }

    fn parse(&self, bytes: &[u8], origin: &Origin, out: &mut LogBatchBuilder) -> Parsed {
        let mut emit = Emit::new(self.name(), origin, out);
        for range in frame::lines(bytes) {
            let raw = bytes.get(range.clone()).unwrap_or_default();
            match self.record(raw, emit.record(&range)) {
                Ok(record) => emit.push(&record),
                Err(error) => emit.malformed(bytes, &range, error),
            }
        }
        emit.parsed
    }
}

/// The first of the keys that holds something readable.
fn first<T>(
    object: &Map<String, Json>,
    keys: &[String],
    read: impl Fn(&Json) -> Option<T>,
) -> Option<T> {
    keys.iter().filter_map(|key| object.get(key)).find_map(read)
}

fn scalar(json: &Json) -> Option<String> {
    match json {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number's size tells its unit: seconds up to 1e11 (the year 5138), then milliseconds,
/// microseconds and nanoseconds, each a thousand times more.
fn nanos(json: &Json) -> Option<i64> {
    match json {
        Json::String(text) => rfc3339_nanos(text),
        Json::Number(number) => {
            if let Some(whole) = number.as_i64() {
                let unit = match whole.unsigned_abs() {
                    0..100_000_000_000 => 1_000_000_000,
                    100_000_000_000..100_000_000_000_000 => 1_000_000,
                    100_000_000_000_000..100_000_000_000_000_000 => 1_000,
                    _ => 1,
                };
                return whole.checked_mul(unit);
            }
            let seconds = number.as_f64().filter(|seconds| seconds.abs() < 9e9)?;
            #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
            Some((seconds * 1e9).round() as i64)
        }
        _ => None,
    }
}

fn hex<const N: usize>(json: &Json) -> Option<[u8; N]> {
    let text = json.as_str()?.as_bytes();
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    // An id of zeros means that there is none (W3C Trace Context).
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

/// Level words of common loggers, and OpenTelemetry numbers.
fn severity(level: &str) -> Option<LogSeverity> {
    if let Ok(number) = level.parse() {
        return LogSeverity::from_number(number);
    }
    Some(match level.to_ascii_lowercase().as_str() {
        "trace" | "finest" | "verbose" => LogSeverity::TRACE,
        "debug" | "dbg" | "fine" => LogSeverity::DEBUG,
        "info" | "information" | "informational" | "notice" => LogSeverity::INFO,
        "warn" | "warning" => LogSeverity::WARN,
        "error" | "err" | "severe" => LogSeverity::ERROR,
        "fatal" | "critical" | "crit" | "alert" | "emerg" | "emergency" | "panic" => {
            LogSeverity::FATAL
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::JsonLines;
    use crate::LayerName;
    use crate::format::{Format, Origin, Parsed};
    use crate::log::{LogBatch, LogBatchBuilder, LogSeverity};
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> (LogBatch, Parsed) {
        let origin = Origin::new(LayerName::parse("front").unwrap(), "x", 1);
        let mut out = LogBatchBuilder::new();
        let parsed = JsonLines::new().parse(bytes, &origin, &mut out);
        (out.finish(), parsed)
    }

    #[test]
    fn keys_are_guessed() {
        let (batch, _) = parse(
            br#"{"ts":1688990293.5,"level":"WARNING","msg":"slow","requestId":7,"traceId":"000102030405060708090a0b0c0d0e0f"}"#,
        );
        let record = batch.records().next().unwrap();
        assert_eq!(record.time_unix_nano, Some(1_688_990_293_500_000_000));
        assert_eq!(record.severity, Some(LogSeverity::WARN));
        assert_eq!(record.severity_text.as_deref(), Some("WARNING"));
        assert_eq!(record.body.as_deref(), Some("slow"));
        assert_eq!(record.request_id.as_deref(), Some("7"));
        assert_eq!(record.trace_id.unwrap()[15], 15);
    }

    #[test]
    fn times_tell_their_unit() {
        for time in [
            "1688990293",
            "1688990293000",
            "1688990293000000",
            "1688990293000000000",
            "\"2023-07-10T11:58:13Z\"",
            "\"2023-07-10T13:58:13+02:00\"",
        ] {
            let (batch, _) = parse(format!("{{\"time\":{time}}}").as_bytes());
            let nanos = batch.records().next().unwrap().time_unix_nano;
            assert_eq!(nanos, Some(1_688_990_293_000_000_000), "{time}");
        }
    }

    #[test]
    fn a_malformed_line_is_kept() {
        let (batch, parsed) = parse(b"{\"msg\":\"a\"}\r\n\n{oops\n[1]\n\xff\n");
        assert_eq!(parsed, Parsed { records: 4, malformed: 3 });
        let kept: Vec<_> = batch.records().map(|record| record.raw).collect();
        assert_eq!(
            kept,
            [None, Some(b"{oops".to_vec()), Some(b"[1]".to_vec()), Some(b"\xff".to_vec())]
        );
    }

    proptest! {
        #[test]
        fn records_in_are_rows_out(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (batch, parsed) = parse(&bytes);
            prop_assert_eq!(batch.len() as u64, parsed.records);
            let blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
            let lines = bytes.split(|b| *b == b'\n').filter(|line| !blank(line)).count();
            prop_assert_eq!(batch.len(), lines);
        }
    }
}
