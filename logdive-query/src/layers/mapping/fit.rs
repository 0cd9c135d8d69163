//! Whether columns can hold what they are mapped to.

use arrow::datatypes::{DataType, Schema};
use datafusion::common::DataFusionError;
use logdive_core::{Field, ValueType, did_you_mean};
use thiserror::Error;

use super::time::TimeColumn;
use super::{Declared, Mapping, is_ours};

/// Names that a time's column has if nobody says which it is.
const TIMES: [&str; 3] = ["ts", "time", "timestamp"];
/// Columns nested deeper are not read: whatever walks them does so on a stack.
const DEEPEST: usize = 64;

/// A column that does not fit, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct Misfit(String);

impl Misfit {
    pub(super) fn into_engine(self) -> DataFusionError {
        DataFusionError::External(Box::new(self))
    }
}

pub(super) fn time(mapping: &Mapping, schema: &Schema) -> Result<TimeColumn, Misfit> {
    let named = mapping.time.as_deref();
    let guessed = || TIMES.into_iter().find(|name| schema.index_of(name).is_ok());
    let Some(name) = named.or_else(guessed) else {
        return Err(Misfit(format!(
            "none of its columns is named {}: say which holds the time with `time`",
            TIMES.join(", ")
        )));
    };
    let Ok(field) = schema.field_with_name(name) else { return Err(unknown(name, schema)) };
    let kind = field.data_type();
    TimeColumn::of(name, kind, mapping.unit).ok_or_else(|| {
        let help = match (mapping.unit, kind.is_integer()) {
            (None, true) => "say its unit with `epoch`",
            (Some(_), _) => "with a unit it must be a whole number",
            (None, false) => {
                "it must be a timestamp, RFC 3339 text, or a whole number with its unit said with \
                 `epoch`"
            }
        };
        Misfit(format!("its time column `{name}` is {kind}: {help}"))
    })
}

/// The type behind a dictionary.
pub(super) fn plain(kind: &DataType) -> &DataType {
    match kind {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        kind => kind,
    }
}

pub(super) fn is_text(kind: &DataType) -> bool {
    matches!(plain(kind), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

pub(super) fn is_binary(kind: &DataType) -> bool {
    matches!(
        plain(kind),
        DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
    )
}

pub(super) fn types(mapping: &Mapping, schema: &Schema) -> Result<(), Misfit> {
    for (index, field) in schema.fields().iter().enumerate() {
        let name = field.name();
        if schema.index_of(name).ok() != Some(index) {
            return Err(Misfit(format!("two of its columns are named `{name}`")));
        }
        if depth(field.data_type()) > DEEPEST {
            return Err(Misfit(format!("its column `{name}` is nested deeper than {DEEPEST}")));
        }
    }
    time(mapping, schema)?;
    let kind_of = |name: &str| schema.field_with_name(name).ok().map(|field| field.data_type());
    for (field, column) in &mapping.columns {
        let Some(kind) = kind_of(column) else { continue };
        if let Some(wanted) = unfit_field(field, kind) {
            return Err(Misfit(format!(
                "its column `{column}` is {kind} and cannot hold `{field}`: it must be {wanted}"
            )));
        }
    }
    for column in &mapping.attributes {
        let Some(kind) = kind_of(column) else { continue };
        let fits = is_text(kind) || matches!(plain(kind), DataType::Struct(_) | DataType::Map(..));
        if !fits {
            return Err(Misfit(format!(
                "its column `{column}` is {kind} and holds no attributes: it must be JSON objects \
                 as text, structs or maps"
            )));
        }
    }
    for declared in &mapping.fields {
        declared_fits(declared, schema)?;
    }
    Ok(())
}

/// What a column that is mapped to a field must be, if it is not.
fn unfit_field(field: &Field, kind: &DataType) -> Option<&'static str> {
    let nested = plain(kind).is_nested();
    match field {
        _ if *plain(kind) == DataType::Null => None,
        Field::Severity => {
            (!is_text(kind) && !plain(kind).is_integer()).then_some("text or a whole number")
        }
        Field::TraceId | Field::SpanId => {
            (!is_text(kind) && !is_binary(kind)).then_some("bytes or hexadecimal text")
        }
        Field::Body => None,
        _ => nested.then_some("a single value"),
    }
}

fn declared_fits(declared: &Declared, schema: &Schema) -> Result<(), Misfit> {
    let Some((column, inner)) = declared.path.split_first() else {
        return Err(Misfit(format!("its field `{}` is at no path", declared.name)));
    };
    let Ok(field) = schema.field_with_name(column) else { return Ok(()) };
    let (name, kind) = (&declared.name, field.data_type());
    let wrong = |found: &DataType, wanted: &str| {
        Misfit(format!(
            "its column `{}` is {found} and cannot hold `{name}`, {}: it must be {wanted}",
            declared.path.join("."),
            article(&declared.kind),
        ))
    };
    let mut kind = plain(kind);
    for key in inner {
        kind = match kind {
            DataType::Struct(fields) => match fields.iter().find(|field| field.name() == key) {
                Some(field) => plain(field.data_type()),
                None => {
                    let help = help(key, fields.iter().map(|field| field.name().as_str()));
                    return Err(Misfit(format!(
                        "its column `{column}` has no `{key}` for `{name}` ({help})"
                    )));
                }
            },
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) => match fields.get(1) {
                    Some(values) => plain(values.data_type()),
                    None => return Ok(()),
                },
                _ => return Ok(()),
            },
            other => return Err(wrong(other, "a struct or a map, to hold a path")),
        };
    }
    match unfit_value(&declared.kind, declared.unit.is_some(), kind) {
        Some(wanted) => Err(wrong(kind, wanted)),
        None => Ok(()),
    }
}

fn article(kind: &ValueType) -> String {
    let name = kind.to_string();
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// What a column of a declared field must be, if it is not.
fn unfit_value(kind: &ValueType, with_unit: bool, column: &DataType) -> Option<&'static str> {
    let (text, whole) = (is_text(column), column.is_integer());
    let number = column.is_numeric();
    let (fits, wanted) = match kind {
        ValueType::Bool => (text || *column == DataType::Boolean, "boolean or text"),
        ValueType::Int | ValueType::Severity => (text || whole, "a whole number or text"),
        ValueType::Decimal => (text || number, "a number or text"),
        ValueType::Time => {
            (text || matches!(column, DataType::Timestamp(..)), "a timestamp or RFC 3339 text")
        }
        ValueType::Duration if with_unit => (text || whole, "a whole number or text"),
        ValueType::Duration => (text, "text, or declared with `duration` and its unit"),
        ValueType::Ip => (text, "text"),
        _ => (!column.is_nested(), "a single value"),
    };
    (!fits && *column != DataType::Null).then_some(wanted)
}

pub(super) fn missing(mapping: &Mapping, schema: &Schema) -> Result<(), Misfit> {
    // Keys of what is opened are not known before it is read.
    let in_columns = mapping.fields.iter().filter(|_| mapping.attributes.is_empty());
    let used = mapping
        .columns
        .iter()
        .map(|(_, column)| column)
        .chain(&mapping.attributes)
        .chain(in_columns.filter_map(|declared| declared.path.first()))
        .chain(&mapping.time);
    for column in used {
        if schema.index_of(column).is_err() {
            return Err(unknown(column, schema));
        }
    }
    Ok(())
}

fn unknown(column: &str, schema: &Schema) -> Misfit {
    let known = schema.fields().iter().map(|field| field.name().as_str());
    let help = help(column, known.filter(|name| !is_ours(name)));
    Misfit(format!("it has no column `{column}` ({help})"))
}

fn help<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match did_you_mean(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// How deep a type is nested, up to a little more than is read.
fn depth(kind: &DataType) -> usize {
    let mut deepest = 0;
    let mut open = vec![(kind, 1_usize)];
    while let Some((kind, depth)) = open.pop() {
        deepest = deepest.max(depth);
        if depth > DEEPEST {
            return depth;
        }
        match kind {
            DataType::Struct(fields) => {
                open.extend(fields.iter().map(|field| (field.data_type(), depth + 1)));
            }
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::ListView(field)
            | DataType::LargeListView(field)
            | DataType::FixedSizeList(field, _)
            | DataType::Map(field, _)
            | DataType::RunEndEncoded(_, field) => open.push((field.data_type(), depth + 1)),
            DataType::Dictionary(_, values) => open.push((values, depth + 1)),
            DataType::Union(fields, _) => {
                open.extend(fields.iter().map(|(_, field)| (field.data_type(), depth + 1)));
            }
            _ => {}
        }
    }
    deepest
}
