//! Any table of DataFusion as a layer.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::catalog::MemTable;
use datafusion::datasource::provider_as_source;
use datafusion::prelude::SessionContext;
use logdive_core::port::Budget;
use logdive_core::{Fact, Field, Function, Unit, ValueType};
use logdive_query::{DivePlan, Select, TableLayer};
use object_store::memory::InMemory;

use crate::native::{bodies, columns, diver, look, parquet, put, refused, seconds, texts};
use crate::support::{hour, measure};

fn rows() -> RecordBatch {
    let n: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(4), Some(5)]));
    columns(vec![
        ("ts", seconds([0, 10, 20, 3_600, 9_000])),
        ("said", texts([Some("a"), Some("b"), Some("c"), Some("at the end"), Some("behind")])),
        ("host", texts([Some("h-1"), Some("h-2"), Some("h-1"), Some("h-2"), Some("h-1")])),
        ("n", n),
    ])
}

fn memory() -> Arc<MemTable> {
    let batch = rows();
    let parts = vec![vec![batch.slice(0, 2)], vec![batch.slice(2, 3)]];
    Arc::new(MemTable::try_new(batch.schema(), parts).unwrap())
}

fn mapped(layer: TableLayer) -> TableLayer {
    layer
        .time("ts")
        .column(Field::Body, "said")
        .column(Field::Emitter, "host")
        .field("n", "n", ValueType::Int)
        .lateness(Duration::ZERO)
}

#[tokio::test]
async fn a_table_in_memory_is_a_layer() {
    let diver = diver(mapped(TableLayer::new(memory()))).await;
    let evidence = look(&diver, hour(), "true").await;
    assert_eq!(bodies(&evidence), ["a", "b", "c"]);
    let row = &evidence.step("found").unwrap().rows[2];
    assert_eq!(
        (row.attributes.as_deref(), row.format.as_deref()),
        (Some("{\"n\":3}"), Some("table"))
    );
    let read = &evidence.coverage.layers["x"];
    assert_eq!((read.planned, read.read, read.scanned, read.cost.rows), (1, 1, 3, 3));
    // The lowest over both hosts: h-2 was silent since the hour's end.
    assert_eq!(read.newest, Some(hour().to()));
    assert!(evidence.coverage.is_complete(), "{read:?}");
    assert_eq!(bodies(&look(&diver, hour(), "n >= 2").await), ["c"]);
    assert_eq!(bodies(&look(&diver, hour(), "n is absent").await), ["b"]);
    assert_eq!(bodies(&look(&diver, hour(), "emitter == \"h-1\"").await), ["a", "c"]);
    let plan = DivePlan::around(hour()).select("found", Select::all());
    let asked = measure("m", "found", Function::Sum(Field::parse("n").unwrap()));
    let budget = Budget { rows: 2, ..Budget::default() };
    let full = diver.dive(&plan).measures([asked.clone()]).run().await.unwrap();
    assert_eq!(full.facts.read("m"), Fact::from(4));
    let evidence = diver.dive(&plan).budget(budget).measures([asked]).run().await.unwrap();
    let stopped = evidence.coverage.layers["x"].stopped_by.clone().unwrap();
    assert!(stopped.contains("the window has 3"), "{stopped}");
    assert!(evidence.facts.read("m").is_incomplete());
}

#[tokio::test]
async fn a_view_is_a_layer() {
    let session = SessionContext::new();
    let plan = datafusion::logical_expr::LogicalPlanBuilder::scan(
        "rows",
        provider_as_source(memory()),
        None,
    )
    .unwrap()
    .filter(datafusion::prelude::col("n").gt_eq(datafusion::prelude::lit(3_i64)))
    .unwrap()
    .build()
    .unwrap();
    let view = session.execute_logical_plan(plan).await.unwrap().into_view();
    assert_eq!(
        bodies(&look(&diver(mapped(TableLayer::new(view))).await, hour(), "true").await),
        ["c"]
    );
}

#[tokio::test]
async fn stores_that_tables_read_are_brought_and_metered() {
    let store = Arc::new(InMemory::new());
    put(&store, "logs/a.parquet", parquet(&rows(), 2)).await;
    let session = SessionContext::new();
    let address = url::Url::parse("mem://bucket").unwrap();
    session.register_object_store(&address, store.clone());
    let options = datafusion::prelude::ParquetReadOptions::default();
    let files = session.read_parquet("mem://bucket/logs/a.parquet", options).await.unwrap();
    let layer = mapped(TableLayer::new(files.into_view()));
    let without = look(&diver(layer.clone()).await, hour(), "true").await;
    assert!(!without.coverage.layers["x"].failed.is_empty(), "{:?}", without.coverage);
    let with =
        look(&diver(layer.clone().store("mem://bucket", store.clone())).await, hour(), "true")
            .await;
    assert_eq!(bodies(&with), ["a", "b", "c"], "{:?}", with.coverage);
    assert!(with.coverage.layers["x"].cost.bytes > 0);
    let error = refused(layer.store("mem://bucket/logs", store)).await;
    assert!(error.contains("no address of a store"), "{error}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let layer = || TableLayer::new(memory());
    assert!(refused(layer().time("n")).await.contains("`n` is Int64"));
    assert!(refused(layer().epoch("ts", Unit::Seconds)).await.contains("with a unit"));
    assert!(refused(layer().column(Field::Body, "sayd")).await.contains("did you mean `said`?"));
}
