//! Steps beyond select and follow: context, templates, compare, measure, check, changes.

use std::collections::BTreeSet;
use std::time::Duration;

use logdive_core::{
    Anchor, Fact, Layer, LogBatch, LogRecord, LogSeverity, Novelty, StepKind, Subject, Times,
    Window, WindowSpec,
};
use logdive_query::{
    Baseline, Check, Compare, Context, DivePlan, Diver, Follow, Lake, Measures, Select, Templates,
};

use crate::support::{clock, hour, line};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

fn front() -> Layer {
    Layer::new("front").unwrap().lateness(Duration::from_secs(1))
}

fn back() -> Layer {
    Layer::new("back").unwrap().lateness(Duration::from_secs(1))
}

fn deploys() -> Layer {
    Layer::new("deploys").unwrap().lateness(Duration::from_secs(1)).changes()
}

fn by(emitter: &str, line: LogRecord) -> LogRecord {
    LogRecord { emitter: Some(emitter.to_owned()), ..line }
}

/// The hour, the one before, and the same hour a day ago: each with the same traffic. In the hour
/// there is an error that was never seen, three times the retries, no more heartbeats of `b-2`,
/// and a deploy half an hour before it.
fn traffic() -> Vec<LogRecord> {
    let mut lines = Vec::new();
    for start in [0, -HOUR, -DAY] {
        let now = start == 0;
        for second in 0..600 {
            let at = start + second * 6;
            lines
                .push(by("f-1", line("front", at, &format!("GET /item/{second} took 3 ms"), "{}")));
            let emitter = if second % 2 == 0 { "b-1" } else { "b-2" };
            if !now || emitter == "b-1" {
                lines.push(by(emitter, line("back", at, "heartbeat ok", "{}")));
            }
        }
        for retry in 0..if now { 90 } else { 10 } {
            lines.push(by("f-1", line("front", start + retry * 39, "retry of item 7", "{}")));
        }
        if !now {
            for nth in 0..60 {
                lines.push(by("b-1", line("back", start + nth * 60, "cache warmed up", "{}")));
            }
        }
    }
    let error = line("back", 1_805, "replica 12 has no quorum", "{}");
    lines.push(by("b-1", LogRecord { severity: Some(LogSeverity::ERROR), ..error }));
    lines.push(by("ci", line("deploys", -1_800, "deployed back 4.2", "{}")));
    // Everybody is alive behind the window, so that it is complete.
    for (layer, emitter) in [("front", "f-1"), ("back", "b-1"), ("back", "b-2"), ("deploys", "ci")]
    {
        lines.push(by(emitter, line(layer, HOUR + 5, "still here", "{}")));
    }
    lines
}

fn batches(lines: &[LogRecord], layer: &str) -> Vec<LogBatch> {
    vec![lines.iter().filter(|line| line.layer.as_str() == layer).cloned().collect()]
}

async fn diver(partitions: usize) -> Diver {
    let lines = traffic();
    let mut builder = Diver::builder().clock(clock()).partitions(partitions);
    for layer in [front(), back(), deploys()] {
        let batches = batches(&lines, layer.name().as_str());
        builder = builder.memory(layer, batches);
    }
    builder.build().await.unwrap()
}

fn opened() -> Times {
    Times::opened(hour().from())
}

fn plan() -> DivePlan {
    let spec =
        WindowSpec { anchor: Anchor::Opened, before: Duration::ZERO, after: hour().length() };
    DivePlan::around_ticket(spec)
        .select("all", Select::layers(["front", "back"]).newest(5))
        .select("errors", Select::layers(["front", "back"]).filter("severity >= error"))
        .context("near", Context::of("errors").before(2).after(1))
        .templates("kinds", Templates::of("all").most(3))
        .compare(
            "before",
            Compare::of("all")
                .against(Baseline::Ago(Duration::from_secs(86_400)))
                .against(Baseline::Before(Duration::from_secs(3_600)))
                .against(Baseline::Ago(Duration::from_secs(7 * 86_400))),
        )
        .measure(
            "numbers",
            Measures::of("all").fact("beats", r#"count(where body contains "beat")"#),
        )
        .check("no-oom", Check::layers(["back"]).filter(r#"body contains "out of memory""#))
        .check("no-quorum-loss", Check::layers(["back"]).filter(r#"body contains "quorum""#))
}

#[tokio::test]
async fn every_step_says_what_it_is_for() {
    let diver = diver(2).await;
    let evidence = diver.dive(&plan()).times(opened()).run().await.unwrap();
    assert!(evidence.coverage.is_complete(), "{:?}", evidence.coverage.gaps());
    let step = |name: &str| evidence.step(name).unwrap();

    let near = &step("near").context;
    let bodies: Vec<(&str, bool)> =
        near[0].lines.iter().map(|line| (line.record.body.as_deref().unwrap(), line.hit)).collect();
    assert_eq!(
        bodies,
        [
            ("heartbeat ok", false),
            ("heartbeat ok", false),
            ("replica 12 has no quorum", true),
            ("heartbeat ok", false),
        ]
    );
    assert_eq!(near.len(), 1, "the emitter of the hit, nobody else");

    let kinds = step("kinds");
    let counted: Vec<(u64, &str)> =
        kinds.templates.iter().map(|t| (t.count, t.text.as_str())).collect();
    assert!(counted.contains(&(600, "GET <*> took <*>")), "{counted:?}");
    assert!(counted.contains(&(1, "replica <*> has no quorum")), "severe ones stay: {counted:?}");
    assert_eq!(kinds.matched, 600 + 300 + 90 + 1);
    let shown: u64 = kinds.templates.iter().map(|template| template.count).sum();
    assert_eq!(kinds.cut, kinds.matched - shown);

    assert_eq!(evidence.facts.read("beats"), Fact::from(300_i64));
    assert_eq!(step("no-oom").matched, 0);
    assert_eq!(step("no-oom").kind, StepKind::Check);
    assert_eq!(step("no-quorum-loss").rows.len(), 1, "what was not expected is shown");
    let changes = step("changes");
    assert_eq!(changes.kind, StepKind::Changes);
    assert_eq!(changes.rows[0].body.as_deref(), Some("deployed back 4.2"));
}

#[tokio::test]
async fn a_comparison_tells_new_changed_gone_and_silent() {
    let diver = diver(2).await;
    let evidence = diver.dive(&plan()).times(opened()).run().await.unwrap();
    let step = evidence.step("before").unwrap();
    let found: BTreeSet<(Novelty, String)> = step
        .findings
        .iter()
        .map(|finding| {
            let text = match &finding.subject {
                Subject::Template { text, .. } => text.clone(),
                Subject::Emitter { emitter, .. } => emitter.clone(),
                other => format!("{other:?}"),
            };
            (finding.novelty, text)
        })
        .collect();
    for (novelty, text) in [
        (Novelty::New, "replica <*> has no quorum"),
        (Novelty::Changed, "retry of item <*>"),
        (Novelty::Gone, "cache warmed up"),
        (Novelty::Silent, "b-2"),
    ] {
        assert!(found.contains(&(novelty, text.to_owned())), "{novelty:?} {text}: {found:?}");
    }
    let same = found.iter().any(|(_, text)| text.contains("GET"));
    assert!(!same, "what is as it was is no finding: {found:?}");
    let left_out = step.stopped.as_deref().unwrap_or_default();
    assert!(left_out.contains("7d ago"), "a baseline without lines is left out: {left_out}");
}

#[tokio::test]
async fn the_same_bytes_from_memory_and_lake_with_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create(dir.path()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    let lines = traffic();
    for (number, part) in (1..).zip(lines.chunks(701)) {
        let batch: LogBatch = part.iter().cloned().collect();
        let progress = logdive_query::lake::StreamProgress::new("s", number);
        writer.append(&batch, &progress).await.unwrap();
    }
    let mut seen = BTreeSet::new();
    for partitions in [1, 2, 7] {
        let builder = Diver::builder().clock(clock()).partitions(partitions);
        let in_lake =
            builder.lake(lake.clone(), [front(), back(), deploys()]).build().await.unwrap();
        for diver in [in_lake, diver(partitions).await] {
            let evidence = diver.dive(&plan()).times(opened()).run().await.unwrap();
            seen.insert(serde_json::to_string(&(&evidence.steps, &evidence.facts)).unwrap());
        }
    }
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn ids_that_are_given_bind_as_values() {
    let with = |second, id: &str| LogRecord {
        request_id: Some(id.to_owned()),
        ..line("front", second, "x", "{}")
    };
    let batch: LogBatch =
        [with(1, "r-1"), with(2, r#"r" or true"#), with(3, "r-3")].into_iter().collect();
    let diver = Diver::builder().clock(clock()).memory(front(), [batch]).build().await.unwrap();
    let plan = DivePlan::around(hour()).select("named", Select::all().ids(["request"]));
    let request = || logdive_core::IdKind::parse("request").unwrap();
    for (id, lines) in [("r-1", 1), (r#"r" or true"#, 1), ("r-9", 0)] {
        let dive = diver.dive(&plan).ids([(request(), id.to_owned())]);
        assert_eq!(dive.run().await.unwrap().step("named").unwrap().matched, lines, "{id}");
    }
    let evidence = diver.dive(&plan).run().await.unwrap();
    let step = evidence.step("named").unwrap();
    assert_eq!(step.matched, 0);
    assert_eq!(step.stopped.as_deref(), Some("no id of kind request was given"));
}

#[tokio::test]
async fn a_padded_layer_is_looked_at_for_longer() {
    let lines = [line("front", 5, "a", "{}"), line("back", 5, "b", "{}")];
    let mut builder = Diver::builder().clock(clock());
    for layer in [front(), back()] {
        let batches = batches(&lines, layer.name().as_str());
        builder = builder.memory(layer, batches);
    }
    let diver = builder.build().await.unwrap();
    let later = chrono::TimeDelta::seconds(10);
    let window = Window::new(hour().from() + later, hour().to()).unwrap();
    let minute = Duration::from_secs(60);
    let plan = DivePlan::around(window)
        .pad("back", minute, Duration::ZERO)
        .select("all", Select::all())
        .measure("numbers", Measures::of("all").fact("lines", "count()"));
    let evidence = diver.dive(&plan).run().await.unwrap();
    let step = evidence.step("all").unwrap();
    assert_eq!(step.rows.len(), 1);
    assert_eq!(step.rows[0].body.as_deref(), Some("b"));
    assert!(
        matches!(evidence.facts.read("lines"), Fact::AtLeast(..)),
        "counted as it is shown: {:?}",
        evidence.facts.read("lines")
    );
}

#[tokio::test]
async fn clocks_that_differ_are_told_from_ids() {
    let with = |layer: &str, second: i64, id: i64| LogRecord {
        request_id: Some(format!("r-{id}")),
        ..line(layer, second, "x", "{}")
    };
    let mut lines = Vec::new();
    for id in 0..20 {
        lines.push(with("front", 100 + id * 10, id));
        // Ninety-two seconds ahead.
        lines.push(with("back", 192 + id * 10, id));
    }
    let mut builder = Diver::builder().clock(clock());
    for layer in [front(), back()] {
        let batches = batches(&lines, layer.name().as_str());
        builder = builder.memory(layer, batches);
    }
    let diver = builder.build().await.unwrap();
    let plan = DivePlan::around(hour())
        .select("front", Select::layers(["front"]))
        .follow("related", Follow::from("front").ids(["request"]));
    let evidence = diver.dive(&plan).run().await.unwrap();
    let [skew] = evidence.coverage.skews.as_slice() else {
        panic!("{:?}", evidence.coverage.skews)
    };
    assert_eq!(skew.ids, 20);
    assert_eq!(skew.ahead_micros.unsigned_abs(), 92_000_000);
}
