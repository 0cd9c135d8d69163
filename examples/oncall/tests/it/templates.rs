//! `logdive templates`, as docs/templates.md prints it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::{fail, succeed};

fn templates(arguments: &[&str], path: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logdive"));
    succeed(command.arg("templates").args(arguments).arg(path).env("COLUMNS", "80"))
}

fn rows(arguments: &[&str], path: &Path) -> Vec<(u64, String)> {
    let text = templates(&[&["--json"], arguments].concat(), path);
    text.lines()
        .map(|line| {
            let row: Json = serde_json::from_str(line).expect("a JSON line");
            assert_eq!(row["template_id"].as_str().map(str::len), Some(16), "{row}");
            let template = row["template"].as_str().expect("a template").to_owned();
            (row["line"].as_u64().expect("a line"), template)
        })
        .collect()
}

/// Text that tells no format: each line is a record.
const MESSAGES: &str = "Failed password for root from 10.0.0.1 port 22\n\
    VM started\r\n\
    \n\
    Failed password for root from 10.0.0.77 port 4022\n\
    \tat x.y.Z(Z.java:17)\n\
    VM stopped";

/// The same, by `gzip`.
const PACKED: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x73\x4b\xcc\xcc\x49\x4d\x51\x28\x48\x2c\x2e\x2e\
    \xcf\x2f\x4a\x51\x48\xcb\x2f\x52\x28\xca\xcf\x2f\x51\x48\x2b\xca\xcf\x55\x30\x34\xd0\x03\
    \x41\x43\x85\x82\xfc\xa2\x12\x05\x23\x23\xae\x30\x5f\x85\xe2\x92\xc4\xa2\x92\xd4\x14\x5e\
    \x2e\x2e\x37\x62\xf4\x9a\x9b\x43\x34\x9b\x18\x00\xb5\x73\x26\x96\x28\x54\xe8\x55\xea\x45\
    \x69\x44\xe9\x65\x25\x96\x25\x5a\x19\x9a\x6b\x42\xcc\xcc\x2f\x28\x48\x4d\x01\x00\xee\x94\
    \xf6\xb2\x8d\x00\x00\x00";

const EXPECTED: [(u64, &str); 5] = [
    (1, "Failed password for root from <*> port <*>"),
    (2, "VM started"),
    (4, "Failed password for root from <*> port <*>"),
    (5, "at x.y.Z(Z.java:<*>)"),
    (6, "VM stopped"),
];

#[test]
fn each_line_has_a_template() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("messages.log");
    fs::write(&file, MESSAGES).expect("a file");
    let expected = EXPECTED.map(|(line, text)| (line, text.to_owned()));
    assert_eq!(rows(&[], &file), expected);

    let packed = folder.path().join("messages.log.gz");
    fs::write(&packed, PACKED).expect("a file");
    assert_eq!(rows(&[], &packed), expected);

    // A cut archive: what there is, and the error.
    fs::write(&packed, &PACKED[..PACKED.len() - 9]).expect("a file");
    let error = fail(Command::new(env!("CARGO_BIN_EXE_logdive")).arg("templates").arg(&packed));
    assert!(error.contains("to its end"), "{error}");
}

#[test]
fn raw_lines_of_an_unknown_format_are_taken_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hdfs.log");
    let text: String = (0..30)
        .map(|n| {
            format!(
                "0811{:02} 2036{n:02} {n} INFO dfs.DataNode: Received block blk_{}{n}88 of size {n}\n",
                n % 28 + 1,
                ["", "-"][n % 2]
            )
        })
        .collect();
    fs::write(&file, text).expect("a file");
    let rows = rows(&[], &file);
    assert_eq!(rows.len(), 30);
    assert!(
        rows.iter()
            .all(|(_, text)| *text == "<*> INFO dfs.DataNode: Received block <*> of size <*>"),
        "{rows:?}"
    );
}

#[test]
fn a_format_takes_records_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("app.log");
    fs::write(
        &file,
        "2023-07-10 11:58:13.5 ERROR lost 7\n  at x\n\n2023-07-10 11:58:14 ERROR lost 8\n  at x\n",
    )
    .expect("a file");
    let text = "<*> ERROR lost <*> at x".to_owned();
    assert_eq!(rows(&["--format", "plain"], &file), [(1, text.clone()), (4, text)]);

    let file = folder.path().join("app.json");
    let line =
        |n: u32| format!("{{\"time\":\"2023-07-10T11:00:0{n}Z\",\"msg\":\"took {n} ms\"}}\n");
    fs::write(&file, format!("{}{}not json\n", line(1), line(2))).expect("a file");
    let took = "took <*>".to_owned();
    assert_eq!(rows(&[], &file), [(1, took.clone()), (2, took), (3, "not json".to_owned())]);
    let error = fail(
        Command::new(env!("CARGO_BIN_EXE_logdive"))
            .args(["templates", "--format", "jsn"])
            .arg(&file),
    );
    assert!(error.contains("did you mean `json`?"), "{error}");
}

#[test]
fn people_get_a_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("messages.log");
    let long = "word ".repeat(30);
    let text: String = (0..5).map(|n| format!("took {n} ms\n")).collect();
    fs::write(&file, format!("{long}\n{text}VM\u{1b}[31m started\n")).expect("a file");
    let table = templates(&[], &file);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].contains("lines     first  template"), "{table}");
    assert_eq!(lines[1], "        5         2  took <*>");
    assert_eq!(lines[2], "                     | took 0 ms");
    assert_eq!(lines.last(), Some(&"7 records, 0 of them malformed; 3 templates"));
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{table}");
    assert!(!table.contains('\u{1b}'), "{table}");
    let cut = templates(&["--limit", "1"], &file);
    assert!(cut.contains("2 more templates of 2 records; `--limit 0` shows all"), "{cut}");

    fs::write(&file, "").expect("a file");
    assert_eq!(templates(&[], &file), "0 records, 0 of them malformed; 0 templates\n");
    assert_eq!(templates(&["--json"], &file), "");
}

#[test]
fn standard_input_is_read() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_logdive"))
        .args(["templates", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("its input");
    let lines: String = (0..40_000).map(|n| format!("step {n} of {}\n", "é".repeat(20))).collect();
    stdin.write_all(lines.as_bytes()).expect("lines");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("text");
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let row: Json = serde_json::from_str(line).expect("a JSON line");
        assert_eq!(row["line"], at + 1);
        *counts.entry(row["template"].to_string()).or_default() += 1;
    }
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [40_000]);
}
