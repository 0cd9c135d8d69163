//! From planned lines to batches.

use std::collections::BTreeMap;

use super::Stream;
use super::minute::{MINUTE, Minute, Planned};
use super::pattern::{Fill, Pattern};
use super::rng::{Rng, hash};
use super::text::Text;
use super::tier::Tier;
use crate::log::LogLine;
use crate::{LayerName, LogBatch, LogBatchBuilder, LogSeverity, Window};

/// Lines of one batch, about.
const ROWS: usize = 65_536;

/// Batches of a part of a [`Stream`], in order of time; about 64 Ki lines each, whole minutes.
#[derive(Debug)]
pub struct Batches<'a> {
    pen: Pen<'a>,
    builder: LogBatchBuilder,
}

impl<'a> Batches<'a> {
    pub(super) fn new(stream: &'a Stream, window: Window) -> Self {
        Self { pen: Pen::new(stream, window), builder: LogBatchBuilder::new() }
    }
}

impl Iterator for Batches<'_> {
    type Item = LogBatch;

    fn next(&mut self) -> Option<LogBatch> {
        let builder = &mut self.builder;
        while builder.rows() < ROWS {
            if !self.pen.minute(|_, line| builder.push_line(line)) {
                break;
            }
        }
        (builder.rows() > 0).then(|| builder.finish())
    }
}

/// The lines of a window, those of each layer apart.
pub(super) fn by_layer(stream: &Stream, window: Window) -> BTreeMap<LayerName, LogBatch> {
    let mut builders: Vec<LogBatchBuilder> = Vec::new();
    builders.resize_with(Tier::ALL.len(), LogBatchBuilder::new);
    let mut pen = Pen::new(stream, window);
    while pen.minute(|tier, line| {
        if let Some(builder) = builders.get_mut(tier as usize) {
            builder.push_line(line);
        }
    }) {}
    let batches = builders.iter_mut().map(LogBatchBuilder::finish);
    Tier::ALL.iter().map(|tier| tier.layer().clone()).zip(batches).collect()
}

/// Writes lines, minute by minute.
#[derive(Debug)]
struct Pen<'a> {
    stream: &'a Stream,
    /// Nanoseconds, inclusive and exclusive.
    from: i64,
    to: i64,
    minute: i64,
    planned: Minute,
    /// How many lines each emitter wrote in the minute.
    written: Vec<[i64; Tier::ALL.len()]>,
    body: Text,
    attributes: Text,
    request: Text,
}

impl<'a> Pen<'a> {
    fn new(stream: &'a Stream, window: Window) -> Self {
        let nanos = |time: chrono::DateTime<chrono::Utc>| time.timestamp_micros() * 1_000;
        let (from, to) = (nanos(window.from()), nanos(window.to()));
        let hosts = Tier::ALL.iter().map(|tier| tier.fleet().hosts).max().unwrap_or_default();
        Self {
            stream,
            from,
            to,
            minute: from.div_euclid(MINUTE),
            planned: Minute::default(),
            written: vec![[0; Tier::ALL.len()]; hosts.into()],
            body: Text::default(),
            attributes: Text::default(),
            request: Text::default(),
        }
    }

    /// Gives the lines of the next minute away; `false` behind the last.
    fn minute(&mut self, mut to: impl FnMut(Tier, &LogLine<'_>)) -> bool {
        if self.minute * MINUTE >= self.to {
            return false;
        }
        let stream = self.stream;
        stream.source().plan(self.minute, &mut self.planned);
        self.written.fill([0; Tier::ALL.len()]);
        let planned = std::mem::take(&mut self.planned);
        for line in &planned.lines {
            // Lines before the window count too: a line is the same whatever is asked for.
            let seq = self.seq(line);
            if self.from <= line.ts && line.ts < self.to {
                self.write(line, seq, &planned, &mut to);
            }
        }
        self.planned = planned;
        self.minute += 1;
        true
    }

    /// A line's place among its emitter's.
    fn seq(&mut self, line: &Planned) -> i64 {
        let of_host = self.written.get_mut(usize::from(line.host));
        let Some(count) = of_host.and_then(|of_host| of_host.get_mut(line.tier as usize)) else {
            return 0;
        };
        *count += 1;
        self.minute * 1_000_000 + *count
    }

    fn write(
        &mut self,
        line: &Planned,
        seq: i64,
        planned: &Minute,
        to: &mut impl FnMut(Tier, &LogLine<'_>),
    ) {
        let place = usize::try_from(line.pattern).unwrap_or(usize::MAX);
        let Some(pattern) = self.stream.catalog.patterns.get(place) else { return };
        let flow = line.flow.and_then(|flow| planned.flows.get(usize::try_from(flow).ok()?));
        let rng = Rng::new(line.salt);
        let mut fill = Fill { rng, flow, tier: line.tier, host: line.host };
        self.body.clear();
        pattern.body.write(&mut fill, &mut self.body);
        self.attributes.clear();
        pattern.attributes.write(&mut fill, &mut self.attributes);
        self.request.clear();
        let request = flow.filter(|_| pattern.request);
        if let Some(flow) = request {
            flow.request(&mut self.request);
        }
        let fleet = line.tier.fleet();
        let (least, more) = fleet.delay;
        let more = i64::try_from(hash(&[line.salt]) % more.unsigned_abs().max(1)).unwrap_or(0);
        let observed = line.observed_from() + least + more + line.late;
        to(
            line.tier,
            &LogLine {
                time_unix_nano: Some(line.ts),
                severity: Some(pattern.severity),
                severity_text: severity_text(pattern, &fleet.words),
                service: Some(fleet.service),
                emitter: Some(line.tier.host(line.host)),
                seq,
                request_id: request.map(|_| self.request.as_str()),
                trace_id: request.filter(|_| pattern.trace).map(super::flow::Flow::trace),
                body: Some(self.body.as_str()),
                attributes: Some(self.attributes.as_str()),
                source: Some(fleet.source),
                ..LogLine::new(line.tier.layer(), observed)
            },
        );
    }
}

fn severity_text(pattern: &Pattern, words: &[&'static str; 5]) -> Option<&'static str> {
    let place = match pattern.severity {
        LogSeverity::DEBUG => 0,
        LogSeverity::INFO => 1,
        LogSeverity::WARN => 2,
        LogSeverity::ERROR => 3,
        _ => 4,
    };
    words.get(place).copied()
}
