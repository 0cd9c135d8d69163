//! Reading declared fields: two functions over the column that holds them, one for the value and
//! one for whether it cannot be had. Both ask core what a value is.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryBuilder, BooleanArray, Decimal128Builder,
    Int64Builder, StringBuilder,
};
use arrow::datatypes::DataType;
use chrono::DateTime;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use logdive_core::log::Column;
use logdive_core::{Fact, FieldPath, LayerField, ReasonKind, Value};
use serde_json::Value as Json;

use super::encoding::{ip_bytes, number};
use super::{Encoding, column, json};
use crate::columns::{binary_at, int_at, text_at};

/// A declared field's value; null where it is absent or cannot be had.
pub(crate) fn value(declared: &LayerField, from: Column) -> Expr {
    call(declared, from, Output::Value)
}

/// Whether a declared field cannot be had.
pub(crate) fn unavailable(declared: &LayerField, from: Column) -> Expr {
    call(declared, from, Output::Unavailable)
}

fn call(declared: &LayerField, from: Column, output: Output) -> Expr {
    // The name tells two fields apart: equal names are taken for equal expressions.
    let text = serde_json::to_string(declared).unwrap_or_default();
    let name = match output {
        Output::Value => format!("read {text}"),
        Output::Unavailable => format!("unavailable {text}"),
    };
    let function =
        ReadField { name, field: declared.clone(), from, output, signature: signature(from) };
    ScalarUDF::from(function).call(vec![column(from)])
}

/// Text is taken as it lies: turned into another kind of array it would be copied.
fn signature(from: Column) -> Signature {
    match from.data_type() {
        DataType::Utf8 => super::text::signature(&[]),
        other => Signature::exact(vec![other], Volatility::Immutable),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Value,
    Unavailable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ReadField {
    name: String,
    field: LayerField,
    from: Column,
    output: Output,
    signature: Signature,
}

impl Hash for ReadField {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ReadField {
    /// What each line says of the field.
    fn facts<'a>(&'a self, array: &'a ArrayRef) -> Box<dyn Iterator<Item = Fact> + 'a> {
        let (FieldPath::Attribute(path) | FieldPath::Resource(path)) = &self.field.path else {
            return Box::new((0..array.len()).map(|row| match plain(array, row, self.from) {
                Some(text) => self.field.read_json(Some(&Json::String(text))),
                None => Fact::Absent,
            }));
        };
        let read = move |text: Option<&str>| match text.map(|text| json::at(text, path)) {
            None => Fact::Absent,
            Some(Ok(json)) => self.field.read_json(json.as_ref()),
            Some(Err(error)) => Fact::unavailable(ReasonKind::IllTyped, error.to_string()),
        };
        match array.as_string_view_opt() {
            Some(array) => Box::new(array.iter().map(read)),
            None => match array.as_string_opt::<i32>() {
                Some(array) => Box::new(array.iter().map(read)),
                None => Box::new((0..array.len()).map(|_| Fact::Absent)),
            },
        }
    }

    fn values(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let encoding = Encoding::of(&self.field.kind);
        let facts = self.facts(array).map(|fact| match fact {
            Fact::Known(value) => Some(value),
            _ => None,
        });
        Ok(match encoding.data_type() {
            DataType::Boolean => Arc::new(
                facts
                    .map(|value| match value {
                        Some(Value::Bool(value)) => Some(value),
                        _ => None,
                    })
                    .collect::<BooleanArray>(),
            ),
            DataType::Int64 => {
                let mut builder = Int64Builder::with_capacity(array.len());
                facts.for_each(|value| match value {
                    Some(Value::Int(value)) => builder.append_value(value),
                    _ => builder.append_null(),
                });
                Arc::new(builder.finish())
            }
            DataType::Decimal128(precision, scale) => {
                let mut builder = Decimal128Builder::with_capacity(array.len())
                    .with_precision_and_scale(precision, scale)?;
                facts.for_each(|value| builder.append_option(value.as_ref().and_then(number)));
                Arc::new(builder.finish())
            }
            DataType::Binary => {
                let mut builder = BinaryBuilder::new();
                facts.for_each(|value| match value {
                    Some(Value::Ip(ip)) => builder.append_value(ip_bytes(&ip)),
                    _ => builder.append_null(),
                });
                Arc::new(builder.finish())
            }
            _ => {
                let mut builder = StringBuilder::new();
                facts.for_each(|value| match value {
                    Some(Value::Text(text)) => builder.append_value(text),
                    _ => builder.append_null(),
                });
                Arc::new(builder.finish())
            }
        })
    }

    fn unavailable(&self, array: &ArrayRef) -> ArrayRef {
        let incomplete = self.facts(array).map(|fact| Some(fact.is_incomplete()));
        Arc::new(incomplete.collect::<BooleanArray>())
    }
}

/// A built-in field as the text that a declared field is read from.
fn plain(array: &ArrayRef, row: usize, column: Column) -> Option<String> {
    match column {
        Column::Ts => {
            let time = DateTime::from_timestamp_micros(int_at(array, row)?)?;
            Some(Value::Time(time).plain())
        }
        Column::TraceId | Column::SpanId => binary_at(array, row).map(super::text::to_hex),
        Column::SeverityNumber => int_at(array, row).map(|number| Value::Int(number).plain()),
        _ => text_at(array, row).map(str::to_owned),
    }
}

impl ScalarUDFImpl for ReadField {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.output {
            Output::Value => Encoding::of(&self.field.kind).data_type(),
            Output::Unavailable => DataType::Boolean,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [array] = arrays.as_slice() else {
            return datafusion::common::internal_err!("a field is read from one column");
        };
        Ok(ColumnarValue::Array(match self.output {
            Output::Value => self.values(array)?,
            Output::Unavailable => self.unavailable(array),
        }))
    }
}
