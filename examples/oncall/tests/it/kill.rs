//! `kill -9` during the stream, and a rerun: no line is doubled or missing.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use logdive_core::{Layer, Window};
use logdive_query::{DivePlan, Diver, Lake, Select};

use crate::{brute, deliveries, logdive, succeed};

fn ingest(lake: &Path, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logdive"));
    command.arg("ingest").arg("--lake").arg(lake);
    command.args(["--layer", "other", "--format", "cloudtrail"]).arg(folder);
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

/// Follows a folder into which the files come one by one, and kills that as soon as there are so
/// many more commits, with further files there that may be half way.
fn kill_after(lake: &Path, folder: &Path, commits: usize) {
    let count = || fs::read_dir(lake.join("_delta_log")).map_or(0, Iterator::count);
    let wanted = count().max(1) + commits;
    let mut child = ingest(lake, folder).arg("--follow").spawn().expect("it starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut files = deliveries().into_iter();
    let mut seen = 0;
    while count() < wanted {
        assert!(Instant::now() < deadline, "no commit came");
        assert!(child.try_wait().expect("its state").is_none(), "it ended by itself");
        // Another file with each commit; what is there already is known.
        if count() != seen {
            seen = count();
            for path in files.by_ref().take(3) {
                let name = path.file_name().expect("a name");
                let written = folder.join(format!(".{}", name.to_string_lossy()));
                fs::copy(&path, &written).expect("a copy");
                fs::rename(&written, folder.join(name)).expect("a file");
            }
        }
        std::thread::yield_now();
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
}

#[test]
fn a_killed_stream_goes_on_where_it_was() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (lake, folder) = (temporary.path().join("lake"), temporary.path().join("logs"));
    fs::create_dir(&folder).expect("a folder");
    kill_after(&lake, &folder, 1);
    kill_after(&lake, &folder, 1);
    for path in deliveries() {
        let to = folder.join(path.file_name().expect("a name"));
        if !to.exists() {
            fs::copy(&path, &to).expect("a copy");
        }
    }
    succeed(&mut ingest(&lake, &folder));
    check(&lake);
    let again = succeed(&mut ingest(&lake, &folder));
    assert!(again.starts_with("13 files, 0 lines new in the lake"), "{again}");
    check(&lake);
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
