//! What the footers of Parquet files say, and readers that do not ask twice.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::{Array as _, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use datafusion::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::basic::Type as Physical;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use datafusion::parquet::schema::types::SchemaDescriptor;
use datafusion::scalar::ScalarValue;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use object_store::ObjectStore;
use object_store::path::Path as Location;

use super::Candidate;
use crate::engine::{Engine, Halt};
use crate::footers::Reader;
use crate::layers::mapping::TimeColumn;
use crate::layers::span::Span;

/// Footers read at once.
const AT_ONCE: usize = 16;
/// The first read of a file takes so much of its end, so that most need no second one.
const END: usize = 64 << 10;

/// The footer of a file.
#[derive(Debug)]
pub(crate) struct Footer {
    pub(super) schema: SchemaRef,
    pub(super) metadata: Arc<ParquetMetaData>,
}

impl Footer {
    /// Reads a footer. Readers panic on damaged files: that is an error of the file.
    pub(crate) async fn read(
        store: Arc<dyn ObjectStore>,
        location: Location,
        bytes: u64,
    ) -> Result<Self, String> {
        let read = async {
            let mut reader = Reader { store, location, metadata: None };
            let metadata = ParquetMetaDataReader::new()
                .with_prefetch_hint(Some(END))
                .load_and_finish(&mut reader, bytes)
                .await?;
            let file = metadata.file_metadata();
            let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
            let schema = Arc::new(far_times(&schema, file.schema_descr()));
            Ok::<_, ParquetError>(Self { schema, metadata: Arc::new(metadata) })
        };
        match AssertUnwindSafe(read).catch_unwind().await {
            Ok(Ok(footer)) => Ok(footer),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("its footer is damaged".to_owned()),
        }
    }

    /// The file's columns and those that its place gives it.
    pub(crate) fn with_values(&self, values: &[(String, ScalarValue)]) -> Schema {
        super::group::whole_schema(&self.schema, values)
    }

    pub(super) fn rows(&self) -> u64 {
        u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or_default()
    }

    /// The oldest and newest time of each part of the file and how many rows it has, where its
    /// statistics say.
    fn parts(&self, time: &TimeColumn) -> Option<Vec<(Option<Span>, u64, u64)>> {
        if !time.is_sorted_as_times() {
            return None;
        }
        let descriptor = self.metadata.file_metadata().schema_descr();
        let groups = self.metadata.row_groups();
        let read = || -> Option<(Int64Array, Int64Array, Vec<Option<u64>>)> {
            let converter =
                StatisticsConverter::try_new(time.name(), &self.schema, descriptor).ok()?;
            let oldest = time.micros_of(&converter.row_group_mins(groups).ok()?).ok()?;
            let newest = time.micros_of(&converter.row_group_maxes(groups).ok()?).ok()?;
            let nulls = converter
                .with_missing_null_counts_as_zero(false)
                .row_group_null_counts(groups)
                .ok()?;
            let nulls = nulls.iter().collect();
            Some((oldest, newest, nulls))
        };
        // Statistics of a damaged file may be of a wrong length.
        let read = std::panic::catch_unwind(AssertUnwindSafe(read)).ok().flatten();
        let (oldest, newest, nulls) = read?;
        let mut parts = Vec::with_capacity(groups.len());
        for (index, group) in groups.iter().enumerate() {
            let rows = u64::try_from(group.num_rows()).ok()?;
            let nulls = nulls.get(index).copied().flatten()?;
            let value = |array: &Int64Array| {
                (index < array.len() && array.is_valid(index)).then(|| array.value(index))
            };
            let span = value(&oldest).zip(value(&newest)).map(|(from, to)| Span { from, to });
            // Nothing is known of a part that has times and says nothing of them.
            if span.is_none() && nulls < rows {
                return None;
            }
            parts.push((span, rows, nulls));
        }
        Some(parts)
    }

    /// The oldest and newest time in the file, if its statistics say. A file without a time has
    /// none, and is not left out.
    pub(super) fn times(&self, time: &TimeColumn) -> Option<Span> {
        let spans = self.parts(time)?.into_iter().filter_map(|(span, ..)| span);
        spans.reduce(|a, b| Span { from: a.from.min(b.from), to: a.to.max(b.to) })
    }

    /// The newest time, and how many rows have none, if the statistics say.
    pub(super) fn newest(&self, time: &TimeColumn) -> Option<(Option<i64>, u64)> {
        let parts = self.parts(time)?;
        let newest = parts.iter().filter_map(|(span, ..)| span.map(|span| span.to)).max();
        Some((newest, parts.iter().map(|(.., nulls)| nulls).sum()))
    }

    /// How many rows are in parts that may hold times of a span.
    pub(super) fn rows_in(&self, time: &TimeColumn, wanted: &Span) -> u64 {
        let Some(parts) = self.parts(time) else { return self.rows() };
        let inside = parts.iter().filter(|(span, ..)| span.is_some_and(|s| s.meets(wanted)));
        inside.map(|(_, rows, _)| rows).sum()
    }
}

/// Old times of 96 bits as microseconds: as nanoseconds those beyond the year 2262 would wrap.
fn far_times(schema: &Schema, file: &SchemaDescriptor) -> Schema {
    let old = |name: &str| {
        file.columns().iter().any(|column| {
            column.physical_type() == Physical::INT96
                && column.path().parts().len() == 1
                && column.name() == name
        })
    };
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let fields = schema.fields().iter().map(|field| -> FieldRef {
        match old(field.name()) {
            true => Arc::new(Field::new(field.name(), micros.clone(), field.is_nullable())),
            false => Arc::clone(field),
        }
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// Reads the footers of files, some at once.
///
/// # Errors
/// If the dive's budget of bytes is used up: then it is no file's fault.
pub(super) async fn read_all(
    store: &Arc<dyn ObjectStore>,
    files: Vec<Candidate>,
    engine: &Engine,
) -> Result<Vec<(Candidate, Result<Footer, String>)>, Halt> {
    let reading = files.into_iter().map(|file| async move {
        let footer = Footer::read(Arc::clone(store), file.location.clone(), file.bytes).await;
        (file, footer)
    });
    let found = stream::iter(reading).buffer_unordered(AT_ONCE).collect().await;
    match engine.out_of_bytes() {
        Some(halt) => Err(halt),
        None => Ok(found),
    }
}
