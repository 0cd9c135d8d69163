//! Intervals of time, anchored on a ticket's own times.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ticket::Times;

/// An interval of time: from, inclusive, to, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Bounds", into = "Bounds")]
// Invariant: from < to.
pub struct Window {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

/// A window that ends before it begins, or an anchor that the ticket does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WindowError {
    /// It ends before it begins.
    #[error("the window from {from} to {to} is empty: it must end after it begins")]
    #[non_exhaustive]
    Empty {
        /// Its begin.
        from: DateTime<Utc>,
        /// Its end.
        to: DateTime<Utc>,
    },
    /// The arithmetic leaves the calendar.
    #[error("the window leaves the calendar")]
    OutOfRange,
}

impl Window {
    /// Makes a window.
    ///
    /// # Errors
    /// If it does not end after it begins.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Self, WindowError> {
        if from < to { Ok(Self { from, to }) } else { Err(WindowError::Empty { from, to }) }
    }

    /// Its begin, inclusive.
    #[must_use]
    pub const fn from(&self) -> DateTime<Utc> {
        self.from
    }

    /// Its end, exclusive.
    #[must_use]
    pub const fn to(&self) -> DateTime<Utc> {
        self.to
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Duration {
        (self.to - self.from).to_std().unwrap_or_default()
    }

    /// Whether a time is in it.
    #[must_use]
    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.from <= time && time < self.to
    }

    /// The smallest window that holds both.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    /// The part both have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to)).ok()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        write!(f, "{} to {}", text(&self.from), text(&self.to))
    }
}

#[derive(Serialize, Deserialize)]
struct Bounds {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl From<Window> for Bounds {
    fn from(Window { from, to }: Window) -> Self {
        Self { from, to }
    }
}

impl TryFrom<Bounds> for Window {
    type Error = WindowError;

    fn try_from(Bounds { from, to }: Bounds) -> Result<Self, WindowError> {
        Self::new(from, to)
    }
}

/// Which of the ticket's times a window is laid around.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// When it began; else when it was detected; else when the ticket was opened.
    Started,
    /// When it was detected; else when it began; else when the ticket was opened.
    Detected,
    /// When the ticket was opened.
    Opened,
}

impl Anchor {
    /// The time it stands for.
    #[must_use]
    pub fn of(self, times: &Times) -> DateTime<Utc> {
        match self {
            Self::Started => times.started.or(times.detected).unwrap_or(times.opened),
            Self::Detected => times.detected.or(times.started).unwrap_or(times.opened),
            Self::Opened => times.opened,
        }
    }
}

impl Anchor {
    /// All anchors.
    pub const ALL: [Self; 3] = [Self::Started, Self::Detected, Self::Opened];

    /// Its name, as the rule language writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Detected => "detected",
            Self::Opened => "opened",
        }
    }

    /// The anchor of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|anchor| anchor.name() == name)
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A window relative to a ticket's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WindowSpec {
    /// The time it is laid around.
    pub anchor: Anchor,
    /// How long before.
    pub before: Duration,
    /// How long after.
    pub after: Duration,
}

impl WindowSpec {
    /// A window around the time something started.
    #[must_use]
    pub const fn around(before: Duration, after: Duration) -> Self {
        Self { anchor: Anchor::Started, before, after }
    }

    /// The window for a ticket's times.
    ///
    /// # Errors
    /// If it would be empty or leave the calendar.
    pub fn resolve(&self, times: &Times) -> Result<Window, WindowError> {
        let shift =
            |duration: Duration| TimeDelta::from_std(duration).map_err(|_| WindowError::OutOfRange);
        let anchor = self.anchor.of(times);
        let from = anchor.checked_sub_signed(shift(self.before)?).ok_or(WindowError::OutOfRange)?;
        let to = anchor.checked_add_signed(shift(self.after)?).ok_or(WindowError::OutOfRange)?;
        Window::new(from, to)
    }
}

/// Writes the window as the rule language does: `15m before started`, `5m around detected`.
impl fmt::Display for WindowSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = crate::value::format_duration;
        let (before, after) = (text(self.before), text(self.after));
        if self.after.is_zero() {
            write!(f, "{before} before {}", self.anchor)
        } else if self.before.is_zero() {
            write!(f, "{after} after {}", self.anchor)
        } else if self.before == self.after {
            write!(f, "{before} around {}", self.anchor)
        } else {
            write!(f, "{before} before and {after} after {}", self.anchor)
        }
    }
}

/// Writes a time's distance to an anchor as `t0-4m12s` or `t0+35s`, whole seconds.
#[must_use]
pub fn distance(time: DateTime<Utc>, anchor: DateTime<Utc>) -> String {
    let delta = time - anchor;
    let seconds = delta.num_seconds();
    let length = Duration::from_secs(seconds.unsigned_abs());
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("t0{sign}{}", crate::value::format_duration(length))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Anchor, Window, WindowSpec, distance};

    #[test]
    fn relative_windows_read_well() {
        let text = |before, after, anchor| {
            let (before, after) = (Duration::from_secs(before), Duration::from_secs(after));
            WindowSpec { anchor, before, after }.to_string()
        };
        assert_eq!(text(900, 0, Anchor::Started), "15m before started");
        assert_eq!(text(0, 60, Anchor::Detected), "1m after detected");
        assert_eq!(text(60, 60, Anchor::Opened), "1m around opened");
        assert_eq!(text(60, 30, Anchor::Opened), "1m before and 30s after opened");
        assert!(Anchor::ALL.iter().all(|a| Anchor::from_name(a.name()) == Some(*a)));
    }

    #[test]
    fn empty_windows_are_refused() {
        let time = "2023-07-10T11:58:00Z".parse().unwrap();
        assert!(Window::new(time, time).is_err());
        let json = r#"{"from":"2023-07-10T11:58:00Z","to":"2023-07-10T11:00:00Z"}"#;
        assert!(serde_json::from_str::<Window>(json).is_err());
    }

    #[test]
    fn distances_read_well() {
        let anchor = "2023-07-10T11:58:00Z".parse().unwrap();
        assert_eq!(distance("2023-07-10T11:53:48Z".parse().unwrap(), anchor), "t0-4m12s");
        assert_eq!(distance("2023-07-10T11:58:35Z".parse().unwrap(), anchor), "t0+35s");
    }
}
