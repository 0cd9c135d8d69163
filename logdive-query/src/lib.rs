#![doc = include_str!("../README.md")]

mod columns;
mod diver;
mod emitters;
mod engine;
#[cfg(feature = "lake")]
mod files;
#[cfg(any(feature = "delta", feature = "lake", feature = "parquet"))]
mod footers;
mod gather;
#[cfg(feature = "ingest")]
pub mod ingest;
#[cfg(feature = "lake")]
pub mod lake;
mod layers;
mod levels;
mod lower;
mod meter;
mod plan;
mod scan;

pub use diver::{BoundDive, BuildError, Dive, Diver, DiverBuilder, Estimate, Usage};
#[cfg(feature = "lake")]
pub use lake::Lake;
#[cfg(feature = "delta")]
pub use layers::delta::{DeltaLayer, DeltaLayerError};
#[cfg(feature = "exec")]
pub use layers::exec::ExecLayer;
#[cfg(feature = "cloudwatch")]
pub use layers::http::cloudwatch::CloudWatchLayer;
#[cfg(feature = "elasticsearch")]
pub use layers::http::elasticsearch::ElasticsearchLayer;
#[cfg(feature = "loki")]
pub use layers::http::loki::LokiLayer;
#[cfg(feature = "parquet")]
pub use layers::parquet::{ParquetLayer, ParquetLayerError};
pub use layers::table::TableLayer;
pub use layers::{BringLayer, Brought};
pub use plan::{
    Baseline, Check, Compare, Context, DivePlan, Follow, Measures, PlanError, Select, Templates,
    limits,
};
