//! The durable, ordered record of every step, and of every delivery.

use std::any::Any;
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Receipt;
use crate::case::{CaseId, Entry};
use crate::{DeliveryKey, Digest};

/// An entry that is to be appended.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The case it belongs to; `None` for stops, resets and modes.
    pub case: Option<CaseId>,
    /// What happened.
    pub entry: Entry,
    /// The fence of the lease under which it happened; an entry of an older lease is refused.
    pub fence: Option<u64>,
}

/// An entry that is in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its place, from 1.
    pub seq: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The case it belongs to.
    pub case: Option<CaseId>,
    /// What happened.
    pub entry: Entry,
    /// Digest of the row before and of this one: a change anywhere breaks the chain.
    pub hash: Digest,
}

impl Row {
    /// The hash of a row after one with the hash `previous` (of the empty text before the first).
    #[must_use]
    pub fn chain(
        previous: Digest,
        seq: u64,
        at: DateTime<Utc>,
        case: Option<&CaseId>,
        entry_json: &str,
    ) -> Digest {
        Digest::of_parts([
            previous.to_string(),
            seq.to_string(),
            at.to_rfc3339(),
            case.map(ToString::to_string).unwrap_or_default(),
            entry_json.to_owned(),
        ])
    }
}

/// Why the journal did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The store failed.
    #[error("{what} failed")]
    Store {
        /// What was being done, to which file.
        what: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row is not what its hash says.
    #[error("row {seq} of the journal is damaged: {detail}")]
    Corrupt {
        /// The first damaged row.
        seq: u64,
        /// What is wrong.
        detail: String,
    },
    /// Another process drives.
    #[error("`{holder}` holds the lease")]
    LeaseHeld {
        /// Who.
        holder: String,
    },
    /// The entry comes from a lease that another one followed.
    #[error("the lease {fence} is over: another process drives")]
    Fenced {
        /// The old lease.
        fence: u64,
    },
    /// The file was written by a newer logdive.
    #[error("{0}")]
    Version(String),
}

impl JournalError {
    /// A failure of the store.
    pub fn store(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Store { what: what.into(), source: source.into() }
    }
}

/// The right to drive: one process at a time. Dropping it gives it back.
pub struct Lease {
    /// Rises with every lease.
    pub fence: u64,
    /// Keeps the lease while it lives.
    pub guard: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("fence", &self.fence).finish_non_exhaustive()
    }
}

/// The durable, ordered record of every step.
///
/// # Contract
/// - `append` returns only when the entry is durable; sequence and hash are made inside.
/// - Any process may append; what is exclusive is the lease. An entry with the fence of an older
///   lease is refused.
#[async_trait]
pub trait Journal: Send + Sync + fmt::Debug {
    /// Appends an entry.
    ///
    /// # Errors
    /// If it is not durable, or comes from a lease that is over.
    async fn append(&self, draft: Draft) -> Result<Row, JournalError>;

    /// All rows behind a place, in order; `since(0)` is all.
    ///
    /// # Errors
    /// If the store fails or a row is damaged.
    async fn since(&self, seq: u64) -> Result<Vec<Row>, JournalError>;

    /// Cases without an entry that ends them, oldest first.
    ///
    /// # Errors
    /// If the store fails.
    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError>;

    /// Takes the right to drive.
    ///
    /// # Errors
    /// If another process holds it.
    async fn lease(&self, holder: &str) -> Result<Lease, JournalError>;
}

/// What the log knows of a delivery that is to be sent. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "a caller that ignores a case would send twice")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// Nothing: send it.
    Fresh,
    /// This content is there already.
    Done(Receipt),
    /// Another content of this key is there: update it in place.
    Update(Receipt),
    /// It was sent, and what came of it is not known: ask the destination first. Holds the
    /// receipt of an older content, if there is one.
    Resume(Option<Receipt>),
}

/// How an attempt to deliver ended. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "every end of an attempt is recorded")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It is there.
    Delivered(Receipt),
    /// It was provably not applied.
    NotApplied,
    /// It may have been applied.
    NoAnswer,
    /// The destination will never take it.
    Dead(String),
}

/// A delivery that was begun and whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingDelivery {
    /// Its key.
    pub key: DeliveryKey,
    /// The sink.
    pub sink: String,
    /// Where it was going.
    pub target: String,
}

/// The record of deliveries, in the same file as the journal.
#[async_trait]
pub trait DeliveryLog: Send + Sync + fmt::Debug {
    /// Records durably that a content of a key is about to be sent, and says what is known of it.
    ///
    /// # Errors
    /// If it is not durable.
    async fn begin(
        &self,
        key: &DeliveryKey,
        sink: &str,
        target: &str,
        content: Digest,
    ) -> Result<Begin, JournalError>;

    /// Records how it ended.
    ///
    /// # Errors
    /// If it is not durable.
    async fn end(
        &self,
        key: &DeliveryKey,
        sink: &str,
        outcome: &DeliveryOutcome,
    ) -> Result<(), JournalError>;

    /// What was begun and whose end is not known.
    ///
    /// # Errors
    /// If the store fails.
    async fn open(&self) -> Result<Vec<PendingDelivery>, JournalError>;
}
