//! The OTLP receiver over a real lake, spoken to byte by byte.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use logdive_core::format::{Format, JsonLines};
use logdive_core::{LayerName, LogBatch, LogRecord};
use logdive_query::Lake;
use logdive_query::ingest::{
    IngestLimits, Ingester, OtlpReceiver, ReceiverCounts, ReceiverError, ReceiverLimits,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::clock;

fn layer(name: &str) -> LayerName {
    LayerName::parse(name).unwrap()
}

fn json() -> Arc<dyn Format> {
    Arc::new(JsonLines::new())
}

struct Running {
    address: SocketAddr,
    ingester: Ingester,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<ReceiverCounts, ReceiverError>>,
}

impl Running {
    async fn start(lake: &Lake, make: impl FnOnce(OtlpReceiver) -> OtlpReceiver) -> Self {
        let ingester = Ingester::start(lake.writer().await.unwrap(), quick());
        let stream = ingester.stream("otlp").await.unwrap();
        let receiver = OtlpReceiver::with_formats(stream, layer("otlp"), json(), json())
            .unwrap()
            .clock(clock());
        let listener = OtlpReceiver::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(make(receiver).serve(listener, async move {
            let _ = stopped.await;
        }));
        Self { address, ingester, stop, served }
    }

    async fn stop(self) -> ReceiverCounts {
        self.stop.send(()).unwrap();
        let counts = self.served.await.unwrap().unwrap();
        self.ingester.close().await.unwrap();
        counts
    }
}

fn quick() -> IngestLimits {
    let mut limits = IngestLimits::default();
    limits.commit_after = Duration::from_millis(2);
    limits
}

async fn lake() -> (TempDir, Lake) {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path().join("lake"), clock()).await.unwrap();
    (dir, lake)
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

/// Reads one answer of a connection.
async fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "no answer: {bytes:?}");
    };
    let mut body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    while body.len() < length {
        assert!(stream.read_buf(&mut body).await.unwrap() > 0, "a cut answer");
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body }
}

fn head(path: &str, headers: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n")
}

async fn post(address: SocketAddr, headers: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head("/v1/logs", headers, body.len()).as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    answer(&mut stream).await
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const JSON: &str = "content-type: application/json\r\n";
const PROTOBUF: &str = "content-type: application/x-protobuf\r\n";
const GZIP: &str = "content-encoding: gzip\r\n";

fn line(n: u32) -> Vec<u8> {
    format!(r#"{{"time":{},"msg":"line {n}","service":"s{}"}}"#, 1_688_990_293 + n, n % 3)
        .into_bytes()
}

/// All lines of the lake.
pub(crate) async fn rows_of(lake: &Lake) -> Vec<LogRecord> {
    lake.refresh().await.unwrap();
    let session = datafusion::prelude::SessionContext::new();
    let batches = session.read_table(lake.table_provider()).unwrap().collect().await.unwrap();
    let records = |batch| LogBatch::try_new(batch).unwrap().records().collect::<Vec<_>>();
    batches.iter().flat_map(records).collect()
}

async fn bodies(lake: &Lake) -> Vec<String> {
    let mut bodies: Vec<String> =
        rows_of(lake).await.into_iter().filter_map(|record| record.body).collect();
    bodies.sort();
    bodies
}

#[tokio::test]
async fn lines_of_both_encodings_are_durable_when_answered() {
    let (_dir, lake) = lake().await;
    let running = Running::start(&lake, |receiver| {
        receiver.layer_of("s1", layer("one")).layer_of("s2", layer("two"))
    })
    .await;
    let first = post(running.address, JSON, &line(1)).await;
    assert_eq!((first.status, first.body.as_slice()), (200, &b"{}"[..]));
    assert!(first.head.contains("content-type: application/json"), "{}", first.head);
    assert_eq!(bodies(&lake).await, ["line 1"], "it is there when it is answered");
    let packed = gzip(&line(2));
    let second = post(running.address, &format!("{PROTOBUF}{GZIP}"), &packed).await;
    assert_eq!((second.status, second.body.len()), (200, 0));
    assert!(second.head.contains("content-type: application/x-protobuf"), "{}", second.head);
    assert_eq!(post(running.address, JSON, &line(3)).await.status, 200);
    let mut records = rows_of(&lake).await;
    records.sort_by_key(|record| record.seq);
    let layers: Vec<_> = records.iter().map(|record| record.layer.as_str()).collect();
    assert_eq!(layers, ["one", "two", "otlp"]);
    assert_eq!(records[0].emitter.as_deref(), Some("127.0.0.1"));
    let source = format!("http://{}/v1/logs", running.address);
    assert_eq!(records[0].source.as_deref(), Some(source.as_str()));
    let counts = running.stop().await;
    assert_eq!((counts.requests, counts.rows, counts.malformed, counts.refused), (3, 3, 0, 0));
}

#[tokio::test]
async fn nothing_is_refused_for_its_content() {
    let (_dir, lake) = lake().await;
    let running = Running::start(&lake, |receiver| receiver).await;
    let mixed = [&line(1)[..], b"\n{oops\n\xff\n", &line(2)].concat();
    let partly = post(running.address, JSON, &mixed).await;
    assert_eq!(partly.status, 200);
    let text = String::from_utf8(partly.body).unwrap();
    assert!(text.starts_with(r#"{"partialSuccess":{"errorMessage":"2 of 4 records"#), "{text}");
    let partly = post(running.address, PROTOBUF, &mixed).await;
    assert_eq!((partly.status, partly.body[0], partly.body[2]), (200, 0x0a, 0x12));
    // Nothing in it is a record: kept, and said so.
    let garbage = post(running.address, JSON, b"garbage\xff").await;
    assert_eq!(garbage.status, 400);
    assert!(String::from_utf8(garbage.body).unwrap().contains(r#""code":3"#));
    let records = rows_of(&lake).await;
    assert_eq!(records.len(), 9);
    let kept = |raw: &[u8]| records.iter().filter(|r| r.raw.as_deref() == Some(raw)).count();
    assert_eq!((kept(b"{oops"), kept(b"\xff"), kept(b"garbage\xff")), (2, 2, 1));
    // An empty request is one.
    assert_eq!(post(running.address, PROTOBUF, b"").await.status, 200);
    assert_eq!(running.stop().await.malformed, 5);
}

#[tokio::test]
async fn a_retry_is_known_also_after_a_restart() {
    let (_dir, lake) = lake().await;
    let running = Running::start(&lake, |receiver| receiver).await;
    for body in [line(1), line(2)] {
        assert_eq!(post(running.address, JSON, &body).await.status, 200);
    }
    // The same bytes, compressed this time.
    let again = post(running.address, &format!("{JSON}{GZIP}"), &gzip(&line(1))).await;
    assert_eq!(again.status, 200);
    let counts = running.stop().await;
    assert_eq!((counts.rows, counts.repeated), (2, 1));
    let running = Running::start(&lake, |receiver| receiver).await;
    for body in [line(1), line(2), line(3)] {
        assert_eq!(post(running.address, JSON, &body).await.status, 200);
    }
    let counts = running.stop().await;
    assert_eq!((counts.rows, counts.repeated), (1, 2));
    assert_eq!(bodies(&lake).await, ["line 1", "line 2", "line 3"]);
}

#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let (_dir, lake) = lake().await;
    let mut limits = ReceiverLimits::default();
    limits.remembered = 2;
    let running = Running::start(&lake, |receiver| receiver.limits(limits)).await;
    for n in [1, 2, 3, 4, 4, 3, 1] {
        assert_eq!(post(running.address, JSON, &line(n)).await.status, 200);
    }
    assert_eq!(running.stop().await.repeated, 2, "4 and 3 are known, 1 is forgotten");
    let offsets = lake.committed("otlp").await.unwrap().unwrap().offsets;
    let remembered = offsets["otlp"]["bodies"].as_str().unwrap().split(' ').count();
    assert!(remembered <= 3, "{offsets}");
}

#[tokio::test]
async fn requests_that_are_none_are_told_what_to_do() {
    let (_dir, lake) = lake().await;
    let running = Running::start(&lake, |receiver| receiver.bearer("tok-1").unwrap()).await;
    let auth = "authorization: Bearer tok-1\r\n";
    let wrong =
        post(running.address, &format!("{JSON}authorization: Bearer tok-2\r\n"), b"{}").await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.head.contains("www-authenticate: bearer"), "{}", wrong.head);
    assert_eq!(post(running.address, JSON, b"{}").await.status, 401);
    assert_eq!(post(running.address, &format!("{JSON}{auth}"), &line(1)).await.status, 200);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    // One connection through all of them: refusing keeps it alive.
    for (expected, request, says) in [
        (404, head("/v1/traces", JSON, 0), "only logs"),
        (404, head("/", JSON, 0), "/v1/logs"),
        (415, head("/v1/logs", &format!("{auth}content-type: text/plain\r\n"), 0), "protobuf"),
        (415, head("/v1/logs", &format!("{auth}{JSON}content-encoding: br\r\n"), 0), "gzip"),
        (405, "GET /v1/logs HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "POST"),
        (411, format!("POST /v1/logs HTTP/1.1\r\nhost: x\r\n{auth}{JSON}\r\n"), "length"),
        (400, head("/v1/logs", &format!("{auth}{JSON}"), 0), "empty"),
        (200, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "ok"),
    ] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = answer(&mut stream).await;
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, expected, "{request}");
        assert!(text.contains(says), "{request}: {text}");
    }
    assert_eq!(running.stop().await.rows, 1);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let (_dir, lake) = lake().await;
    let mut limits = ReceiverLimits::default();
    limits.body_bytes = 64 * 1024;
    let running = Running::start(&lake, |receiver| receiver.limits(limits)).await;
    let bomb = gzip(&vec![b' '; 4 << 20]);
    assert!(bomb.len() < 64 * 1024);
    let answer_of = post(running.address, &format!("{JSON}{GZIP}"), &bomb).await;
    assert_eq!(answer_of.status, 413);
    // The length alone says it, nothing of the body was sent.
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head("/v1/logs", JSON, 64 * 1024 + 1).as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(answer(&mut stream).await.status, 413);
    // In chunks, without a length.
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head =
        format!("POST /v1/logs HTTP/1.1\r\nhost: x\r\n{JSON}transfer-encoding: chunked\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"8000\r\n", &[b' '; 0x8000][..], b"\r\n"].concat();
    for _ in 0..3 {
        stream.write_all(&chunk).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(answer(&mut stream).await.status, 413);
    let cut = gzip(&line(1));
    let headers = format!("{JSON}{GZIP}");
    assert_eq!(post(running.address, &headers, &cut[..cut.len() - 3]).await.status, 400);
    assert_eq!(post(running.address, &headers, &cut).await.status, 200);
    assert_eq!(running.stop().await.rows, 1);
}

#[tokio::test]
async fn slow_clients_are_cut_off() {
    let (_dir, lake) = lake().await;
    let mut limits = ReceiverLimits::default();
    limits.head_timeout = Duration::from_millis(20);
    limits.body_timeout = Duration::from_millis(20);
    limits.connections = 2;
    let running = Running::start(&lake, |receiver| receiver.limits(limits)).await;
    // Heads that do not end, on all connections there may be.
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(b"POST /v1/logs HTTP/1.1\r\nhost:").await.unwrap();
        slow.push(stream);
    }
    // Who comes behind them is served when they are cut off.
    assert_eq!(post(running.address, JSON, &line(1)).await.status, 200);
    for mut stream in slow {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "closed without an answer");
    }
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head("/v1/logs", JSON, 100).as_bytes()).await.unwrap();
    stream.write_all(b"{").await.unwrap();
    let late = answer(&mut stream).await;
    assert_eq!(late.status, 408);
    assert!(late.head.contains("connection: close"), "{}", late.head);
    assert_eq!(running.stop().await.rows, 1);
}

#[tokio::test]
async fn many_clients_lose_and_double_nothing() {
    let (_dir, lake) = lake().await;
    let running = Running::start(&lake, |receiver| receiver).await;
    let address = running.address;
    let clients: Vec<_> = (0..8)
        .map(|client| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                for n in 0..5 {
                    // Each line twice, and by two clients.
                    let body = line((client / 2) * 100 + n);
                    for _ in 0..2 {
                        stream
                            .write_all(head("/v1/logs", JSON, body.len()).as_bytes())
                            .await
                            .unwrap();
                        stream.write_all(&body).await.unwrap();
                        assert_eq!(answer(&mut stream).await.status, 200);
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let counts = running.stop().await;
    assert_eq!((counts.requests, counts.rows, counts.repeated), (80, 20, 60));
    let mut expected: Vec<String> =
        (0..4).flat_map(|c| (0..5).map(move |n| format!("line {}", c * 100 + n))).collect();
    expected.sort();
    assert_eq!(bodies(&lake).await, expected);
}

#[tokio::test]
async fn offsets_of_something_else_are_refused() {
    let (_dir, lake) = lake().await;
    let ingester = Ingester::start(lake.writer().await.unwrap(), quick());
    let mut stream = ingester.stream("files").await.unwrap();
    let offsets = serde_json::json!({"files": {}});
    stream.push(LogBatch::empty(), offsets).await.unwrap().durable().await.unwrap();
    drop(stream);
    let stream = ingester.stream("files").await.unwrap();
    let error = OtlpReceiver::with_formats(stream, layer("x"), json(), json()).unwrap_err();
    assert!(matches!(error, ReceiverError::Offsets { .. }), "{error}");
    let stream = ingester.stream("otlp").await.unwrap();
    let receiver = OtlpReceiver::with_formats(stream, layer("x"), json(), json()).unwrap();
    let receiver = receiver.bearer("secret").unwrap();
    assert!(!format!("{receiver:?}").contains("secret"));
    drop(receiver);
    for token in ["", "two words", "t\u{fc}", "a\n"] {
        let stream = ingester.stream("otlp").await.unwrap();
        let receiver = OtlpReceiver::with_formats(stream, layer("x"), json(), json()).unwrap();
        assert!(matches!(receiver.bearer(token), Err(ReceiverError::Token)), "{token:?}");
    }
}

/// `ExportLogsServiceRequest` with one record: time, severity, body, by the wire format.
fn export() -> Vec<u8> {
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }
    let text = |text: &str| field(1, text.as_bytes());
    let attribute = |key: &str, value: &str| {
        field(1, &[field(1, key.as_bytes()), field(2, &text(value))].concat())
    };
    let time = 1_688_990_293_000_000_001_u64.to_le_bytes();
    let record = [&[1 << 3 | 1][..], &time, &[2 << 3, 17], &field(5, &text("disk full"))].concat();
    let scope_logs = field(2, &field(2, &record));
    let resource = field(1, &attribute("service.name", "storage"));
    field(1, &[resource, scope_logs].concat())
}

#[tokio::test]
async fn exports_of_otlp_are_received() {
    let (_dir, lake) = lake().await;
    let ingester = Ingester::start(lake.writer().await.unwrap(), quick());
    let stream = ingester.stream("otlp").await.unwrap();
    let receiver = OtlpReceiver::new(stream, layer("otlp"))
        .unwrap()
        .layer_of("storage", layer("disks"))
        .clock(clock());
    let listener = OtlpReceiver::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(receiver.serve(listener, async move {
        let _ = stopped.await;
    }));
    let answer = post(address, &format!("{PROTOBUF}{GZIP}"), &gzip(&export())).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let json = br#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name",
        "value":{"stringValue":"web"}}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":
        "1688990294000000000","severityNumber":9,"body":{"stringValue":"hello"}}]}]}]}"#;
    let answer = post(address, JSON, json).await;
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"{}"[..]));
    assert_eq!(post(address, JSON, br#"{"resourceLogs":[]}"#).await.status, 200);
    assert_eq!(post(address, PROTOBUF, b"\x0a\x99\x99garbage").await.status, 400);
    stop.send(()).unwrap();
    let counts = served.await.unwrap().unwrap();
    assert_eq!((counts.rows, counts.malformed), (3, 1));
    ingester.close().await.unwrap();
    let records = rows_of(&lake).await;
    let disk = records.iter().find(|r| r.body.as_deref() == Some("disk full")).unwrap();
    assert_eq!(disk.layer.as_str(), "disks");
    assert_eq!(disk.time_unix_nano, Some(1_688_990_293_000_000_001));
    assert_eq!(disk.severity.map(|severity| severity.number()), Some(17));
    assert!(records.iter().any(|r| r.body.as_deref() == Some("hello")
        && r.service.as_deref() == Some("web")
        && r.layer.as_str() == "otlp"));
}
