//! Rows that are pushed and not durable yet.

use std::collections::VecDeque;
use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{IngestError, Receipt};

/// Receipts of one stream in their order, each with how many rows it is for.
#[derive(Default)]
pub(crate) struct Receipts(VecDeque<(u64, BoxFuture<'static, Result<u64, IngestError>>)>);

impl fmt::Debug for Receipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipts").field("waiting", &self.0.len()).finish()
    }
}

impl Receipts {
    pub(crate) fn push(&mut self, rows: u64, receipt: Receipt) {
        self.0.push_back((rows, receipt.durable().boxed()));
    }

    /// Forgets them all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many rows have become durable since this was asked last.
    ///
    /// # Errors
    /// If rows could not be written.
    pub(crate) fn ready(&mut self) -> Result<u64, IngestError> {
        let mut durable = 0;
        while let Some((rows, receipt)) = self.0.front_mut() {
            let Some(written) = receipt.now_or_never() else { break };
            written?;
            durable += *rows;
            self.0.pop_front();
        }
        Ok(durable)
    }

    /// Waits for all of them.
    ///
    /// # Errors
    /// If rows could not be written.
    pub(crate) async fn all(&mut self) -> Result<u64, IngestError> {
        let mut durable = 0;
        while let Some((rows, receipt)) = self.0.pop_front() {
            receipt.await?;
            durable += rows;
        }
        Ok(durable)
    }
}
