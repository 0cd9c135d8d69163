//! Files as a source: rounds of reading, pushed into the lake.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use logdive_core::format::TimeAssumption;
use logdive_core::port::Clock;
use logdive_core::{Digest, LayerName};

use super::disk::LocalDisk;
use super::error::FileSourceError;
use super::limits::FileLimits;
use super::progress::FileProgress;
use super::walk::Wanted;
use super::watch::{Batch, Settings, Watch};
use crate::ingest::receipts::Receipts;
use crate::ingest::{FormatChoice, IngestError, IngestStream, Ingester};

/// After a failed write to the lake, following goes on after so long, twice that, and so on.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(30);

type OnProgress = Box<dyn FnMut(&FileProgress) + Send>;

/// What files to read, and how.
pub struct FileSourceBuilder {
    paths: Vec<PathBuf>,
    excluded: Vec<PathBuf>,
    layer: LayerName,
    format: FormatChoice,
    host: Option<String>,
    assumed: TimeAssumption,
    limits: FileLimits,
    progress: Option<OnProgress>,
}

impl fmt::Debug for FileSourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSourceBuilder")
            .field("paths", &self.paths)
            .field("layer", &self.layer)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

impl FileSourceBuilder {
    /// Adds a file, a directory (read with all below it, names that begin with a dot aside), or a
    /// pattern with `*`, `?`, `[…]` and `**`. What is not there yet is read when it comes, if
    /// files are followed.
    #[must_use]
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Reads nothing below this path: the lake's own directory, say.
    #[must_use]
    pub fn except(mut self, path: impl Into<PathBuf>) -> Self {
        self.excluded.push(path.into());
        self
    }

    /// Names the host: lines that do not say what wrote them are from `host:path` then, else from
    /// `path`.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Sets what to assume of times that do not say their zone or year.
    #[must_use]
    pub const fn assume(mut self, assumed: TimeAssumption) -> Self {
        self.assumed = assumed;
        self
    }

    /// Sets how much, how often, how long.
    #[must_use]
    pub const fn limits(mut self, limits: FileLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Calls this after each batch and each round.
    #[must_use]
    pub fn on_progress(mut self, call: impl FnMut(&FileProgress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(call));
        self
    }

    /// Opens the layer's stream of files where it stands in the lake. To be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// If no path was given, or the lake or what it knows of the files cannot be read.
    pub async fn open(
        self,
        ingester: &Ingester,
        clock: Arc<dyn Clock>,
    ) -> Result<FileSource, FileSourceError> {
        if self.paths.is_empty() {
            return Err(FileSourceError::NoPaths);
        }
        let wanted = Wanted { paths: absolute(&self.paths)?, excluded: absolute(&self.excluded)? };
        let settings = Settings {
            wanted,
            layer: self.layer,
            format: self.format,
            host: self.host,
            assumed: self.assumed,
            limits: self.limits,
        };
        let name = stream_name("files", &settings.layer);
        let state = State::open(ingester, &name, &settings).await?;
        Ok(FileSource {
            ingester: ingester.clone(),
            name,
            settings,
            clock,
            state: Some(state),
            receipts: Receipts::default(),
            progress: FileProgress::default(),
            on_progress: self.progress,
        })
    }
}

fn absolute(paths: &[PathBuf]) -> Result<Vec<PathBuf>, FileSourceError> {
    let absolute = |path: &PathBuf| {
        std::path::absolute(path)
            .map_err(|source| FileSourceError::Path { path: path.display().to_string(), source })
    };
    paths.iter().map(absolute).collect()
}

/// The name of a layer's stream of a kind. Streams have shorter names than layers may have.
pub(crate) fn stream_name(kind: &str, layer: &LayerName) -> String {
    let name = format!("{kind}/{layer}");
    if name.len() <= 60 {
        return name;
    }
    let short: String = layer.as_str().chars().take(40).collect();
    format!("{kind}/{short}-{}", Digest::of(layer.as_str()).short())
}

/// What works on a thread that may block.
#[derive(Debug)]
struct State {
    watch: Watch,
    stream: IngestStream,
}

impl State {
    async fn open(
        ingester: &Ingester,
        name: &str,
        settings: &Settings,
    ) -> Result<Box<Self>, FileSourceError> {
        let stream = ingester.stream(name).await?;
        let watch = Watch::new(settings.clone(), stream.committed())
            .map_err(|why| FileSourceError::Offsets { stream: name.to_owned(), why })?;
        Ok(Box::new(Self { watch, stream }))
    }
}

/// Files that are read into one layer: once, or followed as `tail -F` does.
///
/// Every line of a file comes into the lake exactly once, across crashes, restarts, and rotation
/// by renaming, by copying and truncating, and by compressing; where the files stand is committed
/// together with their rows. What is inherent to files stays: lines that are written between copy
/// and truncation are lost before anybody reads them, and so are those of a file that is removed
/// or truncated while nobody reads.
///
/// All files of a layer share one stream of the lake, `files/<layer>`: a layer has one file source
/// at a time.
pub struct FileSource {
    ingester: Ingester,
    name: String,
    settings: Settings,
    clock: Arc<dyn Clock>,
    /// Away while it works, and when it failed.
    state: Option<Box<State>>,
    receipts: Receipts,
    progress: FileProgress,
    on_progress: Option<OnProgress>,
}

impl fmt::Debug for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSource")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

impl FileSource {
    /// Begins to describe what files to read into a layer.
    #[must_use]
    pub fn builder(layer: LayerName, format: FormatChoice) -> FileSourceBuilder {
        FileSourceBuilder {
            paths: Vec::new(),
            excluded: Vec::new(),
            layer,
            format,
            host: None,
            assumed: TimeAssumption::default(),
            limits: FileLimits::default(),
            progress: None,
        }
    }

    /// How far it is.
    #[must_use]
    pub const fn progress(&self) -> &FileProgress {
        &self.progress
    }

    /// Reads what is there and new, to its end: a last line without an end is a line. When this
    /// returns, all rows are durable.
    ///
    /// A path that is not there, or a file that cannot be read, is among the problems of the
    /// progress; the others are read.
    ///
    /// # Errors
    /// If the lake does not take the rows. The source is broken off then.
    pub async fn read_once(&mut self) -> Result<FileProgress, FileSourceError> {
        let now = self.clock.now();
        self.begin(now, true).await?;
        while self.step().await? {}
        self.durable().await?;
        Ok(self.progress.clone())
    }

    /// Does one round of following: looks at the files as they are at a time, and pushes what is
    /// new in them. What it pushed is durable when [`durable`](Self::durable) says so.
    ///
    /// # Errors
    /// If the lake does not take the rows. The source is broken off then.
    pub async fn poll_once(&mut self, now: DateTime<Utc>) -> Result<(), FileSourceError> {
        self.begin(now, false).await?;
        while self.step().await? {}
        self.take_receipts()
    }

    /// Waits until all rows that were pushed are durable.
    ///
    /// # Errors
    /// If they cannot be written. The source is broken off then.
    pub async fn durable(&mut self) -> Result<(), FileSourceError> {
        let durable = self.receipts.all().await;
        self.take_durable(durable)?;
        self.report();
        Ok(())
    }

    /// Follows the files until `stop` is ready; then what was read is pushed, and durable when
    /// this returns. While the lake cannot be written, nothing is read, and it is tried again.
    ///
    /// # Errors
    /// If the ingester has ended.
    pub async fn follow(
        &mut self,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<FileProgress, FileSourceError> {
        let mut stop = pin!(stop.fuse());
        let mut retry = RETRY;
        loop {
            let wait = match self.round(&mut stop).await {
                Ok(true) => break,
                Ok(false) => {
                    retry = RETRY;
                    self.settings.limits.poll
                }
                Err(FileSourceError::Ingest(IngestError::Lake(_)) | FileSourceError::BrokenOff) => {
                    let wait = retry;
                    retry = (retry * 2).min(RETRY_MOST);
                    wait
                }
                Err(error) => return Err(error),
            };
            let until = self.clock.now() + TimeDelta::from_std(wait).unwrap_or_default();
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = self.clock.sleep_until(until) => {}
            }
        }
        if let Some(state) = &mut self.state
            && let Some(batch) = state.watch.stop()
        {
            self.push(batch).await?;
        }
        self.durable().await?;
        Ok(self.progress.clone())
    }

    /// One round of following; whether it was stopped.
    async fn round(
        &mut self,
        stop: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<bool, FileSourceError> {
        if self.state.is_none() {
            // Where the lake stands, after all that it took: what it did not is read again.
            self.receipts.clear();
            let state = State::open(&self.ingester, &self.name, &self.settings).await?;
            self.state = Some(state);
        }
        self.begin(self.clock.now(), false).await?;
        loop {
            if stop.now_or_never().is_some() {
                return Ok(true);
            }
            if !self.step().await? {
                break;
            }
        }
        self.take_receipts()?;
        Ok(false)
    }

    async fn begin(&mut self, now: DateTime<Utc>, once: bool) -> Result<(), FileSourceError> {
        self.work(move |state| state.watch.begin(&LocalDisk, now, once)).await?;
        self.see();
        Ok(())
    }

    /// Reads and pushes a batch; whether there was one.
    async fn step(&mut self) -> Result<bool, FileSourceError> {
        let batch = self
            .work(|state| {
                let State { watch, stream } = state;
                watch.step(&LocalDisk, &|| stream.overflow())
            })
            .await?;
        self.see();
        let more = batch.is_some();
        if let Some(batch) = batch {
            self.push(batch).await?;
        }
        self.report();
        Ok(more)
    }

    /// Works where it may block.
    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut State) -> T + Send + 'static,
    ) -> Result<T, FileSourceError> {
        let mut state = self.state.take().ok_or(FileSourceError::BrokenOff)?;
        let worked = tokio::task::spawn_blocking(move || {
            let done = work(&mut state);
            (state, done)
        });
        let (state, done) = worked.await.map_err(|_| FileSourceError::BrokenOff)?;
        self.state = Some(state);
        Ok(done)
    }

    async fn push(&mut self, batch: Batch) -> Result<(), FileSourceError> {
        let Batch { rows, offsets } = batch;
        // If this does not end, the source is broken off.
        let mut state = self.state.take().ok_or(FileSourceError::BrokenOff)?;
        self.progress.count(&rows);
        let count = rows.len() as u64;
        let receipt = state.stream.push(rows, offsets).await?;
        self.state = Some(state);
        self.receipts.push(count, receipt);
        self.take_receipts()
    }

    /// Takes the receipts that are ready.
    fn take_receipts(&mut self) -> Result<(), FileSourceError> {
        let durable = self.receipts.ready();
        self.take_durable(durable)
    }

    fn take_durable(&mut self, durable: Result<u64, IngestError>) -> Result<(), FileSourceError> {
        match durable {
            Ok(rows) => self.progress.durable += rows,
            Err(error) => {
                self.state = None;
                self.receipts.clear();
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn see(&mut self) {
        let Some(state) = &self.state else { return };
        let seen = state.watch.seen();
        self.progress.files = seen.files;
        self.progress.done = seen.done.min(seen.files);
        self.progress.bytes = seen.bytes.max(seen.taken);
        self.progress.read = seen.taken;
        self.progress.problems.clone_from(state.watch.problems());
    }

    fn report(&mut self) {
        if let Some(call) = &mut self.on_progress {
            call(&self.progress);
        }
    }

    /// The paths that were asked for, absolute.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.settings.wanted.paths.iter().map(PathBuf::as_path)
    }
}
