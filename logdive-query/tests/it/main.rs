//! Tests of the crate from outside.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod differential;
mod dive;
mod foreign;
mod lake;
mod plan;
mod support;
