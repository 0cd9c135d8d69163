//! The same lines as JSON, one a line: what a search over text is given.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat};

use crate::log::{Column, LogBatch, LogRow};

/// Writes a batch as JSON lines: `ts`, `layer`, `severity`, `service`, `emitter`, `seq`,
/// `request_id`, `trace_id`, `msg`, and `attributes` as an object.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_json_lines(batch: &LogBatch, out: &mut impl Write) -> io::Result<()> {
    let mut line = String::with_capacity(512);
    for row in batch.rows() {
        line.clear();
        write_line(&row, &mut line);
        line.push('\n');
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

fn write_line(row: &LogRow<'_>, line: &mut String) {
    let nanos = row.int(Column::TimeUnixNano).unwrap_or_default();
    let time = DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::Nanos, true);
    line.push_str("{\"ts\":\"");
    line.push_str(&time);
    line.push('"');
    let texts = [
        ("layer", Column::Layer),
        ("severity", Column::SeverityText),
        ("service", Column::ServiceName),
        ("emitter", Column::Emitter),
        ("request_id", Column::RequestId),
        ("msg", Column::Body),
    ];
    for (key, column) in texts {
        if let Some(text) = row.text(column) {
            line.push_str(",\"");
            line.push_str(key);
            line.push_str("\":");
            quoted(text, line);
        }
    }
    if let Some(trace) = row.binary(Column::TraceId) {
        const DIGITS: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        line.push_str(",\"trace_id\":\"");
        for nibble in trace.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            line.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or('0'));
        }
        line.push('"');
    }
    line.push_str(",\"seq\":");
    line.push_str(&row.int(Column::Seq).unwrap_or_default().to_string());
    if let Some(attributes) = row.text(Column::Attributes) {
        line.push_str(",\"attributes\":");
        line.push_str(attributes);
    }
    line.push('}');
}

fn quoted(text: &str, line: &mut String) {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        line.push('"');
        line.push_str(text);
        line.push('"');
        return;
    }
    // Text is always written: it is no map, and there is no I/O.
    line.push_str(&serde_json::to_string(text).unwrap_or_default());
}
