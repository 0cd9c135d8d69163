//! Files read each by itself: what breaks in one is noted and ends that file only.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures_util::{Stream, StreamExt as _, stream};
use object_store::path::Path as Location;

use crate::layers::Lost;

/// A scan whose partitions are one file each, as a scan of fewer partitions.
#[derive(Debug, Clone)]
pub(super) struct ApartExec {
    files: Arc<dyn ExecutionPlan>,
    names: Arc<[Location]>,
    at_once: usize,
    lost: Arc<Lost>,
    properties: Arc<PlanProperties>,
}

impl ApartExec {
    pub(super) fn new(
        files: Arc<dyn ExecutionPlan>,
        names: impl Into<Arc<[Location]>>,
        at_once: usize,
        lost: Arc<Lost>,
    ) -> Self {
        let names = names.into();
        let at_once = at_once.clamp(1, names.len().max(1));
        let properties = PlanProperties::clone(files.properties())
            .with_eq_properties(EquivalenceProperties::new(files.schema()))
            .with_partitioning(Partitioning::UnknownPartitioning(at_once));
        Self { files, names, at_once, lost, properties: Arc::new(properties) }
    }
}

impl DisplayAs for ApartExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApartExec: files={}", self.names.len())
    }
}

impl ExecutionPlan for ApartExec {
    fn name(&self) -> &str {
        "ApartExec"
    }

    fn schema(&self) -> SchemaRef {
        self.files.schema()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // Else its files would be cut up and mixed.
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.files]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(files), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("files apart are one scan");
        };
        if files.properties().output_partitioning().partition_count() != self.names.len() {
            return internal_err!("files apart stay one partition each");
        }
        let names = Arc::clone(&self.names);
        Ok(Arc::new(Self::new(files, names, self.at_once, Arc::clone(&self.lost))))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(
            datafusion::physical_plan::ChildrenPropertiesMode::Recompute,
        );
        self.replace_children(children, options)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (files, lost) = (Arc::clone(&self.files), Arc::clone(&self.lost));
        let mine: Vec<(usize, Location)> = self
            .names
            .iter()
            .cloned()
            .enumerate()
            .filter(|(index, _)| index % self.at_once == partition)
            .collect();
        let batches = stream::iter(mine).flat_map(move |(index, name)| {
            one(Arc::clone(&files), index, name, Arc::clone(&context), Arc::clone(&lost))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}

/// The batches of one file, up to what breaks it.
fn one(
    files: Arc<dyn ExecutionPlan>,
    index: usize,
    name: Location,
    context: Arc<TaskContext>,
    lost: Arc<Lost>,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let opened = stream::once(async move { files.execute(index, context) });
    let batches = opened.flat_map(|opened| match opened {
        Ok(batches) => batches,
        Err(error) => {
            let schema = Arc::new(arrow::datatypes::Schema::empty());
            let failed = stream::once(async move { Err(error) });
            Box::pin(RecordBatchStreamAdapter::new(schema, failed)) as SendableRecordBatchStream
        }
    });
    // Readers panic on damaged files.
    let batches = AssertUnwindSafe(batches).catch_unwind();
    batches
        .map(move |batch| judged(batch, &name, &lost))
        .take_while(|batch| {
            let goes_on = batch.is_some();
            async move { goes_on }
        })
        .filter_map(|batch| async move { batch })
}

/// A batch to hand on; `None` if the file is at its end by a fault of its own.
fn judged(
    batch: std::thread::Result<Result<RecordBatch>>,
    name: &Location,
    lost: &Lost,
) -> Option<Result<RecordBatch>> {
    let why = match batch {
        Ok(Ok(batch)) => return Some(Ok(batch)),
        Ok(Err(error)) if lost.is_out_of_bytes() || is_of_the_dive(&error) => {
            return Some(Err(error));
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it is damaged".to_owned(),
    };
    lost.note(name.as_ref(), &why);
    None
}

/// Whether an error says nothing of the file.
fn is_of_the_dive(error: &DataFusionError) -> bool {
    matches!(
        error.find_root(),
        DataFusionError::ResourcesExhausted(_)
            | DataFusionError::Internal(_)
            | DataFusionError::Plan(_)
            | DataFusionError::NotImplemented(_)
    )
}
