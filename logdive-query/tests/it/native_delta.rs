//! A Delta table of somebody else.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use logdive_core::{Field, ValueType};
use logdive_query::{DeltaLayer, Diver};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::{Value as Json, json};

use crate::native::{bodies, columns, diver, look, parquet, put, refused, seconds, texts};
use crate::support::hour;

struct Table {
    store: Arc<InMemory>,
    version: u64,
}

fn protocol(features: &[&str]) -> Json {
    match features {
        [] => json!({ "protocol": { "minReaderVersion": 1, "minWriterVersion": 2 } }),
        features => json!({ "protocol": {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": features,
            "writerFeatures": features,
        }}),
    }
}

fn metadata(partitions: &[&str], configuration: &Json) -> Json {
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind, "nullable": true, "metadata": {} });
    let fields = [
        field("ts", "timestamp"),
        field("said", "string"),
        field("n", "long"),
        field("date", "date"),
        field("shard", "integer"),
    ];
    json!({ "metaData": {
        "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
        "format": { "provider": "parquet", "options": {} },
        "schemaString": json!({ "type": "struct", "fields": fields }).to_string(),
        "partitionColumns": partitions,
        "configuration": configuration,
        "createdTime": 0,
    }})
}

impl Table {
    async fn create(actions: &[Json]) -> Self {
        let mut table = Self { store: Arc::new(InMemory::new()), version: 0 };
        table.commit(actions).await;
        table
    }

    async fn partitioned() -> Self {
        Self::create(&[protocol(&[]), metadata(&["date", "shard"], &json!({}))]).await
    }

    async fn commit(&mut self, actions: &[Json]) {
        let lines: Vec<String> = actions.iter().map(ToString::to_string).collect();
        let path = format!("tables/auth/_delta_log/{:020}.json", self.version);
        put(&self.store, &path, lines.join("\n").into_bytes()).await;
        self.version += 1;
    }

    /// Writes a file of one line and gives its action.
    async fn file(&self, path: &str, day: u32, second: i64, said: &str) -> Json {
        let n: ArrayRef = Arc::new(Int64Array::from(vec![second]));
        let lines =
            columns(vec![("ts", seconds([second])), ("said", texts([Some(said)])), ("n", n)]);
        let bytes = parquet(&lines, 10);
        let size = bytes.len();
        put(&self.store, &format!("tables/auth/{path}"), bytes).await;
        let at = hour().from() + chrono::TimeDelta::seconds(second);
        // As Spark does, cut to milliseconds.
        let at = at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let stats = json!({
            "numRecords": 1,
            "minValues": { "ts": at },
            "maxValues": { "ts": at },
            "nullCount": { "ts": 0 },
        });
        json!({ "add": {
            "path": path.replace('%', "%25").replace(' ', "%20"),
            "partitionValues": { "date": format!("2023-07-{day:02}"), "shard": "7" },
            "size": size,
            "modificationTime": 0,
            "dataChange": true,
            "stats": stats.to_string(),
        }})
    }

    fn layer(&self) -> DeltaLayer {
        let store: Arc<dyn ObjectStore> = self.store.clone();
        DeltaLayer::with_store(store, "tables/auth").unwrap().column(Field::Body, "said")
    }

    async fn diver(&self) -> Diver {
        diver(self.layer().lateness(Duration::ZERO).field("shard", "shard", ValueType::Int)).await
    }
}

fn remove(add: &Json) -> Json {
    json!({ "remove": {
        "path": add.pointer("/add/path"),
        "deletionTimestamp": 1,
        "dataChange": true,
        "partitionValues": add.pointer("/add/partitionValues"),
    }})
}

#[tokio::test]
async fn live_files_are_read_and_no_others() {
    let mut table = Table::partitioned().await;
    let first = table.file("date=2023-07-10/a b%41.parquet", 10, 60, "first").await;
    let second = table.file("date=2023-07-10/b.parquet", 10, 120, "second").await;
    let next = table.file("date=2023-07-11/c.parquet", 11, 86_400, "next day").await;
    table.commit(&[first.clone(), second.clone(), next]).await;
    let diver = table.diver().await;
    let evidence = look(&diver, hour(), "shard == 7").await;
    assert_eq!(bodies(&evidence), ["first", "second"], "{:?}", evidence.coverage);
    let row = &evidence.step("found").unwrap().rows[0];
    assert_eq!(row.attributes.as_deref(), Some(r#"{"date":"2023-07-10","n":60,"shard":7}"#));
    let read = &evidence.coverage.layers["x"];
    assert_eq!((read.planned, read.read, read.scanned), (2, 2, 2), "{read:?}");
    assert!(read.failed.is_empty() && evidence.coverage.is_complete(), "{read:?}");
    assert!(read.cost.bytes > 0);
    // Rewritten: the old file is still there, and counts no more.
    let rewritten = table.file("date=2023-07-10/d.parquet", 10, 61, "rewritten").await;
    table.commit(&[remove(&first), rewritten]).await;
    assert_eq!(bodies(&look(&diver, hour(), "true").await), ["rewritten", "second"]);
    table.commit(&[remove(&second)]).await;
    assert_eq!(bodies(&look(&diver, hour(), "true").await), ["rewritten"]);
}

#[tokio::test]
async fn a_table_on_the_disk_is_read_by_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let mut table = Table::partitioned().await;
    let file = table.file("date=2023-07-10/a.parquet", 10, 60, "on the disk").await;
    table.commit(&[file]).await;
    use futures_util::TryStreamExt as _;
    let all: Vec<_> = table.store.list(None).try_collect().await.unwrap();
    for object in all {
        let path = dir.path().join(object.location.as_ref());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let bytes = table.store.get(&object.location).await.unwrap().bytes().await.unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let path = dir.path().join("tables/auth");
    let layer = DeltaLayer::open(path.to_str().unwrap()).unwrap().column(Field::Body, "said");
    assert_eq!(bodies(&look(&diver(layer).await, hour(), "true").await), ["on the disk"]);
    let none = DeltaLayer::open(dir.path().to_str().unwrap()).unwrap();
    let error = refused(none).await;
    assert!(error.contains("its log cannot be read"), "{error}");
    assert!(DeltaLayer::open("/nonexistent").unwrap_err().to_string().contains("nothing at"));
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_name() {
    let refused_with = async |actions: Vec<Json>| {
        let table = Table::create(&actions).await;
        refused(table.layer()).await
    };
    let mapped =
        json!({ "delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "5" });
    let version_2 = json!({ "protocol": { "minReaderVersion": 2, "minWriterVersion": 5 } });
    let bare = metadata(&[], &mapped);
    let error = refused_with(vec![version_2.clone(), bare.clone()]).await;
    assert!(error.contains("olumnMapping") || error.contains("olumn mapping"), "{error}");
    let mut whole = bare;
    let text = whole["metaData"]["schemaString"].as_str().unwrap();
    let mut schema: Json = serde_json::from_str(text).unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    for (id, field) in fields.iter_mut().enumerate() {
        field["metadata"] = json!({
            "delta.columnMapping.id": id + 1,
            "delta.columnMapping.physicalName": format!("col-{id}"),
        });
    }
    whole["metaData"]["schemaString"] = json!(schema.to_string());
    let error = refused_with(vec![version_2, whole]).await;
    assert!(error.contains("`columnMapping`") && error.contains("`name`"), "{error}");
    let error = refused_with(vec![protocol(&["futureThing"]), metadata(&[], &json!({}))]).await;
    assert!(error.contains("futureThing"), "{error}");
    let none = Arc::new(InMemory::new()) as Arc<dyn ObjectStore>;
    let error = refused(DeltaLayer::with_store(none, "x").unwrap()).await;
    assert!(error.contains("its log cannot be read"), "{error}");
    let table = Table::partitioned().await;
    let error = refused(table.layer().time("siad")).await;
    assert!(error.contains("no column `siad` (did you mean `said`?)"), "{error}");
    let error = refused(table.layer().time("n")).await;
    assert!(error.contains("`n` is Int64"), "{error}");
}

#[tokio::test]
async fn deletion_vectors_are_refused_by_file() {
    let enabled = json!({ "delta.enableDeletionVectors": "true" });
    let partitions = ["date", "shard"];
    let mut table =
        Table::create(&[protocol(&["deletionVectors"]), metadata(&partitions, &enabled)]).await;
    let whole = table.file("a.parquet", 10, 60, "whole").await;
    let partly = table.file("b.parquet", 10, 61, "deleted").await;
    table.commit(&[whole, partly.clone()]).await;
    // The feature alone deletes nothing.
    let diver = table.diver().await;
    assert_eq!(bodies(&look(&diver, hour(), "true").await), ["whole", "deleted"]);
    let mut deleted = partly.clone();
    deleted["add"]["deletionVector"] = json!({
        "storageType": "u",
        "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^",
        "offset": 4,
        "sizeInBytes": 40,
        "cardinality": 1,
    });
    table.commit(&[remove(&partly), deleted]).await;
    let evidence = look(&diver, hour(), "true").await;
    assert_eq!(bodies(&evidence), ["whole"], "{:?}", evidence.coverage);
    let failed = format!("{:?}", evidence.coverage.layers["x"].failed);
    assert!(failed.contains("`b.parquet` is unreadable") && failed.contains("deletionVectors"));
    assert!(!evidence.coverage.is_complete());
    let error = refused(table.layer()).await;
    assert!(error.contains("b.parquet") && error.contains("`deletionVectors`"), "{error}");
}

#[tokio::test]
async fn a_log_that_breaks_is_said() {
    let mut table = Table::partitioned().await;
    let file = table.file("a.parquet", 10, 60, "before").await;
    table.commit(&[file]).await;
    let diver = table.diver().await;
    assert_eq!(bodies(&look(&diver, hour(), "true").await), ["before"]);
    let path = format!("tables/auth/_delta_log/{:020}.json", table.version);
    put(&table.store, &path, b"{\"add\":{\"path\":\"x.par".to_vec()).await;
    let evidence = look(&diver, hour(), "true").await;
    let failed = format!("{:?}", evidence.coverage.layers["x"].failed);
    assert_eq!(bodies(&evidence), ["before"], "{failed}");
    assert!(failed.contains("an older version is read"), "{failed}");
    assert!(!evidence.coverage.is_complete());
}

#[tokio::test]
async fn files_that_are_gone_are_named() {
    let mut table = Table::partitioned().await;
    let (a, b) = (
        table.file("a.parquet", 10, 60, "there").await,
        table.file("b.parquet", 10, 61, "gone").await,
    );
    table.commit(&[a, b]).await;
    table.store.delete(&"tables/auth/b.parquet".into()).await.unwrap();
    let evidence = look(&table.diver().await, hour(), "true").await;
    assert_eq!(bodies(&evidence), ["there"]);
    let read = &evidence.coverage.layers["x"];
    assert_eq!((read.planned, read.read), (2, 1), "{read:?}");
    assert!(format!("{:?}", read.failed).contains("`b.parquet` is unreadable"), "{read:?}");
}
