//! Where bytes come from.

use chrono::{FixedOffset, Offset as _, Utc};

use crate::LayerName;

/// What to assume of times that do not say it. It is written beside each line that needed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeAssumption {
    /// The zone: UTC unless it is set.
    pub offset: FixedOffset,
    /// The year; unless it is set, the newest one that puts the time at most a day behind the
    /// time of observation.
    pub year: Option<i32>,
}

impl Default for TimeAssumption {
    fn default() -> Self {
        Self { offset: Utc.fix(), year: None }
    }
}

/// Where bytes come from, and what to assume of them.
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
    /// What to assume of times.
    pub assumed: TimeAssumption,
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
            assumed: TimeAssumption::default(),
        }
    }
}
