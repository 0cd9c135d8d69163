//! Measures: all those of a step in one aggregate plan.

use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{count, last_value, max, min};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt as _, LogicalPlan, LogicalPlanBuilder, cast, col, lit,
};
use logdive_core::log::Column;
use logdive_core::measure::Tally;
use logdive_core::{Function, Measure, Value, Window};

use crate::columns::int_at;
use crate::engine::{Engine, Halt, Purpose};
use crate::lower::{Encoding, Lowering, column, decode, in_window};
use crate::rows::{Part, union};

mod exact_sum;
mod rank;

/// A measure over a step, and its window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) measure: &'a Measure,
    pub(crate) window: Window,
}

/// The names of a measure's columns.
struct Names {
    matched: String,
    possible: String,
    unreadable: String,
    value: String,
}

impl Names {
    fn of(index: usize) -> Self {
        let name = |what: &str| format!("m{index}_{what}");
        Self {
            matched: name("matched"),
            possible: name("possible"),
            unreadable: name("unreadable"),
            value: name("value"),
        }
    }
}

/// Computes the tallies of measures over the rows of one step.
pub(crate) async fn tallies(
    engine: &Engine,
    parts: &[Part],
    asked: &[Asked<'_>],
) -> Result<Vec<Tally>, Halt> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let encodings: Vec<Option<Encoding>> =
        asked.iter().map(|asked| encoding(parts, asked.measure)).collect();
    let plans: Vec<LogicalPlan> = parts
        .iter()
        .map(|part| {
            let mut columns = vec![
                column(Column::Ts),
                column(Column::Layer),
                coalesce(vec![column(Column::Emitter), lit("")]).alias(Column::Emitter.name()),
                column(Column::Seq),
                coalesce(vec![column(Column::Uid), lit("")]).alias(Column::Uid.name()),
            ];
            for (index, (asked, encoding)) in asked.iter().zip(&encodings).enumerate() {
                columns.extend(read(part, asked, *encoding, &Names::of(index)));
            }
            part.lines()?.project(columns)?.build()
        })
        .collect::<Result<_>>()?;
    let mut aggregates = Vec::new();
    for (index, (asked, encoding)) in asked.iter().zip(&encodings).enumerate() {
        let names = Names::of(index);
        let rows = |of: &str| count(lit(1_i64)).filter(col(of)).build();
        aggregates.push(rows(&names.matched)?.alias(&names.matched));
        aggregates.push(rows(&names.possible)?.alias(&names.possible));
        aggregates.push(rows(&names.unreadable)?.alias(&names.unreadable));
        if let Some(encoding) = encoding {
            let functions = functions(&asked.measure.function, &names, *encoding)?;
            for (place, function) in functions.into_iter().enumerate() {
                aggregates.push(function.alias(format!("{}{place}", names.value)));
            }
        }
    }
    let plan = LogicalPlanBuilder::from(union(plans)?)
        .aggregate(Vec::<Expr>::new(), aggregates)?
        .build()?;
    let batches = engine.run(plan, Purpose::Aggregate).await?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(vec![Tally::default(); asked.len()]);
    };
    asked
        .iter()
        .zip(&encodings)
        .enumerate()
        .map(|(index, (asked, encoding))| {
            tally(batch, &asked.measure.function, &Names::of(index), *encoding)
        })
        .collect()
}

/// How the values of a measure's field lie; `None` if it reads none. Layers of a step agree about
/// the types of fields; a field that every layer has may stand for a declared one, though.
fn encoding(parts: &[Part], measure: &Measure) -> Option<Encoding> {
    let field = measure.function.field()?;
    let found = parts.iter().find_map(|part| Lowering::new(&part.layer).value(field));
    found.map(|(_, encoding)| encoding)
}

/// What one measure reads from a line.
fn read(part: &Part, asked: &Asked<'_>, encoding: Option<Encoding>, names: &Names) -> Vec<Expr> {
    let lowering = Lowering::new(&part.layer);
    let Asked { measure, window } = asked;
    let truth = lowering.truth(&measure.filter);
    let matched = in_window(window).and(truth.clone().is_true());
    let possible = match lowering.any_unavailable(&measure.filter) {
        Some(unavailable) => in_window(window).and(truth.is_null()).and(unavailable),
        None => lit(false),
    };
    let field = measure.function.field();
    let unreadable = match field {
        Some(field) => matched.clone().and(lowering.unavailable(field)),
        None => lit(false),
    };
    let mut columns = vec![
        matched.alias(&names.matched),
        possible.alias(&names.possible),
        unreadable.alias(&names.unreadable),
    ];
    if let (Some(field), Some(encoding)) = (field, encoding) {
        let value = lowering.value(field).filter(|(_, found)| *found == encoding);
        let value = value.map_or_else(|| lit(encoding.null()), |(value, _)| value);
        columns.push(cast(value, encoding.data_type()).alias(&names.value));
    }
    columns
}

/// The aggregates that a function is made of.
fn functions(function: &Function, names: &Names, encoding: Encoding) -> Result<Vec<Expr>> {
    let value = || col(&names.value);
    // Filter, distinct and order are said in one go: the builder forgets what is not said again.
    let matched = || col(&names.matched).and(value().is_not_null());
    let plain = |aggregate: Expr| aggregate.filter(matched()).build();
    match function {
        Function::Distinct(_) => Ok(vec![count(value()).distinct().filter(matched()).build()?]),
        Function::Sum(_) => Ok(vec![plain(exact_sum::exact_sum(value(), encoding))?]),
        Function::Min(_) => Ok(vec![plain(min(value()))?]),
        Function::Max(_) => Ok(vec![plain(max(value()))?]),
        Function::Only(_) => Ok(vec![plain(min(value()))?, plain(max(value()))?]),
        Function::Percentile(_, percentile) => {
            Ok(vec![plain(rank::nearest_rank(value(), *percentile))?])
        }
        Function::Newest(_) => {
            let keys = [Column::Ts, Column::Layer, Column::Emitter, Column::Seq, Column::Uid];
            let keys = keys.into_iter().map(column).chain([value()]);
            let order: Vec<Sort> = keys.map(|key| key.sort(true, true)).collect();
            let newest = last_value(value(), Vec::new());
            Ok(vec![newest.order_by(order).filter(matched()).build()?])
        }
        _ => Ok(Vec::new()),
    }
}

fn tally(
    batch: &RecordBatch,
    function: &Function,
    names: &Names,
    encoding: Option<Encoding>,
) -> Result<Tally, Halt> {
    let count = |name: &str| {
        let rows = batch.column_by_name(name).and_then(|column| int_at(column, 0));
        rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default()
    };
    let scalar = |place: usize| -> Result<ScalarValue> {
        match batch.column_by_name(&format!("{}{place}", names.value)) {
            Some(column) => ScalarValue::try_from_array(column, 0),
            None => Ok(ScalarValue::Null),
        }
    };
    let mut tally = Tally {
        matched: count(&names.matched),
        possible: count(&names.possible),
        unreadable: count(&names.unreadable),
        ..Tally::default()
    };
    let Some(encoding) = encoding else { return Ok(tally) };
    match function {
        Function::Distinct(_) => {
            tally.value = match scalar(0)? {
                ScalarValue::Int64(Some(count)) => Some(Value::Int(count)),
                _ => Some(Value::Int(0)),
            };
        }
        Function::Sum(_) => {
            let sum = exact_sum::decode(&scalar(0)?, encoding);
            tally.overflow = sum.is_none();
            tally.value = sum.flatten();
        }
        Function::Only(_) => {
            let (low, high) = (scalar(0)?, scalar(1)?);
            tally.several = low != high;
            tally.value = decode(&low, encoding);
        }
        _ => tally.value = decode(&scalar(0)?, encoding),
    }
    Ok(tally)
}
