//! The rows of a step as plans: which lines, in which order, grouped how.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use chrono::DateTime;
use datafusion::catalog::TableProvider;
use datafusion::common::{Result, plan_err};
use datafusion::datasource::provider_as_source;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{count as rows_counted, first_value, max, min};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt as _, LogicalPlan, LogicalPlanBuilder, col, lit,
};
use logdive_core::log::Column;
use logdive_core::{Field, Layer, LayerName, LogBatch, LogRecord, Predicate, Template, Window};

use crate::columns::{int_at, text_at};
use crate::engine::{Engine, Halt, Purpose};
use crate::lower::{Encoding, Lowering, column, in_window};
use crate::plan::{Order, Shown};

/// The lines of one layer that belong to a step.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) layer: Layer,
    pub(crate) table: Arc<dyn TableProvider>,
    pub(crate) window: Window,
    pub(crate) predicate: Predicate,
}

impl Part {
    /// The layer's lines of the window that meet the predicate.
    pub(crate) fn lines(&self) -> Result<LogicalPlanBuilder> {
        let truth = Lowering::new(&self.layer).truth(&self.predicate);
        self.in_window()?.filter(truth)
    }

    /// The layer's lines of the window.
    pub(crate) fn in_window(&self) -> Result<LogicalPlanBuilder> {
        let of_layer = column(Column::Layer).eq(lit(self.layer.name().as_str()));
        LogicalPlanBuilder::scan("lines", provider_as_source(Arc::clone(&self.table)), None)?
            .filter(in_window(&self.window).and(of_layer))
    }

    /// Whether a line of the window may belong to the step and cannot be tested; `None` if every
    /// line can be.
    fn doubt(&self) -> Option<Expr> {
        let lowering = Lowering::new(&self.layer);
        let unavailable = lowering.any_unavailable(&self.predicate)?;
        Some(lowering.truth(&self.predicate).is_null().and(unavailable))
    }
}

/// Joins plans of one schema.
pub(crate) fn union(plans: Vec<LogicalPlan>) -> Result<LogicalPlan> {
    let mut plans = plans.into_iter();
    let Some(first) = plans.next() else { return plan_err!("a step looks at no layer") };
    plans.try_fold(LogicalPlanBuilder::from(first), |all, plan| all.union(plan))?.build()
}

/// What lines are sorted by: core's order, and what tells apart lines that it does not.
fn order(ascending: bool) -> Vec<Sort> {
    let or_empty = |found: Column| coalesce(vec![column(found), lit("")]);
    [
        column(Column::Ts),
        column(Column::Layer),
        or_empty(Column::Emitter),
        column(Column::Seq),
        or_empty(Column::Uid),
        or_empty(Column::Source),
        coalesce(vec![column(Column::SourceOffset), lit(-1_i64)]),
        or_empty(Column::Body),
        or_empty(Column::Attributes),
    ]
    .into_iter()
    .map(|key| key.sort(ascending, ascending))
    .collect()
}

/// The lines to show, oldest first.
pub(crate) async fn shown(
    engine: &Engine,
    parts: &[Part],
    show: Shown,
) -> Result<Vec<LogRecord>, Halt> {
    let columns = || Column::ALL.iter().map(|found| column(*found));
    let plans: Vec<LogicalPlan> = parts
        .iter()
        .filter(|part| !part.layer.is_restricted())
        .map(|part| part.lines()?.project(columns())?.build())
        .collect::<Result<_>>()?;
    if plans.is_empty() {
        return Ok(Vec::new());
    }
    let most = usize::try_from(show.most).unwrap_or(usize::MAX);
    let plan = LogicalPlanBuilder::from(union(plans)?)
        .sort_with_limit(order(show.order == Order::Oldest), Some(most))?
        .build()?;
    let mut records = Vec::new();
    for batch in engine.run(plan, Purpose::Retrieval).await? {
        records.extend(log_batch(&batch)?.records());
    }
    if show.order == Order::Newest {
        records.reverse();
    }
    Ok(records)
}

fn log_batch(batch: &RecordBatch) -> Result<LogBatch, Halt> {
    LogBatch::try_new(batch)
        .map_err(|error| datafusion::common::DataFusionError::External(Box::new(error)).into())
}

/// All lines of a step as templates: most frequent first.
pub(crate) async fn templates(engine: &Engine, parts: &[Part]) -> Result<Vec<Template>, Halt> {
    let plans: Vec<LogicalPlan> = parts
        .iter()
        .map(|part| {
            let keys = [
                Column::Ts,
                Column::Layer,
                Column::Emitter,
                Column::Seq,
                Column::Uid,
                Column::Source,
                Column::SourceOffset,
                Column::Attributes,
                Column::Shape,
            ];
            let text = if part.layer.is_restricted() {
                lit("(restricted)")
            } else {
                coalesce(vec![column(Column::Body), column(Column::EventName), lit("")])
            };
            let columns = keys.into_iter().map(column).chain([text.alias(Column::Body.name())]);
            part.lines()?.project(columns)?.build()
        })
        .collect::<Result<_>>()?;
    let example = first_value(column(Column::Body), order(true)).alias("example");
    let plan = LogicalPlanBuilder::from(union(plans)?)
        .aggregate(
            [column(Column::Layer), column(Column::Shape)],
            [
                rows_counted(lit(1_i64)).alias("lines"),
                min(column(Column::Ts)).alias("first"),
                max(column(Column::Ts)).alias("last"),
                example,
            ],
        )?
        .build()?;
    let mut templates = Vec::new();
    for batch in engine.run(plan, Purpose::Aggregate).await? {
        for row in 0..batch.num_rows() {
            let text = |at: usize| text_at(batch.column(at), row);
            let int = |at: usize| int_at(batch.column(at), row);
            let time = |at: usize| int(at).and_then(DateTime::from_timestamp_micros);
            let template = (|| {
                Some(Template {
                    layer: LayerName::parse(text(0)?).ok()?,
                    shape: int(1)?,
                    count: u64::try_from(int(2)?).ok()?,
                    first: time(3)?,
                    last: time(4)?,
                    example: text(5).unwrap_or_default().to_owned(),
                })
            })();
            templates.extend(template);
        }
    }
    templates.sort_by(|a, b| (b.count, &a.layer, a.shape).cmp(&(a.count, &b.layer, b.shape)));
    Ok(templates)
}

/// How many lines of a step's windows may belong to it and cannot be tested.
pub(crate) async fn doubtful(engine: &Engine, parts: &[Part]) -> Result<u64, Halt> {
    let plans = parts
        .iter()
        .filter_map(|part| Some((part, part.doubt()?)))
        .map(|(part, doubt)| part.in_window()?.filter(doubt))
        .collect::<Result<_>>()?;
    total(engine, plans).await
}

/// What was looked at in one layer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    /// Lines of the layer in the window.
    pub(crate) scanned: u64,
    /// Lines that belong to a step.
    pub(crate) matched: u64,
    /// Emitters with a line in the window.
    pub(crate) emitters: Vec<String>,
}

/// Counts a layer's lines of a window, and those that belong to any of the parts, which are all
/// of this layer.
pub(crate) async fn survey(engine: &Engine, whole: &Part, parts: &[&Part]) -> Result<Survey, Halt> {
    let lowering = Lowering::new(&whole.layer);
    let any = parts
        .iter()
        .map(|part| in_window(&part.window).and(lowering.truth(&part.predicate)))
        .collect();
    let any = crate::lower::balanced(any, false);
    let plan = whole
        .in_window()?
        .aggregate(
            [column(Column::Emitter)],
            [
                rows_counted(lit(1_i64)).alias("lines"),
                rows_counted(lit(1_i64)).filter(any).build()?.alias("matched"),
            ],
        )?
        .build()?;
    let mut survey = Survey::default();
    for batch in engine.run(plan, Purpose::Aggregate).await? {
        for row in 0..batch.num_rows() {
            let lines = |at: usize| {
                int_at(batch.column(at), row).and_then(|lines| u64::try_from(lines).ok())
            };
            survey.scanned += lines(1).unwrap_or_default();
            survey.matched += lines(2).unwrap_or_default();
            survey.emitters.extend(text_at(batch.column(0), row).map(str::to_owned));
        }
    }
    survey.emitters.sort_unstable();
    Ok(survey)
}

/// The values of a field in a part's lines, each with its first time, as text.
pub(crate) async fn values(
    engine: &Engine,
    part: &Part,
    field: &Field,
) -> Result<Vec<(i64, String)>, Halt> {
    let Some((value, encoding)) = Lowering::new(&part.layer).value(field) else {
        return Ok(Vec::new());
    };
    let plan = part
        .lines()?
        .filter(value.clone().is_not_null())?
        .project([value.alias("value"), column(Column::Ts)])?
        .aggregate([col("value")], [min(column(Column::Ts)).alias("first")])?
        .build()?;
    let mut values = Vec::new();
    for batch in engine.run(plan, Purpose::Aggregate).await? {
        for row in 0..batch.num_rows() {
            values.extend(value_at(&batch, row, encoding)?);
        }
    }
    Ok(values)
}

fn value_at(
    batch: &RecordBatch,
    row: usize,
    encoding: Encoding,
) -> Result<Option<(i64, String)>, Halt> {
    let scalar = datafusion::common::ScalarValue::try_from_array(batch.column(0), row)?;
    let value = crate::lower::decode(&scalar, encoding).map(|value| value.plain());
    Ok(int_at(batch.column(1), row).zip(value))
}

/// How many lines parts have.
pub(crate) async fn count(engine: &Engine, parts: &[Part]) -> Result<u64, Halt> {
    let plans = parts.iter().map(|part| part.lines()).collect::<Result<_>>()?;
    total(engine, plans).await
}

/// How many rows plans have together.
async fn total(engine: &Engine, plans: Vec<LogicalPlanBuilder>) -> Result<u64, Halt> {
    if plans.is_empty() {
        return Ok(0);
    }
    let plans = plans
        .into_iter()
        .map(|plan| plan.project([column(Column::Ts)])?.build())
        .collect::<Result<_>>()?;
    let plan = LogicalPlanBuilder::from(union(plans)?)
        .aggregate(Vec::<Expr>::new(), [rows_counted(lit(1_i64)).alias("lines")])?
        .build()?;
    let batches = engine.run(plan, Purpose::Aggregate).await?;
    let counted = batches.iter().filter(|batch| batch.num_rows() > 0);
    Ok(counted
        .filter_map(|batch| int_at(batch.column(0), 0))
        .filter_map(|lines| u64::try_from(lines).ok())
        .sum())
}
