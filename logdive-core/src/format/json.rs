//! JSON lines: one object a line.

use serde::de::DeserializeSeed as _;

use super::found::Found;
use super::keys::{Keys, key_setters};
use super::object::quoted;
use super::{Format, Framing, Rows, TIME_ASSUMED};
use crate::log::LogLine;

mod read;

use self::read::Object;

/// Lines of JSON objects, with sensible guesses which keys hold time, level, message and ids.
///
/// The whole object is kept as the line's attributes. A key that is tried and holds something
/// else stays there and is passed over. A key with dots is looked for as it is written, and as a
/// path into nested objects (`log.level`, as the Elastic Common Schema has it).
#[derive(Debug, Clone)]
pub struct JsonLines {
    keys: Keys,
}

impl Default for JsonLines {
    fn default() -> Self {
        Self::new()
    }
}

impl JsonLines {
    /// The format with its guesses.
    #[must_use]
    pub fn new() -> Self {
        Self { keys: Keys::guesses() }
    }

    key_setters! {}
}

impl Format for JsonLines {
    fn name(&self) -> &'static str {
        "json"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        let mut found = Found::new(rows.origin());
        let mut reader = serde_json::Deserializer::from_str(&text);
        let read = Object::new(&self.keys, &mut found).deserialize(&mut reader);
        match read.and_then(|()| reader.end()) {
            Ok(()) => push(&text, &found, rows),
            Err(error) => rows.malformed(&format!("not a JSON object: {error}")),
        }
    }
}

fn push(text: &str, found: &Found<'_>, rows: &mut Rows<'_>) {
    let when = found.when();
    let noted = when.assumed().note().map(|note| with_note(text, &note));
    let line = found.line(&when, rows.line());
    rows.push(&LogLine { attributes: Some(noted.as_deref().unwrap_or(text)), ..line });
}

/// The object with what was assumed of its time.
fn with_note(text: &str, note: &str) -> String {
    let text = text.trim_end();
    let mut noted = text.strip_suffix('}').unwrap_or(text).to_owned();
    noted.push(',');
    quoted(&mut noted, TIME_ASSUMED);
    noted.push(':');
    quoted(&mut noted, note);
    noted.push('}');
    noted
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::JsonLines;
    use crate::LayerName;
    use crate::format::{Format, Origin, Parsed, parse as parse_bytes};
    use crate::log::{LogBatch, LogBatchBuilder, LogSeverity};
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> (LogBatch, Parsed) {
        let origin = Origin::new(LayerName::parse("front").unwrap(), "x", 1);
        let mut out = LogBatchBuilder::new();
        let format: Arc<dyn Format> = Arc::new(JsonLines::new());
        let parsed = parse_bytes(&format, bytes, &origin, &mut out);
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
            "\"10/Jul/2023:13:58:13 +0200\"",
            "\"Mon, 10 Jul 2023 11:58:13 GMT\"",
            "\"2023-07-10 13:58:13 CEST\"",
            "\"1688990293\"",
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
