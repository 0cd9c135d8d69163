//! Sets of values.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Value;

/// A set of values: each once, in their order, so that equal sets are equal however they were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Value>", into = "Vec<Value>")]
// Invariant: sorted by type and value, each once, none of them a set.
pub struct ValueSet(Vec<Value>);

impl ValueSet {
    /// The members, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Members of sets among the values are taken one by one: a set has no sets in it.
impl FromIterator<Value> for ValueSet {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Self {
        let mut members = Vec::new();
        for value in values {
            match value {
                Value::Set(inner) => members.extend(inner.0),
                value => members.push(value),
            }
        }
        members.sort_by(order);
        members.dedup();
        Self(members)
    }
}

/// A total order: by type, then by value.
fn order(a: &Value, b: &Value) -> Ordering {
    const fn rank(value: &Value) -> u8 {
        match value {
            Value::Bool(_) => 0,
            Value::Int(_) => 1,
            Value::Decimal(_) => 2,
            Value::Text(_) => 3,
            Value::Time(_) => 4,
            Value::Duration(_) => 5,
            Value::Ip(_) => 6,
            Value::Cidr(_) => 7,
            Value::Set(_) => 8,
        }
    }
    rank(a).cmp(&rank(b)).then_with(|| a.compare(b).unwrap_or(Ordering::Equal))
}

impl From<Vec<Value>> for ValueSet {
    fn from(values: Vec<Value>) -> Self {
        values.into_iter().collect()
    }
}

impl From<ValueSet> for Vec<Value> {
    fn from(values: ValueSet) -> Self {
        values.0
    }
}

/// Writes the members in braces.
impl fmt::Display for ValueSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, value) in self.0.iter().enumerate() {
            write!(f, "{}{value}", if index > 0 { ", " } else { "" })?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, ValueSet};

    #[test]
    fn equal_sets_are_equal_however_they_were_made() {
        let set = |values: &[i64]| values.iter().copied().map(Value::Int).collect::<ValueSet>();
        assert_eq!(set(&[3, 1, 3]), set(&[1, 3]));
        assert_eq!(set(&[3, 1]).to_string(), "{1, 3}");
        let nested = ValueSet::from_iter([Value::Set(set(&[2])), Value::Int(1)]);
        assert_eq!(nested, set(&[1, 2]));
        let json = serde_json::to_string(&set(&[2, 1])).unwrap();
        assert_eq!(serde_json::from_str::<ValueSet>(&json).unwrap(), set(&[1, 2]));
    }
}
