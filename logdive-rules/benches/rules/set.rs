//! 200 rules over one set of facts of twelve fields.

use std::hint::black_box;

use criterion::Criterion;

use crate::made::{Dice, facts, rules};

pub(crate) fn bench(c: &mut Criterion) {
    let rules = rules(200);
    let mut dice = Dice(1);
    // Some sets of facts in turn: one alone would be learnt by the processor.
    let all: Vec<_> = (0..256).map(|_| facts(&mut dice)).collect();
    let mut group = c.benchmark_group("set");
    let mut next = all.iter().cycle();
    group.bench_function("200 rules, verdict", |b| {
        b.iter(|| black_box(&rules).verdict(next.next().expect("it is endless")));
    });
    group.bench_function("200 rules, decision with its trace", |b| {
        b.iter(|| black_box(&rules).decide(next.next().expect("it is endless")));
    });
    group.finish();
}
