//! `kill -9` during the stream, and a rerun: no line is doubled or missing.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use logdive_core::{Layer, Window};
use logdive_query::{DivePlan, Diver, Lake, Select};

use crate::{brute, deliveries, logdive, succeed};

fn ingest(lake: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logdive"));
    command.arg("ingest").arg("--lake").arg(lake);
    command.args(["--layer", "other", "--format", "cloudtrail"]).args(deliveries());
    command
}

/// The ids of all lines in the lake, read anew.
fn uids(lake: &Path) -> Vec<String> {
    const SERVICES: [&str; 14] = [
        "account",
        "cloudtrail",
        "ec2",
        "health",
        "iam",
        "kms",
        "logs",
        "notifications",
        "organizations",
        "route53",
        "s3",
        "secretsmanager",
        "ssm",
        "sts",
    ];
    let layers = SERVICES.map(|name| Layer::new(name).expect("a layer"));
    let time = |text: &str| text.parse().expect("a time");
    let window = Window::new(time("2023-07-10T11:00:00Z"), time("2023-07-10T13:00:00Z"));
    let plan =
        DivePlan::around(window.expect("a window")).select("all", Select::all().oldest(10_000));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let evidence = runtime.block_on(async {
        let lake = Lake::open(lake).await.expect("the lake opens");
        let diver = Diver::builder().lake(lake, layers).build().await.expect("a diver");
        diver.dive(&plan).run().await.expect("a dive")
    });
    evidence.steps[0].rows.iter().map(|row| row.uid.clone().expect("an id")).collect()
}

/// Every event is in the lake once.
fn check(lake: &Path) {
    let found = uids(lake);
    let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
    let lines = found.len();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), lines, "a line is doubled");
    let expected = brute::ids(&brute::events(|_| true));
    assert_eq!(found, expected.iter().map(String::as_str).collect::<Vec<_>>(), "other lines");
}

/// Kills the stream after so many files were reported durable, at once or a little later.
fn kill_after(lake: &Path, files: usize) {
    let mut child = ingest(lake).stderr(Stdio::piped()).spawn().expect("it starts");
    let reader = BufReader::new(child.stderr.take().expect("its progress"));
    // The line is printed when the file is durable; the kill falls into the next one's writing.
    for (n, line) in reader.lines().enumerate() {
        line.expect("a line of progress");
        if n + 1 >= files {
            break;
        }
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
}

#[test]
fn a_killed_stream_goes_on_where_it_was() {
    for files in [1, 4, 9] {
        let folder = tempfile::tempdir().expect("a folder");
        let lake = folder.path().join("lake");
        kill_after(&lake, files);
        kill_after(&lake, 2);
        succeed(&mut ingest(&lake));
        check(&lake);
        let again = succeed(&mut ingest(&lake));
        assert!(again.starts_with("0 files read, 13 known already"), "{again}");
        check(&lake);
    }
}

#[test]
fn a_killed_demo_is_played_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("demo");
    for lines in [1, 6] {
        let mut child = logdive(&dir)
            .arg("demo")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let reader = BufReader::new(child.stderr.take().expect("its progress"));
        for line in reader.lines().take(lines) {
            line.expect("a line of progress");
        }
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
    }
    succeed(logdive(&dir).arg("demo"));
    check(&dir.join("lake"));
}
