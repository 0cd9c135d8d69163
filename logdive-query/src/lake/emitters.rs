//! Who wrote into which layer of a lake, file by file.
//!
//! Each data file says it in its footer; of files that somebody else wrote it is read from their
//! columns. Files never change, so what was read of one is kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use logdive_core::log::{Column, LogRow};
use serde::{Deserialize, Serialize};

use crate::columns::{int_at, text_at};
use crate::emitters::Emitters;

/// What one file has: the newest time per layer and emitter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEmitters {
    // Layer, then emitter as it is written (`None` for lines without).
    newest: BTreeMap<String, Vec<(Option<String>, i64)>>,
}

impl FileEmitters {
    /// The footer's key.
    pub(crate) const KEY: &'static str = "logdive.emitters";
    /// Above this many, the footer does not carry them: they are read from the columns.
    const MOST: usize = 4_096;

    /// Reads them from lines; `None` if there are too many for a footer.
    pub(crate) fn of<'a>(lines: impl Iterator<Item = LogRow<'a>>) -> Option<Self> {
        let mut newest: BTreeMap<(&str, Option<&str>), i64> = BTreeMap::new();
        for line in lines {
            let (Some(time), Some(layer)) = (line.int(Column::Ts), line.text(Column::Layer)) else {
                continue;
            };
            let entry = newest.entry((layer, line.text(Column::Emitter))).or_insert(time);
            *entry = time.max(*entry);
        }
        let owned = |((layer, emitter), time): ((&str, Option<&str>), i64)| {
            ((layer.to_owned(), emitter.map(str::to_owned)), time)
        };
        (newest.len() <= Self::MOST)
            .then(|| Self::from_map(newest.into_iter().map(owned).collect()))
    }

    fn from_map(map: BTreeMap<(String, Option<String>), i64>) -> Self {
        let mut newest: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for ((layer, emitter), time) in map {
            newest.entry(layer).or_default().push((emitter, time));
        }
        Self { newest }
    }

    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Adds them to those of other files.
    fn add_to(&self, all: &mut Emitters) {
        for (layer, emitters) in &self.newest {
            for (emitter, time) in emitters {
                all.add(layer, emitter.as_deref(), *time);
            }
        }
    }

    /// Reads them from a file.
    fn read(path: &Path) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
        let footer = builder.metadata().file_metadata().key_value_metadata();
        let text = footer
            .and_then(|pairs| pairs.iter().find(|pair| pair.key == Self::KEY))
            .and_then(|pair| pair.value.as_deref());
        if let Some(emitters) = text.and_then(|text| serde_json::from_str(text).ok()) {
            return Ok(emitters);
        }
        let columns = [Column::Ts, Column::Layer, Column::Emitter].map(Column::name);
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns);
        let mut newest = BTreeMap::new();
        for batch in builder.with_projection(mask).build()? {
            collect(&batch?, &mut newest);
        }
        Ok(Self::from_map(newest))
    }
}

fn collect(batch: &RecordBatch, newest: &mut BTreeMap<(String, Option<String>), i64>) {
    let column = |column: Column| batch.column_by_name(column.name());
    let (Some(times), Some(layers)) = (column(Column::Ts), column(Column::Layer)) else { return };
    let emitters = column(Column::Emitter);
    for row in 0..batch.num_rows() {
        let (Some(time), Some(layer)) = (int_at(times, row), text_at(layers, row)) else {
            continue;
        };
        let emitter = emitters.and_then(|emitters| text_at(emitters, row)).map(str::to_owned);
        let entry = newest.entry((layer.to_owned(), emitter)).or_insert(time);
        *entry = time.max(*entry);
    }
}

/// What was read of each file of a lake.
#[derive(Debug, Default)]
pub(crate) struct EmitterIndex(Mutex<BTreeMap<PathBuf, Arc<FileEmitters>>>);

impl EmitterIndex {
    /// The emitters over files, and the files that could not be read.
    pub(crate) async fn over(&self, files: Vec<PathBuf>) -> (Emitters, Vec<(PathBuf, String)>) {
        let known = |path: &PathBuf| {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
        };
        let mut emitters = Emitters::default();
        let mut failed = Vec::new();
        let mut unknown = Vec::new();
        for path in files {
            match known(&path) {
                Some(file) => file.add_to(&mut emitters),
                None => unknown.push(path),
            }
        }
        // A reader that panics on a damaged file takes its task with it, not us.
        for path in unknown {
            let read = {
                let path = path.clone();
                tokio::task::spawn_blocking(move || {
                    FileEmitters::read(&path).map_err(|error| error.to_string())
                })
                .await
            };
            match read {
                Ok(Ok(file)) => {
                    file.add_to(&mut emitters);
                    let mut index = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    index.insert(path, Arc::new(file));
                }
                Ok(Err(error)) => failed.push((path, error)),
                Err(error) => failed.push((path, error.to_string())),
            }
        }
        (emitters, failed)
    }
}
