//! Lowering: core's predicates as DataFusion expressions, with literals only.
//!
//! SQL's three-valued logic is strong Kleene logic, so a predicate's truth is a nullable bool. The
//! meaning is that of core's row evaluator; a differential test holds the two together.

use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, cast, col, in_list, lit, not, when};
use logdive_core::log::Column;
use logdive_core::{
    Comparison, Field, FieldPath, Layer, LayerField, Predicate, TextTest, Value, Window,
};

mod encoding;
mod read;
mod text;

pub(crate) use encoding::{Encoding, decode, from_number};
pub(crate) use text::{from_hex, to_hex};

use self::encoding::literal;

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
        match predicate {
            Predicate::And(terms) => balanced(self.all(terms), true),
            Predicate::Or(terms) => balanced(self.all(terms), false),
            Predicate::Not(term) => not(self.truth(term)),
            Predicate::Compare { field, comparison, value } => {
                self.compare(field, *comparison, value)
            }
            Predicate::In { field, values } => self.member(field, values),
            Predicate::Text { field, test, text } => self.text(field, *test, text),
            Predicate::Absent(field) => match (self.declared(field), self.value(field)) {
                (Some(_), Some((value, _))) => {
                    choose(self.unavailable(field), unknown(), value.is_null())
                }
                (None, Some(_)) => match column_of(field) {
                    Some(found) => column(found).is_null(),
                    None => lit(true),
                },
                (_, None) => lit(true),
            },
            Predicate::Unavailable(field) => self.unavailable(field),
        }
    }

    fn all(&self, terms: &[Predicate]) -> Vec<Expr> {
        let shared =
            |field: &Field| terms.iter().filter(|term| term.fields().contains(&field)).count() > 1;
        terms
            .iter()
            .map(|term| match term {
                // The optimiser joins lists of one expression and makes false of an empty meeting
                // of two, where a line without the field is unknown. Lists over attributes prune
                // nothing, so they are kept apart always; over columns where they could meet.
                Predicate::In { field, .. } if self.declared(field).is_some() || shared(field) => {
                    text::kept(self.truth(term))
                }
                term => self.truth(term),
            })
            .collect()
    }

    fn compare(&self, field: &Field, comparison: Comparison, value: &Value) -> Expr {
        let Some((expr, encoding)) = self.value(field) else { return unknown() };
        if encoding == Encoding::Timestamp {
            let Value::Time(time) = value else { return unknown() };
            return compare_time(expr, comparison, *time);
        }
        if comparison == Comparison::Equal
            && let Some(equal) = binary_id(field, std::slice::from_ref(value))
        {
            return equal;
        }
        let Some(constant) = literal(value, encoding) else { return unknown() };
        let constant = lit(constant);
        match comparison {
            Comparison::Equal => expr.eq(constant),
            Comparison::NotEqual => expr.not_eq(constant),
            Comparison::Less => expr.lt(constant),
            Comparison::LessOrEqual => expr.lt_eq(constant),
            Comparison::Greater => expr.gt(constant),
            Comparison::GreaterOrEqual => expr.gt_eq(constant),
        }
    }

    fn member(&self, field: &Field, values: &[Value]) -> Expr {
        let Some((expr, encoding)) = self.value(field) else { return unknown() };
        if values.is_empty() {
            return if_known(&expr, false);
        }
        if encoding == Encoding::Timestamp {
            let terms =
                values.iter().map(|value| self.compare(field, Comparison::Equal, value)).collect();
            return balanced(terms, false);
        }
        if let Some(member) = binary_id(field, values) {
            return member;
        }
        let constants: Vec<Option<ScalarValue>> =
            values.iter().map(|value| literal(value, encoding)).collect();
        let ill_typed = constants.iter().any(Option::is_none);
        let constants: Vec<Expr> = constants.into_iter().flatten().map(lit).collect();
        let member = match constants.is_empty() {
            true => if_known(&expr, false),
            false => in_list(expr, constants, false),
        };
        // A constant of another type compares with nothing: unknown.
        if ill_typed { member.or(unknown()) } else { member }
    }

    fn text(&self, field: &Field, test: TextTest, text: &str) -> Expr {
        match self.value(field) {
            Some((expr, Encoding::Text)) => text::test(expr, test, text),
            _ => unknown(),
        }
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

/// `ts` has microseconds, constants have nanoseconds.
fn compare_time(expr: Expr, comparison: Comparison, time: DateTime<Utc>) -> Expr {
    let micros = time.timestamp_micros();
    let whole = ceil_micros(time) == micros;
    let floor = lit(timestamp(micros));
    match (comparison, whole) {
        (Comparison::Equal, true) => expr.eq(floor),
        (Comparison::Equal, false) => if_known(&expr, false),
        (Comparison::NotEqual, true) => expr.not_eq(floor),
        (Comparison::NotEqual, false) => if_known(&expr, true),
        (Comparison::Less, true) => expr.lt(floor),
        (Comparison::GreaterOrEqual, true) => expr.gt_eq(floor),
        (Comparison::Less, false) | (Comparison::LessOrEqual, _) => expr.lt_eq(floor),
        (Comparison::GreaterOrEqual, false) | (Comparison::Greater, _) => expr.gt(floor),
    }
}

/// Equality with hexadecimal ids as one of bytes, so that it prunes; `None` if the field is not
/// such an id or one of the constants is not how we would write it.
fn binary_id(field: &Field, values: &[Value]) -> Option<Expr> {
    let (Field::TraceId | Field::SpanId) = field else { return None };
    let ids: Option<Vec<Expr>> = values
        .iter()
        .map(|value| match value {
            Value::Text(text) => from_hex(text).map(|id| lit(ScalarValue::Binary(Some(id)))),
            _ => None,
        })
        .collect();
    Some(in_list(column(column_of(field)?), ids?, false))
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
