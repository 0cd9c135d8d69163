//! Logs in: the commands as they are printed in docs/operating.md and docs/formats.md.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::{fail, succeed};

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_logdive"))
}

fn json_lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn parse(format: &str, path: &Path) -> Vec<Json> {
    let mut command = binary();
    json_lines(&succeed(command.args(["parse", "--json", "--format", format]).arg(path)))
}

#[test]
fn a_format_is_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("app.log");
    let text = "2023-07-10 11:58:13.5 ERROR lost\n  at x\n2023-07-10 11:58:14 INFO found\n";
    fs::write(&file, text).expect("a file");
    for format in ["auto", "plain"] {
        let rows = parse(format, &file);
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_eq!(rows[0]["body"], "2023-07-10 11:58:13.5 ERROR lost\n  at x");
        assert_eq!(rows[0]["time"], "2023-07-10T11:58:13.500Z");
        assert_eq!(rows[0]["severity_number"], 17);
        assert_eq!(rows[0]["attributes"]["time_assumed"], "zone +00:00");
        assert_eq!(rows[1]["source_offset"], 40);
    }
    let mut zoned = binary();
    zoned.args(["parse", "--json", "--tz", "+02:00"]).arg(&file);
    assert_eq!(json_lines(&succeed(&mut zoned))[0]["time"], "2023-07-10T09:58:13.500Z");
    let people = succeed(binary().arg("parse").arg(&file));
    assert!(people.starts_with("2023-07-10T11:58:13.500Z error"), "{people}");
    let error = fail(binary().args(["parse", "--format", "sylog"]).arg(&file));
    assert!(error.contains("did you mean `syslog`?"), "{error}");
}

#[test]
fn standard_input_and_a_lake_that_is_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let mut child = Command::new(env!("CARGO_BIN_EXE_logdive"))
        .args(["ingest", "--layer", "front", "--format", "logfmt", "--json", "--lake"])
        .arg(&lake)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(b"time=2023-07-10T11:58:13Z level=warn msg=hot\nlevel=info").expect("a line");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let report: Json = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!((&report["lines"], &report["durable"]), (&2.into(), &2.into()), "{report}");

    let info = succeed(binary().args(["--json", "lake", "info"]).arg(&lake));
    let info: Json = serde_json::from_str(&info).expect("a report");
    assert_eq!(info["lines"], 2, "{info}");
    assert_eq!(info["streams"][0]["name"], "stdin/front", "{info}");
    let verified = succeed(binary().args(["lake", "verify"]).arg(&lake));
    assert!(verified.contains("2 lines") && verified.contains("0 problems"), "{verified}");

    let date = fs::read_dir(&lake)
        .expect("the lake")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.to_string_lossy().contains("date=2023"))
        .expect("a day");
    let file = fs::read_dir(date).expect("a day").next().expect("a file").expect("a file").path();
    let mut bytes = fs::read(&file).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&file, bytes).expect("a file");
    let output = binary().args(["lake", "verify"]).arg(&lake).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains(".parquet"));
}

#[test]
fn files_are_followed_by_pattern_and_read_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    for n in 0..3 {
        let text = format!("{{\"time\":\"2023-07-10T11:00:0{n}Z\",\"msg\":\"{n}\"}}\n");
        fs::write(folder.path().join(format!("{n}.log")), text).expect("a file");
    }
    let pattern = folder.path().join("*.log");
    let ingest = || {
        let mut command = binary();
        command.args(["--json", "ingest", "--layer", "front", "--lake"]).arg(&lake).arg(&pattern);
        let text = succeed(&mut command);
        serde_json::from_str::<Json>(text.lines().last().expect("a report")).expect("a report")
    };
    assert_eq!(ingest()["lines"], 3);
    assert_eq!(ingest()["lines"], 0, "what was read is known");
}

#[test]
fn layers_are_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("layers.toml");
    let lines = folder.path().join("lines.json");
    let now = now();
    fs::write(&lines, format!("{{\"time\":\"{now}\",\"level\":\"warn\",\"msg\":\"hot\"}}\n"))
        .expect("a file");
    let text = format!(
        "version = 1\n[layer.storage]\nlateness = \"1m\"\nexec = {{ command = [\"cat\", \"{}\"] }}\n",
        lines.display()
    );
    fs::write(&config, &text).expect("a file");
    let check = || {
        let mut command = binary();
        command.args(["--json", "layers", "check", "--config"]).arg(&config);
        command
    };
    let rows = json_lines(&succeed(&mut check()));
    assert_eq!(rows[0]["layer"], "storage");
    assert_eq!(rows[0]["reachable"], true);
    assert_eq!(rows[0]["sample"]["body"], "hot");

    let broken = format!(
        "{text}[layer.front]\nloki = {{ url = \"http://127.0.0.1:1\", selector = '{{app=\"x\"}}' }}\n"
    );
    fs::write(&config, broken).expect("a file");
    let output = check().output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let rows = json_lines(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(rows[0]["reachable"], false, "{rows:?}");
    assert_eq!(rows[1]["reachable"], true, "{rows:?}");

    fs::write(&config, "version = 1\n[layer.front]\nloky = {}\n").expect("a file");
    let error = fail(&mut check());
    assert!(error.contains("loky"), "{error}");
}

/// The time, as the shell tells it.
fn now() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]).output().expect("date");
    String::from_utf8(output.stdout).expect("a time").trim().to_owned()
}
