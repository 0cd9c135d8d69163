//! The outbox: effectively once, whatever happens.

use std::sync::Arc;
use std::time::Duration;

use logdive_core::port::{
    Delivery, DeliveryLog, Idempotency, LimitUnit, Post, PostError, SinkError, SizeLimit,
};
use logdive_core::{Audience, BlockKind, DeliveryKey, Document, Priority};
use logdive_sinks::{Console, MarkdownFile, Outbox, OutboxBuilder, RetryPolicy, SqliteJournal};

use crate::clock::ManualClock;
use crate::scripted::{Scripted, Step};

const CLASSES: [Idempotency; 3] = [Idempotency::Native, Idempotency::ReadBack, Idempotency::None];

fn key() -> DeliveryKey {
    DeliveryKey::of(["demo:1", "evidence"])
}

fn comment(text: &str) -> Delivery {
    Delivery::comment("issues/42", key(), Document::new().paragraph(text))
}

fn build(sink: &Scripted) -> OutboxBuilder {
    let clock = Arc::new(ManualClock::new(Duration::from_secs(100_000)));
    Outbox::to(sink.clone()).clock(clock).retry(RetryPolicy::never())
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn journal(&self) -> SqliteJournal {
        SqliteJournal::open(self.folder.path().join("journal.db")).unwrap()
    }
}

#[tokio::test]
async fn the_same_content_is_sent_once_and_another_updates_it() {
    let place = Place::new();
    let sink = Scripted::new(Idempotency::ReadBack, []);
    let outbox = build(&sink).journal(place.journal()).build().unwrap();
    let first = outbox.send(comment("first")).await.unwrap();
    assert_eq!(outbox.send(comment("first")).await.unwrap(), first);
    assert_eq!(sink.sent(), 1);
    // By the seam, and after a restart.
    let again: Box<dyn Post> = Box::new(build(&sink).journal(place.journal()).build().unwrap());
    assert_eq!(again.send(comment("first")).await.unwrap(), first);
    again.send(comment("second")).await.unwrap();
    assert_eq!((sink.stored(), sink.last().as_str(), sink.sent()), (1, "second\n", 2));
}

#[tokio::test]
async fn after_a_lost_answer_it_is_looked_for_and_never_doubled() {
    for class in CLASSES {
        for step in [Step::Lose, Step::Vanish, Step::Hang(true), Step::Hang(false)] {
            let place = Place::new();
            let sink = Scripted::new(class, [step.clone()]);
            let outbox = build(&sink).journal(place.journal()).build().unwrap();
            let first = outbox.send(comment("text")).await;
            drop(outbox);
            let open = place.journal();
            let open = DeliveryLog::open(&open).await.unwrap();
            assert_eq!(open.len(), usize::from(first.is_err()), "{class:?} {step:?}");
            let outbox = build(&sink).journal(place.journal()).build().unwrap();
            let second = outbox.send(comment("text")).await;
            assert!(sink.stored() <= 1, "{class:?} {step:?}");
            if class == Idempotency::None {
                let Err(PostError::Sink { source: SinkError::NoAnswer(why), .. }) = second else {
                    panic!("{second:?}")
                };
                assert!(why.contains("sent before and nothing came back"), "{why}");
                assert_eq!(sink.sent(), 1);
            } else {
                second.unwrap();
                assert_eq!(sink.stored(), 1, "{class:?} {step:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_crash_while_it_is_sent_is_a_lost_answer() {
    for is_stored in [true, false] {
        let place = Place::new();
        let sink = Scripted::new(Idempotency::ReadBack, [Step::Hang(is_stored)]);
        // This time limit is never reached: the task ends in the middle, as in a crash.
        let clock = Arc::new(ManualClock::new(Duration::ZERO));
        let builder = Outbox::to(sink.clone()).clock(clock);
        let outbox = builder.journal(place.journal()).build().unwrap();
        let task = tokio::spawn(async move { outbox.send(comment("text")).await });
        while sink.sent() == 0 {
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        let outbox = build(&sink).journal(place.journal()).build().unwrap();
        outbox.send(comment("newer text")).await.unwrap();
        assert_eq!((sink.stored(), sink.last().as_str()), (1, "newer text\n"));
    }
}

#[tokio::test]
async fn twice_is_possible_only_where_somebody_chose_it() {
    let place = Place::new();
    let sink = Scripted::new(Idempotency::None, [Step::Lose]);
    let build = || build(&sink).journal(place.journal()).resend_unanswered(true).build().unwrap();
    assert!(build().send(comment("text")).await.is_err());
    build().send(comment("text")).await.unwrap();
    assert_eq!(sink.stored(), 2);
}

#[tokio::test]
async fn after_doubt_a_failure_is_doubt_still() {
    let place = Place::new();
    let refused = Step::Fail(SinkError::Transient("refused".into()));
    // It arrives long after everybody has given up on it.
    let sink = Scripted::new(Idempotency::ReadBack, [Step::Late(9), refused]);
    let build = || build(&sink).journal(place.journal()).build().unwrap();
    for _ in 0..2 {
        assert!(build().send(comment("text")).await.is_err());
    }
    assert_eq!(DeliveryLog::open(&place.journal()).await.unwrap().len(), 1);
    while sink.stored() == 0 {
        let _ = logdive_core::port::Sink::find(&sink, "issues/42", &key()).await;
    }
    build().send(comment("text")).await.unwrap();
    assert_eq!(sink.stored(), 1);
}

#[tokio::test]
async fn deliveries_of_one_key_follow_each_other() {
    let place = Place::new();
    let sink = Scripted::new(Idempotency::ReadBack, []);
    let outbox = Arc::new(build(&sink).journal(place.journal()).build().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let outbox = Arc::clone(&outbox);
        tasks.spawn(async move { outbox.send(comment("text")).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!((sink.stored(), sink.sent()), (1, 1));
}

#[tokio::test]
async fn without_a_journal_the_destination_is_asked() {
    let sink = Scripted::new(Idempotency::ReadBack, []);
    for text in ["first", "second"] {
        build(&sink).build().unwrap().send(comment(text)).await.unwrap();
    }
    assert_eq!((sink.stored(), sink.last().as_str()), (1, "second\n"));
    let reply =
        Delivery::reply("issues/42", DeliveryKey::of(["r"]), Document::new().paragraph("r"));
    for _ in 0..2 {
        build(&sink).build().unwrap().send(reply.clone()).await.unwrap();
    }
    assert_eq!(sink.stored(), 2);
}

#[tokio::test]
async fn a_dry_run_sends_and_records_nothing() {
    let place = Place::new();
    let sink = Scripted::new(Idempotency::ReadBack, []);
    let outbox = build(&sink).journal(place.journal()).dry_run(true).build().unwrap();
    let receipt = outbox.send(comment("text")).await.unwrap();
    assert!(receipt.dry_run && receipt.kept.is_all());
    assert_eq!(outbox.preview(&comment("text")).unwrap().body, "text\n");
    assert_eq!((sink.sent(), sink.store.lock().unwrap().asked), (0, 0));
    assert_eq!(DeliveryLog::open(&place.journal()).await.unwrap(), []);
    let outbox = build(&sink).journal(place.journal()).build().unwrap();
    assert!(!outbox.send(comment("text")).await.unwrap().dry_run);
}

#[tokio::test]
async fn nothing_goes_public_that_was_not_allowed_to() {
    let sink = Scripted::new(Idempotency::Native, []);
    let public = Delivery { audience: Audience::Public, ..comment("text") };
    for dry_run in [true, false] {
        let outbox = build(&sink).dry_run(dry_run).build().unwrap();
        let error = outbox.send(public.clone()).await.unwrap_err();
        assert!(error.to_string().contains("`allow_public(true)`"), "{error}");
        assert!(outbox.preview(&public).is_err());
    }
    assert_eq!(sink.sent(), 0);
    build(&sink).allow_public(true).build().unwrap().send(public).await.unwrap();
    assert_eq!(sink.sent(), 1);
}

#[tokio::test]
async fn what_is_too_large_is_fitted_again_once() {
    let lines = (0..100).map(|n| format!("line {n}")).collect();
    let document =
        Document::new().paragraph("essential").with(Priority::Detail, BlockKind::Code(lines));
    let delivery = Delivery::comment("t", key(), document);
    let too_large = Step::Fail(SinkError::TooLarge { actual: 1_000, max: 300 });
    let place = Place::new();
    let sink = Scripted::new(Idempotency::Native, [too_large.clone()]);
    let outbox = build(&sink).journal(place.journal()).build().unwrap();
    let receipt = outbox.send(delivery.clone()).await.unwrap();
    assert!(sink.last().len() <= 300 && sink.last().contains("lines left out"));
    assert!(receipt.kept.lines_left_out > 0);
    // What the journal gives back says the same.
    assert_eq!(outbox.send(delivery.clone()).await.unwrap(), receipt);
    // Only once.
    let sink = Scripted::new(Idempotency::Native, vec![too_large; 5]);
    let error = build(&sink).build().unwrap().send(delivery).await.unwrap_err();
    assert!(matches!(error, PostError::Sink { source: SinkError::TooLarge { .. }, .. }), "{error}");
    assert_eq!(sink.sent(), 2);
}

#[tokio::test]
async fn what_cannot_be_made_to_fit_is_not_sent() {
    let mut sink = Scripted::new(Idempotency::Native, []);
    sink.caps.body = SizeLimit { max: 10, unit: LimitUnit::Chars };
    let place = Place::new();
    let outbox = build(&sink).journal(place.journal()).build().unwrap();
    let error = outbox.send(comment("more than ten characters")).await.unwrap_err();
    assert!(matches!(error, PostError::Sink { source: SinkError::TooLarge { max: 10, .. }, .. }));
    assert_eq!(sink.sent(), 0);
    assert_eq!(DeliveryLog::open(&place.journal()).await.unwrap(), []);
}

#[tokio::test]
async fn a_journal_is_taken_by_value_or_shared() {
    let place = Place::new();
    let sink = Scripted::new(Idempotency::Native, []);
    let shared = Arc::new(place.journal());
    let dynamic: Arc<dyn DeliveryLog> = shared.clone();
    build(&sink).journal(place.journal()).build().unwrap().send(comment("x")).await.unwrap();
    build(&sink).journal(shared).build().unwrap().send(comment("x")).await.unwrap();
    build(&sink).journal(dynamic).build().unwrap().send(comment("x")).await.unwrap();
    assert_eq!(sink.sent(), 1);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let sink = Scripted::new(Idempotency::Native, []);
    assert!(build(&sink).retry(RetryPolicy::default().tries(0)).build().is_err());
    assert!(build(&sink).timeout(Duration::ZERO).build().is_err());
    let policy = RetryPolicy::default().waits(Duration::from_secs(2), Duration::from_secs(1));
    assert!(build(&sink).retry(policy).build().is_err());
}

#[tokio::test]
async fn the_console_and_the_files_get_what_they_take() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let console = Console::to("test", std::fs::File::create(&path).unwrap());
    let outbox = Outbox::to(console).width(30).build().unwrap();
    let text = "a \u{1b}[31mred line that is longer than thirty columns";
    outbox.send(comment(text)).await.unwrap();
    outbox.send(comment("two")).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        "a \\u{1b}[31mred line that is\nlonger than thirty columns\n\ntwo\n"
    );
    let files = MarkdownFile::in_folder(folder.path()).unwrap();
    let path = files.path("issues/42");
    let outbox = Outbox::to(files).build().unwrap();
    outbox.check().await.unwrap();
    let receipt = outbox.send(comment("*two*")).await.unwrap();
    assert_eq!(receipt.id, path.canonicalize().unwrap().display().to_string());
    assert!(std::fs::read_to_string(path).unwrap().contains("\n\\*two\\*\n"));
}
