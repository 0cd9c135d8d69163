//! Up to when the lines of a foreign layer are known to have arrived.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::LayerCoverage;
use logdive_core::port::Clock;

use crate::emitters::Emitters;

/// What is known of a foreign layer's newest lines while they are read.
#[derive(Debug)]
pub(crate) struct Freshness {
    layer: String,
    lateness: Option<Duration>,
    asked_at: Option<DateTime<Utc>>,
    emitters: Emitters,
}

impl Freshness {
    /// Begins, at the moment of asking. With a clock, the store is trusted to have every line once
    /// the lateness has passed; without one, only the lines themselves say how far it is.
    pub(crate) fn new(
        layer: &str,
        lateness: Option<Duration>,
        trusted: Option<&Arc<dyn Clock>>,
    ) -> Self {
        let asked_at = trusted.map(|clock| clock.now());
        Self { layer: layer.to_owned(), lateness, asked_at, emitters: Emitters::default() }
    }

    /// Adds a line, by its time in microseconds.
    pub(crate) fn add(&mut self, emitter: Option<&str>, time: i64) {
        self.emitters.add(&self.layer, emitter, time);
    }

    /// The newest line, the lowest over the emitters that were read.
    pub(crate) fn newest(&self) -> Option<DateTime<Utc>> {
        self.emitters.newest_of(&self.layer).and_then(DateTime::from_timestamp_micros)
    }

    /// The watermark.
    pub(crate) fn watermark(&self) -> Option<DateTime<Utc>> {
        match (self.asked_at, self.lateness.and_then(|l| TimeDelta::from_std(l).ok())) {
            (Some(asked_at), Some(lateness)) => asked_at.checked_sub_signed(lateness),
            _ => LayerCoverage::watermark_of(self.newest(), self.lateness),
        }
    }

    /// Whether the watermark rests on the lines that were read.
    #[cfg(any(feature = "cloudwatch", feature = "elasticsearch", feature = "loki"))]
    pub(crate) const fn is_by_lines(&self) -> bool {
        self.asked_at.is_none() || self.lateness.is_none()
    }
}
