//! The lake survives crashes, torn commits and second writers.

use std::fs;
use std::path::{Path, PathBuf};

use logdive_core::{Digest, LogBatch};
use logdive_query::lake::{Appended, Lake, LakeError, StreamProgress};
use serde_json::json;

use crate::support::{batch, clock, line};

pub(crate) fn lines(from: i64, count: i64) -> LogBatch {
    batch((from..from + count).map(|second| line("ssm", second, &format!("line {second}"), "{}")))
}

pub(crate) async fn rows(lake: &Lake) -> Vec<String> {
    let session = datafusion_session();
    let frame = session.read_table(lake.table_provider()).unwrap();
    let batches = frame.collect().await.unwrap();
    let mut bodies: Vec<String> = batches
        .iter()
        .flat_map(|batch| {
            LogBatch::try_new(batch)
                .unwrap()
                .records()
                .map(|record| record.body.unwrap())
                .collect::<Vec<_>>()
        })
        .collect();
    bodies.sort_unstable();
    bodies
}

fn datafusion_session() -> datafusion::prelude::SessionContext {
    datafusion::prelude::SessionContext::new()
}

pub(crate) fn newest_commit(dir: &Path) -> PathBuf {
    let mut commits: Vec<PathBuf> = fs::read_dir(dir.join("_delta_log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    commits.sort_unstable();
    commits.pop().unwrap()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &to) } else { fs::copy(&path, &to).map(|_| ()).unwrap() }
    }
}

#[tokio::test]
async fn lines_come_back_and_batches_count_once() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    assert_eq!(lake.committed("trail").await.unwrap(), None);
    let first = StreamProgress::new("trail", 1).offsets(json!({"a.json": 17}));
    let appended = writer.append(&lines(0, 5), &first).await.unwrap();
    assert_eq!(appended, Appended::Committed { version: 1, rows: 5, files: 1 });
    let again = writer.append(&lines(0, 5), &first).await.unwrap();
    assert_eq!(again, Appended::Already { batch: 1 });
    // Another stream has its own numbers.
    writer.append(&lines(10, 2), &StreamProgress::new("other stream/é", 1)).await.unwrap();
    assert_eq!(rows(&lake).await.len(), 7);
    // After a restart, too.
    drop(writer);
    let lake = Lake::open(dir.path()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    assert_eq!(writer.append(&lines(0, 5), &first).await.unwrap(), Appended::Already { batch: 1 });
    let committed = lake.committed("trail").await.unwrap().unwrap();
    assert_eq!((committed.batch, committed.offsets), (1, json!({"a.json": 17})));
    assert_eq!(lake.committed("other stream/é").await.unwrap().unwrap().batch, 1);
    assert_eq!(rows(&lake).await.len(), 7);
    assert_eq!(lake.snapshot().version(), 2);
    assert_eq!(lake.snapshot().files().iter().map(|file| file.rows.unwrap()).sum::<u64>(), 7);
    assert!(lake.quarantined().is_empty());
}

#[tokio::test]
async fn other_readers_see_commits_after_a_refresh() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
    let reader = Lake::open(dir.path()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    writer.append(&lines(0, 3), &StreamProgress::new("s", 1)).await.unwrap();
    assert_eq!(rows(&reader).await.len(), 0);
    assert_eq!(reader.refresh().await.unwrap().version(), 1);
    assert_eq!(rows(&reader).await.len(), 3);
}

#[tokio::test]
async fn a_second_writer_is_told_who_writes() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
    let writer = lake.writer().await.unwrap();
    let other = Lake::open(dir.path()).await.unwrap();
    let error = other.writer().await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, LakeError::Locked { .. }));
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    assert!(text.contains(dir.path().file_name().unwrap().to_str().unwrap()), "{text}");
    drop(writer);
    // The lock goes with its holder; the file stays.
    other.writer().await.unwrap();
}

#[tokio::test]
async fn a_crash_between_data_and_commit_leaves_nothing_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    writer.append(&lines(0, 4), &StreamProgress::new("s", 1)).await.unwrap();
    let second = StreamProgress::new("s", 2).offsets(json!(2));
    writer.append(&lines(4, 4), &second).await.unwrap();
    drop(writer);
    // As if the process had died before the commit: data file and offsets are there.
    fs::remove_file(newest_commit(dir.path())).unwrap();
    let lake = Lake::open_with(dir.path(), clock()).await.unwrap();
    assert_eq!(rows(&lake).await.len(), 4);
    assert_eq!(lake.committed("s").await.unwrap().unwrap().batch, 1);
    // The source sends again, and more of it this time.
    let mut writer = lake.writer().await.unwrap();
    let second = StreamProgress::new("s", 2).offsets(json!(3));
    writer.append(&lines(4, 5), &second).await.unwrap();
    assert_eq!(rows(&lake).await.len(), 9);
    assert_eq!(lake.committed("s").await.unwrap().unwrap().offsets, json!(3));
}

#[tokio::test]
async fn a_torn_newest_commit_is_set_aside_at_every_cut() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let lake = Lake::create_with(&whole, clock()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    writer.append(&lines(0, 2), &StreamProgress::new("s", 1)).await.unwrap();
    writer.append(&lines(2, 2), &StreamProgress::new("s", 2)).await.unwrap();
    drop(writer);
    let bytes = fs::read(newest_commit(&whole)).unwrap();
    // Every cut is told apart in the unit test; here the whole way is gone, at line ends and
    // between.
    let line_ends = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').flat_map(|at| [at, at + 1]);
    let cuts: Vec<usize> =
        line_ends.chain((0..bytes.len()).step_by(97)).filter(|at| *at < bytes.len()).collect();
    assert!(cuts.len() > 10);
    for (number, cut) in cuts.into_iter().enumerate() {
        let torn = dir.path().join(format!("cut-{number}"));
        copy(&whole, &torn);
        let path = newest_commit(&torn);
        fs::write(&path, &bytes[..cut]).unwrap();
        let lake = Lake::open_with(&torn, clock()).await.unwrap();
        let aside = lake.quarantined();
        assert_eq!(aside.len(), 1, "cut at {cut}");
        assert_eq!(aside[0].version, 2);
        assert_eq!(fs::read(&aside[0].moved_to).unwrap(), &bytes[..cut]);
        assert_eq!(lake.snapshot().version(), 1, "cut at {cut}");
        assert_eq!(lake.committed("s").await.unwrap().unwrap().batch, 1);
        let mut writer = lake.writer().await.unwrap();
        let again = writer.append(&lines(2, 2), &StreamProgress::new("s", 2)).await.unwrap();
        assert_eq!(again, Appended::Committed { version: 2, rows: 2, files: 1 });
        assert_eq!(rows(&lake).await, ["line 0", "line 1", "line 2", "line 3"]);
    }
}

#[tokio::test]
async fn what_is_no_lake_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = |error: LakeError| error.to_string();
    assert!(error(Lake::open(dir.path()).await.unwrap_err()).contains("no `_delta_log`"));
    assert!(
        error(Lake::open(dir.path().join("x")).await.unwrap_err()).contains("no such directory")
    );
    fs::write(dir.path().join("a.txt"), "x").unwrap();
    assert!(error(Lake::create(dir.path()).await.unwrap_err()).contains("not empty"));
    let lake = dir.path().join("lake");
    Lake::create(&lake).await.unwrap();
    assert!(error(Lake::create(&lake).await.unwrap_err()).contains("open it instead"));
}

#[tokio::test]
async fn a_newer_lake_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str, from: &str, to: &str| {
        let root = dir.path().join(name);
        let path = root.join("_delta_log/00000000000000000000.json");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = fs::read_to_string(dir.path().join("lake/_delta_log/00000000000000000000.json"))
            .unwrap();
        assert!(text.contains(from));
        let actions = text.split_once('\n').unwrap().1.replace(from, to);
        // Sealed anew, as a newer writer would.
        let info = json!({"commitInfo": {"logdive": {
            "actions": actions.lines().count(),
            "sha256": Digest::of(&actions),
        }}});
        fs::write(path, format!("{info}\n{actions}")).unwrap();
        root
    };
    Lake::create(dir.path().join("lake")).await.unwrap();
    let newer = make("format", "\"logdive.format\":\"1\"", "\"logdive.format\":\"2\"");
    let error = Lake::open(newer).await.unwrap_err().to_string();
    assert!(error.contains("format version 2") && error.contains("newer logdive"), "{error}");
    let newer = make(
        "protocol",
        "\"minReaderVersion\":1,\"minWriterVersion\":2",
        "\"minReaderVersion\":9,\"minWriterVersion\":9",
    );
    let error = Lake::open(newer).await.unwrap_err().to_string();
    assert!(error.contains("Delta protocol 9/9") && error.contains("newer logdive"), "{error}");
    let foreign = make("foreign", "logdive.format", "other.format");
    let error = Lake::open(foreign).await.unwrap_err().to_string();
    assert!(error.contains("is no lake"), "{error}");
}

#[tokio::test]
async fn checkpoints_are_written_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
    let mut writer = lake.writer().await.unwrap().checkpoint_each(5);
    for number in 1..=11 {
        let progress = StreamProgress::new("s", number).offsets(json!(number));
        writer.append(&lines(number.cast_signed(), 1), &progress).await.unwrap();
    }
    assert_eq!(writer.checkpoint_failed(), None);
    assert!(dir.path().join("_delta_log/_last_checkpoint").exists());
    // The log before the checkpoint is not needed any more.
    for version in 0..10 {
        fs::remove_file(dir.path().join(format!("_delta_log/{version:020}.json"))).unwrap();
    }
    drop(writer);
    let lake = Lake::open(dir.path()).await.unwrap();
    assert_eq!(lake.snapshot().version(), 11);
    assert_eq!(rows(&lake).await.len(), 11);
    let committed = lake.committed("s").await.unwrap().unwrap();
    assert_eq!((committed.batch, committed.offsets), (11, json!(11)));
}
