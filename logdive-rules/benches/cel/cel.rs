//! One condition of five terms in the rule language and in CEL, in one run.
//!
//! In logdive-rules/benches/cel: `cargo bench`

#[path = "../rules/condition.rs"]
mod condition;

use std::hint::black_box;

use cel::{Context, Program, Value};
use criterion::{Criterion, criterion_group, criterion_main};

/// The condition of `condition` as CEL writes it.
const CONDITION: &str = "kind == 'throttling' && throttled >= 50 && errors == 0 \
                         && service.startsWith('front') && !(severity == 1)";

fn add_facts(context: &mut Context) {
    context.add_variable_from_value("severity", 3_i64);
    context.add_variable_from_value("kind", "throttling");
    context.add_variable_from_value("throttled", 72_i64);
    context.add_variable_from_value("errors", 0_i64);
    context.add_variable_from_value("service", "front-7");
}

fn bench(c: &mut Criterion) {
    let program = Program::compile(CONDITION).expect("it is CEL");
    let mut context = Context::default();
    add_facts(&mut context);
    assert_eq!(program.execute(&context), Ok(Value::Bool(true)));
    let mut group = c.benchmark_group("cel");
    group.bench_function("five terms, context reused", |b| {
        b.iter(|| black_box(&program).execute(black_box(&context)));
    });
    group.bench_function("five terms, context made", |b| {
        b.iter(|| {
            let mut context = Context::default();
            add_facts(&mut context);
            black_box(&program).execute(&context)
        });
    });
    group.finish();
}

criterion_group!(benches, condition::bench, bench);
criterion_main!(benches);
