//! Foreign logs: a layer whose lines stay in somebody else's store.

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_core::Stream;
use thiserror::Error;

use crate::log::LogBatch;
use crate::{Layer, LayerCoverage, Predicate, ReasonKind, Window};

/// What is asked of a foreign layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerQuery {
    /// The lines' time.
    pub window: Window,
    /// What they must meet. The source answers what it can; we evaluate all of it again.
    pub predicate: Predicate,
    /// Most lines wanted.
    pub limit: Option<u64>,
    /// When the answer is of no more use.
    pub deadline: Option<DateTime<Utc>>,
}

/// A part of an answer. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "lines and their coverage are all there is")]
#[derive(Debug)]
pub enum LayerItem {
    /// Lines.
    Batch(LogBatch),
    /// What was looked at: the last item. A stream that ends without it was cut off.
    Coverage(LayerCoverage),
}

/// An answer as it comes.
pub type LayerStream = Pin<Box<dyn Stream<Item = Result<LayerItem, LayerSourceError>> + Send>>;

/// Why a foreign layer did not answer.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct LayerSourceError {
    /// The kind, for facts that depend on the layer.
    pub kind: ReasonKind,
    /// What failed, to which named thing.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl LayerSourceError {
    /// An error without a further cause.
    #[must_use]
    pub fn new(kind: ReasonKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// A layer whose lines are read from somewhere else when they are asked for.
///
/// # Contract
/// - Lines outside the window or not meeting the predicate may be among the answer; lines that
///   meet both may be left out only if the coverage says so.
/// - The last item of the stream is the coverage. Dropping the stream ends all work for it.
#[async_trait]
pub trait LayerSource: Send + Sync + fmt::Debug {
    /// What it declares: name, fields, ids, lateness.
    fn layer(&self) -> &Layer;

    /// Asks for lines.
    ///
    /// # Errors
    /// If the store cannot be asked at all; what fails later comes as an item of the stream.
    async fn read(&self, query: &LayerQuery) -> Result<LayerStream, LayerSourceError>;

    /// Counts the lines, where the store can without sending them.
    ///
    /// # Errors
    /// If the store cannot be asked.
    async fn count(&self, query: &LayerQuery) -> Result<Option<u64>, LayerSourceError> {
        let _ = query;
        Ok(None)
    }
}
