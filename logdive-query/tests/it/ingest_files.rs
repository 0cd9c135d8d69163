//! Files and standard input into a lake, with real files.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::write::GzEncoder;
use logdive_core::format::{CloudTrail, Format, Framing, JsonLines, RAW_LIMIT, Rows};
use logdive_core::log::{LogLine, LogRecord};
use logdive_core::memory::ManualClock;
use logdive_core::port::Clock as _;
use logdive_core::{LayerName, LogBatch};
use logdive_query::Lake;
use logdive_query::ingest::{
    FileLimits, FileSource, FileSourceBuilder, FormatChoice, IngestLimits, Ingester, StdinSource,
};
use tempfile::TempDir;

use crate::support::time;

#[derive(Debug)]
struct Text;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        rows.push(&LogLine { body: Some(&text), ..rows.line() });
    }
}

fn text() -> FormatChoice {
    FormatChoice::Fixed(Arc::new(Text))
}

fn layer() -> LayerName {
    LayerName::parse("app").unwrap()
}

/// A lake, its ingester, and a directory of logs.
struct Place {
    dir: TempDir,
    lake: Lake,
    ingester: Ingester,
    clock: ManualClock,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(time("2024-05-01T12:00:00Z"));
        let lake =
            Lake::create_with(dir.path().join("lake"), Arc::new(clock.clone())).await.unwrap();
        let writer = lake.writer().await.unwrap();
        let ingester = Ingester::start(writer, IngestLimits::default());
        fs::create_dir(dir.path().join("log")).unwrap();
        Self { dir, lake, ingester, clock }
    }

    fn log(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("log").join(name)
    }

    async fn open(&self, builder: FileSourceBuilder) -> FileSource {
        builder.open(&self.ingester, Arc::new(self.clock.clone())).await.unwrap()
    }

    async fn source(&self, pattern: &str) -> FileSource {
        self.open(FileSource::builder(layer(), text()).path(self.log(pattern))).await
    }

    fn wait(&self, seconds: i64) -> DateTime<Utc> {
        self.clock.set(self.clock.now() + TimeDelta::seconds(seconds));
        self.clock.now()
    }

    async fn poll(&self, source: &mut FileSource) {
        source.poll_once(self.clock.now()).await.unwrap();
        source.durable().await.unwrap();
    }

    async fn records(&self) -> Vec<LogRecord> {
        self.lake.refresh().await.unwrap();
        let session = datafusion::prelude::SessionContext::new();
        let frame = session.read_table(self.lake.table_provider()).unwrap();
        let mut records: Vec<LogRecord> = frame
            .collect()
            .await
            .unwrap()
            .iter()
            .flat_map(|batch| LogBatch::try_new(batch).unwrap().records().collect::<Vec<_>>())
            .collect();
        records.sort_by(|a, b| (&a.source, a.seq).cmp(&(&b.source, b.seq)));
        records
    }

    async fn bodies(&self) -> Vec<String> {
        self.records().await.into_iter().filter_map(|record| record.body).collect()
    }
}

fn append(path: &Path, text: impl AsRef<[u8]>) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn numbered(name: &str, count: usize) -> String {
    (0..count).map(|n| format!("{name} line {n} {}\n", n * 7919 % 10_007)).collect()
}

#[tokio::test]
async fn directories_are_read_once_with_whatever_names_are_in_them() {
    let place = Place::new().await;
    fs::create_dir_all(place.log("deep/er")).unwrap();
    append(&place.log("a b 100%.log"), "one\ntwo without an end");
    append(&place.log("deep/er/z%41.log"), "three\r\n\r\n");
    append(&place.log("deep").join(OsStr::from_bytes(b"\xff\xfe.log")), "four\n");
    append(&place.log("empty.log"), "");
    append(&place.log("cr.log"), "only\rcarriage\rreturns\r");
    append(&place.log(".hidden"), "five\n");
    append(&place.log("packed"), gzip(b"six\n"));
    append(&place.log("packed2"), zstd::encode_all(b"seven\n".as_slice(), 1).unwrap());
    let mut source = place.source("").await;
    let progress = source.read_once().await.unwrap();
    assert_eq!((progress.files, progress.rows, progress.durable), (7, 7, 7));
    assert_eq!(progress.problems.len(), 0, "{:?}", progress.problems);
    assert_eq!(progress.read, progress.bytes);
    let root = place.dir.path().join("log");
    let found: Vec<(String, String)> = place
        .records()
        .await
        .into_iter()
        .map(|record| {
            assert_eq!(record.emitter, record.source);
            let source = record.source.unwrap();
            let name = source.strip_prefix(root.to_str().unwrap()).unwrap().to_owned();
            (name, record.body.unwrap())
        })
        .collect();
    let expected = [
        ("/a b 100%.log", "one"),
        ("/a b 100%.log", "two without an end"),
        ("/cr.log", "only\rcarriage\rreturns"),
        ("/deep/%FF%FE.log", "four"),
        ("/deep/er/z%2541.log", "three"),
        ("/packed", "six"),
        ("/packed2", "seven"),
    ];
    let expected: Vec<_> = expected.map(|(name, body)| (name.to_owned(), body.to_owned())).into();
    assert_eq!(found, expected);
    // Again: nothing is new, nothing is committed.
    let version = place.lake.snapshot().version();
    drop(source);
    let mut source = place.source("").await;
    let progress = source.read_once().await.unwrap();
    assert_eq!((progress.rows, progress.read), (0, 0));
    place.lake.refresh().await.unwrap();
    assert_eq!(place.lake.snapshot().version(), version);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_and_the_rest_is_read() {
    let place = Place::new().await;
    append(&place.log("good.log"), "good\n");
    append(&place.log("bad.bz2"), b"BZh91AY&SY....");
    append(&place.log("bad.xz"), b"\xfd7zXZ\0....");
    let _socket = std::os::unix::net::UnixListener::bind(place.log("socket")).unwrap();
    let missing = place.dir.path().join("missing");
    let builder = FileSource::builder(layer(), text())
        .path(place.log(""))
        .path(&missing)
        .path(place.log("*.none"));
    let mut source = place.open(builder).await;
    let progress = source.read_once().await.unwrap();
    assert_eq!(progress.rows, 1);
    let problem = |path: &Path| progress.problems[path].as_str();
    assert!(problem(&place.log("bad.bz2")).contains("bzip2; plain, gzip and zstd files are read"));
    assert!(problem(&place.log("bad.xz")).contains("with xz;"));
    assert!(problem(&place.log("socket")).contains("it is a socket"));
    assert!(problem(&missing).contains("no such file or directory"));
    assert!(problem(&place.log("*.none")).contains("no file has such a name"));
    assert_eq!(progress.problems.len(), 5);
    // A file that cannot be opened is tried again.
    let nowhere = place.log("loop.log");
    std::os::unix::fs::symlink(&nowhere, &nowhere).unwrap();
    drop(source);
    let mut source = place.source("").await;
    place.poll(&mut source).await;
    assert!(source.progress().problems.contains_key(&nowhere));
    fs::remove_file(&nowhere).unwrap();
    append(&nowhere, "now\n");
    place.poll(&mut source).await;
    assert!(!source.progress().problems.contains_key(&nowhere));
    assert_eq!(place.bodies().await, ["good", "now"]);
}

#[tokio::test]
async fn links_are_one_file_and_the_lake_is_not_read() {
    let place = Place::new().await;
    append(&place.log("a.log"), "one\n");
    fs::hard_link(place.log("a.log"), place.log("b.log")).unwrap();
    std::os::unix::fs::symlink(place.log("a.log"), place.log("c.log")).unwrap();
    std::os::unix::fs::symlink(place.dir.path(), place.log("up")).unwrap();
    let builder = FileSource::builder(layer(), text())
        .path(place.dir.path().join("log"))
        .except(place.log("up/lake"))
        .host("web-1");
    let mut source = place.open(builder).await;
    source.read_once().await.unwrap();
    let records = place.records().await;
    assert_eq!(records.len(), 1, "{records:?}");
    let path = place.log("a.log");
    assert_eq!(records[0].emitter.as_deref(), Some(&*format!("web-1:{}", path.display())));
    append(&place.log("b.log"), "two\n");
    source.read_once().await.unwrap();
    assert_eq!(place.bodies().await, ["one", "two"]);
}

#[tokio::test]
async fn followed_files_are_read_across_rotations_and_restarts() {
    let place = Place::new().await;
    let log = place.log("app.log");
    let old = |n: usize| place.log(&format!("app.log.{n}"));
    let mut source = place.source("app.log").await;
    place.poll(&mut source).await;
    append(&log, "1\n2\n");
    place.poll(&mut source).await;
    // By renaming, with a writer that is late.
    let mut writer = OpenOptions::new().append(true).open(&log).unwrap();
    fs::rename(&log, old(1)).unwrap();
    writer.write_all(b"3\n").unwrap();
    append(&log, "4\n");
    place.poll(&mut source).await;
    writer.write_all(b"5\n").unwrap();
    place.poll(&mut source).await;
    assert_eq!(place.bodies().await, ["1", "2", "3", "5", "4"]);
    // While nobody reads; the rest is found beside.
    drop(source);
    append(&log, "6\n");
    fs::rename(old(1), old(2)).unwrap();
    fs::rename(&log, old(1)).unwrap();
    append(&log, "7\n");
    let mut source = place.source("app.log").await;
    place.poll(&mut source).await;
    // By copying and truncating.
    append(&log, numbered("x", 40));
    place.poll(&mut source).await;
    append(&log, "8\n");
    fs::copy(&log, place.log("app.log-20240501")).unwrap();
    File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
    append(&log, "9\n");
    place.poll(&mut source).await;
    // By compressing, while nobody reads.
    drop(source);
    append(&log, "10\n");
    fs::write(place.log("app.log.3.gz"), gzip(&fs::read(&log).unwrap())).unwrap();
    fs::remove_file(&log).unwrap();
    append(&log, "11\n");
    let mut source = place.source("app.log*").await;
    for _ in 0..4 {
        place.poll(&mut source).await;
        place.wait(6);
    }
    let mut bodies = place.bodies().await;
    assert_eq!(bodies.len(), 51, "{bodies:?}");
    bodies.retain(|body| !body.starts_with('x'));
    bodies.sort_by_key(|body| body.parse::<u32>().unwrap());
    assert_eq!(bodies, (1..=11).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(source.progress().problems.is_empty(), "{:?}", source.progress().problems);
}

#[tokio::test]
async fn a_stream_that_is_cut_keeps_its_rows_and_says_so() {
    let place = Place::new().await;
    let whole = numbered("gz", 5_000);
    let packed = gzip(whole.as_bytes());
    let cut = packed.len() / 2;
    fs::write(place.log("cut.gz"), &packed[..cut]).unwrap();
    let mut source = place.source("").await;
    let progress = source.read_once().await.unwrap();
    assert_eq!(progress.malformed, 1);
    let records = place.records().await;
    let (last, rows) = records.split_last().unwrap();
    let why = format!("the gzip stream ends early, at byte {cut} of the file");
    assert_eq!(last.parse_error.as_deref(), Some(&*why));
    assert!(rows.len() > 1_000);
    let kept: Vec<&str> = rows.iter().map(|row| row.body.as_deref().unwrap()).collect();
    assert!(whole.starts_with(&kept.join("\n")));
    assert_eq!(last.source_offset, Some(kept.join("\n").len() as i64));
    // It is not said again.
    drop(source);
    assert_eq!(place.source("").await.read_once().await.unwrap().rows, 0);
}

#[tokio::test]
async fn a_giant_line_is_one_row() {
    let place = Place::new().await;
    let giant = "g".repeat(3 << 20);
    append(&place.log("a.log"), "before\n");
    let (first, rest) = giant.split_at(1 << 20);
    append(&place.log("a.log"), first);
    let mut source = place.source("").await;
    place.poll(&mut source).await;
    assert_eq!(place.bodies().await, ["before"]);
    append(&place.log("a.log"), format!("{rest}\nbehind\n"));
    // It is read again by another, from its beginning.
    drop(source);
    let mut source = place.source("").await;
    place.poll(&mut source).await;
    let records = place.records().await;
    assert_eq!(records.len(), 3);
    assert_eq!(records[1].raw_length, Some(3 << 20));
    assert_eq!(records[1].body.as_ref().unwrap().len(), RAW_LIMIT);
    assert_eq!(records[2].body.as_deref(), Some("behind"));
    assert_eq!(records[2].source_offset, Some((3 << 20) + 8));
}

#[tokio::test]
async fn a_thousand_files_are_a_few_batches() {
    let place = Place::new().await;
    fs::create_dir(place.log("many")).unwrap();
    for n in 0..1_000 {
        fs::write(place.log(&format!("many/{n:04}.log")), format!("file {n}\nthe same\n")).unwrap();
    }
    let mut source = place.source("many/*.log").await;
    let progress = source.read_once().await.unwrap();
    assert_eq!((progress.files, progress.done, progress.rows), (1_000, 1_000, 2_000));
    assert_eq!(place.records().await.len(), 2_000);
    assert!(place.lake.snapshot().version() < 5);
    append(&place.log("many/0500.log"), "more\n");
    drop(source);
    let progress = place.source("many/*.log").await.read_once().await.unwrap();
    assert_eq!((progress.rows, progress.read), (1, 5));
}

#[tokio::test]
async fn formats_that_begin_at_the_beginning_go_on_by_rows() {
    let place = Place::new().await;
    let record = |n: usize| {
        format!(
            r#"{{"eventTime":"2024-05-01T11:00:0{n}Z","eventSource":"s3.amazonaws.com","eventName":"E{n}","eventID":"id-{n}"}}"#
        )
    };
    let begin = format!("{{\"Records\":[{},{},", record(1), record(2));
    append(&place.log("trail.json"), &begin);
    let format = FormatChoice::Fixed(Arc::new(CloudTrail::new()));
    let open = || place.open(FileSource::builder(layer(), format.clone()).path(place.log("")));
    let mut source = open().await;
    place.poll(&mut source).await;
    assert_eq!(place.records().await.len(), 2);
    append(&place.log("trail.json"), format!("{}]}}", record(3)));
    drop(source);
    let mut source = open().await;
    place.poll(&mut source).await;
    source.read_once().await.unwrap();
    // The same delivery again, packed.
    fs::write(place.log("trail.json.gz"), gzip(&fs::read(place.log("trail.json")).unwrap()))
        .unwrap();
    drop(source);
    open().await.read_once().await.unwrap();
    let events: Vec<_> = place.records().await.into_iter().map(|record| record.uid).collect();
    assert_eq!(events, ["id-1", "id-2", "id-3"].map(|event| Some(event.to_owned())));
}

fn detect(sample: &[u8]) -> Arc<dyn Format> {
    if sample.starts_with(b"{") { Arc::new(JsonLines::new()) } else { Arc::new(Text) }
}

#[tokio::test]
async fn each_file_has_its_own_format() {
    let place = Place::new().await;
    append(&place.log("a.json"), "{\"msg\":\"from json\"}\n");
    append(&place.log("b.txt.gz"), gzip(b"from text\n"));
    append(&place.log("c.json"), "{\"ms");
    let choice = FormatChoice::Detect(detect);
    let open = || place.open(FileSource::builder(layer(), choice.clone()).path(place.log("")));
    let mut source = open().await;
    place.poll(&mut source).await;
    append(&place.log("c.json"), "g\":\"later\"}\n");
    place.poll(&mut source).await;
    append(&place.log("c.json"), "again\n");
    drop(source);
    open().await.read_once().await.unwrap();
    let records = place.records().await;
    let found: Vec<(&str, &str)> = records
        .iter()
        .map(|r| (r.format.as_deref().unwrap(), r.body.as_deref().unwrap()))
        .collect();
    let expected =
        [("json", "from json"), ("text", "from text"), ("json", "later"), ("json", "again")];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn following_ends_when_it_is_told_to() {
    let place = Place::new().await;
    append(&place.log("a.log"), numbered("a", 300));
    let mut limits = FileLimits::default();
    limits.batch_rows = 100;
    limits.chunk = 1_000;
    let rounds = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&rounds);
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let mut tell = Some(tell);
    let late = place.log("later/b.log");
    let builder = FileSource::builder(layer(), text())
        .path(place.log("a.log"))
        .path(place.log("later"))
        .limits(limits)
        .on_progress(move |progress| {
            seen.lock().unwrap().push(progress.rows);
            if progress.rows == 300 && !late.exists() {
                fs::create_dir(late.parent().unwrap()).unwrap();
                append(&late, "late\n");
            }
            if progress.rows == 301 {
                tell.take().map(|tell| tell.send(()));
            }
        });
    let mut source = place.open(builder).await;
    let progress = source.follow(async { drop(told.await) }).await.unwrap();
    assert_eq!((progress.rows, progress.durable), (301, 301));
    assert!(rounds.lock().unwrap().len() > 3);
    assert_eq!(place.records().await.len(), 301);
}

#[tokio::test]
async fn standard_input_is_read_to_its_end() {
    let place = Place::new().await;
    let read = |bytes: Vec<u8>| {
        let source = StdinSource::new(layer(), FormatChoice::Detect(detect)).host("web-1");
        let (ingester, clock) = (place.ingester.clone(), Arc::new(place.clock.clone()));
        async move {
            let input = std::io::Cursor::new(bytes);
            source.read(input, &ingester, clock, std::future::pending()).await
        }
    };
    let progress = read(b"one\ntwo".to_vec()).await.unwrap();
    assert_eq!((progress.rows, progress.durable, progress.read), (2, 2, 7));
    read(b"three".to_vec()).await.unwrap();
    read(Vec::new()).await.unwrap();
    let records = place.records().await;
    let found: Vec<_> =
        records.iter().map(|r| (r.seq, r.body.as_deref(), r.emitter.as_deref())).collect();
    let of = Some("web-1:stdin");
    assert_eq!(found, [(0, Some("one"), of), (1, Some("two"), of), (2, Some("three"), of)]);
    let error = read(gzip(b"x\n")).await.unwrap_err().to_string();
    assert!(error.contains("zcat"), "{error}");
}

#[tokio::test]
async fn standard_input_is_pushed_while_it_waits_and_when_it_is_stopped() {
    let place = Place::new().await;
    let (mut writer, reader) = tokio::io::duplex(1024);
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let clock = Arc::new(place.clock.clone());
    let source = StdinSource::new(layer(), text());
    let reading = source.read(reader, &place.ingester, clock, async { drop(told.await) });
    let writing = async {
        tokio::io::AsyncWriteExt::write_all(&mut writer, b"first\nsecond\nopen").await.unwrap();
        // The clock moves when it is waited for: the rows come though the input stays open.
        while place.records().await.len() < 2 {
            tokio::task::yield_now().await;
        }
        tell.send(()).unwrap();
    };
    let (progress, ()) = tokio::join!(reading, writing);
    assert_eq!(progress.unwrap().durable, 3);
    assert_eq!(place.bodies().await, ["first", "second", "open"]);
}
