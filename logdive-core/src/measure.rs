//! Measures: numbers and flags computed exactly over the rows of a step.
//!
//! They are the bridge from logs to rules: rules name measures, a dive computes them over all
//! rows of the step, never over the cut sample that is shown.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

mod check;
pub mod syntax;

pub use check::{CheckedMeasure, check};

use serde::{Deserialize, Serialize};

use crate::log::LogBatch;
use crate::{
    Decimal, Fact, Field, Layers, Predicate, Reason, ReasonKind, StepName, Truth, Value, Window,
    WindowSpec,
};

/// Codes of what is wrong with a measure's text. They are the rule language's, which had measures
/// first; codes are never changed.
pub mod codes {
    /// A measure that does not exist.
    pub const FUNCTION: &str = "R030";
    /// A field that the step does not have.
    pub const FIELD: &str = "R032";
    /// A field of a type that the measure cannot be computed over.
    pub const FIELD_TYPE: &str = "R033";
    /// A measure with a part too many or too few.
    pub const FORM: &str = "R034";
    /// A window that is empty or anchored on no time of a ticket.
    pub const WINDOW: &str = "R035";
}

/// What a measure computes over the rows that meet its predicate.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// How many rows there are.
    Count,
    /// Whether there is any.
    Any,
    /// Whether there is none.
    None,
    /// How many different values a field has.
    Distinct(Field),
    /// The sum of a field of int, decimal or duration.
    Sum(Field),
    /// The least value of a field.
    Min(Field),
    /// The greatest value of a field.
    Max(Field),
    /// The value at a percentile of a field, by nearest rank: the ⌈p/100 · n⌉-th of n.
    Percentile(Field, u8),
    /// Rows per second of the window.
    Rate,
    /// The value of a field in the newest row that has it.
    Newest(Field),
    /// The only value that a field has in the rows read; unavailable if they differ. It is a
    /// witness, not an extreme: a row with this value is there, whatever else may still arrive.
    Only(Field),
    /// Whether everything of the window was read: a fact of the coverage, not of rows.
    Complete,
    /// Up to when lines are known to have arrived: a fact of the coverage, not of rows.
    Watermark,
}

impl Function {
    /// The field it reads, if it reads one.
    #[must_use]
    pub const fn field(&self) -> Option<&Field> {
        match self {
            Self::Distinct(field)
            | Self::Sum(field)
            | Self::Min(field)
            | Self::Max(field)
            | Self::Percentile(field, _)
            | Self::Newest(field)
            | Self::Only(field) => Some(field),
            _ => None,
        }
    }

    /// Its name in the rule language.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Any => "any",
            Self::None => "none",
            Self::Distinct(_) => "distinct",
            Self::Sum(_) => "sum",
            Self::Min(_) => "min",
            Self::Max(_) => "max",
            Self::Percentile(..) => "percentile",
            Self::Rate => "rate",
            Self::Newest(_) => "newest",
            Self::Only(_) => "only",
            Self::Complete => "complete",
            Self::Watermark => "watermark",
        }
    }

    /// Whether it is a fact of the coverage rather than of rows.
    #[must_use]
    pub const fn is_of_coverage(&self) -> bool {
        matches!(self, Self::Complete | Self::Watermark)
    }
}

/// A number or flag over the rows of one step that meet a predicate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Measure {
    /// The fact it becomes.
    pub name: String,
    /// The step whose rows it reads.
    pub step: StepName,
    /// What it computes.
    pub function: Function,
    /// Which rows count.
    pub filter: Predicate,
    /// A window of its own inside the step's.
    pub window: Option<WindowSpec>,
}

/// Writes the measure as the rule language does.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}", self.function.name(), self.step)?;
        if let Some(field) = self.function.field() {
            write!(f, ".{field}")?;
        }
        if let Function::Percentile(_, rank) = &self.function {
            write!(f, ", {rank}")?;
        }
        if self.filter != Predicate::always() {
            write!(f, " where {}", self.filter)?;
        }
        if let Some(window) = &self.window {
            write!(f, " within {window}")?;
        }
        f.write_str(")")
    }
}

/// What was counted over the rows: what an engine computes before [`Measure::conclude`] says what
/// can be known from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that meet the predicate.
    pub matched: u64,
    /// Rows that may meet it: something they were tested by could not be had.
    pub possible: u64,
    /// Rows that meet it but whose field could not be had.
    pub unreadable: u64,
    /// The function's value over the field, or the number of distinct values; `None` if no row
    /// has the field.
    pub value: Option<Value>,
    /// The number does not fit its type.
    pub overflow: bool,
    /// More than one value, for [`Function::Only`].
    pub several: bool,
}

impl Measure {
    /// Computes the measure over rows in memory. This is the oracle: engines must agree with it.
    ///
    /// `rows` are all rows of the step, in any order; `window` is the measure's own window or the
    /// step's; `incomplete` says why the rows are not all there are, if so.
    ///
    /// Functions of the coverage are not computed from rows and come out as not measured.
    #[must_use]
    pub fn compute(
        &self,
        rows: &LogBatch,
        layers: &Layers,
        window: &Window,
        incomplete: Option<&Reason>,
    ) -> Fact {
        self.conclude(&self.tally(rows, layers, window), window, incomplete)
    }

    fn tally(&self, rows: &LogBatch, layers: &Layers, window: &Window) -> Tally {
        let mut tally = Tally::default();
        let mut values: Vec<(Value, _)> = Vec::new();
        for row in rows.rows() {
            let Some(layer) = row.layer().and_then(|name| layers.get(&name)) else { continue };
            let reader = layer.reader(row);
            if !reader.is_in(window) {
                continue;
            }
            let evaluation = self.filter.evaluate(&|field| reader.read(field));
            match evaluation.truth {
                Truth::True => tally.matched += 1,
                Truth::Unknown if evaluation.unavailable => {
                    tally.possible += 1;
                    continue;
                }
                Truth::Unknown | Truth::False => continue,
            }
            match self.function.field().map(|field| reader.read(field)) {
                Some(Fact::Known(value)) => values.push((value, row.order())),
                Some(fact) if fact.is_incomplete() => tally.unreadable += 1,
                _ => {}
            }
        }
        self.fold(&mut tally, values);
        tally
    }

    fn fold<O: Ord + Copy>(&self, tally: &mut Tally, mut values: Vec<(Value, O)>) {
        let by_value =
            |a: &(Value, O), b: &(Value, O)| a.0.compare(&b.0).unwrap_or(std::cmp::Ordering::Equal);
        match &self.function {
            Function::Distinct(_) => {
                let distinct: HashSet<&Value> = values.iter().map(|(value, _)| value).collect();
                tally.value = i64::try_from(distinct.len()).ok().map(Value::Int);
            }
            Function::Sum(_) => {
                if let Some(sum) = sum(values.iter().map(|(value, _)| value)) {
                    tally.value = sum;
                } else {
                    tally.overflow = true;
                }
            }
            Function::Min(_) => {
                tally.value = values.into_iter().min_by(by_value).map(|(value, _)| value);
            }
            Function::Max(_) => {
                tally.value = values.into_iter().max_by(by_value).map(|(value, _)| value);
            }
            Function::Percentile(_, rank) => {
                values.sort_by(by_value);
                let index = nearest_rank(values.len(), *rank);
                tally.value = index.and_then(|at| values.get(at)).map(|(value, _)| value.clone());
            }
            Function::Newest(_) => {
                // Of lines that nothing else tells apart, the greatest value: any order of rows
                // gives the same answer.
                let newest = values.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(by_value(a, b)));
                tally.value = newest.map(|(value, _)| value);
            }
            Function::Only(_) => {
                let first = values.first().map(|(value, _)| value.clone());
                tally.several = values.iter().any(|(value, _)| Some(value) != first.as_ref());
                tally.value = first;
            }
            _ => {}
        }
    }

    /// Says what can be known from a tally. Incomplete rows give a lower bound where more rows
    /// can only raise the number, the answer where it is certain already, and no number else.
    #[must_use]
    pub fn conclude(&self, tally: &Tally, window: &Window, incomplete: Option<&Reason>) -> Fact {
        let unreadable = tally.possible + tally.unreadable;
        let ill_typed = (unreadable > 0).then(|| {
            let detail = format!("{unreadable} rows could not be read for `{}`", self.name);
            Reason::new(ReasonKind::IllTyped, detail)
        });
        let incomplete = incomplete.cloned().or(ill_typed);
        let bound = |value: Value| match &incomplete {
            None => Fact::Known(value),
            Some(reason) => Fact::AtLeast(value, reason.clone()),
        };
        let overflow =
            || Fact::unavailable(ReasonKind::Overflow, format!("`{}` is too large", self.name));
        if tally.overflow {
            return overflow();
        }
        match &self.function {
            Function::Count => match i64::try_from(tally.matched) {
                Ok(count) => bound(Value::Int(count)),
                Err(_) => overflow(),
            },
            Function::Any | Function::None => {
                let any = matches!(self.function, Function::Any);
                match (tally.matched, incomplete) {
                    (0, Some(reason)) => Fact::Unavailable(reason),
                    (0, None) => Fact::from(!any),
                    _ => Fact::from(any),
                }
            }
            Function::Distinct(_) => bound(tally.value.clone().unwrap_or(Value::Int(0))),
            Function::Rate => {
                let per_second =
                    i64::try_from(tally.matched).ok().map(Decimal::from).and_then(|count| {
                        let nanos = i128::try_from(window.length().as_nanos()).ok()?;
                        count.checked_div(Decimal::from_billionths(nanos)?)
                    });
                per_second.map_or_else(overflow, |rate| bound(Value::Decimal(rate)))
            }
            Function::Complete => match incomplete {
                None => Fact::from(true),
                Some(_) => Fact::from(false),
            },
            Function::Watermark => Fact::unavailable(
                ReasonKind::NotMeasured,
                format!("`{}` comes from the coverage", self.name),
            ),
            Function::Only(_) if tally.several => Fact::unavailable(
                ReasonKind::Other,
                format!("`{}` has more than one value", self.name),
            ),
            Function::Only(_) | Function::Max(_) if tally.value.is_some() => {
                match (&self.function, &tally.value) {
                    (Function::Max(_), Some(value)) => bound(value.clone()),
                    (_, Some(value)) => Fact::Known(value.clone()),
                    (_, None) => Fact::Absent,
                }
            }
            _ => match (incomplete, &tally.value) {
                (Some(reason), _) => Fact::Unavailable(reason),
                (None, Some(value)) => Fact::Known(value.clone()),
                (None, None) => Fact::unavailable(
                    ReasonKind::Empty,
                    format!("no row has a value for `{}`", self.name),
                ),
            },
        }
    }
}

/// The index of the nearest-rank percentile of so many sorted values: ⌈p/100 · n⌉ - 1.
#[must_use]
pub fn nearest_rank(count: usize, percentile: u8) -> Option<usize> {
    let rank = (count as u128 * u128::from(percentile.min(100))).div_ceil(100).max(1);
    usize::try_from(rank - 1).ok().filter(|index| *index < count)
}

/// A sum of values of one type. Only the whole is checked, so that it does not depend on the order
/// of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sum {
    kind: Option<std::mem::Discriminant<Value>>,
    high: i128,
    low: i128,
    /// Values of two types, or one that is no number.
    mixed: bool,
}

impl Sum {
    /// Numbers are split here, so that 2^64 of them can be added in 128 bits.
    const SPLIT: i128 = 10_i128.pow(19);

    /// Adds a value.
    pub fn add(&mut self, value: &Value) {
        let number = match value {
            Value::Int(number) => Some(i128::from(*number)),
            Value::Decimal(number) => Some(number.billionths()),
            Value::Duration(length) => i128::try_from(length.as_nanos()).ok(),
            _ => None,
        };
        let kind = std::mem::discriminant(value);
        self.mixed |= *self.kind.get_or_insert(kind) != kind;
        match number {
            Some(number) => {
                self.high = self.high.saturating_add(number / Self::SPLIT);
                self.low = self.low.saturating_add(number % Self::SPLIT);
            }
            None => self.mixed = true,
        }
    }

    /// Adds another sum.
    pub fn join(&mut self, other: &Self) {
        self.mixed |= other.mixed;
        self.mixed |= self.kind.is_some() && other.kind.is_some() && self.kind != other.kind;
        self.kind = self.kind.or(other.kind);
        self.high = self.high.saturating_add(other.high);
        self.low = self.low.saturating_add(other.low);
    }

    /// The sum; `None` if it does not fit its type, `Some(None)` of no values.
    #[must_use]
    pub fn value(&self) -> Option<Option<Value>> {
        let Some(kind) = self.kind else { return Some(None) };
        if self.mixed {
            return None;
        }
        let total = self.high.checked_mul(Self::SPLIT)?.checked_add(self.low)?;
        let value = if kind == std::mem::discriminant(&Value::Int(0)) {
            Value::Int(i64::try_from(total).ok()?)
        } else if kind == std::mem::discriminant(&Value::Duration(Duration::ZERO)) {
            let seconds = u64::try_from(total / 1_000_000_000).ok()?;
            let nanos = u32::try_from(total % 1_000_000_000).ok()?;
            Value::Duration(Duration::new(seconds, nanos))
        } else {
            Value::Decimal(Decimal::from_billionths(total)?)
        };
        Some(Some(value))
    }
}

/// Sums values of one type; `None` if the sum does not fit, `Some(None)` for no values.
#[must_use]
pub fn sum<'a>(values: impl IntoIterator<Item = &'a Value>) -> Option<Option<Value>> {
    let mut sum = Sum::default();
    values.into_iter().for_each(|value| sum.add(value));
    sum.value()
}

#[cfg(test)]
mod tests;
