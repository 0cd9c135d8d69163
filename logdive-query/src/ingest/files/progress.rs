//! How far it is, for a line on a terminal.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::array::Array as _;
use chrono::{DateTime, Utc};
use logdive_core::LogBatch;
use logdive_core::log::Column;

/// How far reading files is. Counts are since the source was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileProgress {
    /// Files that are there.
    pub files: u64,
    /// Of those, files that are read to their end, or in which nothing is new.
    pub done: u64,
    /// Bytes that were there to read, as they lie on the disk.
    pub bytes: u64,
    /// Of those, bytes that are read.
    pub read: u64,
    /// Rows given to the lake.
    pub rows: u64,
    /// Of those, rows that could not be parsed.
    pub malformed: u64,
    /// Of those, rows that are durable.
    pub durable: u64,
    /// The newest time that a row has.
    pub newest: Option<DateTime<Utc>>,
    /// Files that cannot be read now, and why; they are tried again.
    pub problems: BTreeMap<PathBuf, String>,
}

impl FileProgress {
    /// Counts rows.
    pub(crate) fn count(&mut self, rows: &LogBatch) {
        self.rows += rows.len() as u64;
        let batch = rows.as_arrow();
        if let Some(errors) = batch.column_by_name(Column::ParseError.name()) {
            self.malformed += (errors.len() - errors.null_count()) as u64;
        }
        let newest = rows.rows().filter_map(|row| row.int(Column::TimeUnixNano)).max();
        self.newest = self.newest.max(newest.map(DateTime::from_timestamp_nanos));
    }
}
