//! The newest or oldest lines.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use arrow::array::{ArrayRef, AsArray as _, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{Expr, lit};
use logdive_core::log::Column;
use logdive_core::{LogBatch, LogRecord};

use crate::lower::column;
use crate::plan::{Order, Shown};
use crate::scan::array;

/// What lines are sorted by: core's order, and what tells apart lines that it does not.
pub(crate) fn line_order(a: &LogRecord, b: &LogRecord) -> Ordering {
    fn key(line: &LogRecord) -> (i64, &str, &str, i64, &str, &str, i64, &str, &str) {
        (
            line.as_line().ts(),
            line.layer.as_str(),
            line.emitter.as_deref().unwrap_or_default(),
            line.seq,
            line.uid.as_deref().unwrap_or_default(),
            line.source.as_deref().unwrap_or_default(),
            line.source_offset.unwrap_or(-1),
            line.body.as_deref().unwrap_or_default(),
            line.attributes.as_deref().unwrap_or_default(),
        )
    }
    key(a).cmp(&key(b))
}

fn sort_lines(lines: &mut [LogRecord]) {
    lines.sort_by(line_order);
}

/// Keeps the lines to show.
#[derive(Debug)]
pub(super) struct Top {
    show: Shown,
    most: usize,
    kept: Vec<LogRecord>,
    /// The time of the last line that can still be shown, once there are enough.
    limit: Option<i64>,
    held: usize,
}

impl Top {
    pub(super) fn new(show: Shown) -> Self {
        let most = usize::try_from(show.most).unwrap_or(usize::MAX);
        Self { show, most, kept: Vec::new(), limit: None, held: 0 }
    }

    pub(super) fn fresh(&self) -> Self {
        Self::new(self.show)
    }

    pub(super) fn take(
        &mut self,
        rows: &RecordBatch,
        places: &[usize],
        layers: &[(String, bool)],
    ) -> Result<()> {
        let times = array(rows, Column::Ts)?.as_primitive::<TimestampMicrosecondType>();
        let newest = self.show.order == Order::Newest;
        let mut wanted: Vec<(i64, u32)> = Vec::new();
        for (row, place) in (0_u32..).zip(places) {
            let time = times.value(row as usize);
            let beyond = self.limit.is_some_and(|limit| match newest {
                true => time < limit,
                false => time > limit,
            });
            let shown = layers.get(*place).is_some_and(|(_, shown)| *shown);
            if shown && !beyond {
                wanted.push((if newest { -time } else { time }, row));
            }
        }
        if wanted.len() > self.most {
            // Lines of one time stay together: what tells them apart is looked at later.
            let at = self.most.saturating_sub(1);
            let (_, (last, _), _) = wanted.select_nth_unstable(at);
            let last = *last;
            wanted.retain(|(time, _)| *time <= last);
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let rows_wanted: UInt32Array = wanted.iter().map(|(_, row)| *row).collect();
        let batch = LogBatch::try_new(&take_record_batch(rows, &rows_wanted)?)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        self.held += batch.as_arrow().get_array_memory_size();
        self.kept.extend(batch.records());
        if self.kept.len() > self.most.saturating_mul(2).saturating_add(1_024) {
            self.cut();
        }
        Ok(())
    }

    fn cut(&mut self) {
        let order = self.show.order;
        self.kept.sort_by(|a, b| match order {
            Order::Oldest => line_order(a, b),
            Order::Newest => line_order(b, a),
        });
        let before = self.kept.len();
        self.kept.truncate(self.most);
        self.held = self.held / before.max(1) * self.kept.len();
        if self.kept.len() == self.most {
            self.limit = self.kept.last().map(|line| line.as_line().ts());
        }
    }

    pub(super) fn join(&mut self, other: Self) {
        self.held += other.held;
        self.kept.extend(other.kept);
        if self.kept.len() > self.most {
            self.cut();
        }
    }

    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// The lines, oldest first.
    pub(super) fn finish(mut self) -> Vec<LogRecord> {
        self.cut();
        sort_lines(&mut self.kept);
        self.kept
    }
}

/// Finds how old the lines to show are.
#[derive(Debug)]
pub(super) struct Cutoff {
    newest: bool,
    most: usize,
    /// The best times; the worst of them on top. Newest are negated.
    times: BinaryHeap<i64>,
}

impl Cutoff {
    pub(super) fn new(show: Shown) -> Self {
        Self {
            newest: show.order == Order::Newest,
            most: usize::try_from(show.most).unwrap_or(usize::MAX),
            times: BinaryHeap::new(),
        }
    }

    pub(super) const fn fresh(&self) -> Self {
        Self { newest: self.newest, most: self.most, times: BinaryHeap::new() }
    }

    fn add(&mut self, time: i64) {
        if self.times.len() < self.most {
            self.times.push(time);
        } else if self.times.peek().is_some_and(|worst| time < *worst) {
            self.times.pop();
            self.times.push(time);
        }
    }

    pub(super) fn take(&mut self, times: &ArrayRef, places: &[usize], layers: &[(String, bool)]) {
        let times = times.as_primitive::<TimestampMicrosecondType>();
        for (row, place) in places.iter().enumerate() {
            if layers.get(*place).is_some_and(|(_, shown)| *shown) {
                let time = times.value(row);
                self.add(if self.newest { -time } else { time });
            }
        }
    }

    pub(super) fn join(&mut self, other: Self) {
        other.times.into_iter().for_each(|time| self.add(time));
    }

    /// Lines that can be shown; `None` if all can.
    pub(super) fn filter(self) -> Option<Expr> {
        if self.times.len() < self.most {
            return None;
        }
        let worst = *self.times.peek()?;
        let time = if self.newest { -worst } else { worst };
        let time = lit(ScalarValue::TimestampMicrosecond(Some(time), Some("UTC".into())));
        Some(match self.newest {
            true => column(Column::Ts).gt_eq(time),
            false => column(Column::Ts).lt_eq(time),
        })
    }
}
