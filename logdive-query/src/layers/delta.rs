//! A layer that is a Delta table of somebody else.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::scalar::ScalarValue;
use deltalake::logstore::{StorageConfig, default_logstore};
use deltalake::{DeltaTable, DeltaTableError};
use futures_util::{FutureExt as _, TryStreamExt as _};
use logdive_core::{Layer, LayerName, Reason, ReasonKind, format_duration};
use object_store::ObjectStore;
use object_store::prefix::PrefixStore;
use serde_json::Value as Json;
use thiserror::Error;
use url::Url;

use super::mapping::{Mapping, TimeColumn, mapping_methods};
use super::partition::PartitionTimes;
use super::place::{PATIENCE, Place, PlaceError};
use super::span::Span;
use super::stored::{Candidate, Stored};
use super::{Ask, BringLayer, Brought, LayerTable, Opened, unread};
use crate::diver::BuildError;

/// What a table may ask of its readers that ours do. Deletion vectors are looked for file by
/// file, the mapping of columns by its mode.
const READ: [&str; 7] = [
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
];

/// Why a table cannot be a layer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeltaLayerError {
    /// The address leads to no store that is known here, or one that cannot be opened.
    #[error(transparent)]
    Place(Box<dyn std::error::Error + Send + Sync>),
}

impl From<PlaceError> for DeltaLayerError {
    fn from(error: PlaceError) -> Self {
        Self::Place(error.into())
    }
}

/// A layer that is a Delta table of somebody else: on the local disk, on S3 (feature `s3`), or in
/// any store.
///
/// Each dive looks for the table's newest version and reads its files, never those that were
/// deleted or rewritten. Columns are mapped as with files: [`column`](Self::column),
/// [`field`](Self::field), [`time`](Self::time) and so on; columns that the table is partitioned
/// by are columns like others. Files of other times are left out by the log's statistics, or by
/// partitions named as [`ParquetLayer`](crate::ParquetLayer) knows them. Bytes are counted for
/// files, not for the log.
///
/// A table that asks for what is not read here is refused, and the feature named: columns mapped
/// by id or name (`delta.columnMapping.mode`), files with deletion vectors, and whatever is newer.
/// If it comes to that while a diver is in use, its coverage says so.
///
/// ```no_run
/// use std::time::Duration;
///
/// use logdive_core::{Field, ValueType, Window};
/// use logdive_query::{DeltaLayer, DivePlan, Diver, Select};
///
/// # async fn dive() -> Result<(), Box<dyn std::error::Error>> {
/// let layer = DeltaLayer::open("s3://bucket/tables/auth")?
///     .time("event_time")
///     .column(Field::Severity, "level")
///     .column(Field::Body, "message")
///     .column(Field::TraceId, "trace_id")
///     .field("user", "user_name", ValueType::Text)
///     .id("user", "user")
///     .lateness(Duration::from_secs(300));
/// let diver = Diver::builder().layer("auth", layer).build().await?;
/// let window = Window::new(
///     "2023-07-10T11:30:00Z".parse()?,
///     "2023-07-10T12:30:00Z".parse()?,
/// )?;
/// let plan = DivePlan::around(window)
///     .select("denied", Select::layers(["auth"]).filter("body contains \"denied\""));
/// let evidence = diver.dive(&plan).run().await?;
/// println!("{:?}", evidence.coverage);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct DeltaLayer {
    place: Place,
    times: PartitionTimes,
    mapping: Mapping,
    // Said when the diver is built, so that building reads as one chain.
    wrong: Option<String>,
}

impl DeltaLayer {
    /// A table by the address of its folder: a path, `file://…`, or `s3://bucket/prefix` (with
    /// the feature `s3`; who asks, and from where, is taken from the environment as AWS's tools
    /// do).
    ///
    /// # Errors
    /// If the address is none that is known, or leads to nothing on the local disk. What is wrong
    /// with the table is said when the diver is built.
    pub fn open(address: impl AsRef<str>) -> Result<Self, DeltaLayerError> {
        Ok(Self::at(Place::parse(address.as_ref())?))
    }

    /// A table at a prefix of a store of your own.
    ///
    /// # Errors
    /// If the prefix is no path.
    pub fn with_store(
        store: Arc<dyn ObjectStore>,
        prefix: impl AsRef<str>,
    ) -> Result<Self, DeltaLayerError> {
        Ok(Self::at(Place::in_store(store, prefix.as_ref())?))
    }

    fn at(place: Place) -> Self {
        Self { place, times: PartitionTimes::default(), mapping: Mapping::default(), wrong: None }
    }

    /// Says that a column that the table is partitioned by tells the time of lines, in UTC, and
    /// how it is written: `%Y`, `%m`, `%d`, `%j`, `%H`, `%M` and what stands between them. Used
    /// where the log has no statistics of the time.
    #[must_use]
    pub fn partition_time(mut self, column: impl Into<String>, format: impl Into<String>) -> Self {
        if let Err(why) = self.times.declare(column.into(), format.into()) {
            self.wrong.get_or_insert(why);
        }
        self
    }

    mapping_methods!();
}

impl BringLayer for DeltaLayer {
    fn bring(self, name: LayerName) -> Result<Brought, BuildError> {
        let wrong = |why: String| BuildError::Unreadable { layer: name.clone(), why };
        if let Some(why) = self.wrong {
            return Err(wrong(why));
        }
        let layer = self.mapping.layer(&name)?;
        let Some(root) = self.place.roots.first() else {
            return Err(wrong("it has no address".to_owned()));
        };
        let store = Arc::new(PrefixStore::new(Arc::clone(&self.place.store), root.clone()));
        // The store begins at the table, whatever its address is; and is taken for one that lists
        // in any order, which some do.
        let address = Url::parse("file:///").map_err(|error| wrong(error.to_string()))?;
        let log = default_logstore(
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            &address,
            &StorageConfig::default(),
        );
        Ok(Brought(Arc::new(DeltaFiles {
            place: self.place,
            store,
            times: self.times,
            table: tokio::sync::Mutex::new(Pinned { table: DeltaTable::new(log), live: None }),
            files: Stored::new(layer, self.mapping, "delta"),
        })))
    }
}

/// Why a table gives no files.
#[derive(Debug, Clone)]
enum Refusal {
    /// It asks for what is not read here.
    Feature(String),
    /// Its log cannot be read.
    Log(String),
    /// Its store does not answer.
    Store(String),
}

impl Refusal {
    fn of(error: &DeltaTableError) -> Self {
        let mut why = error.to_string();
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        let mut of_store = false;
        while let Some(error) = cause {
            of_store |= error
                .downcast_ref::<object_store::Error>()
                .is_some_and(|error| !matches!(error, object_store::Error::NotFound { .. }));
            cause = error.source();
        }
        why.truncate(why.char_indices().nth(400).map_or(why.len(), |(at, _)| at));
        let why = format!("its log cannot be read: {why}");
        if of_store { Self::Store(why) } else { Self::Log(why) }
    }
}

/// A version of a table.
#[derive(Debug)]
struct Live {
    version: u64,
    schema: SchemaRef,
    files: Vec<Candidate>,
    /// Files that are not read, and why.
    unread: Vec<(Candidate, String)>,
}

#[derive(Debug)]
struct Pinned {
    table: DeltaTable,
    live: Option<Arc<Live>>,
}

/// A Delta table's files as the lines of a layer.
#[derive(Debug)]
struct DeltaFiles {
    place: Place,
    /// The table's folder.
    store: Arc<dyn ObjectStore>,
    times: PartitionTimes,
    table: tokio::sync::Mutex<Pinned>,
    files: Stored,
}

impl DeltaFiles {
    /// The newest version, or the newest that is known and why it may not be that.
    async fn newest(&self) -> (Option<Arc<Live>>, Option<Refusal>) {
        let mut pinned = self.table.lock().await;
        // Readers of logs panic on damaged ones.
        let read = Box::pin(AssertUnwindSafe(self.refreshed(&mut pinned)).catch_unwind());
        match read.await {
            Ok(Ok(live)) => (Some(live), None),
            Ok(Err(refusal @ Refusal::Feature(_))) => (None, Some(refusal)),
            Ok(Err(refusal)) => (pinned.live.clone(), Some(refusal)),
            Err(_) => {
                let why = "its log cannot be read: it is damaged".to_owned();
                (pinned.live.clone(), Some(Refusal::Log(why)))
            }
        }
    }

    async fn refreshed(&self, pinned: &mut Pinned) -> Result<Arc<Live>, Refusal> {
        pinned.table.update_state().await.map_err(|error| Refusal::of(&error))?;
        let state = pinned.table.snapshot().map_err(|error| Refusal::of(&error))?;
        let version = state.version();
        if let Some(live) = pinned.live.as_ref().filter(|live| live.version == version) {
            return Ok(Arc::clone(live));
        }
        let snapshot = state.snapshot();
        if let Some(why) = refused(&pinned.table) {
            return Err(Refusal::Feature(why));
        }
        let schema = snapshot.arrow_schema();
        let columns: Vec<String> = snapshot.metadata().partition_columns().to_vec();
        let time = self.files.mapping.time_column(&schema).ok();
        let log = pinned.table.log_store();
        let views: Vec<_> = snapshot
            .file_views(&*log, None)
            .try_collect()
            .await
            .map_err(|error| Refusal::of(&error))?;
        let mut live = Live { version, schema, files: Vec::new(), unread: Vec::new() };
        for view in views {
            let stats = view.stats().and_then(|stats| serde_json::from_str(&stats).ok());
            let path = view.path().into_owned();
            let mut values = view.partition_values_map();
            let vector = view.deletion_vector_descriptor().is_some();
            let mut why = vector.then(|| {
                "rows of it are deleted by a deletion vector, and the feature `deletionVectors` \
                 is not read here: rewrite it (`REORG TABLE … APPLY (PURGE)`)"
                    .to_owned()
            });
            if path.contains("://") || path.starts_with('/') {
                why = Some("it is outside of the table's folder".to_owned());
            }
            let times = self.times_of(time.as_ref(), stats.as_ref(), &values);
            let values = columns
                .iter()
                .map(|name| typed(name, values.remove(name).flatten(), &live.schema))
                .collect::<Result<Vec<_>, _>>();
            let file = Candidate {
                location: view.object_store_path(),
                bytes: u64::try_from(view.size()).unwrap_or_default(),
                identity: view.modification_time().to_string(),
                times,
                values: values.as_ref().cloned().unwrap_or_default(),
            };
            match why.or(values.err()) {
                Some(why) => live.unread.push((file, why)),
                None => live.files.push(file),
            }
        }
        live.files.sort_by(|a, b| a.location.cmp(&b.location));
        let live = Arc::new(live);
        pinned.live = Some(Arc::clone(&live));
        Ok(live)
    }

    /// The times in a file, by its statistics, else by its partition.
    fn times_of(
        &self,
        time: Option<&TimeColumn>,
        stats: Option<&Json>,
        values: &HashMap<String, Option<String>>,
    ) -> Option<Span> {
        let stat = |of: &str| {
            let time = time?;
            time.micros_of_json(stats?.get(of)?.get(time.name())?)
        };
        // Writers cut times to milliseconds.
        let newest = stat("maxValues").map(|newest| newest.saturating_add(999));
        if let Some((from, to)) = stat("minValues").zip(newest) {
            return Some(Span { from, to });
        }
        let lateness = self.files.layer.declared_lateness().unwrap_or_default();
        let values: Vec<(String, Option<String>)> =
            values.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.times.span(&values, lateness)
    }

    fn wrong(&self, why: impl Into<String>) -> BuildError {
        BuildError::Unreadable { layer: self.files.layer.name().clone(), why: why.into() }
    }
}

/// What a table asks of its readers that ours do not do.
fn refused(table: &DeltaTable) -> Option<String> {
    let snapshot = table.snapshot().ok()?.snapshot();
    let features = snapshot.protocol().reader_features().unwrap_or_default();
    let names = features.iter().map(ToString::to_string);
    if let Some(feature) = names.into_iter().find(|name| !READ.contains(&name.as_str())) {
        return Some(format!(
            "it is a Delta table with the feature `{feature}`, which is not read here: read it \
             with its own engine and bring what that gives as a `TableLayer`"
        ));
    }
    let mode = snapshot.metadata().configuration().get("delta.columnMapping.mode");
    mode.filter(|mode| *mode != "none").map(|mode| {
        format!(
            "it is a Delta table with the feature `columnMapping` (`delta.columnMapping.mode` is \
             `{mode}`), which is not read here: its files name columns otherwise"
        )
    })
}

/// A partition's value as its column has it.
fn typed(
    name: &str,
    value: Option<String>,
    schema: &SchemaRef,
) -> Result<(String, ScalarValue), String> {
    let Ok(field) = schema.field_with_name(name) else {
        return Err(format!("the table has no column `{name}` that it is partitioned by"));
    };
    let kind = field.data_type();
    let scalar = match value.filter(|value| !value.is_empty()) {
        Some(value) => ScalarValue::try_from_string(value.clone(), kind)
            .map_err(|_| format!("its partition `{name}` is `{value}`, which is no {kind}"))?,
        None => ScalarValue::try_from(kind).map_err(|error| error.to_string())?,
    };
    Ok((name.to_owned(), scalar))
}

#[async_trait]
impl LayerTable for DeltaFiles {
    fn layer(&self) -> &Layer {
        &self.files.layer
    }

    async fn check(&self) -> Result<(), BuildError> {
        let live = match tokio::time::timeout(PATIENCE, self.newest()).await {
            Ok((Some(live), None)) => live,
            Ok((_, Some(Refusal::Feature(why) | Refusal::Log(why)))) => {
                return Err(self.wrong(why));
            }
            // It may answer when a dive asks.
            _ => return Ok(()),
        };
        if let Some((file, why)) = live.unread.first() {
            return Err(self.wrong(unread(file.location.as_ref(), why).detail));
        }
        let mapping = &self.files.mapping;
        mapping.missing(&live.schema).map_err(|misfit| self.wrong(misfit.to_string()))?;
        mapping.fit(&live.schema).map_err(|misfit| self.wrong(misfit.to_string()))
    }

    async fn open(&self, ask: &Ask<'_>) -> Opened {
        let Ok((live, refusal)) = tokio::time::timeout(ask.time, self.newest()).await else {
            let why = format!(
                "the log of `{}` was not read within {}",
                self.place,
                format_duration(ask.time)
            );
            return Opened::failed(Reason::new(ReasonKind::TimedOut, why));
        };
        let why = |why: &str| Reason::new(ReasonKind::Failed, format!("`{}`: {why}", self.place));
        let mut failed = match &refusal {
            None => Vec::new(),
            Some(Refusal::Feature(said)) => return Opened::failed(why(said)),
            Some(Refusal::Log(said) | Refusal::Store(said)) if live.is_none() => {
                return Opened::failed(why(said));
            }
            Some(Refusal::Log(said) | Refusal::Store(said)) => {
                vec![why(&format!("an older version is read: {said}"))]
            }
        };
        let Some(live) = live else { return Opened::failed(why("it has no version")) };
        let window = Span::of(&ask.window);
        let left_out = live
            .unread
            .iter()
            .filter(|(file, _)| file.times.is_none_or(|times| times.meets(&window)));
        failed.extend(left_out.map(|(file, why)| unread(file.location.as_ref(), why)));
        self.files.open(ask, Arc::clone(&self.store), live.files.clone(), failed).await
    }
}
