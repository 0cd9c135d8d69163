//! The exact percentile by nearest rank.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, filter, is_not_null, sort_to_indices};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility,
};

/// The value at a percentile by nearest rank; null of no values.
pub(crate) fn nearest_rank(value: Expr, percentile: u8) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    let name = format!("nearest_rank_{percentile}");
    AggregateUDF::from(NearestRank { name, percentile, signature }).call(vec![value])
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct NearestRank {
    name: String,
    percentile: u8,
    signature: Signature,
}

fn item(kind: &DataType) -> FieldRef {
    Arc::new(Field::new("item", kind.clone(), true))
}

impl AggregateUDFImpl for NearestRank {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [kind] => Ok(kind.clone()),
            _ => internal_err!("a percentile is of one column"),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let kind = args.return_field.data_type().clone();
        Ok(Box::new(Values { kind, percentile: self.percentile, arrays: Vec::new() }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = DataType::List(item(args.return_field.data_type()));
        Ok(vec![Arc::new(Field::new(format!("{} so far", args.name), list, true))])
    }
}

/// All values: a nearest rank is one of them, so all are needed.
#[derive(Debug)]
struct Values {
    kind: DataType,
    percentile: u8,
    arrays: Vec<ArrayRef>,
}

impl Values {
    fn push(&mut self, array: &ArrayRef) -> Result<()> {
        let array = filter(array, &is_not_null(array)?)?;
        if !array.is_empty() {
            self.arrays.push(array);
        }
        Ok(())
    }

    fn all(&self) -> Result<ArrayRef> {
        if self.arrays.is_empty() {
            return Ok(arrow::array::new_empty_array(&self.kind));
        }
        let arrays: Vec<_> = self.arrays.iter().map(|array| &**array).collect();
        Ok(concat(&arrays)?)
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        match values {
            [array] => self.push(array),
            _ => internal_err!("a percentile is of one column"),
        }
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let all = self.all()?;
        let Some(rank) = logdive_core::measure::nearest_rank(all.len(), self.percentile) else {
            return ScalarValue::try_from(&self.kind);
        };
        let sorted = sort_to_indices(&all, None, Some(rank + 1))?;
        let row = usize::try_from(sorted.value(rank)).unwrap_or(usize::MAX);
        ScalarValue::try_from_array(&all, row)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.arrays.iter().map(|a| a.get_array_memory_size()).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let all = self.all()?;
        let offsets = OffsetBuffer::from_lengths([all.len()]);
        let list = ListArray::try_new(item(&self.kind), offsets, all, None)?;
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [array] = states else { return internal_err!("a percentile has one state") };
        let Some(lists) = array.as_list_opt::<i32>() else {
            return internal_err!("the state of a percentile is a list");
        };
        for list in lists.iter().flatten() {
            self.push(&list)?;
        }
        Ok(())
    }
}
