//! One log line.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::LogSeverity;
use crate::{Digest, LayerName};

/// One log line in the OpenTelemetry log data model, plus what diving needs.
///
/// Any values are legal; a [`LogBatchBuilder`](super::LogBatchBuilder) takes them all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRecord {
    /// The layer it belongs to.
    pub layer: LayerName,
    /// When it happened, in nanoseconds since 1970; `None` if the line does not say.
    pub time_unix_nano: Option<i64>,
    /// When it was observed, in nanoseconds since 1970.
    pub observed_time_unix_nano: i64,
    /// How severe.
    pub severity: Option<LogSeverity>,
    /// How severe, as the line wrote it.
    pub severity_text: Option<String>,
    /// The service that wrote it.
    pub service: Option<String>,
    /// What wrote it: an instance and file, a delivery stream.
    pub emitter: Option<String>,
    /// Its place in its source, rising.
    pub seq: i64,
    /// The event's name.
    pub event: Option<String>,
    /// Its own unique id.
    pub uid: Option<String>,
    /// The request id.
    pub request_id: Option<String>,
    /// W3C trace id.
    pub trace_id: Option<[u8; 16]>,
    /// W3C span id.
    pub span_id: Option<[u8; 8]>,
    /// W3C trace flags.
    pub trace_flags: Option<i32>,
    /// The text.
    pub body: Option<String>,
    /// Its attributes: a JSON object as text.
    pub attributes: Option<String>,
    /// Attributes of what wrote it: a JSON object as text.
    pub resource: Option<String>,
    /// The instrumentation scope: a JSON object as text.
    pub scope: Option<String>,
    /// Where it was read from.
    pub source: Option<String>,
    /// First byte of the record in its source.
    pub source_offset: Option<i64>,
    /// The format it was parsed with.
    pub format: Option<String>,
    /// Why it could not be parsed; `None` if it could.
    pub parse_error: Option<String>,
    /// The bytes as they came, where parsing lost something.
    pub raw: Option<Vec<u8>>,
    /// Length of the record in bytes, where `raw` holds less.
    pub raw_length: Option<i64>,
    /// SHA-256 of the record, where `raw` holds less.
    pub raw_sha256: Option<Digest>,
    /// Name of the blob that holds the rest of the record, where `raw` holds less.
    pub raw_blob: Option<String>,
}

impl LogRecord {
    /// An empty line of a layer, observed at a time.
    #[must_use]
    pub const fn new(layer: LayerName, observed_time_unix_nano: i64) -> Self {
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
        self.as_line().ts()
    }

    /// Effective time.
    #[must_use]
    pub fn time(&self) -> DateTime<Utc> {
        // Microseconds of an i64 of nanoseconds are within what chrono can hold.
        DateTime::from_timestamp_micros(self.ts()).unwrap_or_default()
    }

    /// The hash of the masked text, or of the event's name if there is no text.
    #[must_use]
    pub fn shape(&self) -> i64 {
        self.as_line().shape()
    }
}
