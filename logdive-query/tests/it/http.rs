//! Layers of stores that answer over HTTP, against servers that speak the real protocols.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "helpers of tests"
)]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt as _;
use logdive_core::port::{LayerItem, LayerQuery, LayerSource};
use logdive_core::{Layer, LayerCoverage, LayerName, LogRecord, Predicate, Window};

use crate::support::{Standing, hour};

mod cloudwatch;
mod elasticsearch;
mod faults;
pub(crate) mod loki;

/// The name of the layer in these tests.
const NAME: &str = "front";

fn layer() -> LayerName {
    LayerName::parse(NAME).unwrap()
}

/// Reads everything; the coverage must be the last item.
async fn read(source: &dyn LayerSource, query: &LayerQuery) -> (Vec<LogRecord>, LayerCoverage) {
    let mut stream = source.read(query).await.unwrap();
    let mut records = Vec::new();
    while let Some(item) = stream.next().await {
        match item.unwrap() {
            LayerItem::Batch(batch) => {
                assert!(!batch.is_empty());
                records.extend(batch.records());
            }
            LayerItem::Coverage(coverage) => {
                assert!(stream.next().await.is_none(), "the coverage is the last item");
                return (records, coverage);
            }
        }
    }
    panic!("the stream ended without its coverage");
}

fn everything() -> LayerQuery {
    asking(hour(), Predicate::always())
}

fn asking(window: Window, predicate: Predicate) -> LayerQuery {
    LayerQuery { window, predicate, limit: None, deadline: None }
}

fn predicate(text: &str, layer: &Layer) -> Predicate {
    Predicate::parse(text, layer).unwrap()
}

/// What a record says, without its place in the answer.
fn told(mut records: Vec<LogRecord>) -> Vec<String> {
    let mut told: Vec<String> = records
        .iter_mut()
        .map(|record| {
            record.seq = 0;
            serde_json::to_string(record).unwrap()
        })
        .collect();
    told.sort_unstable();
    told
}

fn bodies(records: &[LogRecord]) -> Vec<String> {
    let mut bodies: Vec<String> =
        records.iter().map(|record| record.body.clone().unwrap()).collect();
    bodies.sort_unstable();
    bodies
}

/// So many milliseconds after the window's begin.
fn after(millis: i64) -> DateTime<Utc> {
    hour().from() + TimeDelta::milliseconds(millis)
}

fn nanos(time: DateTime<Utc>) -> i64 {
    time.timestamp_nanos_opt().unwrap()
}

/// A clock, and a query that must be answered so soon by it.
fn soon(time: Duration) -> (Arc<Standing>, LayerQuery) {
    let clock = Standing(hour().to());
    let deadline = Some(clock.0 + TimeDelta::from_std(time).unwrap());
    (Arc::new(clock), LayerQuery { deadline, ..everything() })
}

/// The alternatives of a regular expression that is made of literal texts.
fn literals(regex: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut chars = regex.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => texts.last_mut().unwrap().push(chars.next().unwrap()),
            '|' => texts.push(String::new()),
            c => {
                assert!(!".+*?()[]{}^$".contains(c), "`{regex}` is more than texts");
                texts.last_mut().unwrap().push(c);
            }
        }
    }
    texts
}
