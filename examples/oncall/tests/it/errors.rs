//! What goes wrong is named, with the way out; nothing is half-written.

use std::fs;
use std::process::Command;

use crate::{deliveries, fail, fixtures, logdive, run, succeed};

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_logdive"))
}

#[test]
fn a_folder_that_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("mine");
    fs::create_dir(&dir).expect("a folder");
    fs::write(dir.join("thesis.txt"), "years of work").expect("a file");
    let error = fail(logdive(&dir).arg("demo"));
    assert!(error.contains("left alone") && error.contains("--dir"), "{error}");
    assert_eq!(fs::read_dir(&dir).expect("it is there").count(), 1);
    for command in [vec!["cases"], vec!["status"], vec!["stop"], vec!["query", "c-00000000"]] {
        let error = fail(logdive(&dir).args(&command));
        assert!(error.contains("is no folder of logdive"), "{command:?}: {error}");
    }
}

#[test]
fn missing_files_and_payloads_that_are_no_tickets_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("demo");
    succeed(logdive(&dir).arg("demo"));
    let error = fail(logdive(&dir).args(["query", "no-such-file.json"]));
    assert!(error.contains("neither a file nor a case"), "{error}");
    let payload = folder.path().join("payload.json");
    fs::write(&payload, "hello").expect("a file");
    let error = fail(logdive(&dir).arg("query").arg(&payload));
    assert!(error.contains("no ticket in this payload"), "{error}");
    let alarm = fixtures().join("alarms/ssm-throttling.json");
    let forged = fs::read_to_string(alarm).expect("a fixture").replace("ssm-", "kms-");
    fs::write(&payload, forged).expect("a file");
    let error = fail(logdive(&dir).arg("query").arg(&payload));
    assert!(error.contains("signature does not fit"), "{error}");
    // A ticket that no playbook takes is recorded, and its packet says why nothing is done.
    let alert = r#"{"version":"4","groupKey":"g","status":"firing","alerts":[{"status":"firing",
        "labels":{"alertname":"HotCpu"},"startsAt":"2023-07-10T12:00:00Z"}]}"#;
    fs::write(&payload, alert).expect("a file");
    let text = succeed(logdive(&dir).arg("query").arg(&payload));
    assert!(text.contains("the case is over") && text.contains("ticket.service"), "{text}");
    let error = fail(logdive(&dir).args(["approve", "c-00000000"]));
    assert!(error.contains("there is no case"), "{error}");
    let error = fail(logdive(&dir).args(["approve", "42"]));
    assert!(error.contains("logdive cases"), "{error}");

    // Parts of the folder that are damaged are named, each by itself.
    fs::write(dir.join("journal.db"), "not a journal at all, but long enough").expect("a file");
    let error = fail(logdive(&dir).arg("cases"));
    assert!(error.contains("journal.db"), "{error}");
    fs::write(dir.join("stop"), "").expect("a file");
    let status = succeed(logdive(&dir).arg("status"));
    assert!(status.contains("stopped: the stop latch cannot be read"), "{status}");
    let marker = r#"{"version":2,"clock":"2023-07-10T12:00:00Z"}"#;
    fs::write(dir.join(".logdive-demo"), marker).expect("a file");
    let error = fail(logdive(&dir).arg("cases"));
    assert!(error.contains("newer logdive"), "{error}");
}

#[test]
fn a_stream_keeps_what_is_malformed_and_refuses_what_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let error = fail(binary().args(["ingest", "--layer", "x", "--lake"]).arg(&lake).arg("nowhere"));
    assert!(error.contains("nowhere"), "{error}");
    let file = folder.path().join("lines.json");
    fs::write(&file, "{\"msg\":\"one\"}\n{oops\n{\"msg\":\"two\"}\n").expect("a file");
    let text = succeed(binary().args(["ingest", "--layer", "x", "--lake"]).arg(&lake).arg(&file));
    assert!(text.contains("3 lines new in the lake, 1 of them malformed and kept"), "{text}");
    let text = run(binary().args(["ingest", "--layer", "../x", "--lake"]).arg(&lake).arg(&file));
    assert_eq!(text.status.code(), Some(2), "a name that is a path is refused by the command line");
    let stranger = folder.path().join("photos");
    fs::create_dir(&stranger).expect("a folder");
    fs::write(stranger.join("1.jpg"), "x").expect("a file");
    let error = fail(binary().args(["ingest", "--layer", "x", "--lake"]).arg(&stranger).arg(&file));
    assert!(error.contains("photos"), "{error}");
}

#[test]
fn a_second_writer_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = folder.path().join("lake");
    let ingest = |paths: &[std::path::PathBuf]| {
        let mut command = binary();
        command.arg("ingest").arg("--lake").arg(&lake);
        command.args(["--layer", "other", "--format", "cloudtrail"]).args(paths);
        command
    };
    let files = deliveries();
    succeed(&mut ingest(&files[..1]));
    let lock = fs::File::options().write(true).open(lake.join("_logdive.lock")).expect("its lock");
    lock.lock().expect("the lock is free");
    let error = fail(&mut ingest(&files[1..2]));
    assert!(error.contains("lake") && error.contains("writ"), "{error}");
    drop(lock);
    succeed(&mut ingest(&files[1..2]));
}
