//! Which Arrow type a type of the schema has, and its values one by one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use arrow_schema::{DataType, TimeUnit};
use chrono::DateTime;
use logdive_core::{Decimal, Value, ValueType};

/// How the values of a type are kept in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Bool,
    Int,
    Decimal,
    Text,
    Time,
    Duration,
    Ip,
    Json,
}

/// Bytes of an encoded address.
pub(super) const IP: usize = 17;

impl Encoding {
    pub(super) const fn of(kind: &ValueType) -> Self {
        match kind {
            ValueType::Bool => Self::Bool,
            ValueType::Int | ValueType::Severity => Self::Int,
            ValueType::Decimal => Self::Decimal,
            ValueType::Text | ValueType::Enum(_) => Self::Text,
            ValueType::Time => Self::Time,
            ValueType::Duration => Self::Duration,
            ValueType::Ip => Self::Ip,
            _ => Self::Json,
        }
    }

    /// Whether a column may be of a type.
    pub(super) fn may_be(self, found: &DataType) -> bool {
        match (self, found) {
            // With any time zone the values are instants in UTC.
            (Self::Time, DataType::Timestamp(TimeUnit::Nanosecond, Some(_))) => true,
            (Self::Time | Self::Duration, DataType::Decimal128(38, Decimal::DIGITS)) => true,
            (_, found) => *found == self.data_type(),
        }
    }

    pub(super) fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Decimal => DataType::Decimal128(38, Decimal::DIGITS),
            Self::Text | Self::Json => DataType::Utf8,
            Self::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some(Arc::from("UTC"))),
            Self::Duration => DataType::Duration(TimeUnit::Nanosecond),
            Self::Ip => DataType::FixedSizeBinary(IP as i32),
        }
    }
}

/// What a time that has no encoding is told.
pub(super) const TIME: &str = "a time in a leap second, or beyond the year 262142";
/// What a duration outside of the type is told.
pub(super) const DURATION: &str = "a duration that is negative, or of more than 2^64 seconds";
/// What a decimal outside of the type is told.
pub(super) const DECIMAL: &str = "a decimal of more than 38 digits";

const BILLION: i128 = 1_000_000_000;

/// A number as a value of its type; `None` if the type has no such value. Times and durations are
/// in nanoseconds, times since 1970, decimals in billionths.
pub(super) fn number(encoding: Encoding, number: i128) -> Option<Value> {
    let seconds = number.div_euclid(BILLION);
    let nanos = u32::try_from(number.rem_euclid(BILLION)).ok()?;
    match encoding {
        Encoding::Int => number.try_into().ok().map(Value::Int),
        Encoding::Decimal => Decimal::from_billionths(number).map(Value::Decimal),
        Encoding::Time => {
            DateTime::from_timestamp(seconds.try_into().ok()?, nanos).map(Value::Time)
        }
        Encoding::Duration => {
            seconds.try_into().ok().map(|seconds| Value::Duration(Duration::new(seconds, nanos)))
        }
        Encoding::Bool | Encoding::Text | Encoding::Ip | Encoding::Json => None,
    }
}

/// A value as the number that its column would have; `None` if the column cannot have it.
pub(super) fn to_number(encoding: Encoding, value: &Value) -> Option<i128> {
    match (encoding, value) {
        (Encoding::Int, Value::Int(number)) => Some((*number).into()),
        (Encoding::Decimal, Value::Decimal(number)) => Some(number.billionths()),
        (Encoding::Time, Value::Time(time)) => {
            // A leap second counts beyond a billion, and would be another second's.
            let nanos = Some(i128::from(time.timestamp_subsec_nanos()));
            let nanos = nanos.filter(|nanos| *nanos < BILLION)?;
            Some(i128::from(time.timestamp()) * BILLION + nanos)
        }
        (Encoding::Duration, Value::Duration(length)) => length.as_nanos().try_into().ok(),
        _ => None,
    }
}

pub(super) fn ip_to_bytes(ip: IpAddr) -> [u8; IP] {
    let mut bytes = [0; IP];
    let (kind, address): (u8, &[u8]) = match &ip {
        IpAddr::V4(ip) => (4, &ip.octets()),
        IpAddr::V6(ip) => (6, &ip.octets()),
    };
    for (to, from) in bytes.iter_mut().zip([kind].iter().chain(address)) {
        *to = *from;
    }
    bytes
}

/// The address of its bytes; `None` if they are not one.
pub(super) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.split_first()? {
        (4, [a, b, c, d, rest @ ..]) if rest.iter().all(|byte| *byte == 0) => {
            Some(Ipv4Addr::new(*a, *b, *c, *d).into())
        }
        (6, address) => <[u8; 16]>::try_from(address).ok().map(|ip| Ipv6Addr::from(ip).into()),
        _ => None,
    }
}
