//! The journal on disk: one SQLite file with the hash-chained journal and the record of
//! deliveries.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use logdive_core::case::CaseId;
use logdive_core::port::{
    Begin, DeliveryLog, DeliveryOutcome, Draft, Journal, JournalError, Lease, PendingDelivery, Row,
};
use logdive_core::{DeliveryKey, Digest};

mod deliveries;
mod file;
mod lease;
mod rows;
mod worker;

use worker::Worker;

/// What a check of the whole journal showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// How many rows there are.
    pub rows: u64,
    /// The hash of the last row. Kept elsewhere, it proves that nothing before it has changed.
    pub head: Digest,
}

/// Core's [`Journal`] and [`DeliveryLog`] in one SQLite file.
///
/// - An entry is durable when `append` returns: write-ahead log with `synchronous=FULL`, both read
///   back when the file is opened. The file is readable by its owner only.
/// - Rows are chained by their hashes inside the transaction that writes them, so that any process
///   may append. Reading checks the chain; [`SqliteJournal::verify`] checks all of it.
/// - The lease is a lock of the operating system on the file with `.lease` added to its name: it
///   ends with its process, however that ends.
/// - A file that is empty, no journal or damaged is an error, never a journal in which nothing was
///   done. A new one is made only where there is no file, and it appears whole.
///
/// SQLite's calls block, so one thread of its own makes them, in the order they were asked for.
/// It needs no runtime, and never holds one up while the disk syncs or another process writes. A
/// clone is the same journal.
///
/// ```
/// # use logdive_core::port::{Draft, Journal};
/// # use logdive_core::case::{CaseId, Entry};
/// # use logdive_core::TicketId;
/// # use logdive_sinks::SqliteJournal;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("journal.db");
/// let journal = SqliteJournal::open(&path)?;
/// let case = CaseId::new(&TicketId::parse("demo:1")?, 1);
/// let entry = Entry::Closed { reason: "resolved".to_owned() };
/// let at = "2026-07-10T12:00:00Z".parse()?;
/// journal.append(Draft { at, case: Some(case), entry, fence: None }).await?;
/// assert_eq!(SqliteJournal::open(&path)?.verify().await?.rows, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SqliteJournal {
    worker: Arc<Worker>,
    path: Arc<Path>,
}

impl SqliteJournal {
    /// Opens a journal, or makes one if there is no file.
    ///
    /// # Errors
    /// If the folder is not there, the file is empty, no journal, damaged or of a newer version,
    /// or the disk cannot keep the promise of `append`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = file::resolve(path.as_ref())?;
        let connection = file::open(&path)?;
        let worker = Worker::start(connection)
            .map_err(|error| JournalError::store("starting the thread of the journal", error))?;
        Ok(Self { worker: Arc::new(worker), path: path.into() })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks every row against its hash and the file against itself.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] with the first row that is not what it was.
    pub async fn verify(&self) -> Result<Verified, JournalError> {
        self.worker.run(rows::verify).await
    }

    fn lease_path(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".lease");
        name.into()
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn append(&self, draft: Draft) -> Result<Row, JournalError> {
        self.worker.run(move |connection| rows::append(connection, draft)).await
    }

    async fn since(&self, seq: u64) -> Result<Vec<Row>, JournalError> {
        self.worker.run(move |connection| rows::since(connection, seq)).await
    }

    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError> {
        self.worker.run(rows::open_cases).await
    }

    async fn lease(&self, holder: &str) -> Result<Lease, JournalError> {
        let (path, holder) = (self.lease_path(), holder.to_owned());
        self.worker.run(move |connection| lease::take(connection, &path, &holder)).await
    }
}

#[async_trait]
impl DeliveryLog for SqliteJournal {
    async fn begin(
        &self,
        key: &DeliveryKey,
        sink: &str,
        target: &str,
        content: Digest,
    ) -> Result<Begin, JournalError> {
        let (key, sink, target) = (*key, sink.to_owned(), target.to_owned());
        self.worker
            .run(move |connection| deliveries::begin(connection, &key, &sink, &target, content))
            .await
    }

    async fn end(
        &self,
        key: &DeliveryKey,
        sink: &str,
        outcome: &DeliveryOutcome,
    ) -> Result<(), JournalError> {
        let (key, sink, outcome) = (*key, sink.to_owned(), outcome.clone());
        self.worker.run(move |connection| deliveries::end(connection, &key, &sink, &outcome)).await
    }

    async fn open(&self) -> Result<Vec<PendingDelivery>, JournalError> {
        self.worker.run(deliveries::open).await
    }
}

/// A failure of SQLite while something was done.
fn failed(what: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
    move |error| JournalError::store(what, error)
}
