//! Lowering: core's predicates as DataFusion expressions, with literals only.
//!
//! SQL's three-valued logic is strong Kleene logic, so a predicate's truth is a nullable bool. The
//! meaning is that of core's row evaluator; a differential test holds the two together.

use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, cast, col, lit, when};
use logdive_core::log::Column;
use logdive_core::{Field, FieldPath, Layer, LayerField, Predicate, Window};

mod encoding;
mod json;
mod lists;
mod phrase;
mod read;
mod terms;
mod text;

pub(crate) use encoding::{Encoding, decode};
pub(crate) use text::{from_hex, to_hex};

use self::terms::Terms;

/// The column that holds a built-in field.
pub(crate) const fn column_of(field: &Field) -> Option<Column> {
    Some(match field {
        Field::Time => Column::Ts,
        Field::Severity => Column::SeverityNumber,
        Field::SeverityText => Column::SeverityText,
        Field::Layer => Column::Layer,
        Field::Service => Column::ServiceName,
        Field::Emitter => Column::Emitter,
        Field::Event => Column::EventName,
        Field::Body => Column::Body,
        Field::RequestId => Column::RequestId,
        Field::TraceId => Column::TraceId,
        Field::SpanId => Column::SpanId,
        Field::Uid => Column::Uid,
        Field::Source => Column::Source,
        Field::ParseError => Column::ParseError,
        _ => return None,
    })
}

pub(crate) fn column(column: Column) -> Expr {
    col(column.name())
}

fn unknown() -> Expr {
    lit(ScalarValue::Boolean(None))
}

/// A definite answer for lines that have the field, unknown for others.
fn if_known(value: &Expr, answer: bool) -> Expr {
    choose(value.clone().is_null(), unknown(), lit(answer))
}

/// `CASE WHEN condition THEN yes ELSE no END`
fn choose(condition: Expr, yes: Expr, no: Expr) -> Expr {
    match when(condition, yes).otherwise(no) {
        Ok(expr) => expr,
        // Both branches are of one type, always.
        Err(_) => unknown(),
    }
}

/// Lines whose time is in a window.
pub(crate) fn in_window(window: &Window) -> Expr {
    let bound = |time: DateTime<Utc>| lit(timestamp(ceil_micros(time)));
    column(Column::Ts).gt_eq(bound(window.from())).and(column(Column::Ts).lt(bound(window.to())))
}

/// The first microsecond at or behind a time.
pub(crate) fn ceil_micros(time: DateTime<Utc>) -> i64 {
    let micros = time.timestamp_micros();
    micros.saturating_add(i64::from(!time.timestamp_subsec_nanos().is_multiple_of(1_000)))
}

fn timestamp(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
}

/// Lowers what is read from the lines of one layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lowering<'a> {
    layer: &'a Layer,
}

impl<'a> Lowering<'a> {
    pub(crate) const fn new(layer: &'a Layer) -> Self {
        Self { layer }
    }

    fn declared(&self, field: &Field) -> Option<&'a LayerField> {
        self.layer.declared(field)
    }

    /// A field's value, null where it is absent or cannot be had; `None` if the layer does not
    /// have it.
    pub(crate) fn value(&self, field: &Field) -> Option<(Expr, Encoding)> {
        if let Some(declared) = self.declared(field) {
            let encoding = Encoding::of(&declared.kind);
            return Some((read::value(declared, read_from(declared)), encoding));
        }
        let expr = column(column_of(field)?);
        Some(match field {
            Field::Time => (expr, Encoding::Timestamp),
            Field::Severity => (cast(expr, arrow::datatypes::DataType::Int64), Encoding::Int),
            Field::TraceId | Field::SpanId => (text::hex(expr), Encoding::Text),
            _ => (expr, Encoding::Text),
        })
    }

    /// The columns that a field is read from.
    pub(crate) fn reads(&self, field: &Field) -> Option<Column> {
        match self.declared(field) {
            Some(declared) => Some(read_from(declared)),
            None => column_of(field),
        }
    }

    /// Whether a field cannot be had: never null.
    pub(crate) fn unavailable(&self, field: &Field) -> Expr {
        match self.declared(field) {
            Some(declared) => read::unavailable(declared, read_from(declared)),
            None => lit(false),
        }
    }

    /// Whether any of the fields that a predicate reads cannot be had; `None` if that cannot be.
    pub(crate) fn any_unavailable(&self, predicate: &Predicate) -> Option<Expr> {
        let declared = predicate.fields().into_iter().filter(|f| self.declared(f).is_some());
        let terms: Vec<Expr> = declared.map(|field| self.unavailable(field)).collect();
        (!terms.is_empty()).then(|| balanced(terms, false))
    }

    /// A predicate's truth: true, false, or null for unknown.
    pub(crate) fn truth(&self, predicate: &Predicate) -> Expr {
        Terms::new(*self, predicate).truth(predicate)
    }
}

/// The column that a declared field is read from.
fn read_from(declared: &LayerField) -> Column {
    match &declared.path {
        FieldPath::Resource(_) => Column::Resource,
        FieldPath::Field(field) => column_of(field).unwrap_or(Column::Attributes),
        _ => Column::Attributes,
    }
}

/// Joins terms as a balanced tree: depth is what overflows a stack.
pub(crate) fn balanced(mut terms: Vec<Expr>, all: bool) -> Expr {
    while terms.len() > 1 {
        let mut joined = Vec::with_capacity(terms.len().div_ceil(2));
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            joined.push(match rest.next() {
                Some(right) if all => left.and(right),
                Some(right) => left.or(right),
                None => left,
            });
        }
        terms = joined;
    }
    terms.pop().unwrap_or_else(|| lit(all))
}

#[cfg(test)]
mod tests;
