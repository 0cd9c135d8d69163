//! Medians, tails, memory, and the table of ratios.

use std::fs;
use std::time::{Duration, Instant};

/// A question as somebody answered it.
pub(crate) struct Asked {
    pub(crate) question: &'static str,
    pub(crate) by: String,
    /// How many lines the answer has; it must be the same whoever answers.
    pub(crate) rows: u64,
    pub(crate) times: Vec<Duration>,
}

/// Runs something so many times, after two runs that do not count.
pub(crate) async fn timed(
    question: &'static str,
    by: &str,
    runs: usize,
    mut run: impl AsyncFnMut() -> u64,
) -> Asked {
    let mut times = Vec::with_capacity(runs);
    let mut rows = 0;
    for number in 0..runs + 2 {
        let begin = Instant::now();
        rows = run().await;
        if number >= 2 {
            times.push(begin.elapsed());
        }
    }
    Asked { question, by: by.to_owned(), rows, times }
}

impl Asked {
    /// The time below which so many of a hundred runs are: nearest rank.
    fn percentile(&self, percent: usize) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        let place = (times.len() * percent).div_ceil(100).max(1) - 1;
        times.get(place).copied().unwrap_or_default()
    }
}

/// Prints each question with everybody's answer: times, and how many times ours it takes.
pub(crate) fn print(asked: &[Asked]) {
    println!("| question | by | lines | median ms | p99 ms | max ms | runs | times ours |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut ours: Option<&Asked> = None;
    let mut questions: Vec<&str> = asked.iter().map(|one| one.question).collect();
    questions.dedup();
    questions.sort_unstable();
    questions.dedup();
    for question in questions {
        for one in asked.iter().filter(|one| one.question == question) {
            if one.by == "logdive" {
                ours = Some(one);
            }
            let millis = |time: Duration| time.as_secs_f64() * 1e3;
            let same = ours.filter(|ours| ours.question == question);
            let ratio = same.map_or_else(String::new, |ours| {
                let ratio = millis(one.percentile(50)) / millis(ours.percentile(50));
                let differs = if ours.rows == one.rows { "" } else { " OTHER LINES" };
                format!("{ratio:.2}{differs}")
            });
            println!(
                "| {question} | {} | {} | {:.1} | {:.1} | {:.1} | {} | {ratio} |",
                one.by,
                one.rows,
                millis(one.percentile(50)),
                millis(one.percentile(99)),
                millis(one.percentile(100)),
                one.times.len(),
            );
        }
    }
}

/// Starts the peak of the process's memory anew, where Linux lets it.
pub(crate) fn forget_peak() {
    // Without it the peak is that of making the lake too: higher, never lower.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The peak of the process's resident memory, in MiB.
pub(crate) fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    kib.and_then(|kib| kib.trim().parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
