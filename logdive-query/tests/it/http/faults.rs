//! What all of them do when a store does not answer as it should.

use std::sync::Arc;
use std::time::Duration;

use logdive_core::port::{LayerQuery, LayerSource, SystemClock};
use logdive_core::{LayerCoverage, ReasonKind};
use logdive_query::{CloudWatchLayer, ElasticsearchLayer, LokiLayer};

use super::{cloudwatch, elasticsearch, everything, loki, read, soon};
use crate::server::{Reply, Request, Server};
use crate::support::{Standing, hour};

type Answer = dyn Fn(&Request, usize) -> Reply + Send + Sync;

/// A secret that must be in no message.
const CANARY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The stores, each with 30 lines, and the layer that reads it.
fn stores() -> [(&'static str, Arc<Answer>); 3] {
    let (l, e, c) = (loki::Store::of(30), elasticsearch::Store::of(30), cloudwatch::Store::of(30));
    [
        ("loki", Arc::new(move |request: &Request, _| l.answer(request))),
        ("elasticsearch", Arc::new(move |request: &Request, n| e.answer(request, n))),
        ("cloudwatch", Arc::new(move |request: &Request, _| c.answer(request))),
    ]
}

fn source(store: &str, address: &str, clock: Option<Arc<Standing>>) -> Box<dyn LayerSource> {
    let clock: Arc<dyn logdive_core::port::Clock> = match clock {
        Some(clock) => clock,
        None => Arc::new(SystemClock::new()),
    };
    match store {
        "loki" => {
            let layer = LokiLayer::new(address, r#"{app="front"}"#).clock(clock).bearer(CANARY);
            Box::new(layer.page(10).named("front").unwrap())
        }
        "elasticsearch" => {
            let layer = ElasticsearchLayer::new(address, "logs-front").clock(clock);
            Box::new(layer.api_key(CANARY).page(10).named("front").unwrap())
        }
        _ => {
            let layer = CloudWatchLayer::filter("eu-central-1", "/aws/front").endpoint(address);
            let layer = layer.keys("AKIDEXAMPLE", CANARY).page(10).clock(clock);
            Box::new(layer.named("front").unwrap())
        }
    }
}

/// Reads all stores with trouble before some of their answers; gives what each covered.
async fn trouble(
    when: impl Fn(usize) -> Option<Reply> + Clone + Send + Sync + 'static,
    query: &LayerQuery,
    clock: Option<Arc<Standing>>,
) -> Vec<(&'static str, usize, LayerCoverage, usize)> {
    let mut all = Vec::new();
    for (name, answer) in stores() {
        let when = when.clone();
        let server =
            Server::start(move |request, n| when(n).unwrap_or_else(|| answer(request, n))).await;
        let source = source(name, &server.address, clock.clone());
        let (records, coverage) = read(&*source, query).await;
        assert!(!format!("{coverage:?} {source:?}").contains(CANARY), "{name}");
        all.push((name, records.len(), coverage, server.requests().len()));
    }
    all
}

/// Trouble that ends all reading: nothing is read, and the coverage says why.
async fn fails(reply: Reply, said: &str) {
    let query = everything();
    for (name, lines, coverage, requests) in
        trouble(move |_| Some(reply.clone()), &query, None).await
    {
        assert_eq!(lines, 0, "{name}");
        let failed = coverage.failed.first().map(ToString::to_string).unwrap_or_default();
        assert!(failed.contains(said), "{name}: {failed}");
        assert!(coverage.read < coverage.planned, "{name}");
        assert!(coverage.gap(&super::layer(), hour().from()).is_some(), "{name}");
        assert!(requests <= 21, "{name}: asked {requests} times");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_no_quiet_layer() {
    fails(Reply::text(200, "<html>sign in</html>"), "not what it should be").await;
    fails(Reply::text(200, "{}"), "not what it should be").await;
    fails(Reply::text(200, ""), "not what it should be").await;
    fails(Reply::text(404, "nothing here\n\x07"), "answered 404: nothing here").await;
    fails(Reply::text(302, "").with("location", "http://127.0.0.1:1/"), "redirects").await;
    fails(Reply::text(503, "busy").again(), "answered 503: busy (20 times)").await;
    fails(Reply::text(429, "slow down").again(), "throttles: slow down (20 times)").await;
}

#[tokio::test]
async fn refused_credentials_are_said_and_not_repeated() {
    for status in [401, 403] {
        fails(Reply::text(status, &format!("bad key {CANARY}")), "refused the credentials").await;
    }
}

#[tokio::test]
async fn a_store_that_throttles_for_a_while_is_read_whole() {
    let query = everything();
    let when = |n| (n % 4 < 2).then(|| Reply::text(429, "").again());
    for (name, lines, coverage, _) in trouble(when, &query, None).await {
        assert_eq!((lines, coverage.failed.len()), (30, 0), "{name}: {coverage:?}");
        assert_eq!(coverage.planned, coverage.read, "{name}");
    }
    // One answer of three is cut in the middle, or fails.
    for reply in [Reply::text(200, "[1, 2, 3]").cut(), Reply::text(500, "oops").again()] {
        let when = move |n| (n == 2).then(|| reply.clone());
        for (name, lines, coverage, _) in trouble(when, &query, None).await {
            assert_eq!((lines, coverage.failed.len()), (30, 0), "{name}: {coverage:?}");
        }
    }
}

#[tokio::test]
async fn what_came_before_the_trouble_is_kept() {
    let query = everything();
    let when = |n| (n >= 2).then(|| Reply::text(400, "no more"));
    for (name, lines, coverage, _) in trouble(when, &query, None).await {
        // A point in time is opened first.
        assert_eq!(
            lines,
            if name == "elasticsearch" { 10 } else { 19 + usize::from(name == "cloudwatch") },
            "{name}"
        );
        assert!(coverage.failed[0].detail.contains("answered 400: no more"), "{coverage:?}");
        assert!(coverage.read < coverage.planned, "{name}");
    }
}

#[tokio::test]
async fn a_deadline_ends_what_is_slow() {
    let (clock, query) = soon(Duration::from_millis(50));
    let when = |n| (n >= 2).then(Reply::never);
    for (name, _, coverage, _) in trouble(when, &query, Some(clock)).await {
        assert_eq!(coverage.failed[0].kind, ReasonKind::TimedOut, "{name}: {coverage:?}");
    }
    // Waiting longer than there is time is not begun.
    let (clock, query) = soon(Duration::from_secs(60));
    let when = |_| Some(Reply::text(429, "").with("retry-after", "3600"));
    for (name, _, coverage, requests) in trouble(when, &query, Some(clock)).await {
        assert!(coverage.failed[0].detail.contains("no time is left"), "{name}: {coverage:?}");
        assert_eq!(requests, 1, "{name}");
    }
}

#[tokio::test]
async fn answers_that_are_always_cut_off_are_given_up() {
    let (clock, query) = soon(Duration::from_millis(50));
    let when = |_| Some(Reply::text(200, "{\"status\": 1, \"events\": []}").cut());
    for (name, lines, coverage, _) in trouble(when, &query, Some(Arc::clone(&clock))).await {
        assert_eq!((lines, coverage.read), (0, 0), "{name}");
        let failed = &coverage.failed[0].detail;
        assert!(failed.contains("was cut off") || failed.contains("deadline"), "{name}: {failed}");
    }
}

#[tokio::test]
async fn a_store_that_is_not_there_is_said() {
    for (name, _) in stores() {
        // A port that was free a moment ago.
        let address = Server::start(|_, _| Reply::text(200, "")).await.address.clone();
        let (clock, query) = soon(Duration::from_millis(40));
        let (records, coverage) = read(&*source(name, &address, Some(clock)), &query).await;
        assert!(records.is_empty());
        assert!(!coverage.failed.is_empty(), "{name}");
    }
}
