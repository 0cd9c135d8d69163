//! The full analysis of rule sets over twelve fields: rules ranked in a chain, so that none is in
//! conflict and each may be hidden by all before it; and rules that nobody ranked.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use logdive_rules::RuleSet;

use crate::made;

pub(crate) fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("analysis");
    group.sample_size(10);
    for count in [200, 1_000] {
        let ranked = made::ranked(count);
        group.bench_with_input(BenchmarkId::new("ranked", count), &ranked, |b, rules| {
            b.iter(|| black_box(rules).analyse());
        });
    }
    let unranked = made::rules(200);
    group.bench_with_input(BenchmarkId::new("unranked", 200), &unranked, |b, rules| {
        b.iter(|| black_box(rules).analyse());
    });
    let text = unranked.to_string();
    group.bench_function("compile/200", |b| b.iter(|| RuleSet::compile(black_box(&text))));
    group.finish();
}
