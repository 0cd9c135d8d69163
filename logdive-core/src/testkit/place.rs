//! Suites of sinks, posts, clocks and ticket sources.

use chrono::TimeDelta;

use crate::port::{
    Clock, Delivery, DeliveryKind, Idempotency, Post, Rendered, Sink, TicketSource,
    TicketSourceError,
};
use crate::{DeliveryKey, Document, TicketId};

/// A clock does not go back, and waiting for a time that has passed does not wait.
///
/// # Panics
/// If something does not hold.
pub async fn clock(clock: &dyn Clock) {
    let before = clock.now();
    clock.sleep_until(before - TimeDelta::hours(1)).await;
    let soon = clock.now() + TimeDelta::milliseconds(5);
    clock.sleep_until(soon).await;
    assert!(clock.now() >= soon, "it woke before the time");
    assert!(clock.now() >= before, "it went back");
}

/// A sink, at a target that exists: it delivers, tells what it has as it claims, and updates in
/// place. `read` gives the bodies that are stored at the target.
///
/// # Panics
/// If something does not hold.
pub async fn sink(sink: &dyn Sink, target: &str, read: impl AsyncFn() -> Vec<String>) {
    let caps = sink.caps();
    assert!(!caps.name.is_empty(), "a sink has a name");
    assert!(sink.check().await.is_ok(), "a sink that is there is healthy");
    let key = DeliveryKey::of(["testkit", target]);
    let body = "testkit: first é \u{1f980}";
    let mut rendered = Rendered {
        kind: DeliveryKind::Comment,
        target: target.to_owned(),
        key,
        body: body.to_owned(),
        existing: None,
    };
    let tells = caps.idempotency != Idempotency::None;
    if caps.idempotency == Idempotency::ReadBack {
        let nothing = sink.find(target, &key).await;
        assert!(matches!(nothing, Ok(None)), "nothing is there yet: {nothing:?}");
    }
    let receipt = match sink.deliver(&rendered).await {
        Ok(receipt) => receipt,
        Err(error) => panic!("a delivery was not taken: {error}"),
    };
    let stored = read().await;
    assert_eq!(stored.iter().filter(|text| text.contains(body)).count(), 1, "stored once");
    if caps.idempotency == Idempotency::ReadBack {
        let found = sink.find(target, &key).await;
        assert!(
            matches!(&found, Ok(Some(found)) if found.id == receipt.id),
            "what was delivered is found: {found:?}"
        );
    }
    if tells {
        rendered.existing = Some(receipt);
        "testkit: second".clone_into(&mut rendered.body);
        assert!(sink.deliver(&rendered).await.is_ok(), "an update is taken");
        let stored = read().await;
        let count = |text: &str| stored.iter().filter(|body| body.contains(text)).count();
        assert_eq!((count(body), count("testkit: second")), (0, 1), "updated in place");
    }
}

/// A post: the same delivery twice is there once. `count` tells how many are stored.
///
/// # Panics
/// If something does not hold.
pub async fn post(post: &dyn Post, target: &str, count: impl AsyncFn() -> usize) {
    let before = count().await;
    let key = DeliveryKey::of(["testkit post", target]);
    let delivery = Delivery::comment(target, key, Document::new().paragraph("testkit"));
    for _ in 0..2 {
        assert!(post.send(delivery.clone()).await.is_ok(), "a delivery is taken");
    }
    assert_eq!(count().await, before + 1, "stored once");
}

/// A ticket source that has one ticket, of this id.
///
/// # Panics
/// If something does not hold.
pub async fn ticket_source(source: &dyn TicketSource, id: &TicketId) {
    assert!(source.fetch(id).await.is_ok_and(|ticket| ticket.id == *id), "it is fetched");
    let Ok(missing) = TicketId::new(id.source(), "testkit-no-such-ticket") else {
        panic!("a ticket's id")
    };
    let nothing = source.fetch(&missing).await;
    assert!(matches!(nothing, Err(TicketSourceError::Unknown(_))), "{nothing:?}");
    let Ok(changes) = source.changed_since(None).await else { panic!("changes are listed") };
    assert!(changes.tickets.iter().any(|ticket| ticket.id == *id), "it is among the changes");
    let Ok(later) = source.changed_since(Some(&changes.next)).await else {
        panic!("changes are listed from a cursor")
    };
    assert!(later.tickets.is_empty(), "nothing changed since");
}
