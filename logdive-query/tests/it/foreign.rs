//! Layers that somebody else keeps: Parquet files and commands.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use logdive_core::port::Budget;
use logdive_core::{Evidence, Fact, Field, Function, Unit, ValueType};
use logdive_query::{BringLayer, DivePlan, Diver, ExecLayer, ParquetLayer, Select};

use crate::support::{clock, hour, measure, time};

fn write(path: &Path, from: i64, count: i64) {
    let start = hour().from().timestamp_nanos_opt().unwrap();
    let rows = || from..from + count;
    let time = rows().map(|row| (row % 10 != 9).then_some(start + row * 1_000_000_001));
    let columns: [(&str, ArrayRef); 6] = [
        ("At", Arc::new(time.collect::<TimestampNanosecondArray>())),
        ("req", Arc::new(rows().map(|row| Some(format!("r-{row}"))).collect::<StringArray>())),
        ("trace", Arc::new(rows().map(|row| Some(format!("{row:032X}"))).collect::<StringArray>())),
        (
            "lvl",
            Arc::new(
                rows().map(|row| (row % 2 == 0).then_some("WARNING")).collect::<StringArray>(),
            ),
        ),
        ("ms", Arc::new(rows().map(|row| (row != 3).then_some(row)).collect::<Int64Array>())),
        ("ok", Arc::new(rows().map(|row| Some(row != 4)).collect::<BooleanArray>())),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

async fn dive(layer: impl BringLayer, filter: &str, function: Function) -> (Evidence, Fact) {
    let diver = Diver::builder().layer("front", layer).build().await.unwrap();
    let plan = DivePlan::around(hour())
        .select("found", Select::layers(["front"]).filter(filter).oldest(100));
    let asked = measure("m", "found", function);
    let evidence = diver.dive(&plan).measures([asked]).run().await.unwrap();
    let fact = evidence.facts.read("m");
    (evidence, fact)
}

fn folder(dir: &Path) -> ParquetLayer {
    write(&dir.join("b.parquet"), 5, 4);
    write(&dir.join("a.parquet"), 0, 5);
    std::fs::write(dir.join("readme.txt"), "not Parquet").unwrap();
    ParquetLayer::open(format!("file://{}", dir.display()))
        .unwrap()
        .time("At")
        .column(Field::RequestId, "req")
        .column(Field::TraceId, "trace")
        .column(Field::Severity, "lvl")
        .duration("took", "ms", Unit::Milliseconds)
        .field("fine", "ok", ValueType::Bool)
        .lateness(Duration::ZERO)
}

#[tokio::test]
async fn columns_become_fields() {
    let dir = tempfile::tempdir().unwrap();
    let check = async |filter: &str, expected: &[i64]| {
        let (evidence, _) = dive(folder(dir.path()), filter, Function::Count).await;
        let rows = &evidence.step("found").unwrap().rows;
        let found: Vec<String> = rows.iter().map(|row| row.request_id.clone().unwrap()).collect();
        let expected: Vec<String> = expected.iter().map(|row| format!("r-{row}")).collect();
        assert_eq!(found, expected, "{filter}: {:?}", evidence.coverage);
    };
    check("request_id == \"r-6\"", &[6]).await;
    check("severity >= warn", &[0, 2, 4, 6, 8]).await;
    check("severity is absent", &[1, 3, 5, 7]).await;
    check("took >= 7ms", &[7, 8]).await;
    check("took is absent", &[3]).await;
    check("not (fine)", &[4]).await;
    check(&format!("trace_id == \"{:032x}\"", 5), &[5]).await;
    check("time < 2023-07-10T11:30:02Z", &[0, 1]).await;
    let (evidence, sum) =
        dive(folder(dir.path()), "true", Function::Sum(Field::parse("took").unwrap())).await;
    let row = &evidence.step("found").unwrap().rows[1];
    assert_eq!(row.time_unix_nano.unwrap() % 1_000_000_000, 1, "to the nanosecond");
    assert_eq!(row.attributes.as_deref(), Some(r#"{"ms":1,"ok":true}"#));
    assert_eq!(row.severity_text, None);
    // Every file is read, but nothing is known behind the newest line.
    assert!(sum.is_incomplete());
    let coverage = &evidence.coverage.layers["front"];
    assert_eq!((coverage.planned, coverage.read, coverage.scanned), (2, 2, 9));
    assert_eq!(coverage.newest, Some(time("2023-07-10T11:30:08Z")));
    assert!(coverage.cost.bytes > 0);
}

#[tokio::test]
async fn lines_without_a_time_are_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    write(&path, 0, 12);
    let layer = ParquetLayer::open(path.to_str().unwrap()).unwrap().time("At");
    let (evidence, _) = dive(layer, "true", Function::Count).await;
    let failed = &evidence.coverage.layers["front"].failed;
    assert!(
        failed.iter().any(|r| r.detail.contains("1 lines have no readable time")),
        "{failed:?}"
    );
}

#[tokio::test]
async fn what_does_not_fit_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.parquet");
    assert!(
        ParquetLayer::open(path.to_str().unwrap())
            .unwrap_err()
            .to_string()
            .contains("no Parquet file")
    );
    assert!(
        ParquetLayer::open(dir.path().to_str().unwrap())
            .unwrap_err()
            .to_string()
            .contains("no Parquet file")
    );
    assert!(ParquetLayer::open("ftp://host/x").unwrap_err().to_string().contains("no address"));
    std::fs::write(&path, "not Parquet").unwrap();
    assert!(
        ParquetLayer::open(path.to_str().unwrap())
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
    write(&path, 0, 2);
    let open = || ParquetLayer::open(path.to_str().unwrap()).unwrap();
    let build = async |layer: ParquetLayer| {
        Diver::builder().layer("front", layer).build().await.unwrap_err().to_string()
    };
    assert!(build(open()).await.contains("which holds the time"));
    assert!(build(open().time("ms")).await.contains("`ms` is Int64"));
    let near = build(open().time("At").column(Field::RequestId, "reg")).await;
    assert!(near.contains("no column `reg`") && near.contains("did you mean `req`?"), "{near}");
    let twice = Diver::builder().layer("a", open().time("At")).layer("a", open().time("At"));
    assert!(twice.build().await.unwrap_err().to_string().contains("two layers are named `a`"));
}

#[tokio::test]
async fn the_row_budget_holds_for_files() {
    let dir = tempfile::tempdir().unwrap();
    let diver = Diver::builder().layer("front", folder(dir.path())).build().await.unwrap();
    let plan = DivePlan::around(hour()).select("a", Select::all());
    let budget = Budget { rows: 8, ..Budget::default() };
    let evidence = diver.dive(&plan).budget(budget).run().await.unwrap();
    let stopped = evidence.coverage.layers["front"].stopped_by.clone().unwrap();
    assert!(stopped.contains("the files have 9"), "{stopped}");
}

const LINES: &str = r#"{"ts":"2023-07-10T11:58:00Z","level":"error","msg":"disk full","host":"a"}
{"ts":"2023-07-10T11:59:00Z","level":"info","msg":"fine","host":"a"}
{"ts":"2023-07-10T12:40:00Z","level":"info","msg":"behind the window","host":"a"}"#;

fn printed(lines: &str) -> ExecLayer {
    ExecLayer::new(["printf", "%s\n", lines]).lateness(Duration::from_secs(60))
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_command_prints_is_a_layer() {
    let (evidence, count) = dive(printed(LINES), "severity >= error", Function::Count).await;
    assert_eq!(count, Fact::from(1), "{:?}", evidence.coverage);
    assert_eq!(evidence.step("found").unwrap().rows[0].body.as_deref(), Some("disk full"));
    assert_eq!(evidence.coverage.layers["front"].scanned, 3);
    // The arguments carry the window; no shell reads them.
    let echo = r#"{"ts":"{from}","msg":"{to} $HOME; `x`"}"#;
    let (evidence, _) = dive(printed(echo), "true", Function::Count).await;
    let row = &evidence.step("found").unwrap().rows[0];
    assert_eq!(row.body.as_deref(), Some("2023-07-10T12:30:00Z $HOME; `x`"));
    // A store that is trusted to have everything after a while.
    let layer = printed("").arrives_within(Duration::from_secs(60), clock());
    let (_, none) = dive(layer, "true", Function::None).await;
    assert_eq!(none, Fact::from(true));
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_that_fails_is_no_quiet_layer() {
    let check = async |layer: ExecLayer, budget: Budget, named: &str| {
        let diver = Diver::builder().layer("front", layer).build().await.unwrap();
        let plan = DivePlan::around(hour()).select("found", Select::all());
        let none = measure("m", "found", Function::None);
        let evidence = diver.dive(&plan).budget(budget).measures([none]).run().await.unwrap();
        let gaps = format!("{:?}", evidence.coverage.gaps());
        assert!(gaps.contains(named), "{gaps}");
        assert_ne!(evidence.facts.read("m"), Fact::from(true));
    };
    let trusted = |command: &[&str]| {
        ExecLayer::new(command.iter().copied()).arrives_within(Duration::ZERO, clock())
    };
    let budget = Budget::default();
    check(trusted(&["/nonexistent/logcli"]), budget, "cannot be started").await;
    check(trusted(&["sh", "-c", "echo no access >&2; exit 3"]), budget, "code 3: no access").await;
    check(trusted(&["echo", "<html>"]), budget, "1 lines that are no log lines").await;
    let short = Budget { time: Duration::from_millis(200), ..budget };
    check(trusted(&["sleep", "600"]), short, "no answer within").await;
    let few = Budget { rows: 1, ..budget };
    let lines = trusted(&["printf", "%s\n", LINES]);
    check(lines, few, "stopped by the row budget of 1 rows").await;
}
