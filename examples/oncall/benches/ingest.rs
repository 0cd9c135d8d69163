//! Whole runs: how fast `logdive ingest` puts files into a durable lake, and in how much memory,
//! beside parsing the same bytes alone in the same run.
//!
//! `cargo bench -p oncall --bench ingest`; `LOGDIVE_BENCH_MB` sets how much of each format (256
//! unless it is set).

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark"
)]

#[path = "../../../logdive-core/benches/formats/lines.rs"]
mod lines;

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use logdive_core::format::{Origin, Parser, by_name};
use logdive_core::{LayerName, LogBatchBuilder};

fn main() {
    // Asked by `cargo test --benches` to run as a test: there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let megabytes: usize =
        std::env::var("LOGDIVE_BENCH_MB").ok().and_then(|mb| mb.parse().ok()).unwrap_or(256);
    let folder = tempfile::tempdir().expect("a folder");
    println!("| format | MB | parse MB/s | ingest MB/s | ratio | lines/s | peak MiB |");
    println!("|---|---|---|---|---|---|---|");
    for (name, piece) in lines::all() {
        let path = folder.path().join(name);
        let mut file = fs::File::create(&path).expect("a file");
        let times = (megabytes << 20).div_ceil(piece.len());
        for _ in 0..times {
            file.write_all(&piece).expect("room on the disk");
        }
        file.sync_all().expect("a file");
        let bytes = (piece.len() * times) as f64 / 1e6;

        let parsed = parse(name, &piece, times);
        let lake = folder.path().join("lake");
        let begin = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_logdive"))
            .args(["--json", "ingest", "--layer", "front", "--format", name, "--lake"])
            .args([&lake, &path])
            .output()
            .expect("logdive");
        let seconds = begin.elapsed().as_secs_f64();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let last = output.stdout.trim_ascii().rsplit(|byte| *byte == b'\n').next();
        let report: serde_json::Value =
            serde_json::from_slice(last.unwrap_or_default()).expect("a report");
        println!(
            "| {name} | {bytes:.0} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
            bytes / parsed,
            bytes / seconds,
            parsed / seconds,
            report["lines"].as_f64().unwrap_or_default() / seconds,
            report["peak_memory_bytes"].as_f64().unwrap_or_default() / f64::from(1 << 20),
        );
        fs::remove_dir_all(&lake).expect("the lake");
        fs::remove_file(&path).expect("the file");
    }
}

/// Seconds to parse the piece so many times.
fn parse(name: &str, piece: &[u8], times: usize) -> f64 {
    let format = by_name(name).expect("a format");
    let layer = LayerName::parse("front").expect("a name");
    let mut parser = Parser::new(Arc::clone(&format), Origin::new(layer, "x", 0));
    let mut out = LogBatchBuilder::new();
    let begin = Instant::now();
    for _ in 0..times {
        for chunk in piece.chunks(256 * 1024) {
            parser.feed(chunk, &mut out);
            if out.rows() >= 8_192 {
                std::hint::black_box(out.finish());
            }
        }
    }
    parser.finish(&mut out);
    begin.elapsed().as_secs_f64()
}
