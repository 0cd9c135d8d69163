//! Suites of the journal and the delivery log.

use chrono::{DateTime, Utc};

use crate::case::{CaseId, Entry};
use crate::port::{
    Begin, DeliveryLog, DeliveryOutcome, Draft, Journal, JournalError, Receipt, Row,
};
use crate::{Actor, DeliveryKey, Digest, Scope, TicketId};

fn draft(at: DateTime<Utc>, n: u32, fence: Option<u64>) -> Draft {
    let entry = Entry::Stopped {
        scope: Scope::Global,
        by: Actor::person("testkit", "test"),
        reason: format!("entry {n}, with a quote \" and é"),
        epoch: n.into(),
    };
    Draft { at, case: None, entry, fence }
}

/// A journal that is empty: sequence, order, chain, cases, lease and fence.
///
/// # Panics
/// If something does not hold.
pub async fn journal(journal: &dyn Journal) {
    let at = DateTime::from_timestamp(1_688_990_400, 123_456_000).unwrap_or_default();
    assert!(matches!(journal.since(0).await.as_deref(), Ok([])), "the journal is not empty");
    for n in 1..=5 {
        let drafted = draft(at, n, None);
        let row = journal.append(drafted.clone()).await;
        assert!(
            matches!(&row, Ok(row) if row.seq == u64::from(n) && row.entry == drafted.entry),
            "append gave {row:?}"
        );
    }
    let rows = journal.since(0).await.unwrap_or_default();
    assert_eq!(rows.len(), 5, "since(0) is everything");
    let mut previous = Digest::of("");
    for row in &rows {
        let Row { seq, at, case, entry, hash } = row;
        let json = serde_json::to_string(entry).unwrap_or_default();
        let expected = Row::chain(previous, *seq, *at, case.as_ref(), &json);
        assert_eq!(*hash, expected, "the chain breaks at row {seq}");
        previous = *hash;
    }
    let tail = journal.since(3).await.unwrap_or_default();
    assert_eq!(tail.iter().map(|row| row.seq).collect::<Vec<_>>(), [4, 5], "since(3)");

    let first = journal.lease("first").await;
    let Ok(first) = first else { panic!("a free lease was not given: {first:?}") };
    let second = journal.lease("second").await;
    assert!(
        matches!(&second, Err(JournalError::LeaseHeld { .. })),
        "a second lease beside the first: {second:?}"
    );
    let fenced = journal.append(draft(at, 6, Some(first.fence))).await;
    assert!(fenced.is_ok(), "an entry of the lease in force was refused: {fenced:?}");
    let old = first.fence;
    drop(first);
    let third = journal.lease("third").await;
    let Ok(third) = third else { panic!("a lease that was given back is not free: {third:?}") };
    assert!(third.fence > old, "the fence does not rise");
    let stale = journal.append(draft(at, 7, Some(old))).await;
    assert!(
        matches!(&stale, Err(JournalError::Fenced { .. })),
        "an entry of an old lease was taken: {stale:?}"
    );
    assert!(journal.append(draft(at, 7, None)).await.is_ok(), "anybody may append");

    let Ok(ticket) = TicketId::parse("testkit:1") else { panic!("a ticket's id") };
    let case = CaseId::new(&ticket, 0);
    let of_case = |entry| Draft { at, case: Some(case.clone()), entry, fence: None };
    let again = Entry::LookAgain { by: Actor::Automation, reason: String::new() };
    assert!(journal.append(of_case(again)).await.is_ok(), "an entry of a case");
    let open = journal.open_cases().await.unwrap_or_default();
    assert_eq!(open, std::slice::from_ref(&case), "a case without an end is open");
    let closed = Entry::Closed { reason: "over".to_owned() };
    assert!(journal.append(of_case(closed)).await.is_ok(), "the end of a case");
    let open = journal.open_cases().await.unwrap_or_default();
    assert!(open.is_empty(), "a case that ended is open");
}

/// A delivery log that is empty: fresh, resumed, delivered, updated, not applied.
///
/// # Panics
/// If something does not hold.
pub async fn delivery_log(log: &dyn DeliveryLog) {
    let key = DeliveryKey::of(["testkit"]);
    let (one, two) = (Digest::of("one"), Digest::of("two"));
    let begin = |content| log.begin(&key, "sink", "issues/1", content);
    assert!(matches!(begin(one).await, Ok(Begin::Fresh)), "the first is fresh");
    let open = log.open().await.unwrap_or_default();
    assert_eq!(open.len(), 1, "what has begun is open");
    assert!(matches!(begin(one).await, Ok(Begin::Resume(None))), "begun and not ended");
    let receipt = Receipt::new("7");
    let end = |outcome| async move { log.end(&key, "sink", &outcome).await.is_ok() };
    assert!(end(DeliveryOutcome::Delivered(receipt.clone())).await, "an end is recorded");
    assert!(
        matches!(begin(one).await, Ok(Begin::Done(known)) if known == receipt),
        "the same content is there already"
    );
    assert!(log.open().await.unwrap_or_default().is_empty(), "what is done is not open");
    assert!(
        matches!(begin(two).await, Ok(Begin::Update(known)) if known == receipt),
        "another content updates"
    );
    assert!(end(DeliveryOutcome::NoAnswer).await, "no answer is recorded");
    assert!(
        matches!(begin(two).await, Ok(Begin::Resume(Some(known))) if known == receipt),
        "no answer stays open, with the older receipt"
    );
    assert!(end(DeliveryOutcome::NotApplied).await, "not applied is recorded");
    assert!(
        matches!(begin(two).await, Ok(Begin::Update(_))),
        "what was not applied is not in doubt"
    );
    let other = log.begin(&key, "another sink", "issues/1", one).await;
    assert!(matches!(other, Ok(Begin::Fresh)), "each sink has its own");
}
