//! A service's log stream, made from a seed: eight layers of a key management service over several
//! days, with incidents planted in the last one and the truth about each.
//!
//! The same [`StreamSpec`] gives the same bytes on every machine. Every minute is made from the
//! seed and its number alone: [`Stream::batches`] gives any part without what is before it. The
//! last day is full, the days before are thinned; changes (deploys, flags) are never thinned.
//!
//! The service: an edge (18 hosts), front ends (60), authorization (24), modules that hold the
//! keys (40), storage (12), a change feed (8), canaries (6), and what was changed. Requests carry
//! their id through all of them, sessions tie authorization to modules, keys and access keys tie
//! many requests. About two thousand kinds of everyday lines, few of them frequent; one line in a
//! thousand is an error nobody minds; jobs, pauses and retries come in bursts.
//!
//! ```
//! use logdive_core::testkit::stream::{Stream, StreamSpec};
//!
//! let stream = Stream::new(StreamSpec::default().lines_per_day(480_000))?;
//! let incident = stream.incidents().first().ok_or("there are ninety")?;
//! let alone = stream.only(incident);
//! let lines: usize = alone.batches(incident.hour).map(|batch| batch.len()).sum();
//! // Nights are quieter than days.
//! assert!((2_000..40_000).contains(&lines), "{lines}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use thiserror::Error;

use crate::{LayerError, LayerName, Layers, LogBatch, Window, WindowError};

mod catalog;
mod flow;
mod grammar;
mod incident;
mod json;
mod kinds;
mod minute;
mod naive;
mod pattern;
mod plot;
mod render;
mod rng;
mod script;
#[cfg(test)]
mod tests;
mod text;
mod tier;
mod words;

pub use incident::{GroundTruth, Incident, IncidentKind};
pub use json::write_json_lines;
pub use naive::{last_errors, last_lines};
pub use render::Batches;

use catalog::Catalog;
use minute::Source;
use plot::Plot;
use rng::Rng;
use script::Script;

/// Variants of each kind of incident.
const VARIANTS: u32 = 5;
/// Minutes of the last day that each incident has for itself: ninety of them fill the day.
const SLOT: i64 = 16;

/// What a stream is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
// Invariant: days, lines and thinning are above 0.
pub struct StreamSpec {
    seed: u64,
    first_day: NaiveDate,
    days: u32,
    lines: u64,
    thin: u64,
}

impl Default for StreamSpec {
    /// Eight days from 2023-07-03, of which the last has a million lines and each one before a
    /// twentieth.
    fn default() -> Self {
        let first_day = NaiveDate::from_ymd_opt(2023, 7, 3).unwrap_or_default();
        Self { seed: 1, first_day, days: 8, lines: 1_000_000, thin: 20 }
    }
}

impl StreamSpec {
    /// Another seed: other lines, hosts and ids.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The first day, UTC.
    #[must_use]
    pub const fn first_day(mut self, day: NaiveDate) -> Self {
        self.first_day = day;
        self
    }

    /// How many days, the last one among them; 1 at least.
    #[must_use]
    pub fn days(mut self, days: u32) -> Self {
        self.days = days.max(1);
        self
    }

    /// How many lines the last day has, about; 1 at least.
    #[must_use]
    pub fn lines_per_day(mut self, lines: u64) -> Self {
        self.lines = lines.max(1);
        self
    }

    /// Which part of its lines each day before the last has: one of so many.
    #[must_use]
    pub fn thinned(mut self, one_of: u64) -> Self {
        self.thin = one_of.max(1);
        self
    }

    /// How many lines a minute has; `None` outside of the stream.
    fn rates(&self, minute: i64) -> Option<Rates> {
        let first = self.begin().timestamp().div_euclid(60);
        let day = (minute - first).div_euclid(1_440);
        if day < 0 || day >= i64::from(self.days) {
            return None;
        }
        // A million for a full line: from 550,000 at three in the night to 1,450,000 at three in
        // the afternoon, with chance of a twentieth.
        let of_day = (minute - first).rem_euclid(1_440);
        let after = (of_day - 900).rem_euclid(1_440);
        let up = 720 - after.min(1_440 - after).unsigned_abs();
        let smooth = up * up * (3 * 720 - 2 * up) * 1_000 / (720 * 720 * 720);
        let mut rng = Rng::of(&[self.seed, minute.cast_unsigned(), 0x2a7e]);
        let weight = (550 + smooth * 9 / 10) * rng.between(950, 1_050);
        let millionths = u128::from(self.lines) * u128::from(weight) / 1_440;
        let full = u64::try_from(millionths / 1_000_000).unwrap_or(u64::MAX);
        let thin = if day + 1 == i64::from(self.days) { 1 } else { self.thin };
        let share = u64::try_from(millionths / u128::from(thin)).unwrap_or(u64::MAX);
        let lines = share / 1_000_000 + u64::from(rng.below(1_000_000) < share % 1_000_000);
        Some(Rates { lines, full, thin })
    }

    fn begin(&self) -> DateTime<Utc> {
        self.first_day.and_time(chrono::NaiveTime::MIN).and_utc()
    }
}

/// How many lines a minute has.
struct Rates {
    lines: u64,
    /// Were it not thinned.
    full: u64,
    thin: u64,
}

/// A stream that cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// Its days leave the calendar.
    #[error("the stream's days leave the calendar; begin it earlier or make it shorter")]
    Days(#[source] WindowError),
    /// Its layers do not hold together.
    #[error("the layers of the stream do not hold together")]
    Layers(#[source] LayerError),
}

/// A service's log stream with incidents.
#[derive(Debug, Clone)]
pub struct Stream {
    spec: StreamSpec,
    window: Window,
    layers: Arc<Layers>,
    catalog: Arc<Catalog>,
    incidents: Vec<Incident>,
    scripts: Vec<Script>,
}

impl Stream {
    /// A stream with all incidents, each in sixteen minutes of the last day: five variants of each
    /// kind.
    ///
    /// # Errors
    /// If its days leave the calendar.
    pub fn new(spec: StreamSpec) -> Result<Self, StreamError> {
        let begin = spec.begin();
        let out_of_range = || StreamError::Days(WindowError::OutOfRange);
        let length = TimeDelta::try_days(spec.days.into()).ok_or_else(out_of_range)?;
        let end = begin.checked_add_signed(length).ok_or_else(out_of_range)?;
        if end.timestamp_nanos_opt().is_none() || begin.timestamp_nanos_opt().is_none() {
            return Err(out_of_range());
        }
        let window = Window::new(begin, end).map_err(StreamError::Days)?;
        let layers = tier::layers().map_err(StreamError::Layers)?;
        let mut catalog = Catalog::new();
        let last_day = end - TimeDelta::days(1);
        let written = (0..VARIANTS).flat_map(|variant| {
            IncidentKind::ALL
                .into_iter()
                .enumerate()
                .map(move |(place, kind)| (variant, place, kind))
        });
        let (incidents, scripts) = written
            .filter_map(|(variant, place, kind)| {
                let slot = i64::from(variant) * 18 + i64::try_from(place).unwrap_or_default();
                let seed = [spec.seed, 0x1c1d, place as u64, variant.into()];
                let mut rng = Rng::of(&seed);
                let seconds = |low, high, rng: &mut Rng| {
                    TimeDelta::seconds(i64::try_from(rng.between(low, high)).unwrap_or_default())
                };
                let onset =
                    last_day + TimeDelta::minutes(slot * SLOT) + seconds(180, 300, &mut rng);
                let end = onset + seconds(360, 600, &mut rng);
                let variant = usize::try_from(variant).unwrap_or_default();
                let mut plot = Plot::new(&mut catalog, rng, variant, onset, end);
                let told = kinds::write(kind, &mut plot);
                plot.finish(kind, &told)
            })
            .unzip();
        Ok(Self {
            spec,
            window,
            layers: Arc::new(layers),
            catalog: Arc::new(catalog),
            incidents,
            scripts,
        })
    }

    /// The same stream with one of its incidents and no other; everyday lines are the same.
    #[must_use]
    pub fn only(&self, incident: &Incident) -> Self {
        let kept = self.incidents.iter().zip(&self.scripts).filter(|(one, _)| *one == incident);
        let (incidents, scripts) = kept.map(|(one, script)| (one.clone(), script.clone())).unzip();
        Self { incidents, scripts, ..self.clone() }
    }

    /// The same stream in which nothing goes wrong but what does every day.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self { incidents: Vec::new(), scripts: Vec::new(), ..self.clone() }
    }

    /// From its first day to the end of its last.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }

    /// Its last day, the full one.
    #[must_use]
    pub fn last_day(&self) -> Window {
        let from = (self.window.to() - TimeDelta::days(1)).max(self.window.from());
        Window::new(from, self.window.to()).unwrap_or(self.window)
    }

    /// What is declared of its layers.
    #[must_use]
    pub fn layers(&self) -> &Layers {
        &self.layers
    }

    /// What is planted in it.
    #[must_use]
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// The lines of a window, in order of their time; a line is the same in whatever window it is
    /// asked for.
    #[must_use]
    pub fn batches(&self, window: Window) -> Batches<'_> {
        Batches::new(self, window)
    }

    /// The lines of a window, those of each layer in a batch of their own: for layers in memory.
    #[must_use]
    pub fn by_layer(&self, window: Window) -> BTreeMap<LayerName, LogBatch> {
        render::by_layer(self, window)
    }

    fn source(&self) -> Source<'_> {
        Source { spec: &self.spec, catalog: &self.catalog, scripts: &self.scripts }
    }
}

/// What a window is compared with: the same time yesterday and a week ago, and the six hours
/// before it.
#[must_use]
pub fn baselines(window: Window) -> [Window; 3] {
    let earlier = |of: Window, from: TimeDelta, to: TimeDelta| {
        let ends = of.from().checked_sub_signed(from).zip(of.to().checked_sub_signed(to));
        ends.and_then(|(from, to)| Window::new(from, to).ok()).unwrap_or(of)
    };
    let length = window.to() - window.from();
    let (day, week) = (TimeDelta::days(1), TimeDelta::days(7));
    [
        earlier(window, day, day),
        earlier(window, week, week),
        earlier(window, TimeDelta::hours(6), length),
    ]
}
