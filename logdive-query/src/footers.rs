//! Footers of Parquet files, read once, and readers that do not ask for them again.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use datafusion::common::{DataFusionError, Result as EngineResult};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{
    PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader,
};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use object_store::path::Path as Location;
use object_store::{ObjectStore, ObjectStoreExt as _};

/// Footers read at once.
const AT_ONCE: usize = 16;

/// The first read of a file takes so much of its end, so that most need no second one.
const END: usize = 64 << 10;

/// Footers kept, at most; beyond, all are forgotten.
const KEPT: usize = 20_000;

/// The footers of files that never change, kept for the next dive.
#[derive(Default)]
pub(crate) struct Footers(Mutex<HashMap<Location, Arc<ParquetMetaData>>>);

impl fmt::Debug for Footers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Footers")
    }
}

impl Footers {
    /// The footers of files, given with their sizes.
    ///
    /// # Errors
    /// If one cannot be read; the error names the file.
    pub(crate) async fn of(
        &self,
        store: &Arc<dyn ObjectStore>,
        files: Vec<(Location, u64)>,
    ) -> EngineResult<HashMap<Location, Arc<ParquetMetaData>>> {
        let mut found = HashMap::new();
        let mut unknown = Vec::new();
        {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (location, bytes) in files {
                match known.get(&location) {
                    Some(footer) => drop(found.insert(location, Arc::clone(footer))),
                    None => unknown.push((location, bytes)),
                }
            }
        }
        let reading = unknown.into_iter().map(|(location, bytes)| async move {
            let footer = read(Arc::clone(store), location.clone(), bytes).await;
            (location, footer)
        });
        let read: Vec<_> = stream::iter(reading).buffer_unordered(AT_ONCE).collect().await;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (location, footer) in read {
            let footer = footer.map_err(|why| {
                DataFusionError::External(format!("file `{location}` is unreadable: {why}").into())
            })?;
            if known.len() >= KEPT {
                known.clear();
            }
            known.insert(location.clone(), Arc::clone(&footer));
            found.insert(location, footer);
        }
        Ok(found)
    }
}

/// Reads a footer. Readers panic on damaged files: that is an error of the file.
async fn read(
    store: Arc<dyn ObjectStore>,
    location: Location,
    bytes: u64,
) -> Result<Arc<ParquetMetaData>, String> {
    let read = async {
        let mut reader = Reader { store, location, metadata: None };
        ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_prefetch_hint(Some(END))
            .load_and_finish(&mut reader, bytes)
            .await
    };
    match AssertUnwindSafe(read).catch_unwind().await {
        Ok(Ok(footer)) => Ok(Arc::new(footer)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("its footer is damaged".to_owned()),
    }
}

/// Readers of files whose footers are known.
pub(crate) struct KnownFooters {
    store: Arc<dyn ObjectStore>,
    footers: HashMap<Location, Arc<ParquetMetaData>>,
}

impl fmt::Debug for KnownFooters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownFooters").field("files", &self.footers.len()).finish_non_exhaustive()
    }
}

impl KnownFooters {
    /// Readers on a store of files whose footers are these.
    pub(crate) fn new(
        store: &Arc<dyn ObjectStore>,
        footers: HashMap<Location, Arc<ParquetMetaData>>,
    ) -> Self {
        Self { store: Arc::clone(store), footers }
    }
}

impl ParquetFileReaderFactory for KnownFooters {
    fn create_reader(
        &self,
        _: usize,
        file: PartitionedFile,
        _: Option<usize>,
        _: &ExecutionPlanMetricsSet,
    ) -> EngineResult<Box<dyn AsyncFileReader + Send>> {
        let location = file.object_meta.location;
        let metadata = self.footers.get(&location).cloned();
        Ok(Box::new(Reader { store: Arc::clone(&self.store), location, metadata }))
    }
}

/// A reader of one file.
pub(crate) struct Reader {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) location: Location,
    pub(crate) metadata: Option<Arc<ParquetMetaData>>,
}

fn failed(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move { self.store.get_range(&self.location, range).await.map_err(failed) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.location, &ranges).await.map_err(failed) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let known = self.metadata.clone();
        async move {
            known.ok_or_else(|| {
                let why = format!("the footer of `{}` was not read before", self.location);
                ParquetError::General(why)
            })
        }
        .boxed()
    }
}
