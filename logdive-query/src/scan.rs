//! One scan of a table, fed to consumers as it is read: nothing is held that they do not hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray};
use arrow::compute::{filter_record_batch, prep_null_mask_filter};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DFSchema, DataFusionError, Result as EngineResult, internal_err};
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{ColumnarValue, Expr};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties as _, PhysicalExpr};
use datafusion::prelude::SessionContext;
use futures_util::StreamExt as _;
use logdive_core::log::Column;

use crate::engine::{Engine, Halt, Purpose};

/// What takes the rows of a scan. Each thread has one of its own; they are joined at the end, in
/// any order, so that joining must not depend on it.
pub(crate) trait Consumer: Send + Sized + 'static {
    /// Another one like this, without rows.
    fn fresh(&self) -> Self;

    /// Takes rows that meet the filter.
    fn take(&mut self, rows: &RecordBatch) -> Result<(), Halt>;

    /// Takes what another one took.
    fn join(&mut self, other: Self) -> Result<(), Halt>;

    /// About how many bytes it holds.
    fn held(&self) -> usize;
}

/// What is read of a table.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) table: Arc<dyn TableProvider>,
    /// The columns that consumers read.
    pub(crate) columns: BTreeSet<Column>,
    /// All of them must be true. The first prune best.
    pub(crate) filters: Vec<Expr>,
}

/// Makes expressions that are evaluated on the rows of one scan.
pub(crate) struct Compiler<'a> {
    state: &'a SessionState,
    schema: DFSchema,
}

impl Compiler<'_> {
    /// An expression over the rows.
    pub(crate) fn compile(&self, expr: Expr) -> EngineResult<Arc<dyn PhysicalExpr>> {
        self.state.create_physical_expr(expr, &self.schema)
    }
}

/// Rows at which an expression is true.
pub(crate) fn truths(
    expr: &Arc<dyn PhysicalExpr>,
    rows: &RecordBatch,
) -> EngineResult<BooleanArray> {
    let value = expr.evaluate(rows)?.into_array(rows.num_rows())?;
    let Some(truths) = value.as_boolean_opt() else {
        return internal_err!("a condition is not a truth");
    };
    Ok(match truths.null_count() {
        0 => truths.clone(),
        _ => prep_null_mask_filter(truths),
    })
}

/// The rows at which a condition holds; all of them if it holds everywhere.
pub(crate) fn keep(rows: &RecordBatch, mask: &BooleanArray) -> EngineResult<RecordBatch> {
    match mask.true_count() {
        all if all == rows.num_rows() => Ok(rows.clone()),
        0 => Ok(rows.slice(0, 0)),
        _ => Ok(filter_record_batch(rows, mask)?),
    }
}

impl Scan {
    /// The table's columns that are read, in its order.
    fn projection(&self) -> EngineResult<Vec<usize>> {
        let schema = self.table.schema();
        let mut wanted = BTreeSet::new();
        for column in &self.columns {
            wanted.insert(schema.index_of(column.name())?);
        }
        for column in self.filters.iter().flat_map(Expr::column_refs) {
            wanted.insert(schema.index_of(&column.name)?);
        }
        Ok(wanted.into_iter().collect())
    }

    /// Reads the rows to the end, within the limits of the dive.
    pub(crate) async fn feed<C: Consumer>(
        self,
        engine: &Engine,
        make: impl FnOnce(&Compiler<'_>) -> Result<C, Halt>,
    ) -> Result<C, Halt> {
        engine.check()?;
        let session = engine.session(Purpose::Retrieval);
        let state = session.state();
        let projection = self.projection()?;
        let plan = self.table.scan(&state, Some(&projection), &self.filters, None);
        let plan = match tokio::time::timeout(engine.time_left(), plan).await {
            Err(_) => return Err(engine.out_of_time()),
            Ok(plan) => plan.map_err(|error| engine.halt(error))?,
        };
        let schema: SchemaRef = plan.schema();
        let compiler = Compiler { state: &state, schema: DFSchema::try_from(schema)? };
        // Tables may give more rows than were asked for.
        let filter = datafusion::logical_expr::utils::conjunction(self.filters)
            .map(|filter| compiler.compile(filter))
            .transpose()?;
        let mut whole = make(&compiler)?;
        let work = run(engine, &session, &plan, filter, &whole);
        let parts = match tokio::time::timeout(engine.time_left(), work).await {
            Err(_) => return Err(engine.out_of_time()),
            Ok(parts) => parts?,
        };
        for part in parts {
            whole.join(part)?;
        }
        Ok(whole)
    }
}

/// Runs the partitions of a plan, each in a task of its own: readers panic on damaged files, and a
/// panic must not reach further. Dropping the handles ends the tasks.
async fn run<C: Consumer>(
    engine: &Engine,
    session: &SessionContext,
    plan: &Arc<dyn ExecutionPlan>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    like: &C,
) -> Result<Vec<C>, Halt> {
    let mut tasks = Vec::new();
    for partition in 0..plan.output_partitioning().partition_count() {
        let mut consumer = like.fresh();
        let context = session.task_ctx();
        let held = MemoryConsumer::new("dive").register(context.memory_pool());
        let plan = Arc::clone(plan);
        let filter = filter.clone();
        tasks.push(SpawnedTask::spawn(async move {
            let mut batches = plan.execute(partition, context)?;
            while let Some(batch) = batches.next().await {
                let mut rows = batch?;
                if let Some(filter) = &filter {
                    let mask = truths(filter, &rows)?;
                    rows = keep(&rows, &mask)?;
                }
                if rows.num_rows() > 0 {
                    consumer.take(&rows)?;
                    hold(&held, consumer.held())?;
                }
            }
            Ok::<C, Halt>(consumer)
        }));
    }
    let mut parts = Vec::with_capacity(tasks.len());
    for task in tasks {
        match task.join().await {
            Ok(Ok(part)) => parts.push(part),
            Ok(Err(halt)) => return Err(engine.rather(halt)),
            Err(error) => return Err(engine.gave_up(&error.to_string())),
        }
    }
    Ok(parts)
}

fn hold(reservation: &MemoryReservation, bytes: usize) -> Result<(), Halt> {
    reservation.try_resize(bytes).map_err(|_: DataFusionError| Halt::memory())
}

/// A column of rows; an error if it was not asked for.
pub(crate) fn array(rows: &RecordBatch, column: Column) -> EngineResult<&arrow::array::ArrayRef> {
    match rows.column_by_name(column.name()) {
        Some(array) => Ok(array),
        None => internal_err!("column `{}` was not read", column.name()),
    }
}

/// The value of an expression for each row.
pub(crate) fn values(
    expr: &Arc<dyn PhysicalExpr>,
    rows: &RecordBatch,
) -> EngineResult<arrow::array::ArrayRef> {
    match expr.evaluate(rows)? {
        ColumnarValue::Array(array) => Ok(array),
        scalar => scalar.into_array(rows.num_rows()),
    }
}
