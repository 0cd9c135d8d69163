//! What was found of a line that is keys and values.

use std::borrow::Cow;

use super::Origin;
use super::hex::hex;
use super::keys::{ROLES, Role};
use super::time::{Assumed, OutOfRange, whole as whole_time};
use super::when::When;
use crate::log::{LogLine, LogSeverity};

/// What was found of a line: per role the value of the key that stands first in the role's
/// list, among those that hold something readable.
#[derive(Debug)]
pub(super) struct Found<'a> {
    origin: &'a Origin,
    texts: [Option<(usize, Cow<'a, str>)>; ROLES],
    time: Option<(usize, When)>,
}

/// A value that is no object and no array.
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Uint(u64),
    Float(f64),
}

impl<'a> Found<'a> {
    pub(super) const fn new(origin: &'a Origin) -> Self {
        Self { origin, texts: [const { None }; ROLES], time: None }
    }

    pub(super) fn text(&self, role: Role) -> Option<&str> {
        self.texts.get(role as usize)?.as_ref().map(|(_, text)| text.as_ref())
    }

    /// Its time.
    pub(super) fn when(&self) -> When {
        self.time.map(|(_, time)| time).unwrap_or_default()
    }

    /// A line of what was found, without attributes.
    pub(super) fn line<'l>(&'l self, when: &'l When, base: LogLine<'l>) -> LogLine<'l> {
        let level = self.text(Role::Level);
        LogLine {
            time_unix_nano: when.nanos(),
            severity: level.and_then(severity),
            severity_text: level,
            event: self.text(Role::Event),
            uid: self.text(Role::Uid),
            request_id: self.text(Role::RequestId),
            trace_id: self.text(Role::TraceId).and_then(hex),
            span_id: self.text(Role::SpanId).and_then(hex),
            service: self.text(Role::Service),
            body: self.text(Role::Message),
            emitter: self.text(Role::Emitter).or(base.emitter),
            parse_error: when.error(),
            ..base
        }
    }

    pub(super) fn take(&mut self, roles: &[(Role, usize)], value: &Scalar<'a>) {
        for (role, rank) in roles {
            if *role == Role::Time {
                // Of two keys of one name the last counts, as in any reader of JSON.
                if self.time.is_none_or(|(known, _)| *rank <= known)
                    && let Some(time) = time_of(value, self.origin)
                {
                    self.time = Some((*rank, time.into()));
                }
                continue;
            }
            let Some(slot) = self.texts.get_mut(*role as usize) else { continue };
            if slot.as_ref().is_none_or(|(known, _)| rank <= known)
                && let Some(text) = value.text()
            {
                *slot = Some((*rank, text));
            }
        }
    }
}

impl<'a> Scalar<'a> {
    fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => (!text.is_empty()).then(|| text.clone()),
            Self::Int(number) => Some(number.to_string().into()),
            Self::Uint(number) => Some(number.to_string().into()),
            Self::Float(number) => Some(number.to_string().into()),
        }
    }
}

/// A time, if the value is one.
fn time_of(value: &Scalar<'_>, origin: &Origin) -> Option<Result<(i64, Assumed), OutOfRange>> {
    let whole = |nanos: Option<i64>| nanos.map(|n| (n, Assumed::default())).ok_or(OutOfRange);
    match value {
        Scalar::Text(text) => match whole_time(text, origin) {
            Some(time) => Some(time),
            None => match text.parse::<i64>() {
                Ok(number) => Some(whole(nanos_of(number))),
                Err(_) => {
                    let seconds = text.parse().ok().filter(|_| text.contains('.'))?;
                    Some(whole(nanos_of_float(seconds)))
                }
            },
        },
        Scalar::Int(number) => Some(whole(nanos_of(*number))),
        Scalar::Uint(_) => Some(Err(OutOfRange)),
        Scalar::Float(number) => Some(whole(nanos_of_float(*number))),
    }
}

/// A number's size tells its unit: seconds up to 1e11 (the year 5138), then milliseconds,
/// microseconds and nanoseconds, each a thousand times more.
fn nanos_of(number: i64) -> Option<i64> {
    let unit = match number.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    number.checked_mul(unit)
}

/// Seconds or milliseconds with a fraction, to the microsecond: that is as far as the number goes.
fn nanos_of_float(number: f64) -> Option<i64> {
    let seconds = if number.abs() < 1e11 { number } else { number / 1e3 };
    let micros = (seconds * 1e6).round();
    if micros.abs() < 9.2e15 {
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        return (micros as i64).checked_mul(1_000);
    }
    None
}

fn severity(level: &str) -> Option<LogSeverity> {
    let Ok(number) = level.parse::<u8>() else { return LogSeverity::from_level(level.trim()) };
    match number {
        0..=7 => LogSeverity::from_syslog(number),
        // pino and bunyan.
        10 | 20 | 30 | 40 | 50 | 60 => {
            LogSeverity::from_number(i64::from((number / 10 - 1) * 4 + 1))
        }
        other => LogSeverity::from_number(other.into()),
    }
}
