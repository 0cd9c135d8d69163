//! Our own scan: Parquet files on the local disk as a table.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType,
};
use datafusion::physical_plan::ExecutionPlan;
use logdive_core::log::Column;
use object_store::path::Path as Location;

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

/// A fixed list of Parquet files as a table. Files whose times exclude them are not opened.
#[derive(Debug)]
pub(crate) struct FileTable {
    schema: SchemaRef,
    files: Vec<ScanFile>,
    store: ObjectStoreUrl,
    /// Whether the session's setting of filter pushdown is overruled to on.
    pushdown: bool,
}

impl FileTable {
    /// Files on the session's `file://` store, filters pushed down.
    #[cfg(feature = "lake")]
    pub(crate) fn local(schema: SchemaRef, files: Vec<ScanFile>) -> Self {
        Self { schema, files, store: ObjectStoreUrl::local_filesystem(), pushdown: true }
    }

    /// Files on another store of the session, whose setting says whether filters are pushed down.
    pub(crate) const fn on(schema: SchemaRef, files: Vec<ScanFile>, store: ObjectStoreUrl) -> Self {
        Self { schema, files, store, pushdown: false }
    }

    fn wanted(&self, filters: &[Expr]) -> Vec<&ScanFile> {
        let mut bounds = Bounds::default();
        filters.iter().for_each(|filter| bounds.narrow(filter));
        self.files.iter().filter(|file| bounds.admit(file)).collect()
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
        let files = self.wanted(filters);
        let mut source = ParquetSource::new(SchemaRef::clone(&self.schema));
        if self.pushdown {
            source = source.with_pushdown_filters(true);
        }
        let groups = state.config().target_partitions().clamp(1, files.len().max(1));
        let mut lists: Vec<Vec<PartitionedFile>> = vec![Vec::new(); groups];
        for (index, file) in files.into_iter().enumerate() {
            let location = Location::from_absolute_path(&file.path)
                .map_err(|error| DataFusionError::External(error.into()))?;
            if let Some(list) = lists.get_mut(index % groups) {
                list.push(PartitionedFile::new(location.to_string(), file.bytes));
            }
        }
        let config = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_file_groups(lists.into_iter().map(FileGroup::new).collect())
            .with_projection_indices(projection.cloned())?
            // A limit behind a filter is not one of the scan.
            .with_limit(if filters.is_empty() { limit } else { None })
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
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
