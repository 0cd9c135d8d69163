//! Where the lines of layers come from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use logdive_core::port::Clock;
use logdive_core::{Layer, LayerCoverage, LayerName, Predicate, Reason, ReasonKind, Window};

use crate::diver::BuildError;
use crate::engine::Engine;
#[cfg(any(feature = "delta", feature = "parquet"))]
use crate::meter::Meter;

#[cfg(feature = "delta")]
pub(crate) mod delta;
#[cfg(feature = "exec")]
pub(crate) mod exec;
pub(crate) mod foreign;
#[cfg(any(feature = "cloudwatch", feature = "elasticsearch", feature = "exec", feature = "loki"))]
mod freshness;
#[cfg(any(feature = "cloudwatch", feature = "elasticsearch", feature = "loki"))]
pub(crate) mod http;
#[cfg(feature = "lake")]
pub(crate) mod lake;
pub(crate) mod mapping;
pub(crate) mod memory;
#[cfg(feature = "parquet")]
pub(crate) mod parquet;
#[cfg(any(feature = "delta", feature = "parquet"))]
#[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "a log names its files"))]
pub(crate) mod partition;
#[cfg(any(feature = "delta", feature = "parquet"))]
#[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "a log names its files"))]
pub(crate) mod place;
pub(crate) mod span;
#[cfg(any(feature = "delta", feature = "parquet"))]
#[cfg_attr(not(feature = "parquet"), expect(dead_code, reason = "a log has its columns"))]
pub(crate) mod stored;
pub(crate) mod table;

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
    /// How many layers share the bytes.
    pub(crate) sharers: u64,
    /// Files that broke while queries ran.
    pub(crate) lost: Arc<Lost>,
}

/// Files of a layer that broke while lines were read from them, by name.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    #[cfg(any(feature = "delta", feature = "parquet"))]
    meter: Option<Arc<Meter>>,
    why: Mutex<BTreeMap<String, String>>,
}

#[cfg(any(feature = "delta", feature = "parquet"))]
impl Lost {
    pub(crate) fn new(meter: &Arc<Meter>) -> Arc<Self> {
        Arc::new(Self { meter: Some(Arc::clone(meter)), why: Mutex::default() })
    }

    /// Whether reads fail since the dive's bytes are used up, which is no file's fault.
    pub(crate) fn is_out_of_bytes(&self) -> bool {
        self.meter.as_ref().is_some_and(|meter| meter.is_exhausted())
    }

    pub(crate) fn note(&self, file: &str, why: &str) {
        let mut all = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(file.to_owned()).or_insert_with(|| why.to_owned());
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).contains_key(file)
    }
}

impl Lost {
    /// Says in the coverage what broke: who wrote those files is not known either.
    pub(crate) fn tell(&self, coverage: &mut LayerCoverage) {
        for (file, why) in &*self.why.lock().unwrap_or_else(PoisonError::into_inner) {
            coverage.read = coverage.read.saturating_sub(1);
            coverage.watermark = None;
            coverage.failed.push(unread(file, why));
        }
    }
}

/// A file that is not read, and why.
pub(crate) fn unread(file: &str, why: &str) -> Reason {
    let why: String = why.lines().next().unwrap_or_default().chars().take(400).collect();
    Reason::new(ReasonKind::Failed, format!("file `{file}` is unreadable: {why}"))
}

impl Opened {
    /// A layer that a limit kept from being opened.
    pub(crate) fn stopped_by(limit: String) -> Self {
        let mut opened = Self::failed_with(&limit);
        opened.coverage =
            LayerCoverage { planned: 1, stopped_by: Some(limit), ..LayerCoverage::default() };
        opened
    }

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
            sharers: 1,
            lost: Arc::default(),
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

    /// Looks at what is there when the diver is built: what can never be read is said then. A
    /// store that does not answer is no error here: it may answer when a dive asks.
    async fn check(&self) -> Result<(), BuildError> {
        Ok(())
    }

    /// Pins the layer's lines for a dive. What goes wrong is in the coverage.
    async fn open(&self, ask: &Ask<'_>) -> Opened;
}
