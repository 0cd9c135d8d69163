//! How fast rule sets are read, analysed and asked: one condition, a set of rules, and a back-test, each
//! beside what it is compared with. CEL is compared in a crate of its own, `benches/cel`, which
//! nobody builds who does not ask for it.
//!
//! `cargo bench -p logdive-rules --bench rules`

#![expect(clippy::expect_used, reason = "a benchmark")]

mod analysis;
mod backtest;
mod condition;
mod made;
mod parse;
mod set;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    condition::bench,
    set::bench,
    backtest::bench,
    parse::bench,
    analysis::bench
);
criterion_main!(benches);
