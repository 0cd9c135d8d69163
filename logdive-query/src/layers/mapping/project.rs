//! Columns of foreign tables as columns of log lines.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryBuilder, Int32Builder, Int64Array, StringBuilder,
};
use arrow::compute::cast as cast_array;
use arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlanBuilder, Volatility, cast, create_udf, lit,
};
use logdive_core::log::{Column, shape};
use logdive_core::{Field, LayerName, LogSeverity};
use serde_json::{Map, Value as Json};

use super::fit::{is_binary, plain};
use super::time::TimeColumn;
use super::{Mapping, is_ours, json, raw, text};
use crate::columns::text_at;

/// Whether a column can be mapped to a field.
pub(super) const fn can_hold(field: &Field) -> bool {
    !matches!(field, Field::Named(_) | Field::Layer | Field::ParseError)
}

/// A table's columns as log lines.
pub(super) fn lines(
    mapping: &Mapping,
    time: &TimeColumn,
    scan: LogicalPlanBuilder,
    layer: &LayerName,
    schema: &Schema,
    format: &str,
) -> Result<LogicalPlanBuilder> {
    let text = |field: &Field| mapping.text(field, schema);
    let (nanos, micros) = (time.nanos(), time.micros());
    let (body, event) = (text(&Field::Body), text(&Field::Event));
    let exprs = Column::ALL.iter().map(|column| {
        let expr = match column {
            // Lines without a time are left out before; the column has no nulls all the same.
            Column::Ts => coalesce(vec![micros.clone(), lit(0_i64)]),
            Column::Layer => lit(layer.as_str()),
            Column::SeverityNumber => severity(text(&Field::Severity)),
            Column::ServiceName => text(&Field::Service),
            Column::Emitter => text(&Field::Emitter),
            Column::Seq => lit(0_i64),
            Column::TimeUnixNano => nanos.clone(),
            // A time beyond what nanoseconds hold: the nearest that they do.
            Column::ObservedTimeUnixNano => coalesce(vec![nanos.clone(), nearest(micros.clone())]),
            Column::SeverityText => match mapping.holding(&Field::SeverityText, schema) {
                Some(_) => text(&Field::SeverityText),
                None => text(&Field::Severity),
            },
            Column::EventName => event.clone(),
            Column::Uid => text(&Field::Uid),
            Column::RequestId => text(&Field::RequestId),
            Column::TraceId => id(mapping, schema, &Field::TraceId),
            Column::SpanId => id(mapping, schema, &Field::SpanId),
            Column::Shape => shaped(coalesce(vec![body.clone(), event.clone(), lit("")])),
            Column::Body => body.clone(),
            Column::Attributes => attributes(mapping, time, schema),
            Column::Source => text(&Field::Source),
            Column::Format => lit(format),
            other => lit(ScalarValue::try_from(&other.data_type()).unwrap_or(ScalarValue::Null)),
        };
        cast(expr, column.data_type()).alias(column.name())
    });
    scan.project(exprs.collect::<Vec<_>>())
}

/// A function of one column.
fn of_one(
    name: &str,
    argument: Expr,
    kind: DataType,
    returns: DataType,
    work: impl Fn(&ArrayRef) -> Result<ArrayRef> + Send + Sync + 'static,
) -> Expr {
    let work = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let Some(array) = arrays.first() else {
            return datafusion::common::internal_err!("a function of one column has none");
        };
        Ok(ColumnarValue::Array(work(array)?))
    };
    create_udf(name, vec![kind], returns, Volatility::Immutable, Arc::new(work))
        .call(vec![argument])
}

fn nearest(micros: Expr) -> Expr {
    of_one("nearest nanosecond", micros, DataType::Int64, DataType::Int64, |array| {
        let nearest = array.as_primitive::<Int64Type>().iter().map(|micros| {
            let micros = micros.unwrap_or_default();
            Some(micros.saturating_mul(1_000))
        });
        Ok(Arc::new(nearest.collect::<Int64Array>()))
    })
}

fn shaped(text: Expr) -> Expr {
    of_one("shape", text, DataType::Utf8, DataType::Int64, |array| {
        let shapes = (0..array.len()).map(|row| shape(text_at(array, row).unwrap_or_default()));
        Ok(Arc::new(Int64Array::from_iter_values(shapes)))
    })
}

/// A severity by its number or word.
fn severity(text: Expr) -> Expr {
    of_one("severity number", text, DataType::Utf8, DataType::Int32, |array| {
        let mut builder = Int32Builder::with_capacity(array.len());
        for row in 0..array.len() {
            let found = text_at(array, row).and_then(crate::levels::severity);
            builder.append_option(found.map(|severity: LogSeverity| i32::from(severity.number())));
        }
        Ok(Arc::new(builder.finish()))
    })
}

/// An id in bytes, or of hexadecimal digits.
fn id(mapping: &Mapping, schema: &Schema, field: &Field) -> Expr {
    let found = mapping.holding(field, schema).and_then(|name| schema.field_with_name(name).ok());
    let Some(column) = found else { return lit(ScalarValue::Binary(None)) };
    let length = id_length(field);
    let kind = column.data_type().clone();
    of_one("id", raw(column.name()), kind, DataType::Binary, move |array| {
        let mut builder = BinaryBuilder::new();
        for id in ids(array, length)? {
            builder.append_option(id);
        }
        Ok(Arc::new(builder.finish()))
    })
}

const fn id_length(field: &Field) -> usize {
    if matches!(field, Field::TraceId) { 16 } else { 8 }
}

/// Ids of a length: bytes of it, or as many hexadecimal digits as that takes. Any other is absent.
fn ids(array: &ArrayRef, length: usize) -> Result<Vec<Option<Vec<u8>>>> {
    let array = cast_array(array, plain(array.data_type()))?;
    let found: Vec<Option<Vec<u8>>> = if is_binary(array.data_type()) {
        let bytes = cast_array(&array, &DataType::LargeBinary)?;
        bytes.as_binary::<i64>().iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect()
    } else {
        let texts = text::texts(&array)?;
        let read = |text: &str| crate::lower::from_hex(&text.to_ascii_lowercase());
        texts.iter().map(|text| text.and_then(read)).collect()
    };
    Ok(found.into_iter().map(|id| id.filter(|id| id.len() == length)).collect())
}

/// How a column becomes attributes.
#[derive(Debug, Clone)]
enum Kept {
    /// Under its name.
    Whole,
    /// By its keys.
    Opened,
    /// Under its name where the time is beyond what nanoseconds hold: the exact one is nowhere else.
    FarTime(TimeColumn),
    /// Under its name where it is no id of this length.
    OddId(usize),
}

/// Every column that is not a field of all layers, as one JSON object.
fn attributes(mapping: &Mapping, time: &TimeColumn, schema: &Schema) -> Expr {
    let mut kept = Vec::new();
    for field in schema.fields().iter().filter(|field| !is_ours(field.name())) {
        let name = field.name();
        let mapped = mapping.columns.iter().find(|(_, column)| column == name);
        let how = match mapped {
            _ if name == time.name() => Kept::FarTime(time.clone()),
            Some((field @ (Field::TraceId | Field::SpanId), _)) => Kept::OddId(id_length(field)),
            Some(_) => continue,
            None if mapping.attributes.contains(name) => Kept::Opened,
            None => Kept::Whole,
        };
        kept.push((name.clone(), field.data_type().clone(), how));
    }
    let reserved = mapping.attributes.clone();
    let whole = kept.iter().any(|(.., how)| matches!(how, Kept::Whole | Kept::Opened));
    let arguments = kept.iter().map(|(name, ..)| raw(name)).collect();
    let kinds = kept.iter().map(|(_, kind, _)| kind.clone()).collect();
    let work = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let rows = arrays.first().map_or(0, |array| array.len());
        let mut objects = vec![Map::new(); rows];
        // What is under its own name first: an opened column gives way to it.
        let opened = |how: &Kept| matches!(how, Kept::Opened);
        for now in [false, true] {
            let columns = kept.iter().zip(&arrays).filter(|((.., how), _)| opened(how) == now);
            for ((name, _, how), array) in columns {
                keep(&mut objects, name, how, array, &reserved)?;
            }
        }
        let mut builder = StringBuilder::new();
        for object in objects {
            let there = whole || !object.is_empty();
            builder.append_option(there.then(|| Json::Object(object).to_string()));
        }
        Ok(ColumnarValue::Array(Arc::new(builder.finish())))
    };
    create_udf("attributes", kinds, DataType::Utf8, Volatility::Immutable, Arc::new(work))
        .call(arguments)
}

fn keep(
    objects: &mut [Map<String, Json>],
    name: &str,
    how: &Kept,
    array: &ArrayRef,
    reserved: &[String],
) -> Result<()> {
    let skipped: Option<Vec<bool>> = match how {
        Kept::FarTime(time) => {
            let nanos = time.nanos_of(array)?;
            if nanos.null_count() == 0 {
                return Ok(());
            }
            Some((0..nanos.len()).map(|row| nanos.is_valid(row)).collect())
        }
        Kept::OddId(length) => Some(ids(array, *length)?.iter().map(Option::is_some).collect()),
        Kept::Whole | Kept::Opened => None,
    };
    for (row, (object, value)) in objects.iter_mut().zip(json::values(array)?).enumerate() {
        let skipped = skipped.as_ref().and_then(|skipped| skipped.get(row)).is_some_and(|s| *s);
        if value.is_null() || skipped {
            continue;
        }
        match (how, value) {
            (Kept::Opened, Json::Object(found)) => open(object, name, found, reserved),
            (Kept::Opened, Json::String(found)) => match serde_json::from_str(&found) {
                Ok(Json::Object(found)) => open(object, name, found, reserved),
                _ => {
                    object.entry(name).or_insert_with(|| found.into());
                }
            },
            (_, value) => {
                object.entry(name).or_insert(value);
            }
        }
    }
    Ok(())
}

/// Puts the keys of an opened column beside those that are there; those that are taken stay
/// together under the column's name, which is therefore never taken.
fn open(object: &mut Map<String, Json>, name: &str, found: Map<String, Json>, reserved: &[String]) {
    let mut taken = Map::new();
    for (key, value) in found {
        if object.contains_key(&key) || reserved.contains(&key) {
            taken.insert(key, value);
        } else {
            object.insert(key, value);
        }
    }
    if !taken.is_empty() {
        object.entry(name).or_insert_with(|| taken.into());
    }
}
