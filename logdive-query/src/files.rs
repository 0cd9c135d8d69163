//! Our own scan: Parquet files on the local disk as a table.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType,
};
use datafusion::physical_plan::ExecutionPlan;
#[cfg(feature = "lake")]
use logdive_core::Window;
use logdive_core::log::Column;
use object_store::ObjectStore;
use object_store::path::Path as Location;

use crate::engine::LayerStore;
use crate::footers::{Footers, KnownFooters};

mod share;

/// One file of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScanFile {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its size.
    pub(crate) bytes: u64,
    /// Its rows, if known.
    pub(crate) rows: Option<u64>,
    /// Its oldest and newest time, if known; the newest never below the true one.
    pub(crate) times: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl ScanFile {
    /// About how many of its rows and bytes are in a window: in proportion to the time.
    #[cfg(feature = "lake")]
    pub(crate) fn in_window(&self, window: &Window) -> (u64, u64) {
        let Some((oldest, newest)) = self.times else {
            return (self.rows.unwrap_or_default(), self.bytes);
        };
        let micros = |from: DateTime<Utc>, to: DateTime<Utc>| {
            u128::try_from((to - from).num_microseconds().unwrap_or(i64::MAX)).unwrap_or_default()
        };
        let all = micros(oldest, newest) + 1;
        let inside = micros(oldest.max(window.from()), newest.min(window.to())) + 1;
        let part = |whole: u64| {
            let part = u128::from(whole).saturating_mul(inside.min(all)).div_ceil(all);
            u64::try_from(part).unwrap_or(whole)
        };
        (self.rows.map_or(0, part), part(self.bytes))
    }
}

/// A fixed list of Parquet files as a table. Files, row groups and pages whose times exclude them
/// are not read; what is left is shared evenly among threads.
#[derive(Debug)]
pub(crate) struct FileTable {
    schema: SchemaRef,
    files: Vec<ScanFile>,
    url: ObjectStoreUrl,
    /// Where footers are kept, and the store that they are read from.
    footers: Option<(Arc<Footers>, Arc<dyn ObjectStore>)>,
}

impl FileTable {
    /// Files on the session's `file://` store.
    #[cfg(feature = "lake")]
    pub(crate) fn local(schema: SchemaRef, files: Vec<ScanFile>) -> Self {
        Self { schema, files, url: ObjectStoreUrl::local_filesystem(), footers: None }
    }

    /// Files on another store of the session, whose footers are kept.
    pub(crate) fn on(
        schema: SchemaRef,
        files: Vec<ScanFile>,
        store: &LayerStore,
        footers: &Arc<Footers>,
    ) -> Self {
        let footers = Some((Arc::clone(footers), Arc::clone(&store.store)));
        Self { schema, files, url: store.url.clone(), footers }
    }

    /// The files that may hold lines that meet the filters: where, and their sizes.
    fn wanted(&self, bounds: &Bounds) -> Result<Vec<(Location, u64)>> {
        let wanted = self.files.iter().filter(|file| bounds.admit(file));
        wanted
            .map(|file| {
                let location = Location::from_absolute_path(&file.path)
                    .map_err(|error| DataFusionError::External(error.into()))?;
                Ok((location, file.bytes))
            })
            .collect()
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut bounds = Bounds::default();
        filters.iter().for_each(|filter| bounds.narrow(filter));
        let files = self.wanted(&bounds)?;
        let threads = state.config().target_partitions();
        let mut source =
            ParquetSource::new(SchemaRef::clone(&self.schema)).with_pushdown_filters(true);
        if let Some(filter) = conjunction(filters.to_vec()) {
            let schema = DFSchema::try_from(SchemaRef::clone(&self.schema))?;
            source = source.with_predicate(state.create_physical_expr(filter, &schema)?);
        }
        let groups = match &self.footers {
            None => whole(files, threads),
            Some((footers, store)) => {
                let footers = footers.of(store, files.clone()).await?;
                let shares = share::shares(&files, &footers, bounds.from, bounds.to, threads);
                let readers = KnownFooters::new(store, footers);
                source = source.with_parquet_file_reader_factory(Arc::new(readers));
                shares
            }
        };
        let config = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            // A limit behind a filter is not one of the scan.
            .with_limit(if filters.is_empty() { limit } else { None })
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Whole files dealt out to threads.
fn whole(files: Vec<(Location, u64)>, threads: usize) -> Vec<FileGroup> {
    let groups = threads.clamp(1, files.len().max(1));
    let mut lists: Vec<Vec<PartitionedFile>> = vec![Vec::new(); groups];
    for (index, (location, bytes)) in files.into_iter().enumerate() {
        if let Some(list) = lists.get_mut(index % groups) {
            list.push(PartitionedFile::new(location.to_string(), bytes));
        }
    }
    lists.into_iter().map(FileGroup::new).collect()
}

/// What filters say of the time.
#[derive(Default)]
struct Bounds {
    /// Nothing below it is wanted, in microseconds.
    from: Option<i64>,
    /// Nothing above it is wanted.
    to: Option<i64>,
}

impl Bounds {
    fn narrow(&mut self, filter: &Expr) {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return };
        if *op == Operator::And {
            self.narrow(left);
            self.narrow(right);
            return;
        }
        let (op, time) = match (&**left, &**right) {
            (Expr::Column(column), Expr::Literal(value, _)) if column.name == Column::Ts.name() => {
                (*op, value)
            }
            (Expr::Literal(value, _), Expr::Column(column)) if column.name == Column::Ts.name() => {
                let Some(op) = op.swap() else { return };
                (op, value)
            }
            _ => return,
        };
        let ScalarValue::TimestampMicrosecond(Some(time), _) = time else { return };
        match op {
            Operator::Gt | Operator::GtEq => {
                self.from = Some(self.from.map_or(*time, |from| from.max(*time)));
            }
            Operator::Lt | Operator::LtEq => {
                self.to = Some(self.to.map_or(*time, |to| to.min(*time)));
            }
            Operator::Eq => {
                self.from = Some(self.from.map_or(*time, |from| from.max(*time)));
                self.to = Some(self.to.map_or(*time, |to| to.min(*time)));
            }
            _ => {}
        }
    }

    fn admit(&self, file: &ScanFile) -> bool {
        let Some((oldest, newest)) = file.times else { return true };
        self.from.is_none_or(|from| newest.timestamp_micros() >= from)
            && self.to.is_none_or(|to| oldest.timestamp_micros() <= to)
    }
}
