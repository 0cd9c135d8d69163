//! Dives over lakes and memory: what is found, counted, cut, late and failed.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use logdive_core::port::{
    Budget, DiveError, LayerItem, LayerQuery, LayerSource, LayerSourceError, LayerStream,
};
use logdive_core::{
    Anchor, Evidence, Fact, Field, Function, Layer, LayerCoverage, LogBatch, LogRecord, Measure,
    ReasonKind, Times, Value, WindowSpec,
};
use logdive_query::lake::StreamProgress;
use logdive_query::{DivePlan, Diver, Follow, Lake, Select};

use crate::support::{alive, batch, clock, hour, line, measure, s3, ssm, time};

/// Ten throttled calls of key K1 to ssm among others, and what K1 and K2 did in s3.
fn incident() -> Vec<LogRecord> {
    let mut records = Vec::new();
    for second in 0..10 {
        let json = format!(
            r#"{{"errorCode":"Throttling","userIdentity":{{"accessKeyId":"K1"}},"ms":{second}}}"#
        );
        records.push(line("ssm", second, &format!("PutParameter {second} failed"), &json));
        let json = r#"{"userIdentity":{"accessKeyId":"K9"}}"#;
        records.push(line("ssm", second, "PutParameter done", json));
    }
    records.push(line("s3", 20, "PutObject", r#"{"key":"K1"}"#));
    records.push(line("s3", 21, "PutObject", r#"{"key":"K2"}"#));
    // K1's request came with request R, and so did a line of K2 in ssm.
    for (key, second) in [("K1", 30), ("K2", 31)] {
        let json = format!(r#"{{"userIdentity":{{"accessKeyId":"{key}"}}}}"#);
        let mut record = line("ssm", second, "GetParameter", &json);
        record.request_id = Some("R".into());
        records.push(record);
    }
    records.push(line("s3", 3_599, "quiet", "{}"));
    records
}

fn complete() -> LogBatch {
    batch(incident().into_iter().chain([alive("ssm"), alive("s3")]))
}

async fn diver(batch: LogBatch, partitions: usize) -> Diver {
    Diver::builder()
        .memory(ssm(), [batch.clone()])
        .memory(s3(), [batch])
        .partitions(partitions)
        .build()
        .await
        .unwrap()
}

fn plan() -> DivePlan {
    DivePlan::around(hour())
        .select("errors", Select::layers(["ssm"]).filter("error_code == \"Throttling\"").newest(3))
        .follow("related", Follow::from("errors").ids(["access_key", "request"]).hops(5))
}

fn measures() -> Vec<Measure> {
    let took = || Field::parse("took").unwrap();
    vec![
        measure("errors", "errors", Function::Count),
        measure("slowest", "errors", Function::Max(took())),
        measure("median", "errors", Function::Percentile(took(), 50)),
        measure("sum", "errors", Function::Sum(took())),
        measure("who", "errors", Function::Only(Field::parse("key").unwrap())),
        measure("no_related", "related", Function::None),
        measure("complete", "errors", Function::Complete),
        measure("watermark", "errors", Function::Watermark),
    ]
}

#[tokio::test]
async fn a_dive_finds_counts_and_says_what_it_looked_at() {
    let diver = diver(complete(), 2).await;
    let evidence = diver.dive(&plan()).measures(measures()).run().await.unwrap();
    let errors = evidence.step("errors").unwrap();
    assert_eq!((errors.matched, errors.cut, errors.rows.len()), (10, 7, 3));
    let seconds: Vec<i64> = errors.rows.iter().map(|row| row.seq).collect();
    assert_eq!(seconds, [7, 8, 9], "the newest, oldest first");
    assert_eq!(errors.templates.len(), 1);
    assert_eq!(errors.templates[0].count, 10);
    assert_eq!(errors.templates[0].text, "PutParameter <*> failed");
    assert_eq!(errors.templates[0].examples[0], "PutParameter 0 failed");
    assert_eq!(errors.templates[0].last, time("2023-07-10T11:30:09Z"));
    // K1 leads to request R, that to K2, that to s3.
    let related = evidence.step("related").unwrap();
    assert_eq!(related.stopped.as_deref(), Some("fixpoint after 3 hops"));
    assert_eq!(related.matched, 10 + 2 + 2);
    let facts = &evidence.facts;
    assert_eq!(facts.read("errors"), Fact::from(10));
    assert_eq!(facts.read("slowest"), Fact::from(Duration::from_millis(9)));
    assert_eq!(facts.read("median"), Fact::from(Duration::from_millis(4)));
    assert_eq!(facts.read("sum"), Fact::from(Duration::from_millis(45)));
    assert_eq!(facts.read("who"), Fact::from("K1"));
    assert_eq!(facts.read("no_related"), Fact::from(false));
    assert_eq!(facts.read("complete"), Fact::from(true));
    assert_eq!(facts.read("watermark"), Fact::from(time("2023-07-10T13:15:00Z")));
    let coverage = evidence.coverage();
    assert!(coverage.is_complete(), "{:?}", coverage.gaps());
    let of_ssm = &coverage.layers["ssm"];
    assert_eq!((of_ssm.scanned, of_ssm.matched, of_ssm.shown, of_ssm.cut), (22, 12, 12, 0));
    assert!(coverage.not_looked_at.is_empty());
    assert!(evidence.provenance.engine.starts_with("datafusion 55"));
    let only = DivePlan::around(hour()).select("a", Select::layers(["s3"]));
    let evidence = diver.dive(&only).run().await.unwrap();
    assert_eq!(evidence.coverage.not_looked_at, [ssm().name().clone()]);
}

#[tokio::test]
async fn the_bytes_do_not_depend_on_threads() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    for (number, records) in complete().records().collect::<Vec<_>>().chunks(5).enumerate() {
        let progress = StreamProgress::new("s", number as u64 + 1);
        writer.append(&batch(records.to_vec()), &progress).await.unwrap();
    }
    let mut digests = Vec::new();
    for partitions in [1, 4, 4] {
        let diver = Diver::builder()
            .lake(lake.clone(), [ssm(), s3()])
            .partitions(partitions)
            .build()
            .await
            .unwrap();
        let evidence = diver.dive(&plan()).measures(measures()).run().await.unwrap();
        assert!(evidence.coverage.is_complete());
        assert_eq!(evidence.provenance.lake_version, Some(lake.snapshot().version()));
        // What was read differs with the way it was read; what was found does not.
        let mut found = evidence;
        for layer in found.coverage.layers.values_mut() {
            assert!(layer.cost.bytes > 0);
            layer.cost.bytes = 0;
        }
        digests.push(serde_json::to_string(&found).unwrap());
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[1], digests[2]);
}

#[tokio::test]
async fn ids_come_from_all_lines_and_caps_say_so() {
    let mut records = Vec::new();
    for key in 0..30 {
        let json = format!(r#"{{"errorCode":"X","userIdentity":{{"accessKeyId":"K{key}"}}}}"#);
        records.push(line("ssm", key, "failed", &json));
        records.push(line("s3", key, "seen", &format!(r#"{{"key":"K{key}"}}"#)));
    }
    records.extend([alive("ssm"), alive("s3")]);
    let diver = diver(batch(records), 2).await;
    let plan = |follow: Follow| {
        DivePlan::around(hour())
            .select("errors", Select::layers(["ssm"]).filter("error_code == \"X\"").newest(1))
            .follow("related", follow.ids(["access_key"]).layers(["s3"]))
    };
    let run = async |follow: Follow| -> (String, u64, Fact) {
        let count = measure("count", "related", Function::Count);
        let plan = plan(follow);
        let evidence = diver.dive(&plan).measures([count]).run().await.unwrap();
        let step = evidence.step("related").unwrap();
        (step.stopped.clone().unwrap(), step.matched, evidence.facts.read("count"))
    };
    let from = || Follow::from("errors");
    let all = run(from()).await;
    assert_eq!(all, ("fixpoint after 1 hop".into(), 30, Fact::from(30)));
    let (stopped, matched, count) = run(from().max_ids(10)).await;
    assert_eq!((stopped.as_str(), matched), ("ids limit 10: 30 found", 10));
    let Fact::AtLeast(Value::Int(10), reason) = count else { panic!("{count:?}") };
    assert_eq!(reason.kind, ReasonKind::Cut);
    let (stopped, matched, _) = run(from().max_rows(20)).await;
    assert_eq!((stopped.as_str(), matched), ("lines limit 20: 30 found", 30));
}

#[tokio::test]
async fn the_hops_limit_is_said() {
    let diver = diver(complete(), 1).await;
    let plan = DivePlan::around(hour())
        .select("errors", Select::layers(["ssm"]).filter("error_code == \"Throttling\""))
        .follow("related", Follow::from("errors").ids(["access_key", "request"]).hops(1));
    let evidence = diver.dive(&plan).run().await.unwrap();
    let related = evidence.step("related").unwrap();
    assert_eq!(related.stopped.as_deref(), Some("hops limit 1: 1 more id not followed"));
    assert_eq!(related.matched, 12);
}

#[tokio::test]
async fn late_lines_make_facts_incomplete() {
    // Nothing behind the window: more may come.
    let diver = diver(batch(incident()), 1).await;
    let evidence = diver.dive(&plan()).measures(measures()).run().await.unwrap();
    let Fact::AtLeast(Value::Int(10), reason) = evidence.facts.read("errors") else {
        panic!("{:?}", evidence.facts)
    };
    assert_eq!(reason.kind, ReasonKind::Late);
    assert_eq!(evidence.facts.read("complete"), Fact::from(false));
    assert!(evidence.facts.read("sum").is_incomplete());
    assert_eq!(evidence.facts.read("who"), Fact::from("K1"), "a witness is one");
    assert!(!evidence.coverage.is_complete());
}

#[tokio::test]
async fn a_measure_has_its_own_window() {
    let times = Times::opened(time("2023-07-10T11:30:00Z"));
    let diver = diver(batch(incident()), 1).await;
    let plan = DivePlan::around_ticket(WindowSpec {
        anchor: Anchor::Opened,
        before: Duration::ZERO,
        after: Duration::from_secs(3_600),
    })
    .select("errors", Select::layers(["ssm"]));
    let window = |seconds| {
        Some(WindowSpec {
            anchor: Anchor::Opened,
            before: Duration::ZERO,
            after: Duration::from_secs(seconds),
        })
    };
    let five = Measure { window: window(5), ..measure("five", "errors", Function::Count) };
    let long = Measure { window: window(7_200), ..five.clone() };
    let needs = diver.dive(&plan).run().await.unwrap_err();
    assert!(matches!(&needs, DiveError::Plan(why) if why.contains("give its times")), "{needs}");
    let evidence = diver.dive(&plan).times(times).measures([five]).run().await.unwrap();
    let Fact::AtLeast(count, _) = evidence.facts.read("five") else { panic!() };
    assert_eq!(count, Value::Int(10));
    let error = diver.dive(&plan).times(times).measures([long]).run().await.unwrap_err();
    assert!(matches!(&error, DiveError::Plan(why) if why.contains("not inside")), "{error}");
    let unknown = measure("x", "error", Function::Count);
    let error = diver.dive(&plan).times(times).measures([unknown]).run().await.unwrap_err();
    assert!(
        matches!(&error, DiveError::Plan(why) if why.contains("did you mean `errors`")),
        "{error}"
    );
}

#[tokio::test]
async fn an_emitter_is_alive_in_all_its_layers() {
    // One trail writes both layers; s3 was quiet for long, ssm was not.
    let by_trail = |mut record: LogRecord| {
        record.emitter = Some("trail".into());
        record
    };
    let records = [line("s3", 5, "old", "{}"), alive("ssm")].map(by_trail);
    let run = async |records: Vec<LogRecord>| -> Evidence {
        let diver = diver(batch(records), 1).await;
        let plan = DivePlan::around(hour()).select("a", Select::layers(["s3"]));
        diver.dive(&plan).run().await.unwrap()
    };
    let evidence = run(records.to_vec()).await;
    assert!(evidence.coverage.is_complete(), "{:?}", evidence.coverage.gaps());
    // Another emitter of s3 that stopped writing holds the watermark back and is silent.
    let mut stopped = line("s3", -100, "older", "{}");
    stopped.emitter = Some("gone".into());
    let evidence = run(records.iter().cloned().chain([stopped]).collect()).await;
    let layer = &evidence.coverage.layers["s3"];
    assert_eq!(layer.newest, Some(time("2023-07-10T11:28:20Z")));
    assert_eq!(layer.silent_emitters, ["gone"]);
    assert!(!evidence.coverage.is_complete());
    // A layer without a line has no watermark.
    let evidence = run(vec![alive("ssm")]).await;
    assert_eq!(evidence.coverage.layers["s3"].watermark, None);
    assert!(!evidence.coverage.is_complete());
}

#[tokio::test]
async fn restricted_lines_are_counted_and_not_shown() {
    let secret = Layer::new("ssm").unwrap().restricted().lateness(Duration::from_secs(1));
    let diver = Diver::builder().memory(secret, [complete()]).build().await.unwrap();
    let plan = DivePlan::around(hour()).select("a", Select::all());
    let evidence = diver.dive(&plan).run().await.unwrap();
    let step = evidence.step("a").unwrap();
    assert_eq!((step.matched, step.cut, step.rows.len()), (22, 22, 0));
    assert!(step.templates.iter().all(|template| template.examples == ["(restricted)"]));
    assert!(!serde_json::to_string(&evidence).unwrap().contains("PutParameter"));
}

async fn in_lake(dir: &std::path::Path, records: LogBatch) -> (Lake, Diver) {
    let lake = Lake::create_with(dir, clock()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    writer.append(&records, &StreamProgress::new("s", 1)).await.unwrap();
    let diver = Diver::builder().lake(lake.clone(), [ssm(), s3()]).build().await.unwrap();
    (lake, diver)
}

#[tokio::test]
async fn a_dive_over_its_budget_is_refused_with_the_estimate() {
    let dir = tempfile::tempdir().unwrap();
    let (_, diver) = in_lake(dir.path(), complete()).await;
    let whole = Budget::default();
    for (budget, named) in [
        (Budget { rows: 5, ..whole }, "row budget is 5 rows"),
        (Budget { bytes: 100, ..whole }, "byte budget is 100 bytes"),
    ] {
        let plan = plan();
        let estimate = diver.dive(&plan).estimate().await.unwrap();
        let refused = diver.dive(&plan).budget(budget).measures(measures()).run().await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(named), "{refused}");
        assert!(refused.contains(&estimate.to_string()), "{refused}: {estimate}");
    }
}

#[tokio::test]
async fn budgets_stop_a_dive_and_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let (_, diver) = in_lake(dir.path(), complete()).await;
    let whole = Budget::default();
    for (budget, named) in [
        (Budget { time: Duration::ZERO, ..whole }, "time budget of 0s"),
        (Budget { memory: 1, ..whole }, "memory budget of 1 bytes"),
    ] {
        let evidence = diver.dive(&plan()).budget(budget).measures(measures()).run().await.unwrap();
        let gaps = evidence.coverage.gaps();
        assert!(gaps.iter().any(|gap| gap.detail.contains(named)), "{named}: {gaps:?}");
        assert!(evidence.facts.read("errors").is_incomplete(), "{named}");
        assert!(evidence.facts.read("no_related").is_incomplete(), "{named}");
        assert_ne!(evidence.facts.read("complete"), Fact::from(true), "{named}");
    }
}

#[tokio::test]
async fn an_unreadable_file_is_never_an_empty_answer() {
    for keep in [0, 4, 200] {
        let dir = tempfile::tempdir().unwrap();
        let (lake, diver) = in_lake(dir.path(), complete()).await;
        let path = dir.path().join(&lake.snapshot().files()[0].path);
        let mut bytes = fs::read(&path).unwrap();
        // Cut, or damaged in the middle with the footer whole.
        if keep < 100 {
            bytes.truncate(keep);
        } else {
            bytes[4..keep].fill(0xff);
        }
        fs::write(&path, bytes).unwrap();
        let evidence = diver.dive(&plan()).measures(measures()).run().await.unwrap();
        assert!(!evidence.coverage.is_complete());
        let failed = &evidence.coverage.layers["ssm"].failed;
        assert!(!failed.is_empty(), "{keep}: {:?}", evidence.coverage);
        assert!(evidence.facts.read("no_related").is_incomplete(), "{keep}");
        assert!(evidence.facts.read("errors").is_incomplete(), "{keep}");
    }
}

#[derive(Debug)]
struct Fixed {
    layer: Layer,
    batch: LogBatch,
    coverage: Option<LayerCoverage>,
}

#[async_trait]
impl LayerSource for Fixed {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn read(&self, query: &LayerQuery) -> Result<LayerStream, LayerSourceError> {
        assert_eq!(query.window, hour());
        let items = [Some(LayerItem::Batch(self.batch.clone()))]
            .into_iter()
            .chain([self.coverage.clone().map(LayerItem::Coverage)])
            .flatten()
            .map(Ok)
            .collect::<Vec<_>>();
        Ok(Box::pin(stream::iter(items)))
    }
}

#[tokio::test]
async fn foreign_lines_are_tested_again_and_a_cut_answer_is_a_failure() {
    let run = async |coverage: Option<LayerCoverage>| -> Evidence {
        let source = Fixed { layer: s3(), batch: complete(), coverage };
        let diver = Diver::builder().source(Arc::new(source)).build().await.unwrap();
        let plan = DivePlan::around(hour())
            .select("a", Select::all().filter("body contains \"PutObject\""));
        let count = measure("count", "a", Function::Count);
        diver.dive(&plan).measures([count]).run().await.unwrap()
    };
    let coverage = LayerCoverage {
        planned: 1,
        read: 1,
        watermark: Some(time("2023-07-10T13:00:00Z")),
        ..LayerCoverage::default()
    };
    let evidence = run(Some(coverage)).await;
    assert_eq!(evidence.facts.read("count"), Fact::from(2));
    let evidence = run(None).await;
    let Fact::AtLeast(_, reason) = evidence.facts.read("count") else { panic!() };
    assert!(reason.detail.contains("cut off"), "{reason}");
}
