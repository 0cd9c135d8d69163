//! Many log lines as a checked Arrow batch.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use thiserror::Error;

use super::{Column, LogBatchBuilder, LogRecord, LogSeverity, schema};
use crate::{Digest, LayerName, NameError};

/// A record batch that is not one of log lines.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A column is missing, or of another type, or has nulls where none may be.
    #[error("column `{column}` is {found}, expected {expected}")]
    #[non_exhaustive]
    Column {
        /// The column.
        column: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A layer's name is not one.
    #[error("row {row} has no layer name")]
    #[non_exhaustive]
    Layer {
        /// The row.
        row: usize,
        /// What is wrong with it.
        source: NameError,
    },
}

/// Log lines as a checked Arrow `RecordBatch` of the one [`schema`].
#[derive(Debug, Clone, PartialEq)]
// Invariant: the batch has exactly the columns of `schema()`, in order, with their types; columns
// that are not nullable have no nulls; every layer is a `LayerName`.
pub struct LogBatch(RecordBatch);

impl LogBatch {
    /// A batch of no lines.
    #[must_use]
    pub fn empty() -> Self {
        Self(RecordBatch::new_empty(schema()))
    }

    pub(crate) const fn from_checked(batch: RecordBatch) -> Self {
        Self(batch)
    }

    /// Checks a record batch. Columns may stand in any order, and others may be among them.
    ///
    /// # Errors
    /// If a column is missing, of another type, or null where it must not be, or a layer's name
    /// is not one.
    pub fn try_new(batch: &RecordBatch) -> Result<Self, BatchError> {
        let mut columns = Vec::with_capacity(Column::ALL.len());
        for column in Column::ALL {
            let found = |found: String| BatchError::Column {
                column: column.name(),
                found,
                expected: format!(
                    "{}{}",
                    column.data_type(),
                    if column.is_nullable() { "" } else { " without nulls" }
                ),
            };
            let array =
                batch.column_by_name(column.name()).ok_or_else(|| found("missing".to_owned()))?;
            if *array.data_type() != column.data_type() {
                return Err(found(array.data_type().to_string()));
            }
            if !column.is_nullable() && array.null_count() > 0 {
                return Err(found(format!("null in {} rows", array.null_count())));
            }
            columns.push(array.clone());
        }
        let batch = RecordBatch::try_new(schema(), columns).map_err(|error| {
            BatchError::Column { column: "*", found: error.to_string(), expected: "a batch".into() }
        })?;
        let batch = Self(batch);
        for row in batch.rows() {
            LayerName::parse(row.layer_str())
                .map_err(|source| BatchError::Layer { row: row.row, source })?;
        }
        Ok(batch)
    }

    /// How many lines.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.num_rows()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The Arrow batch.
    #[must_use]
    pub const fn as_arrow(&self) -> &RecordBatch {
        &self.0
    }

    /// The Arrow batch, taken.
    #[must_use]
    pub fn into_arrow(self) -> RecordBatch {
        self.0
    }

    /// The lines one after another.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = LogRow<'_>> {
        (0..self.len()).map(|row| LogRow { batch: &self.0, row })
    }

    /// One line; `None` behind the last.
    #[must_use]
    pub fn row(&self, row: usize) -> Option<LogRow<'_>> {
        (row < self.len()).then_some(LogRow { batch: &self.0, row })
    }

    /// The lines as values.
    pub fn records(&self) -> impl ExactSizeIterator<Item = LogRecord> {
        self.rows().map(|row| row.to_record())
    }
}

impl FromIterator<LogRecord> for LogBatch {
    fn from_iter<I: IntoIterator<Item = LogRecord>>(records: I) -> Self {
        let mut builder = LogBatchBuilder::new();
        builder.extend(records);
        builder.finish()
    }
}

/// One line of a batch, read in place.
#[derive(Debug, Clone, Copy)]
pub struct LogRow<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl<'a> LogRow<'a> {
    fn array(&self, column: Column) -> Option<&'a dyn Array> {
        let array = self.batch.columns().get(column as usize)?;
        array.is_valid(self.row).then_some(&**array)
    }

    /// A text column; `None` if null or not of text.
    #[must_use]
    pub fn text(&self, column: Column) -> Option<&'a str> {
        self.array(column)?.as_string_opt::<i32>().map(|array| array.value(self.row))
    }

    /// A binary column; `None` if null or not binary.
    #[must_use]
    pub fn binary(&self, column: Column) -> Option<&'a [u8]> {
        self.array(column)?.as_binary_opt::<i32>().map(|array| array.value(self.row))
    }

    /// An integer column of 32 or 64 bits, or `ts` in microseconds; `None` if null or another.
    #[must_use]
    pub fn int(&self, column: Column) -> Option<i64> {
        let array = self.array(column)?;
        if let Some(array) = array.as_primitive_opt::<Int64Type>() {
            return Some(array.value(self.row));
        }
        if let Some(array) = array.as_primitive_opt::<TimestampMicrosecondType>() {
            return Some(array.value(self.row));
        }
        array.as_primitive_opt::<Int32Type>().map(|array| array.value(self.row).into())
    }

    fn layer_str(&self) -> &'a str {
        self.text(Column::Layer).unwrap_or_default()
    }

    /// The layer's name.
    #[must_use]
    pub fn layer(&self) -> Option<LayerName> {
        LayerName::parse(self.layer_str()).ok()
    }

    /// What lines are sorted by: time, then layer, emitter and place, so that the order is total
    /// and the same on every machine.
    #[must_use]
    pub fn order(&self) -> (i64, &'a str, &'a str, i64, &'a str) {
        (
            self.int(Column::Ts).unwrap_or_default(),
            self.layer_str(),
            self.text(Column::Emitter).unwrap_or_default(),
            self.int(Column::Seq).unwrap_or_default(),
            self.text(Column::Uid).unwrap_or_default(),
        )
    }

    /// The line as a value.
    #[must_use]
    pub fn to_record(&self) -> LogRecord {
        let text = |column| self.text(column).map(str::to_owned);
        // Invariant of the batch: every layer is a name; an empty batch has no rows.
        let layer = self.layer().unwrap_or_else(LayerName::unnamed);
        let observed = self.int(Column::ObservedTimeUnixNano).unwrap_or_default();
        LogRecord {
            time_unix_nano: self.int(Column::TimeUnixNano),
            severity: self.int(Column::SeverityNumber).and_then(LogSeverity::from_number),
            severity_text: text(Column::SeverityText),
            service: text(Column::ServiceName),
            emitter: text(Column::Emitter),
            seq: self.int(Column::Seq).unwrap_or_default(),
            event: text(Column::EventName),
            uid: text(Column::Uid),
            request_id: text(Column::RequestId),
            trace_id: self.binary(Column::TraceId).and_then(|bytes| bytes.try_into().ok()),
            span_id: self.binary(Column::SpanId).and_then(|bytes| bytes.try_into().ok()),
            trace_flags: self.int(Column::TraceFlags).and_then(|flags| flags.try_into().ok()),
            body: text(Column::Body),
            attributes: text(Column::Attributes),
            resource: text(Column::Resource),
            scope: text(Column::Scope),
            source: text(Column::Source),
            source_offset: self.int(Column::SourceOffset),
            format: text(Column::Format),
            parse_error: text(Column::ParseError),
            raw: self.binary(Column::Raw).map(<[u8]>::to_vec),
            raw_length: self.int(Column::RawLength),
            raw_sha256: self
                .binary(Column::RawSha256)
                .and_then(|bytes| bytes.try_into().ok())
                .map(Digest::from_bytes),
            raw_blob: text(Column::RawBlob),
            ..LogRecord::new(layer, observed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LogBatch, LogRecord};
    use crate::{LayerName, LogSeverity};

    #[test]
    fn records_round_trip() {
        let layer = LayerName::parse("front").unwrap();
        let full = LogRecord {
            time_unix_nano: Some(1_688_990_293_000_000_001),
            severity: Some(LogSeverity::ERROR),
            emitter: Some("host-1/app.log".into()),
            seq: 7,
            trace_id: Some([7; 16]),
            body: Some("é\0".into()),
            raw: Some(vec![0xff]),
            ..LogRecord::new(layer.clone(), 5)
        };
        let records = vec![full, LogRecord::new(layer, -1)];
        let batch: LogBatch = records.iter().cloned().collect();
        assert_eq!(batch.records().collect::<Vec<_>>(), records);
        assert_eq!(LogBatch::try_new(batch.as_arrow()).unwrap(), batch);
    }

    #[test]
    fn a_missing_column_is_named() {
        let batch = LogBatch::empty().into_arrow();
        let without = batch.project(&[1, 2, 3]).unwrap();
        let error = LogBatch::try_new(&without).unwrap_err().to_string();
        assert!(error.contains("`ts`"), "{error}");
    }
}
