//! Three dives over a day of ten million lines, and the same questions asked of DataFusion with its
//! defaults, DuckDB, polars and ripgrep over the same lines in the same run.
//!
//! `cargo bench -p logdive-query --bench dive`. Environment:
//! - `LOGDIVE_BENCH_LINES`: lines of the last day (1,000,000; the figures want 10,000,000);
//! - `LOGDIVE_BENCH_THIN`: earlier days have one line of so many (20);
//! - `LOGDIVE_BENCH_RUNS`: runs of each (50);
//! - `LOGDIVE_BENCH_DIR`: where the lake is kept from one run to the next (the target directory);
//! - `LOGDIVE_BENCH_PEERS=0`: ours alone.
//!
//! DuckDB and polars are asked by `peers.py` where `python3` has them, ripgrep where `rg` is found.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops where something is not as it should be"
)]

mod data;
mod figures;
mod ours;
mod peers;
mod plain;
#[path = "../../tests/it/standard.rs"]
mod standard;

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::Window;

use figures::Asked;

/// What a run is set to.
struct Settings {
    lines: u64,
    thin: u64,
    runs: usize,
    dir: PathBuf,
    peers: bool,
}

impl Settings {
    fn of_environment() -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        Self {
            lines: number("LOGDIVE_BENCH_LINES").unwrap_or(1_000_000),
            thin: number("LOGDIVE_BENCH_THIN").unwrap_or(20),
            runs: number("LOGDIVE_BENCH_RUNS").map_or(50, |runs| runs.max(1) as usize),
            dir: std::env::var_os("LOGDIVE_BENCH_DIR").map_or(target, PathBuf::from),
            peers: number("LOGDIVE_BENCH_PEERS") != Some(0),
        }
    }
}

/// A quarter of an hour at noon.
fn quarter(day: Window) -> Window {
    let noon: DateTime<Utc> = day.from() + TimeDelta::hours(12);
    Window::new(noon, noon + TimeDelta::minutes(15)).expect("a quarter of an hour")
}

fn main() {
    // Asked by `cargo test --benches` to run as a test: there is nothing to test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let settings = Settings::of_environment();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(run(&settings));
}

async fn run(settings: &Settings) {
    let data = data::prepare(settings).await;
    println!(
        "{} lines in {} files, {:.0} MB; the last day {} lines in {} files",
        data.rows,
        data.files.len(),
        data.bytes as f64 / 1e6,
        data.day_rows,
        data.day_files.len()
    );
    figures::forget_peak();
    let mut asked: Vec<Asked> = ours::ask(&data, settings.runs).await;
    let peak = figures::peak_mib();
    if settings.peers {
        let window = quarter(data.stream.last_day());
        asked.extend(plain::ask(&data, window, settings.runs).await);
        asked.extend(peers::ask(&data, window, settings.runs));
    }
    figures::print(&asked);
    println!("peak memory of ours: {peak:.0} MiB (VmHWM, all threads, allocator included)");
}
