//! Many streams, one writer: what is acknowledged is there for everybody.

use std::fs;
use std::path::Path;

use logdive_core::format::{Origin, Parser, RAW_LIMIT, by_name};
use logdive_core::{LayerName, LogBatch, LogBatchBuilder};
use logdive_query::ingest::{IngestLimits, Ingester};
use logdive_query::lake::{Appended, GroupPart, Lake, LakeError, StreamProgress};
use serde_json::json;

use crate::lake::{lines, rows};
use crate::support::clock;

async fn start(dir: &Path) -> (Lake, Ingester) {
    let lake = Lake::create_with(dir, clock()).await.unwrap();
    let writer = lake.writer().await.unwrap();
    (lake, Ingester::start(writer, IngestLimits::default()))
}

/// Parses a source whose giant records go into the stream's lake.
fn parse(ingested: &logdive_query::ingest::IngestStream, bytes: &[u8]) -> LogBatch {
    let origin =
        Origin::new(LayerName::parse("app").unwrap(), "app.log", 1_688_990_400_000_000_000);
    let mut parser = Parser::new(by_name("json").unwrap(), origin).overflow(ingested.overflow());
    let mut builder = LogBatchBuilder::new();
    for piece in bytes.chunks(60_000) {
        parser.feed(piece, &mut builder);
    }
    parser.finish(&mut builder);
    builder.finish()
}

fn giant(length: usize) -> Vec<u8> {
    let text: String =
        (0..length).map(|at| char::from(b'a' + ((at * at + length) % 26) as u8)).collect();
    json!({ "msg": text }).to_string().into_bytes()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn another_process_sees_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let (_, ingester) = start(dir.path()).await;
    // As another process does: it shares the directory and nothing else.
    let other = Lake::open(dir.path()).await.unwrap();
    let mut files = ingester.stream("files").await.unwrap();
    let mut otlp = ingester.stream("otlp").await.unwrap();
    let first = files.push(lines(0, 3), json!({"a.log": 3})).await.unwrap();
    let second = otlp.push(lines(3, 2), json!(null)).await.unwrap();
    let version = first.durable().await.unwrap().max(second.durable().await.unwrap());
    assert_eq!(rows(&other).await.len(), 0);
    assert_eq!(other.refresh().await.unwrap().version(), version);
    assert_eq!(rows(&other).await, ["line 0", "line 1", "line 2", "line 3", "line 4"]);
    let committed = other.committed("files").await.unwrap().unwrap();
    assert_eq!(committed.offsets, json!({"a.log": 3}));
    let info = other.info().await.unwrap();
    assert_eq!((info.version, info.rows), (version, Some(5)));
    let streams: Vec<_> =
        info.streams.iter().map(|s| (s.name.as_str(), s.batch, s.offsets.clone())).collect();
    assert_eq!(streams, [("files", 1, json!({"a.log": 3})), ("otlp", 1, json!(null))]);
    ingester.close().await.unwrap();
    other.writer().await.unwrap();
}

#[tokio::test]
async fn a_group_is_one_commit_and_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    let part = |stream: &str, batch: u64, from: i64, count: i64| {
        let offsets = json!({ stream: from + count });
        GroupPart::new(lines(from, count), StreamProgress::new(stream, batch).offsets(offsets))
    };
    let group = [part("a", 1, 0, 2), part("b", 1, 2, 2), part("a", 2, 4, 2)];
    let appended = writer.append_group(&group).await.unwrap();
    assert_eq!((appended.version, appended.rows, appended.files), (1, 6, 1));
    assert_eq!(appended.already, [] as [usize; 0]);
    assert_eq!(lake.committed("a").await.unwrap().unwrap().batch, 2);
    assert_eq!(lake.committed("a").await.unwrap().unwrap().offsets, json!({"a": 6}));
    // A part that is there already is left out, wherever it stands now.
    let group = [part("c", 1, 6, 1), part("b", 1, 2, 2), part("b", 2, 7, 1), part("a", 2, 4, 2)];
    let appended = writer.append_group(&group).await.unwrap();
    assert_eq!((appended.version, appended.rows), (2, 2));
    assert_eq!(appended.already, [1, 3]);
    let appended = writer.append_group(&group).await.unwrap();
    assert_eq!((appended.version, appended.rows, appended.already.len()), (2, 0, 4));
    let again = writer.append(&lines(7, 1), &StreamProgress::new("b", 2)).await.unwrap();
    assert_eq!(again, Appended::Already { batch: 2 });
    assert_eq!(rows(&lake).await.len(), 8);
    // Numbers of a stream rise within a group, and nothing of a wrong one is written.
    let error = writer.append_group(&[part("d", 2, 0, 1), part("d", 2, 1, 1)]).await.unwrap_err();
    assert!(matches!(error, LakeError::Stream { .. }), "{error}");
    assert_eq!(lake.refresh().await.unwrap().version(), 2);
    assert!(lake.verify(|_| ()).await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn rows_that_are_alike_are_not_one() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, ingester) = start(dir.path()).await;
    let mut stream = ingester.stream("s").await.unwrap();
    for _ in 0..3 {
        stream.push(lines(0, 2), json!(0)).await.unwrap().durable().await.unwrap();
    }
    lake.refresh().await.unwrap();
    assert_eq!(rows(&lake).await.len(), 6);
}

#[tokio::test]
async fn the_rest_of_giant_records_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, ingester) = start(dir.path()).await;
    let mut stream = ingester.stream("app").await.unwrap();
    let record = giant(700_000);
    let other = giant(RAW_LIMIT + 1);
    let mut source = Vec::new();
    for part in [b"{\"msg\":\"small\"}".as_slice(), &record, &other, &record] {
        source.extend_from_slice(part);
        source.push(b'\n');
    }
    let batch = parse(&stream, &source);
    stream.push(batch.clone(), json!(source.len())).await.unwrap().durable().await.unwrap();
    let records: Vec<_> = batch.records().collect();
    assert_eq!(records.len(), 4);
    let blob = |at: usize| records[at].raw_blob.clone().unwrap();
    let raw = |at: usize| records[at].raw.clone().unwrap();
    // The same record is the same blob.
    assert_eq!(blob(1), blob(3));
    let mut blobs = vec![blob(1), blob(2)];
    blobs.sort_unstable();
    assert_eq!(names(&dir.path().join("_blobs")), blobs);
    let size = record.len() as u64;
    assert!(lake.record_bytes(&raw(1), &blob(1), size).await.unwrap() == record);
    assert!(lake.record_bytes(&raw(2), &blob(2), 1 << 30).await.unwrap() == other);
    for (raw_bytes, name, limit, why) in [
        (raw(1), blob(1), size - 1, "the limit"),
        (raw(1), blob(1), 10, "the limit"),
        (raw(1), blob(2), size, "another digest"),
        (raw(1)[1..].to_vec(), blob(1), size, "another digest"),
        (raw(1), format!("{}.zst", "0".repeat(64)), size, "o such file"),
        (raw(1), "../../etc/passwd".to_owned(), size, "no name of a blob"),
        (raw(1), blob(1).to_uppercase(), size, "no name of a blob"),
    ] {
        let error = lake.record_bytes(&raw_bytes, &name, limit).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let report = lake.verify(|_| ()).await.unwrap();
    assert_eq!((report.problems.len(), report.blobs, report.rows), (0, 2, 4));
    // Damaged, cut and missing ones are found.
    let path = dir.path().join("_blobs").join(blob(1));
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x40;
    for damaged in [Some(flipped), Some(whole[..whole.len() / 2].to_vec()), Some(Vec::new()), None]
    {
        match damaged {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        assert!(lake.record_bytes(&raw(1), &blob(1), 1 << 30).await.is_err());
        let report = lake.verify(|_| ()).await.unwrap();
        assert_eq!(report.problems.len(), 1, "{report:?}");
        assert!(report.problems[0].what.contains(&blob(1)), "{report:?}");
    }
    // Parsed again, the blob is whole again.
    let _ = parse(&stream, &source);
    assert!(lake.verify(|_| ()).await.unwrap().problems.is_empty());
}

#[tokio::test]
async fn what_was_left_half_is_swept_and_blobs_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, ingester) = start(dir.path()).await;
    let stream = ingester.stream("app").await.unwrap();
    let blobs = dir.path().join("_blobs");
    let mut overflow = stream.overflow();
    overflow.write(&[7; 500_000]).unwrap();
    assert_eq!(names(&blobs).len(), 1);
    overflow.discard();
    assert_eq!(names(&blobs).len(), 0);
    overflow.write(b"one").unwrap();
    drop(overflow);
    assert_eq!(names(&blobs).len(), 0);
    parse(&stream, &giant(400_000));
    // As a process that died leaves it.
    let mut left = stream.overflow();
    left.write(b"two").unwrap();
    std::mem::forget(left);
    assert_eq!(names(&blobs).len(), 2);
    drop(stream);
    ingester.close().await.unwrap();
    lake.writer().await.unwrap();
    let names = names(&blobs);
    assert!(names.len() == 1 && names[0].ends_with(".zst"), "{names:?}");
}

#[tokio::test]
async fn hostile_names_stay_inside_of_the_lake() {
    let outside = tempfile::tempdir().unwrap();
    let dir = outside.path().join("lake");
    let (lake, ingester) = start(&dir).await;
    let hostile = [
        "..",
        "../x",
        "/etc/passwd",
        "..\\x",
        "C:\\x",
        "con",
        "CON",
        "a",
        "A",
        "a/",
        "a_2f_",
        "a ",
        "a.",
        "é",
        "e\u{301}",
        "\u{202e}x",
        "_delta_log",
        "date=2023-07-10",
        "~",
        "%2e%2e%2f",
        "-",
    ];
    let mut receipts = Vec::new();
    for (number, name) in (0..).zip(hostile) {
        let mut stream = ingester.stream(name).await.unwrap();
        receipts.push(stream.push(lines(number, 1), json!(name)).await.unwrap());
    }
    for receipt in receipts {
        receipt.durable().await.unwrap();
    }
    ingester.close().await.unwrap();
    assert_eq!(names(outside.path()), ["lake"]);
    let days = names(&dir);
    assert_eq!(days, ["_delta_log", "_logdive.lock", "_offsets", "date=2023-07-10"]);
    let lake = Lake::open(lake.root()).await.unwrap();
    for name in hostile {
        assert_eq!(lake.committed(name).await.unwrap().unwrap().offsets, json!(name), "{name:?}");
    }
    assert_eq!(lake.info().await.unwrap().streams.len(), hostile.len());
    assert_eq!(rows(&lake).await.len(), hostile.len());
}

#[tokio::test]
async fn lakes_of_the_first_version_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create_with(dir.path(), clock()).await.unwrap();
    let mut writer = lake.writer().await.unwrap();
    let at = |batch: u64| StreamProgress::new("Trail 1/x", batch).offsets(json!(batch));
    writer.append(&lines(0, 1), &at(1)).await.unwrap();
    drop(writer);
    // As directories of streams were named at first.
    let offsets = dir.path().join("_offsets");
    let now = names(&offsets);
    assert_eq!(now, ["stream=_54rail_201_2fx"]);
    fs::rename(offsets.join(&now[0]), offsets.join("Trail_20_1_2f_x")).unwrap();
    let lake = Lake::open_with(dir.path(), clock()).await.unwrap();
    assert_eq!(lake.committed("Trail 1/x").await.unwrap().unwrap().offsets, json!(1));
    assert_eq!(lake.info().await.unwrap().streams[0].name, "Trail 1/x");
    let mut writer = lake.writer().await.unwrap();
    assert_eq!(writer.append(&lines(0, 1), &at(1)).await.unwrap(), Appended::Already { batch: 1 });
    for batch in 2..=9_u64 {
        writer.append(&lines(batch.cast_signed(), 1), &at(batch)).await.unwrap();
    }
    assert_eq!(lake.committed("Trail 1/x").await.unwrap().unwrap().offsets, json!(9));
    // Manifests of commits long gone are not kept.
    assert_eq!(names(&offsets.join(&now[0])).len(), 3);
    assert!(lake.verify(|_| ()).await.unwrap().problems.is_empty());
}
