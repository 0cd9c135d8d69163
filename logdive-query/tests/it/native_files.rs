//! Files of somebody else: partitions, stores, damage, change.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use logdive_core::port::Budget;
use logdive_core::{Fact, Field, Function, LayerCoverage, ValueType};
use logdive_query::{DivePlan, Diver, ParquetLayer, Select};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};

use crate::native::{bodies, columns, diver, look, parquet, put, refused, seconds, texts};
use crate::support::{hour, measure, scale, time, window};

/// A file of two lines, so many seconds after the hour's begin.
fn two(second: i64, said: &str) -> Vec<u8> {
    let other = format!("{said}+1");
    let said = texts([Some(said), Some(&other)]);
    parquet(&columns(vec![("ts", seconds([second, second + 1])), ("said", said)]), 10)
}

fn open(store: &Arc<InMemory>) -> ParquetLayer {
    let store: Arc<dyn ObjectStore> = store.clone();
    ParquetLayer::with_store(store, "logs").unwrap().column(Field::Body, "said")
}

async fn coverage(layer: ParquetLayer) -> (Vec<String>, LayerCoverage) {
    let evidence = look(&diver(layer).await, hour(), "true").await;
    let bodies = bodies(&evidence).into_iter().map(str::to_owned).collect();
    (bodies, evidence.coverage.layers.get("x").cloned().unwrap())
}

#[tokio::test]
async fn partitions_are_columns_and_leave_out_files() {
    let dir = tempfile::tempdir().unwrap();
    let flat = tempfile::tempdir().unwrap();
    for (day, second) in [(7, -3 * 86_400), (9, -86_400), (10, 60), (11, 86_400), (15, 5 * 86_400)]
    {
        for region in ["eu", "us%2Fwest"] {
            let bytes = two(second, &format!("{day} {region}"));
            let folder = dir.path().join(format!("date=2023-07-{day:02}/region={region}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("part-0.snappy.parquet"), &bytes).unwrap();
            fs::write(folder.join("_SUCCESS"), "").unwrap();
            fs::write(folder.join(".part-0.parquet"), "half written").unwrap();
            let name = format!("{day}-{}.parquet", region.len());
            fs::write(flat.path().join(name), bytes).unwrap();
        }
    }
    let of = |path: &std::path::Path| {
        ParquetLayer::open(path.to_str().unwrap()).unwrap().column(Field::Body, "said")
    };
    let (all, read) = coverage(of(flat.path())).await;
    assert_eq!(all.len(), 4);
    assert_eq!((read.planned, read.read), (10, 10));
    let check = async |layer: ParquetLayer, planned: u64| {
        let (rows, pruned) = coverage(layer).await;
        assert_eq!(rows, all);
        assert_eq!((pruned.planned, pruned.read, pruned.scanned), (planned, planned, 4));
        assert!(pruned.cost.bytes < read.cost.bytes, "{pruned:?}, all {read:?}");
    };
    // In which zone days are is not known: that before and behind may be the window's.
    let partitioned = || of(dir.path()).field("region", "region", ValueType::Text);
    check(partitioned(), 6).await;
    check(partitioned().partition_time("date", "%Y-%m-%d"), 2).await;
    let store = Arc::new(LocalFileSystem::new_with_prefix(dir.path()).unwrap());
    check(ParquetLayer::with_store(store, "").unwrap().column(Field::Body, "said"), 6).await;
    let evidence = look(&diver(partitioned()).await, hour(), "region == \"us/west\"").await;
    assert_eq!(bodies(&evidence), ["10 us%2Fwest", "10 us%2Fwest+1"]);
    let attributes = evidence.step("found").unwrap().rows[0].attributes.clone();
    assert_eq!(attributes.as_deref(), Some(r#"{"date":"2023-07-10","region":"us/west"}"#));
    let service = partitioned().column(Field::Service, "region");
    let evidence = look(&diver(service).await, hour(), "service == \"eu\"").await;
    assert_eq!(bodies(&evidence), ["10 eu", "10 eu+1"]);
}

#[tokio::test]
async fn a_partition_that_lies_is_said() {
    let store = Arc::new(InMemory::new());
    put(&store, "logs/date=2023-07-10/a.parquet", two(60, "true")).await;
    let (rows, read) = coverage(open(&store)).await;
    assert_eq!((rows.len(), read.failed), (2, vec![]));
    // Lines of the next day, though nobody said that lines may be late.
    put(&store, "logs/date=2023-07-10/b.parquet", two(86_400, "false")).await;
    let (rows, read) = coverage(open(&store).partition_time("date", "%Y-%m-%d")).await;
    assert_eq!(rows, ["true", "true+1"]);
    let failed = format!("{:?}", read.failed);
    assert!(failed.contains("b.parquet` has lines from 2023-07-11T11:30:00Z"), "{failed}");
    assert_eq!(read.watermark, None);
}

/// Damage at the start, in the middle and at the end of a file, and files that are none.
#[tokio::test]
async fn a_damaged_file_is_named_and_the_rest_answers() {
    let whole = two(60, "damaged");
    let at = |needle: &[u8]| whole.windows(needle.len()).position(|w| w == needle).unwrap();
    let mut body = whole.clone();
    for byte in &mut body[at(b"damaged") - 12..at(b"damaged") + 9] {
        *byte = 0xff;
    }
    let mut footer = whole.clone();
    let end = footer.len();
    footer[end - 40..end - 8].fill(0xff);
    let damaged = [
        ("empty", Vec::new()),
        ("text", b"not Parquet".to_vec()),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("body", body),
        ("footer", footer),
    ];
    for (name, bytes) in damaged {
        let store = Arc::new(InMemory::new());
        put(&store, "logs/a.parquet", two(10, "a")).await;
        put(&store, "logs/bad.parquet", bytes).await;
        put(&store, "logs/z.parquet", two(90, "z")).await;
        put(&store, "logs/late.parquet", two(7_200, "late")).await;
        let diver = diver(open(&store).lateness(Duration::ZERO)).await;
        let plan = DivePlan::around(hour()).select("found", Select::all().oldest(100));
        let asked = [
            measure("none", "found", Function::None),
            measure("complete", "found", Function::Complete),
        ];
        let evidence = diver.dive(&plan).measures(asked).run().await.unwrap();
        let found = bodies(&evidence);
        for good in ["a", "a+1", "z", "z+1"] {
            assert!(found.contains(&good), "{name}: {found:?} {:?}", evidence.coverage);
        }
        let read = &evidence.coverage.layers["x"];
        let failed = format!("{:?}", read.failed);
        assert!(failed.contains("`logs/bad.parquet` is unreadable"), "{name}: {failed}");
        assert!(!failed.contains("logs/a.parquet"), "{name}: {failed}");
        assert_eq!(read.read + 1, read.planned, "{name}: {read:?}");
        assert_ne!(evidence.facts.read("complete"), Fact::from(true), "{name}");
        assert_eq!(read.watermark, None, "{name}");
    }
    let store = Arc::new(InMemory::new());
    put(&store, "logs/bad.parquet", b"not Parquet".to_vec()).await;
    let error = refused(open(&store)).await;
    assert!(error.contains("logs/bad.parquet"), "{error}");
}

#[tokio::test]
async fn any_flipped_byte_leaves_the_other_files() {
    let whole = two(60, "flipped");
    let store = Arc::new(InMemory::new());
    put(&store, "logs/a.parquet", two(10, "a")).await;
    put(&store, "logs/b.parquet", whole.clone()).await;
    let diver = diver(open(&store)).await;
    let step = (whole.len() / (15 * scale() as usize)).max(1);
    for at in (0..whole.len()).step_by(step) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xa5;
        put(&store, "logs/b.parquet", bytes).await;
        let evidence = look(&diver, hour(), "true").await;
        let found = bodies(&evidence);
        assert!(found.contains(&"a") && found.contains(&"a+1"), "{at}: {found:?}");
        let read = &evidence.coverage.layers["x"];
        let named = read.failed.iter().any(|reason| reason.detail.contains("b.parquet"));
        assert!(named || read.read == read.planned, "{at}: {read:?}");
    }
}

#[tokio::test]
async fn files_may_have_other_columns() {
    let store = Arc::new(InMemory::new());
    let write = async |name: &str, second: i64, code: Option<ArrayRef>, said: ArrayRef| {
        let mut all = vec![("ts", seconds([second])), ("said", said)];
        all.extend(code.map(|code| ("code", code)));
        put(&store, &format!("logs/{name}.parquet"), parquet(&columns(all), 10)).await;
    };
    let said = |text: &str| texts([Some(text)]);
    write("a", 1, Some(Arc::new(Int32Array::from(vec![500]))), said("small")).await;
    write("b", 2, Some(Arc::new(Int64Array::from(vec![500]))), said("large")).await;
    write("c", 3, Some(texts([Some("500")])), said("text")).await;
    write("d", 4, None, said("missing")).await;
    write("e", 5, Some(Arc::new(BooleanArray::from(vec![true]))), said("unfit")).await;
    let unfit = columns(vec![("when", seconds([6])), ("said", said("timeless"))]);
    put(&store, "logs/f.parquet", parquet(&unfit, 10)).await;
    let diver = diver(open(&store).time("ts").field("code", "code", ValueType::Int)).await;
    let evidence = look(&diver, hour(), "true").await;
    assert_eq!(bodies(&evidence), ["small", "large", "text", "missing"]);
    let read = &evidence.coverage.layers["x"];
    assert_eq!((read.planned, read.read, read.failed.len()), (6, 4, 2), "{read:?}");
    let failed = format!("{:?}", read.failed);
    assert!(failed.contains("`logs/e.parquet` is unreadable: its column `code` is Boolean"));
    assert!(failed.contains("`logs/f.parquet` is unreadable: it has no column `ts`"), "{failed}");
    assert_eq!(bodies(&look(&diver, hour(), "code >= 500").await), ["small", "large", "text"]);
    assert_eq!(bodies(&look(&diver, hour(), "code is absent").await), ["missing"]);
}

#[tokio::test]
async fn what_is_there_is_looked_for_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("a.parquet"), two(10, "a")).unwrap();
    let address = dir.path().to_str().unwrap();
    let of = |layer: ParquetLayer| layer.column(Field::Body, "said");
    let folder = diver(of(ParquetLayer::open(address).unwrap())).await;
    assert_eq!(bodies(&look(&folder, hour(), "true").await), ["a", "a+1"]);
    fs::create_dir(path("deep")).unwrap();
    fs::write(path("deep/b.parquet"), two(20, "b")).unwrap();
    assert_eq!(bodies(&look(&folder, hour(), "true").await), ["a", "a+1", "b", "b+1"]);
    // Written anew under the same name.
    fs::write(path("a.parquet"), two(5, "rewritten")).unwrap();
    let found = look(&folder, hour(), "true").await;
    assert_eq!(bodies(&found), ["rewritten", "rewritten+1", "b", "b+1"]);
    let files = ["a.parquet", "deep/b.parquet"].map(|name| path(name).display().to_string());
    let listed = diver(of(ParquetLayer::files(&files).unwrap())).await;
    assert_eq!(bodies(&look(&listed, hour(), "true").await).len(), 4);
    fs::remove_file(path("a.parquet")).unwrap();
    assert_eq!(bodies(&look(&folder, hour(), "true").await), ["b", "b+1"]);
    let evidence = look(&listed, hour(), "true").await;
    assert_eq!(bodies(&evidence), ["b", "b+1"]);
    let read = &evidence.coverage.layers["x"];
    assert_eq!((read.planned, read.read, read.failed.len()), (2, 1, 1), "{read:?}");
    fs::remove_dir_all(dir.path()).unwrap();
    let evidence = look(&folder, hour(), "true").await;
    assert!(!evidence.coverage.layers["x"].failed.is_empty(), "{:?}", evidence.coverage);
    assert!(!evidence.coverage.is_complete());
}

#[tokio::test]
async fn what_leads_nowhere_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let error = |address: &str| ParquetLayer::open(address).unwrap_err().to_string();
    assert!(error("/nonexistent/logs").contains("no Parquet file"));
    assert!(error("http://host/x").contains("`http://host/x` is no address"));
    fs::create_dir(dir.path().join("_delta_log")).unwrap();
    fs::write(dir.path().join("a.parquet"), two(1, "deleted")).unwrap();
    assert!(error(dir.path().to_str().unwrap()).contains("`DeltaLayer`"));
    let none: [&str; 0] = [];
    assert!(ParquetLayer::files(none).unwrap_err().to_string().contains("no Parquet file"));
    let store = Arc::new(InMemory::new());
    assert!(refused(open(&store)).await.contains("no Parquet file at `logs`"));
    put(&store, "logs/_delta_log/00000000000000000000.json", b"{}".to_vec()).await;
    put(&store, "logs/a.parquet", two(1, "deleted")).await;
    assert!(refused(open(&store)).await.contains("`DeltaLayer`"));
}

/// A store that answers only while it is told to.
#[derive(Debug)]
struct Moody {
    inner: InMemory,
    answers: AtomicBool,
}

impl fmt::Display for Moody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("moody")
    }
}

impl Moody {
    fn check(&self) -> Result<()> {
        let refused = || Error::Generic { store: "moody", source: "no answer today".into() };
        if self.answers.load(Ordering::SeqCst) { Ok(()) } else { Err(refused()) }
    }
}

#[async_trait]
impl ObjectStore for Moody {
    async fn put_opts(&self, at: &Path, bytes: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(at, bytes, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Result<GetResult> {
        self.check()?;
        self.inner.get_opts(at, how).await
    }

    fn delete_stream(
        &self,
        all: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(all)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.check() {
            Ok(()) => self.inner.list(prefix),
            Err(error) => futures_util::stream::once(async move { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.check()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, how).await
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_no_quiet_layer() {
    let store = Arc::new(Moody { inner: InMemory::new(), answers: AtomicBool::new(false) });
    store.put(&Path::from("logs/a.parquet"), two(10, "a").into()).await.unwrap();
    let moody: Arc<dyn ObjectStore> = store.clone();
    let layer = ParquetLayer::with_store(moody, "logs").unwrap().column(Field::Body, "said");
    // Nobody is kept from starting by it.
    let diver = diver(layer.lateness(Duration::ZERO)).await;
    let evidence = look(&diver, hour(), "true").await;
    let read = &evidence.coverage.layers["x"];
    assert!(format!("{:?}", read.failed).contains("no answer today"), "{read:?}");
    assert!(!evidence.coverage.is_complete() && read.read < read.planned, "{read:?}");
    store.answers.store(true, Ordering::SeqCst);
    assert_eq!(bodies(&look(&diver, hour(), "true").await), ["a", "a+1"]);
}

#[tokio::test]
async fn budgets_hold() {
    let store = Arc::new(InMemory::new());
    for second in 0..20 {
        let name = format!("logs/date=2023-07-10/{second}.parquet");
        put(&store, &name, two(second * 10, &second.to_string())).await;
    }
    let diver: Diver = diver(open(&store)).await;
    let plan = DivePlan::around(hour()).select("found", Select::all().oldest(100));
    let budget = Budget { bytes: 5_000, ..Budget::default() };
    let evidence = diver.dive(&plan).budget(budget).run().await.unwrap();
    let read = &evidence.coverage.layers["x"];
    assert!(read.stopped_by.as_deref().unwrap().contains("5000 bytes"), "{read:?}");
    assert!(read.failed.iter().all(|reason| !reason.detail.contains("unreadable")), "{read:?}");
    // Rows of a window are those of the parts of files that may hold it.
    let budget = Budget { rows: 4, ..Budget::default() };
    let short = DivePlan::around(window("2023-07-10T11:30:00Z", "2023-07-10T11:30:15Z"))
        .select("found", Select::all().oldest(100));
    let evidence = diver.dive(&short).budget(budget).run().await.unwrap();
    assert_eq!(bodies(&evidence), ["0", "0+1", "1", "1+1"], "{:?}", evidence.coverage);
    let newest = evidence.coverage.layers["x"].newest;
    assert_eq!(newest, Some(time("2023-07-10T11:33:11Z")));
}
