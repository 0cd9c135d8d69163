//! The lines before and after each hit, by emitter and source, in one scan for all hits.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array as _, AsArray as _, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;
use chrono::TimeDelta;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{Expr, in_list, lit};
use logdive_core::log::Column;
use logdive_core::{ContextGroup, ContextLine, LogBatch, LogRecord, Window};

use crate::engine::{Engine, Halt};
use crate::gather::{Part, by_table, line_order};
use crate::lower::{balanced, column, in_window};
use crate::scan::{Consumer, Scan, array};

/// Emitters named in a condition at most; of more, all are read and left out afterwards.
const NAMED: usize = 256;

/// A window with so much before and after it.
pub(super) fn around(window: &Window, within: Duration) -> Window {
    let shift = TimeDelta::from_std(within).unwrap_or_default();
    let from = window.from().checked_sub_signed(shift).unwrap_or(window.from());
    let to = window.to().checked_add_signed(shift).unwrap_or(window.to());
    Window::new(from, to).unwrap_or(*window)
}

/// Where a line is in its place: an emitter's lines of one source, in one layer.
type Stream = (String, Option<String>, Option<String>);

/// The same, borrowed from rows.
type Key<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

fn stream_of(line: &LogRecord) -> Stream {
    (line.layer.as_str().to_owned(), line.emitter.clone(), line.source.clone())
}

/// The surroundings of hits: `before` and `after` lines of each, of the same emitter and source and
/// at most `within` away in time. `parts` are the layers' lines.
pub(super) async fn context(
    engine: &Engine,
    parts: &[Part],
    hits: &[LogRecord],
    before: usize,
    after: usize,
    within: Duration,
) -> Result<Vec<ContextGroup>, Halt> {
    let mut streams: BTreeMap<Stream, Hits> = BTreeMap::new();
    for hit in hits {
        streams.entry(stream_of(hit)).or_default().lines.push(hit.clone());
    }
    for hits in streams.values_mut() {
        hits.settle(before, after, within);
    }
    let streams = Arc::new(streams);
    let mut whole = Surroundings::of(&streams);
    let with_hits =
        |part: &&Part| streams.keys().any(|(layer, ..)| layer == part.layer.name().as_str());
    let with_hits: Vec<Part> = parts.iter().filter(with_hits).cloned().collect();
    for parts in by_table(&with_hits) {
        let Some(first) = parts.first() else { continue };
        let scan = Scan {
            table: Arc::clone(&first.table),
            columns: Column::ALL.iter().copied().collect(),
            filters: filters(&parts, &streams, within),
        };
        let found = scan.feed(engine, |_| Ok(Surroundings::of(&streams))).await?;
        whole.join(found)?;
    }
    Ok(whole.finish())
}

/// Lines of parts of one table that may be near a hit.
fn filters(parts: &[&Part], streams: &BTreeMap<Stream, Hits>, within: Duration) -> Vec<Expr> {
    let layers: BTreeSet<&str> = parts.iter().map(|part| part.layer.name().as_str()).collect();
    let own = || streams.iter().filter(|((layer, ..), _)| layers.contains(layer.as_str()));
    let times = own().flat_map(|(_, hits)| &hits.lines).map(LogRecord::time);
    let (first, last) = times.fold((None, None), |(first, last), time| {
        (
            Some(first.map_or(time, |first| time.min(first))),
            Some(last.map_or(time, |last| time.max(last))),
        )
    });
    let mut filters = Vec::new();
    if let (Some(first), Some(last)) = (first, last)
        && let Some(end) = last.checked_add_signed(TimeDelta::microseconds(1))
        && let Ok(window) = Window::new(first, end)
    {
        filters.push(in_window(&around(&window, within)));
    }
    let named = layers.iter().map(|layer| lit(*layer)).collect();
    filters.push(in_list(column(Column::Layer), named, false));
    let emitters: BTreeSet<Option<&str>> =
        own().map(|((_, emitter, _), _)| emitter.as_deref()).collect();
    if emitters.len() <= NAMED {
        let named: Vec<Expr> = emitters.iter().flatten().map(|name| lit(*name)).collect();
        let mut terms = Vec::new();
        if !named.is_empty() {
            terms.push(in_list(column(Column::Emitter), named, false));
        }
        if emitters.contains(&None) {
            terms.push(column(Column::Emitter).is_null());
        }
        filters.push(balanced(terms, false));
    }
    filters
}

/// The hits of one stream.
#[derive(Debug, Clone, Default)]
struct Hits {
    /// In order.
    lines: Vec<LogRecord>,
    /// How often each is a hit: lines may be equal in all they say.
    times: Vec<u64>,
    before: usize,
    after: usize,
    within: u64,
}

impl Hits {
    fn settle(&mut self, before: usize, after: usize, within: Duration) {
        self.lines.sort_by(line_order);
        let mut times: Vec<u64> = Vec::with_capacity(self.lines.len());
        let mut lines: Vec<LogRecord> = Vec::with_capacity(self.lines.len());
        for line in self.lines.drain(..) {
            match (lines.last(), times.last_mut()) {
                (Some(last), Some(times)) if line_order(last, &line) == Ordering::Equal => {
                    *times += 1;
                }
                _ => {
                    lines.push(line);
                    times.push(1);
                }
            }
        }
        (self.lines, self.times, self.before, self.after) = (lines, times, before, after);
        self.within = u64::try_from(within.as_micros()).unwrap_or(u64::MAX);
    }

    /// How many hits are before a line, and whether it is one.
    fn place(&self, line: &LogRecord) -> Result<usize, usize> {
        self.lines.binary_search_by(|hit| line_order(hit, line))
    }

    /// Whether a time is near enough to a hit before or behind it.
    fn is_near(&self, time: i64) -> bool {
        let next = self.lines.partition_point(|hit| hit.as_line().ts() < time);
        let near = |at: Option<&LogRecord>| {
            at.is_some_and(|hit| hit.as_line().ts().abs_diff(time) <= self.within)
        };
        near(self.lines.get(next)) || near(next.checked_sub(1).and_then(|at| self.lines.get(at)))
    }
}

/// The lines between two hits that are nearest to either.
#[derive(Debug, Clone, Default)]
struct Gap {
    /// The first ones, in order: they come after the hit before.
    first: Vec<LogRecord>,
    /// The last ones, in order: they come before the hit behind.
    last: Vec<LogRecord>,
    /// How many there are that are near a hit in time.
    near: u64,
    /// How many there are that are not: they lie in the middle.
    far: u64,
}

impl Gap {
    fn add(&mut self, line: &LogRecord, before: usize, after: usize) {
        self.near += 1;
        insert(&mut self.first, line, after, false);
        insert(&mut self.last, line, before, true);
    }

    fn join(&mut self, other: &Self, before: usize, after: usize) {
        self.near += other.near;
        self.far += other.far;
        other.first.iter().for_each(|line| insert(&mut self.first, line, after, false));
        other.last.iter().for_each(|line| insert(&mut self.last, line, before, true));
    }
}

impl Gap {
    /// The lines that were kept in order, with how many were left out before each, and how many
    /// were left out behind them.
    fn lines(self, hit_before: Option<&LogRecord>, within: u64) -> (Vec<(LogRecord, u64)>, u64) {
        let Self { first, last, near, far } = self;
        let mut kept: Vec<(LogRecord, u64)> = Vec::with_capacity(first.len() + last.len());
        let mut behind = 0;
        let both = (first.len() + last.len()) as u64;
        if near <= first.len().max(last.len()) as u64 {
            // One of the lists has them all.
            let all = if first.len() >= last.len() { first } else { last };
            kept.extend(all.into_iter().map(|line| (line, 0)));
        } else {
            let doubled = usize::try_from(both.saturating_sub(near)).unwrap_or_default();
            behind = near.saturating_sub(both);
            kept.extend(first.into_iter().map(|line| (line, 0)));
            let last = last.into_iter().skip(doubled);
            kept.extend(last.map(|line| (line, std::mem::take(&mut behind))));
        }
        // Those that are far lie behind those that are near the hit before.
        let is_near = |line: &LogRecord| {
            hit_before.is_some_and(|hit| hit.as_line().ts().abs_diff(line.as_line().ts()) <= within)
        };
        match kept.iter_mut().find(|(line, _)| !is_near(line)) {
            Some((_, left_out)) => *left_out += far,
            None => behind += far,
        }
        (kept, behind)
    }
}

/// Puts a line into a sorted list of the least or the greatest so many.
fn insert(list: &mut Vec<LogRecord>, line: &LogRecord, most: usize, greatest: bool) {
    let at = list.partition_point(|known| line_order(known, line) != Ordering::Greater);
    if greatest {
        if at == 0 && list.len() >= most {
            return;
        }
        list.insert(at, line.clone());
        if list.len() > most {
            list.remove(0);
        }
    } else if at < most {
        list.insert(at, line.clone());
        list.truncate(most);
    }
}

/// What is around the hits of one stream.
#[derive(Debug, Clone, Default)]
struct Around {
    /// Before the first hit, between hits, behind the last.
    gaps: Vec<Gap>,
    /// How often the line of each hit was read.
    seen: Vec<u64>,
}

/// Collects what is around hits.
#[derive(Debug)]
struct Surroundings {
    streams: Arc<BTreeMap<Stream, Hits>>,
    around: Vec<Around>,
    held: usize,
}

impl Surroundings {
    fn of(streams: &Arc<BTreeMap<Stream, Hits>>) -> Self {
        let around = streams.values().map(|hits| Around {
            gaps: vec![Gap::default(); hits.lines.len() + 1],
            seen: vec![0; hits.lines.len()],
        });
        Self { around: around.collect(), streams: Arc::clone(streams), held: 0 }
    }

    /// The rows that may be near a hit: most are not, and are only counted, which is cheaper than
    /// to copy them.
    fn near(&mut self, rows: &RecordBatch) -> Result<UInt32Array, Halt> {
        let times = array(rows, Column::Ts)?.as_primitive::<TimestampMicrosecondType>();
        let text = |column| Ok::<_, Halt>(array(rows, column)?.as_string::<i32>());
        let (layers, emitters, sources) =
            (text(Column::Layer)?, text(Column::Emitter)?, text(Column::Source)?);
        let streams = Arc::clone(&self.streams);
        let mut known: BTreeMap<Key<'_>, Option<(usize, &Hits)>> = BTreeMap::new();
        let mut near = Vec::new();
        for (number, row) in (0_u32..).zip(0..rows.num_rows()) {
            let is_there = |texts: &arrow::array::StringArray| texts.is_valid(row);
            let key = (
                layers.value(row),
                is_there(emitters).then(|| emitters.value(row)),
                is_there(sources).then(|| sources.value(row)),
            );
            let stream = *known.entry(key).or_insert_with(|| {
                let (layer, emitter, source) = key;
                let stream =
                    (layer.to_owned(), emitter.map(str::to_owned), source.map(str::to_owned));
                let found = streams.iter().enumerate().find(|(_, (known, _))| **known == stream);
                found.map(|(at, (_, hits))| (at, hits))
            });
            let Some((at, hits)) = stream else { continue };
            let time = times.value(row);
            if hits.is_near(time) {
                near.push(number);
                continue;
            }
            let place = hits.lines.partition_point(|hit| hit.as_line().ts() < time);
            let around = self.around.get_mut(at);
            if let Some(gap) = around.and_then(|around| around.gaps.get_mut(place)) {
                gap.far += 1;
            }
        }
        Ok(UInt32Array::from(near))
    }

    fn add(&mut self, line: &LogRecord) {
        let stream = stream_of(line);
        let streams = Arc::clone(&self.streams);
        let Some((at, (_, hits))) =
            streams.iter().enumerate().find(|(_, (known, _))| **known == stream)
        else {
            return;
        };
        let Some(around) = self.around.get_mut(at) else { return };
        let place = match hits.place(line) {
            Ok(hit) => {
                if let Some(seen) = around.seen.get_mut(hit) {
                    *seen += 1;
                }
                return;
            }
            Err(place) => place,
        };
        if let Some(gap) = around.gaps.get_mut(place) {
            let before = gap.first.len() + gap.last.len();
            gap.add(line, hits.before, hits.after);
            self.held += (gap.first.len() + gap.last.len() - before) * 1_000;
        }
    }

    fn finish(self) -> Vec<ContextGroup> {
        let mut groups = Vec::new();
        for ((_, hits), around) in self.streams.iter().zip(self.around) {
            groups.extend(hits.groups(around));
        }
        groups
    }
}

impl Consumer for Surroundings {
    fn fresh(&self) -> Self {
        Self::of(&self.streams)
    }

    fn take(&mut self, rows: &RecordBatch) -> Result<(), Halt> {
        let near = self.near(rows)?;
        if near.is_empty() {
            return Ok(());
        }
        let rows = take_record_batch(rows, &near).map_err(DataFusionError::from)?;
        let lines =
            LogBatch::try_new(&rows).map_err(|error| DataFusionError::External(Box::new(error)))?;
        lines.records().for_each(|line| self.add(&line));
        Ok(())
    }

    fn join(&mut self, other: Self) -> Result<(), Halt> {
        for ((own, other), hits) in
            self.around.iter_mut().zip(other.around).zip(self.streams.values())
        {
            for (own, other) in own.gaps.iter_mut().zip(other.gaps) {
                own.join(&other, hits.before, hits.after);
            }
            for (own, other) in own.seen.iter_mut().zip(other.seen) {
                *own += other;
            }
        }
        self.held += other.held;
        Ok(())
    }

    fn held(&self) -> usize {
        self.held
    }
}

impl Hits {
    /// The lines around hits; a group ends where lines are left out.
    fn groups(&self, around: Around) -> Vec<ContextGroup> {
        // All lines that were kept, in order, with how many were left out before each.
        let mut lines: Vec<(ContextLine, u64)> = Vec::new();
        for (at, gap) in around.gaps.into_iter().enumerate() {
            let hit_before = at.checked_sub(1).and_then(|at| self.lines.get(at));
            let (kept, left_out) = gap.lines(hit_before, self.within);
            lines.extend(kept.into_iter().map(|(line, left_out)| (plain(line), left_out)));
            let (Some(hit), Some(times)) = (self.lines.get(at), self.times.get(at)) else {
                continue;
            };
            let seen = around.seen.get(at).copied().unwrap_or_default().max(*times);
            let left_out = |nth: u64| if nth == 0 { left_out } else { 0 };
            lines.extend((0..*times).map(|nth| (hit_line(hit), left_out(nth))));
            // Equal lines that are none, and one more than can be near: it stands for those that
            // are left out.
            let more = usize::try_from(seen - times).unwrap_or(usize::MAX);
            let most = self.before.saturating_add(self.after).saturating_add(1);
            lines.extend((0..more.min(most)).map(|_| (plain(hit.clone()), 0)));
        }
        self.wanted(lines)
    }

    /// The lines that are near enough to a hit, as groups without gaps.
    fn wanted(&self, lines: Vec<(ContextLine, u64)>) -> Vec<ContextGroup> {
        let hits: Vec<usize> =
            lines.iter().enumerate().filter(|(_, (line, _))| line.hit).map(|(at, _)| at).collect();
        // Lines that were left out stand between: what is beyond them is not counted through.
        let mut apart = Vec::with_capacity(lines.len());
        let mut sum = 0_u64;
        for (_, left_out) in &lines {
            sum = sum.saturating_add(*left_out);
            apart.push(sum);
        }
        let is_near = |at: usize, hit: usize, most: usize| {
            let gone = apart.get(at).zip(apart.get(hit)).map_or(u64::MAX, |(a, b)| a.abs_diff(*b));
            let time = |at: usize| lines.get(at).map(|(line, _)| line.record.as_line().ts());
            let far = time(at).zip(time(hit)).map_or(u64::MAX, |(a, b)| a.abs_diff(b));
            gone.saturating_add(at.abs_diff(hit) as u64) <= most as u64 && far <= self.within
        };
        // The nearest hit on either side: those beyond are further in lines and in time.
        let near = |at: usize| {
            let next = hits.partition_point(|hit| *hit < at);
            let behind = hits.get(next).is_some_and(|hit| is_near(at, *hit, self.before));
            let ahead = next.checked_sub(1).and_then(|next| hits.get(next));
            behind || ahead.is_some_and(|hit| is_near(at, *hit, self.after))
        };
        let times: Vec<bool> = (0..lines.len()).map(near).collect();
        let mut groups: Vec<ContextGroup> = Vec::new();
        let mut open = false;
        for ((line, left_out), near) in lines.into_iter().zip(times) {
            if left_out > 0 {
                open = false;
            }
            if !(near || line.hit) {
                open = false;
                continue;
            }
            if !open {
                groups.push(ContextGroup {
                    layer: line.record.layer.clone(),
                    emitter: line.record.emitter.clone(),
                    source: line.record.source.clone(),
                    lines: Vec::new(),
                });
                open = true;
            }
            if let Some(group) = groups.last_mut() {
                group.lines.push(line);
            }
        }
        groups
    }
}

const fn plain(record: LogRecord) -> ContextLine {
    ContextLine { record, hit: false }
}

fn hit_line(hit: &LogRecord) -> ContextLine {
    ContextLine { record: hit.clone(), hit: true }
}

#[cfg(test)]
mod tests;
