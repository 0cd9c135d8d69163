//! A layer of Parquet files that somebody else writes.

use std::fs::{self, File};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::Schema;
use async_trait::async_trait;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::scalar::ScalarValue;
use logdive_core::{Layer, LayerName, Reason, ReasonKind, format_duration};
use object_store::path::Path as Location;
use object_store::{ObjectMeta, ObjectStore};
use thiserror::Error;

use super::mapping::{Mapping, Misfit, mapping_methods};
use super::partition::{self, PartitionTimes};
use super::place::{Place, PlaceError};
use super::stored::footer::Footer;
use super::stored::{Candidate, Stored};
use super::{Ask, BringLayer, Brought, LayerTable, Opened};
use crate::diver::BuildError;

/// Files whose columns are looked at when a diver is built: the first, the last, some between.
const SAMPLED: usize = 8;

/// Why files cannot be a layer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ParquetLayerError {
    /// The address leads to no store that is known here, or one that cannot be opened.
    #[error(transparent)]
    Place(Box<dyn std::error::Error + Send + Sync>),
    /// There is nothing.
    #[error("there is no Parquet file at `{}`: give a file or a folder of `.parquet` files", .0.display())]
    Nothing(PathBuf),
    /// The files are those of a Delta table, of which some are deleted.
    #[error("`{}` is a Delta table: its log says which files count, so read it with `DeltaLayer` (feature `delta`)", .0.display())]
    Delta(PathBuf),
    /// A file is unreadable.
    #[error("`{}` cannot be read as Parquet: {why}", path.display())]
    #[non_exhaustive]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl From<PlaceError> for ParquetLayerError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Nothing(path) => Self::Nothing(path),
            error => Self::Place(error.into()),
        }
    }
}

/// A layer of Parquet files: on the local disk, on S3 (feature `s3`), or in any store.
///
/// Columns are mapped to the fields that every layer has with [`column`](Self::column) and to
/// declared ones with [`field`](Self::field). All columns that are not mapped with `column` are
/// kept as attributes under their own names. Folders named `key=value` are columns, too; those
/// that say when (`date=2023-07-10` or `dt=…`, with or without `hour=05`; `year=`, `month=`,
/// `day=`, `hour=`) leave out files of other times. Nobody says by which zone such folders go, so
/// files of any are read; [`partition_time`](Self::partition_time) says that it is UTC.
///
/// What there is is listed anew for each dive. Files may have different columns: a missing one is
/// null. A file that is damaged, or has a mapped column in a type that cannot be read, is named
/// in the coverage and the others are read; files in folders, whose names begin with `_` or `.`,
/// are not. Who writes to the layer is told from the files that may hold lines from a day before
/// the window to a day behind it.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use logdive_core::{Field, Unit, ValueType, Window};
/// use logdive_query::{DivePlan, Diver, ParquetLayer, Select};
/// use object_store::memory::InMemory;
///
/// # async fn dive() -> Result<(), Box<dyn std::error::Error>> {
/// // A folder of a store: date=2023-07-10/region=eu/part-0.parquet, and so on. On a disk or on
/// // S3 it is `ParquetLayer::open("s3://bucket/logs/front")?`.
/// let layer = ParquetLayer::with_store(Arc::new(InMemory::new()), "logs/front")?
///     .partition_time("date", "%Y-%m-%d")
///     .epoch("at_ms", Unit::Milliseconds)
///     .column(Field::Severity, "level")
///     .column(Field::Body, "message")
///     .column(Field::RequestId, "req")
///     .column(Field::Emitter, "host")
///     .attributes("extra_json")
///     .field("region", "region", ValueType::Text)
///     .duration("took", "took_us", Unit::Microseconds)
///     .lateness(Duration::from_secs(60));
/// let diver = Diver::builder().layer("front", layer).build().await?;
/// let window = Window::new(
///     "2023-07-10T11:30:00Z".parse()?,
///     "2023-07-10T12:30:00Z".parse()?,
/// )?;
/// let plan = DivePlan::around(window)
///     .select("slow", Select::layers(["front"]).filter("region == \"eu\" and took >= 2s"));
/// let evidence = diver.dive(&plan).run().await?;
/// println!("{:?}", evidence.coverage);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ParquetLayer {
    place: Place,
    times: PartitionTimes,
    mapping: Mapping,
    // Said when the diver is built, so that building reads as one chain.
    wrong: Option<String>,
}

impl ParquetLayer {
    /// A file, or all files below a folder whose names end in `.parquet`: a path, `file://…`, or
    /// `s3://bucket/prefix` (with the feature `s3`; who asks, and from where, is taken from the
    /// environment as AWS's tools do).
    ///
    /// # Errors
    /// If the address is none that is known. On the local disk, too, if there is no such file, or
    /// none that can be read; elsewhere that is said when the diver is built.
    pub fn open(address: impl AsRef<str>) -> Result<Self, ParquetLayerError> {
        let place = Place::parse(address.as_ref())?;
        if let Some(path) = &place.local {
            look_at(path, Path::new(address.as_ref()))?;
        }
        Ok(Self::at(place))
    }

    /// Files and folders of one store, each as [`open`](Self::open) takes it. One that is gone
    /// when a dive asks is named in its coverage.
    ///
    /// # Errors
    /// As [`open`](Self::open), or if they are in different stores.
    pub fn files<S: AsRef<str>>(
        addresses: impl IntoIterator<Item = S>,
    ) -> Result<Self, ParquetLayerError> {
        let mut all: Option<Place> = None;
        for address in addresses {
            let one = Self::open(address)?.place;
            all = Some(match all {
                Some(all) => all.join(one)?,
                None => one,
            });
        }
        all.map(Self::at).ok_or_else(|| ParquetLayerError::Nothing(PathBuf::new()))
    }

    /// A file, or all files below a prefix, in a store of your own.
    ///
    /// # Errors
    /// If the prefix is no path.
    pub fn with_store(
        store: Arc<dyn ObjectStore>,
        prefix: impl AsRef<str>,
    ) -> Result<Self, ParquetLayerError> {
        Ok(Self::at(Place::in_store(store, prefix.as_ref())?))
    }

    fn at(place: Place) -> Self {
        Self { place, times: PartitionTimes::default(), mapping: Mapping::default(), wrong: None }
    }

    /// Says that folders `key=…` tell the time of the lines in them, in UTC, and how it is
    /// written: `%Y`, `%m`, `%d`, `%j`, `%H`, `%M` and what stands between them. Said of several
    /// keys, they tell it together. Lines may be in a folder that is later than they are by the
    /// layer's lateness; if a file that is read has any other, the coverage says so.
    #[must_use]
    pub fn partition_time(mut self, key: impl Into<String>, format: impl Into<String>) -> Self {
        if let Err(why) = self.times.declare(key.into(), format.into()) {
            self.wrong.get_or_insert(why);
        }
        self
    }

    mapping_methods!();
}

impl BringLayer for ParquetLayer {
    fn bring(self, name: LayerName) -> Result<Brought, BuildError> {
        if let Some(why) = self.wrong {
            return Err(BuildError::Unreadable { layer: name, why });
        }
        let layer = self.mapping.layer(&name)?;
        Ok(Brought(Arc::new(ParquetTable {
            place: self.place,
            times: self.times,
            files: Stored::new(layer, self.mapping, "parquet"),
        })))
    }
}

/// Looks for one file that can be read.
fn look_at(path: &Path, given: &Path) -> Result<(), ParquetLayerError> {
    if path.is_file() {
        return readable(path);
    }
    if path.join("_delta_log").is_dir() {
        return Err(ParquetLayerError::Delta(given.to_owned()));
    }
    let mut first = None;
    let mut open = vec![path.to_owned()];
    while let Some(folder) = open.pop() {
        let failed = |error: std::io::Error| ParquetLayerError::File {
            path: folder.clone(),
            why: error.to_string(),
        };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_hidden(&name) {
                continue;
            }
            // Not those behind links: they may lead in circles.
            if entry.file_type().map_err(failed)?.is_dir() {
                open.push(entry.path());
            } else if is_parquet(&name) {
                match readable(&entry.path()) {
                    Ok(()) => return Ok(()),
                    Err(error) => first = first.or(Some(error)),
                }
            }
        }
    }
    Err(first.unwrap_or_else(|| ParquetLayerError::Nothing(given.to_owned())))
}

fn readable(path: &Path) -> Result<(), ParquetLayerError> {
    let failed = |why: String| ParquetLayerError::File { path: path.to_owned(), why };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    // Readers panic on damaged files.
    let read = AssertUnwindSafe(|| ParquetRecordBatchReaderBuilder::try_new(file).map(|_| ()));
    match std::panic::catch_unwind(read) {
        Ok(read) => read.map_err(|error| failed(error.to_string())),
        Err(_) => Err(failed("its footer is damaged".to_owned())),
    }
}

fn is_parquet(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("parquet" | "parq"))
}

/// Whether a file or folder is for programs, as theirs are who write such folders.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// Parquet files as the lines of a layer.
#[derive(Debug)]
struct ParquetTable {
    place: Place,
    times: PartitionTimes,
    files: Stored,
}

impl ParquetTable {
    /// The files at a root.
    async fn at(&self, root: &Location) -> Result<Vec<Candidate>, String> {
        let found = self.place.list(root).await;
        let found = found.map_err(|error| format!("`{root}` cannot be listed: {error}"))?;
        let mut candidates = Vec::new();
        for meta in found {
            let below: Option<Vec<_>> = meta.location.prefix_match(root).map(Iterator::collect);
            let below = below.unwrap_or_default();
            if below.iter().any(|part| part.as_ref() == "_delta_log") {
                return Err(format!(
                    "`{root}` is a Delta table: its log says which files count, so read it with \
                     `DeltaLayer` (feature `delta`)"
                ));
            }
            let named = below.last().is_none_or(|name| is_parquet(name.as_ref()));
            if named && below.iter().all(|part| !is_hidden(part.as_ref())) {
                candidates.push(self.candidate(root, meta));
            }
        }
        if candidates.is_empty() {
            return Err(format!("there is no Parquet file at `{root}`"));
        }
        Ok(candidates)
    }

    fn candidate(&self, root: &Location, meta: ObjectMeta) -> Candidate {
        let values = partition::values(root, &meta.location);
        let lateness = self.files.layer.declared_lateness().unwrap_or_default();
        Candidate {
            times: self.times.span(&values, lateness),
            values: values.into_iter().map(|(key, v)| (key, ScalarValue::Utf8(v))).collect(),
            identity: format!(
                "{} {} {}",
                meta.size,
                meta.last_modified.timestamp_micros(),
                meta.e_tag.unwrap_or_default()
            ),
            bytes: meta.size,
            location: meta.location,
        }
    }

    /// All files, each once, and what could not be listed.
    async fn list(&self) -> (Vec<Candidate>, Vec<Reason>) {
        let (mut all, mut failed): (Vec<Candidate>, Vec<Reason>) = (Vec::new(), Vec::new());
        for root in &self.place.roots {
            match self.at(root).await {
                Ok(found) => all.extend(found),
                Err(why) => failed.push(Reason::new(ReasonKind::Failed, why)),
            }
        }
        all.sort_by(|a, b| a.location.cmp(&b.location));
        all.dedup_by(|a, b| a.location == b.location);
        (all, failed)
    }

    /// Columns of some of the files.
    async fn sampled(&self, all: &[Candidate]) -> (Vec<Schema>, Option<String>) {
        let (mut schemas, mut unreadable) = (Vec::new(), None);
        let step = all.len().saturating_sub(1).max(1).div_ceil(SAMPLED - 1);
        let last = all.len().saturating_sub(1);
        for file in all.iter().step_by(step).chain(all.get(last)) {
            let store = Arc::clone(&self.place.store);
            match Footer::read(store, file.location.clone(), file.bytes).await {
                Ok(footer) => schemas.push(footer.with_values(&file.values)),
                Err(why) => unreadable = Some(format!("`{}`: {why}", file.location)),
            }
        }
        (schemas, unreadable)
    }
}

/// The columns of all schemas, each as the first has it.
fn merged(schemas: &[Schema]) -> Schema {
    let mut fields: Vec<arrow::datatypes::FieldRef> = Vec::new();
    for field in schemas.iter().flat_map(Schema::fields) {
        if fields.iter().all(|known| known.name() != field.name()) {
            fields.push(Arc::clone(field));
        }
    }
    Schema::new(fields)
}

#[async_trait]
impl LayerTable for ParquetTable {
    fn layer(&self) -> &Layer {
        &self.files.layer
    }

    async fn check(&self) -> Result<(), BuildError> {
        let look = async {
            let (all, failed) = self.list().await;
            let sampled = self.sampled(&all).await;
            (all, failed, sampled)
        };
        // A store that does not answer may do so when a dive asks.
        let looked = tokio::time::timeout(super::place::PATIENCE, look).await;
        let Ok((all, failed, (schemas, unreadable))) = looked else { return Ok(()) };
        let wrong =
            |why: String| BuildError::Unreadable { layer: self.files.layer.name().clone(), why };
        if all.is_empty() {
            let said = failed.first().map(ToString::to_string);
            return match said.filter(|said| !said.contains("cannot be listed")) {
                Some(said) => Err(wrong(said)),
                None => Ok(()),
            };
        }
        let key_of = |key: &str| all.iter().any(|file| file.values.iter().any(|(k, _)| k == key));
        if let Some(key) = self.times.keys().find(|key| !key_of(key)) {
            return Err(wrong(format!("none of its folders is named `{key}=…`")));
        }
        if schemas.is_empty() {
            return unreadable.map_or(Ok(()), |why| Err(wrong(why)));
        }
        let misfit = |misfit: Misfit| wrong(misfit.to_string());
        self.files.mapping.missing(&merged(&schemas)).map_err(misfit)?;
        let fits: Vec<_> = schemas.iter().map(|s| self.files.mapping.fit(s)).collect();
        match fits.iter().any(Result::is_ok) {
            true => Ok(()),
            false => fits.into_iter().next().unwrap_or(Ok(())).map_err(misfit),
        }
    }

    async fn open(&self, ask: &Ask<'_>) -> Opened {
        let Ok((all, failed)) = tokio::time::timeout(ask.time, self.list()).await else {
            let why =
                format!("`{}` was not listed within {}", self.place, format_duration(ask.time));
            return Opened::failed(Reason::new(ReasonKind::TimedOut, why));
        };
        self.files.open(ask, Arc::clone(&self.place.store), all, failed).await
    }
}
