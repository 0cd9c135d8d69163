//! Lengths of time as people write them: `15m`, `1h30m`, `250ms`.

use std::fmt::Write as _;
use std::time::Duration;

const UNITS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Writes a duration in the largest units that make it exact: `1h30m`, `250ms`, `0s`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, nanos) in UNITS {
        let count = rest / nanos;
        rest %= nanos;
        if count > 0 {
            // Writing to a String does not fail.
            let _ = write!(text, "{count}{unit}");
        }
    }
    text
}

/// Reads a duration: one or more whole numbers, each with a unit of `d h m s ms us ns`.
///
/// # Errors
/// If a number or a unit is missing or unknown, or the sum does not fit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let malformed = || {
        format!("`{text}` is not a duration: write a number and a unit of d, h, m, s, ms, us, ns")
    };
    let too_long = || format!("`{text}` is too long a duration");
    let mut rest = text;
    let mut total: u128 = 0;
    if rest.is_empty() {
        return Err(malformed());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(malformed)?;
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at_checked(letters).ok_or_else(malformed)?;
        let count: u128 = number.parse().map_err(|_| malformed())?;
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        total = count
            .checked_mul(*nanos)
            .and_then(|nanos| total.checked_add(nanos))
            .ok_or_else(too_long)?;
        rest = tail;
    }
    let seconds = u64::try_from(total / 1_000_000_000).map_err(|_| too_long())?;
    let nanos = u32::try_from(total % 1_000_000_000).map_err(|_| too_long())?;
    Ok(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{format_duration, parse_duration};

    #[test]
    fn reads_and_refuses() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "5", "m", "5x", "-5m", "5 m", "1.5h", &format!("{}d", u128::MAX)] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_round_trips(seconds in any::<u64>(), nanos in 0_u32..1_000_000_000) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
    }
}
