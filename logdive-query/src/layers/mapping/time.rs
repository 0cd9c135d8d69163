//! The column of a time, of whatever type, as microseconds and nanoseconds since 1970.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Int64Array};
use arrow::compute::cast;
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::{DataType, TimeUnit};
use chrono::Utc;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, create_udf, lit};
use logdive_core::Unit;
use serde_json::Value as Json;

use super::fit::{is_text, plain};
use super::raw;
use crate::columns::text_at;
use crate::layers::span::Span;

/// A column that holds a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimeColumn {
    name: String,
    kind: DataType,
    scale: Scale,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Number(TimeUnit),
    Text,
}

impl TimeColumn {
    /// A column of a type; `None` if that holds no time.
    pub(super) fn of(name: &str, kind: &DataType, unit: Option<Unit>) -> Option<Self> {
        let scale = match (plain(kind), unit) {
            (DataType::Timestamp(unit, _), None) => Scale::Number(*unit),
            (found, Some(unit)) if found.is_integer() => Scale::Number(match unit {
                Unit::Nanoseconds => TimeUnit::Nanosecond,
                Unit::Microseconds => TimeUnit::Microsecond,
                Unit::Milliseconds => TimeUnit::Millisecond,
                Unit::Seconds => TimeUnit::Second,
                _ => return None,
            }),
            (found, None) if is_text(found) => Scale::Text,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), kind: kind.clone(), scale })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the column is sorted as its times are, so that its statistics say something.
    #[cfg(any(feature = "delta", feature = "parquet"))]
    pub(crate) fn is_sorted_as_times(&self) -> bool {
        matches!(self.scale, Scale::Number(_))
    }

    /// The times in microseconds, as one that prunes by; null where there is none.
    pub(crate) fn micros(&self) -> Expr {
        let column = self.clone();
        self.read("time in microseconds", move |array| column.micros_of(array))
    }

    /// The times in nanoseconds; null where there is none, or none that fits.
    pub(super) fn nanos(&self) -> Expr {
        let column = self.clone();
        self.read("time in nanoseconds", move |array| column.nanos_of(array))
    }

    fn read(
        &self,
        name: &str,
        work: impl Fn(&ArrayRef) -> Result<Int64Array> + Send + Sync + 'static,
    ) -> Expr {
        let work = move |arguments: &[ColumnarValue]| {
            let arrays = ColumnarValue::values_to_arrays(arguments)?;
            let Some(array) = arrays.first() else {
                return datafusion::common::internal_err!("a time is read from one column");
            };
            Ok(ColumnarValue::Array(Arc::new(work(array)?)))
        };
        let kinds = vec![self.kind.clone()];
        create_udf(name, kinds, DataType::Int64, Volatility::Immutable, Arc::new(work))
            .call(vec![raw(&self.name)])
    }

    pub(crate) fn micros_of(&self, array: &ArrayRef) -> Result<Int64Array> {
        self.convert(
            array,
            |unit, value| match unit {
                TimeUnit::Nanosecond => Some(value.div_euclid(1_000)),
                TimeUnit::Microsecond => Some(value),
                TimeUnit::Millisecond => value.checked_mul(1_000),
                TimeUnit::Second => value.checked_mul(1_000_000),
            },
            |time| Some(time.timestamp_micros()),
        )
    }

    pub(super) fn nanos_of(&self, array: &ArrayRef) -> Result<Int64Array> {
        self.convert(
            array,
            |unit, value| match unit {
                TimeUnit::Nanosecond => Some(value),
                TimeUnit::Microsecond => value.checked_mul(1_000),
                TimeUnit::Millisecond => value.checked_mul(1_000_000),
                TimeUnit::Second => value.checked_mul(1_000_000_000),
            },
            |time| time.timestamp_nanos_opt(),
        )
    }

    fn convert(
        &self,
        array: &ArrayRef,
        number: impl Fn(TimeUnit, i64) -> Option<i64>,
        text: impl Fn(chrono::DateTime<Utc>) -> Option<i64>,
    ) -> Result<Int64Array> {
        let array = cast(array, plain(array.data_type()))?;
        Ok(match self.scale {
            Scale::Number(unit) => {
                // Numbers that no Int64 holds become null.
                let numbers = cast(&array, &DataType::Int64)?;
                let numbers = numbers.as_any().downcast_ref::<Int64Array>();
                let numbers = numbers.into_iter().flatten();
                numbers.map(|value| value.and_then(|value| number(unit, value))).collect()
            }
            Scale::Text => {
                let texts = cast(&array, &DataType::Utf8)?;
                let read = |row| string_to_datetime(&Utc, text_at(&texts, row)?.trim()).ok();
                (0..texts.len()).map(|row| read(row).and_then(&text)).collect()
            }
        })
    }

    /// Rows whose time is in a span: on the column itself where that can be pruned by, so that
    /// parts of files are left out by their statistics.
    pub(super) fn within(&self, span: &Span) -> Expr {
        let (from, to) = (span.from, span.to.saturating_add(1));
        let computed = || self.micros().gt_eq(lit(from)).and(self.micros().lt(lit(to)));
        let Scale::Number(unit) = self.scale else { return computed() };
        match self.native(unit, from).zip(self.native(unit, to)) {
            Some((from, to)) => raw(&self.name).gt_eq(lit(from)).and(raw(&self.name).lt(lit(to))),
            None => computed(),
        }
    }

    /// Rows that have no time.
    pub(super) fn is_missing(&self) -> Expr {
        match self.scale {
            Scale::Number(_) => raw(&self.name).is_null(),
            Scale::Text => self.micros().is_null(),
        }
    }

    /// A value of the column as statistics in JSON have it: in microseconds.
    #[cfg_attr(not(feature = "delta"), expect(dead_code, reason = "only Delta's log has such"))]
    pub(crate) fn micros_of_json(&self, value: &Json) -> Option<i64> {
        match (self.scale, value) {
            (Scale::Number(_), Json::Number(number)) if plain(&self.kind).is_integer() => {
                let array: ArrayRef = Arc::new(Int64Array::from(vec![number.as_i64()?]));
                let micros = self.micros_of(&array).ok()?;
                micros.is_valid(0).then(|| micros.value(0))
            }
            (Scale::Number(_), Json::String(text)) => {
                string_to_datetime(&Utc, text).ok().map(|time| time.timestamp_micros())
            }
            _ => None,
        }
    }

    /// The first time of the column's own type that is at or behind one in microseconds.
    fn native(&self, unit: TimeUnit, micros: i64) -> Option<ScalarValue> {
        let ceil = |by: i64| micros.div_euclid(by) + i64::from(micros.rem_euclid(by) != 0);
        let value = match unit {
            TimeUnit::Nanosecond => micros.checked_mul(1_000)?,
            TimeUnit::Microsecond => micros,
            TimeUnit::Millisecond => ceil(1_000),
            TimeUnit::Second => ceil(1_000_000),
        };
        let value = match plain(&self.kind) {
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
                ScalarValue::TimestampNanosecond(Some(value), zone.clone())
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                ScalarValue::TimestampMicrosecond(Some(value), zone.clone())
            }
            DataType::Timestamp(TimeUnit::Millisecond, zone) => {
                ScalarValue::TimestampMillisecond(Some(value), zone.clone())
            }
            DataType::Timestamp(TimeUnit::Second, zone) => {
                ScalarValue::TimestampSecond(Some(value), zone.clone())
            }
            kind => ScalarValue::Int64(Some(value)).cast_to(kind).ok()?,
        };
        (!value.is_null() && self.kind == *plain(&self.kind)).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Array as _, ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray,
        TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
    };
    use logdive_core::Unit;

    use super::TimeColumn;

    fn read(
        array: impl arrow::array::Array + 'static,
        unit: Option<Unit>,
    ) -> [Vec<Option<i64>>; 2] {
        let array: ArrayRef = Arc::new(array);
        let column = TimeColumn::of("x", array.data_type(), unit).unwrap();
        let values = |array: Int64Array| array.iter().collect();
        [values(column.micros_of(&array).unwrap()), values(column.nanos_of(&array).unwrap())]
    }

    #[test]
    fn times_are_exact_or_null_never_wrapped() {
        // The year 3000, and one before 1970.
        let far = 32_503_680_000_000_000;
        let [micros, nanos] = read(TimestampMicrosecondArray::from(vec![far, -1]), None);
        assert_eq!(micros, [Some(far), Some(-1)]);
        assert_eq!(nanos, [None, Some(-1_000)]);
        let [micros, nanos] = read(TimestampNanosecondArray::from(vec![-1, 1_999]), None);
        assert_eq!((micros, nanos), (vec![Some(-1), Some(1)], vec![Some(-1), Some(1_999)]));
        let [micros, _] = read(TimestampSecondArray::from(vec![i64::MAX, 1]), None);
        assert_eq!(micros, [None, Some(1_000_000)]);
        let [micros, _] = read(UInt64Array::from(vec![u64::MAX, 7]), Some(Unit::Milliseconds));
        assert_eq!(micros, [None, Some(7_000)]);
        let texts = ["2023-07-10T13:58:00+02:00", "3000-01-01T00:00:00Z", "soon", ""];
        let [micros, nanos] = read(StringArray::from(texts.to_vec()), None);
        assert_eq!(micros, [Some(1_688_990_280_000_000), Some(far), None, None]);
        assert_eq!(nanos, [Some(1_688_990_280_000_000_000), None, None, None]);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for (array, unit) in [
            (Arc::new(Int64Array::from(vec![1])) as ArrayRef, None),
            (Arc::new(StringArray::from(vec!["1"])), Some(Unit::Seconds)),
            (Arc::new(arrow::array::Float64Array::from(vec![1.0])), Some(Unit::Seconds)),
        ] {
            assert_eq!(TimeColumn::of("x", array.data_type(), unit), None);
        }
    }
}
