//! The dive alone: a Parquet file and a command, one id followed through both.

#![expect(clippy::print_stdout, reason = "it prints what it found")]

use std::time::Duration;

use logdive_core::port::Budget;
use logdive_core::{Field, Window};
use logdive_query::{DivePlan, Diver, ExecLayer, Follow, ParquetLayer, Select};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let parquet = arguments.next().ok_or("usage: embed-query FILE.parquet COMMAND [ARGUMENT]…")?;
    let command: Vec<String> = arguments.collect();
    let diver = Diver::builder()
        .layer("front", ParquetLayer::open(parquet)?.column(Field::RequestId, "req"))
        .layer("storage", ExecLayer::new(command))
        .build()
        .await?;
    let from = "2026-01-01T12:00:00Z".parse()?;
    let to = "2026-01-01T12:15:00Z".parse()?;
    let plan = DivePlan::around(Window::new(from, to)?)
        .select("errors", Select::layers(["front"]).filter("severity >= error").newest(200))
        .follow("requests", Follow::from("errors").ids(["request"]));
    let budget = Budget { time: Duration::from_secs(10), ..Budget::default() };
    let evidence = diver.dive(&plan).budget(budget).run().await?;
    for row in evidence.steps.iter().flat_map(|step| &step.rows) {
        println!("{} {} {}", row.time(), row.layer, row.body.as_deref().unwrap_or_default());
    }
    for gap in evidence.coverage().gaps() {
        println!("not everything was read: {gap}");
    }
    Ok(())
}
