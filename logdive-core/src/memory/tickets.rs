//! Tickets in memory.

use std::sync::Mutex;

use async_trait::async_trait;

use super::lock;
use crate::port::{Changes, Cursor, TicketSource, TicketSourceError};
use crate::{Ticket, TicketId};

/// Tickets in memory, in the order they were put.
#[derive(Debug, Default)]
pub struct MemoryTickets(Mutex<Vec<Ticket>>);

impl MemoryTickets {
    /// No tickets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a ticket; one of the same id counts as changed.
    pub fn put(&self, ticket: Ticket) {
        lock(&self.0).push(ticket);
    }
}

#[async_trait]
impl TicketSource for MemoryTickets {
    async fn fetch(&self, id: &TicketId) -> Result<Ticket, TicketSourceError> {
        let tickets = lock(&self.0);
        let newest = tickets.iter().rev().find(|ticket| ticket.id == *id);
        newest.cloned().ok_or_else(|| TicketSourceError::Unknown(id.clone()))
    }

    async fn changed_since(&self, cursor: Option<&Cursor>) -> Result<Changes, TicketSourceError> {
        let tickets = lock(&self.0);
        let from = match cursor {
            None => 0,
            Some(Cursor(text)) => text.parse().map_err(|_| {
                TicketSourceError::Rejected(format!("`{text}` is no cursor of this source"))
            })?,
        };
        let changed = tickets.iter().skip(from).cloned().collect();
        Ok(Changes { tickets: changed, next: Cursor(tickets.len().to_string()) })
    }
}
