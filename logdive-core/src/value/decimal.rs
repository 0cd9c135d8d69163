//! A fixed-point number, so that sums and comparisons do not depend on the order of rows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SCALE: i128 = 1_000_000_000;

/// A number with nine digits after the point: Arrow's `Decimal128(38, 9)`.
///
/// Its arithmetic is checked. It is written `12`, `0.5` or `-3.25` and serialised as that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// Invariant: less than 10^38 in magnitude, as `Decimal128(38, 9)` asks.
pub struct Decimal(i128);

impl Decimal {
    /// Digits after the point.
    pub const DIGITS: i8 = 9;
    const LIMIT: i128 = 10_i128.pow(38);

    /// Makes a number from billionths; `None` at 38 digits or more.
    #[must_use]
    pub fn from_billionths(billionths: i128) -> Option<Self> {
        (billionths.abs() < Self::LIMIT).then_some(Self(billionths))
    }

    /// The number in billionths.
    #[must_use]
    pub const fn billionths(self) -> i128 {
        self.0
    }

    /// The sum; `None` on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::from_billionths)
    }

    /// The quotient, truncated to nine digits; `None` on overflow and for a zero divisor.
    #[must_use]
    pub fn checked_div(self, other: Self) -> Option<Self> {
        self.0.checked_mul(SCALE)?.checked_div(other.0).and_then(Self::from_billionths)
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self(i128::from(value) * SCALE)
    }
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("`{text}` is not a decimal number");
        let (negative, digits) =
            text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || !all_digits(whole)
            || !all_digits(fraction)
            || (fraction.is_empty() && digits.contains('.'))
        {
            return Err(malformed());
        }
        if fraction.len() > 9 {
            return Err(format!("`{text}` has more than nine digits after the point"));
        }
        let too_large = || format!("`{text}` is too large for a decimal");
        let whole: i128 = whole.parse().map_err(|_| too_large())?;
        let fraction: i128 = format!("{fraction:0<9}").parse().map_err(|_| malformed())?;
        let magnitude = whole
            .checked_mul(SCALE)
            .and_then(|whole| whole.checked_add(fraction))
            .ok_or_else(too_large)?;
        Self::from_billionths(if negative { -magnitude } else { magnitude }).ok_or_else(too_large)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let scale = SCALE.unsigned_abs();
        let fraction = format!("{:09}", magnitude % scale);
        // One digit stays, so that the text reads as a decimal again and not as an integer.
        let fraction = fraction.trim_end_matches('0');
        let fraction = if fraction.is_empty() { "0" } else { fraction };
        write!(f, "{sign}{}.{fraction}", magnitude / scale)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Decimal;

    #[test]
    fn reads_and_refuses() {
        assert_eq!("0.5".parse::<Decimal>().unwrap().billionths(), 500_000_000);
        assert_eq!("-3".parse::<Decimal>().unwrap().to_string(), "-3.0");
        for bad in ["", ".", "1.", ".5", "1.0000000001", "1e3", "--1", &"9".repeat(40)] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(billionths in -(10_i128.pow(38) - 1)..10_i128.pow(38)) {
            let number = Decimal::from_billionths(billionths).unwrap();
            prop_assert_eq!(number.to_string().parse::<Decimal>(), Ok(number));
        }
    }
}
