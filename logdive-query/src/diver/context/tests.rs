use std::collections::BTreeMap;
use std::time::Duration;

use logdive_core::port::Budget;
use logdive_core::{ContextGroup, Layer, LayerName, LogBatch, LogRecord, Predicate, Window};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Stream, context, stream_of};
use crate::engine::Engine;
use crate::gather::{Part, line_order};
use crate::layers::memory::table;

fn part(batches: &[LogBatch]) -> Part {
    let time = |text: &str| text.parse().unwrap();
    Part {
        layer: Layer::new("front").unwrap(),
        table: table(batches.iter().map(|batch| batch.as_arrow().clone()).collect()),
        window: Window::new(time("1970-01-01T00:00:00Z"), time("1970-01-02T00:00:00Z")).unwrap(),
        predicate: Predicate::always(),
    }
}

fn line(second: i64, emitter: Option<&str>, seq: i64, body: &str) -> LogRecord {
    let layer = LayerName::parse("front").unwrap();
    LogRecord {
        time_unix_nano: Some(second * 1_000_000_000),
        emitter: emitter.map(str::to_owned),
        seq,
        body: Some(body.to_owned()),
        ..LogRecord::new(layer, 0)
    }
}

fn found(
    batches: &[LogBatch],
    hits: &[LogRecord],
    (before, after): (usize, usize),
    within: u64,
) -> Vec<ContextGroup> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let engine = Engine::new(Budget::default(), 2).unwrap();
        let within = Duration::from_secs(within);
        context(&engine, &[part(batches)], hits, before, after, within).await.unwrap()
    })
}

/// As it is defined: each stream sorted, the lines within so many places and so much time of a hit.
fn defined(
    lines: &[LogRecord],
    hits: &[LogRecord],
    (before, after): (usize, usize),
    within: u64,
) -> Vec<Vec<(LogRecord, bool)>> {
    let mut streams: BTreeMap<Stream, Vec<LogRecord>> = BTreeMap::new();
    for line in lines {
        streams.entry(stream_of(line)).or_default().push(line.clone());
    }
    let within = within * 1_000_000;
    let mut groups = Vec::new();
    for lines in streams.values_mut() {
        lines.sort_by(line_order);
        // Equal lines are hits as often as they are named, the first of them.
        let mut left: Vec<LogRecord> = hits.to_vec();
        let is_hit: Vec<bool> = lines
            .iter()
            .map(|line| match left.iter().position(|hit| hit == line) {
                Some(at) => {
                    left.remove(at);
                    true
                }
                None => false,
            })
            .collect();
        let near = |at: usize| {
            (0..lines.len()).filter(|hit| is_hit[*hit]).any(|hit| {
                let far = lines[at].as_line().ts().abs_diff(lines[hit].as_line().ts());
                let most = if at <= hit { before } else { after };
                at.abs_diff(hit) <= most && far <= within
            })
        };
        let mut open = false;
        for at in 0..lines.len() {
            if !near(at) {
                open = false;
                continue;
            }
            if !open {
                groups.push(Vec::new());
            }
            open = true;
            groups.last_mut().unwrap().push((lines[at].clone(), is_hit[at]));
        }
    }
    groups
}

fn short(line: &LogRecord, hit: bool) -> String {
    let LogRecord { emitter, seq, body, .. } = line;
    format!("{} {emitter:?} {seq} {body:?} {hit}", line.as_line().ts())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(
        200 * std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|s| s.parse().ok()).unwrap_or(1)
    ))]

    /// Equal times, equal lines, lines without an emitter, any order of batches.
    #[test]
    fn it_is_as_defined(
        lines in vec((0_i64..6, 0_usize..3, 0_i64..4, "[ab]"), 1..60),
        picks in vec(any::<prop::sample::Index>(), 0..6),
        around in (0_usize..5, 0_usize..5),
        within in 0_u64..6,
        cut in any::<prop::sample::Index>(),
    ) {
        let emitters = [None, Some("a"), Some("b")];
        let lines: Vec<LogRecord> = lines
            .into_iter()
            .map(|(second, emitter, seq, body)| line(second, emitters[emitter], seq, &body))
            .collect();
        let mut places: Vec<usize> = picks.iter().map(|pick| pick.index(lines.len())).collect();
        places.sort_unstable();
        places.dedup();
        let hits: Vec<LogRecord> = places.iter().map(|at| lines[*at].clone()).collect();
        let (one, two) = lines.split_at(cut.index(lines.len()));
        let batches: Vec<LogBatch> =
            [two, one].iter().map(|part| part.iter().cloned().collect()).collect();
        let groups: Vec<Vec<String>> = found(&batches, &hits, around, within)
            .iter()
            .map(|group| group.lines.iter().map(|line| short(&line.record, line.hit)).collect())
            .collect();
        let defined: Vec<Vec<String>> = defined(&lines, &hits, around, within)
            .iter()
            .map(|group| group.iter().map(|(line, hit)| short(line, *hit)).collect())
            .collect();
        prop_assert_eq!(groups, defined);
    }
}

#[test]
fn it_is_exact_among_ten_thousand_equal_times() {
    let lines: Vec<LogRecord> =
        (0..10_000).map(|seq| line(1, Some("host-1"), seq, &format!("line {seq}"))).collect();
    let batch: LogBatch = lines.iter().rev().cloned().collect();
    let groups = found(&[batch], &[lines[4_999].clone()], (3, 2), 60);
    let bodies: Vec<&str> =
        groups[0].lines.iter().filter_map(|line| line.record.body.as_deref()).collect();
    assert_eq!(groups.len(), 1);
    assert_eq!(
        bodies,
        ["line 4996", "line 4997", "line 4998", "line 4999", "line 5000", "line 5001"]
    );
}
