//! How fast bytes become rows, per format, `shape` and the Arrow batch among it.
//!
//! `cargo bench -p logdive-core --bench formats`; docs/benchmarks.md has the figures.

#![expect(clippy::expect_used, reason = "a benchmark")]

mod lines;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use logdive_core::format::{Format, Origin, Parser, by_name};
use logdive_core::{LayerName, LogBatchBuilder};

/// Rows of one batch, as the ingester takes them.
const ROWS: usize = 8_192;
/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

/// Reads everything as a source is read: in chunks, a batch each so many rows.
fn read(format: &Arc<dyn Format>, bytes: &[u8], origin: &Origin) -> u64 {
    let mut parser = Parser::new(Arc::clone(format), origin.clone());
    let mut out = LogBatchBuilder::new();
    for chunk in bytes.chunks(CHUNK) {
        parser.feed(chunk, &mut out);
        if out.rows() >= ROWS {
            black_box(out.finish());
        }
    }
    parser.finish(&mut out);
    black_box(out.finish());
    parser.parsed().records
}

fn formats(c: &mut Criterion) {
    let mut group = c.benchmark_group("rows");
    group.sample_size(10);
    let layer = LayerName::parse("front").expect("a name");
    let origin = Origin::new(layer, "/var/log/front/app.log", 1_688_990_400_000_000_000);
    for (name, bytes) in lines::all() {
        let format = by_name(name).expect("a format");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| read(&format, &bytes, &origin));
        });
    }
    group.finish();
}

/// The same JSON by arrow-json's reader, which is told the schema: what a reader costs that
/// guesses nothing, hashes nothing, and keeps nothing but the columns.
fn arrow_json(c: &mut Criterion) {
    let bytes = lines::json();
    let (schema, _) =
        arrow_json::reader::infer_json_schema(bytes.as_slice(), Some(100)).expect("a schema");
    let schema = Arc::new(schema);
    let mut group = c.benchmark_group("arrow-json");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("json", |b| {
        b.iter(|| {
            let reader = arrow_json::ReaderBuilder::new(Arc::clone(&schema))
                .with_batch_size(ROWS)
                .build(bytes.as_slice())
                .expect("a reader");
            reader.map(|batch| batch.expect("a batch").num_rows()).sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, formats, arrow_json);
criterion_main!(benches);
