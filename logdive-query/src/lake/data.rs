//! The data files of a commit: one a day, sorted, under a name of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::compute::interleave_record_batch;
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, NaiveDate};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::metadata::{KeyValue, SortingColumn};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use logdive_core::log::{Column, LogRow, schema};
use logdive_core::{Digest, LogBatch};
use serde_json::{Value as Json, json};

use super::durable::{Disk, IfThere};
use super::emitters::FileEmitters;
use super::snapshot::stat_text;
use super::{LakeError, format};

/// Rows of one row group.
const ROW_GROUP: usize = 131_072;
/// Rows of one page: a line that is shown costs the decoding of its page in every column.
const PAGE: usize = 4_096;
/// So many rows are copied together at once on their way into a file.
const CHUNK: usize = 4_096;
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

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Writes rows as data files, one a day, and gives their add actions. `name` tells the commit
/// from all others. Each file that may be there, after a failure too, is put into `written`.
pub(crate) fn write_files(
    disk: &Disk,
    root: &Path,
    batches: &[LogBatch],
    name: &str,
    now: i64,
    written: &mut Vec<PathBuf>,
) -> Result<Vec<Json>, LakeError> {
    days(batches)
        .into_iter()
        .map(|(date, rows)| {
            let day = Day { batches, rows };
            let bytes = day.parquet().map_err(LakeError::log("encoding lines", root))?;
            // No two commits have the same numbers of the same streams, so a file is named by one
            // commit at most. Written again with the same rows after a crash, it is the same file.
            let name =
                format!("{}={date}/{name}-{}.parquet", format::DATE, Digest::of(&bytes).short());
            let path = root.join(&name);
            written.push(path.clone());
            disk.write_file(&path, [bytes.as_slice()], IfThere::Replace)
                .map_err(LakeError::io("writing", &path))?;
            Ok(json!({"add": {
                "path": name,
                "partitionValues": { format::DATE: date.to_string() },
                "size": bytes.len(),
                "modificationTime": now,
                "dataChange": true,
                "stats": day.statistics().to_string(),
            }}))
        })
        .collect()
}

/// The rows of each day in order: batch and row.
fn days(batches: &[LogBatch]) -> BTreeMap<NaiveDate, Vec<(usize, usize)>> {
    let mut order: Vec<_> = batches
        .iter()
        .enumerate()
        .flat_map(|(batch, rows)| {
            rows.rows().enumerate().map(move |(row, line)| (line.order(), (batch, row)))
        })
        .collect();
    order.sort_unstable();
    let mut days: BTreeMap<NaiveDate, Vec<(usize, usize)>> = BTreeMap::new();
    for ((ts, ..), place) in order {
        // Microseconds of an i64 of nanoseconds are within the calendar.
        let time = DateTime::from_timestamp_micros(ts).unwrap_or_default();
        days.entry(time.date_naive()).or_default().push(place);
    }
    days
}

/// The rows of a day in order.
struct Day<'a> {
    batches: &'a [LogBatch],
    rows: Vec<(usize, usize)>,
}

impl Day<'_> {
    fn lines(&self) -> impl Iterator<Item = LogRow<'_>> {
        self.rows.iter().filter_map(|(batch, row)| self.batches.get(*batch)?.row(*row))
    }

    fn parquet(&self) -> Result<Vec<u8>, Failure> {
        let path = |column: Column| ColumnPath::from(column.name());
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .set_data_page_row_count_limit(PAGE)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_created_by(format::ENGINE.to_owned())
            .set_column_dictionary_enabled(path(Column::Ts), false)
            .set_column_encoding(path(Column::Ts), Encoding::DELTA_BINARY_PACKED)
            .set_sorting_columns(Some(vec![SortingColumn {
                column_idx: Column::Ts as i32,
                descending: false,
                nulls_first: false,
            }]))
            .set_key_value_metadata(FileEmitters::of(self.lines()).map(|emitters| {
                vec![KeyValue::new(FileEmitters::KEY.to_owned(), emitters.to_text())]
            }));
        for column in NO_DICTIONARY {
            properties = properties.set_column_dictionary_enabled(path(column), false);
        }
        let rows = u64::try_from(self.rows.len().clamp(1, ROW_GROUP)).unwrap_or(1);
        for column in BLOOMS {
            properties = properties
                .set_column_bloom_filter_enabled(path(column), true)
                .set_column_bloom_filter_max_ndv(path(column), rows);
        }
        let batches: Vec<&RecordBatch> = self.batches.iter().map(LogBatch::as_arrow).collect();
        let mut writer = ArrowWriter::try_new(Vec::new(), schema(), Some(properties.build()))?;
        for chunk in self.rows.chunks(CHUNK) {
            writer.write(&interleave_record_batch(&batches, chunk)?)?;
        }
        Ok(writer.into_inner()?)
    }

    /// Delta's statistics of the columns that prune.
    fn statistics(&self) -> Json {
        let times = || self.lines().filter_map(|row| row.int(Column::Ts));
        let layers = || self.lines().filter_map(|row| row.text(Column::Layer));
        let severities = || self.lines().filter_map(|row| row.int(Column::SeverityNumber));
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
        let without = self.rows.len() - severities().count();
        json!({
            "numRecords": self.rows.len(),
            "minValues": extremes(times().min(), layers().min(), severities().min()),
            "maxValues": extremes(times().max(), layers().max(), severities().max()),
            "nullCount": {
                Column::Ts.name(): 0,
                Column::Layer.name(): 0,
                Column::SeverityNumber.name(): without,
            },
        })
    }
}
