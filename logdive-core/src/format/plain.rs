//! Plain text: lines with a time in front, and what belongs to them.

use super::hex::hex;
use super::object::ObjectWriter;
use super::time::leading;
use super::{Format, Framing, Rows, TIME_ASSUMED};
use crate::log::LogLine;

mod continues;
mod ids;
mod level;

/// Any text. A line that begins with a time begins a record; one that does not belongs to the
/// record in front of it, so that a stack trace stays with its head.
///
/// - The times of common loggers, databases and systems are known, with what they write in front
///   of them: ISO 8601, syslog, `ctime`, access logs, MySQL, PostgreSQL, redis, log4j, Hadoop,
///   Spark, Android and their like, and numbers since 1970. Of two-digit dates whose order cannot
///   be told (`10/11/12`) and of abbreviated zones that are not known, what was assumed is noted.
/// - Behind a head without a time, only lines that begin with white space or that are known parts
///   of a stack trace (of Java, .NET, Python, Go, Rust, PHP) belong to it.
/// - The body is the whole record. The severity is that of a level near the time; the ids are
///   those behind known keys (`request_id=`, `traceId:` and their like).
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Plain {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Format for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn framing(&self) -> Framing {
        Framing::Continued(continues::continues)
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        let time = leading(text.as_bytes());
        let base = rows.line();
        let (nanos, note, error) = match time.and_then(|time| time.resolve(rows.origin())) {
            None => (None, None, None),
            Some(Ok((nanos, assumed))) => (Some(nanos), assumed.note(), None),
            Some(Err(error)) => (None, None, Some(format!("its time {error}"))),
        };
        let attributes = note.map(|note| {
            let mut attributes = String::new();
            let mut object = ObjectWriter::new(&mut attributes);
            object.text(TIME_ASSUMED, &note);
            object.end();
            attributes
        });
        let level = level::find(&text, time.as_ref());
        let ids = ids::find(&text, time.as_ref().map_or(0, |time| time.end));
        rows.push(&LogLine {
            time_unix_nano: nanos,
            severity: level.and_then(|level| level.severity),
            severity_text: level.map(|level| level.text),
            request_id: ids.request,
            trace_id: ids.trace.and_then(hex),
            span_id: ids.span.and_then(hex),
            body: Some(&text),
            attributes: attributes.as_deref(),
            parse_error: error.as_deref(),
            ..base
        });
    }
}

#[cfg(test)]
mod tests;
