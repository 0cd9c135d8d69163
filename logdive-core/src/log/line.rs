//! One log line that borrows its texts.

use super::{LogRecord, LogSeverity, shape};
use crate::{Digest, LayerName};

/// One log line as parsers give it: a [`LogRecord`] that borrows its texts, so that a line costs
/// no allocation on its way into a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// The layer it belongs to.
    pub layer: &'a LayerName,
    /// When it happened, in nanoseconds since 1970; `None` if the line does not say.
    pub time_unix_nano: Option<i64>,
    /// When it was observed, in nanoseconds since 1970.
    pub observed_time_unix_nano: i64,
    /// How severe.
    pub severity: Option<LogSeverity>,
    /// How severe, as the line wrote it.
    pub severity_text: Option<&'a str>,
    /// The service that wrote it.
    pub service: Option<&'a str>,
    /// What wrote it: an instance and file, a delivery stream.
    pub emitter: Option<&'a str>,
    /// Its place in its source, rising.
    pub seq: i64,
    /// The event's name.
    pub event: Option<&'a str>,
    /// Its own unique id.
    pub uid: Option<&'a str>,
    /// The request id.
    pub request_id: Option<&'a str>,
    /// W3C trace id.
    pub trace_id: Option<[u8; 16]>,
    /// W3C span id.
    pub span_id: Option<[u8; 8]>,
    /// W3C trace flags.
    pub trace_flags: Option<i32>,
    /// The text.
    pub body: Option<&'a str>,
    /// Its attributes: a JSON object as text.
    pub attributes: Option<&'a str>,
    /// Attributes of what wrote it: a JSON object as text.
    pub resource: Option<&'a str>,
    /// The instrumentation scope: a JSON object as text.
    pub scope: Option<&'a str>,
    /// Where it was read from.
    pub source: Option<&'a str>,
    /// First byte of the record in its source.
    pub source_offset: Option<i64>,
    /// The format it was parsed with.
    pub format: Option<&'a str>,
    /// Why it could not be parsed; `None` if it could.
    pub parse_error: Option<&'a str>,
    /// The bytes as they came, where parsing lost something.
    pub raw: Option<&'a [u8]>,
    /// Length of the record in bytes, where `raw` holds less.
    pub raw_length: Option<i64>,
    /// SHA-256 of the record, where `raw` holds less.
    pub raw_sha256: Option<Digest>,
    /// Name of the blob that holds the rest of the record, where `raw` holds less.
    pub raw_blob: Option<&'a str>,
}

impl<'a> LogLine<'a> {
    /// An empty line of a layer, observed at a time.
    #[must_use]
    pub const fn new(layer: &'a LayerName, observed_time_unix_nano: i64) -> Self {
        Self {
            layer,
            time_unix_nano: None,
            observed_time_unix_nano,
            severity: None,
            severity_text: None,
            service: None,
            emitter: None,
            seq: 0,
            event: None,
            uid: None,
            request_id: None,
            trace_id: None,
            span_id: None,
            trace_flags: None,
            body: None,
            attributes: None,
            resource: None,
            scope: None,
            source: None,
            source_offset: None,
            format: None,
            parse_error: None,
            raw: None,
            raw_length: None,
            raw_sha256: None,
            raw_blob: None,
        }
    }

    /// Effective time in microseconds since 1970: when it happened, else when it was observed.
    #[must_use]
    pub fn ts(&self) -> i64 {
        self.time_unix_nano.unwrap_or(self.observed_time_unix_nano).div_euclid(1_000)
    }

    /// The hash of the masked text, or of the event's name if there is no text.
    #[must_use]
    pub fn shape(&self) -> i64 {
        shape(self.body.or(self.event).unwrap_or_default())
    }
}

impl LogRecord {
    /// The record as a line that borrows from it.
    #[must_use]
    pub fn as_line(&self) -> LogLine<'_> {
        LogLine {
            layer: &self.layer,
            time_unix_nano: self.time_unix_nano,
            observed_time_unix_nano: self.observed_time_unix_nano,
            severity: self.severity,
            severity_text: self.severity_text.as_deref(),
            service: self.service.as_deref(),
            emitter: self.emitter.as_deref(),
            seq: self.seq,
            event: self.event.as_deref(),
            uid: self.uid.as_deref(),
            request_id: self.request_id.as_deref(),
            trace_id: self.trace_id,
            span_id: self.span_id,
            trace_flags: self.trace_flags,
            body: self.body.as_deref(),
            attributes: self.attributes.as_deref(),
            resource: self.resource.as_deref(),
            scope: self.scope.as_deref(),
            source: self.source.as_deref(),
            source_offset: self.source_offset,
            format: self.format.as_deref(),
            parse_error: self.parse_error.as_deref(),
            raw: self.raw.as_deref(),
            raw_length: self.raw_length,
            raw_sha256: self.raw_sha256,
            raw_blob: self.raw_blob.as_deref(),
        }
    }
}
