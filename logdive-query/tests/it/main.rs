//! Tests of the crate from outside.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod deliveries;
mod differential;
mod dive;
mod foreign;
mod four_stores;
mod hostile;
mod http;
mod incidents;
mod ingest_files;
mod ingest_writer;
mod lake;
mod lake_verify;
mod native;
mod native_delta;
mod native_files;
mod native_tables;
mod plan;
mod receiver;
mod server;
mod standard;
mod steps;
mod support;
