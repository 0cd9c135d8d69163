//! The ingester over a disk that fails, with a clock that is moved by hand.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use logdive_core::memory::ManualClock;
use logdive_core::port::Clock;
use logdive_core::{LayerName, LogBatch, LogRecord};
use serde_json::json;
use tokio::sync::watch;

use super::{IngestLimits, IngestStream, Ingester};
use crate::ingest::IngestError;
use crate::lake::Lake;
use crate::lake::durable::Disk;
use crate::lake::durable::faults::{EIO, ENOSPC, Fault, How};

mod crash;
mod faults;
mod limits;

/// How many times as many cases as by default.
fn scale() -> u32 {
    std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

fn start_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_688_990_400, 0).unwrap()
}

/// A clock that stands, and whose waiters wait, until it is moved.
#[derive(Debug, Clone)]
struct HeldClock(Arc<watch::Sender<DateTime<Utc>>>);

impl HeldClock {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(start_time())))
    }

    fn advance(&self, by: Duration) {
        let by = TimeDelta::from_std(by).unwrap();
        self.0.send_modify(|now| *now += by);
    }
}

#[async_trait]
impl Clock for HeldClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.borrow()
    }

    async fn sleep_until(&self, time: DateTime<Utc>) {
        let _ = self.0.subscribe().wait_for(|now| *now >= time).await;
    }
}

/// Rows of a stream by their numbers, over two days.
fn rows(stream: &str, from: u64, count: u64) -> LogBatch {
    (from..from + count)
        .map(|number| {
            let day = number.cast_signed() % 2 * 86_400_000_000_000;
            let time = start_time().timestamp_nanos_opt().unwrap() + day;
            LogRecord {
                time_unix_nano: Some(time + number.cast_signed()),
                body: Some(format!("{stream} {number}")),
                emitter: Some(stream.to_owned()),
                seq: number.cast_signed(),
                ..LogRecord::new(LayerName::parse("ssm").unwrap(), time)
            }
        })
        .collect()
}

fn bodies(stream: &str, count: u64) -> Vec<String> {
    (0..count).map(|number| format!("{stream} {number}")).collect()
}

/// All lines of a lake, in order, by what reads Parquet and nothing else of ours.
fn lines(lake: &Lake) -> Vec<String> {
    let mut bodies = Vec::new();
    for file in lake.snapshot().files() {
        let file = File::open(lake.root().join(&file.path)).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        for batch in reader {
            let batch = LogBatch::try_new(&batch.unwrap()).unwrap();
            bodies.extend(batch.records().map(|record| record.body.unwrap()));
        }
    }
    bodies.sort_unstable();
    bodies
}

fn sorted(parts: impl IntoIterator<Item = Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = parts.into_iter().flatten().collect();
    all.sort_unstable();
    all
}

/// An empty lake: its first commit, made once.
async fn create(dir: &Path) {
    static FIRST: tokio::sync::OnceCell<Vec<u8>> = tokio::sync::OnceCell::const_new();
    let first = FIRST.get_or_init(|| async {
        let dir = tempfile::tempdir().unwrap();
        Lake::create_with(dir.path(), Arc::new(ManualClock::at(start_time()))).await.unwrap();
        std::fs::read(dir.path().join("_delta_log/00000000000000000000.json")).unwrap()
    });
    std::fs::create_dir_all(dir.join("_delta_log")).unwrap();
    std::fs::write(dir.join("_delta_log/00000000000000000000.json"), first.await).unwrap();
}

async fn open(dir: &Path, disk: &Disk) -> Lake {
    Lake::open_on(dir, Arc::new(ManualClock::at(start_time())), disk.clone()).await.unwrap()
}

async fn start(dir: &Path, clock: &HeldClock, limits: IngestLimits) -> (Lake, Ingester) {
    create(dir).await;
    let lake = Lake::open_on(dir, Arc::new(clock.clone()), Disk::default()).await.unwrap();
    let writer = lake.writer().await.unwrap();
    (lake, Ingester::start(writer, limits))
}

/// What a source does: pushes rows from where the stream stands, with their number as offset.
async fn push(
    stream: &mut IngestStream,
    at: &mut u64,
    count: u64,
) -> Result<super::Receipt, IngestError> {
    let name = stream.name().to_owned();
    let receipt = stream.push(rows(&name, *at, count), json!({ "next": *at + count })).await?;
    *at += count;
    Ok(receipt)
}

fn standing(stream: &IngestStream) -> u64 {
    stream.committed().map_or(0, |offsets| offsets["next"].as_u64().unwrap())
}
