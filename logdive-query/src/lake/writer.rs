//! The one writer of a lake: data files, then commit, then return.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use chrono::SecondsFormat;
use logdive_core::{Digest, LogBatch};
use serde_json::{Value as Json, json};
use tokio::task::JoinHandle;

use super::durable::IfThere;
use super::{Lake, LakeError, StreamProgress, blobs, commit, data, format, offsets};

/// A checkpoint is written each so many commits, unless it is said otherwise.
const CHECKPOINT_EACH: u64 = 100;
/// How often a commit is tried again at the next version when somebody else took one.
const ATTEMPTS: usize = 15;

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

/// Rows of one stream on their way into a commit, and where its sources stand behind them.
#[non_exhaustive]
#[derive(Debug, Clone)]
pub struct GroupPart {
    /// The rows; none are legal.
    pub rows: LogBatch,
    /// Their batch, and the offsets behind it.
    pub progress: StreamProgress,
}

impl GroupPart {
    /// Rows and progress of one stream.
    #[must_use]
    pub const fn new(rows: LogBatch, progress: StreamProgress) -> Self {
        Self { rows, progress }
    }
}

/// What became of an append of many streams.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendedGroup {
    /// A version that has all rows of the group.
    pub version: u64,
    /// How many lines were written; those that were committed already are not among them.
    pub rows: u64,
    /// How many data files were written.
    pub files: u64,
    /// The parts that were committed already, by their place in the group.
    pub already: Vec<usize>,
}

/// The one writer of a lake. It holds the lake's lock until it is dropped and nothing that it
/// began is still being written.
#[derive(Debug)]
pub struct LakeWriter {
    lake: Lake,
    committed: BTreeMap<String, u64>,
    checkpoint_each: u64,
    checkpoint_failed: Option<String>,
    /// Data files that are being written.
    preparing: Option<JoinHandle<Prepared>>,
    /// A commit of which it is not known whether it is there.
    unknown: Option<Attempt>,
    // Held by the operating system for as long as the file is open. What writes on another thread
    // holds it too: a writer that is dropped meanwhile leaves the lake locked until that has ended.
    lock: Arc<File>,
}

/// The actions of data files, and the attempt that will name them.
type Prepared = Result<(Vec<Json>, Attempt), LakeError>;

/// A commit on its way to the disk.
#[derive(Debug)]
struct Attempt {
    version: u64,
    path: PathBuf,
    bytes: Bytes,
    /// The data files it names.
    files: Vec<PathBuf>,
    /// The streams it moves on, and how far.
    streams: BTreeMap<String, u64>,
    flight: Option<JoinHandle<io::Result<()>>>,
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
        let since = lake.clock().now().to_rfc3339_opts(SecondsFormat::Secs, true);
        let holder = format!("process {} since {since}", std::process::id());
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| lock.write_all(holder.as_bytes()))
            .map_err(LakeError::io("writing", &path))?;
        let snapshot = lake.refresh().await?;
        let writer = Self {
            lake: lake.clone(),
            committed: BTreeMap::new(),
            checkpoint_each: CHECKPOINT_EACH,
            checkpoint_failed: None,
            preparing: None,
            unknown: None,
            lock: Arc::new(lock),
        };
        // The writer before may have died between a commit and its sync. Sources go on from what
        // they see here, so it must stay.
        let newest = commit::path(lake.root(), snapshot.version());
        let (disk, root) = (lake.shared.disk.clone(), lake.root().to_owned());
        writer
            .blocking("syncing", move || {
                blobs::sweep(&root);
                match disk.sync_entry(&newest) {
                    // The log before a checkpoint may be cleaned up.
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    synced => synced.map_err(LakeError::io("syncing", &newest)),
                }
            })
            .await?;
        Ok(writer)
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
        let group = [GroupPart::new(batch.clone(), progress.clone())];
        let AppendedGroup { version, rows, files, already } = self.append_group(&group).await?;
        if already.is_empty() {
            return Ok(Appended::Committed { version, rows, files });
        }
        let newest = self.committed.get(&progress.stream).copied();
        Ok(Appended::Already { batch: newest.unwrap_or(progress.batch) })
    }

    /// Appends batches of many streams in one commit: all of them or none. When it returns, the
    /// lines and the progress of all streams are durable. A stream may have several batches in
    /// the group, with rising numbers; the offsets of its last one count.
    ///
    /// A batch whose number is not above its stream's newest is not written again. So a group
    /// that failed may be appended again as it was, or in parts, or with more in it: no line is
    /// lost or doubled.
    ///
    /// Dropping the future leaves it open whether the group is committed, as an error does.
    ///
    /// # Errors
    /// If the files cannot be written, or a name or number is none. The group may or may not be
    /// committed then: append it again with the same numbers.
    pub async fn append_group(&mut self, group: &[GroupPart]) -> Result<AppendedGroup, LakeError> {
        check_group(group)?;
        self.settle().await?;
        let mut already = Vec::new();
        let mut fresh = Vec::new();
        for (place, part) in group.iter().enumerate() {
            let known = self.newest(&part.progress.stream).await?;
            if part.progress.batch <= known { already.push(place) } else { fresh.push(part) }
        }
        if fresh.is_empty() {
            let version = self.lake.snapshot().version();
            return Ok(AppendedGroup { version, rows: 0, files: 0, already });
        }
        let rows = fresh.iter().map(|part| part.rows.len() as u64).sum();
        let (actions, mut attempt) = self.prepare(&fresh).await?;
        let files = attempt.files.len() as u64;
        attempt.bytes = self.seal(actions, &fresh, rows);
        let version = self.commit(attempt).await?;
        self.checkpoint(version).await;
        Ok(AppendedGroup { version, rows, files, already })
    }

    /// The newest batch of a stream, 0 before the first.
    async fn newest(&mut self, stream: &str) -> Result<u64, LakeError> {
        if let Some(batch) = self.committed.get(stream) {
            return Ok(*batch);
        }
        let batch = self.lake.committed(stream).await?.map_or(0, |committed| committed.batch);
        self.committed.insert(stream.to_owned(), batch);
        Ok(batch)
    }

    /// Makes data files and manifests durable; gives their actions, and the attempt without bytes.
    async fn prepare(&mut self, fresh: &[&GroupPart]) -> Prepared {
        let numbers = fresh.iter().flat_map(|part| {
            [part.progress.stream.clone().into_bytes(), part.progress.batch.to_be_bytes().into()]
        });
        let name = Digest::of_parts(numbers).short();
        let batches: Vec<LogBatch> = fresh.iter().map(|part| part.rows.clone()).collect();
        // The last of each stream.
        let progress: BTreeMap<String, StreamProgress> = fresh
            .iter()
            .map(|part| (part.progress.stream.clone(), part.progress.clone()))
            .collect();
        let streams = progress.iter().map(|(name, last)| (name.clone(), last.batch)).collect();
        let (disk, root) = (self.lake.shared.disk.clone(), self.lake.root().to_owned());
        let now = self.lake.clock().now().timestamp_millis();
        let lock = Arc::clone(&self.lock);
        let preparing = self.preparing.insert(tokio::task::spawn_blocking(move || {
            let _lock = lock;
            let mut files = Vec::new();
            let written = data::write_files(&disk, &root, &batches, &name, now, &mut files)
                .and_then(|actions| {
                    progress.values().try_for_each(|last| offsets::write(&disk, &root, last))?;
                    Ok(actions)
                });
            match written {
                Ok(actions) => {
                    let (version, path, bytes) = (0, PathBuf::new(), Bytes::new());
                    let attempt = Attempt { version, path, bytes, files, streams, flight: None };
                    Ok((actions, attempt))
                }
                Err(error) => {
                    // No commit names them.
                    remove(&files);
                    Err(error)
                }
            }
        }));
        // Kept in its place while it is waited for, as a commit is.
        let prepared = preparing.await;
        self.preparing = None;
        prepared.map_err(LakeError::log("writing data files", self.lake.root()))?
    }

    /// The bytes of a commit.
    fn seal(&self, files: Vec<Json>, fresh: &[&GroupPart], rows: u64) -> Bytes {
        let now = self.lake.clock().now().timestamp_millis();
        let last: BTreeMap<&str, u64> =
            fresh.iter().map(|part| (part.progress.stream.as_str(), part.progress.batch)).collect();
        let mut actions: Vec<Json> = last
            .iter()
            .map(|(stream, batch)| {
                json!({"txn": {"appId": stream, "version": batch, "lastUpdated": now}})
            })
            .collect();
        actions.extend(files);
        let info = json!({
            "timestamp": now,
            "operation": "WRITE",
            "operationParameters": {"mode": "Append", "partitionBy": format!("[\"{}\"]", format::DATE)},
            "isBlindAppend": true,
            "engineInfo": format::ENGINE,
        });
        let streams: Vec<Json> = last
            .iter()
            .map(|(stream, batch)| {
                json!({"stream": stream, "batch": batch, "offsets": offsets::name(stream, *batch)})
            })
            .collect();
        let seal = json!({"format": format::VERSION, "rows": rows, "streams": streams});
        commit::sealed(&actions, info, seal)
    }

    /// Commits at the next free version, and gives it.
    async fn commit(&mut self, mut attempt: Attempt) -> Result<u64, LakeError> {
        for _ in 0..ATTEMPTS {
            attempt.version = self.lake.snapshot().version() + 1;
            attempt.path = commit::path(self.lake.root(), attempt.version);
            let (path, bytes, lock) =
                (attempt.path.clone(), attempt.bytes.clone(), Arc::clone(&self.lock));
            let disk = self.lake.shared.disk.clone();
            attempt.flight = Some(tokio::task::spawn_blocking(move || {
                let written = disk.write_file(&path, [bytes.as_ref()], IfThere::Refuse);
                drop(lock);
                written
            }));
            // From here on only the disk knows, until it is asked.
            let path = attempt.path.clone();
            let version = attempt.version;
            match self.land(attempt).await {
                Ok(()) => return Ok(version),
                // Another tool wrote to the table (an optimize, say): appends never conflict with
                // it, so the next version is tried. It may also have been ourselves: there are
                // file systems that say so of a link they made.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    self.lake.refresh().await?;
                    match self.settled().await? {
                        Settled::There(version) => return Ok(version),
                        Settled::NotThere(again) => attempt = again,
                    }
                }
                Err(error) => return Err(LakeError::io("committing", &path)(error)),
            }
        }
        remove(&attempt.files);
        let error = format!("{ATTEMPTS} versions were taken by somebody else");
        Err(LakeError::log("committing", self.lake.root())(error))
    }

    /// Waits for a commit that is being written.
    async fn land(&mut self, attempt: Attempt) -> io::Result<()> {
        let attempt = self.unknown.insert(attempt);
        // Kept in its place while it is waited for: whoever drops this future, the next append
        // waits for it.
        if let Some(flight) = &mut attempt.flight {
            let written = flight.await;
            attempt.flight = None;
            written.map_err(io::Error::other)??;
        }
        self.landed().await;
        Ok(())
    }

    /// Notes that the commit in question is there and durable.
    async fn landed(&mut self) {
        let Some(attempt) = self.unknown.take() else { return };
        for (stream, batch) in &attempt.streams {
            offsets::sweep(self.lake.root(), stream, *batch);
        }
        self.committed.extend(attempt.streams);
        // It is durable whether or not it can be read just now; whoever reads next is told.
        let _ = self.lake.refresh().await;
    }

    /// Finds out what became of a commit of which it is not known.
    async fn settle(&mut self) -> Result<(), LakeError> {
        if let Some(preparing) = &mut self.preparing {
            let prepared = preparing.await;
            self.preparing = None;
            if let Ok(Ok((_, attempt))) = prepared {
                remove(&attempt.files);
            }
        }
        if self.unknown.is_none() {
            return Ok(());
        }
        if let Settled::NotThere(attempt) = self.settled().await? {
            // Nothing names them, and nothing ever will.
            remove(&attempt.files);
        }
        Ok(())
    }

    async fn settled(&mut self) -> Result<Settled, LakeError> {
        let Some(attempt) = &mut self.unknown else {
            return Ok(Settled::There(self.lake.snapshot().version()));
        };
        if let Some(flight) = &mut attempt.flight {
            let _ = flight.await;
            attempt.flight = None;
        }
        let (version, path, bytes) = (attempt.version, attempt.path.clone(), attempt.bytes.clone());
        let disk = self.lake.shared.disk.clone();
        let there = self
            .blocking("committing", move || {
                let found = match disk.step(|| fs::read(&path)) {
                    Ok(found) => found,
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                    Err(error) => return Err(LakeError::io("reading", &path)(error)),
                };
                if found != bytes {
                    return Ok(false);
                }
                // It can be seen, but a sync of it failed: what a second sync of the same file
                // says is worth nothing. The same bytes in a new file take its place.
                disk.write_file(&path, [bytes.as_ref()], IfThere::Replace)
                    .map_err(LakeError::io("committing", &path))?;
                Ok(true)
            })
            .await?;
        if there {
            self.landed().await;
            return Ok(Settled::There(version));
        }
        match self.unknown.take() {
            Some(attempt) => Ok(Settled::NotThere(attempt)),
            None => Ok(Settled::There(version)),
        }
    }

    /// Works on a thread that may wait for the disk, with the lake's lock held.
    async fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce() -> Result<T, LakeError> + Send + 'static,
    ) -> Result<T, LakeError> {
        let lock = Arc::clone(&self.lock);
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(lock);
            done
        })
        .await
        .map_err(LakeError::log(what, self.lake.root()))?
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

/// What became of a commit.
enum Settled {
    /// It is there, at this version.
    There(u64),
    /// It is not, and never will be.
    NotThere(Attempt),
}

/// Removes data files that no commit names; what stays is harmless.
fn remove(files: &[PathBuf]) {
    for file in files {
        let _ = fs::remove_file(file);
    }
}

fn check_group(group: &[GroupPart]) -> Result<(), LakeError> {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for GroupPart { progress, .. } in group {
        progress.check()?;
        let before = last.insert(&progress.stream, progress.batch).unwrap_or_default();
        if progress.batch <= before {
            let why = format!("batch {} comes behind batch {before} in a group", progress.batch);
            return Err(LakeError::Stream { stream: progress.stream.clone(), why });
        }
    }
    Ok(())
}
