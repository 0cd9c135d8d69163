//! Times as log lines write them.
//!
//! A line that does not say its zone or its year takes an assumption: that of its
//! [`Origin`]. What was assumed is written beside the line's attributes, never silently.

use std::fmt;

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDate, TimeDelta};

use super::Origin;

#[cfg(any(feature = "json", feature = "plain", feature = "syslog"))]
mod forms;
#[cfg(any(feature = "json", feature = "plain", feature = "syslog"))]
mod leading;
mod zone;

#[cfg(feature = "plain")]
pub(super) use self::forms::Kind;
#[cfg(any(feature = "plain", feature = "syslog"))]
pub(super) use self::leading::leading;
#[cfg(feature = "json")]
pub(super) use self::leading::whole;
#[cfg(feature = "plain")]
pub(super) use self::leading::{Leading, colour};
pub(super) use self::zone::zone;

/// A time as it is written: year and zone may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: Option<i32>,
    pub(super) month: u32,
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    /// Up to 60: a leap second is the first instant after it.
    pub(super) second: u32,
    pub(super) nano: u32,
    /// Seconds east of UTC.
    pub(super) offset: Option<i32>,
}

/// What was assumed of a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Assumed {
    year: Option<i32>,
    offset: Option<FixedOffset>,
    /// Which number of the date is what, where others are possible.
    order: Option<&'static str>,
}

impl Assumed {
    /// What to write beside the line; `None` if nothing was assumed.
    ///
    /// Most lines of some logs have one, so that it is written without the formatting machinery.
    pub(super) fn note(&self) -> Option<String> {
        if *self == Self::default() {
            return None;
        }
        let mut note = String::with_capacity(64);
        let begin = |note: &mut String, what: &str| {
            if !note.is_empty() {
                note.push_str(", ");
            }
            note.push_str(what);
        };
        if let Some(year) = self.year {
            begin(&mut note, "year ");
            note.push_str(&year.to_string());
        }
        if let Some(offset) = self.offset {
            begin(&mut note, "zone ");
            let seconds = offset.local_minus_utc();
            if seconds % 60 == 0 {
                let minutes = seconds.unsigned_abs() / 60;
                note.push(if seconds < 0 { '-' } else { '+' });
                two_digits(&mut note, minutes / 60);
                note.push(':');
                two_digits(&mut note, minutes % 60);
            } else {
                note.push_str(&offset.to_string());
            }
        }
        if let Some(order) = self.order {
            begin(&mut note, "order ");
            note.push_str(order);
        }
        Some(note)
    }
}

fn two_digits(out: &mut String, number: u32) {
    for digit in [number / 10 % 10, number % 10] {
        out.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

/// A time that is none: it is no day of the calendar, or nanoseconds since 1970 cannot hold it in
/// 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfRange;

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is no time of the years 1678 to 2261")
    }
}

impl Civil {
    /// The instant, in nanoseconds since 1970, and what had to be assumed for it.
    ///
    /// A missing year is the newest one that puts the time at most a day behind the time of
    /// observation.
    pub(super) fn resolve(&self, origin: &Origin) -> Result<(i64, Assumed), OutOfRange> {
        let mut assumed = Assumed::default();
        let offset = self.offset.unwrap_or_else(|| {
            assumed.offset = Some(origin.assumed.offset);
            origin.assumed.offset.local_minus_utc()
        });
        let Some(year) = self.year else {
            let nanos = match origin.assumed.year {
                Some(year) => {
                    assumed.year = Some(year);
                    self.at(year, offset)
                }
                None => {
                    let latest = origin.observed_time_unix_nano.saturating_add(DAY);
                    let this = DateTime::from_timestamp_nanos(latest).year();
                    // Eight years back there is a 29 February even around 1900 and 2100.
                    (0..=8).find_map(|back| {
                        let nanos = self.at(this - back, offset).filter(|nanos| *nanos <= latest);
                        if nanos.is_some() {
                            assumed.year = Some(this - back);
                        }
                        nanos
                    })
                }
            };
            return nanos.map(|nanos| (nanos, assumed)).ok_or(OutOfRange);
        };
        self.at(year, offset).map(|nanos| (nanos, assumed)).ok_or(OutOfRange)
    }

    fn at(&self, year: i32, offset: i32) -> Option<i64> {
        let date = NaiveDate::from_ymd_opt(year, self.month, self.day)?;
        let leap = self.second == 60;
        let second = if leap { 59 } else { self.second };
        let nano = if leap { 0 } else { self.nano };
        let time = date.and_hms_nano_opt(self.hour, self.minute, second, nano)?.and_utc();
        let seconds = i64::from(leap) - i64::from(offset);
        time.checked_add_signed(TimeDelta::seconds(seconds))?.timestamp_nanos_opt()
    }
}

const DAY: i64 = 86_400_000_000_000;

/// Reads a time in the manner of ISO 8601 and RFC 3339 at the beginning of a text, and says how
/// many bytes it has: `2023-07-10T11:58:13.5Z`, with a space for the `T`, a comma for the dot,
/// `/` for `-`, and with `Z`, ` UTC`, `+02:00`, `+0200`, `+02` or no zone.
pub(super) fn iso(text: &(impl AsRef<[u8]> + ?Sized)) -> Option<(Civil, usize)> {
    let bytes = text.as_ref();
    let year = i32::try_from(number(bytes, 0, 4)?).ok()?;
    let dash = *bytes.get(4)?;
    if !(dash == b'-' || dash == b'/') || bytes.get(7) != Some(&dash) {
        return None;
    }
    let (month, day) = (number(bytes, 5, 2)?, number(bytes, 8, 2)?);
    if !matches!(bytes.get(10)?, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let (mut civil, end) = clock(bytes, 11)?;
    civil.year = Some(year);
    (civil.month, civil.day) = (month, day);
    let (offset, end) = zone(bytes, end);
    civil.offset = offset;
    Some((civil, end))
}

/// `HH:MM:SS` with an optional fraction behind `.` or `,`; the date is left to the caller.
pub(super) fn clock(bytes: &[u8], at: usize) -> Option<(Civil, usize)> {
    let hour = number(bytes, at, 2)?;
    let minute = number(bytes, at + 3, 2)?;
    let second = number(bytes, at + 6, 2)?;
    if bytes.get(at + 2) != Some(&b':') || bytes.get(at + 5) != Some(&b':') {
        return None;
    }
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let (nano, end) = fraction(bytes, at + 8);
    let civil = Civil { year: None, month: 1, day: 1, hour, minute, second, nano, offset: None };
    Some((civil, end))
}

/// Nanoseconds of a fraction behind `.` or `,`, if there is one; digits behind the ninth do not
/// count.
fn fraction(bytes: &[u8], at: usize) -> (u32, usize) {
    let (mut nano, mut end) = (0, at);
    if matches!(bytes.get(at), Some(b'.' | b','))
        && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
    {
        end += 1;
        let mut unit = 100_000_000;
        while let Some(digit) = bytes.get(end).filter(|byte| byte.is_ascii_digit()) {
            nano += u32::from(digit - b'0') * unit;
            unit /= 10;
            end += 1;
        }
    }
    (nano, end)
}

/// A number of exactly so many digits.
pub(super) fn number(bytes: &[u8], at: usize, digits: usize) -> Option<u32> {
    bytes.get(at..at + digits)?.iter().try_fold(0_u32, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0'))
    })
}

/// The month of an English three-letter name, from 1.
pub(super) fn month(bytes: &[u8], at: usize) -> Option<u32> {
    const MONTHS: [&[u8]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    let name = bytes.get(at..at + 3)?;
    let index = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(month))?;
    u32::try_from(index + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::{Civil, iso};
    use crate::LayerName;
    use crate::format::Origin;

    fn origin() -> Origin {
        // 2023-07-10T12:00:00Z
        Origin::new(LayerName::parse("x").unwrap(), "x", 1_688_990_400_000_000_000)
    }

    #[test]
    fn iso_times_are_read_with_what_is_assumed() {
        let at = 1_688_990_293_500_000_000;
        for (text, nanos, note) in [
            ("2023-07-10T11:58:13.5Z", at, None),
            ("2023-07-10 13:58:13,500 +0200 x", at, None),
            ("2023-07-10T13:58:13.500000000999+02", at, None),
            ("2023/07/10 11:58:13.5 UTC [17]", at, None),
            ("2023-07-10 11:58:13.5", at, Some("zone +00:00")),
            ("2023-07-10 11:58:13.5 -12 things", at, Some("zone +00:00")),
        ] {
            let (civil, _) = iso(text).unwrap();
            let (found, assumed) = civil.resolve(&origin()).unwrap();
            assert_eq!((found, assumed.note().as_deref()), (nanos, note), "{text}");
        }
        for text in ["", "2023-07-10", "2023-07-10T1:58:13Z", "2023-07-10T11:58:61Z", "x"] {
            assert_eq!(iso(text), None, "{text}");
        }
        for text in ["2023-02-30T00:00:00Z", "3023-07-10T00:00:00Z", "0001-01-01T00:00:00Z"] {
            assert!(iso(text).unwrap().0.resolve(&origin()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_missing_year_is_the_last_that_fits() {
        let civil = |month, day| Civil {
            year: None,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
            nano: 0,
            offset: Some(0),
        };
        for (month, day, year) in [(7, 10, 2023), (7, 11, 2023), (7, 12, 2022), (2, 29, 2020)] {
            let (_, assumed) = civil(month, day).resolve(&origin()).unwrap();
            assert_eq!(assumed.note(), Some(format!("year {year}")));
        }
        assert!(civil(2, 30).resolve(&origin()).is_err());
    }

    #[test]
    fn a_leap_second_is_the_next_instant() {
        let (leap, _) = iso("2016-12-31T23:59:60.7Z").unwrap();
        let (next, _) = iso("2017-01-01T00:00:00Z").unwrap();
        assert_eq!(leap.resolve(&origin()), next.resolve(&origin()));
    }
}
