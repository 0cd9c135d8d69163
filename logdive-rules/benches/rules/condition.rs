//! One condition of five terms over facts that are looked up already, and with the look-up.

use std::hint::black_box;

use criterion::Criterion;
use logdive_core::Facts;
use logdive_rules::RuleSet;

const RULES: &str = r#"
schema one v1 {
  ticket.severity : int 1..5
  ticket.kind : enum { throttling, latency, other }
  fact throttled : int
  fact errors : int
  fact service : text
}
decisions { quota, human }
default human "no rule applies"
rule "quota" v1 mode automatic {
  when ticket.kind == throttling and throttled >= 50 and errors == 0
    and service starts_with "front" and not (ticket.severity == 1)
  decide quota
}
"#;

pub(crate) fn bench(c: &mut Criterion) {
    let rules = RuleSet::parse(RULES).expect("made to be read");
    // All five terms are read: the condition is true.
    let facts = Facts::new()
        .with("ticket.severity", 3)
        .with("ticket.kind", "throttling")
        .with("throttled", 72)
        .with("errors", 0)
        .with("service", "front-7");
    let mut group = c.benchmark_group("condition");
    let bound = rules.bind(&facts);
    assert!(bound.truth_at(0).is_true());
    group.bench_function("five terms", |b| b.iter(|| black_box(&bound).truth_at(black_box(0))));
    group.bench_function("five terms, facts looked up", |b| {
        b.iter(|| black_box(&rules).bind(black_box(&facts)).truth_at(0));
    });
    group.bench_function("five terms, verdict", |b| {
        b.iter(|| black_box(&rules).verdict(black_box(&facts)));
    });
    group.bench_function("five terms, decision with its trace", |b| {
        b.iter(|| black_box(&rules).decide(black_box(&facts)));
    });
    group.finish();
}
