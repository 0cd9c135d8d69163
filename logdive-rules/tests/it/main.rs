//! Tests of the crate from outside: rule files with their expected results, laws, and the API.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests fail the test"
)]

mod api;
mod cerbos;
mod codes;
mod data;
mod docs;
mod evaluators;
mod fact_batches;
mod fixes;
mod forms;
mod hostile;
mod kit;
mod kms;
mod laws;
mod panther;
mod sets;

/// How many cases a property runs: `LOGDIVE_TEST_SCALE` multiplies them, 10 on CI.
fn cases(base: u32) -> proptest::test_runner::Config {
    let scale = std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|text| text.parse().ok());
    proptest::test_runner::Config::with_cases(base * scale.unwrap_or(1).max(1))
}
