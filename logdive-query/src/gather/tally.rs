//! Measures over lines: all of a step in the scan that finds its lines.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Expr, lit};
use datafusion::physical_plan::PhysicalExpr;
use logdive_core::log::Column;
use logdive_core::measure::{Sum, Tally, nearest_rank};
use logdive_core::{Function, Measure, Predicate, Value, Window};

use super::{Part, Variant, texts, variants};
use crate::lower::{Encoding, Lowering, decode, in_window};
use crate::scan::{Compiler, array, keep, truths, values};

/// A measure over a step, and its window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) measure: &'a Measure,
    pub(crate) window: Window,
}

/// The columns that say which line is the newest.
pub(super) const ORDER: [Column; 5] =
    [Column::Ts, Column::Layer, Column::Emitter, Column::Seq, Column::Uid];

/// Whether a measure asks which line is the newest.
pub(super) const fn needs_order(measure: &Measure) -> bool {
    matches!(measure.function, Function::Newest(_))
}

/// What a measure reads from the lines of some layers. Expressions are equal for equal lines, so
/// that layers which have them in common are read together.
#[derive(Debug, PartialEq)]
struct Asking {
    matched: Expr,
    possible: Option<Expr>,
    unreadable: Option<Expr>,
    value: Option<(Expr, Encoding)>,
}

impl Asking {
    fn of(part: &Part, asked: &Asked<'_>) -> Self {
        let lowering = Lowering::new(&part.layer);
        let Asked { measure, window } = asked;
        let inside = in_window(window);
        let (matched, possible) = match measure.filter == Predicate::always() {
            true => (inside, None),
            false => {
                let truth = lowering.truth(&measure.filter);
                let possible = lowering.any_unavailable(&measure.filter).map(|unavailable| {
                    inside.clone().and(truth.clone().is_null()).and(unavailable)
                });
                (inside.and(truth.is_true()), possible)
            }
        };
        let field = measure.function.field();
        let unreadable = field.map(|field| lowering.unavailable(field));
        let unreadable = unreadable.filter(|never| *never != lit(false));
        let value = field.and_then(|field| lowering.value(field));
        Self { matched, possible, unreadable, value }
    }
}

#[derive(Debug, Clone)]
struct Reader {
    matched: Arc<dyn PhysicalExpr>,
    possible: Option<Arc<dyn PhysicalExpr>>,
    unreadable: Option<Arc<dyn PhysicalExpr>>,
    value: Option<(Arc<dyn PhysicalExpr>, Encoding)>,
}

/// Tallies of the measures of a step.
#[derive(Debug)]
pub(super) struct Tallies(Vec<One>);

#[derive(Debug)]
struct One {
    function: Function,
    readers: Vec<Variant<Reader>>,
    tally: Tally,
    values: Kept,
}

/// What a function keeps of values.
#[derive(Debug)]
enum Kept {
    Nothing,
    Distinct(HashSet<Value>),
    Sum(Sum),
    Extreme(Ordering, Option<Value>),
    All(Vec<Value>),
    Newest(Option<(Place, Value)>),
    Only(Option<Value>, bool),
}

/// Where a line stands in core's order.
type Place = (i64, String, String, i64, String);

impl Kept {
    fn of(function: &Function) -> Self {
        match function {
            Function::Distinct(_) => Self::Distinct(HashSet::new()),
            Function::Sum(_) => Self::Sum(Sum::default()),
            Function::Min(_) => Self::Extreme(Ordering::Less, None),
            Function::Max(_) => Self::Extreme(Ordering::Greater, None),
            Function::Percentile(..) => Self::All(Vec::new()),
            Function::Newest(_) => Self::Newest(None),
            Function::Only(_) => Self::Only(None, false),
            _ => Self::Nothing,
        }
    }

    fn add(&mut self, value: Value, place: impl FnOnce() -> Place) {
        match self {
            Self::Nothing => {}
            Self::Distinct(values) => drop(values.insert(value)),
            Self::Sum(sum) => sum.add(&value),
            Self::Extreme(order, best) => {
                if best.as_ref().is_none_or(|best| value.compare(best) == Some(*order)) {
                    *best = Some(value);
                }
            }
            Self::All(values) => values.push(value),
            Self::Newest(newest) => newer(newest, (place(), value)),
            Self::Only(only, several) => match only {
                None => *only = Some(value),
                Some(only) => *several |= *only != value,
            },
        }
    }

    fn join(&mut self, other: Self) {
        match (self, other) {
            (Self::Distinct(own), Self::Distinct(other)) => own.extend(other),
            (Self::Sum(own), Self::Sum(other)) => own.join(&other),
            (Self::All(own), Self::All(other)) => own.extend(other),
            (Self::Newest(own), Self::Newest(Some(other))) => newer(own, other),
            (own @ Self::Extreme(..), Self::Extreme(_, Some(value))) => {
                own.add(value, Place::default);
            }
            (own @ Self::Only(..), Self::Only(Some(value), several)) => {
                own.add(value, Place::default);
                if let Self::Only(_, own) = own {
                    *own |= several;
                }
            }
            _ => {}
        }
    }

    fn held(&self) -> usize {
        match self {
            Self::Distinct(values) => values.len() * 100,
            Self::All(values) => values.len() * 60,
            _ => 0,
        }
    }

    fn finish(self, function: &Function, tally: &mut Tally) {
        match self {
            Self::Nothing => {}
            Self::Distinct(values) => {
                tally.value = i64::try_from(values.len()).ok().map(Value::Int);
            }
            Self::Sum(sum) => match sum.value() {
                Some(value) => tally.value = value,
                None => tally.overflow = true,
            },
            Self::Extreme(_, value) => tally.value = value,
            Self::All(mut values) => {
                let Function::Percentile(_, rank) = function else { return };
                values.sort_by(|a, b| a.compare(b).unwrap_or(Ordering::Equal));
                let at = nearest_rank(values.len(), *rank);
                tally.value = at.and_then(|at| values.into_iter().nth(at));
            }
            Self::Newest(newest) => tally.value = newest.map(|(_, value)| value),
            Self::Only(value, several) => {
                tally.value = value;
                tally.several = several;
            }
        }
    }
}

/// Of lines that nothing else tells apart, the greatest value.
fn newer(newest: &mut Option<(Place, Value)>, other: (Place, Value)) {
    let is_newer = newest.as_ref().is_none_or(|(place, value)| {
        let by_value = || other.1.compare(value).unwrap_or(Ordering::Equal);
        other.0.cmp(place).then_with(by_value) == Ordering::Greater
    });
    if is_newer {
        *newest = Some(other);
    }
}

fn place_of(rows: &RecordBatch, row: usize) -> Result<Place> {
    let text = |column| -> Result<String> {
        let array = array(rows, column)?;
        let text = texts(array).filter(|texts| texts.is_valid(row));
        Ok(text.map(|texts| texts.value(row).to_owned()).unwrap_or_default())
    };
    Ok((
        array(rows, Column::Ts)?.as_primitive::<TimestampMicrosecondType>().value(row),
        text(Column::Layer)?,
        text(Column::Emitter)?,
        array(rows, Column::Seq)?.as_primitive::<Int64Type>().value(row),
        text(Column::Uid)?,
    ))
}

impl Tallies {
    pub(super) fn new(
        parts: &[&Part],
        asked: &[Asked<'_>],
        compiler: &Compiler<'_>,
    ) -> Result<Self> {
        let one = |asked: &Asked<'_>| {
            let readers = variants(
                parts,
                |part| Some(Asking::of(part, asked)),
                |asking| {
                    let compile = |expr: &Option<Expr>| {
                        expr.clone().map(|expr| compiler.compile(expr)).transpose()
                    };
                    let value = match &asking.value {
                        Some((value, encoding)) => {
                            Some((compiler.compile(value.clone())?, *encoding))
                        }
                        None => None,
                    };
                    Ok(Reader {
                        matched: compiler.compile(asking.matched.clone())?,
                        possible: compile(&asking.possible)?,
                        unreadable: compile(&asking.unreadable)?,
                        value,
                    })
                },
            )?;
            let function = asked.measure.function.clone();
            let values = Kept::of(&function);
            Ok(One { function, readers, tally: Tally::default(), values })
        };
        asked.iter().map(one).collect::<Result<_>>().map(Self)
    }

    pub(super) fn fresh(&self) -> Self {
        let one = |one: &One| One {
            function: one.function.clone(),
            readers: one.readers.clone(),
            tally: Tally::default(),
            values: Kept::of(&one.function),
        };
        Self(self.0.iter().map(one).collect())
    }

    pub(super) fn take(&mut self, rows: &RecordBatch, places: &[usize]) -> Result<()> {
        for One { readers, tally, values: kept, .. } in &mut self.0 {
            for reader in readers {
                let own = reader.rows(rows, places)?;
                let reader = &reader.what;
                if let Some(possible) = &reader.possible {
                    tally.possible += truths(possible, &own)?.true_count() as u64;
                }
                let own = keep(&own, &truths(&reader.matched, &own)?)?;
                tally.matched += own.num_rows() as u64;
                if own.num_rows() == 0 {
                    continue;
                }
                if let Some(unreadable) = &reader.unreadable {
                    tally.unreadable += truths(unreadable, &own)?.true_count() as u64;
                }
                let Some((value, encoding)) = &reader.value else { continue };
                let found = values(value, &own)?;
                for row in 0..own.num_rows() {
                    if !found.is_valid(row) {
                        continue;
                    }
                    let scalar = ScalarValue::try_from_array(&found, row)?;
                    let Some(value) = decode(&scalar, *encoding) else { continue };
                    let place = match kept {
                        Kept::Newest(_) => place_of(&own, row)?,
                        _ => Place::default(),
                    };
                    kept.add(value, || place);
                }
            }
        }
        Ok(())
    }

    pub(super) fn join(&mut self, other: Self) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            own.tally.matched += other.tally.matched;
            own.tally.possible += other.tally.possible;
            own.tally.unreadable += other.tally.unreadable;
            own.values.join(other.values);
        }
    }

    pub(super) fn held(&self) -> usize {
        self.0.iter().map(|one| one.values.held()).sum()
    }

    pub(super) fn finish(self) -> Vec<Tally> {
        let finish = |one: One| {
            let mut tally = one.tally;
            one.values.finish(&one.function, &mut tally);
            tally
        };
        self.0.into_iter().map(finish).collect()
    }
}
