//! Reading single values out of Arrow columns.

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};

/// A text; `None` if null or not text.
pub(crate) fn text_at(array: &ArrayRef, row: usize) -> Option<&str> {
    if !array.is_valid(row) {
        return None;
    }
    if let Some(array) = array.as_string_opt::<i32>() {
        return Some(array.value(row));
    }
    array.as_string_view_opt().map(|array| array.value(row))
}

/// An integer, or a time in microseconds; `None` if null or another.
pub(crate) fn int_at(array: &ArrayRef, row: usize) -> Option<i64> {
    if !array.is_valid(row) {
        return None;
    }
    if let Some(array) = array.as_primitive_opt::<Int64Type>() {
        return Some(array.value(row));
    }
    if let Some(array) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        return Some(array.value(row));
    }
    array.as_primitive_opt::<Int32Type>().map(|array| array.value(row).into())
}

/// Bytes; `None` if null or not binary.
pub(crate) fn binary_at(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    if !array.is_valid(row) {
        return None;
    }
    array.as_binary_opt::<i32>().map(|array| array.value(row))
}
