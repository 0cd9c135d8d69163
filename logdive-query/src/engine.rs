//! The engine of one dive: sessions for retrieval and for aggregates, under its limits.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
#[cfg(feature = "lake")]
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, Result};
#[cfg(feature = "lake")]
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
#[cfg(any(feature = "delta", feature = "parquet"))]
use logdive_core::LayerName;
use logdive_core::port::Budget;
use logdive_core::{Reason, ReasonKind, format_duration};
use object_store::ObjectStore;
use tokio::time::Instant;

use crate::meter::{Meter, MeteredPool, MeteredStore};

/// Why a query gave nothing.
#[derive(Debug, Clone)]
pub(crate) enum Halt {
    /// A limit of the dive was met.
    Limit(String),
    /// It failed.
    Failed(Reason),
}

impl Halt {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Limit(limit) => Reason::new(ReasonKind::Cut, format!("stopped by {limit}")),
            Self::Failed(reason) => reason.clone(),
        }
    }
}

/// What a limit of memory is called until the dive says how much it was.
const OUT_OF_MEMORY: &str = "the memory budget";

impl Halt {
    /// The limit of memory is met.
    pub(crate) fn memory() -> Self {
        Self::Limit(OUT_OF_MEMORY.to_owned())
    }
}

impl From<DataFusionError> for Halt {
    fn from(error: DataFusionError) -> Self {
        if matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)) {
            return Self::memory();
        }
        Self::Failed(Reason::new(ReasonKind::Failed, first_line(&error.to_string())))
    }
}

/// A message without the backtrace or plan that may follow it.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(400).collect()
}

/// How queries are tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Few lines, all their columns: filters are evaluated while files are decoded.
    Retrieval,
    /// All lines, few columns: filters behind the scan cost less.
    Aggregate,
}

/// The store of a layer's files in one dive.
#[cfg(any(feature = "delta", feature = "lake", feature = "parquet"))]
#[derive(Debug)]
pub(crate) struct LayerStore {
    /// The address that queries know it by.
    pub(crate) url: ObjectStoreUrl,
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Bytes read through it.
    pub(crate) bytes: Arc<AtomicU64>,
}

/// The engine of one dive.
pub(crate) struct Engine {
    runtime: Arc<RuntimeEnv>,
    memory: Arc<MeteredPool>,
    partitions: usize,
    meter: Arc<Meter>,
    deadline: Instant,
    budget: Budget,
    // Made once: a session registers every function there is, which costs more than a small query.
    retrieval: OnceLock<SessionContext>,
    aggregate: OnceLock<SessionContext>,
    /// Memory that is taken until the dive ends.
    #[cfg(feature = "lake")]
    held: Mutex<Vec<MemoryReservation>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("budget", &self.budget).finish_non_exhaustive()
    }
}

impl Engine {
    pub(crate) fn new(budget: Budget, partitions: usize) -> Result<Self> {
        let most = usize::try_from(budget.memory).unwrap_or(usize::MAX);
        let memory = Arc::new(MeteredPool::new(most));
        let runtime =
            RuntimeEnvBuilder::new().with_memory_pool(Arc::clone(&memory) as _).build_arc()?;
        // Far beyond any window of a dive, and within what an instant can hold.
        let time = budget.time.min(Duration::from_secs(86_400));
        Ok(Self {
            runtime,
            memory,
            partitions,
            meter: Meter::new(budget.bytes),
            deadline: Instant::now() + time,
            budget,
            retrieval: OnceLock::new(),
            aggregate: OnceLock::new(),
            #[cfg(feature = "lake")]
            held: Mutex::default(),
        })
    }

    /// Whether a query may begin.
    pub(crate) fn check(&self) -> Result<(), Halt> {
        if let Some(halt) = self.out_of_bytes() {
            return Err(halt);
        }
        match self.time_left().is_zero() {
            true => Err(self.out_of_time()),
            false => Ok(()),
        }
    }

    /// Why a query ended: the limit that was met, if one was.
    pub(crate) fn rather(&self, halt: Halt) -> Halt {
        match halt {
            Halt::Limit(limit) if limit == OUT_OF_MEMORY => {
                Halt::Limit(format!("{OUT_OF_MEMORY} of {} bytes", self.budget.memory))
            }
            Halt::Failed(_) => self.out_of_bytes().unwrap_or(halt),
            halt @ Halt::Limit(_) => halt,
        }
    }

    pub(crate) fn halt(&self, error: DataFusionError) -> Halt {
        self.rather(error.into())
    }

    /// A reader that panicked.
    pub(crate) fn gave_up(&self, error: &str) -> Halt {
        let detail = format!("a reader gave up: {}", first_line(error));
        Halt::Failed(Reason::new(ReasonKind::Failed, detail))
    }

    /// The most memory that operators held at once, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory.peak()
    }

    pub(crate) const fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// How many threads a query may use.
    #[cfg(feature = "lake")]
    pub(crate) const fn partitions(&self) -> usize {
        self.partitions
    }

    /// Takes memory for as long as the dive lasts.
    #[cfg(feature = "lake")]
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), Halt> {
        let taken = MemoryConsumer::new("lines").register(&self.runtime.memory_pool);
        taken.try_resize(bytes).map_err(|_| self.rather(Halt::memory()))?;
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
        Ok(())
    }

    /// The local disk for the files of one lake in one window.
    #[cfg(feature = "lake")]
    pub(crate) fn local_store(&self, (lake, view): (usize, usize)) -> Result<LayerStore> {
        let url = ObjectStoreUrl::parse(format!("lake-{lake}-{view}://files"))?;
        let bytes = Arc::default();
        let disk = Arc::new(object_store::local::LocalFileSystem::new());
        let store = self.store_at(&url, disk, &bytes);
        Ok(LayerStore { url, store, bytes })
    }

    /// A store for the files of one layer, metered.
    #[cfg(any(feature = "delta", feature = "parquet"))]
    pub(crate) fn store_over(
        &self,
        layer: &LayerName,
        inner: Arc<dyn ObjectStore>,
    ) -> Result<LayerStore> {
        let url = ObjectStoreUrl::parse(format!("layer-{layer}://files"))?;
        let bytes = Arc::default();
        let store = self.store_at(&url, inner, &bytes);
        Ok(LayerStore { url, store, bytes })
    }

    /// A store that queries know by an address, metered; what is read is added to the bytes.
    pub(crate) fn store_at(
        &self,
        url: &ObjectStoreUrl,
        inner: Arc<dyn ObjectStore>,
        bytes: &Arc<AtomicU64>,
    ) -> Arc<dyn ObjectStore> {
        let store: Arc<dyn ObjectStore> =
            Arc::new(MeteredStore::new(inner, &self.meter, Arc::clone(bytes)));
        self.runtime.register_object_store(url.as_ref(), Arc::clone(&store));
        store
    }

    /// What the dive reads, all layers together.
    #[cfg(any(feature = "delta", feature = "parquet"))]
    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// The limit of bytes, if it is met.
    pub(crate) fn out_of_bytes(&self) -> Option<Halt> {
        let limit = || format!("the byte budget of {} bytes", self.budget.bytes);
        self.meter.is_exhausted().then(|| Halt::Limit(limit()))
    }

    pub(crate) fn out_of_time(&self) -> Halt {
        Halt::Limit(format!("the time budget of {}", format_duration(self.budget.time)))
    }

    /// The session of a purpose; clones share it.
    pub(crate) fn session(&self, purpose: Purpose) -> SessionContext {
        let made = match purpose {
            Purpose::Retrieval => &self.retrieval,
            Purpose::Aggregate => &self.aggregate,
        };
        made.get_or_init(|| self.new_session(purpose)).clone()
    }

    fn new_session(&self, purpose: Purpose) -> SessionContext {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.partitions)
            .with_collect_statistics(false)
            .with_information_schema(false);
        let options = config.options_mut();
        options.execution.parquet.pushdown_filters = purpose == Purpose::Retrieval;
        options.execution.parquet.schema_force_view_types = false;
        // A condition that is never null is nullable in one and not in the other: that is all.
        options.execution.skip_physical_aggregate_schema_check = true;
        SessionContext::new_with_config_rt(config, Arc::clone(&self.runtime))
    }

    /// Runs a plan to its end, within the limits.
    pub(crate) async fn run(
        &self,
        plan: LogicalPlan,
        purpose: Purpose,
    ) -> Result<Vec<RecordBatch>, Halt> {
        self.check()?;
        let session = self.session(purpose);
        // A task of its own: readers panic on damaged files, and a panic must not reach further.
        // Dropping the handle ends it.
        let work =
            SpawnedTask::spawn(
                async move { session.execute_logical_plan(plan).await?.collect().await },
            );
        match tokio::time::timeout_at(self.deadline, work.join()).await {
            Err(_) => Err(self.out_of_time()),
            Ok(Ok(Ok(batches))) => Ok(batches),
            Ok(Ok(Err(error))) => Err(self.halt(error)),
            Ok(Err(error)) => Err(self.gave_up(&error.to_string())),
        }
    }
}
