//! How fast lines become templates, on one core.
//!
//! `cargo bench -p logdive-core --bench templates`; docs/templates.md has the figures.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark")]

#[path = "../../tests/it/templates/generate.rs"]
mod generate;

use std::collections::HashSet;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use logdive_core::log::shape;
use logdive_core::template::{Miner, Sample};

/// Lines of each set.
const LINES: usize = 6_000;

/// Whole lines of all sets, as files have them.
fn lines() -> Vec<String> {
    let sets = generate::SETS.iter().flat_map(|(_, set)| generate::lines(set, LINES, 11));
    // Their labels are the tests' affair.
    sets.map(|line| (line.label, line.head + &line.message).1).collect()
}

fn templates(c: &mut Criterion) {
    let mut group = c.benchmark_group("templates");
    group.sample_size(10);
    let lines = lines();
    let mut seen = HashSet::new();
    let distinct: Vec<&String> = lines.iter().filter(|line| seen.insert(shape(line))).collect();

    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function(BenchmarkId::from_parameter("repeating"), |b| {
        b.iter(|| Miner::new().mine(lines.iter().map(String::as_str)));
    });
    group.bench_function(BenchmarkId::from_parameter("sample"), |b| {
        b.iter(|| {
            let mut sample = Sample::new(Miner::new());
            for line in &lines {
                sample.push(line);
            }
            sample.mine()
        });
    });
    group.throughput(Throughput::Elements(distinct.len() as u64));
    group.bench_function(BenchmarkId::from_parameter("distinct"), |b| {
        b.iter(|| Miner::new().mine(distinct.iter().map(|line| line.as_str())));
    });
    group.finish();
}

criterion_group!(benches, templates);
criterion_main!(benches);
