//! Layers of a lake.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::common::DataFusionError;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use logdive_core::log::schema;
use logdive_core::{Layer, LayerCoverage, LayerName, Reason, ReasonKind, Window};
use tokio::sync::OnceCell;

use super::memory::coverage_of;
use super::{Ask, LayerTable, Opened};
use crate::engine::{Engine, Halt, Purpose};
use crate::files::{FileTable, ScanFile};
use crate::lake::{Lake, LakeSnapshot};
use crate::lower::in_window;

/// A window whose files hold at most so many rows and bytes is read once, for all layers and
/// steps of a dive: most dives look at minutes, and every query over files opens each of them.
const RESIDENT_ROWS: u64 = 50_000;
const RESIDENT_BYTES: u64 = 32 << 20;

/// The lines of a small window, read once a dive.
#[derive(Debug)]
pub(crate) struct Resident {
    window: Window,
    files: Vec<ScanFile>,
    /// How many layers share it.
    layers: u64,
    /// The lines, and how many bytes were read for them.
    lines: OnceCell<Option<(RecordBatch, u64)>>,
}

impl Resident {
    /// The window of so many layers of a dive; `None` if it holds too much.
    pub(crate) fn of(snapshot: &LakeSnapshot, window: Window, layers: u64) -> Option<Self> {
        let files = snapshot.scan_files(Some(&window));
        let rows: Option<u64> = files.iter().map(|file| file.rows).sum();
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let small = rows.is_some_and(|rows| rows <= RESIDENT_ROWS) && bytes <= RESIDENT_BYTES;
        small.then(|| Self { window, files, layers, lines: OnceCell::new() })
    }

    /// The lines and a layer's share of the bytes that were read, if they could be read: if not,
    /// whoever reads the files again says why.
    async fn lines(&self, engine: &Engine, layer: &LayerName) -> Option<(RecordBatch, u64)> {
        let read = || async { self.read(engine, layer).await.ok() };
        let (lines, bytes) = self.lines.get_or_init(read).await.clone()?;
        Some((lines, bytes / self.layers.max(1)))
    }

    async fn read(&self, engine: &Engine, layer: &LayerName) -> Result<(RecordBatch, u64), Halt> {
        let (store, bytes) = engine.store(layer)?;
        let files = FileTable::on(schema(), self.files.clone(), store);
        let plan = LogicalPlanBuilder::scan("lines", provider_as_source(Arc::new(files)), None)?
            .filter(in_window(&self.window))?
            .build()?;
        let batches = engine.run(plan, Purpose::Retrieval).await?;
        let lines = concat_batches(&schema(), &batches).map_err(DataFusionError::from)?;
        Ok((lines, bytes.load(Ordering::Relaxed)))
    }
}

/// A layer whose lines are in a lake, at one version of it.
#[derive(Debug)]
pub(crate) struct LakeLayer {
    layer: Layer,
    lake: Lake,
    snapshot: Arc<LakeSnapshot>,
    /// Why the version may not be the newest.
    stale: Option<Reason>,
    /// The dive's window, if it is small.
    resident: Option<Arc<Resident>>,
}

impl LakeLayer {
    pub(crate) const fn new(
        layer: Layer,
        lake: Lake,
        snapshot: Arc<LakeSnapshot>,
        stale: Option<Reason>,
        resident: Option<Arc<Resident>>,
    ) -> Self {
        Self { layer, lake, snapshot, stale, resident }
    }
}

#[async_trait]
impl LayerTable for LakeLayer {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn open(&self, ask: &Ask<'_>) -> Opened {
        let (store, bytes) = match ask.engine.store(self.layer.name()) {
            Ok(store) => store,
            Err(error) => return Opened::failed_with(error),
        };
        let all = self.snapshot.scan_files(None).into_iter().map(|file| file.path).collect();
        let (emitters, unreadable) = self.lake.emitters().over(all).await;
        let (coverage, names) = coverage_of(&emitters, &self.layer);
        let mut coverage = coverage;
        let wanted = self.snapshot.scan_files(Some(&ask.window));
        coverage.planned = wanted.len() as u64;
        let broken = |path: &PathBuf| unreadable.iter().find(|(broken, _)| broken == path);
        let (files, failed): (Vec<ScanFile>, Vec<ScanFile>) =
            wanted.into_iter().partition(|file| broken(&file.path).is_none());
        coverage.read = files.len() as u64;
        for (path, error) in failed.iter().filter_map(|file| broken(&file.path)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let detail = format!("file `{name}` is unreadable: {error}");
            coverage.failed.push(Reason::new(ReasonKind::Failed, detail));
        }
        if unreadable.len() > failed.len() {
            // What an unreadable file says of emitters is unknown, so their lowest is too.
            coverage.watermark = None;
        }
        coverage.failed.extend(self.stale.clone());
        let rows: Option<u64> = files.iter().map(|file| file.rows).sum();
        let most = ask.engine.budget().rows;
        let over_budget = rows.is_some_and(|rows| rows > most);
        let lines = match &self.resident {
            Some(resident) if unreadable.is_empty() && !over_budget => {
                resident.lines(ask.engine, self.layer.name()).await
            }
            _ => None,
        };
        let mut opened = Opened {
            table: match lines {
                Some((lines, share)) => {
                    bytes.store(share, Ordering::Relaxed);
                    super::memory::table(vec![lines])
                }
                None => Arc::new(FileTable::on(schema(), files, store)),
            },
            coverage,
            emitters: names,
            bytes,
            lost: Arc::default(),
        };
        // Known from the log before a file is opened: nothing is read in part.
        if let Some(rows) = rows.filter(|rows| *rows > most) {
            opened.table = super::memory::table(Vec::new());
            opened.coverage = LayerCoverage {
                read: 0,
                stopped_by: Some(format!(
                    "the row budget of {most} rows: the window's files have {rows}"
                )),
                ..opened.coverage
            };
        }
        opened
    }
}
