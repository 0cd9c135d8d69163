//! From sets of facts to columns.

use std::sync::Arc;

use arrow_array::types::{
    Decimal128Type, DurationNanosecondType, Int64Type, TimestampNanosecondType,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeBinaryArray, Int8Array, PrimitiveArray,
    StringArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use logdive_core::{Fact, Facts, Value};

use super::FactBatchError;
use super::column::{ABSENT, AT_LEAST, KNOWN, UNAVAILABLE};
use super::encoding::{self, Encoding, IP};
use crate::schema::Entry;
use crate::set::RuleSet;

/// Builds the columns of a rule set's schema.
pub(super) struct Builder<'a> {
    columns: Vec<ColumnBuilder<'a>>,
    rows: usize,
}

struct ColumnBuilder<'a> {
    name: &'a str,
    entry: &'a Entry,
    values: Values,
    states: Vec<i8>,
}

/// A value a row; what stands where there is none does not matter.
enum Values {
    Bool(Vec<bool>),
    Number(Encoding, Vec<i64>),
    /// Decimals, and times and durations beyond 64 bits.
    Wide(Encoding, Vec<i128>),
    /// The bytes, and where each row ends.
    Text(Encoding, Vec<u8>, Vec<i32>),
    Ip(Vec<u8>),
}

impl<'a> Builder<'a> {
    pub(super) fn new(rules: &'a RuleSet) -> Self {
        let columns = rules.schema.entries.iter().map(|(name, entry)| ColumnBuilder {
            name,
            entry,
            values: Values::new(Encoding::of(&entry.kind)),
            states: Vec::new(),
        });
        Self { columns: columns.collect(), rows: 0 }
    }

    pub(super) fn push(&mut self, facts: &Facts) -> Result<(), FactBatchError> {
        for column in &mut self.columns {
            let fact = facts.get(column.name).filter(|fact| column.entry.fits(fact).is_ok());
            column.push(fact, self.rows)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// The columns of each entry, and how many rows they have.
    pub(super) fn finish(self) -> (Vec<(ArrayRef, ArrayRef)>, usize) {
        let columns = self.columns.into_iter().map(|ColumnBuilder { values, states, .. }| {
            let valid = states.iter().map(|state| *state >= AT_LEAST).collect::<BooleanBuffer>();
            let values = values.finish(NullBuffer::new(valid));
            (values, Arc::new(Int8Array::from(states)) as ArrayRef)
        });
        (columns.collect(), self.rows)
    }
}

impl ColumnBuilder<'_> {
    fn push(&mut self, fact: Option<&Fact>, row: usize) -> Result<(), FactBatchError> {
        let (state, value) = match fact {
            Some(Fact::Known(value)) => (KNOWN, Some(value)),
            Some(Fact::AtLeast(value, _)) => (AT_LEAST, Some(value)),
            Some(Fact::Absent) => (ABSENT, None),
            Some(Fact::Unavailable(_)) | None => (UNAVAILABLE, None),
        };
        self.states.push(state);
        let column = || self.name.to_owned();
        match self.values.push(value) {
            Ok(()) => Ok(()),
            Err(Refused::Value(reason)) => {
                Err(FactBatchError::Value { column: column(), row, reason: reason.to_owned() })
            }
            Err(Refused::TooLarge) => Err(FactBatchError::TooLarge { column: column() }),
        }
    }
}

enum Refused {
    Value(&'static str),
    TooLarge,
}

impl Values {
    fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Bool => Self::Bool(Vec::new()),
            Encoding::Int | Encoding::Time | Encoding::Duration => {
                Self::Number(encoding, Vec::new())
            }
            Encoding::Decimal => Self::Wide(encoding, Vec::new()),
            Encoding::Text | Encoding::Json => Self::Text(encoding, Vec::new(), vec![0]),
            Encoding::Ip => Self::Ip(Vec::new()),
        }
    }

    fn push(&mut self, value: Option<&Value>) -> Result<(), Refused> {
        match self {
            Self::Bool(values) => values.push(matches!(value, Some(Value::Bool(true)))),
            Self::Number(encoding, values) => {
                let number = number(*encoding, value)?;
                match i64::try_from(number) {
                    Ok(number) => values.push(number),
                    Err(_) => {
                        let mut wide: Vec<i128> = values.iter().copied().map(i128::from).collect();
                        wide.push(number);
                        *self = Self::Wide(*encoding, wide);
                    }
                }
            }
            Self::Wide(encoding, values) => values.push(number(*encoding, value)?),
            Self::Text(encoding, bytes, ends) => {
                match (encoding, value) {
                    (_, None) => {}
                    (Encoding::Text, Some(Value::Text(text))) => {
                        bytes.extend_from_slice(text.as_bytes());
                    }
                    (_, Some(value)) => {
                        let json = serde_json::to_vec(value);
                        let json = json.map_err(|_| Refused::Value("a value without JSON"))?;
                        bytes.extend_from_slice(&json);
                    }
                }
                ends.push(i32::try_from(bytes.len()).map_err(|_| Refused::TooLarge)?);
            }
            Self::Ip(bytes) => bytes.extend_from_slice(&match value {
                Some(Value::Ip(ip)) => encoding::ip_to_bytes(*ip),
                _ => [0; IP],
            }),
        }
        Ok(())
    }

    fn finish(self, valid: NullBuffer) -> ArrayRef {
        match self {
            Self::Bool(values) => {
                Arc::new(BooleanArray::new(BooleanBuffer::from(values), Some(valid)))
            }
            Self::Number(Encoding::Time, values) => {
                let array = primitive::<TimestampNanosecondType>(values, valid);
                Arc::new(array.with_timezone("UTC"))
            }
            Self::Number(Encoding::Duration, values) => {
                Arc::new(primitive::<DurationNanosecondType>(values, valid))
            }
            Self::Number(_, values) => Arc::new(primitive::<Int64Type>(values, valid)),
            Self::Wide(_, values) => {
                let array = primitive::<Decimal128Type>(values, valid);
                Arc::new(array.with_data_type(Encoding::Decimal.data_type()))
            }
            Self::Text(_, bytes, ends) => Arc::new(StringArray::new(
                OffsetBuffer::new(ends.into()),
                Buffer::from_vec(bytes),
                Some(valid),
            )),
            Self::Ip(bytes) => {
                Arc::new(FixedSizeBinaryArray::new(IP as i32, Buffer::from_vec(bytes), Some(valid)))
            }
        }
    }
}

fn number(encoding: Encoding, value: Option<&Value>) -> Result<i128, Refused> {
    let refused = match encoding {
        Encoding::Time => encoding::TIME,
        _ => encoding::DURATION,
    };
    let Some(value) = value else { return Ok(0) };
    encoding::to_number(encoding, value).ok_or(Refused::Value(refused))
}

fn primitive<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    valid: NullBuffer,
) -> PrimitiveArray<T> {
    PrimitiveArray::new(ScalarBuffer::from(values), Some(valid))
}
