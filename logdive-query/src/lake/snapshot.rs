//! A version of the lake: its files, resident.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use deltalake::DeltaTable;
use deltalake::logstore::LogStoreRef;
use futures_util::TryStreamExt as _;
use logdive_core::Window;
use serde_json::Value as Json;

use super::{LakeError, format};
use crate::files::ScanFile;

/// A data file of the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LakeFile {
    /// Its path inside the lake.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its lines, if the log says.
    pub rows: Option<u64>,
    /// The oldest time in it, if the log says.
    pub oldest: Option<DateTime<Utc>>,
    /// The newest time in it, if the log says; never below the true one.
    pub newest: Option<DateTime<Utc>>,
    /// The day it belongs to.
    pub date: Option<NaiveDate>,
}

impl LakeFile {
    /// Whether lines of a window may be in it. What the log does not say does not exclude it.
    #[must_use]
    pub fn may_hold(&self, window: &Window) -> bool {
        self.oldest.is_none_or(|oldest| oldest < window.to())
            && self.newest.is_none_or(|newest| newest >= window.from())
    }
}

/// A version of the lake and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeSnapshot {
    root: PathBuf,
    version: u64,
    files: Vec<LakeFile>,
}

impl LakeSnapshot {
    pub(crate) async fn of(
        root: &Path,
        table: &DeltaTable,
        log_store: &LogStoreRef,
    ) -> Result<Self, LakeError> {
        let failed = || LakeError::log("reading the log", root);
        let state = table.snapshot().map_err(failed())?;
        let views: Vec<_> =
            state.snapshot().file_views(&**log_store, None).try_collect().await.map_err(failed())?;
        let mut files: Vec<LakeFile> = views
            .iter()
            .map(|view| {
                let stats: Option<Json> =
                    view.stats().and_then(|stats| serde_json::from_str(&stats).ok());
                let stat = |pointer: &str| stats.as_ref().and_then(|s| s.pointer(pointer)).cloned();
                let date = view.partition_values_map().remove(format::DATE).flatten();
                LakeFile {
                    path: view.path().into_owned(),
                    bytes: u64::try_from(view.size()).unwrap_or_default(),
                    rows: stat("/numRecords").and_then(|rows| rows.as_u64()),
                    oldest: stat("/minValues/ts").and_then(|time| stat_time(&time)),
                    newest: stat("/maxValues/ts")
                        .and_then(|time| stat_time(&time))
                        // Other writers cut statistics to milliseconds.
                        .and_then(|time| {
                            time.checked_add_signed(chrono::TimeDelta::microseconds(999))
                        }),
                    date: date.and_then(|date| date.parse().ok()),
                }
            })
            .collect();
        files.sort_unstable_by(|a, b| (a.oldest, &a.path).cmp(&(b.oldest, &b.path)));
        Ok(Self { root: root.to_owned(), version: state.version(), files })
    }

    /// The version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Its files, oldest first.
    #[must_use]
    pub fn files(&self) -> &[LakeFile] {
        &self.files
    }

    /// The files that may hold lines of a window, all without one.
    pub(crate) fn scan_files(&self, window: Option<&Window>) -> Vec<ScanFile> {
        self.files
            .iter()
            .filter(|file| window.is_none_or(|window| file.may_hold(window)))
            .map(|file| ScanFile {
                path: self.root.join(&file.path),
                bytes: file.bytes,
                rows: file.rows,
                times: file.oldest.zip(file.newest),
            })
            .collect()
    }
}

fn stat_time(value: &Json) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.with_timezone(&Utc))
}

/// A time as statistics carry it: whole microseconds.
pub(crate) fn stat_text(micros: i64) -> Option<String> {
    DateTime::from_timestamp_micros(micros)
        .map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true))
}
