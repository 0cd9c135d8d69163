//! When commits begin, and how much waits for them.

use futures_util::FutureExt as _;

use super::*;

fn limits(after: u64, bytes: usize, waiting: usize) -> IngestLimits {
    IngestLimits {
        commit_after: Duration::from_millis(after),
        commit_bytes: bytes,
        waiting_bytes: waiting,
    }
}

/// Lets the other tasks of a runtime of one thread go on until they wait.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_commit_has_the_rows_of_all_streams_at_its_time() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), HeldClock::new());
    let (lake, ingester) = start(dir.path(), &clock, limits(1_000, 1 << 20, 4 << 20)).await;
    let mut a = ingester.stream("a").await.unwrap();
    let mut b = ingester.stream("b").await.unwrap();
    let (mut at_a, mut at_b) = (0, 0);
    let mut receipts = Vec::new();
    receipts.push(push(&mut a, &mut at_a, 3).await.unwrap());
    clock.advance(Duration::from_millis(600));
    receipts.push(push(&mut b, &mut at_b, 2).await.unwrap());
    receipts.push(push(&mut a, &mut at_a, 1).await.unwrap());
    clock.advance(Duration::from_millis(399));
    settle().await;
    assert_eq!(lake.refresh().await.unwrap().version(), 0);
    // The time counts from the first row, not from the newest.
    clock.advance(Duration::from_millis(1));
    for receipt in receipts {
        assert_eq!(receipt.durable().await.unwrap(), 1);
    }
    assert_eq!(lake.refresh().await.unwrap().version(), 1);
    assert_eq!(lines(&lake), sorted([bodies("a", 4), bodies("b", 2)]));
    // One file a day, whoever wrote the rows.
    assert_eq!(lake.snapshot().files().len(), 2);
    assert_eq!(ingester.waiting(), 0);
    let committed = lake.committed("a").await.unwrap().unwrap();
    assert_eq!((committed.batch, committed.offsets), (2, json!({"next": 4})));
    assert_eq!(lake.committed("b").await.unwrap().unwrap().batch, 1);
}

#[tokio::test]
async fn enough_bytes_do_not_wait_for_the_time() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), HeldClock::new());
    let (lake, ingester) = start(dir.path(), &clock, limits(1_000, 1, 4 << 20)).await;
    let mut a = ingester.stream("a").await.unwrap();
    let mut at = 0;
    for version in 1..=3 {
        let receipt = push(&mut a, &mut at, 1).await.unwrap();
        assert_eq!(receipt.durable().await.unwrap(), version);
    }
    // Offsets alone go forward.
    let receipt = a.push(LogBatch::empty(), json!({"next": 7})).await.unwrap();
    assert_eq!(receipt.durable().await.unwrap(), 4);
    assert_eq!(lake.committed("a").await.unwrap().unwrap().offsets, json!({"next": 7}));
    assert_eq!(lines(&lake), bodies("a", 3));
}

#[tokio::test]
async fn no_more_waits_than_may() {
    let most = 256 << 10;
    let (dir, clock) = (tempfile::tempdir().unwrap(), HeldClock::new());
    let (lake, ingester) = start(dir.path(), &clock, limits(1_000, 1 << 30, most)).await;
    let mut a = ingester.stream("a").await.unwrap();
    let mut b = ingester.stream("b").await.unwrap();
    let (mut receipts, mut at) = (Vec::new(), 0);
    let error = loop {
        let before = ingester.waiting();
        match a.try_push(rows("a", at, 10), json!({ "next": at + 10 })).await {
            Ok(receipt) => receipts.push(receipt),
            Err(error) => break error,
        }
        at += 10;
        assert!(before < ingester.waiting() && ingester.waiting() <= most);
    };
    assert!(matches!(error, IngestError::Full { bytes } if bytes <= most), "{error}");
    assert!(receipts.len() > 4, "{}", receipts.len());
    // One that waits is in front of one that comes later, though that would fit.
    let mut at_b = 0;
    {
        let mut big = Box::pin(b.push(rows("b", 0, 2_000), json!({"next": 2_000})));
        assert!(big.as_mut().now_or_never().is_none());
        let error = a.try_push(LogBatch::empty(), json!(null)).await.unwrap_err();
        assert!(matches!(error, IngestError::Full { .. }));
        // Whoever gives up waiting has pushed nothing.
    }
    let mut waiting = Box::pin(push(&mut b, &mut at_b, 40));
    assert!(waiting.as_mut().now_or_never().is_none());
    clock.advance(Duration::from_secs(1));
    let receipt = waiting.await.unwrap();
    clock.advance(Duration::from_secs(1));
    for receipt in receipts {
        receipt.durable().await.unwrap();
    }
    receipt.durable().await.unwrap();
    assert_eq!(ingester.waiting(), 0);
    assert_eq!(lines(&lake), sorted([bodies("a", at), bodies("b", 40)]));
    // More than may wait at all is taken alone.
    let receipt = push(&mut b, &mut at_b, 2_000).await.unwrap();
    assert_eq!(ingester.waiting(), most);
    ingester.close().await.unwrap();
    receipt.durable().await.unwrap();
    lake.refresh().await.unwrap();
    assert_eq!(lines(&lake).len() as u64, at + 2_040);
}

#[tokio::test]
async fn the_next_group_fills_while_one_is_written() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), HeldClock::new());
    let (lake, ingester) = start(dir.path(), &clock, limits(1_000, 1 << 30, 64 << 20)).await;
    let mut a = ingester.stream("a").await.unwrap();
    let mut at = 0;
    let first = push(&mut a, &mut at, 1).await.unwrap();
    clock.advance(Duration::from_secs(1));
    settle().await;
    // The task waits for the disk or has committed; pushing goes on in either case.
    let rest: Vec<_> = {
        let mut rest = Vec::new();
        for _ in 0..20 {
            let pushed = push(&mut a, &mut at, 1).now_or_never();
            rest.push(pushed.unwrap().unwrap());
        }
        rest
    };
    assert_eq!(first.durable().await.unwrap(), 1);
    clock.advance(Duration::from_secs(1));
    for receipt in rest {
        assert_eq!(receipt.durable().await.unwrap(), 2);
    }
    assert_eq!(lines(&lake), sorted([bodies("a", 21)]));
}

#[tokio::test]
async fn closing_commits_what_waits_and_frees_the_lake() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), HeldClock::new());
    let (lake, ingester) = start(dir.path(), &clock, limits(1_000, 1 << 30, 64 << 20)).await;
    let mut a = ingester.stream("a").await.unwrap();
    let mut at = 0;
    let receipt = push(&mut a, &mut at, 5).await.unwrap();
    let other = ingester.clone();
    ingester.close().await.unwrap();
    assert_eq!(receipt.durable().await.unwrap(), 1);
    let writer = lake.writer().await.unwrap();
    for error in [
        push(&mut a, &mut at, 1).await.unwrap_err(),
        a.try_push(rows("a", 5, 1), json!(0)).await.unwrap_err(),
        other.stream("b").await.unwrap_err(),
    ] {
        assert!(matches!(error, IngestError::Ended { .. }), "{error}");
    }
    other.close().await.unwrap();
    assert_eq!(lines(writer.lake()), bodies("a", 5));
}

#[tokio::test]
async fn dropping_every_handle_commits_what_waits_too() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), HeldClock::new());
    let (lake, ingester) = start(dir.path(), &clock, limits(1_000, 1 << 30, 64 << 20)).await;
    let mut a = ingester.stream("a").await.unwrap();
    let mut at = 0;
    let receipt = push(&mut a, &mut at, 5).await.unwrap();
    drop(ingester);
    drop(a);
    assert_eq!(receipt.durable().await.unwrap(), 1);
    // Until the task has ended.
    let writer = loop {
        match lake.writer().await {
            Ok(writer) => break writer,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(lines(writer.lake()), bodies("a", 5));
}

#[tokio::test]
async fn a_stream_has_one_holder_and_goes_on_where_it_stands() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), HeldClock::new());
    let (_, ingester) = start(dir.path(), &clock, limits(1_000, 1 << 30, 64 << 20)).await;
    let mut a = ingester.stream("a").await.unwrap();
    assert_eq!(a.committed(), None);
    let error = ingester.stream("a").await.unwrap_err();
    assert!(matches!(error, IngestError::StreamOpen { .. }), "{error}");
    let mut at = 0;
    let receipt = push(&mut a, &mut at, 5).await.unwrap();
    drop(a);
    // What was pushed before is committed first, at once.
    let mut a = ingester.stream("a").await.unwrap();
    assert_eq!(standing(&a), 5);
    receipt.durable().await.unwrap();
    let receipt = push(&mut a, &mut at, 5).await.unwrap();
    ingester.clone().close().await.unwrap();
    receipt.durable().await.unwrap();
    for name in ["", "a\nb", &"x".repeat(61)] {
        assert!(matches!(ingester.stream(name).await.unwrap_err(), IngestError::Lake(_)));
    }
}
