//! A layer of Parquet files that somebody else writes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::common::Result as EngineResult;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, ident, lit};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use logdive_core::log::Column;
use logdive_core::{
    Field, FieldPath, Layer, LayerCoverage, LayerField, LayerName, Reason, ReasonKind, Unit,
    ValueType, did_you_mean,
};
use thiserror::Error;
use url::Url;

use super::memory::coverage_of;
use super::{Ask, BringLayer, Brought, LayerTable, Opened};
use crate::columns::{int_at, text_at};
use crate::diver::BuildError;
use crate::emitters::Emitters;
use crate::engine::{Engine, Halt, Purpose};
use crate::files::{FileTable, ScanFile};

mod project;

/// Why files cannot be a layer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ParquetLayerError {
    /// The address is not one of local files.
    #[error("`{0}` is no local path and no `file://` address")]
    Address(String),
    /// There is nothing.
    #[error("there is no Parquet file at `{}`: give a file or a folder of `.parquet` files", .0.display())]
    Nothing(PathBuf),
    /// A file is unreadable.
    #[error("`{}` cannot be read as Parquet", path.display())]
    #[non_exhaustive]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A layer of Parquet files on the local disk.
///
/// Columns are mapped to the fields that every layer has with [`column`](Self::column) and to
/// declared ones with [`field`](Self::field). All columns that are not mapped with `column`, nested
/// ones as text, are kept as attributes under their own names. The time is the column named by
/// [`time`](Self::time), else the first of `ts`, `time`, `timestamp`; times without a zone are UTC.
#[derive(Debug, Clone)]
pub struct ParquetLayer {
    files: Vec<ScanFile>,
    schema: SchemaRef,
    columns: Vec<(Field, String)>,
    fields: Vec<(String, String, ValueType, Option<Unit>)>,
    ids: Vec<(String, String)>,
    time: Option<String>,
    lateness: Option<Duration>,
    restricted: bool,
}

impl ParquetLayer {
    /// Opens a file, or all files of a folder whose names end in `.parquet`: a path or a `file://`
    /// address.
    ///
    /// # Errors
    /// If there is none, or one cannot be read.
    pub fn open(url: impl AsRef<str>) -> Result<Self, ParquetLayerError> {
        let path = local(url.as_ref())?;
        let mut paths = if path.is_dir() { folder(&path)? } else { vec![path.clone()] };
        paths.sort_unstable();
        let mut files = Vec::with_capacity(paths.len());
        let mut schemas = Vec::with_capacity(paths.len());
        for file in paths {
            let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
                ParquetLayerError::File { path: file.clone(), source }
            };
            if !file.exists() {
                return Err(ParquetLayerError::Nothing(file));
            }
            let file_ = File::open(&file).map_err(|error| failed(error.into()))?;
            let bytes = file_.metadata().map_err(|error| failed(error.into()))?.len();
            let reader = ParquetRecordBatchReaderBuilder::try_new(file_)
                .map_err(|error| failed(error.into()))?;
            let rows = u64::try_from(reader.metadata().file_metadata().num_rows()).ok();
            schemas.push(Schema::clone(reader.schema()));
            let full = fs::canonicalize(&file).map_err(|error| failed(error.into()))?;
            files.push(ScanFile { path: full, bytes, rows, times: None });
        }
        if files.is_empty() {
            return Err(ParquetLayerError::Nothing(path));
        }
        let schema = Schema::try_merge(schemas)
            .map_err(|source| ParquetLayerError::File { path, source: source.into() })?;
        let fields: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_nullable(true))
            .collect();
        Ok(Self {
            files,
            schema: Arc::new(Schema::new(fields)),
            columns: Vec::new(),
            fields: Vec::new(),
            ids: Vec::new(),
            time: None,
            lateness: None,
            restricted: false,
        })
    }

    /// Says which column holds a field that every layer has.
    #[must_use]
    pub fn column(mut self, field: Field, column: impl Into<String>) -> Self {
        self.columns.push((field, column.into()));
        self
    }

    /// Declares a field that a column holds.
    #[must_use]
    pub fn field(
        mut self,
        name: impl Into<String>,
        column: impl Into<String>,
        kind: ValueType,
    ) -> Self {
        self.fields.push((name.into(), column.into(), kind, None));
        self
    }

    /// Declares a duration that a column holds as a number.
    #[must_use]
    pub fn duration(
        mut self,
        name: impl Into<String>,
        column: impl Into<String>,
        unit: Unit,
    ) -> Self {
        self.fields.push((name.into(), column.into(), ValueType::Duration, Some(unit)));
        self
    }

    /// Declares that a field holds an id of a kind.
    #[must_use]
    pub fn id(mut self, kind: impl Into<String>, field: impl Into<String>) -> Self {
        self.ids.push((kind.into(), field.into()));
        self
    }

    /// Says which column holds the time.
    #[must_use]
    pub fn time(mut self, column: impl Into<String>) -> Self {
        self.time = Some(column.into());
        self
    }

    /// Declares how late a line may come.
    #[must_use]
    pub const fn lateness(mut self, lateness: Duration) -> Self {
        self.lateness = Some(lateness);
        self
    }

    /// Marks a layer whose lines are counted, never shown.
    #[must_use]
    pub const fn restricted(mut self) -> Self {
        self.restricted = true;
        self
    }

    /// The column of the time, checked.
    fn time_column(&self, fail: impl Fn(String) -> BuildError) -> Result<String, BuildError> {
        let mapped = self.columns.iter().find(|(field, _)| *field == Field::Time);
        let named = self.time.as_ref().or(mapped.map(|(_, column)| column));
        let guessed = ["ts", "time", "timestamp"];
        let column = match named {
            Some(column) => column.clone(),
            None => guessed
                .into_iter()
                .find(|name| self.schema.field_with_name(name).is_ok())
                .map(str::to_owned)
                .ok_or_else(|| {
                    fail(format!(
                        "none of its columns is named {}: say which holds the time with `time`",
                        guessed.join(", ")
                    ))
                })?,
        };
        match self.schema.field_with_name(&column).map(arrow::datatypes::Field::data_type) {
            Ok(
                DataType::Timestamp(..) | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
            )
            | Err(_) => Ok(column),
            Ok(other) => Err(fail(format!(
                "its time column `{column}` is {other}: it must be a timestamp or RFC 3339 text"
            ))),
        }
    }
}

impl BringLayer for ParquetLayer {
    fn bring(self, name: LayerName) -> Result<Brought, BuildError> {
        let fail = |why: String| BuildError::Unreadable { layer: name.clone(), why };
        let time = self.time_column(fail)?;
        let known: Vec<&str> = self.schema.fields().iter().map(|f| f.name().as_str()).collect();
        let used = self
            .columns
            .iter()
            .map(|(_, column)| column)
            .chain(self.fields.iter().map(|(_, column, ..)| column))
            .chain([&time]);
        for column in used {
            if !known.contains(&column.as_str()) {
                let help = match did_you_mean(column, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are: {}", known.join(", ")),
                };
                return Err(fail(format!("it has no column `{column}` ({help})")));
            }
        }
        let mut layer = Layer::new(name.as_str())?;
        for (field, column, kind, unit) in &self.fields {
            let mut declared =
                LayerField::at(FieldPath::Attribute(vec![column.clone()]), kind.clone());
            if let Some(unit) = unit {
                declared = declared.unit(*unit);
            }
            layer = layer.field(field, declared)?;
        }
        for (kind, field) in &self.ids {
            layer = layer.id(kind, field)?;
        }
        if let Some(lateness) = self.lateness {
            layer = layer.lateness(lateness);
        }
        if self.restricted {
            layer = layer.restricted();
        }
        let mut columns = self.columns;
        columns.retain(|(field, _)| *field != Field::Time);
        columns.push((Field::Time, time));
        if let Some((field, _)) = columns.iter().find(|(field, _)| !project::can_hold(field)) {
            return Err(fail(format!(
                "`{field}` cannot be mapped to a column; declare another field with `field`"
            )));
        }
        Ok(Brought(Arc::new(ParquetTable {
            layer,
            files: self.files,
            schema: self.schema,
            columns,
        })))
    }
}

fn local(url: &str) -> Result<PathBuf, ParquetLayerError> {
    let Some((scheme, _)) = url.split_once("://") else { return Ok(PathBuf::from(url)) };
    let address = || ParquetLayerError::Address(url.to_owned());
    if scheme != "file" {
        return Err(address());
    }
    Url::parse(url).ok().and_then(|url| url.to_file_path().ok()).ok_or_else(address)
}

fn folder(path: &Path) -> Result<Vec<PathBuf>, ParquetLayerError> {
    let failed = |source: std::io::Error| ParquetLayerError::File {
        path: path.to_owned(),
        source: source.into(),
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.is_file() && file.extension().is_some_and(|extension| extension == "parquet") {
            files.push(file);
        }
    }
    Ok(files)
}

/// Parquet files as the lines of a layer.
#[derive(Debug)]
struct ParquetTable {
    layer: Layer,
    files: Vec<ScanFile>,
    schema: SchemaRef,
    columns: Vec<(Field, String)>,
}

impl ParquetTable {
    fn scan(
        &self,
        store: datafusion::execution::object_store::ObjectStoreUrl,
    ) -> EngineResult<LogicalPlanBuilder> {
        let files = FileTable::on(SchemaRef::clone(&self.schema), self.files.clone(), store);
        LogicalPlanBuilder::scan("files", provider_as_source(Arc::new(files)), None)
    }

    fn time_column(&self) -> &str {
        let time = self.columns.iter().find(|(field, _)| *field == Field::Time);
        time.map_or("", |(_, column)| column)
    }

    /// The newest line of each emitter, and how many lines have no time.
    async fn newest(&self, engine: &Engine, lines: &LogicalPlan) -> Result<(Emitters, u64), Halt> {
        let plan = LogicalPlanBuilder::from(lines.clone())
            .aggregate(
                [ident(Column::Emitter.name())],
                [
                    max(ident(Column::Ts.name())).alias("newest"),
                    count(lit(1_i64)).alias("lines"),
                    count(ident(Column::TimeUnixNano.name())).alias("timed"),
                ],
            )?
            .build()?;
        let mut emitters = Emitters::default();
        let mut timeless = 0;
        for batch in engine.run(plan, Purpose::Aggregate).await? {
            for row in 0..batch.num_rows() {
                let int = |at: usize| int_at(batch.column(at), row);
                let (lines, timed) = (int(2).unwrap_or_default(), int(3).unwrap_or_default());
                timeless += u64::try_from(lines - timed).unwrap_or_default();
                if let Some(newest) = int(1).filter(|_| timed > 0) {
                    let emitter = text_at(batch.column(0), row);
                    emitters.add(self.layer.name().as_str(), emitter, newest);
                }
            }
        }
        Ok((emitters, timeless))
    }
}

#[async_trait]
impl LayerTable for ParquetTable {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn open(&self, ask: &Ask<'_>) -> Opened {
        let (store, bytes) = match ask.engine.store(self.layer.name()) {
            Ok(store) => store,
            Err(error) => return Opened::failed_with(error),
        };
        let name = self.layer.name();
        let lines = self
            .scan(store)
            .and_then(|scan| project::lines(scan, name, &self.schema, &self.columns)?.build());
        let lines = match lines {
            Ok(lines) => lines,
            Err(error) => return Opened::failed_with(error),
        };
        let planned = self.files.len() as u64;
        let most = ask.engine.budget().rows;
        let rows: u64 = self.files.iter().filter_map(|file| file.rows).sum();
        if rows > most {
            let stopped = format!("the row budget of {most} rows: the files have {rows}");
            let mut opened = Opened::failed_with(&stopped);
            opened.coverage =
                LayerCoverage { planned, stopped_by: Some(stopped), ..LayerCoverage::default() };
            return opened;
        }
        let mut coverage = LayerCoverage { planned, read: planned, ..LayerCoverage::default() };
        let mut names = Vec::new();
        match self.newest(ask.engine, &lines).await {
            Ok((emitters, timeless)) => {
                let (of_lines, found) = coverage_of(&emitters, &self.layer);
                coverage.newest = of_lines.newest;
                coverage.watermark = of_lines.watermark;
                names = found;
                if timeless > 0 {
                    let detail = format!(
                        "{timeless} lines have no readable time in `{}`",
                        self.time_column()
                    );
                    coverage.failed.push(Reason::new(ReasonKind::IllTyped, detail));
                }
            }
            Err(Halt::Limit(limit)) => coverage.stopped_by = Some(limit),
            Err(Halt::Failed(reason)) => {
                coverage.read = 0;
                coverage.failed.push(reason);
            }
        }
        Opened { table: Arc::new(ViewTable::new(lines, None)), coverage, emitters: names, bytes }
    }
}
