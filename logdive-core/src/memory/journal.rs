//! A journal in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::lock;
use crate::case::CaseId;
use crate::port::{
    Begin, DeliveryLog, DeliveryOutcome, Draft, Journal, JournalError, Lease, PendingDelivery,
    Receipt, Row,
};
use crate::{DeliveryKey, Digest};

#[derive(Debug, Default)]
struct Inner {
    rows: Vec<Row>,
    fence: u64,
    holder: Option<String>,
    deliveries: BTreeMap<(DeliveryKey, String), DeliveryState>,
    appends_left: Option<u64>,
}

#[derive(Debug, Clone)]
struct DeliveryState {
    target: String,
    content: Digest,
    delivered: Option<(Digest, Receipt)>,
    open: bool,
}

/// A journal in memory, for tests. A clone is the same journal.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal(Arc<Mutex<Inner>>);

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets so many more entries in and then fails, as a process that dies does; `None` lets all
    /// in, and frees the lease of the process that died.
    pub fn fail_after(&self, appends: Option<u64>) {
        let mut inner = lock(&self.0);
        inner.appends_left = appends;
        if appends.is_none() {
            inner.holder = None;
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, draft: Draft) -> Result<Row, JournalError> {
        let mut inner = lock(&self.0);
        if let Some(left) = inner.appends_left {
            let Some(left) = left.checked_sub(1) else {
                return Err(JournalError::store("appending to the journal", "the process died"));
            };
            inner.appends_left = Some(left);
        }
        if let Some(fence) = draft.fence.filter(|fence| *fence != inner.fence) {
            return Err(JournalError::Fenced { fence });
        }
        let json = serde_json::to_string(&draft.entry)
            .map_err(|error| JournalError::store("writing an entry as JSON", error))?;
        // Read back, as from a disk: what does not survive JSON is found here.
        let entry = serde_json::from_str(&json)
            .map_err(|error| JournalError::store("reading an entry from JSON", error))?;
        let previous = inner.rows.last().map_or_else(|| Digest::of(""), |row| row.hash);
        let seq = inner.rows.len() as u64 + 1;
        let hash = Row::chain(previous, seq, draft.at, draft.case.as_ref(), &json);
        let row = Row { seq, at: draft.at, case: draft.case, entry, hash };
        inner.rows.push(row.clone());
        Ok(row)
    }

    async fn since(&self, seq: u64) -> Result<Vec<Row>, JournalError> {
        Ok(lock(&self.0).rows.iter().filter(|row| row.seq > seq).cloned().collect())
    }

    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError> {
        let inner = lock(&self.0);
        let mut open: Vec<CaseId> = Vec::new();
        for row in &inner.rows {
            let Some(case) = &row.case else { continue };
            if row.entry.ends_case() {
                open.retain(|id| id != case);
            } else if !open.contains(case) {
                open.push(case.clone());
            }
        }
        Ok(open)
    }

    async fn lease(&self, holder: &str) -> Result<Lease, JournalError> {
        let mut inner = lock(&self.0);
        if let Some(holder) = &inner.holder {
            return Err(JournalError::LeaseHeld { holder: holder.clone() });
        }
        inner.holder = Some(holder.to_owned());
        inner.fence += 1;
        let fence = inner.fence;
        Ok(Lease { fence, guard: Box::new(Guard { journal: Arc::clone(&self.0), fence }) })
    }
}

struct Guard {
    journal: Arc<Mutex<Inner>>,
    fence: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut inner = lock(&self.journal);
        if inner.fence == self.fence {
            inner.holder = None;
        }
    }
}

#[async_trait]
impl DeliveryLog for MemoryJournal {
    async fn begin(
        &self,
        key: &DeliveryKey,
        sink: &str,
        target: &str,
        content: Digest,
    ) -> Result<Begin, JournalError> {
        let mut inner = lock(&self.0);
        let fresh =
            DeliveryState { target: target.to_owned(), content, delivered: None, open: true };
        let place = (*key, sink.to_owned());
        let Some(state) = inner.deliveries.get_mut(&place) else {
            inner.deliveries.insert(place, fresh);
            return Ok(Begin::Fresh);
        };
        let begin = match (&state.delivered, state.open) {
            (delivered, true) => Begin::Resume(delivered.as_ref().map(|(_, r)| r.clone())),
            (Some((known, receipt)), false) if *known == content => {
                return Ok(Begin::Done(receipt.clone()));
            }
            (Some((_, receipt)), false) => Begin::Update(receipt.clone()),
            (None, false) => Begin::Fresh,
        };
        state.open = true;
        state.content = content;
        Ok(begin)
    }

    async fn end(
        &self,
        key: &DeliveryKey,
        sink: &str,
        outcome: &DeliveryOutcome,
    ) -> Result<(), JournalError> {
        let mut inner = lock(&self.0);
        let Some(state) = inner.deliveries.get_mut(&(*key, sink.to_owned())) else {
            return Err(JournalError::store("ending a delivery", "it was not begun"));
        };
        match outcome {
            DeliveryOutcome::Delivered(receipt) => {
                state.delivered = Some((state.content, receipt.clone()));
                state.open = false;
            }
            DeliveryOutcome::NotApplied | DeliveryOutcome::Dead(_) => state.open = false,
            DeliveryOutcome::NoAnswer => {}
        }
        Ok(())
    }

    async fn open(&self) -> Result<Vec<PendingDelivery>, JournalError> {
        let inner = lock(&self.0);
        let pending = inner.deliveries.iter().filter(|(_, state)| state.open);
        Ok(pending
            .map(|((key, sink), state)| PendingDelivery {
                key: *key,
                sink: sink.clone(),
                target: state.target.clone(),
            })
            .collect())
    }
}
