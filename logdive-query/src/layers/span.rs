//! Stretches of time in microseconds.

use std::time::Duration;

#[cfg(any(feature = "delta", feature = "parquet"))]
use chrono::{DateTime, SecondsFormat};
use logdive_core::Window;

use crate::lower::ceil_micros;

/// How far around a window a table is asked who writes to the layer.
pub(crate) const AROUND: Duration = Duration::from_secs(86_400);

/// Times from one to another, both inside, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Span {
    /// The times of a window.
    pub(crate) fn of(window: &Window) -> Self {
        let to = ceil_micros(window.to()).saturating_sub(1);
        Self { from: ceil_micros(window.from()), to }
    }

    #[cfg(any(feature = "delta", feature = "parquet"))]
    pub(crate) const fn meets(&self, other: &Self) -> bool {
        self.from <= other.to && other.from <= self.to
    }

    #[cfg(any(feature = "delta", feature = "parquet"))]
    pub(crate) const fn holds(&self, other: &Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// The span and so much more at each end.
    pub(crate) fn wider(&self, before: Duration, behind: Duration) -> Self {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Self {
            from: self.from.saturating_sub(micros(before)),
            to: self.to.saturating_add(micros(behind)),
        }
    }

    #[cfg(any(feature = "delta", feature = "parquet"))]
    pub(crate) fn shown(&self) -> String {
        let text = |micros: i64| match DateTime::from_timestamp_micros(micros) {
            Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            None => format!("{micros} µs"),
        };
        format!("{} to {}", text(self.from), text(self.to))
    }
}
