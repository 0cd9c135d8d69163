//! Where the lines of layers come from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use logdive_core::port::Clock;
use logdive_core::{Layer, LayerCoverage, LayerName, Predicate, Reason, ReasonKind, Window};

use crate::diver::BuildError;
use crate::engine::Engine;

#[cfg(feature = "exec")]
pub(crate) mod exec;
pub(crate) mod foreign;
#[cfg(feature = "lake")]
pub(crate) mod lake;
pub(crate) mod memory;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;

/// A layer as somebody brings it to a diver: it gets its name there.
pub trait BringLayer {
    /// Makes the layer of a name.
    ///
    /// # Errors
    /// If it does not hold together.
    #[doc(hidden)]
    fn bring(self, name: LayerName) -> Result<Brought, BuildError>;
}

/// A layer that a diver can dive into.
#[doc(hidden)]
#[derive(Debug)]
pub struct Brought(pub(crate) Arc<dyn LayerTable>);

/// What a dive asks of a layer: all it will look at, once.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    /// All windows of the dive's steps together.
    pub(crate) window: Window,
    /// What lines must meet to be of any use; foreign stores may leave out others.
    pub(crate) predicate: Predicate,
    pub(crate) engine: &'a Engine,
    pub(crate) clock: &'a dyn Clock,
    /// How long it may take.
    pub(crate) time: Duration,
}

/// A layer, pinned for one dive: every query of the dive reads the same lines.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The lines: all those of the layer in the window at least, in the log schema.
    pub(crate) table: Arc<dyn TableProvider>,
    /// What is known before the lines are read.
    pub(crate) coverage: LayerCoverage,
    /// Who ever wrote to the layer.
    pub(crate) emitters: Vec<String>,
    /// Bytes read, counted while queries run.
    pub(crate) bytes: Arc<std::sync::atomic::AtomicU64>,
}

impl Opened {
    /// A layer that could not be opened.
    pub(crate) fn failed(reason: Reason) -> Self {
        Self {
            table: memory::table(Vec::new()),
            coverage: LayerCoverage {
                planned: 1,
                failed: vec![reason],
                ..LayerCoverage::default()
            },
            emitters: Vec::new(),
            bytes: Arc::default(),
        }
    }

    pub(crate) fn failed_with(error: impl fmt::Display) -> Self {
        Self::failed(Reason::new(ReasonKind::Failed, error.to_string()))
    }
}

/// Where a layer's lines come from.
#[async_trait]
pub(crate) trait LayerTable: fmt::Debug + Send + Sync {
    fn layer(&self) -> &Layer;

    /// Pins the layer's lines for a dive. What goes wrong is in the coverage.
    async fn open(&self, ask: &Ask<'_>) -> Opened;
}
