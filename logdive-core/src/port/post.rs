//! Posting as the loop sees it: a delivery goes out, with whatever a sink needs around it.

use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use super::{Delivery, JournalError, Receipt, SinkError};

/// Why a delivery did not go out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PostError {
    /// The sink did not take it.
    #[error("`{sink}` did not take it")]
    Sink {
        /// The sink.
        sink: String,
        /// Why.
        #[source]
        source: SinkError,
    },
    /// It could not be recorded, so it was not sent.
    #[error("it could not be recorded, so it was not sent")]
    Journal(#[from] JournalError),
    /// It must not go there.
    #[error("refused: {0}")]
    Refused(String),
}

/// Sends deliveries: what users and the pilot call.
#[async_trait]
pub trait Post: Send + Sync + fmt::Debug {
    /// Sends a delivery: at least once made effectively once by its key.
    ///
    /// # Errors
    /// If it did not go out, or it is not known whether it did.
    async fn send(&self, delivery: Delivery) -> Result<Receipt, PostError>;
}
