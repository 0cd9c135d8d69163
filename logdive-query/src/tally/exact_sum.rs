//! A sum that does not overflow before its end, so that it does not depend on the order of rows.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility,
};
use logdive_core::Value;

use crate::columns::binary_at;
use crate::lower::{Encoding, from_number};

/// Numbers are split here, so that 2^64 of them can be added in 128 bits.
const SPLIT: i128 = 10_i128.pow(19);

/// The sum of numbers, as bytes that [`decode`] reads.
pub(crate) fn exact_sum(value: Expr, encoding: Encoding) -> Expr {
    let signature = Signature::exact(vec![encoding.data_type()], Volatility::Immutable);
    AggregateUDF::from(ExactSum { signature }).call(vec![value])
}

/// The sum; `None` if it does not fit its type, `Some(None)` if there was nothing to add.
pub(crate) fn decode(scalar: &ScalarValue, encoding: Encoding) -> Option<Option<Value>> {
    let ScalarValue::Binary(Some(bytes)) = scalar else { return Some(None) };
    let sum = Sum::from_bytes(bytes)?;
    if sum.count == 0 {
        return Some(None);
    }
    let total = sum.high.checked_mul(SPLIT)?.checked_add(sum.low)?;
    from_number(total, encoding).map(Some)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ExactSum {
    signature: Signature,
}

impl AggregateUDFImpl for ExactSum {
    fn name(&self) -> &str {
        "exact_sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Sum::default()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format!("{} so far", args.name);
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }
}

#[derive(Debug, Default)]
struct Sum {
    count: u64,
    high: i128,
    low: i128,
}

impl Sum {
    const fn add(&mut self, number: i128) {
        self.count = self.count.saturating_add(1);
        self.high += number / SPLIT;
        self.low += number % SPLIT;
    }

    fn bytes(&self) -> Vec<u8> {
        [
            self.count.to_be_bytes().as_slice(),
            self.high.to_be_bytes().as_slice(),
            self.low.to_be_bytes().as_slice(),
        ]
        .concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            count: u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?),
            high: i128::from_be_bytes(bytes.get(8..24)?.try_into().ok()?),
            low: i128::from_be_bytes(bytes.get(24..40)?.try_into().ok()?),
        })
    }
}

impl Accumulator for Sum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [array] = values else { return internal_err!("a sum is of one column") };
        if let Some(array) = array.as_primitive_opt::<Int64Type>() {
            array.iter().flatten().for_each(|number| self.add(number.into()));
        } else if let Some(array) = array.as_primitive_opt::<Decimal128Type>() {
            array.iter().flatten().for_each(|number| self.add(number));
        } else {
            return internal_err!("a sum is of numbers, not of {}", array.data_type());
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(Some(self.bytes())))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [array] = states else { return internal_err!("a sum has one state") };
        for row in 0..array.len() {
            let Some(other) = binary_at(array, row).and_then(Self::from_bytes) else { continue };
            self.count = self.count.saturating_add(other.count);
            self.high += other.high;
            self.low += other.low;
        }
        Ok(())
    }
}
