//! One dive over a lake, Parquet files, a command and Loki together gives the rows that reading
//! all four by hand gives.

use std::collections::BTreeSet;
use std::fs;

use chrono::SecondsFormat;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use logdive_core::{Field, Layer, LogRecord, LogSeverity};
use logdive_query::lake::StreamProgress;
use logdive_query::{DivePlan, Diver, ExecLayer, Follow, Lake, LokiLayer, ParquetLayer, Select};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::http::loki::Store;
use crate::native::parquet;
use crate::support::{batch, hour, line, scale};

const LAYERS: [&str; 4] = ["lake", "parquet", "exec", "loki"];

/// One line of one layer: when (seconds after the hour's begin, some outside of it), whether it is
/// an error, and whose request it is of.
type Spec = (usize, i64, bool, u8);

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    prop::collection::vec((0..4_usize, -600..4_200_i64, prop::bool::weighted(0.2), 0..12_u8), 0..60)
}

fn record(n: usize, (layer, second, error, request): Spec) -> LogRecord {
    let body = format!("line {n} of request {request}");
    LogRecord {
        severity: Some(if error { LogSeverity::ERROR } else { LogSeverity::INFO }),
        request_id: Some(format!("r{request}")),
        ..line(LAYERS.get(layer).unwrap(), second, &body, "{}")
    }
}

fn as_json(record: &LogRecord) -> String {
    json!({
        "time": record.time().to_rfc3339_opts(SecondsFormat::Micros, true),
        "level": record.severity.unwrap().to_string(),
        "msg": record.body,
        "request_id": record.request_id,
    })
    .to_string()
}

fn of<'a>(records: &'a [LogRecord], layer: &str) -> impl Iterator<Item = &'a LogRecord> {
    let layer = layer.to_owned();
    records.iter().filter(move |record| record.layer.as_str() == layer)
}

fn as_parquet(records: &[LogRecord]) -> Vec<u8> {
    let records: Vec<_> = of(records, "parquet").collect();
    let text = |read: fn(&LogRecord) -> Option<String>| -> ArrayRef {
        std::sync::Arc::new(records.iter().map(|record| read(record)).collect::<StringArray>())
    };
    let times: TimestampMicrosecondArray = records.iter().map(|record| Some(record.ts())).collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("at", std::sync::Arc::new(times.with_timezone("UTC"))),
        ("lvl", text(|record| record.severity.map(|severity| severity.to_string()))),
        ("text", text(|record| record.body.clone())),
        ("req", text(|record| record.request_id.clone())),
    ];
    parquet(&RecordBatch::try_from_iter(columns).unwrap(), 8)
}

/// What tells a line: its layer, time, and text.
fn told<'a>(records: impl IntoIterator<Item = &'a LogRecord>) -> Vec<(String, i64, String)> {
    let mut told: Vec<_> = records
        .into_iter()
        .map(|r| (r.layer.to_string(), r.ts(), r.body.clone().unwrap()))
        .collect();
    told.sort();
    told
}

async fn check(specs: &[Spec]) {
    let records: Vec<LogRecord> = specs.iter().enumerate().map(|(n, s)| record(n, *s)).collect();
    let folder = tempfile::tempdir().unwrap();

    let lake = Lake::create(folder.path().join("lake")).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    let lines = batch(of(&records, "lake").cloned());
    writer.append(&lines, &StreamProgress::new("test", 1)).await.unwrap();
    drop(writer);

    let file = folder.path().join("lines.parquet");
    fs::write(&file, as_parquet(&records)).unwrap();

    let printed = folder.path().join("lines.json");
    let text: String = of(&records, "exec").map(|record| as_json(record) + "\n").collect();
    fs::write(&printed, text).unwrap();

    let entries = of(&records, "loki").map(|r| (r.time_unix_nano.unwrap(), as_json(r)));
    let server = Store::lines(entries).serve().await;

    let parquet = ParquetLayer::open(file.to_str().unwrap())
        .unwrap()
        .time("at")
        .column(Field::Severity, "lvl")
        .column(Field::Body, "text")
        .column(Field::RequestId, "req");
    let diver = Diver::builder()
        .lake(lake, [Layer::new("lake").unwrap()])
        .layer("parquet", parquet)
        .layer("exec", ExecLayer::new(["cat", printed.to_str().unwrap()]))
        .layer("loki", LokiLayer::new(&server.address, r#"{app="front"}"#).page(7))
        .build()
        .await
        .unwrap();
    let plan = DivePlan::around(hour())
        .select("errors", Select::layers(LAYERS).filter("severity >= error").newest(10_000))
        .follow("requests", Follow::from("errors").ids(["request"]));
    let evidence = diver.dive(&plan).run().await.unwrap();

    let inside: Vec<&LogRecord> = records
        .iter()
        .filter(|record| (hour().from()..hour().to()).contains(&record.time()))
        .collect();
    let errors: Vec<&LogRecord> = inside
        .iter()
        .copied()
        .filter(|record| record.severity == Some(LogSeverity::ERROR))
        .collect();
    let requests: BTreeSet<_> = errors.iter().map(|record| &record.request_id).collect();
    let followed: Vec<&LogRecord> =
        inside.iter().copied().filter(|record| requests.contains(&record.request_id)).collect();
    let step = |name: &str| &evidence.step(name).unwrap().rows;
    assert_eq!(told(step("errors")), told(errors));
    // What follows ids shows the lines that are not among those it began with, or all of them:
    // together they are every line of the requests.
    let both: BTreeSet<_> =
        told(step("errors").iter().chain(step("requests"))).into_iter().collect();
    assert_eq!(both.into_iter().collect::<Vec<_>>(), told(followed));
    for layer in evidence.coverage().layers.values() {
        assert!(layer.failed.is_empty(), "{layer:?}");
    }
}

#[test]
fn a_dive_over_four_stores_is_a_read_of_all_four() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 8 * scale(), ..Config::default() });
    runner
        .run(&specs(), |specs| {
            runtime.block_on(check(&specs));
            Ok(())
        })
        .unwrap();
}
