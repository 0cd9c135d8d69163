//! Log formats: from bytes to log lines, one file a format.
//!
//! No record is dropped: what cannot be parsed becomes a line with its bytes and the reason.

#[cfg(feature = "cloudtrail")]
mod cloudtrail;
#[cfg(any(feature = "cloudtrail", feature = "json"))]
mod frame;
#[cfg(feature = "json")]
mod json;

#[cfg(feature = "cloudtrail")]
pub use cloudtrail::CloudTrail;
#[cfg(feature = "json")]
pub use json::JsonLines;

#[cfg(any(feature = "cloudtrail", feature = "json"))]
use std::ops::Range;

#[cfg(any(feature = "cloudtrail", feature = "json"))]
use crate::Digest;
use crate::LayerName;
use crate::log::LogBatchBuilder;
#[cfg(any(feature = "cloudtrail", feature = "json"))]
use crate::log::LogRecord;

/// Where bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The layer of lines that do not say theirs.
    pub layer: LayerName,
    /// Where they were read from: a path, an address.
    pub source: String,
    /// What wrote them, if the format does not say.
    pub emitter: Option<String>,
    /// When they were read, in nanoseconds since 1970.
    pub observed_time_unix_nano: i64,
    /// The place of the first record in its source.
    pub first_seq: i64,
    /// The first byte's place in its source.
    pub first_offset: i64,
}

impl Origin {
    /// The beginning of a source.
    #[must_use]
    pub fn new(layer: LayerName, source: impl Into<String>, observed_time_unix_nano: i64) -> Self {
        Self {
            layer,
            source: source.into(),
            emitter: None,
            observed_time_unix_nano,
            first_seq: 0,
            first_offset: 0,
        }
    }
}

/// How many records were taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parsed {
    /// Records, malformed ones among them. Each is one line.
    pub records: u64,
    /// Records that could not be parsed and were kept with their bytes and the reason.
    pub malformed: u64,
}

/// A log format.
pub trait Format: std::fmt::Debug + Send + Sync {
    /// Its name, as commands write it.
    fn name(&self) -> &'static str;

    /// Parses a whole source and adds every record of it.
    fn parse(&self, bytes: &[u8], origin: &Origin, out: &mut LogBatchBuilder) -> Parsed;
}

/// Longest raw record kept in a row; of longer ones the row keeps the beginning, the length and
/// the digest.
pub const RAW_LIMIT: usize = 256 * 1024;

/// Shared by the formats: numbers records, marks where they stood, and keeps what is malformed.
#[cfg(any(feature = "cloudtrail", feature = "json"))]
struct Emit<'a> {
    format: &'static str,
    origin: &'a Origin,
    out: &'a mut LogBatchBuilder,
    parsed: Parsed,
}

#[cfg(any(feature = "cloudtrail", feature = "json"))]
impl<'a> Emit<'a> {
    const fn new(format: &'static str, origin: &'a Origin, out: &'a mut LogBatchBuilder) -> Self {
        Self { format, origin, out, parsed: Parsed { records: 0, malformed: 0 } }
    }

    /// A record of the source's own layer, numbered and placed.
    fn record(&self, range: &Range<usize>) -> LogRecord {
        let place = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let seq = i64::try_from(self.parsed.records).unwrap_or(i64::MAX);
        LogRecord {
            emitter: self.origin.emitter.clone(),
            seq: self.origin.first_seq.saturating_add(seq),
            source: Some(self.origin.source.clone()),
            source_offset: Some(self.origin.first_offset.saturating_add(place(range.start))),
            format: Some(self.format.to_owned()),
            ..LogRecord::new(self.origin.layer.clone(), self.origin.observed_time_unix_nano)
        }
    }

    fn push(&mut self, record: &LogRecord) {
        self.parsed.records += 1;
        self.out.push(record);
    }

    fn malformed(&mut self, bytes: &[u8], range: &Range<usize>, error: impl Into<String>) {
        let raw = bytes.get(range.clone()).unwrap_or_default();
        let mut record = self.record(range);
        let kept = raw.get(..RAW_LIMIT).unwrap_or(raw);
        if kept.len() < raw.len() {
            record.raw_length = i64::try_from(raw.len()).ok();
            record.raw_sha256 = Some(Digest::of(raw));
        }
        record.body = Some(String::from_utf8_lossy(kept).into_owned());
        record.raw = Some(kept.to_vec());
        record.parse_error = Some(error.into());
        self.parsed.malformed += 1;
        self.push(&record);
    }
}

/// Nanoseconds since 1970 of an RFC 3339 time; `None` if it is none or does not fit.
#[cfg(any(feature = "cloudtrail", feature = "json"))]
fn rfc3339_nanos(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt()
}
