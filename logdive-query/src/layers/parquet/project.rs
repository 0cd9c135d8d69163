//! Columns of foreign files as columns of log lines.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BinaryBuilder, Int32Builder, Int64Array, StringBuilder};
use arrow::datatypes::{DataType, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlanBuilder, Volatility, cast, create_udf, ident, lit, try_cast,
};
use logdive_core::log::{Column, shape};
use logdive_core::{Field, LayerName, LogSeverity};
use serde_json::{Map, Value as Json};

use crate::columns::{binary_at, text_at};

/// Whether a column can be mapped to a field.
pub(super) const fn can_hold(field: &Field) -> bool {
    !matches!(field, Field::Named(_) | Field::Layer | Field::ParseError)
}

/// The files' columns as log lines.
pub(super) fn lines(
    scan: LogicalPlanBuilder,
    layer: &LayerName,
    schema: &Schema,
    columns: &[(Field, String)],
) -> Result<LogicalPlanBuilder> {
    let mapped = |field: &Field| {
        columns.iter().find(|(found, _)| found == field).map(|(_, column)| ident(column))
    };
    let text = |field: &Field| match mapped(field) {
        Some(column) => try_cast(column, DataType::Utf8),
        None => null(&DataType::Utf8),
    };
    let zone = || Some(Arc::from("UTC"));
    let time = mapped(&Field::Time).unwrap_or_else(|| null(&DataType::Utf8));
    let nanos = try_cast(
        try_cast(time.clone(), DataType::Timestamp(TimeUnit::Nanosecond, zone())),
        DataType::Int64,
    );
    let micros = try_cast(time, DataType::Timestamp(TimeUnit::Microsecond, zone()));
    let epoch = ScalarValue::TimestampMicrosecond(Some(0), Some("UTC".into()));
    let (body, event) = (text(&Field::Body), text(&Field::Event));
    let exprs = Column::ALL.iter().map(|column| {
        let expr = match column {
            // A line without a time is in no window; how many there are is counted.
            Column::Ts => coalesce(vec![micros.clone(), lit(epoch.clone())]),
            Column::Layer => lit(layer.as_str()),
            Column::SeverityNumber => severity(text(&Field::Severity)),
            Column::ServiceName => text(&Field::Service),
            Column::Emitter => text(&Field::Emitter),
            Column::Seq => lit(0_i64),
            Column::TimeUnixNano => nanos.clone(),
            Column::ObservedTimeUnixNano => coalesce(vec![nanos.clone(), lit(0_i64)]),
            Column::SeverityText => match mapped(&Field::SeverityText) {
                Some(_) => text(&Field::SeverityText),
                None => text(&Field::Severity),
            },
            Column::EventName => event.clone(),
            Column::Uid => text(&Field::Uid),
            Column::RequestId => text(&Field::RequestId),
            Column::TraceId => id(mapped(&Field::TraceId), schema, columns, &Field::TraceId),
            Column::SpanId => id(mapped(&Field::SpanId), schema, columns, &Field::SpanId),
            Column::Shape => shaped(coalesce(vec![body.clone(), event.clone(), lit("")])),
            Column::Body => body.clone(),
            Column::Attributes => attributes(schema, columns),
            Column::Source => text(&Field::Source),
            Column::Format => lit("parquet"),
            other => null(&other.data_type()),
        };
        cast(expr, column.data_type()).alias(column.name())
    });
    scan.project(exprs.collect::<Vec<_>>())
}

fn null(kind: &DataType) -> Expr {
    lit(ScalarValue::try_from(kind).unwrap_or(ScalarValue::Null))
}

/// A function of one text.
fn of_text(
    name: &str,
    argument: Expr,
    returns: DataType,
    work: impl Fn(&ArrayRef) -> ArrayRef + Send + Sync + 'static,
) -> Expr {
    let work = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let array =
            arrays.first().cloned().unwrap_or_else(|| Arc::new(Int64Array::from_iter_values([])));
        Ok(ColumnarValue::Array(work(&array)))
    };
    create_udf(name, vec![DataType::Utf8], returns, Volatility::Immutable, Arc::new(work))
        .call(vec![argument])
}

fn shaped(text: Expr) -> Expr {
    of_text("shape", text, DataType::Int64, |array| {
        let shapes = (0..array.len()).map(|row| shape(text_at(array, row).unwrap_or_default()));
        Arc::new(Int64Array::from_iter_values(shapes))
    })
}

/// A severity by its number or word.
fn severity(text: Expr) -> Expr {
    of_text("severity number", text, DataType::Int32, |array| {
        let mut builder = Int32Builder::with_capacity(array.len());
        for row in 0..array.len() {
            let found = text_at(array, row).and_then(crate::levels::severity);
            builder.append_option(found.map(|severity: LogSeverity| i32::from(severity.number())));
        }
        Arc::new(builder.finish())
    })
}

/// An id in bytes, or of hexadecimal digits.
fn id(mapped: Option<Expr>, schema: &Schema, columns: &[(Field, String)], field: &Field) -> Expr {
    let Some(column) = mapped else { return null(&DataType::Binary) };
    let name = columns.iter().find(|(found, _)| found == field).map(|(_, name)| name.as_str());
    let kind = name.and_then(|name| schema.field_with_name(name).ok()).map(|f| f.data_type());
    match kind {
        Some(
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_),
        ) => try_cast(column, DataType::Binary),
        _ => of_text("bytes of hex", try_cast(column, DataType::Utf8), DataType::Binary, |array| {
            let mut builder = BinaryBuilder::new();
            for row in 0..array.len() {
                let text = text_at(array, row).map(str::to_ascii_lowercase);
                builder.append_option(text.and_then(|text| crate::lower::from_hex(&text)));
            }
            Arc::new(builder.finish())
        }),
    }
}

/// Every column that is not a field of all layers, as one JSON object.
fn attributes(schema: &Schema, columns: &[(Field, String)]) -> Expr {
    let kept: Vec<_> = schema
        .fields()
        .iter()
        .filter(|field| !columns.iter().any(|(_, column)| column == field.name()))
        .cloned()
        .collect();
    if kept.is_empty() {
        return null(&DataType::Utf8);
    }
    let names: Vec<String> = kept.iter().map(|field| field.name().clone()).collect();
    let kinds = kept.iter().map(|field| field.data_type().clone()).collect();
    let arguments = names.iter().map(ident).collect();
    let work = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let mut builder = StringBuilder::new();
        for row in 0..arrays.first().map_or(0, |array| array.len()) {
            let mut object = Map::new();
            for (name, array) in names.iter().zip(&arrays) {
                if array.is_valid(row) {
                    object.insert(name.clone(), json(array, row));
                }
            }
            builder.append_value(Json::Object(object).to_string());
        }
        Ok(ColumnarValue::Array(Arc::new(builder.finish())))
    };
    create_udf("attributes", kinds, DataType::Utf8, Volatility::Immutable, Arc::new(work))
        .call(arguments)
}

/// A value as JSON: numbers and bools as they are, all else as text.
fn json(array: &ArrayRef, row: usize) -> Json {
    if let Some(text) = text_at(array, row) {
        return text.into();
    }
    if let Some(bytes) = binary_at(array, row) {
        return crate::lower::to_hex(bytes).into();
    }
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    let options = options.with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.f%:z"));
    let text = match ArrayFormatter::try_new(array, &options) {
        Ok(formatter) => formatter.value(row).to_string(),
        Err(error) => return format!("({error})").into(),
    };
    let plain = array.data_type().is_numeric() || *array.data_type() == DataType::Boolean;
    match serde_json::from_str(&text) {
        Ok(json) if plain => json,
        _ => text.into(),
    }
}
