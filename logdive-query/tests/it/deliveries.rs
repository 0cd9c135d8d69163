//! Delivery folders over stores in memory and on the disk, and over one that fails.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use logdive_core::memory::ManualClock;
use logdive_core::{LayerName, LogRecord};
use logdive_query::Lake;
use logdive_query::ingest::{
    Deliveries, DeliveryError, DeliveryReader, IngestLimits, Ingester, Layout, Polled,
};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result as StoreResult,
};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::receiver::rows_of;
use crate::support::{clock, scale, time};

fn layer() -> LayerName {
    LayerName::parse("delivered").unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A store that counts, and fails where it is told to.
#[derive(Debug, Default)]
struct Faulty {
    inner: InMemory,
    forbidden: Mutex<BTreeSet<String>>,
    /// Streams of these break in the middle.
    breaking: Mutex<BTreeSet<String>>,
    no_lists: AtomicBool,
    gets: Mutex<Vec<String>>,
    lists: Mutex<Vec<String>>,
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

impl Faulty {
    async fn keep(&self, key: &str, bytes: impl Into<PutPayload>) {
        self.inner.put(&Path::from(key), bytes.into()).await.unwrap();
    }

    fn forbid(&self, key: &str) {
        self.forbidden.lock().unwrap().insert(key.to_owned());
    }

    fn allow(&self) {
        self.forbidden.lock().unwrap().clear();
        self.breaking.lock().unwrap().clear();
    }

    fn taken<T: Default>(of: &Mutex<T>) -> T {
        std::mem::take(&mut *of.lock().unwrap())
    }

    fn listing(&self, prefix: Option<&Path>) -> StoreResult<()> {
        self.lists.lock().unwrap().push(prefix.map(Path::to_string).unwrap_or_default());
        if self.no_lists.load(Ordering::Relaxed) {
            return Err(Error::Generic { store: "faulty", source: "no route".into() });
        }
        Ok(())
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> StoreResult<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        let key = location.to_string();
        if !options.head {
            self.gets.lock().unwrap().push(key.clone());
        }
        if self.forbidden.lock().unwrap().contains(&key) {
            return Err(Error::PermissionDenied { path: key, source: "forbidden".into() });
        }
        let breaking = self.breaking.lock().unwrap().contains(&key);
        let mut result = self.inner.get_opts(location, options).await?;
        if breaking {
            let GetResultPayload::Stream(bytes) = result.payload else {
                return Err(Error::NotImplemented {
                    operation: "a file".into(),
                    implementer: "faulty".into(),
                });
            };
            let half = bytes.map(|chunk| chunk.map(|chunk| chunk.slice(..chunk.len() / 2)));
            let broken = Error::Generic { store: "faulty", source: "connection reset".into() };
            let end = futures_util::stream::iter([Err(broken)]);
            result.payload = GetResultPayload::Stream(half.chain(end).boxed());
        }
        Ok(result)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        match self.listing(prefix) {
            Ok(()) => self.inner.list(prefix),
            Err(error) => futures_util::stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.listing(prefix)?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

struct Place {
    _dir: TempDir,
    lake: Lake,
    ingester: Ingester,
    store: Arc<Faulty>,
    clock: ManualClock,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::create_with(dir.path().join("lake"), clock()).await.unwrap();
        let mut limits = IngestLimits::default();
        limits.commit_after = Duration::from_millis(2);
        let ingester = Ingester::start(lake.writer().await.unwrap(), limits);
        let clock = ManualClock::at(time("2023-07-10T12:00:00Z"));
        Self { _dir: dir, lake, ingester, store: Arc::default(), clock }
    }

    fn deliveries(&self, layout: Layout) -> Deliveries {
        let store: Arc<dyn ObjectStore> = Arc::clone(&self.store) as _;
        Deliveries::new(store, "", layer())
            .layout(layout)
            .url("s3://bucket/")
            .clock(Arc::new(self.clock.clone()))
    }

    async fn reader(&self, layout: Layout) -> DeliveryReader {
        self.deliveries(layout).reader(&self.ingester, "deliveries").await.unwrap()
    }

    async fn bodies(&self) -> Vec<String> {
        bodies(&rows_of(&self.lake).await)
    }
}

fn bodies(records: &[LogRecord]) -> Vec<String> {
    let mut bodies: Vec<String> = records.iter().filter_map(|r| r.body.clone()).collect();
    bodies.sort();
    bodies
}

fn trail(account: &str, day: &str, name: &str) -> String {
    format!(
        "AWSLogs/{account}/CloudTrail/us-east-1/{day}/\
         {account}_CloudTrail_us-east-1_{name}.json.gz"
    )
}

fn events(ids: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let records: Vec<String> = ids
        .into_iter()
        .map(|id| {
            format!(
                r#"{{"eventTime":"2023-07-10T11:58:13Z","eventSource":"ssm.amazonaws.com",
                "eventName":"Event{id:06}","awsRegion":"us-east-1","recipientAccountId":"1"}}"#
            )
        })
        .collect();
    format!("{{\"Records\":[{}]}}", records.join(",")).into_bytes()
}

#[tokio::test]
async fn cloudtrail_is_read_once() {
    let place = Place::new().await;
    let (a, b) = ("111111111111", "222222222222");
    for (key, ids) in [
        (trail(a, "2023/07/09", "20230709T2355Z_a"), 0..2),
        (trail(a, "2023/07/10", "20230710T1145Z_b"), 2..4),
        (trail(b, "2023/07/10", "20230710T1145Z_c"), 4..5),
        (format!("AWSLogs/o-1a/{b}/CloudTrail/eu-west-1/2023/07/10/1_CloudTrail_x_d.json"), 5..6),
    ] {
        let events = events(ids);
        place.store.keep(&key, if key.ends_with("gz") { gzip(&events) } else { events }).await;
    }
    for other in [
        "AWSLogs/111111111111/CloudTrail-Digest/us-east-1/2023/07/10/1_CloudTrail-Digest_x.json.gz",
        "AWSLogs/111111111111/vpcflowlogs/us-east-1/2023/07/10/x.log.gz",
        "AWSLogs/111111111111/CloudTrail/us-east-1/2023/07/10/readme.txt",
    ] {
        place.store.keep(other, "x").await;
    }
    let mut reader = place.reader(Layout::CloudTrail).await;
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.rows, polled.other), (4, 6, 1), "{polled:?}");
    assert_eq!(polled.failed, []);
    let expected: Vec<String> = (0..6).map(|id| format!("Event{id:06}")).collect();
    assert_eq!(place.bodies().await, expected);
    let lists = Faulty::taken(&place.store.lists);
    assert!(!lists.iter().any(|list| list.contains("Digest") || list.contains("vpc")), "{lists:?}");
    let records = rows_of(&place.lake).await;
    let of_c = records.iter().find(|r| r.body.as_deref() == Some("Event000004")).unwrap();
    let key = trail(b, "2023/07/10", "20230710T1145Z_c");
    assert_eq!(of_c.source, Some(format!("s3://bucket/{key}")));
    assert_eq!(of_c.emitter.as_deref(), Some("222222222222_CloudTrail_us-east-1"));
    assert_eq!(of_c.layer.as_str(), "ssm");
    Faulty::taken(&place.store.gets);
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.rows), (0, 0));
    // Begun anew: the lake knows what was read.
    drop(reader);
    let mut reader = place.reader(Layout::CloudTrail).await;
    assert_eq!(reader.poll_once().await.unwrap().rows, 0);
    assert_eq!(Faulty::taken(&place.store.gets), Vec::<String>::new());
}

#[tokio::test]
async fn late_objects_are_found_within_the_look_back() {
    let place = Place::new().await;
    let account = "111111111111";
    let put = |day: &'static str, name: &'static str, id| {
        let store = Arc::clone(&place.store);
        async move { store.keep(&trail(account, day, name), gzip(&events(id..id + 1))).await }
    };
    for (day, id) in [("2023/07/07", 0), ("2023/07/08", 1), ("2023/07/09", 2), ("2023/07/10", 3)] {
        put(day, "20230710T0000Z_x", id).await;
    }
    let mut reader = place
        .deliveries(Layout::CloudTrail)
        .since(time("2023-07-08T15:00:00Z"))
        .reader(&place.ingester, "deliveries")
        .await
        .unwrap();
    let polled = reader.poll_once().await.unwrap();
    assert_eq!(polled.rows, 3, "the 7th had ended: {polled:?}");
    let lists = Faulty::taken(&place.store.lists);
    assert!(!lists.iter().any(|list| list.ends_with("07/07")), "{lists:?}");
    // It is the 10th, 12:00: the 8th is closed for 12 h, the 9th open for 12 h more.
    put("2023/07/08", "20230710T0000Z_late", 10).await;
    put("2023/07/09", "20230710T0000Z_late", 11).await;
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.known), (1, 2), "{polled:?}");
    let lists = Faulty::taken(&place.store.lists);
    assert!(!lists.iter().any(|list| list.ends_with("07/08")), "closed: {lists:?}");
    place.clock.set(time("2023-07-11T00:00:00Z"));
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.known), (0, 3));
    // Now the 9th is closed, and what was in it forgotten.
    let offsets = place.lake.committed("deliveries").await.unwrap().unwrap().offsets;
    let state = &offsets["deliveries"];
    assert_eq!(state["closed"], "2023-07-10T00:00:00Z");
    assert_eq!(state["read"].as_object().unwrap().len(), 1, "{offsets}");
    assert_eq!(reader.poll_once().await.unwrap().known, 1);
    assert_eq!(place.bodies().await.len(), 4);
}

#[tokio::test]
async fn an_idle_poll_commits_nothing() {
    let place = Place::new().await;
    place.store.keep("x/2023/07/10/11/a", "{\"msg\":\"a\"}").await;
    let mut reader = place.reader(Layout::Firehose).await;
    reader.poll_once().await.unwrap();
    let version = place.lake.refresh().await.unwrap().version();
    for _ in 0..3 {
        reader.poll_once().await.unwrap();
    }
    assert_eq!(place.lake.refresh().await.unwrap().version(), version);
}

#[tokio::test]
async fn firehose_objects_follow_one_another() {
    let place = Place::new().await;
    let one = "{\"msg\":\"a\"}{\"msg\":\"b\"}{\"msg\":\n\"c\"}";
    place.store.keep("logs/web/2023/07/10/10/s-1-2023-07-10-10-00-00-x", one).await;
    let two = gzip(b"{\"msg\":\"d\"}\n{\"msg\":\"e\"}\nno json\n{\"msg\":\"f\"}");
    place.store.keep("logs/web/2023/07/10/11/s-1-2023-07-10-11-00-00-y", two).await;
    place.store.keep("logs/web/2023/07/10/09/s-1-2023-07-10-09-00-00-z", "{\"msg\":\"old\"}").await;
    place.store.keep("logs/web/2023/07/10/09/empty", "").await;
    let mut reader = place
        .deliveries(Layout::Firehose)
        .since(time("2023-07-10T10:30:00Z"))
        .reader(&place.ingester, "deliveries")
        .await
        .unwrap();
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.rows, polled.malformed), (2, 7, 1), "{polled:?}");
    let lists = Faulty::taken(&place.store.lists);
    assert!(!lists.iter().any(|list| list.ends_with("/09")), "{lists:?}");
    let records = rows_of(&place.lake).await;
    assert!(records.iter().all(|record| record.emitter.as_deref() == Some("logs/web")));
    assert_eq!(bodies(&records), ["a", "b", "c", "d", "e", "f", "no json"]);
    // All of them again, from the beginning, into another stream.
    let other = place.deliveries(Layout::Firehose);
    let mut reader = other.reader(&place.ingester, "other").await.unwrap();
    assert_eq!(reader.poll_once().await.unwrap().rows, 8);
}

const ALB: &str = r#"http 2023-07-10T11:58:13.186641Z app/web/50dc 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - - arn:aws:tg "Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2023-07-10T11:58:13Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-""#;

#[tokio::test]
async fn any_layout_knows_what_is_in_it() {
    let place = Place::new().await;
    let alb = "1_elasticloadbalancing_us-east-2_app.web.50dc_20230710T1200Z_10.0.0.1_x.log.gz";
    let folder = "AWSLogs/1/elasticloadbalancing/us-east-2/2023/07/10";
    place.store.keep(&format!("{folder}/{alb}"), gzip(ALB.as_bytes())).await;
    place.store.keep(&format!("{folder}/conn_log.{alb}"), gzip(b"x")).await;
    let key = trail("111111111111", "2023/07/10", "20230710T1145Z_a");
    place.store.keep(&key, gzip(&events(0..1))).await;
    place.store.keep("dump.json", "{\"msg\":\"undated\"}").await;
    place.store.keep("plain/folder/dump.json.gz", gzip(b"{\"msg\":\"undated too\"}")).await;
    let mut reader = place.reader(Layout::Any).await;
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.rows, polled.malformed), (4, 4, 0), "{polled:?}");
    let records = rows_of(&place.lake).await;
    let of = |format: &str| records.iter().find(|r| r.format.as_deref() == Some(format)).unwrap();
    assert_eq!(of("alb").emitter.as_deref(), Some("app/web/50dc"));
    assert_eq!(of("cloudtrail").layer.as_str(), "ssm");
    let emitters: BTreeSet<_> = records
        .iter()
        .filter(|r| r.format.as_deref() == Some("json"))
        .filter_map(|r| r.emitter.as_deref())
        .collect();
    assert_eq!(emitters, BTreeSet::from(["plain/folder", "s3://bucket"]));
    // Undated objects are remembered for as long as they are there.
    place.clock.set(time("2023-09-10T12:00:00Z"));
    assert_eq!(reader.poll_once().await.unwrap().rows, 0);
    place.store.inner.delete(&Path::from("dump.json")).await.unwrap();
    assert_eq!(reader.poll_once().await.unwrap().known, 1);
    let alb = place.deliveries(Layout::Alb).reader(&place.ingester, "alb").await;
    assert_eq!(alb.unwrap().poll_once().await.unwrap().objects, 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_tried_again() {
    let place = Place::new().await;
    let key = |n: u32| format!("x/2023/07/10/11/{n}");
    for n in 0..6 {
        place.store.keep(&key(n), format!("{{\"msg\":\"{n}\"}}")).await;
    }
    place.store.forbid(&key(1));
    place.store.breaking.lock().unwrap().insert(key(3));
    let mut reader = place.reader(Layout::Firehose).await;
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.rows), (4, 4));
    let failed: Vec<_> = polled.failed.iter().map(|f| (f.object.as_str(), f.again)).collect();
    assert_eq!(
        failed,
        [("s3://bucket/x/2023/07/10/11/1", true), ("s3://bucket/x/2023/07/10/11/3", true)]
    );
    assert!(polled.failed[0].why.contains("forbidden"), "{polled:?}");
    // Also by a reader that begins anew.
    drop(reader);
    let mut reader = place.reader(Layout::Firehose).await;
    assert_eq!(reader.poll_once().await.unwrap().failed.len(), 2);
    place.store.allow();
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.failed.len()), (2, 0));
    assert_eq!(place.bodies().await, ["0", "1", "2", "3", "4", "5"]);
    let offsets = place.lake.committed("deliveries").await.unwrap().unwrap().offsets;
    assert_eq!(offsets["deliveries"]["failed"], serde_json::json!({}));
}

#[tokio::test]
async fn a_failing_object_does_not_hold_its_folder_open() {
    let place = Place::new().await;
    place.store.keep("x/2023/07/01/11/old", "{\"msg\":\"old\"}").await;
    place.store.keep("x/2023/07/10/11/new", "{\"msg\":\"new\"}").await;
    place.store.forbid("x/2023/07/01/11/old");
    let mut reader = place.reader(Layout::Firehose).await;
    assert_eq!(reader.poll_once().await.unwrap().objects, 1);
    Faulty::taken(&place.store.lists);
    reader.poll_once().await.unwrap();
    let lists = Faulty::taken(&place.store.lists);
    assert!(!lists.iter().any(|list| list.contains("/01/")), "{lists:?}");
    // Less and less often, but at last.
    let mut tries = 0;
    for _ in 0..40 {
        tries += reader.poll_once().await.unwrap().failed.len();
    }
    assert!((3..15).contains(&tries), "{tries}");
    place.clock.set(time("2023-07-11T13:00:00Z"));
    let polled = reader.poll_once().await.unwrap();
    assert!(!polled.failed[0].again, "given up after the look-back: {polled:?}");
    assert_eq!(reader.poll_once().await.unwrap().failed, []);
}

#[tokio::test]
async fn rows_in_front_of_a_cut_are_kept_once() {
    let place = Place::new().await;
    let lines: String = (0..5_000)
        .map(|n| format!("{{\"msg\":\"{n:05}\",\"noise\":\"{:x}\"}}\n", n * 7_919))
        .collect();
    let whole = gzip(lines.as_bytes());
    let key = "x/2023/07/10/11/cut.gz";
    place.store.keep(key, whole[..whole.len() / 2].to_vec()).await;
    let mut reader = place.reader(Layout::Firehose).await;
    let polled = reader.poll_once().await.unwrap();
    assert!(polled.failed[0].why.contains("gzip") && polled.failed[0].again, "{polled:?}");
    let kept = polled.rows;
    assert!(kept > 100 && kept < 5_000, "{kept}");
    drop(reader);
    let mut reader = place.reader(Layout::Firehose).await;
    assert_eq!(reader.poll_once().await.unwrap().rows, 0, "not twice");
    // The upload comes to its end.
    place.store.keep(key, whole.clone()).await;
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.rows, polled.objects), (5_000 - kept, 1), "{polled:?}");
    let expected: Vec<String> = (0..5_000).map(|n| format!("{n:05}")).collect();
    assert_eq!(place.bodies().await, expected);
    // Another one stays cut: after the look-back what is left of its last record is kept too.
    place.store.keep("x/2023/07/10/11/cut2.gz", whole[..whole.len() / 2].to_vec()).await;
    let kept = reader.poll_once().await.unwrap().rows;
    place.clock.set(time("2023-07-11T13:00:00Z"));
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.rows, polled.malformed), (1, 1), "{polled:?}");
    assert!(!polled.failed[0].again);
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.rows, polled.known, polled.failed.len()), (0, 0, 0), "closed: {polled:?}");
    assert_eq!(place.bodies().await.len() as u64, 5_000 + kept + 1);
}

#[tokio::test]
async fn nothing_is_lost_when_listing_fails() {
    let place = Place::new().await;
    place.store.keep("x/2023/07/01/11/a", "{\"msg\":\"a\"}").await;
    place.store.no_lists.store(true, Ordering::Relaxed);
    let mut reader = place.reader(Layout::Firehose).await;
    let error = reader.poll_once().await.unwrap_err();
    assert!(matches!(error, DeliveryError::Store { .. }), "{error}");
    place.store.no_lists.store(false, Ordering::Relaxed);
    assert_eq!(reader.poll_once().await.unwrap().rows, 1);
}

#[tokio::test]
async fn changed_objects_are_told_once() {
    let place = Place::new().await;
    let key = "x/2023/07/10/11/a";
    place.store.keep(key, "{\"msg\":\"a\"}").await;
    let mut reader = place.reader(Layout::Firehose).await;
    reader.poll_once().await.unwrap();
    place.store.keep(key, "{\"msg\":\"b\"}").await;
    let polled = reader.poll_once().await.unwrap();
    assert_eq!(
        (polled.changed.as_slice(), polled.rows),
        (&["s3://bucket/x/2023/07/10/11/a".to_owned()][..], 0)
    );
    assert_eq!(reader.poll_once().await.unwrap().changed, Vec::<String>::new());
    assert_eq!(place.bodies().await, ["a"]);
}

#[tokio::test]
async fn a_thousand_objects() {
    let place = Place::new().await;
    for n in 0..1_000 {
        let key = format!("x/2023/07/10/{:02}/{n:04}", n % 12);
        place.store.keep(&key, format!("{{\"msg\":\"{n:04}\"}}")).await;
    }
    let mut reader = place.reader(Layout::Firehose).await;
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.rows), (1_000, 1_000));
    let polled = reader.poll_once().await.unwrap();
    assert_eq!((polled.objects, polled.known), (0, 1_000));
    assert_eq!(Faulty::taken(&place.store.gets).len(), 1_000);
    assert_eq!(place.bodies().await.len(), 1_000);
}

#[tokio::test]
async fn a_store_that_forbids_everything_ends_the_poll() {
    let place = Place::new().await;
    for n in 0..1_001 {
        let key = format!("x/2023/07/10/11/{n:04}");
        place.store.keep(&key, "{\"msg\":\"a\"}").await;
        place.store.forbid(&key);
    }
    let mut reader = place.reader(Layout::Firehose).await;
    let error = reader.poll_once().await.unwrap_err();
    assert!(matches!(error, DeliveryError::TooManyFailed { .. }), "{error}");
    place.store.allow();
    let mut rows = 0;
    for _ in 0..2 {
        rows += reader.poll_once().await.unwrap().rows;
    }
    assert_eq!(rows, 1_001);
}

#[tokio::test]
async fn large_objects_come_in_pieces() {
    let place = Place::new().await;
    let line = |n: u32| format!("{{\"msg\":\"{n:06}\",\"pad\":\"{}\"}}\n", "x".repeat(440));
    let lines: String = (0..40_000).map(line).collect();
    assert!(lines.len() > 17 << 20);
    let key = "x/2023/07/10/11/large";
    place.store.keep(key, lines).await;
    place.store.breaking.lock().unwrap().insert(key.to_owned());
    let mut reader = place.reader(Layout::Firehose).await;
    let polled = reader.poll_once().await.unwrap();
    assert!(polled.rows > 10_000 && polled.rows < 40_000, "{polled:?}");
    place.store.allow();
    // By one that begins anew: it goes on behind the rows that are kept.
    drop(reader);
    let mut reader = place.reader(Layout::Firehose).await;
    let more = reader.poll_once().await.unwrap();
    assert_eq!(polled.rows + more.rows, 40_000);
    let bodies = place.bodies().await;
    assert_eq!(bodies.len(), bodies.iter().collect::<BTreeSet<_>>().len());
    assert!(place.lake.snapshot().version() >= 4, "several commits");
}

#[tokio::test]
async fn following_stops_between_objects() {
    let place = Place::new().await;
    place.store.keep("x/2023/07/10/11/a", "{\"msg\":\"a\"}").await;
    let mut reader = place.reader(Layout::Firehose).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (mut stop, mut polls) = (Some(stop), 0);
    let report = |polled: Result<Polled, DeliveryError>| {
        polled.unwrap();
        polls += 1;
        if polls == 3 {
            let _ = stop.take().map(|stop| stop.send(()));
        }
    };
    let stopped = async move {
        let _ = stopped.await;
    };
    reader.follow(Duration::from_secs(60), stopped, report).await.unwrap();
    assert_eq!(polls, 3);
    assert_eq!(place.bodies().await, ["a"]);
}

#[tokio::test]
async fn a_poll_that_is_dropped_loses_and_doubles_nothing() {
    let place = Place::new().await;
    let line = |n: u32| format!("{{\"msg\":\"{n:06}\",\"pad\":\"{}\"}}\n", "x".repeat(2_000));
    for object in 0..4_u32 {
        let lines: String = (object * 5_000..(object + 1) * 5_000).map(line).collect();
        place.store.keep(&format!("x/2023/07/10/11/{object}"), lines).await;
    }
    let mut reader = place.reader(Layout::Firehose).await;
    let mut dropped = 0;
    let polled = loop {
        // Each time a little further.
        let mut poll = Box::pin(reader.poll_once());
        let mut steps = 0;
        let ended = std::future::poll_fn(|context| match poll.as_mut().poll(context) {
            std::task::Poll::Pending if steps < 2 * (dropped + 1) => {
                steps += 1;
                std::task::Poll::Pending
            }
            std::task::Poll::Pending => std::task::Poll::Ready(None),
            std::task::Poll::Ready(polled) => std::task::Poll::Ready(Some(polled)),
        });
        match ended.await {
            Some(polled) => break polled.unwrap(),
            None => dropped += 1,
        }
    };
    assert!(dropped > 0);
    assert_eq!(polled.failed, []);
    let expected: Vec<String> = (0..20_000).map(|n| format!("{n:06}")).collect();
    assert_eq!(place.bodies().await, expected);
}

#[tokio::test]
async fn local_folders_are_delivery_folders() {
    let place = Place::new().await;
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("web é/2023/07/10/11");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("one.gz"), gzip(b"{\"msg\":\"a\"}")).unwrap();
    let address = format!("file://{}", dir.path().display());
    for (stream, address) in [("path", dir.path().to_str().unwrap()), ("url", &address)] {
        let deliveries = Deliveries::open(address, layer())
            .unwrap()
            .layout(Layout::Firehose)
            .clock(Arc::new(place.clock.clone()));
        let mut reader = deliveries.reader(&place.ingester, stream).await.unwrap();
        assert_eq!(reader.poll_once().await.unwrap().rows, 1);
        assert_eq!(reader.poll_once().await.unwrap().rows, 0);
    }
    let records = rows_of(&place.lake).await;
    let source = records[0].source.as_deref().unwrap();
    assert!(source.starts_with("file:///") && source.ends_with("2023/07/10/11/one.gz"), "{source}");
    for address in ["/no/such/folder", "ftp://x/y", "s3://", "file://relative"] {
        let error = Deliveries::open(address, layer()).unwrap_err().to_string();
        assert!(error.contains(address), "{error}");
    }
    assert!(Deliveries::open("s3://bucket/prefix", layer()).is_ok());
}

#[tokio::test]
async fn offsets_of_something_else_are_refused() {
    let place = Place::new().await;
    let mut stream = place.ingester.stream("deliveries").await.unwrap();
    let offsets = serde_json::json!({"otlp": {}});
    let receipt = stream.push(logdive_core::LogBatch::empty(), offsets).await.unwrap();
    receipt.durable().await.unwrap();
    drop(stream);
    let error = place.deliveries(Layout::Any).reader(&place.ingester, "deliveries").await;
    assert!(matches!(error.unwrap_err(), DeliveryError::Offsets { .. }));
}

/// What happens between two polls.
#[derive(Debug, Clone)]
enum Event {
    Put(u8),
    Forbid(u8),
    Break(u8),
    Allow,
    Restart,
    Poll,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0_u8..12).prop_map(Event::Put),
        1 => (0_u8..12).prop_map(Event::Forbid),
        1 => (0_u8..12).prop_map(Event::Break),
        1 => Just(Event::Allow),
        1 => Just(Event::Restart),
        3 => Just(Event::Poll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6 * scale()))]
    #[test]
    fn whatever_fails_each_line_comes_once(events in prop::collection::vec(event(), 0..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = Place::new().await;
            let key = |n: u8| {
                let hour = if n.is_multiple_of(2) { "09/20" } else { "10/11" };
                format!("x/2023/07/{hour}/{n:02}")
            };
            let mut expected = BTreeSet::new();
            let mut reader = place.reader(Layout::Firehose).await;
            for event in events {
                match event {
                    Event::Put(n) => {
                        if expected.insert(format!("{n}a")) {
                            expected.insert(format!("{n}b"));
                            let text = format!("{{\"msg\":\"{n}a\"}}\n{{\"msg\":\"{n}b\"}}\n");
                            let bytes = if n % 3 == 0 { gzip(text.as_bytes()) } else { text.into() };
                            place.store.keep(&key(n), bytes).await;
                        }
                    }
                    Event::Forbid(n) => place.store.forbid(&key(n)),
                    Event::Break(n) => {
                        place.store.breaking.lock().unwrap().insert(key(n));
                    }
                    Event::Allow => place.store.allow(),
                    Event::Restart => {
                        drop(reader);
                        reader = place.reader(Layout::Firehose).await;
                    }
                    Event::Poll => {
                        reader.poll_once().await.unwrap();
                    }
                }
            }
            place.store.allow();
            for _ in 0..64 {
                reader.poll_once().await.unwrap();
            }
            assert_eq!(place.bodies().await, expected.into_iter().collect::<Vec<_>>());
        });
    }
}
