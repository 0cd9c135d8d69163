//! The forms in which logs write a date and a clock.
//!
//! What a text begins with decides which forms are tried, so that a text that is no time costs a
//! few comparisons. A form counts only if a time follows the date and no letter or digit follows
//! both.

use chrono::{DateTime, Datelike as _, Timelike as _};

use super::{Civil, fraction, iso, month, number, zone};

/// What a time looks like, as far as it matters for what stands around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Kind {
    /// A date and a clock that can be nothing else.
    Dated,
    /// The day first and the month by name, as redis writes it.
    DayFirst,
    /// Six digits and six digits, as HDFS writes it.
    Digits,
    /// Month and day without a year, as Android writes it.
    Android,
    /// `I0730 12:34:56`, as klog and glog write it.
    Klog,
    /// Seconds, milliseconds, microseconds or nanoseconds since 1970.
    Epoch,
    /// A clock without a date, or the time since a start: the time is not known, but the line is
    /// the beginning of a record.
    Clock,
}

impl Kind {
    /// Whether such numbers may also be something else than a time.
    pub(super) const fn is_weak(self) -> bool {
        matches!(self, Self::Digits | Self::Android | Self::Epoch | Self::Clock)
    }
}

/// A time at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// `None` if there is no date.
    pub(super) civil: Option<Civil>,
    pub(super) kind: Kind,
    /// Which number is what, if others are possible.
    pub(super) order: Option<&'static str>,
    /// Bytes it has.
    pub(super) len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Date {
    year: Option<i32>,
    month: u32,
    day: u32,
}

/// The time with which a text begins.
pub(super) fn stamp(text: &[u8]) -> Option<Stamp> {
    match text.first()? {
        b'0'..=b'9' => numeric(text),
        b'A'..=b'Z' | b'a'..=b'z' => named(text),
        _ => None,
    }
}

fn numeric(text: &[u8]) -> Option<Stamp> {
    let digits = text.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, text.get(digits)?) {
        (4, b'-' | b'/' | b'.') => year_first(text),
        (8, b'-' | b'T' | b't' | b' ') => eight_digits(text),
        (6, b' ') => six_digits(text),
        (1 | 2, b'/' | b'-') => day_or_month_first(text, digits),
        (1 | 2, b'.') => dotted(text, digits),
        (1 | 2, b' ') => day_first(text, 0),
        (2, b':') => clock_alone(text),
        (10 | 13 | 16 | 19, _) => since_1970(text, digits),
        _ => None,
    }
}

/// `2017-10-23T14:20:12.046Z` and its like, `2017-10-23 14:20`, `2018.1.5 9:05:03`,
/// `2005-06-03-15.42.50.675872`.
fn year_first(text: &[u8]) -> Option<Stamp> {
    if text.get(19) != Some(&b':')
        && let Some((civil, len)) = iso(text)
        && !text.get(len).is_some_and(u8::is_ascii_alphanumeric)
        && !meridiem_follows(text, len)
    {
        return Some(Stamp { civil: Some(civil), kind: Kind::Dated, order: None, len });
    }
    let year = Some(i32::try_from(number(text, 0, 4)?).ok()?);
    let mark = text.get(4);
    let (month, at) = short(text, 5)?;
    if text.get(at) != mark {
        return None;
    }
    let (day, at) = short(text, at + 1)?;
    let date = Date { year, month, day };
    match text.get(at)? {
        b'-' => dotted_clock(text, date, at + 1).or_else(|| clocked(text, date, at + 1, true)),
        b'T' | b't' | b'_' | b':' => clocked(text, date, at + 1, false),
        b' ' => clocked(text, date, skip_spaces(text, at), false),
        _ => None,
    }
}

/// `20171223T221529Z`, `20171223 22:15:29`, `20171223-22:15:29:606`.
fn eight_digits(text: &[u8]) -> Option<Stamp> {
    let year =
        i32::try_from(number(text, 0, 4)?).ok().filter(|year| (1970..2262).contains(year))?;
    let date = Date { year: Some(year), month: number(text, 4, 2)?, day: number(text, 6, 2)? };
    clocked(text, date, 9, true).or_else(|| digits_clock(text, date, 9, Kind::Dated))
}

/// `161209 13:08:33`, `191015  9:46:45`, `081109 203615`.
fn six_digits(text: &[u8]) -> Option<Stamp> {
    let year = Some(two_digit_year(number(text, 0, 2)?)?);
    let date = Date { year, month: number(text, 2, 2)?, day: number(text, 4, 2)? };
    clocked(text, date, skip_spaces(text, 6), true)
        .or_else(|| digits_clock(text, date, 7, Kind::Digits))
}

/// Dates that begin with one or two digits and `/` or `-`.
fn day_or_month_first(text: &[u8], digits: usize) -> Option<Stamp> {
    let mark = *text.get(digits)?;
    let at = digits + 1;
    if text.get(at)?.is_ascii_alphabetic() {
        // `10/Oct/2000:13:55:36 -0700`, `04-Mar-2020 10:11:12.123`.
        let day = number(text, 0, digits)?;
        let month = month(text, at)?;
        if text.get(at + 3) != Some(&mark) {
            return None;
        }
        let year = Some(i32::try_from(number(text, at + 4, 4)?).ok()?);
        let date = Date { year, month, day };
        return match text.get(at + 8)? {
            b':' | b' ' | b'T' => clocked(text, date, at + 9, true),
            _ => None,
        };
    }
    let first = number(text, 0, digits)?;
    let (second, at) = short(text, at)?;
    if text.get(at) != Some(&mark) {
        // `03-17 16:13:38.811`.
        let android = mark == b'-' && digits == 2 && at == 5 && text.get(at) == Some(&b' ');
        let date = Date { year: None, month: first, day: second };
        let found = android.then(|| clocked(text, date, at + 1, true)).flatten()?;
        return Some(Stamp { kind: Kind::Android, ..found });
    }
    let years = text.iter().skip(at + 1).take(5).take_while(|byte| byte.is_ascii_digit()).count();
    let third = number(text, at + 1, years)?;
    let (date, order) = match years {
        4 => with_year_last(first, second, third, mark)?,
        2 if mark == b'/' => two_digits_each(first, second, third)?,
        _ => return None,
    };
    let at = at + 1 + years;
    let at = at + usize::from(text.get(at) == Some(&b','));
    if text.get(at) != Some(&b' ') {
        return None;
    }
    let found = clocked(text, date, skip_spaces(text, at), true)?;
    Some(Stamp { order, ..found })
}

/// `10/23/2017` is month, day and year, `23-10-2017` day, month and year; where both could be,
/// that is an assumption.
fn with_year_last(
    first: u32,
    second: u32,
    year: u32,
    mark: u8,
) -> Option<(Date, Option<&'static str>)> {
    let year = Some(i32::try_from(year).ok()?);
    let both = first <= 12 && second <= 12 && first != second;
    let month_first = Date { year, month: first, day: second };
    let day_first = Date { year, month: second, day: first };
    Some(match mark {
        b'/' if first <= 12 => (month_first, both.then_some("month/day/year")),
        b'-' if second > 12 => (month_first, None),
        b'-' => (day_first, both.then_some("day-month-year")),
        _ => (day_first, None),
    })
}

/// `17/06/09` is year, month and day, as Spark writes it; `10/23/17`, which cannot be, is month,
/// day and year. Where the numbers could also be read otherwise, that is an assumption.
fn two_digits_each(first: u32, second: u32, third: u32) -> Option<(Date, Option<&'static str>)> {
    let year_first = Date { year: Some(two_digit_year(first)?), month: second, day: third };
    let month_first = Date { year: Some(two_digit_year(third)?), month: first, day: second };
    let day_first = Date { month: second, day: first, ..month_first };
    if year_first.is_valid() {
        let other = month_first.is_valid() || day_first.is_valid();
        return Some((year_first, other.then_some("year/month/day")));
    }
    let other = day_first.is_valid();
    Some((month_first, other.then_some("month/day/year")))
}

/// `23.10.2017 14:20:12`; `10.30 16:49:06`, as Proxifier writes it.
fn dotted(text: &[u8], digits: usize) -> Option<Stamp> {
    let first = number(text, 0, digits)?;
    let (second, at) = short(text, digits + 1)?;
    match text.get(at)? {
        b'.' => {
            let year = Some(i32::try_from(number(text, at + 1, 4)?).ok()?);
            let date = Date { year, month: second, day: first };
            let at = at + 5 + usize::from(text.get(at + 5) == Some(&b','));
            (text.get(at) == Some(&b' '))
                .then(|| clocked(text, date, skip_spaces(text, at), true))
                .flatten()
        }
        b' ' if digits == 2 && at == 5 => {
            clocked(text, Date { year: None, month: first, day: second }, at + 1, true)
        }
        _ => None,
    }
}

/// `30 May 12:23:52.442`, `27 Dec 2018 11:19:18.874`, with what RFC 2822 has behind a weekday.
fn day_first(text: &[u8], at: usize) -> Option<Stamp> {
    let (day, at) = short(text, at)?;
    if text.get(at) != Some(&b' ') || text.get(at + 4) != Some(&b' ') {
        return None;
    }
    let month = month(text, at + 1)?;
    let (year, at) = year_before_clock(text, at + 5);
    let found = clocked(text, Date { year, month, day }, at, true)?;
    Some(Stamp { kind: Kind::DayFirst, ..found })
}

/// Times that begin with a name: `Dec 13 11:35:28`, `Oct 25, 2016 2:49:34 PM`,
/// `Mon Dec 26 16:15:55.103522 2016`, `Tue, 15 Nov 1994 08:12:31 GMT`, `I0730 12:34:56.123456`.
fn named(text: &[u8]) -> Option<Stamp> {
    match text.get(3)? {
        b' ' => month_first(text, 0).or_else(|| weekday_first(text, 4)),
        b',' if text.get(4) == Some(&b' ') => weekday_first(text, 5),
        b'0'..=b'9' => klog(text),
        _ => None,
    }
}

fn klog(text: &[u8]) -> Option<Stamp> {
    if !matches!(text.first()?, b'I' | b'W' | b'E' | b'F') || text.get(5) != Some(&b' ') {
        return None;
    }
    let date = Date { year: None, month: number(text, 1, 2)?, day: number(text, 3, 2)? };
    let found = clocked(text, date, 6, true)?;
    Some(Stamp { kind: Kind::Klog, ..found })
}

fn month_first(text: &[u8], at: usize) -> Option<Stamp> {
    let month = month(text, at)?;
    let (day, at) = short(text, skip_spaces(text, at + 3))?;
    let at = at + usize::from(text.get(at) == Some(&b','));
    if text.get(at) != Some(&b' ') {
        return None;
    }
    let (year, at) = year_before_clock(text, at + 1);
    clocked(text, Date { year, month, day }, at, true)
}

fn weekday_first(text: &[u8], at: usize) -> Option<Stamp> {
    const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    let name = text.get(..3)?;
    if !DAYS.contains(&name) {
        return None;
    }
    if text.get(at)?.is_ascii_digit() {
        let found = day_first(text, at)?;
        return Some(Stamp { kind: Kind::Dated, ..found });
    }
    let found = month_first(text, at)?;
    Some(with_year_behind(text, found).unwrap_or(found))
}

/// The year of `Mon Dec 26 16:15:55 2016` and `Mon Dec 26 16:15:55 XYZT 2016`.
fn with_year_behind(text: &[u8], found: Stamp) -> Option<Stamp> {
    let civil = found.civil.filter(|civil| civil.year.is_none())?;
    let mut at = found.len + 1;
    if text.get(found.len) != Some(&b' ') {
        return None;
    }
    // A zone that is not known.
    let name = text.iter().skip(at).take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    if (2..=5).contains(&name) && text.get(at + name) == Some(&b' ') {
        at += name + 1;
    }
    let year = i32::try_from(number(text, at, 4)?).ok()?;
    let len = at + 4;
    let ends = !text.get(len).is_some_and(u8::is_ascii_alphanumeric);
    ends.then_some(Stamp { civil: Some(Civil { year: Some(year), ..civil }), len, ..found })
}

/// A year with a space behind it, in front of a clock.
fn year_before_clock(text: &[u8], at: usize) -> (Option<i32>, usize) {
    match number(text, at, 4).filter(|_| text.get(at + 4) == Some(&b' ')) {
        Some(year) => (i32::try_from(year).ok(), skip_spaces(text, at + 4)),
        None => (None, at),
    }
}

/// `14:20:12.046`: a record begins, but nobody knows on which day.
fn clock_alone(text: &[u8]) -> Option<Stamp> {
    let (_, len) = super::clock(text, 0)?;
    let ends = matches!(text.get(len)?, b' ' | b'\t' | b']' | b')' | b'|');
    ends.then_some(Stamp { civil: None, kind: Kind::Clock, order: None, len })
}

/// Ten, thirteen, sixteen or nineteen digits: seconds and their thousandths since 1970, of the
/// years 2001 to 2100. Seconds may have a fraction.
fn since_1970(text: &[u8], digits: usize) -> Option<Stamp> {
    let seconds = i64::from(number(text, 0, 9)?) * 10 + i64::from(number(text, 9, 1)?);
    if !(1_000_000_000..4_102_444_800).contains(&seconds) {
        return None;
    }
    let (nano, len) = match digits {
        10 => fraction(text, 10),
        13 => (number(text, 10, 3)? * 1_000_000, 13),
        16 => (number(text, 10, 6)? * 1_000, 16),
        _ => (number(text, 10, 9)?, 19),
    };
    if !matches!(text.get(len)?, b' ' | b'\t' | b']' | b')' | b':' | b',' | b'|' | b'"') {
        return None;
    }
    let time = DateTime::from_timestamp(seconds, nano)?;
    let civil = Civil {
        year: Some(time.year()),
        month: time.month(),
        day: time.day(),
        hour: time.hour(),
        minute: time.minute(),
        second: time.second(),
        nano,
        offset: Some(0),
    };
    Some(Stamp { civil: Some(civil), kind: Kind::Epoch, order: None, len })
}

/// A date with the clock behind it: one or two digits each, the hour of twelve if `AM` or `PM`
/// follows, a fraction behind `.` or `,`, milliseconds behind `:`, a zone.
fn clocked(text: &[u8], date: Date, at: usize, seconds: bool) -> Option<Stamp> {
    if !date.is_valid() {
        return None;
    }
    let (mut hour, at) = short(text, at)?;
    if text.get(at) != Some(&b':') {
        return None;
    }
    let (minute, mut at) = short(text, at + 1)?;
    let mut nano = 0;
    let mut second = 0;
    match text.get(at) {
        Some(b':') => {
            (second, at) = short(text, at + 1)?;
            (nano, at) = milliseconds(text, at).unwrap_or_else(|| fraction(text, at));
        }
        _ if seconds => return None,
        _ => {}
    }
    if meridiem_follows(text, at) {
        if !(1..=12).contains(&hour) {
            return None;
        }
        let space = usize::from(text.get(at) == Some(&b' '));
        let afternoon = matches!(text.get(at + space), Some(b'P' | b'p'));
        hour = hour % 12 + if afternoon { 12 } else { 0 };
        at += space + 2;
    }
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let (offset, len) = zone(text, at);
    ended(
        text,
        date,
        Civil { year: None, month: 1, day: 1, hour, minute, second, nano, offset },
        len,
    )
}

/// `15.42.50.675872`, with the zone in minutes as DB2 writes it.
fn dotted_clock(text: &[u8], date: Date, at: usize) -> Option<Stamp> {
    if !date.is_valid() || text.get(at + 2) != Some(&b'.') || text.get(at + 5) != Some(&b'.') {
        return None;
    }
    let (hour, minute) = (number(text, at, 2)?, number(text, at + 3, 2)?);
    let second = number(text, at + 6, 2)?;
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let (nano, mut len) = fraction(text, at + 8);
    let mut offset = None;
    if let Some(sign @ (b'+' | b'-')) = text.get(len)
        && let Some(minutes) = number(text, len + 1, 3)
        && minutes <= 18 * 60
    {
        let seconds = i32::try_from(minutes * 60).ok()?;
        offset = Some(if *sign == b'-' { -seconds } else { seconds });
        len += 4;
    }
    ended(
        text,
        date,
        Civil { year: None, month: 1, day: 1, hour, minute, second, nano, offset },
        len,
    )
}

/// `221529` with a fraction and a zone.
fn digits_clock(text: &[u8], date: Date, at: usize, kind: Kind) -> Option<Stamp> {
    let (hour, minute) = (number(text, at, 2)?, number(text, at + 2, 2)?);
    let second = number(text, at + 4, 2)?;
    if !date.is_valid() || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let (nano, end) = fraction(text, at + 6);
    let (offset, len) = zone(text, end);
    let civil = Civil { year: None, month: 1, day: 1, hour, minute, second, nano, offset };
    // Six digits at the end of a line are rather a number.
    let found =
        ended(text, date, civil, len).filter(|_| kind != Kind::Digits || len < text.len())?;
    Some(Stamp { kind, ..found })
}

fn ended(text: &[u8], date: Date, clock: Civil, len: usize) -> Option<Stamp> {
    if text.get(len).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let civil = Civil { year: date.year, month: date.month, day: date.day, ..clock };
    Some(Stamp { civil: Some(civil), kind: Kind::Dated, order: None, len })
}

impl Date {
    fn is_valid(self) -> bool {
        (1..=12).contains(&self.month) && (1..=31).contains(&self.day)
    }
}

/// The year of two digits, as POSIX has it: 69 to 99 are of the twentieth century.
fn two_digit_year(year: u32) -> Option<i32> {
    let year = i32::try_from(year).ok().filter(|year| *year < 100)?;
    Some(if year < 69 { 2000 + year } else { 1900 + year })
}

/// A number of one or two digits.
fn short(text: &[u8], at: usize) -> Option<(u32, usize)> {
    let digit =
        |at: usize| text.get(at).filter(|byte| byte.is_ascii_digit()).map(|b| u32::from(b - b'0'));
    let first = digit(at)?;
    Some(match digit(at + 1) {
        Some(second) => (first * 10 + second, at + 2),
        None => (first, at + 1),
    })
}

/// One to three digits behind a colon: a number of milliseconds, not a fraction.
fn milliseconds(text: &[u8], at: usize) -> Option<(u32, usize)> {
    if text.get(at) != Some(&b':') {
        return None;
    }
    let digits = text.iter().skip(at + 1).take(4).take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) {
        return None;
    }
    Some((number(text, at + 1, digits)? * 1_000_000, at + 1 + digits))
}

/// Whether `AM` or `PM` follows, behind a space or not.
fn meridiem_follows(text: &[u8], at: usize) -> bool {
    let at = at + usize::from(text.get(at) == Some(&b' '));
    matches!(text.get(at..at + 2), Some(b"AM" | b"PM" | b"am" | b"pm"))
        && !text.get(at + 2).is_some_and(u8::is_ascii_alphanumeric)
}

/// Behind at most two spaces.
fn skip_spaces(text: &[u8], at: usize) -> usize {
    let space = |at: usize| usize::from(text.get(at) == Some(&b' '));
    at + space(at) + if space(at) == 1 { space(at + 1) } else { 0 }
}
