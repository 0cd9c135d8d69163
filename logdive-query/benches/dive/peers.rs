//! Tools beside us: DuckDB and polars by a script that times itself, ripgrep over JSON lines.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{SecondsFormat, Timelike as _};
use logdive_core::Window;
use serde_json::{Value as Json, json};

use crate::data::Data;
use crate::figures::Asked;
use crate::ours::{ERRORS, HOPS};

pub(crate) fn ask(data: &Data, window: Window, runs: usize) -> Vec<Asked> {
    let mut asked = script(data, window, runs);
    asked.extend(ripgrep(data, window, runs));
    asked
}

/// What `peers.py` measured; nothing where there is no Python.
fn script(data: &Data, window: Window, runs: usize) -> Vec<Asked> {
    let micros = |time: chrono::DateTime<chrono::Utc>| time.timestamp_micros();
    let question = json!({
        "files": { "all files": data.files, "files of the day": data.day_files },
        "from": micros(window.from()),
        "to": micros(window.to()),
        "runs": runs,
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/dive/peers.py");
    let child = Command::new("python3")
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn();
    let Ok(mut child) = child else {
        println!("python3 is not there: no DuckDB, no polars");
        return Vec::new();
    };
    if let Some(mut input) = child.stdin.take() {
        input.write_all(question.to_string().as_bytes()).expect("the script reads");
    }
    let output = child.wait_with_output().expect("the script ends");
    let answers: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let answers = answers.as_array().cloned().unwrap_or_default();
    answers.iter().filter_map(answer).collect()
}

fn answer(answer: &Json) -> Option<Asked> {
    let question = match answer.get("question")?.as_str()? {
        "errors" => ERRORS,
        "hops" => HOPS,
        _ => return None,
    };
    let times = answer.get("seconds")?.as_array()?.iter().filter_map(Json::as_f64);
    Some(Asked {
        question,
        by: answer.get("by")?.as_str()?.to_owned(),
        rows: answer.get("rows")?.as_u64()?,
        times: times.map(Duration::from_secs_f64).collect(),
    })
}

/// ripgrep over the last day's JSON lines: few runs, since each reads the whole file.
fn ripgrep(data: &Data, window: Window, runs: usize) -> Vec<Asked> {
    let there = Command::new("rg").arg("--version").output().is_ok();
    if !there {
        println!("rg is not there");
        return Vec::new();
    }
    // The quarter begins with its hour.
    let hour = window.from().to_rfc3339_opts(SecondsFormat::Secs, true);
    let hour: String = hour.chars().take(13).collect();
    let until = window.to().minute();
    let time = format!(r#"^\{{"ts":"{hour}:{}"#, minutes(until));
    let errors = format!(r#"{time}[^"]*","layer":"front","severity":"ERROR""#);
    let rg = |arguments: &[&str]| {
        let output = Command::new("rg").args(arguments).arg(&data.json).output().expect("rg runs");
        output.stdout
    };
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    let newest = || lines(&rg(&["--no-filename", "-N", &errors])).min(200);
    let hops = || {
        let found = rg(&["--no-filename", "-N", &errors]);
        let found = String::from_utf8_lossy(&found);
        let ids: BTreeSet<String> = found
            .lines()
            .filter_map(|line| {
                Some(
                    serde_json::from_str::<Json>(line)
                        .ok()?
                        .get("request_id")?
                        .as_str()?
                        .to_owned(),
                )
            })
            .collect();
        let any: Vec<String> = ids.into_iter().collect();
        let any = format!(r#"{time}[^"]*".*"request_id":"({})""#, any.join("|"));
        lines(&rg(&["--no-filename", "-N", "--regex-size-limit", "1G", &any]))
    };
    let runs = runs.min(5);
    vec![timed(ERRORS, runs, newest), timed(HOPS, runs, hops)]
}

/// The minutes below a number, as an expression.
fn minutes(until: u32) -> String {
    let each: Vec<String> = (0..until).map(|minute| format!("{minute:02}")).collect();
    format!("({}):", each.join("|"))
}

fn timed(question: &'static str, runs: usize, mut run: impl FnMut() -> u64) -> Asked {
    let mut rows = run();
    let mut times = Vec::new();
    for _ in 0..runs {
        let begin = Instant::now();
        rows = run();
        times.push(begin.elapsed());
    }
    Asked { question, by: "ripgrep, JSON lines of the day".to_owned(), rows, times }
}
