#![doc = include_str!("../README.md")]

mod columns;
mod diver;
mod emitters;
#[cfg_attr(
    not(any(feature = "lake", feature = "parquet")),
    expect(unused_imports, reason = "only layers of files are read through a store")
)]
mod engine;
#[cfg(any(feature = "lake", feature = "parquet"))]
mod files;
#[cfg(feature = "lake")]
pub mod lake;
#[cfg_attr(
    not(any(feature = "lake", feature = "parquet")),
    expect(dead_code, reason = "only layers of files are read through a store")
)]
mod layers;
#[cfg(any(feature = "exec", feature = "parquet"))]
mod levels;
mod lower;
#[cfg_attr(
    not(any(feature = "lake", feature = "parquet")),
    expect(dead_code, reason = "only layers of files are read through a store")
)]
mod meter;
mod plan;
mod rows;
mod tally;

pub use diver::{BoundDive, BuildError, Dive, Diver, DiverBuilder};
#[cfg(feature = "lake")]
pub use lake::Lake;
#[cfg(feature = "exec")]
pub use layers::exec::ExecLayer;
#[cfg(feature = "parquet")]
pub use layers::parquet::{ParquetLayer, ParquetLayerError};
pub use layers::{BringLayer, Brought};
pub use plan::{DivePlan, Follow, PlanError, Select};
