//! The terms of one predicate, each as an expression that is true, false or null.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, in_list, lit, not};
use ipnet::IpNet;
use logdive_core::{Comparison, Field, Predicate, Value};

use super::encoding::{ip_bytes, literal};
use super::lists::crowded;
use super::{
    Encoding, Lowering, balanced, ceil_micros, choose, column, column_of, from_hex, if_known, text,
    timestamp, unknown,
};

/// Lowers the terms of one predicate.
pub(super) struct Terms<'a> {
    lowering: Lowering<'a>,
    crowded: HashSet<&'a Field>,
}

impl<'a> Terms<'a> {
    pub(super) fn new(lowering: Lowering<'a>, predicate: &'a Predicate) -> Self {
        Self { lowering, crowded: crowded(predicate) }
    }

    pub(super) fn truth(&self, predicate: &Predicate) -> Expr {
        let all = |terms: &[Predicate]| terms.iter().map(|term| self.truth(term)).collect();
        match predicate {
            Predicate::And(terms) => balanced(all(terms), true),
            Predicate::Or(terms) => balanced(all(terms), false),
            Predicate::Not(term) => not(self.truth(term)),
            Predicate::Compare { field, comparison, value } => {
                let truth = self.compare(field, *comparison, value);
                let joins = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
                if joins && self.crowded.contains(field) { text::kept(truth) } else { truth }
            }
            Predicate::In { field, values } => {
                let truth = self.member(field, values);
                // A list over an attribute prunes nothing.
                let prunes = self.lowering.declared(field).is_none();
                let keep = !prunes || self.crowded.contains(field);
                if keep { text::kept(truth) } else { truth }
            }
            Predicate::Text { field, test, text } => {
                self.text(field, |expr| text::test(expr, *test, text))
            }
            Predicate::Phrase { field, phrase } => {
                self.text(field, |expr| text::phrase(expr, phrase))
            }
            Predicate::Matches { field, pattern } => match pattern.check() {
                Ok(()) => self.text(field, |expr| text::matches(expr, pattern)),
                Err(_) => unknown(),
            },
            // No layer has a set.
            Predicate::Each { .. } => unknown(),
            Predicate::Absent(field) => self.absent(field),
            Predicate::Unavailable(field) => self.lowering.unavailable(field),
        }
    }

    fn absent(&self, field: &Field) -> Expr {
        match (self.lowering.declared(field), self.lowering.value(field)) {
            (Some(_), Some((value, _))) => {
                choose(self.lowering.unavailable(field), unknown(), value.is_null())
            }
            (None, Some(_)) => match column_of(field) {
                Some(found) => column(found).is_null(),
                None => lit(true),
            },
            (_, None) => lit(true),
        }
    }

    fn compare(&self, field: &Field, comparison: Comparison, value: &Value) -> Expr {
        let Some((expr, encoding)) = self.lowering.value(field) else { return unknown() };
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
        let Some((expr, encoding)) = self.lowering.value(field) else { return unknown() };
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
        let mut networks = Vec::new();
        let mut constants: Vec<Option<ScalarValue>> = Vec::new();
        for value in values {
            match (value, encoding) {
                (Value::Cidr(network), Encoding::Ip) => networks.push(within(&expr, network)),
                (value, encoding) => constants.push(literal(value, encoding)),
            }
        }
        let ill_typed = constants.iter().any(Option::is_none);
        let constants: Vec<Expr> = constants.into_iter().flatten().map(lit).collect();
        let mut terms = networks;
        if !constants.is_empty() {
            terms.push(in_list(expr.clone(), constants, false));
        }
        let member = match terms.is_empty() {
            true => if_known(&expr, false),
            false => balanced(terms, false),
        };
        // A constant of another type compares with nothing: unknown.
        if ill_typed { member.or(unknown()) } else { member }
    }

    fn text(&self, field: &Field, test: impl FnOnce(Expr) -> Expr) -> Expr {
        match self.lowering.value(field) {
            Some((expr, Encoding::Text)) => test(expr),
            _ => unknown(),
        }
    }
}

/// Addresses lie in the order of their bytes, those of a network beside each other.
fn within(address: &Expr, network: &IpNet) -> Expr {
    let bound = |ip| lit(ScalarValue::Binary(Some(ip_bytes(&ip))));
    let first = address.clone().gt_eq(bound(network.network()));
    first.and(address.clone().lt_eq(bound(network.broadcast())))
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
