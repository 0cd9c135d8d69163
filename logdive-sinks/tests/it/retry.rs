//! Retry and timeout: never twice what may have arrived.

use std::sync::Arc;
use std::time::Duration;

use logdive_core::DeliveryKey;
use logdive_core::port::{
    Clock, DeliveryKind, Idempotency, Receipt, Rendered, Sink as _, SinkError,
};
use logdive_sinks::{Retry, RetryPolicy, Timeout, wrap};

use crate::clock::ManualClock;
use crate::scripted::{Scripted, Step};

const MINUTE: Duration = Duration::from_secs(60);

fn rendered(existing: Option<Receipt>) -> Rendered {
    Rendered {
        kind: DeliveryKind::Comment,
        target: "t".into(),
        key: DeliveryKey::of(["k"]),
        body: "x".into(),
        existing,
    }
}

struct Tried {
    answer: Result<Receipt, SinkError>,
    sink: Scripted,
    waits: Vec<Duration>,
}

async fn try_with(policy: RetryPolicy, class: Idempotency, steps: Vec<Step>) -> Tried {
    try_sink(policy, Scripted::new(class, steps)).await
}

async fn try_sink(policy: RetryPolicy, sink: Scripted) -> Tried {
    let clock = Arc::new(ManualClock::new(Duration::from_secs(100_000)));
    let shared: Arc<dyn Clock> = clock.clone();
    let timeout = Timeout::new(MINUTE, shared.clone());
    let retry = Retry::new(policy, MINUTE, shared);
    let stack = wrap(wrap(Arc::new(sink.clone()), timeout), retry);
    let answer = stack.deliver(&rendered(None)).await;
    Tried { answer, sink, waits: clock.waits() }
}

fn fail(times: usize) -> Vec<Step> {
    vec![Step::Fail(SinkError::Transient("refused".into())); times]
}

#[tokio::test]
async fn what_was_not_applied_is_sent_again_and_waits_grow() {
    let tried = try_with(RetryPolicy::default(), Idempotency::None, fail(7)).await;
    assert!(tried.answer.is_ok());
    assert_eq!((tried.sink.stored(), tried.sink.sent()), (1, 8));
    assert_eq!(tried.waits.len(), 7);
    for (n, wait) in tried.waits.iter().enumerate() {
        let full = Duration::from_secs(1 << n).min(MINUTE);
        assert!(*wait >= full / 2 && *wait <= full, "wait {n}: {wait:?}");
    }
    // The ninth try is not made.
    let tried = try_with(RetryPolicy::default(), Idempotency::None, fail(8)).await;
    assert_eq!(tried.answer, Err(SinkError::Transient("refused".into())));
    assert_eq!((tried.sink.stored(), tried.sink.sent()), (0, 8));
    // Waits are the same each time, and others with another seed.
    let again = try_with(RetryPolicy::default(), Idempotency::None, fail(7)).await;
    let other = try_with(RetryPolicy::default().seed(7), Idempotency::None, fail(7)).await;
    assert_eq!(again.waits, tried.waits);
    assert_ne!(other.waits, tried.waits);
}

#[tokio::test]
async fn a_lost_answer_never_doubles() {
    for class in [Idempotency::Native, Idempotency::ReadBack, Idempotency::None] {
        for step in [Step::Lose, Step::Hang(true)] {
            let tried = try_with(RetryPolicy::default(), class, vec![step]).await;
            assert_eq!(tried.sink.stored(), 1, "{class:?}");
            let is_known = class != Idempotency::None;
            assert_eq!(tried.answer.is_ok(), is_known, "{class:?}: {:?}", tried.answer);
        }
    }
}

#[tokio::test]
async fn what_vanished_is_sent_again_if_that_can_be_told() {
    for class in [Idempotency::Native, Idempotency::ReadBack] {
        let tried = try_with(RetryPolicy::default(), class, vec![Step::Vanish, Step::Vanish]).await;
        assert!(tried.answer.is_ok(), "{class:?}");
        assert_eq!((tried.sink.stored(), tried.sink.sent()), (1, 3), "{class:?}");
    }
    let tried = try_with(RetryPolicy::default(), Idempotency::None, vec![Step::Vanish]).await;
    assert!(matches!(tried.answer, Err(SinkError::NoAnswer(_))));
    assert_eq!(tried.sink.sent(), 1);
}

#[tokio::test]
async fn what_is_still_on_its_way_is_waited_for() {
    let steps = vec![Step::Late(1)];
    let tried = try_with(RetryPolicy::default(), Idempotency::ReadBack, steps).await;
    assert!(tried.answer.is_ok());
    assert_eq!((tried.sink.stored(), tried.sink.sent()), (1, 1));
    assert!(tried.waits.contains(&Duration::from_secs(2)), "settles: {:?}", tried.waits);
}

#[tokio::test]
async fn after_a_lost_answer_no_error_says_that_nothing_was_applied() {
    for error in [
        SinkError::Transient("refused".into()),
        SinkError::Auth("expired".into()),
        SinkError::RateLimited { after: Some(Duration::from_secs(86_400)) },
        SinkError::Rejected("no".into()),
    ] {
        let mut steps = vec![Step::Vanish];
        steps.extend(vec![Step::Fail(error.clone()); 9]);
        for class in [Idempotency::Native, Idempotency::ReadBack] {
            let tried = try_with(RetryPolicy::default(), class, steps.clone()).await;
            assert!(matches!(tried.answer, Err(SinkError::NoAnswer(_))), "{error} {class:?}");
        }
    }
}

#[tokio::test]
async fn a_question_without_an_answer_is_asked_again() {
    let sink = Scripted::new(Idempotency::ReadBack, [Step::Lose]);
    sink.store.lock().unwrap().find_errors =
        [SinkError::Transient("x".into()), SinkError::RateLimited { after: None }].into();
    let tried = try_sink(RetryPolicy::default(), sink).await;
    assert!(tried.answer.is_ok());
    assert_eq!((tried.sink.stored(), tried.sink.sent()), (1, 1));
    // Also when there is no try left to send it.
    let sink = Scripted::new(Idempotency::ReadBack, [Step::Lose]);
    let tried = try_sink(RetryPolicy::never(), sink).await;
    assert!(tried.answer.is_ok());
    // And one that may not ask gives its doubt back.
    let sink = Scripted::new(Idempotency::ReadBack, [Step::Lose]);
    sink.store.lock().unwrap().find_errors = vec![SinkError::Auth("x".into()); 9].into();
    let tried = try_sink(RetryPolicy::default(), sink).await;
    assert!(matches!(tried.answer, Err(SinkError::NoAnswer(_))), "{:?}", tried.answer);
    assert_eq!(tried.sink.sent(), 1);
}

#[tokio::test]
async fn an_update_in_place_is_sent_again() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(MINUTE));
    let sink = Scripted::new(Idempotency::ReadBack, []);
    sink.deliver(&rendered(None)).await.unwrap();
    sink.store.lock().unwrap().steps = [Step::Vanish].into();
    let stack = wrap(Arc::new(sink.clone()), Retry::new(RetryPolicy::default(), MINUTE / 2, clock));
    let update = Rendered { body: "new".into(), ..rendered(Some(Receipt::new("0"))) };
    stack.deliver(&update).await.unwrap();
    assert_eq!((sink.stored(), sink.last().as_str()), (1, "new"));
}

#[tokio::test]
async fn a_rate_limit_is_honoured_as_far_as_patience_goes() {
    let limited = |seconds| {
        vec![Step::Fail(SinkError::RateLimited { after: Some(Duration::from_secs(seconds)) })]
    };
    let tried = try_with(RetryPolicy::default(), Idempotency::None, limited(30)).await;
    assert!(tried.answer.is_ok());
    assert_eq!(tried.waits, [Duration::from_secs(30)]);
    let tried = try_with(RetryPolicy::default(), Idempotency::None, limited(3_600)).await;
    let after = Some(Duration::from_secs(3_600));
    assert_eq!(tried.answer, Err(SinkError::RateLimited { after }));
    assert_eq!(tried.waits, []);
}

#[tokio::test]
async fn what_is_final_is_not_tried_again() {
    for error in [
        SinkError::Auth("x".into()),
        SinkError::Gone("x".into()),
        SinkError::Rejected("x".into()),
        SinkError::TooLarge { actual: 2, max: 1 },
    ] {
        let steps = vec![Step::Fail(error.clone())];
        let tried = try_with(RetryPolicy::default(), Idempotency::ReadBack, steps).await;
        assert_eq!(tried.answer, Err(error));
        assert_eq!(tried.sink.sent(), 1);
    }
}
