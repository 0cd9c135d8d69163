//! The lake's one writer, shared by streams.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use logdive_core::LogBatch;
use logdive_core::format::Overflow;
use serde_json::Value as Json;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use self::push::{Message, Push};
use self::task::{State, Task};
use super::IngestError;
use crate::lake::{Blobs, GroupPart, Lake, LakeWriter, StreamProgress};

mod push;
mod task;
#[cfg(test)]
mod tests;

/// How much may wait for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IngestLimits {
    /// A commit begins at the latest so long after the first row of it came: 1 s unless it is
    /// set. (It is durable within 2 s.)
    pub commit_after: Duration,
    /// A commit begins when so many bytes of rows wait: 64 MiB unless it is set.
    pub commit_bytes: usize,
    /// Pushing waits while so many bytes are taken and not yet durable: 192 MiB unless it is set,
    /// at most 4 GiB. A push of more than this is taken when nothing else waits.
    pub waiting_bytes: usize,
}

impl Default for IngestLimits {
    fn default() -> Self {
        Self {
            commit_after: Duration::from_secs(1),
            commit_bytes: 64 << 20,
            waiting_bytes: 192 << 20,
        }
    }
}

/// The lake's one writer, shared by streams; clones are one.
///
/// The rows of all streams are committed together, while the rows of the next commit are taken.
///
/// *Memory*: rows that are taken and not yet durable have at most
/// [`waiting_bytes`](IngestLimits::waiting_bytes) (or one push that has more). Writing a commit
/// takes, beside its rows, about 100 bytes a row for sorting, a copy of 4,096 rows, and the
/// compressed file of one day.
///
/// *Failure*: when a commit cannot be written (the disk is full, say), its rows are kept and
/// written again, at first after 100 ms, at last each 5 s, until it works. Nothing is acknowledged
/// meanwhile, [`IngestStream::try_push`] refuses and [`IngestStream::push`] waits. Dives go on.
///
/// *End*: [`Ingester::close`], or dropping all handles: what was pushed is committed, then the
/// lake is free. If it cannot be committed, it is given up: the sources send it again.
#[derive(Debug, Clone)]
pub struct Ingester {
    shared: Arc<Shared>,
}

struct Shared {
    messages: mpsc::UnboundedSender<Message>,
    /// Bytes that may still be taken.
    room: Arc<Semaphore>,
    /// All of them.
    most: usize,
    state: watch::Receiver<State>,
    /// Says that it is to end.
    closing: watch::Sender<bool>,
    /// Streams that somebody has.
    open: Arc<Mutex<BTreeSet<String>>>,
    lake: Lake,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("lake", &self.lake)
            .field("waiting", &self.waiting())
            .field("state", &*self.state.borrow())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn waiting(&self) -> usize {
        self.most.saturating_sub(self.room.available_permits())
    }
}

impl Ingester {
    /// Takes over the writer, within limits. To be called within a tokio runtime.
    #[must_use]
    pub fn start(writer: LakeWriter, limits: IngestLimits) -> Self {
        let most = limits.waiting_bytes.clamp(1, push::MOST);
        let room = Arc::new(Semaphore::new(most));
        let (messages, received) = mpsc::unbounded_channel();
        let (closing, ending) = watch::channel(false);
        let (said, state) = watch::channel(State::Taking);
        let lake = writer.lake().clone();
        let open = Arc::default();
        let task = Task::new(writer, limits, received, ending, said, Arc::clone(&room));
        drop(tokio::spawn(task.run()));
        Self { shared: Arc::new(Shared { messages, room, most, state, closing, open, lake }) }
    }

    /// Opens a stream by its name, where it stands in the lake. What was pushed into it before is
    /// committed first.
    ///
    /// # Errors
    /// If the name is none, somebody has the stream, the lake cannot be read, or the ingester has
    /// ended.
    pub async fn stream(&self, name: &str) -> Result<IngestStream, IngestError> {
        StreamProgress::new(name, 1).check()?;
        let claim = Claim::take(&self.shared.open, name)?;
        let (reply, answer) = oneshot::channel();
        let asked = self.shared.messages.send(Message::Open { stream: name.to_owned(), reply });
        let answer = match asked {
            Ok(()) => answer.await.ok(),
            Err(_) => None,
        };
        let committed = answer.ok_or_else(|| State::ended(&self.shared.state))??;
        let (batch, committed) = committed.map_or((0, None), |c| (c.batch, Some(c.offsets)));
        Ok(IngestStream { shared: Arc::clone(&self.shared), claim, batch, committed })
    }

    /// Bytes that are taken and not yet durable.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    /// Why the lake cannot be written at present, if so.
    #[must_use]
    pub fn refusing(&self) -> Option<String> {
        match &*self.shared.state.borrow() {
            State::Refusing(why) => Some(why.to_string()),
            _ => None,
        }
    }

    /// Commits what waits, ends, and gives the writer's lake free. Pushing fails from here on.
    ///
    /// # Errors
    /// If what waits cannot be committed.
    pub async fn close(self) -> Result<(), IngestError> {
        self.shared.closing.send_replace(true);
        // Whoever waits for room waits no longer.
        self.shared.room.close();
        let mut state = self.shared.state.clone();
        let ended = state.wait_for(|state| matches!(state, State::Ended { .. })).await;
        match ended.as_deref() {
            Ok(State::Ended { failed: false, .. }) => Ok(()),
            _ => Err(State::ended(&self.shared.state)),
        }
    }
}

/// A stream's name, held by whoever has the stream.
#[derive(Debug)]
struct Claim {
    open: Arc<Mutex<BTreeSet<String>>>,
    name: String,
}

impl Claim {
    fn take(open: &Arc<Mutex<BTreeSet<String>>>, name: &str) -> Result<Self, IngestError> {
        if !open.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned()) {
            return Err(IngestError::StreamOpen { stream: name.to_owned() });
        }
        Ok(Self { open: Arc::clone(open), name: name.to_owned() })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// One stream of rows into the lake.
#[derive(Debug)]
pub struct IngestStream {
    shared: Arc<Shared>,
    claim: Claim,
    batch: u64,
    committed: Option<Json>,
}

impl IngestStream {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.claim.name
    }

    /// Where the stream's sources stood at its newest commit when it was opened.
    #[must_use]
    pub const fn committed(&self) -> Option<&Json> {
        self.committed.as_ref()
    }

    /// Gives rows and where the sources stand behind them; waits while too much waits already, or
    /// the lake cannot be written. The rows are durable when the receipt says so; rows of one
    /// stream become durable in order. Empty rows are legal: the offsets alone go forward.
    ///
    /// Dropping the future before it ends takes nothing.
    ///
    /// # Errors
    /// If the ingester has ended; nothing was taken then.
    pub async fn push(&mut self, rows: LogBatch, offsets: Json) -> Result<Receipt, IngestError> {
        let ended = |_| State::ended(&self.shared.state);
        let mut state = self.shared.state.clone();
        let _ = state
            .wait_for(|state| !matches!(state, State::Refusing(_)))
            .await
            .map_err(|_| State::ended(&self.shared.state))?;
        let rows = push::compact(rows)?;
        let permits = push::cost(&rows, &offsets, self.shared.most);
        let room =
            Arc::clone(&self.shared.room).acquire_many_owned(permits).await.map_err(ended)?;
        self.send(rows, offsets, room)
    }

    /// As [`push`](Self::push), but never waits.
    ///
    /// # Errors
    /// [`IngestError::Full`] if too much waits, [`IngestError::Refused`] if the lake cannot be
    /// written at present, [`IngestError::Ended`] if the ingester has ended; nothing was taken
    /// then.
    #[expect(clippy::unused_async, reason = "as push is")]
    pub async fn try_push(
        &mut self,
        rows: LogBatch,
        offsets: Json,
    ) -> Result<Receipt, IngestError> {
        if let State::Refusing(why) = &*self.shared.state.borrow() {
            return Err(IngestError::Refused { why: why.to_string() });
        }
        let rows = push::compact(rows)?;
        let permits = push::cost(&rows, &offsets, self.shared.most);
        match Arc::clone(&self.shared.room).try_acquire_many_owned(permits) {
            Ok(room) => self.send(rows, offsets, room),
            Err(tokio::sync::TryAcquireError::Closed) => Err(State::ended(&self.shared.state)),
            Err(tokio::sync::TryAcquireError::NoPermits) => {
                Err(IngestError::Full { bytes: self.shared.waiting() })
            }
        }
    }

    fn send(
        &mut self,
        rows: LogBatch,
        offsets: Json,
        room: tokio::sync::OwnedSemaphorePermit,
    ) -> Result<Receipt, IngestError> {
        let progress = StreamProgress::new(&*self.claim.name, self.batch + 1).offsets(offsets);
        let (durable, receipt) = oneshot::channel();
        let came = self.shared.lake.clock().now();
        let push = Push { part: GroupPart::new(rows, progress), came, room, durable };
        let sent = self.shared.messages.send(Message::Push(Box::new(push)));
        sent.map_err(|_| State::ended(&self.shared.state))?;
        self.batch += 1;
        Ok(Receipt { receipt, state: self.shared.state.clone() })
    }

    /// Where the rest of giant records of this stream goes: compressed, into the lake, durable
    /// when a record has ended.
    #[must_use]
    pub fn overflow(&self) -> Box<dyn Overflow> {
        Box::new(Blobs::of(&self.shared.lake))
    }
}

/// The promise that pushed rows become durable.
#[derive(Debug)]
pub struct Receipt {
    receipt: oneshot::Receiver<u64>,
    state: watch::Receiver<State>,
}

impl Receipt {
    /// Waits until the rows are durable and gives a version of the lake that has them.
    ///
    /// # Errors
    /// If the ingester ended without knowing that they are. They may be in the lake: the source
    /// goes on from what the stream says when it is opened again.
    pub async fn durable(self) -> Result<u64, IngestError> {
        self.receipt.await.map_err(|_| State::ended(&self.state))
    }
}
