//! Values as Arrow holds them, in an order that is theirs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use arrow::datatypes::{DataType, TimeUnit};
use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use logdive_core::{Decimal, Value, ValueType};

/// How the values of a field lie in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Text,
    Bool,
    Int,
    /// Billionths.
    Decimal,
    /// The column `ts`: microseconds.
    Timestamp,
    /// A declared time, exact: seconds times two billion plus nanoseconds, so that a leap second
    /// stands between its neighbours.
    Instant,
    /// Nanoseconds.
    Duration,
    /// A digit for the family, then the address.
    Ip,
}

const INSTANT_SECOND: i128 = 2_000_000_000;

impl Encoding {
    pub(crate) const fn of(kind: &ValueType) -> Self {
        match kind {
            ValueType::Bool => Self::Bool,
            ValueType::Int | ValueType::Severity => Self::Int,
            ValueType::Decimal => Self::Decimal,
            ValueType::Time => Self::Instant,
            ValueType::Duration => Self::Duration,
            ValueType::Ip => Self::Ip,
            _ => Self::Text,
        }
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Decimal => DataType::Decimal128(38, Decimal::DIGITS),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Instant | Self::Duration => DataType::Decimal128(38, 0),
            Self::Ip => DataType::Binary,
        }
    }
}

/// The number that stands for a value, for encodings made of numbers.
pub(crate) fn number(value: &Value) -> Option<i128> {
    Some(match value {
        Value::Decimal(decimal) => decimal.billionths(),
        Value::Time(time) => {
            i128::from(time.timestamp()) * INSTANT_SECOND
                + i128::from(time.timestamp_subsec_nanos())
        }
        Value::Duration(duration) => i128::try_from(duration.as_nanos()).ok()?,
        _ => return None,
    })
}

/// The bytes that stand for an address.
pub(crate) fn ip_bytes(ip: &IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => [&[4], ip.octets().as_slice()].concat(),
        IpAddr::V6(ip) => [&[6], ip.octets().as_slice()].concat(),
    }
}

/// A constant; `None` if it is of another type.
pub(crate) fn literal(value: &Value, encoding: Encoding) -> Option<ScalarValue> {
    Some(match (encoding, value) {
        (Encoding::Text, Value::Text(text)) => ScalarValue::Utf8(Some(text.clone())),
        (Encoding::Bool, Value::Bool(value)) => ScalarValue::Boolean(Some(*value)),
        (Encoding::Int, Value::Int(value)) => ScalarValue::Int64(Some(*value)),
        (Encoding::Decimal, Value::Decimal(_)) => {
            ScalarValue::Decimal128(number(value), 38, Decimal::DIGITS)
        }
        (Encoding::Instant, Value::Time(_)) | (Encoding::Duration, Value::Duration(_)) => {
            ScalarValue::Decimal128(Some(number(value)?), 38, 0)
        }
        (Encoding::Ip, Value::Ip(ip)) => ScalarValue::Binary(Some(ip_bytes(ip))),
        _ => return None,
    })
}

/// Reads a value back; `None` for null.
pub(crate) fn decode(scalar: &ScalarValue, encoding: Encoding) -> Option<Value> {
    Some(match (encoding, scalar) {
        (Encoding::Text, ScalarValue::Utf8(text) | ScalarValue::Utf8View(text)) => {
            Value::Text(text.clone()?)
        }
        (Encoding::Bool, ScalarValue::Boolean(value)) => Value::Bool((*value)?),
        (Encoding::Int, ScalarValue::Int64(value)) => Value::Int((*value)?),
        (Encoding::Timestamp, ScalarValue::TimestampMicrosecond(value, _)) => {
            Value::Time(DateTime::from_timestamp_micros((*value)?)?)
        }
        (Encoding::Ip, ScalarValue::Binary(bytes)) => Value::Ip(ip(bytes.as_deref()?)?),
        (_, ScalarValue::Decimal128(value, _, _)) => from_number((*value)?, encoding)?,
        _ => return None,
    })
}

/// Reads the number that stands for a value.
pub(crate) fn from_number(number: i128, encoding: Encoding) -> Option<Value> {
    Some(match encoding {
        Encoding::Int => Value::Int(i64::try_from(number).ok()?),
        Encoding::Decimal => Value::Decimal(Decimal::from_billionths(number)?),
        Encoding::Instant => {
            let seconds = i64::try_from(number.div_euclid(INSTANT_SECOND)).ok()?;
            let nanos = u32::try_from(number.rem_euclid(INSTANT_SECOND)).ok()?;
            Value::Time(DateTime::<Utc>::from_timestamp(seconds, nanos)?)
        }
        Encoding::Duration => {
            let seconds = u64::try_from(number / 1_000_000_000).ok()?;
            let nanos = u32::try_from(number % 1_000_000_000).ok()?;
            Value::Duration(Duration::new(seconds, nanos))
        }
        _ => return None,
    })
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let (family, address) = bytes.split_first()?;
    match family {
        4 => <[u8; 4]>::try_from(address).ok().map(|bytes| Ipv4Addr::from(bytes).into()),
        6 => <[u8; 16]>::try_from(address).ok().map(|bytes| Ipv6Addr::from(bytes).into()),
        _ => None,
    }
}
