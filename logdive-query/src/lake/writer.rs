//! The one writer of a lake: data file, then commit, then return.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::path::Path;

use arrow::array::UInt64Array;
use arrow::compute::take_record_batch;
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, NaiveDate, SecondsFormat};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{KeyValue, SortingColumn};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use logdive_core::log::Column;
use logdive_core::{Digest, LogBatch};
use serde_json::{Value as Json, json};

use super::durable::{IfThere, write_file};
use super::emitters::FileEmitters;
use super::snapshot::stat_text;
use super::{Lake, LakeError, StreamProgress, commit, format, offsets};

/// Rows of one row group.
const ROW_GROUP: usize = 131_072;
/// A checkpoint is written each so many commits, unless it is said otherwise.
const CHECKPOINT_EACH: u64 = 100;
/// How often a commit is tried again at the next version when somebody else took one.
const ATTEMPTS: usize = 15;
/// Columns that are looked up by single values.
const BLOOMS: [Column; 3] = [Column::Uid, Column::RequestId, Column::TraceId];
/// Columns whose values hardly repeat.
const NO_DICTIONARY: [Column; 6] = [
    Column::Uid,
    Column::RequestId,
    Column::TraceId,
    Column::SpanId,
    Column::Body,
    Column::Attributes,
];

/// What became of an append.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// The lines are in the lake and durable.
    Committed {
        /// The version that has them.
        version: u64,
        /// How many lines.
        rows: u64,
        /// How many data files.
        files: u64,
    },
    /// The stream's batch of this number, or a later one, is committed already; nothing was
    /// written.
    Already {
        /// The newest batch of the stream.
        batch: u64,
    },
}

/// The one writer of a lake. It holds the lake's lock until it is dropped.
#[derive(Debug)]
pub struct LakeWriter {
    lake: Lake,
    committed: BTreeMap<String, u64>,
    checkpoint_each: u64,
    checkpoint_failed: Option<String>,
    // Held by the operating system for as long as the file is open.
    _lock: File,
}

impl LakeWriter {
    pub(crate) async fn lock(lake: &Lake) -> Result<Self, LakeError> {
        let path = lake.root().join("_logdive.lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(LakeError::io("opening", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = lock.read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "another process".to_owned(),
                    holder => holder.to_owned(),
                };
                return Err(LakeError::Locked { path: lake.root().to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(LakeError::io("locking", &path)(error)),
        }
        // Says who; the lock itself is the operating system's.
        let since = lake.shared.clock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let holder = format!("process {} since {since}", std::process::id());
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| lock.write_all(holder.as_bytes()))
            .map_err(LakeError::io("writing", &path))?;
        lake.refresh().await?;
        Ok(Self {
            lake: lake.clone(),
            committed: BTreeMap::new(),
            checkpoint_each: CHECKPOINT_EACH,
            checkpoint_failed: None,
            _lock: lock,
        })
    }

    /// The lake.
    #[must_use]
    pub const fn lake(&self) -> &Lake {
        &self.lake
    }

    /// Writes a checkpoint each so many commits; 100 unless said otherwise, 0 for none.
    #[must_use]
    pub const fn checkpoint_each(mut self, commits: u64) -> Self {
        self.checkpoint_each = commits;
        self
    }

    /// Why the last checkpoint could not be written, if so. Nothing is lost by it: opening the
    /// lake takes longer.
    #[must_use]
    pub fn checkpoint_failed(&self) -> Option<&str> {
        self.checkpoint_failed.as_deref()
    }

    /// Appends a batch of a stream. When it returns, the lines and the stream's progress are
    /// durable, in one commit.
    ///
    /// A batch whose number is not above the stream's newest is not written again, so a source
    /// that is read again after a crash doubles no line.
    ///
    /// # Errors
    /// If the files cannot be written. The batch may or may not be committed then: append it
    /// again with the same number.
    pub async fn append(
        &mut self,
        batch: &LogBatch,
        progress: &StreamProgress,
    ) -> Result<Appended, LakeError> {
        progress.check()?;
        let stream = progress.stream.as_str();
        let known = match self.committed.get(stream) {
            Some(batch) => Some(*batch),
            None => self.lake.committed(stream).await?.map(|committed| committed.batch),
        };
        if let Some(known) = known.filter(|known| progress.batch <= *known) {
            return Ok(Appended::Already { batch: known });
        }
        // Until it is known what became of this batch, only the log knows where the stream is.
        self.committed.remove(stream);
        let (files, manifest) = {
            let (batch, progress) = (batch.clone(), progress.clone());
            let root = self.lake.root().to_owned();
            let now = self.lake.shared.clock.now().timestamp_millis();
            tokio::task::spawn_blocking(move || {
                let manifest = offsets::write(&root, &progress)?;
                Ok::<_, LakeError>((write_files(&root, &batch, &progress, now)?, manifest))
            })
            .await
            .map_err(LakeError::log("writing data files", self.lake.root()))??
        };
        let count = files.len() as u64;
        let appended = self.commit(files, progress, &manifest, batch.len() as u64).await?;
        if let Some(version) = appended {
            self.committed.insert(stream.to_owned(), progress.batch);
            offsets::sweep(self.lake.root(), stream, progress.batch);
            self.checkpoint(version).await;
            return Ok(Appended::Committed { version, rows: batch.len() as u64, files: count });
        }
        let batch = self.lake.committed(stream).await?.map_or(0, |committed| committed.batch);
        Ok(Appended::Already { batch })
    }

    /// Commits at the next free version; `None` if the batch turned out to be committed.
    async fn commit(
        &self,
        files: Vec<Json>,
        progress: &StreamProgress,
        manifest: &str,
        rows: u64,
    ) -> Result<Option<u64>, LakeError> {
        let root = self.lake.root();
        let now = self.lake.shared.clock.now().timestamp_millis();
        let mut actions = vec![json!({"txn": {
            "appId": progress.stream,
            "version": progress.batch,
            "lastUpdated": now,
        }})];
        actions.extend(files);
        let info = json!({
            "timestamp": now,
            "operation": "WRITE",
            "operationParameters": {"mode": "Append", "partitionBy": format!("[\"{}\"]", format::DATE)},
            "isBlindAppend": true,
            "engineInfo": format::ENGINE,
        });
        let seal = json!({
            "format": format::VERSION,
            "stream": progress.stream,
            "batch": progress.batch,
            "rows": rows,
            "offsets": manifest,
        });
        let bytes = commit::sealed(&actions, info, seal);
        for _ in 0..ATTEMPTS {
            let version = self.lake.snapshot().version() + 1;
            let path = root.join("_delta_log").join(format!("{version:020}.json"));
            let written = {
                let (path, bytes) = (path.clone(), bytes.clone());
                tokio::task::spawn_blocking(move || {
                    write_file(&path, [bytes.as_ref()], IfThere::Refuse)
                })
                .await
                .map_err(LakeError::log("committing", root))?
            };
            match written {
                Ok(()) => {
                    self.lake.refresh().await?;
                    return Ok(Some(version));
                }
                // Another tool wrote to the table (an optimize, say): appends never conflict with
                // it, so the next version is tried. It may also have been ourselves.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let committed = self.lake.committed(&progress.stream).await?;
                    if committed.is_some_and(|committed| committed.batch >= progress.batch) {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(LakeError::io("committing", &path)(error)),
            }
        }
        let error = format!("{ATTEMPTS} versions were taken by somebody else");
        Err(LakeError::log("committing", root)(error))
    }

    async fn checkpoint(&mut self, version: u64) {
        if self.checkpoint_each == 0 || !version.is_multiple_of(self.checkpoint_each) {
            return;
        }
        let table = self.lake.shared.table.lock().await;
        let written = deltalake::checkpoints::create_checkpoint(&table, None).await;
        drop(table);
        self.checkpoint_failed = written.err().map(|error| error.to_string());
    }
}

/// Writes the lines as data files, one a day, and gives their add actions.
fn write_files(
    root: &Path,
    batch: &LogBatch,
    progress: &StreamProgress,
    now: i64,
) -> Result<Vec<Json>, LakeError> {
    let mut days: BTreeMap<NaiveDate, Vec<u64>> = BTreeMap::new();
    let mut order: Vec<(_, u64)> =
        batch.rows().zip(0..).map(|(row, index)| (row.order(), index)).collect();
    order.sort_unstable();
    for ((ts, ..), index) in order {
        // Microseconds of an i64 of nanoseconds are within the calendar.
        let time = DateTime::from_timestamp_micros(ts).unwrap_or_default();
        days.entry(time.date_naive()).or_default().push(index);
    }
    let stream = offsets::file_name(&progress.stream);
    days.into_iter()
        .map(|(date, rows)| {
            let rows = UInt64Array::from(rows);
            let day = take_record_batch(batch.as_arrow(), &rows)
                .map_err(LakeError::log("sorting lines", root))?;
            let bytes = parquet(&day).map_err(LakeError::log("encoding lines", root))?;
            // The name is that of the content: written again after a crash, it is the same file.
            let name = format!(
                "{}={date}/{stream}-{:010}-{}.parquet",
                format::DATE,
                progress.batch,
                Digest::of(&bytes).short()
            );
            let path = root.join(&name);
            write_file(&path, [bytes.as_slice()], IfThere::Replace)
                .map_err(LakeError::io("writing", &path))?;
            Ok(json!({"add": {
                "path": name,
                "partitionValues": { format::DATE: date.to_string() },
                "size": bytes.len(),
                "modificationTime": now,
                "dataChange": true,
                "stats": statistics(&day).to_string(),
            }}))
        })
        .collect()
}

fn parquet(day: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
    let path = |column: Column| ColumnPath::from(column.name());
    let mut properties =
        WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_created_by(format::ENGINE.to_owned())
            .set_column_dictionary_enabled(path(Column::Ts), false)
            .set_column_encoding(path(Column::Ts), Encoding::DELTA_BINARY_PACKED)
            .set_sorting_columns(Some(vec![SortingColumn {
                column_idx: Column::Ts as i32,
                descending: false,
                nulls_first: false,
            }]))
            .set_key_value_metadata(FileEmitters::of(day).map(|emitters| {
                vec![KeyValue::new(FileEmitters::KEY.to_owned(), emitters.to_text())]
            }));
    for column in NO_DICTIONARY {
        properties = properties.set_column_dictionary_enabled(path(column), false);
    }
    let rows = u64::try_from(day.num_rows().clamp(1, ROW_GROUP)).unwrap_or(1);
    for column in BLOOMS {
        properties = properties
            .set_column_bloom_filter_enabled(path(column), true)
            .set_column_bloom_filter_max_ndv(path(column), rows);
    }
    let mut writer = ArrowWriter::try_new(Vec::new(), day.schema(), Some(properties.build()))?;
    writer.write(day)?;
    writer.into_inner()
}

/// Delta's statistics of the columns that prune.
fn statistics(day: &RecordBatch) -> Json {
    let Ok(batch) = LogBatch::try_new(day) else { return json!({"numRecords": day.num_rows()}) };
    let times = || batch.rows().filter_map(|row| row.int(Column::Ts));
    let layers = || batch.rows().filter_map(|row| row.text(Column::Layer));
    let severities = || batch.rows().filter_map(|row| row.int(Column::SeverityNumber));
    let extremes = |time: Option<i64>, layer: Option<&str>, severity: Option<i64>| {
        let mut values = serde_json::Map::new();
        if let Some(time) = time.and_then(stat_text) {
            values.insert(Column::Ts.name().into(), json!(time));
        }
        if let Some(layer) = layer {
            values.insert(Column::Layer.name().into(), json!(layer));
        }
        if let Some(severity) = severity {
            values.insert(Column::SeverityNumber.name().into(), json!(severity));
        }
        Json::Object(values)
    };
    let without = batch.len() - severities().count();
    json!({
        "numRecords": batch.len(),
        "minValues": extremes(times().min(), layers().min(), severities().min()),
        "maxValues": extremes(times().max(), layers().max(), severities().max()),
        "nullCount": {
            Column::Ts.name(): 0,
            Column::Layer.name(): 0,
            Column::SeverityNumber.name(): without,
        },
    })
}
