//! Where tickets come from when nobody pushes them.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Ticket, TicketId};

/// A place in a source's stream of changes, opaque to everybody but the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// Tickets that changed since a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The tickets, oldest change first.
    pub tickets: Vec<Ticket>,
    /// Where to go on from.
    pub next: Cursor,
}

/// Why a source gave nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TicketSourceError {
    /// There is no such ticket.
    #[error("there is no ticket `{0}`")]
    Unknown(TicketId),
    /// It may work later.
    #[error("{0}")]
    Transient(String),
    /// It will not work again by itself.
    #[error("{0}")]
    Rejected(String),
}

/// Where tickets are fetched from: reconciles what webhooks lost.
#[async_trait]
pub trait TicketSource: Send + Sync + fmt::Debug {
    /// Fetches one ticket as it is now.
    ///
    /// # Errors
    /// If there is no such ticket, or the source does not answer.
    async fn fetch(&self, id: &TicketId) -> Result<Ticket, TicketSourceError>;

    /// The tickets that changed since a cursor; `None` begins at the beginning.
    ///
    /// # Errors
    /// If the source does not answer.
    async fn changed_since(&self, cursor: Option<&Cursor>) -> Result<Changes, TicketSourceError>;
}
