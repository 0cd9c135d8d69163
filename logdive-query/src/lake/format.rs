//! The lake's own format: its version, its columns in Delta's words, its properties.

use std::path::Path;

use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use deltalake::DeltaTable;
use logdive_core::Digest;
use logdive_core::log::Column;
use serde_json::{Value as Json, json};

use super::LakeError;

/// The version of what we write. Raised when an older reader would misread it.
pub(crate) const VERSION: u64 = 1;
/// The property that carries it.
const PROPERTY: &str = "logdive.format";
/// Delta's protocol: what a reader and a writer must know.
pub(crate) const READER_VERSION: u64 = 1;
pub(crate) const WRITER_VERSION: u64 = 2;
/// The column by which files are partitioned: the day of `ts`, UTC.
pub(crate) const DATE: &str = "date";
/// Who writes commits.
pub(crate) const ENGINE: &str = concat!("logdive-query ", env!("CARGO_PKG_VERSION"));

/// Protocol and metadata of a new lake.
pub(crate) fn first_actions(id: &Digest, now: DateTime<Utc>) -> Vec<Json> {
    let column = |name: &str, kind: &str, nullable: bool| json!({"name": name, "type": kind, "nullable": nullable, "metadata": {}});
    let mut columns: Vec<Json> = Column::ALL
        .iter()
        .map(|column_| {
            column(column_.name(), delta_type(&column_.data_type()), column_.is_nullable())
        })
        .collect();
    columns.push(column(DATE, "date", true));
    let schema = json!({ "type": "struct", "fields": columns }).to_string();
    // A UUID's form, of the digest's first sixteen bytes.
    let id = id.to_string();
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    let id = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
    vec![
        json!({"protocol": {
            "minReaderVersion": READER_VERSION,
            "minWriterVersion": WRITER_VERSION,
        }}),
        json!({"metaData": {
            "id": id,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema,
            "partitionColumns": [DATE],
            "configuration": { PROPERTY: VERSION.to_string() },
            "createdTime": now.timestamp_millis(),
        }}),
    ]
}

/// Delta's name of a column type. The vocabulary is made of types that Delta has.
const fn delta_type(kind: &DataType) -> &'static str {
    match kind {
        DataType::Timestamp(..) => "timestamp",
        DataType::Int32 => "integer",
        DataType::Int64 => "long",
        DataType::Binary => "binary",
        _ => "string",
    }
}

/// Refuses tables that are not lakes, and lakes of a newer version.
pub(crate) fn check(root: &Path, table: &DeltaTable) -> Result<(), LakeError> {
    let state = table.snapshot().map_err(LakeError::log("reading the log", root))?;
    let snapshot = state.snapshot();
    let (reader, writer) =
        (snapshot.protocol().min_reader_version(), snapshot.protocol().min_writer_version());
    let version = snapshot.metadata().configuration().get(PROPERTY).cloned();
    let Some(version) = version else {
        return Err(LakeError::NotALake {
            path: root.to_owned(),
            why: format!(
                "it is a Delta table without the property `{PROPERTY}`; read it as Parquet files \
                 or bring it as a table instead"
            ),
        });
    };
    if version.parse::<u64>().map_or(true, |version| version > VERSION) {
        return Err(LakeError::Newer {
            path: root.to_owned(),
            found: format!("format version {version}"),
            known: format!("format version {VERSION}"),
        });
    }
    let above = |found: i32, known: u64| u64::try_from(found).is_ok_and(|found| found > known);
    if above(reader, READER_VERSION) || above(writer, WRITER_VERSION) {
        return Err(newer_protocol(root, format!("Delta protocol {reader}/{writer}")));
    }
    Ok(())
}

pub(crate) fn newer_protocol(root: &Path, found: String) -> LakeError {
    LakeError::Newer {
        path: root.to_owned(),
        found,
        known: format!("Delta protocol {READER_VERSION}/{WRITER_VERSION}"),
    }
}
