//! What was read so far, which becomes the coverage.

use logdive_core::{Layer, LayerCoverage, LogRecord, Reason, Window};

use super::declared::Declared;
use crate::layers::freshness::Freshness;

/// Most reasons that are kept: a thousand pages that fail in one way say no more than a few.
const MOST_REASONS: usize = 20;

/// What was read of a layer, what failed, and what it cost.
#[derive(Debug)]
pub(super) struct Tally {
    window: Window,
    limit: u64,
    lines: u64,
    freshness: Freshness,
    coverage: LayerCoverage,
}

impl Tally {
    pub(super) fn new(
        layer: &Layer,
        declared: &Declared,
        window: Window,
        limit: Option<u64>,
    ) -> Self {
        Self {
            window,
            limit: limit.unwrap_or(u64::MAX),
            lines: 0,
            freshness: declared.freshness(layer),
            coverage: LayerCoverage::default(),
        }
    }

    /// A piece that has to be read.
    pub(super) const fn planned(&mut self) {
        self.coverage.planned += 1;
    }

    /// A piece that was read whole.
    pub(super) const fn read(&mut self) {
        self.coverage.read += 1;
    }

    /// A piece became two.
    #[cfg(any(feature = "cloudwatch", feature = "loki"))]
    pub(super) const fn split(&mut self) {
        self.coverage.planned += 1;
    }

    /// Bytes that came, or that the store read for us.
    pub(super) const fn bytes(&mut self, bytes: u64) {
        let cost = &mut self.coverage.cost;
        cost.bytes = cost.bytes.saturating_add(bytes);
    }

    #[cfg(feature = "cloudwatch")]
    pub(super) const fn micro_dollars(&mut self, price: u64) {
        let cost = &mut self.coverage.cost;
        cost.micro_dollars = cost.micro_dollars.saturating_add(price);
    }

    /// Lines the store says it looked at.
    #[cfg(any(feature = "cloudwatch", feature = "loki"))]
    pub(super) const fn scanned(&mut self, rows: u64) {
        self.coverage.scanned = self.coverage.scanned.saturating_add(rows);
    }

    /// What the store answered itself.
    pub(super) fn answered(&mut self, what: String) {
        self.coverage.answered.push(what);
    }

    pub(super) fn failed(&mut self, reason: Reason) {
        let failed = &mut self.coverage.failed;
        if failed.len() < MOST_REASONS && !failed.contains(&reason) {
            failed.push(reason);
        }
    }

    /// A limit of the store that leaves lines out.
    pub(super) fn cut(&mut self, limit: impl Into<String>) {
        self.coverage.stopped_by.get_or_insert_with(|| limit.into());
    }

    /// How many lines are still wanted, and one more to see whether there are more.
    pub(super) const fn wanted(&self) -> u64 {
        self.limit.saturating_sub(self.lines).saturating_add(1)
    }

    /// Takes a page: lines outside of the window go, and those that nobody wants any more. Says
    /// whether the limit was passed.
    pub(super) fn take(&mut self, page: &mut Vec<LogRecord>) -> bool {
        page.retain(|record| self.window.contains(record.time()));
        let left = usize::try_from(self.limit - self.lines).unwrap_or(usize::MAX);
        let passed = page.len() > left;
        page.truncate(left);
        for record in &mut *page {
            record.seq = i64::try_from(self.lines).unwrap_or(i64::MAX);
            self.lines += 1;
            self.freshness.add(record.emitter.as_deref(), record.ts());
        }
        if passed {
            self.cut(format!("the limit of {} lines", self.limit));
        }
        passed
    }

    pub(super) fn finish(mut self) -> LayerCoverage {
        // What the store left out may have been the newest line of an emitter that lags: then the
        // lines that came say nothing of how far the store is.
        let blind = self.freshness.is_by_lines() && !self.coverage.answered.is_empty();
        self.coverage.newest = self.freshness.newest();
        self.coverage.watermark = if blind { None } else { self.freshness.watermark() };
        self.coverage.scanned = self.coverage.scanned.max(self.lines);
        self.coverage.cost.rows = self.lines;
        self.coverage
    }
}
