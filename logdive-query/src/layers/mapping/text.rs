//! Columns of any type as text.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Expr, Volatility, create_udf, lit};

use super::fit::{is_text, plain};
use super::{json, raw};

/// How times are written.
pub(super) fn options() -> FormatOptions<'static> {
    FormatOptions::default()
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.f%:z"))
}

/// A column of a schema as text; null if the schema does not have it.
pub(super) fn of_column(column: &str, schema: &Schema) -> Expr {
    let Ok(field) = schema.field_with_name(column) else {
        return lit(ScalarValue::Utf8(None));
    };
    let work = |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let Some(array) = arrays.first() else {
            return datafusion::common::internal_err!("a text is made of one column");
        };
        Ok(ColumnarValue::Array(Arc::new(texts(array)?)))
    };
    match field.data_type() {
        // As it is, so that conditions on it prune.
        DataType::Utf8 => raw(column),
        kind => {
            let kinds = vec![kind.clone()];
            create_udf("as text", kinds, DataType::Utf8, Volatility::Immutable, Arc::new(work))
                .call(vec![raw(column)])
        }
    }
}

/// Values as text: bytes as the text they are, replaced where they are none; bytes of a fixed
/// length as hexadecimal digits; what is nested as JSON.
pub(super) fn texts(array: &ArrayRef) -> Result<StringArray> {
    let array = cast(array, plain(array.data_type()))?;
    if is_text(array.data_type()) {
        return Ok(cast(&array, &DataType::Utf8)?.as_string::<i32>().clone());
    }
    let mut builder = StringBuilder::new();
    match array.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let bytes = cast(&array, &DataType::LargeBinary)?;
            for bytes in bytes.as_binary::<i64>() {
                builder.append_option(bytes.map(String::from_utf8_lossy));
            }
        }
        DataType::FixedSizeBinary(_) => {
            for bytes in array.as_fixed_size_binary() {
                builder.append_option(bytes.map(crate::lower::to_hex));
            }
        }
        kind if kind.is_nested() => {
            for (row, value) in json::values(&array)?.into_iter().enumerate() {
                builder.append_option(array.is_valid(row).then(|| value.to_string()));
            }
        }
        _ => {
            let options = options();
            let formatter = ArrayFormatter::try_new(&array, &options)?;
            for row in 0..array.len() {
                let text = array.is_valid(row).then(|| formatter.value(row).try_to_string());
                builder.append_option(text.transpose()?);
            }
        }
    }
    Ok(builder.finish())
}
