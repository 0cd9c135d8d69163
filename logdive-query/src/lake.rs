//! The lake: log lines as a Delta table on the local disk.
//!
//! deltalake is the log: it replays commits into a snapshot and writes checkpoints. Data files,
//! commit files and the scan are ours; reference/lake-and-query.md says why.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::SecondsFormat;
use deltalake::DeltaTable;
use deltalake::logstore::{LogStoreRef, StorageConfig, logstore_with};
use logdive_core::Digest;
use logdive_core::log::schema;
use logdive_core::port::{Clock, SystemClock};
use serde_json::json;
use url::Url;

use crate::files::FileTable;
use crate::footers::Footers;

mod blobs;
mod commit;
mod data;
pub(crate) mod durable;
mod emitters;
mod error;
mod format;
mod info;
mod layers;
mod offsets;
mod snapshot;
mod verify;
mod writer;

#[cfg(feature = "ingest")]
pub(crate) use blobs::Blobs;
pub use commit::Quarantined;
pub use error::LakeError;
pub use info::{LakeInfo, StreamInfo};
pub use offsets::{Committed, StreamProgress};
pub use snapshot::{LakeFile, LakeSnapshot};
pub use verify::{LakeProblem, VerifyProgress, VerifyReport};
pub use writer::{Appended, AppendedGroup, GroupPart, LakeWriter};

use self::durable::{Disk, DurableStore};
use self::emitters::EmitterIndex;

/// A lake of log lines. Clones share one state.
///
/// Readers see committed versions only; [`Lake::refresh`] looks for newer ones. To write, take the
/// one [`LakeWriter`].
#[derive(Clone)]
pub struct Lake {
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    log_store: LogStoreRef,
    disk: Disk,
    clock: Arc<dyn Clock>,
    table: tokio::sync::Mutex<DeltaTable>,
    snapshot: RwLock<Arc<LakeSnapshot>>,
    quarantined: Mutex<Vec<Quarantined>>,
    emitters: EmitterIndex,
    footers: Arc<Footers>,
}

impl fmt::Debug for Lake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lake")
            .field("root", &self.shared.root)
            .field("version", &self.snapshot().version())
            .finish_non_exhaustive()
    }
}

impl Lake {
    /// Creates a lake in a directory that does not exist or is empty, and opens it.
    ///
    /// # Errors
    /// If there is something in the directory, or it cannot be written.
    pub async fn create(dir: impl AsRef<Path>) -> Result<Self, LakeError> {
        Self::create_with(dir, Arc::new(SystemClock::new())).await
    }

    /// As [`Lake::create`], with a clock for the times that commits carry.
    ///
    /// # Errors
    /// As [`Lake::create`].
    pub async fn create_with(
        dir: impl AsRef<Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LakeError> {
        let (dir, disk) = (dir.as_ref(), Disk::default());
        let occupied = |why: &str| LakeError::Occupied { path: dir.to_owned(), why: why.into() };
        if dir.join("_delta_log").exists() {
            return Err(occupied("there is a table already; open it instead"));
        }
        if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(occupied("the directory is not empty"));
        }
        disk.create_dir(dir).map_err(LakeError::io("creating", dir))?;
        let now = clock.now();
        let id = Digest::of_parts([
            dir.to_string_lossy().as_bytes(),
            now.to_rfc3339_opts(SecondsFormat::Nanos, true).as_bytes(),
            std::process::id().to_string().as_bytes(),
        ]);
        let actions = format::first_actions(&id, now);
        let info = json!({
            "timestamp": now.timestamp_millis(),
            "operation": "CREATE TABLE",
            "operationParameters": {},
            "engineInfo": format::ENGINE,
        });
        let bytes = commit::sealed(&actions, info, json!({ "format": format::VERSION }));
        let path = dir.join("_delta_log").join(format!("{:020}.json", 0));
        disk.write_file(&path, [bytes.as_ref()], durable::IfThere::Refuse)
            .map_err(LakeError::io("writing", &path))?;
        Self::open_on(dir, clock, disk).await
    }

    /// Opens a lake.
    ///
    /// Torn newest commits are set aside first and named by [`Lake::quarantined`].
    ///
    /// # Errors
    /// If the directory is no lake, or one of a newer version, or cannot be read.
    pub async fn open(dir: impl AsRef<Path>) -> Result<Self, LakeError> {
        Self::open_with(dir, Arc::new(SystemClock::new())).await
    }

    /// As [`Lake::open`], with a clock for the times that commits carry.
    ///
    /// # Errors
    /// As [`Lake::open`].
    pub async fn open_with(
        dir: impl AsRef<Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LakeError> {
        Self::open_on(dir.as_ref(), clock, Disk::default()).await
    }

    pub(crate) async fn open_on(
        dir: &Path,
        clock: Arc<dyn Clock>,
        disk: Disk,
    ) -> Result<Self, LakeError> {
        let not_a_lake = |why: &str| LakeError::NotALake { path: dir.to_owned(), why: why.into() };
        if !dir.is_dir() {
            return Err(not_a_lake("there is no such directory; create the lake first"));
        }
        let root = fs::canonicalize(dir).map_err(LakeError::io("opening", dir))?;
        if !root.join("_delta_log").is_dir() {
            return Err(not_a_lake(
                "it has no `_delta_log`; create the lake in an empty directory",
            ));
        }
        let quarantined = commit::check_newest(&disk, &root, None)?;
        let url = Url::from_directory_path(&root)
            .map_err(|()| not_a_lake("its path cannot be written as a URL"))?;
        let store = Arc::new(DurableStore::new(disk.clone()));
        let log_store = logstore_with(store, &url, StorageConfig::default())
            .map_err(LakeError::log("opening the log", &root))?;
        let mut table = DeltaTable::new(LogStoreRef::clone(&log_store));
        if let Err(source) = table.load().await {
            if let Some(found) =
                commit::newer_protocol(&root, format::READER_VERSION, format::WRITER_VERSION)
            {
                return Err(format::newer_protocol(&root, found));
            }
            if quarantined.iter().any(|torn| torn.version == 0) {
                return Err(not_a_lake(
                    "its first commit is torn and was set aside in `_quarantine`: nothing was \
                     committed yet, so create the lake anew",
                ));
            }
            return Err(LakeError::log("reading the log", &root)(source));
        }
        format::check(&root, &table)?;
        let snapshot = LakeSnapshot::of(&root, &table, &log_store).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                root,
                log_store,
                disk,
                clock,
                table: tokio::sync::Mutex::new(table),
                snapshot: RwLock::new(Arc::new(snapshot)),
                quarantined: Mutex::new(quarantined),
                emitters: EmitterIndex::default(),
                footers: Arc::default(),
            }),
        })
    }

    /// Looks for newer versions and gives the newest.
    ///
    /// # Errors
    /// If the log cannot be read, or became one of a newer version.
    pub async fn refresh(&self) -> Result<Arc<LakeSnapshot>, LakeError> {
        let shared = &self.shared;
        let mut table = shared.table.lock().await;
        let torn = commit::check_newest(&shared.disk, &shared.root, table.version())?;
        shared.quarantined.lock().unwrap_or_else(PoisonError::into_inner).extend(torn);
        let before = table.version();
        table.update_state().await.map_err(LakeError::log("reading the log", &shared.root))?;
        if table.version() != before {
            format::check(&shared.root, &table)?;
            let snapshot =
                Arc::new(LakeSnapshot::of(&shared.root, &table, &shared.log_store).await?);
            *shared.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        }
        drop(table);
        Ok(self.snapshot())
    }

    /// The version that was read last, with its files.
    #[must_use]
    pub fn snapshot(&self) -> Arc<LakeSnapshot> {
        Arc::clone(&self.shared.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the lake for writing. There is one writer at a time over all processes.
    ///
    /// # Errors
    /// If somebody else has it; the error says who.
    pub async fn writer(&self) -> Result<LakeWriter, LakeError> {
        LakeWriter::lock(self).await
    }

    /// Where a stream stands: the newest batch that is committed, and the offsets behind it.
    ///
    /// # Errors
    /// If the log or the offsets cannot be read.
    pub async fn committed(&self, stream: &str) -> Result<Option<Committed>, LakeError> {
        self.refresh().await?;
        offsets::committed(self, stream).await
    }

    /// Torn commits that were set aside since the lake was opened. Their lines were not
    /// acknowledged unless the disk lost what it had promised to keep; sources send them again.
    #[must_use]
    pub fn quarantined(&self) -> Vec<Quarantined> {
        self.shared.quarantined.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// The version that was read last, as a table for a DataFusion session whose `file://` store
    /// is the local disk.
    #[must_use]
    pub fn table_provider(&self) -> Arc<dyn datafusion::catalog::TableProvider> {
        Arc::new(FileTable::local(schema(), self.snapshot().scan_files(None)))
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    pub(crate) fn footers(&self) -> &Arc<Footers> {
        &self.shared.footers
    }

    pub(crate) fn emitters(&self) -> &EmitterIndex {
        &self.shared.emitters
    }
}
