//! Each step of the disk fails in turn: nothing acknowledged is lost, nothing is doubled.

use logdive_core::Digest;
use logdive_core::format::{Overflow as _, RAW_LIMIT};

use super::*;

/// Ways to fail: how, with what, how often in a row.
const WAYS: [(How, i32, u64); 4] =
    [(How::Undone, ENOSPC, 1), (How::Done, EIO, 1), (How::Short, ENOSPC, 3), (How::Undone, EIO, 9)];

/// Pushes some, twice, and waits for it.
async fn work(ingester: &Ingester) {
    let mut a = ingester.stream("a").await.unwrap();
    let mut b = ingester.stream("b/é").await.unwrap();
    let (mut at_a, mut at_b) = (standing(&a), standing(&b));
    for _ in 0..2 {
        let receipts = [
            push(&mut a, &mut at_a, 3).await.unwrap(),
            push(&mut b, &mut at_b, 2).await.unwrap(),
            push(&mut a, &mut at_a, 1).await.unwrap(),
        ];
        let mut last = 0;
        for receipt in receipts {
            let version = receipt.durable().await.unwrap();
            assert!(version >= last);
            last = version;
        }
    }
}

#[tokio::test]
async fn whatever_step_fails_everything_is_committed_once() {
    for (way, (how, error, count)) in WAYS.into_iter().enumerate() {
        let mut first = 0;
        loop {
            // Each step fails after it was done, and in one of the other ways; at scale, in all.
            if how != How::Done && scale() < 10 && first as usize % WAYS.len() != way {
                first += 1;
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            create(dir.path()).await;
            let disk = Disk::default();
            let lake = open(dir.path(), &disk).await;
            let ingester = Ingester::start(lake.writer().await.unwrap(), IngestLimits::default());
            disk.faults.set(Some(Fault { first, count, how, error }));
            work(&ingester).await;
            let (_, failed) = disk.faults.counted();
            disk.faults.set(None);
            assert_eq!(ingester.refusing(), None);
            ingester.close().await.unwrap();
            let lake = open(dir.path(), &Disk::default()).await;
            let case = format!("step {first} {how:?}");
            assert_eq!(lines(&lake), sorted([bodies("a", 8), bodies("b/é", 4)]), "{case}");
            let report = lake.verify(|_| ()).await.unwrap();
            assert_eq!(report.problems, [], "{case}");
            assert_eq!(report.unnamed_files, 0, "{case}");
            assert!(lake.quarantined().is_empty(), "{case}");
            if failed == 0 {
                break;
            }
            first += 1;
        }
        assert!(first > 20, "only {first} steps");
    }
}

#[tokio::test]
async fn while_the_disk_is_full_nothing_is_taken_and_readers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path()).await;
    let (disk, clock) = (Disk::default(), HeldClock::new());
    let lake = Lake::open_on(dir.path(), Arc::new(clock.clone()), disk.clone()).await.unwrap();
    let limits = IngestLimits { commit_bytes: 1, ..IngestLimits::default() };
    let ingester = Ingester::start(lake.writer().await.unwrap(), limits);
    let mut a = ingester.stream("a").await.unwrap();
    let mut at = 0;
    push(&mut a, &mut at, 2).await.unwrap().durable().await.unwrap();
    disk.faults.set(Some(Fault { first: 0, count: u64::MAX, how: How::Short, error: ENOSPC }));
    let receipt = push(&mut a, &mut at, 2).await.unwrap();
    while ingester.refusing().is_none() {
        tokio::task::yield_now().await;
    }
    let why = ingester.refusing().unwrap();
    assert!(why.contains("o space left"), "{why}");
    let error = a.try_push(rows("a", at, 1), json!(null)).await.unwrap_err();
    assert!(matches!(&error, IngestError::Refused { why } if why.contains("o space")), "{error}");
    let reader = open(dir.path(), &Disk::default()).await;
    assert_eq!(lines(&reader), bodies("a", 2));
    // A pause does not help as long as there is no space, however long.
    clock.advance(Duration::from_secs(60));
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert!(ingester.refusing().is_some());
    disk.faults.set(None);
    let waiting = tokio::spawn(async move {
        let receipt = push(&mut a, &mut at, 3).await.unwrap();
        receipt.durable().await.unwrap();
        at
    });
    while ingester.refusing().is_some() {
        clock.advance(Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
    receipt.durable().await.unwrap();
    assert_eq!(waiting.await.unwrap(), 7);
    ingester.close().await.unwrap();
    reader.refresh().await.unwrap();
    assert_eq!(lines(&reader), bodies("a", 7));
}

#[tokio::test]
async fn closing_over_a_dead_disk_says_so_and_frees_the_lake() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path()).await;
    let disk = Disk::default();
    let lake = open(dir.path(), &disk).await;
    let ingester = Ingester::start(lake.writer().await.unwrap(), IngestLimits::default());
    let mut a = ingester.stream("a").await.unwrap();
    let mut at = 0;
    push(&mut a, &mut at, 2).await.unwrap().durable().await.unwrap();
    disk.faults.set(Some(Fault { first: 0, count: u64::MAX, how: How::Undone, error: EIO }));
    let receipt = push(&mut a, &mut at, 2).await.unwrap();
    let error = ingester.close().await.unwrap_err().to_string();
    assert!(error.contains("nput/output error"), "{error}");
    let error = receipt.durable().await.unwrap_err().to_string();
    assert!(error.contains("nput/output error"), "{error}");
    disk.faults.set(None);
    let writer = lake.writer().await.unwrap();
    assert_eq!(lines(writer.lake()), bodies("a", 2));
    let report = lake.verify(|_| ()).await.unwrap();
    assert_eq!((report.problems.len(), report.unnamed_files), (0, 0));
}

/// The rest of a giant record, by steps that fail: the blob is whole or is not there, and what was
/// being written is gone.
#[tokio::test]
async fn a_blob_is_whole_or_not_there() {
    let dir = tempfile::tempdir().unwrap();
    create(dir.path()).await;
    let disk = Disk::default();
    let lake = open(dir.path(), &disk).await;
    let record: Vec<u8> = (0..RAW_LIMIT + 300_000).map(|at| (at % 251) as u8).collect();
    let (raw, rest) = record.split_at(RAW_LIMIT);
    let digest = Digest::of(&record);
    for (how, error, count) in WAYS {
        let mut first = 0;
        loop {
            let blobs = dir.path().join("_blobs");
            let _ = std::fs::remove_dir_all(&blobs);
            disk.faults.set(Some(Fault { first, count, how, error }));
            let mut overflow = crate::lake::Blobs::of(&lake);
            let written = rest.chunks(10_000).try_for_each(|chunk| overflow.write(chunk));
            let named = match written {
                Ok(()) => overflow.finish(digest),
                Err(error) => {
                    overflow.discard();
                    Err(error)
                }
            };
            let (_, failed) = disk.faults.counted();
            disk.faults.set(None);
            drop(overflow);
            if let Ok(name) = &named {
                let read = lake.record_bytes(raw, name, 1 << 20).await.unwrap();
                assert!(read == record);
            }
            let names: Vec<String> = std::fs::read_dir(&blobs)
                .map(|entries| {
                    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
                })
                .unwrap_or_default();
            assert!(names.iter().all(|name| *name == format!("{digest}.zst")), "{names:?}");
            if failed == 0 {
                assert!(named.is_ok());
                break;
            }
            first += 1;
        }
        assert!(first > 4, "only {first} steps");
    }
}
