//! Layers of a lake.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use logdive_core::log::{Column, schema};
use logdive_core::{Layer, Reason, ReasonKind, Window};
use tokio::sync::OnceCell;

use super::memory::coverage_of;
use super::{Ask, LayerTable, Opened};
use crate::emitters::Emitters;
use crate::engine::{Engine, Halt, LayerStore};
use crate::files::{FileTable, ScanFile};
use crate::lake::{Lake, LakeSnapshot};
use crate::lower::in_window;
use crate::scan::{Consumer, Scan};

/// A window that has about so many rows and bytes of files at most is read once, for all layers
/// and steps of a dive: most dives look at minutes, and every scan of files decodes them again.
const RESIDENT_ROWS: u64 = 50_000;
const RESIDENT_BYTES: u64 = 32 << 20;

/// The same for dives that read their lines often: then it is worth to decode what some steps do
/// not look at. An hour of ten million lines a day has 420,000.
const OFTEN: usize = 3;
const OFTEN_ROWS: u64 = 600_000;
const OFTEN_BYTES: u64 = 128 << 20;

/// One version of a lake, as a dive reads it: all layers that lie in it share one table, so that
/// a step reads it once.
#[derive(Debug)]
pub(crate) struct LakeView {
    lake: Lake,
    /// The place of the lake among those of the diver, and of the window among its own.
    number: (usize, usize),
    snapshot: Arc<LakeSnapshot>,
    /// Why the version may not be the newest.
    stale: Option<Reason>,
    /// All windows of the dive.
    window: Window,
    /// How many layers share it.
    layers: u64,
    /// About how often its lines are read.
    reads: usize,
    shared: OnceCell<Shared>,
}

#[derive(Debug)]
struct Shared {
    emitters: Emitters,
    /// Files that cannot be read, and why.
    unreadable: Vec<(PathBuf, String)>,
    table: Result<Arc<dyn TableProvider>, String>,
    bytes: Arc<AtomicU64>,
}

impl LakeView {
    pub(crate) fn new(
        lake: Lake,
        number: (usize, usize),
        snapshot: Arc<LakeSnapshot>,
        stale: Option<Reason>,
        window: Window,
        (layers, reads): (u64, usize),
    ) -> Self {
        let shared = OnceCell::new();
        Self { lake, number, snapshot, stale, window, layers, reads, shared }
    }

    async fn shared(&self, engine: &Engine) -> &Shared {
        let open = || async {
            let all = self.snapshot.scan_files(None).into_iter().map(|file| file.path).collect();
            let (emitters, unreadable) = self.lake.emitters().over(all).await;
            let mut files = self.snapshot.scan_files(Some(&self.window));
            files.retain(|file| unreadable.iter().all(|(broken, _)| *broken != file.path));
            let bytes = Arc::default();
            let (table, bytes) = match engine.local_store(self.number) {
                Err(error) => (Err(error.to_string()), bytes),
                Ok(store) => (Ok(self.table(engine, &store, files).await), store.bytes),
            };
            Shared { emitters, unreadable, table, bytes }
        };
        self.shared.get_or_init(open).await
    }

    async fn table(
        &self,
        engine: &Engine,
        store: &LayerStore,
        files: Vec<ScanFile>,
    ) -> Arc<dyn TableProvider> {
        let (rows, bytes) = files.iter().fold((0_u64, 0_u64), |(rows, bytes), file| {
            let (of_file, size) = file.in_window(&self.window);
            (rows.saturating_add(of_file), bytes.saturating_add(size))
        });
        let table = Arc::new(FileTable::on(schema(), files, store, self.lake.footers()));
        let (most_rows, most_bytes) = match self.reads >= OFTEN {
            true => (OFTEN_ROWS, OFTEN_BYTES),
            false => (RESIDENT_ROWS, RESIDENT_BYTES),
        };
        if rows <= most_rows
            && bytes <= most_bytes
            && let Ok(lines) = resident(engine, Arc::clone(&table) as _, &self.window).await
        {
            return lines;
        }
        // If a small window could not be read, whoever reads its files again says why.
        table
    }
}

/// The lines of a small window, read once.
async fn resident(
    engine: &Engine,
    table: Arc<dyn TableProvider>,
    window: &Window,
) -> Result<Arc<dyn TableProvider>, Halt> {
    let columns = Column::ALL.iter().copied().collect();
    let scan = Scan { table, columns, filters: vec![in_window(window)] };
    let kept = scan.feed(engine, |_| Ok(Kept::default())).await?;
    engine.hold(kept.held())?;
    Ok(super::memory::shared_table(kept.batches, engine.partitions()))
}

/// Keeps rows as they are read.
#[derive(Debug, Default)]
struct Kept {
    batches: Vec<RecordBatch>,
    bytes: usize,
}

impl Consumer for Kept {
    fn fresh(&self) -> Self {
        Self::default()
    }

    fn take(&mut self, rows: &RecordBatch) -> Result<(), Halt> {
        self.bytes += rows.get_array_memory_size();
        self.batches.push(rows.clone());
        Ok(())
    }

    fn join(&mut self, other: Self) -> Result<(), Halt> {
        self.bytes += other.bytes;
        self.batches.extend(other.batches);
        Ok(())
    }

    fn held(&self) -> usize {
        self.bytes
    }
}

/// A layer whose lines are in a lake, at one version of it.
#[derive(Debug)]
pub(crate) struct LakeLayer {
    layer: Layer,
    view: Arc<LakeView>,
}

impl LakeLayer {
    pub(crate) const fn new(layer: Layer, view: Arc<LakeView>) -> Self {
        Self { layer, view }
    }
}

#[async_trait]
impl LayerTable for LakeLayer {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn open(&self, ask: &Ask<'_>) -> Opened {
        let view = &self.view;
        let shared = view.shared(ask.engine).await;
        let table = match &shared.table {
            Ok(table) => Arc::clone(table),
            Err(error) => return Opened::failed_with(error),
        };
        let (coverage, names) = coverage_of(&shared.emitters, &self.layer);
        let mut coverage = coverage;
        let wanted = view.snapshot.scan_files(Some(&ask.window));
        coverage.planned = wanted.len() as u64;
        let broken = |path: &PathBuf| shared.unreadable.iter().find(|(broken, _)| broken == path);
        let failed: Vec<_> = wanted.iter().filter_map(|file| broken(&file.path)).collect();
        coverage.read = coverage.planned.saturating_sub(failed.len() as u64);
        for (path, error) in &failed {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let detail = format!("file `{name}` is unreadable: {error}");
            coverage.failed.push(Reason::new(ReasonKind::Failed, detail));
        }
        if shared.unreadable.len() > failed.len() {
            // What an unreadable file says of emitters is unknown, so their lowest is too.
            coverage.watermark = None;
        }
        coverage.failed.extend(view.stale.clone());
        Opened {
            table,
            coverage,
            emitters: names,
            bytes: Arc::clone(&shared.bytes),
            sharers: view.layers,
            lost: Arc::default(),
        }
    }
}
