//! A verification finds what is wrong and survives all of it.

use std::fs;
use std::path::{Path, PathBuf};

use logdive_core::LogBatch;
use logdive_query::lake::{Lake, StreamProgress, VerifyReport};
use serde_json::json;

use crate::lake::{copy, lines, newest_commit};
use crate::support::{clock, scale};

async fn lake_of(dir: &Path, commits: u64) -> Lake {
    let lake = Lake::create_with(dir, clock()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    for number in 1..=commits {
        let progress = StreamProgress::new("s", number).offsets(json!(number));
        writer.append(&lines(number.cast_signed() * 10, 5), &progress).await.unwrap();
    }
    lake
}

async fn verify(dir: &Path) -> VerifyReport {
    Lake::open_with(dir, clock()).await.unwrap().verify(|_| ()).await.unwrap()
}

fn data_files(lake: &Lake) -> Vec<PathBuf> {
    lake.snapshot().files().iter().map(|file| lake.root().join(&file.path)).collect()
}

/// Commits a file as another tool would, with what it says of it.
fn commit_foreign(dir: &Path, path: &str, stats: &serde_json::Value) {
    let newest = newest_commit(dir);
    let version: u64 = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let add = json!({"add": {
        "path": path,
        "partitionValues": {"date": "2023-07-10"},
        "size": fs::metadata(dir.join(path)).unwrap().len(),
        "modificationTime": 0,
        "dataChange": true,
        "stats": stats.to_string(),
    }});
    let txn = json!({"txn": {"appId": "a stream of another tool", "version": 7}});
    let text = format!("{}\n{add}\n{txn}\n", json!({"commitInfo": {"operation": "WRITE"}}));
    fs::write(dir.join(format!("_delta_log/{:020}.json", version + 1)), text).unwrap();
}

#[tokio::test]
async fn a_whole_lake_has_no_problems_and_progress_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_of(dir.path(), 3).await;
    let mut told = Vec::new();
    let report = lake.verify(|progress| told.push(progress)).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!((report.version, report.files, report.rows, report.streams), (3, 3, 15, 1));
    assert_eq!(told.len(), 3);
    let last = told.last().unwrap();
    assert_eq!((last.files, last.bytes), (last.files_in_all, last.bytes_in_all));
    let info = lake.info().await.unwrap();
    assert_eq!((info.version, info.files, info.rows), (3, 3, Some(15)));
    assert_eq!(info.bytes, last.bytes_in_all);
    assert_eq!(info.oldest.unwrap().to_rfc3339(), "2023-07-10T11:30:10+00:00");
    assert!(info.newest.unwrap() >= info.oldest.unwrap());
    assert_eq!((info.streams[0].batch, &info.streams[0].offsets), (3, &json!(3)));
    assert!(info.quarantined.is_empty());
    // A torn commit that was set aside stays to be seen.
    fs::write(newest_commit(dir.path()), "").unwrap();
    let lake = Lake::open_with(dir.path(), clock()).await.unwrap();
    let info = lake.info().await.unwrap();
    assert_eq!((info.version, info.quarantined.len(), info.quarantined[0].version), (2, 1, 3));
    let again = Lake::open_with(dir.path(), clock()).await.unwrap();
    assert_eq!(again.info().await.unwrap().quarantined, info.quarantined);
    let report = again.verify(|_| ()).await.unwrap();
    assert_eq!((report.problems.len(), report.unnamed_files), (0, 1));
}

#[tokio::test]
async fn damaged_missing_and_cut_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let lake = lake_of(&whole, 3).await;
    let file = data_files(&lake)[1].strip_prefix(lake.root()).unwrap().to_owned();
    let bytes = fs::read(whole.join(&file)).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 3] ^= 1;
    let cases: [(&str, Option<Vec<u8>>, &str); 4] = [
        ("flipped", Some(flipped), "digest"),
        ("cut", Some(bytes[..bytes.len() - 5].to_vec()), "bytes, the log says"),
        ("empty", Some(Vec::new()), "bytes, the log says"),
        ("missing", None, "cannot be read"),
    ];
    for (name, damaged, what) in cases {
        let to = dir.path().join(name);
        copy(&whole, &to);
        match damaged {
            Some(damaged) => fs::write(to.join(&file), damaged).unwrap(),
            None => fs::remove_file(to.join(&file)).unwrap(),
        }
        let report = verify(&to).await;
        assert_eq!(report.problems.len(), 1, "{name}: {report:?}");
        assert_eq!(Path::new(&report.problems[0].place), file);
        assert!(report.problems[0].what.contains(what), "{name}: {report:?}");
        assert_eq!((report.files, report.rows), (3, 10), "{name}");
    }
    // Offsets of the newest commit are needed, those before it are not.
    fs::remove_file(whole.join(format!("_offsets/stream=s/{:020}.json", 1))).unwrap();
    assert!(verify(&whole).await.problems.is_empty());
    fs::remove_file(whole.join(format!("_offsets/stream=s/{:020}.json", 3))).unwrap();
    let report = verify(&whole).await;
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert_eq!(report.problems[0].place, "stream `s`");
    fs::remove_dir_all(whole.join("_offsets")).unwrap();
    assert_eq!(verify(&whole).await.problems.len(), 1);
}

#[tokio::test]
async fn what_the_log_says_wrongly_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let times = |from: &str, to: &str, rows: u64| json!({"numRecords": rows, "minValues": {"ts": from}, "maxValues": {"ts": to}});
    let right = times("2023-07-10T11:30:10.000Z", "2023-07-10T11:30:14.000Z", 5);
    let cases = [
        (right.clone(), "2023-07-10", 0, ""),
        (
            times("2023-07-10T11:30:10.000Z", "2023-07-10T11:30:14.000Z", 6),
            "2023-07-10",
            1,
            "5 rows",
        ),
        (
            times("2023-07-10T11:30:11.000Z", "2023-07-10T11:30:14.000Z", 5),
            "2023-07-10",
            1,
            "outside",
        ),
        (
            times("2023-07-10T11:30:10.000Z", "2023-07-10T11:30:13.000Z", 5),
            "2023-07-10",
            1,
            "outside",
        ),
        (json!({}), "2023-07-10", 0, ""),
        (right, "2023-07-11", 1, "other days"),
    ];
    for (number, (stats, date, problems, what)) in cases.into_iter().enumerate() {
        let to = dir.path().join(number.to_string());
        let lake = lake_of(&to, 1).await;
        fs::copy(&data_files(&lake)[0], to.join("date=2023-07-10/part-0.parquet")).unwrap();
        commit_foreign(&to, "date=2023-07-10/part-0.parquet", &stats);
        let commit = newest_commit(&to);
        let text = fs::read_to_string(&commit).unwrap();
        let dated = format!("\"date\":\"{date}\"");
        fs::write(&commit, text.replace("\"date\":\"2023-07-10\"", &dated)).unwrap();
        let report = verify(&to).await;
        assert_eq!(report.problems.len(), problems, "{number}: {report:?}");
        assert!(report.problems.iter().all(|problem| problem.what.contains(what)), "{report:?}");
    }
}

/// Of a file whose name carries no digest, the reader itself meets the damage.
#[tokio::test]
async fn a_flip_anywhere_never_ends_the_verification() {
    let dir = tempfile::tempdir().unwrap();
    let lake = lake_of(dir.path(), 1).await;
    let path = dir.path().join("date=2023-07-10/part-0.parquet");
    fs::copy(&data_files(&lake)[0], &path).unwrap();
    commit_foreign(dir.path(), "date=2023-07-10/part-0.parquet", &json!({"numRecords": 5}));
    let lake = Lake::open_with(dir.path(), clock()).await.unwrap();
    let bytes = fs::read(&path).unwrap();
    let flips = 60 * scale() as usize;
    let mut found = 0;
    for flip in 0..flips {
        let mut flipped = bytes.clone();
        let at = flip * bytes.len() / flips;
        flipped[at] ^= 1 << (flip % 8);
        fs::write(&path, flipped).unwrap();
        let report = lake.verify(|_| ()).await.unwrap();
        // The file of ours beside it is whole all the same.
        assert!(report.rows >= 5, "flip at {at}");
        assert!(report.problems.iter().all(|problem| problem.place.contains("part-0")));
        found += report.problems.len().min(1);
    }
    assert!(found * 4 > flips, "{found} of {flips} were found");
}

#[tokio::test]
async fn a_lake_without_lines_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
    let report = lake.verify(|_| ()).await.unwrap();
    assert_eq!((report.problems.len(), report.rows, report.files), (0, 0, 0));
    let mut writer = lake.writer().await.unwrap();
    let progress = StreamProgress::new("s", 1).offsets(json!(1));
    writer.append(&LogBatch::empty(), &progress).await.unwrap();
    let info = lake.info().await.unwrap();
    assert_eq!((info.rows, info.oldest, info.streams.len()), (Some(0), None, 1));
}
