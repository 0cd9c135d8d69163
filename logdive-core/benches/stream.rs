//! How fast the stream of `testkit::stream` is made, on one core: batches, and JSON lines.
//!
//! `cargo bench -p logdive-core --features testkit --bench stream`; `LOGDIVE_BENCH_LINES` sets how
//! many lines the day has (2,000,000 unless it is set).

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use logdive_core::testkit::stream::{Stream, StreamSpec, write_json_lines};

fn main() {
    // Asked by `cargo test --benches` to run as a test: there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let lines = std::env::var("LOGDIVE_BENCH_LINES").ok().and_then(|lines| lines.parse().ok());
    let spec = StreamSpec::default().lines_per_day(lines.unwrap_or(2_000_000));
    let begin = Instant::now();
    let stream = Stream::new(spec).expect("a stream");
    println!("catalogue and {} incidents: {:?}", stream.incidents().len(), begin.elapsed());

    let begin = Instant::now();
    let mut rows = 0;
    let mut batches = Vec::new();
    for batch in stream.batches(stream.last_day()) {
        rows += batch.len();
        if batches.len() < 8 {
            batches.push(batch);
        } else {
            black_box(batch);
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{rows} lines in {seconds:.2} s: {:.0} lines/s", rows as f64 / seconds);

    let begin = Instant::now();
    let mut json = Vec::new();
    let mut bytes = 0;
    for batch in &batches {
        json.clear();
        write_json_lines(batch, &mut json).expect("memory");
        bytes += json.len();
    }
    let written: usize = batches.iter().map(logdive_core::LogBatch::len).sum();
    let seconds = begin.elapsed().as_secs_f64();
    println!(
        "JSON: {:.0} lines/s, {:.0} bytes a line",
        written as f64 / seconds,
        bytes as f64 / written as f64
    );
}
