//! The receiver over a fake of the stream: what it answers when rows are not taken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use logdive_core::format::{Format, JsonLines, Overflow};
use logdive_core::memory::ManualClock;
use logdive_core::{Digest, LayerName, LogBatch};
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::intake::{Intake, Outlet, Stream};
use super::seen::Seen;
use super::server::Server;
use super::{ReceiverCounts, ReceiverError, ReceiverLimits, ReceiverProgress};
use crate::ingest::IngestError;
use crate::lake::LakeError;

/// What becomes of the next rows.
enum Next {
    Full,
    Ended,
    /// Taken; durable when the sender says so, lost when it is dropped.
    Taken(oneshot::Receiver<()>),
}

#[derive(Default)]
struct Log {
    next: VecDeque<Next>,
    taken: Vec<(LogBatch, Json)>,
}

/// A stream whose answers are set; without one, rows are durable at once.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<Log>>);

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    fn next(&self, next: Next) {
        self.0.lock().unwrap().next.push_back(next);
    }

    fn bodies(&self) -> Vec<String> {
        let log = self.0.lock().unwrap();
        log.taken
            .iter()
            .flat_map(|(rows, _)| rows.records().filter_map(|r| r.body).collect::<Vec<_>>())
            .collect()
    }
}

fn full_disk() -> IngestError {
    let error = std::io::Error::from(std::io::ErrorKind::StorageFull);
    LakeError::io("writing", std::path::Path::new("/lake"))(error).into()
}

#[async_trait]
impl Outlet for Fake {
    async fn offer(
        &mut self,
        rows: LogBatch,
        offsets: Json,
    ) -> Result<BoxFuture<'static, Result<u64, IngestError>>, IngestError> {
        let mut log = self.0.lock().unwrap();
        let durable = match log.next.pop_front() {
            Some(Next::Full) => return Err(IngestError::Full { bytes: 7 }),
            Some(Next::Ended) => return Err(IngestError::Ended { why: "closed".into() }),
            Some(Next::Taken(durable)) => Some(durable),
            None => None,
        };
        log.taken.push((rows, offsets));
        Ok(Box::pin(async move {
            match durable {
                Some(durable) => durable.await.map(|()| 1).map_err(|_| full_disk()),
                None => Ok(1),
            }
        }))
    }

    fn rest(&self) -> Box<dyn Overflow> {
        Box::new(Unkept)
    }
}

#[derive(Debug)]
struct Unkept;

impl Overflow for Unkept {
    fn write(&mut self, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
    fn finish(&mut self, _: Digest) -> std::io::Result<String> {
        Ok("blob".to_owned())
    }
    fn discard(&mut self) {}
}

struct Running {
    fake: Fake,
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<ReceiverCounts, ReceiverError>>,
}

async fn start(limits: ReceiverLimits) -> Running {
    let fake = Fake::default();
    let mut seen = Seen::from_offsets(None).unwrap();
    seen.limit(limits.remembered, limits.remembered_for);
    let json: Arc<dyn Format> = Arc::new(JsonLines::new());
    let clock = ManualClock::at("2023-07-10T12:00:00Z".parse().unwrap());
    let intake = Intake::new(
        Stream::new(Box::new(fake.clone()), seen),
        [Arc::clone(&json), json],
        LayerName::parse("otlp").unwrap(),
        std::collections::BTreeMap::new(),
        Arc::new(clock),
        "http://test/v1/logs".to_owned(),
    );
    let server = Server::new(intake, limits, None, ReceiverProgress::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(server.serve(listener, async move {
        let _ = stopped.await;
    }));
    Running { fake, address, stop, served }
}

fn request(body: &str) -> String {
    format!(
        "POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn send(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const LINE: &str = r#"{"time":"2023-07-10T11:58:13Z","msg":"one"}"#;

#[tokio::test]
async fn back_pressure_is_503_and_nothing_is_remembered() {
    let running = start(ReceiverLimits::default()).await;
    running.fake.next(Next::Full);
    let answer = send(running.address, &request(LINE)).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n") && answer.contains(r#""code":14"#), "{answer}");
    assert!(send(running.address, &request(LINE)).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(running.fake.bodies(), ["one"]);
    running.stop.send(()).unwrap();
    let counts = running.served.await.unwrap().unwrap();
    assert_eq!((counts.requests, counts.rows, counts.refused), (2, 1, 1));
}

#[tokio::test]
async fn an_answer_comes_when_the_rows_are_durable() {
    let running = start(ReceiverLimits::default()).await;
    let (durable, wait) = oneshot::channel();
    running.fake.next(Next::Taken(wait));
    let first = tokio::spawn(send_owned(running.address, request(LINE)));
    while running.fake.bodies().is_empty() {
        tokio::task::yield_now().await;
    }
    // The same body again, while the first is on its way: it waits for the same rows.
    let second = tokio::spawn(send_owned(running.address, request(LINE)));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!first.is_finished() && !second.is_finished());
    durable.send(()).unwrap();
    for answer in [first.await.unwrap(), second.await.unwrap()] {
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("{}"), "{answer}");
    }
    assert_eq!(running.fake.bodies(), ["one"]);
}

async fn send_owned(address: std::net::SocketAddr, request: String) -> String {
    send(address, &request).await
}

#[tokio::test]
async fn a_full_disk_is_503_and_the_retry_is_taken() {
    let running = start(ReceiverLimits::default()).await;
    let (durable, wait) = oneshot::channel();
    running.fake.next(Next::Taken(wait));
    drop(durable);
    let answer = send(running.address, &request(LINE)).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 10"), "{answer}");
    assert!(!answer.contains("/lake"), "the answer tells no paths: {answer}");
    let health = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert!(send(running.address, health).await.starts_with("HTTP/1.1 503 "));
    assert!(send(running.address, &request(LINE)).await.starts_with("HTTP/1.1 200 "));
    assert!(send(running.address, health).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(running.fake.bodies(), ["one", "one"], "the first were not durable");
    let log = running.fake.0.lock().unwrap();
    assert_eq!(log.taken[0].1, log.taken[1].1, "the body is among the offsets once");
}

#[tokio::test]
async fn a_slow_lake_is_503_and_the_retry_finds_the_lines() {
    let limits = ReceiverLimits {
        durable_timeout: std::time::Duration::from_millis(5),
        ..ReceiverLimits::default()
    };
    let running = start(limits).await;
    let (durable, wait) = oneshot::channel();
    running.fake.next(Next::Taken(wait));
    for _ in 0..2 {
        let answer = send(running.address, &request(LINE)).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after"), "{answer}");
    }
    durable.send(()).unwrap();
    while send(running.address, &request(LINE)).await.starts_with("HTTP/1.1 503 ") {}
    assert_eq!(running.fake.bodies(), ["one"]);
}

#[tokio::test]
async fn a_client_that_goes_away_changes_nothing() {
    let running = start(ReceiverLimits::default()).await;
    let (durable, wait) = oneshot::channel();
    running.fake.next(Next::Taken(wait));
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(request(LINE).as_bytes()).await.unwrap();
    while running.fake.bodies().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(stream);
    durable.send(()).unwrap();
    // Its retry finds that the rows are there.
    assert!(send(running.address, &request(LINE)).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(running.fake.bodies(), ["one"]);
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight() {
    let running = start(ReceiverLimits::default()).await;
    let (durable, wait) = oneshot::channel();
    running.fake.next(Next::Taken(wait));
    let first = tokio::spawn(send_owned(running.address, request(LINE)));
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    while running.fake.bodies().is_empty() {
        tokio::task::yield_now().await;
    }
    running.stop.send(()).unwrap();
    let mut nothing = Vec::new();
    idle.read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty() && !running.served.is_finished());
    durable.send(()).unwrap();
    assert!(first.await.unwrap().starts_with("HTTP/1.1 200 "));
    assert_eq!(running.served.await.unwrap().unwrap().rows, 1);
    assert!(TcpStream::connect(running.address).await.is_err(), "no more are accepted");
}

#[tokio::test]
async fn stopping_has_a_deadline() {
    let limits = ReceiverLimits {
        stop_timeout: std::time::Duration::from_millis(5),
        ..ReceiverLimits::default()
    };
    let running = start(limits).await;
    let (durable, wait) = oneshot::channel();
    running.fake.next(Next::Taken(wait));
    let first = tokio::spawn(send_owned(running.address, request(LINE)));
    while running.fake.bodies().is_empty() {
        tokio::task::yield_now().await;
    }
    running.stop.send(()).unwrap();
    assert_eq!(running.served.await.unwrap().unwrap().rows, 0);
    assert_eq!(first.await.unwrap(), "", "cut off without an answer");
    drop(durable);
}

#[tokio::test]
async fn an_ingester_that_ended_ends_the_receiver() {
    let running = start(ReceiverLimits::default()).await;
    running.fake.next(Next::Ended);
    let answer = send(running.address, &request(LINE)).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let error = running.served.await.unwrap().unwrap_err();
    assert!(matches!(error, ReceiverError::Ingest { .. }), "{error}");
    drop(running.stop);
}

#[tokio::test]
async fn equal_bodies_without_times_are_kept_each() {
    let running = start(ReceiverLimits::default()).await;
    for _ in 0..2 {
        let answer = send(running.address, &request(r#"{"msg":"done"}"#)).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(running.fake.bodies(), ["done", "done"]);
    let seqs: Vec<i64> = {
        let log = running.fake.0.lock().unwrap();
        log.taken
            .iter()
            .flat_map(|(rows, _)| rows.records().map(|r| r.seq).collect::<Vec<_>>())
            .collect()
    };
    assert!(seqs[0] < seqs[1], "places rise though the clock stands");
}

#[tokio::test]
async fn a_giant_record_is_kept_with_its_rest() {
    let running = start(ReceiverLimits::default()).await;
    let long = format!(r#"{{"time":1688990293,"msg":"{}"}}"#, "x".repeat(300_000));
    let answer = send(running.address, &request(&long)).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("partialSuccess"), "{answer}");
    let log = running.fake.0.lock().unwrap();
    let record = log.taken[0].0.records().next().unwrap();
    assert_eq!((record.raw_blob.as_deref(), record.raw_length), (Some("blob"), Some(300_028)));
}
