//! Layers in memory.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use chrono::DateTime;
use datafusion::catalog::MemTable;
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use logdive_core::log::{Column, schema};
use logdive_core::{Layer, LayerCoverage, LogBatch};

use super::{Ask, LayerTable, Opened};
use crate::emitters::Emitters;

/// Batches of lines as a table.
pub(crate) fn table(batches: Vec<RecordBatch>) -> Arc<dyn TableProvider> {
    match MemTable::try_new(schema(), vec![batches]) {
        Ok(table) => Arc::new(table),
        // Batches of lines have the schema of lines.
        Err(_) => Arc::new(EmptyTable::new(schema())),
    }
}

/// Batches of lines as a table that so many threads read together.
#[cfg(feature = "lake")]
pub(crate) fn shared_table(batches: Vec<RecordBatch>, threads: usize) -> Arc<dyn TableProvider> {
    let mut lists = vec![Vec::new(); threads.max(1)];
    let threads = lists.len();
    for (at, batch) in batches.into_iter().enumerate() {
        if let Some(list) = lists.get_mut(at % threads) {
            list.push(batch);
        }
    }
    match MemTable::try_new(schema(), lists) {
        Ok(table) => Arc::new(table),
        // Batches of lines have the schema of lines.
        Err(_) => Arc::new(EmptyTable::new(schema())),
    }
}

/// Adds the emitters of lines.
pub(crate) fn add_emitters(emitters: &mut Emitters, batches: &[LogBatch]) {
    for row in batches.iter().flat_map(LogBatch::rows) {
        if let (Some(layer), Some(time)) = (row.text(Column::Layer), row.int(Column::Ts)) {
            emitters.add(layer, row.text(Column::Emitter), time);
        }
    }
}

/// What emitters say of a layer.
pub(crate) fn coverage_of(emitters: &Emitters, layer: &Layer) -> (LayerCoverage, Vec<String>) {
    let name = layer.name().as_str();
    let newest = emitters.newest_of(name).and_then(DateTime::from_timestamp_micros);
    let coverage = LayerCoverage {
        newest,
        watermark: LayerCoverage::watermark_of(newest, layer.declared_lateness()),
        ..LayerCoverage::default()
    };
    let mut names: Vec<String> = emitters.names_of(name).map(str::to_owned).collect();
    names.sort_unstable();
    (coverage, names)
}

/// A layer whose lines are in memory.
#[derive(Debug)]
pub(crate) struct MemoryLayer {
    layer: Layer,
    batches: Vec<RecordBatch>,
    // Of all layers in memory: an emitter may write to several.
    emitters: Arc<Emitters>,
}

impl MemoryLayer {
    pub(crate) fn new(layer: Layer, batches: &[LogBatch], emitters: Arc<Emitters>) -> Self {
        let batches = batches.iter().map(|batch| batch.as_arrow().clone()).collect();
        Self { layer, batches, emitters }
    }
}

#[async_trait]
impl LayerTable for MemoryLayer {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn open(&self, _: &Ask<'_>) -> Opened {
        let (coverage, emitters) = coverage_of(&self.emitters, &self.layer);
        Opened {
            table: table(self.batches.clone()),
            coverage: LayerCoverage { planned: 1, read: 1, ..coverage },
            emitters,
            bytes: Arc::default(),
            sharers: 1,
            lost: Arc::default(),
        }
    }
}
