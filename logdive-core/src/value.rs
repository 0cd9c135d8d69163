//! Typed constants and what they are compared by.

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

mod decimal;
mod duration;
mod set;

pub use decimal::Decimal;
pub use duration::{format_duration, parse_duration};
pub use set::ValueSet;

/// The type of a [`Value`], and of a field or fact.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// `true` or `false`.
    Bool,
    /// A signed 64-bit integer.
    Int,
    /// A fixed-point number with nine digits after the point.
    Decimal,
    /// Text.
    Text,
    /// One of a closed set of words; its values are [`Value::Text`].
    Enum(Vec<String>),
    /// An OpenTelemetry severity number, 1 to 24, also written as its word (`error`); its values
    /// are [`Value::Int`].
    Severity,
    /// A point in time, UTC.
    Time,
    /// A length of time, not negative.
    Duration,
    /// An IPv4 or IPv6 address.
    Ip,
    /// A network of such addresses: `10.0.0.0/8`.
    Cidr,
    /// A set of values of one type, which is no set.
    Set(Box<Self>),
}

impl ValueType {
    /// Whether values of the type are compared by `<`, `<=`, `>` and `>=`.
    #[must_use]
    pub const fn is_ordered(&self) -> bool {
        !matches!(self, Self::Bool | Self::Enum(_) | Self::Ip | Self::Cidr | Self::Set(_))
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Decimal => "decimal",
            Self::Text => "text",
            Self::Enum(members) => return write!(f, "enum {{ {} }}", members.join(", ")),
            Self::Severity => "severity",
            Self::Time => "time",
            Self::Duration => "duration",
            Self::Ip => "ip",
            Self::Cidr => "cidr",
            Self::Set(members) => return write!(f, "set of {members}"),
        })
    }
}

/// A typed constant.
///
/// Values are compared within one type only; there is no coercion.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// A fixed-point number.
    Decimal(Decimal),
    /// Text, compared by its UTF-8 bytes.
    Text(String),
    /// A point in time, UTC.
    Time(DateTime<Utc>),
    /// A length of time.
    Duration(Duration),
    /// An address; IPv4 sorts before IPv6.
    Ip(IpAddr),
    /// A network; the bits behind the prefix are zero.
    Cidr(#[serde(with = "network")] IpNet),
    /// A set of values of one type.
    Set(ValueSet),
}

/// Networks are texts; bits behind the prefix are set to zero when they are read.
mod network {
    use ipnet::IpNet;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(network: &IpNet, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(network)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<IpNet, D::Error> {
        let text = String::deserialize(from)?;
        let network: IpNet = text.parse().map_err(D::Error::custom)?;
        Ok(network.trunc())
    }
}

impl Value {
    /// How two values of one type are ordered; `None` for values of different types and for sets.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Decimal(a), Self::Decimal(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Ip(a), Self::Ip(b)) => Some(a.cmp(b)),
            (Self::Cidr(a), Self::Cidr(b)) => Some(a.trunc().cmp(&b.trunc())),
            _ => None,
        }
    }

    /// Whether the value may stand where a type is asked for.
    #[must_use]
    pub fn is_a(&self, kind: &ValueType) -> bool {
        match (self, kind) {
            (Self::Bool(_), ValueType::Bool)
            | (Self::Int(_), ValueType::Int)
            | (Self::Decimal(_), ValueType::Decimal)
            | (Self::Text(_), ValueType::Text)
            | (Self::Time(_), ValueType::Time)
            | (Self::Duration(_), ValueType::Duration)
            | (Self::Ip(_), ValueType::Ip)
            | (Self::Cidr(_), ValueType::Cidr) => true,
            (Self::Int(number), ValueType::Severity) => (1..=24).contains(number),
            (Self::Text(text), ValueType::Enum(members)) => members.contains(text),
            (Self::Set(values), ValueType::Set(kind)) => {
                values.iter().all(|value| value.is_a(kind))
            }
            _ => false,
        }
    }

    /// Whether this address or network is a part of a network.
    #[must_use]
    pub fn is_within(&self, network: &IpNet) -> bool {
        match self {
            Self::Ip(ip) => network.contains(ip),
            Self::Cidr(inner) => network.contains(inner),
            _ => false,
        }
    }

    /// The text as people and targets see it: without quotes.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Ip(ip) => ip.to_string(),
            Self::Cidr(network) => network.to_string(),
            Self::Set(values) => values.iter().map(Self::plain).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        }
    }
}

/// Writes the value as the predicate grammar reads it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Decimal(value) => write!(f, "{value}"),
            Self::Text(value) => write_quoted(f, value),
            Self::Time(value) => f.write_str(&value.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Duration(value) => f.write_str(&format_duration(*value)),
            Self::Ip(value) => write!(f, "\"{value}\""),
            Self::Cidr(value) => write!(f, "\"{value}\""),
            Self::Set(values) => write!(f, "{values}"),
        }
    }
}

/// Writes text in double quotes as the grammar reads it: control characters escaped.
pub(crate) fn write_quoted(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", c as u32)?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Decimal> for Value {
    fn from(value: Decimal) -> Self {
        Self::Decimal(value)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Time(value)
    }
}

impl From<Duration> for Value {
    fn from(value: Duration) -> Self {
        Self::Duration(value)
    }
}

impl From<IpAddr> for Value {
    fn from(value: IpAddr) -> Self {
        Self::Ip(value)
    }
}

impl From<IpNet> for Value {
    /// Bits behind the prefix are set to zero.
    fn from(value: IpNet) -> Self {
        Self::Cidr(value.trunc())
    }
}

impl From<ValueSet> for Value {
    fn from(values: ValueSet) -> Self {
        Self::Set(values)
    }
}
