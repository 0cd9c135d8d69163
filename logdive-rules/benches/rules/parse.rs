//! 1,000 rules: read and checked.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use logdive_rules::RuleSet;

use crate::made::text;

pub(crate) fn bench(c: &mut Criterion) {
    let text = text(1_000);
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("1,000 rules", |b| b.iter(|| RuleSet::parse(black_box(&text))));
    group.finish();
}
