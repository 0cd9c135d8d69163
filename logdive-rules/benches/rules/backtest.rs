//! 200 rules over 1,000,000 sets of facts: vectorised, and one after the other over a tenth.
//!
//! `LOGDIVE_BENCH_FACTS` sets another number.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use logdive_core::Facts;
use logdive_rules::FactBatch;

use crate::made::{Dice, facts, rules};

pub(crate) fn bench(c: &mut Criterion) {
    let count = std::env::var("LOGDIVE_BENCH_FACTS").ok().and_then(|text| text.parse().ok());
    let count: usize = count.unwrap_or(1_000_000);
    let rules = rules(200);
    let mut dice = Dice(2);
    let batch = FactBatch::from_facts(&rules, (0..count).map(|_| facts(&mut dice)));
    let batch = batch.expect("made to be encoded");
    let tenth: Vec<Facts> = (0..count / 10).filter_map(|row| batch.facts(row)).collect();
    let verdicts = rules.verdicts(&batch);
    for (facts, verdict) in tenth.iter().zip(verdicts.iter()).take(10_000) {
        assert_eq!(rules.verdict(facts), verdict);
    }

    let mut group = c.benchmark_group("backtest");
    group.sample_size(10);
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function("vectorised", |b| b.iter(|| rules.verdicts(black_box(&batch))));
    group.bench_function("check the columns", |b| {
        b.iter(|| FactBatch::new(&rules, black_box(batch.record_batch())));
    });
    group.throughput(Throughput::Elements(tenth.len() as u64));
    group.bench_function("one after the other, a tenth", |b| {
        b.iter(|| {
            let found = tenth.iter().filter(|facts| rules.verdict(facts).rule().is_some());
            black_box(found.count())
        });
    });
    group.bench_function("encode, a tenth", |b| {
        b.iter(|| FactBatch::from_facts(&rules, black_box(&tenth)));
    });
    group.finish();
}
