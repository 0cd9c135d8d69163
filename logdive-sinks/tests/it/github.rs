//! GitHub's comments, against a server that goes wrong.

use std::sync::Arc;
use std::time::Duration;

use logdive_core::port::{Delivery, DeliveryKind, PostError, Rendered, Sink as _, SinkError};
use logdive_core::{BlockKind, DeliveryKey, Document, Priority};
use logdive_sinks::{GithubIssues, Outbox, Secret, SqliteJournal, limits};

use crate::clock::ManualClock;
use crate::server::{Answer, Fault, OWN, Server};

const TOKEN: &str = "canary-4f2a";

fn sink(server: &Server) -> GithubIssues {
    let sink = GithubIssues::new("acme/ops", Secret::new(TOKEN)).unwrap();
    sink.base_url(&server.url).unwrap().clock(clock())
}

/// Waits of a retry pass at once, time limits are never reached.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Duration::from_secs(10_000)))
}

fn outbox(server: &Server, clock: &Arc<ManualClock>) -> Outbox {
    Outbox::to(sink(server))
        .clock(clock.clone())
        .timeout(Duration::from_secs(100_000))
        .build()
        .unwrap()
}

fn key() -> DeliveryKey {
    DeliveryKey::of(["github:42", "evidence"])
}

fn mark() -> String {
    format!("<!-- logdive:{} -->", key())
}

fn comment(text: &str) -> Delivery {
    Delivery::comment("issues/42", key(), Document::new().paragraph(text))
}

fn rendered(body: &str) -> Rendered {
    Rendered {
        kind: DeliveryKind::Comment,
        target: "issues/42".into(),
        key: key(),
        body: body.into(),
        existing: None,
    }
}

#[tokio::test]
async fn a_comment_is_written_and_updated_in_place() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("journal.db")).unwrap();
    let outbox = Outbox::to(sink(&server)).journal(journal).build().unwrap();
    let receipt = outbox.send(comment("first")).await.unwrap();
    assert_eq!(receipt.id, "1000");
    assert_eq!(
        receipt.url.as_deref(),
        Some("https://github.example/acme/ops/issues/42#issuecomment-1000")
    );
    let again = outbox.send(comment("second")).await.unwrap();
    assert_eq!(again.id, receipt.id);
    let comments = server.comments();
    assert_eq!(comments.len(), 1);
    assert_eq!(comments[0].body, format!("second\n\n{}", mark()));
    assert_eq!(
        server.requests(),
        ["POST /repos/acme/ops/issues/42/comments", "PATCH /repos/acme/ops/issues/comments/1000"]
    );
    assert_eq!(server.state.lock().unwrap().token.as_deref(), Some("Bearer canary-4f2a"));
    outbox.check().await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_leaves_one_comment() {
    for fault in [
        Fault::LoseAnswer,
        Fault::DoneThen(Answer::new(502, "<html>bad gateway</html>")),
        Fault::DoneThen(Answer::new(500, "")),
        Fault::DoneThen(Answer::new(201, "{ \"id\": ")),
        Fault::DoneThen(Answer::new(201, "x".repeat(limits::ANSWER_BYTES + 1))),
    ] {
        let server = Server::start().await;
        server.fault("POST", fault.clone());
        let receipt = outbox(&server, &clock()).send(comment("text")).await.unwrap();
        assert_eq!(receipt.id, "1000", "{fault:?}");
        assert_eq!(server.comments().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_was_not_stored_is_sent_again() {
    let server = Server::start().await;
    server.fault("POST", Fault::Only(Answer::new(503, "down")));
    server.fault("POST", Fault::Only(Answer::new(503, "down")));
    outbox(&server, &clock()).send(comment("text")).await.unwrap();
    assert_eq!(server.comments().len(), 1);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for() {
    let limits = [
        (Answer::new(429, "").header("retry-after", "17"), 17),
        (Answer::new(403, "{}").header("retry-after", "Fri, 10 Jul 2026 12:00:21 GMT"), 21),
        (
            Answer::new(403, "{\"message\":\"API rate limit exceeded\"}")
                .header("x-ratelimit-remaining", "0")
                .header("x-ratelimit-reset", "1783684819"),
            19,
        ),
        (Answer::new(403, "{\"message\":\"You have exceeded a secondary rate limit\"}"), 60),
    ];
    for (answer, seconds) in limits {
        let server = Server::start().await;
        let clock = clock();
        server.fault("POST", Fault::Only(answer));
        outbox(&server, &clock).send(comment("text")).await.unwrap();
        assert_eq!(clock.waits(), [Duration::from_secs(seconds)]);
        assert_eq!(server.comments().len(), 1);
    }
}

type Expected = fn(&SinkError) -> bool;

#[tokio::test]
async fn refusals_say_what_to_do_and_never_the_token() {
    let echo = format!("{{\"message\":\"bad token {TOKEN}\u{202e}\"}}");
    let cases: [(Answer, Expected); 8] = [
        (Answer::new(401, &*echo), |e| matches!(e, SinkError::Auth(_))),
        (Answer::new(403, &*echo), |e| matches!(e, SinkError::Auth(_))),
        (Answer::new(404, &*echo), |e| *e == SinkError::Gone("issues/42".into())),
        (Answer::new(410, &*echo), |e| matches!(e, SinkError::Gone(_))),
        (Answer::new(422, &*echo), |e| matches!(e, SinkError::Rejected(_))),
        (Answer::new(413, &*echo), |e| matches!(e, SinkError::TooLarge { .. })),
        (
            Answer::new(307, "").header("location", "http://evil.example/"),
            |e| matches!(e, SinkError::Rejected(why) if why.contains("moved")),
        ),
        (Answer::new(500, &*echo), |e| matches!(e, SinkError::NoAnswer(_))),
    ];
    for (answer, expected) in cases {
        let server = Server::start().await;
        server.fault("POST", Fault::Only(answer.clone()));
        let sink = sink(&server);
        let error = sink.deliver(&rendered("text")).await.unwrap_err();
        assert!(expected(&error), "{answer:?}: {error}");
        let shown = format!("{error} {error:?} {sink:?}");
        assert!(!shown.contains("canary") && !shown.contains('\u{202e}'), "{shown}");
        assert_eq!(server.requests().len(), 1, "it is sent once");
    }
}

#[tokio::test]
async fn a_connection_that_was_never_made_proves_that_nothing_was_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let sink = GithubIssues::new("acme/ops", Secret::new(TOKEN)).unwrap().base_url(&url).unwrap();
    let error = sink.deliver(&rendered("text")).await.unwrap_err();
    assert!(matches!(&error, SinkError::Transient(_)), "{error}");
    assert!(!error.to_string().contains("http://"), "{error}");
}

#[tokio::test]
async fn it_is_found_behind_the_first_hundred_and_only_if_it_is_ours() {
    let server = Server::start().await;
    for n in 0..130 {
        server.put(42, 1, &format!("comment {n}"));
    }
    // Somebody else repeats the mark; and one that only talks of it.
    server.put(42, 666, &format!("fake\n{}", mark()));
    server.put(42, OWN, &format!("see `{}`", mark()));
    let sink = sink(&server);
    assert_eq!(sink.find("issues/42", &key()).await, Ok(None));
    for _ in 0..100 {
        server.put(42, 1, "more");
    }
    server.put(42, OWN, &format!("ours\n\n{}\n", mark()));
    let found = sink.find("issues/42", &key()).await.unwrap().unwrap();
    assert_eq!(found.id, format!("{}", 1_000 + 130 + 2 + 100));
    let pages: Vec<String> =
        server.requests().into_iter().filter(|r| r.contains("page=3")).collect();
    assert_eq!(pages, ["GET /repos/acme/ops/issues/42/comments?per_page=100&page=3"]);
    assert_eq!(server.requests().iter().filter(|r| r.ends_with("/user")).count(), 1);
}

#[tokio::test]
async fn an_app_that_may_not_ask_who_it_is_finds_its_comments() {
    let server = Server::start().await;
    server.put(42, OWN, &mark());
    server.fault("GET", Fault::Only(Answer::new(403, "{\"message\":\"not for apps\"}")));
    assert!(sink(&server).find("pull/42", &key()).await.unwrap().is_some());
}

#[tokio::test]
async fn long_comments_are_read_in_smaller_pages() {
    let server = Server::start().await;
    // A hundred of them are 6 MB.
    for n in 0..150 {
        server.put(42, 1, &format!("{n} {}", "x".repeat(60_000)));
    }
    server.put(42, OWN, &mark());
    let found = sink(&server).find("issues/42", &key()).await.unwrap().unwrap();
    assert_eq!(found.id, "1150");
    // One that is longer than is ever read is an error, not "not there".
    let server = Server::start().await;
    server.put(42, 1, &"x".repeat(limits::ANSWER_BYTES));
    server.put(42, OWN, &mark());
    assert!(sink(&server).find("issues/42", &key()).await.is_err());
}

#[tokio::test]
async fn the_limit_holds_with_the_mark_and_a_lower_one_is_learnt() {
    let lines = (0..20_000).map(|n| format!("line {n}")).collect();
    let document =
        Document::new().paragraph("essential").with(Priority::Detail, BlockKind::Code(lines));
    let delivery = Delivery::comment("issues/42", key(), document);
    let server = Server::start().await;
    let receipt = outbox(&server, &clock()).send(delivery.clone()).await.unwrap();
    assert!(receipt.kept.lines_left_out > 0);
    let length = server.comments()[0].body.chars().count();
    assert!((60_000..=65_536).contains(&length), "{length}");

    let server = Server::start().await;
    let too_long =
        "{\"message\":\"Validation Failed\",\"errors\":[{\"message\":\"body is too long\"}]}";
    server.fault("POST", Fault::Only(Answer::new(422, too_long)));
    outbox(&server, &clock()).send(delivery).await.unwrap();
    let length = server.comments()[0].body.chars().count();
    assert!((50_000..=59_000).contains(&length), "{length}");
}

#[tokio::test]
async fn a_comment_that_somebody_removed_is_not_written_again() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("journal.db")).unwrap();
    let outbox = Outbox::to(sink(&server)).journal(journal).build().unwrap();
    outbox.send(comment("first")).await.unwrap();
    server.state.lock().unwrap().comments.clear();
    let error = outbox.send(comment("second")).await.unwrap_err();
    assert!(matches!(error, PostError::Sink { source: SinkError::Gone(_), .. }), "{error}");
    assert!(server.comments().is_empty());
}

#[tokio::test]
async fn a_check_says_why_it_will_not_work() {
    let server = Server::start().await;
    let sink = sink(&server);
    assert_eq!(sink.check().await.unwrap().detail, "`acme/ops` lets us in and has issues");
    let archived = "{\"full_name\":\"acme/ops\",\"has_issues\":true,\"archived\":true}";
    server.fault("GET", Fault::Only(Answer::new(200, archived)));
    assert_eq!(sink.check().await, Err(SinkError::Rejected("`acme/ops` is archived".into())));
    server.fault("GET", Fault::Only(Answer::new(401, "{\"message\":\"Bad credentials\"}")));
    assert!(matches!(sink.check().await, Err(SinkError::Auth(_))));
    assert!(server.comments().is_empty());
}
