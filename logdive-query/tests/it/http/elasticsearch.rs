//! Elasticsearch and OpenSearch: points in time, ties, shards, what is asked of them.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use logdive_core::port::{LayerQuery, LayerSource as _};
use logdive_core::{LogRecord, ReasonKind, ValueType, Window};
use logdive_query::ElasticsearchLayer;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{after, asking, everything, layer, nanos, predicate, read, told};
use crate::server::{Reply, Request, Server};
use crate::support::{hour, scale};

#[derive(Debug, Clone)]
struct Document {
    id: String,
    time: DateTime<chrono::Utc>,
    source: Json,
}

/// A cluster that answers as Elasticsearch or OpenSearch does.
#[derive(Debug, Clone)]
pub(super) struct Store {
    documents: Vec<Document>,
    opensearch: bool,
    /// What `_shards` says of failures.
    failures: Vec<Json>,
    timed_out: bool,
    /// Points in time that are open, and how many were opened.
    open: Arc<Mutex<(BTreeSet<String>, u32)>>,
}

impl Store {
    fn new(documents: Vec<Document>, opensearch: bool) -> Self {
        let (failures, timed_out, open) = (Vec::new(), false, Arc::default());
        Self { documents, opensearch, failures, timed_out, open }
    }

    pub(super) fn of(count: i64) -> Self {
        let document = |n| document(n, after(n * 1_000), json!({ "message": format!("line {n}") }));
        Self::new((0..count).map(document).collect(), false)
    }

    async fn serve(&self) -> Server {
        let store = self.clone();
        Server::start(move |request, before| store.answer(request, before)).await
    }

    pub(super) fn answer(&self, request: &Request, before: usize) -> Reply {
        let (open, close) = if self.opensearch {
            ("/logs-front/_search/point_in_time", "/_search/point_in_time")
        } else {
            ("/logs-front/_pit", "/_pit")
        };
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", path) if path == open => {
                assert!(request.parameter("keep_alive").is_some());
                let mut open = self.open.lock().unwrap();
                open.1 += 1;
                let id = format!("pit {}", open.1);
                open.0.insert(id.clone());
                Reply::json(200, &json!({ if self.opensearch { "pit_id" } else { "id" }: id }))
            }
            ("DELETE", path) if path == close => {
                let body = request.json();
                let id = if self.opensearch { &body["pit_id"][0] } else { &body["id"] };
                let was = self.open.lock().unwrap().0.remove(id.as_str().unwrap());
                Reply::json(if was { 200 } else { 404 }, &json!({ "succeeded": was }))
            }
            ("POST", "/_search") => self.search(&request.json(), before),
            ("POST", "/logs-front/_count") => {
                let query = &request.json()["query"];
                let count = self.documents.iter().filter(|d| matches(query, d)).count();
                Reply::json(200, &json!({ "count": count, "_shards": self.shards() }))
            }
            _ => Reply::json(
                400,
                &json!({ "error": {
                "root_cause": [], "type": "x", "reason": format!("no handler for {}", request.path),
            } }),
            ),
        }
    }

    fn shards(&self) -> Json {
        json!({ "total": 5, "failed": self.failures.len(), "failures": self.failures })
    }

    fn search(&self, body: &Json, before: usize) -> Reply {
        let pit = body["pit"]["id"].as_str().unwrap();
        if !self.open.lock().unwrap().0.contains(pit) {
            return Reply::json(404, &json!({ "error": { "type": "search_context_missing" } }));
        }
        let size = usize::try_from(body["size"].as_u64().unwrap()).unwrap();
        assert!(size <= 10_000, "index.max_result_window");
        let by_shard = body["sort"].as_array().unwrap().len() == 2;
        assert!(body["sort"][0]["@timestamp"]["order"] == "asc");
        assert_eq!(by_shard, !self.opensearch, "OpenSearch has no `_shard_doc`");
        // A document's place; OpenSearch may give equal ones in another order each time.
        let sort = |place: usize, document: &Document| {
            let tie = if by_shard { place } else { (place * 7 + before * 13) % 31 };
            (document.time.timestamp_millis(), tie)
        };
        let mut found: Vec<((i64, usize), &Document)> = (0..)
            .zip(&self.documents)
            .filter(|(_, document)| matches(&body["query"], document))
            .map(|(place, document)| (sort(place, document), document))
            .collect();
        found.sort_by_key(|(sort, _)| *sort);
        if let Some(after) = body["search_after"].as_array() {
            assert!(by_shard, "without a unique value ties would be missed");
            let at =
                (after[0].as_i64().unwrap(), usize::try_from(after[1].as_u64().unwrap()).unwrap());
            found.retain(|(sort, _)| sort.cmp(&at) == Ordering::Greater);
        }
        found.truncate(size);
        let hits: Vec<Json> = found
            .into_iter()
            .map(|((millis, tie), document)| {
                let sort = if by_shard { json!([millis, tie]) } else { json!([millis]) };
                json!({
                    "_index": "logs-front-1", "_id": document.id, "_source": document.source,
                    "sort": sort,
                })
            })
            .collect();
        let hits = json!({ "hits": hits });
        Reply::json(
            200,
            &json!({
                "pit_id": pit, "took": 1, "timed_out": self.timed_out, "_shards": self.shards(),
                "hits": hits,
            }),
        )
    }
}

/// Whether a document passes a query; the index of `x` is at `x.keyword` or `x`.
fn matches(query: &Json, document: &Document) -> bool {
    let (kind, body) = query.as_object().unwrap().iter().next().unwrap();
    let only = |body: &Json| {
        let (field, rest) = body.as_object().unwrap().iter().next().unwrap();
        (field.clone(), rest.clone())
    };
    let value = |field: &str| {
        let path = format!("/{}", field.trim_end_matches(".keyword").replace('.', "/"));
        document.source.pointer(&path).filter(|value| !value.is_null())
    };
    match kind.as_str() {
        "bool" => {
            let all = |name: &str| body[name].as_array().cloned().unwrap_or_default();
            let should = all("should");
            all("filter").iter().all(|query| matches(query, document))
                && !all("must_not").iter().any(|query| matches(query, document))
                && (should.is_empty() || should.iter().any(|query| matches(query, document)))
        }
        "term" => {
            let (field, term) = only(body);
            value(&field) == Some(&term["value"])
        }
        "terms" => {
            let (field, terms) = only(body);
            value(&field).is_some_and(|value| terms.as_array().unwrap().contains(value))
        }
        "range" => {
            let (field, bounds) = only(body);
            let number = if field == "@timestamp" {
                assert_eq!(bounds["format"], "epoch_millis");
                Some(document.time.timestamp_millis())
            } else {
                value(&field).and_then(Json::as_i64)
            };
            let Some(number) = number else { return false };
            let holds = |name: &str, test: fn(&i64, &i64) -> bool| {
                bounds[name].as_i64().is_none_or(|bound| test(&number, &bound))
            };
            holds("gte", i64::ge)
                && holds("gt", i64::gt)
                && holds("lt", i64::lt)
                && holds("lte", i64::le)
        }
        other => panic!("`{other}` is not asked for"),
    }
}

fn document(n: i64, time: DateTime<chrono::Utc>, mut source: Json) -> Document {
    source["@timestamp"] = json!(time.to_rfc3339_opts(SecondsFormat::Nanos, true));
    Document { id: format!("d{n}"), time, source }
}

fn front(server: &Server, opensearch: bool) -> ElasticsearchLayer {
    let layer = ElasticsearchLayer::new(&server.address, "logs-front");
    if opensearch { layer.opensearch() } else { layer }
}

fn expected(documents: &[Document], window: Window) -> Vec<String> {
    // The engine's times are microseconds.
    let micros = |document: &&Document| {
        let time = document.time.timestamp_micros();
        (window.from().timestamp_micros()..window.to().timestamp_micros()).contains(&time)
    };
    let record = |document: &Document| LogRecord {
        time_unix_nano: Some(nanos(document.time)),
        uid: Some(document.id.clone()),
        body: document.source["message"].as_str().map(str::to_owned),
        source: Some("logs-front-1".to_owned()),
        format: Some("elasticsearch".to_owned()),
        attributes: Some(document.source.to_string()),
        ..LogRecord::new(layer(), nanos(document.time))
    };
    told(documents.iter().filter(micros).map(record).collect())
}

#[test]
fn pages_give_what_one_read_gives() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = ProptestConfig::with_cases(8 * scale());
    proptest!(cases, |(
        times in prop::collection::vec((0_usize..8, 0_i64..3), 0..60),
        page in 1_u64..20,
        more in 0_u64..80,
        opensearch in any::<bool>(),
        sub in 0_i64..2,
    )| {
        // Around both ends of the window, finer than the index.
        let begins = [-1, 0, 1, 500, 501, 3_599_998, 3_599_999, 3_600_000];
        let documents: Vec<Document> = (0..)
            .zip(&times)
            .map(|(n, (time, micros))| {
                let time = after(begins[*time]) + TimeDelta::microseconds(micros * 400);
                document(n, time, json!({ "message": format!("line {n}") }))
            })
            .collect();
        let window = Window::new(
            hour().from() + TimeDelta::microseconds(400 * sub),
            hour().to() - TimeDelta::microseconds(200 * sub),
        ).unwrap();
        let store = Store::new(documents.clone(), opensearch);
        let (records, coverage) = runtime.block_on(async {
            let server = store.serve().await;
            let source =
                front(&server, opensearch).page(page).most_a_page(page + more).named("front").unwrap();
            read(&source, &asking(window, logdive_core::Predicate::always())).await
        });
        prop_assert_eq!(&coverage.failed, &Vec::new());
        prop_assert_eq!(coverage.read, coverage.planned);
        prop_assert!(store.open.lock().unwrap().0.is_empty(), "the point in time is closed");
        let (found, all) = (told(records), expected(&documents, window));
        if coverage.stopped_by.is_none() {
            prop_assert_eq!(found, all);
        } else {
            prop_assert!(opensearch, "only OpenSearch has ties");
            let (found, all): (BTreeSet<_>, BTreeSet<_>) =
                (found.into_iter().collect(), all.into_iter().collect());
            prop_assert!(found.is_subset(&all));
        }
    });
}

#[tokio::test]
async fn a_millisecond_that_holds_more_than_an_answer_is_cut_in_opensearch_only() {
    let at_once = |n| document(n, after(7_000), json!({ "message": format!("at once {n}") }));
    let mut documents: Vec<Document> = (0..50).map(at_once).collect();
    documents.push(document(50, after(8_000), json!({ "message": "behind" })));
    for opensearch in [false, true] {
        let server = Store::new(documents.clone(), opensearch).serve().await;
        let source = front(&server, opensearch).page(10).most_a_page(20).named("front").unwrap();
        let (records, coverage) = read(&source, &everything()).await;
        assert!(records.iter().any(|record| record.body.as_deref() == Some("behind")));
        let expected = if opensearch { 21..51 } else { 51..52 };
        assert!(expected.contains(&records.len()), "{}", records.len());
        let stopped = coverage.stopped_by.unwrap_or_default();
        assert_eq!(stopped.contains("limit of 20 documents"), opensearch, "{stopped}");
    }
}

#[tokio::test]
async fn shards_that_failed_fail_the_coverage() {
    let failure = json!({ "shard": 2, "index": "logs-front-1", "reason": {
        "type": "circuit_breaking_exception", "reason": "[parent] Data too large",
    } });
    let store = Store { failures: vec![failure], ..Store::of(10) };
    let (records, coverage) = {
        let server = store.serve().await;
        read(&front(&server, false).named("front").unwrap(), &everything()).await
    };
    assert_eq!(records.len(), 10, "what came is kept");
    assert_eq!((coverage.planned, coverage.read), (1, 0));
    let failed = &coverage.failed[0];
    assert_eq!(failed.detail, "1 of 5 shards failed: `logs-front-1`: [parent] Data too large");
    let store = Store { timed_out: true, ..Store::of(10) };
    let server = store.serve().await;
    let source = front(&server, false).named("front").unwrap();
    let (_, coverage) = read(&source, &everything()).await;
    assert_eq!(coverage.failed[0].kind, ReasonKind::TimedOut);
    // A count over shards that failed is no count.
    let store = Store { failures: vec![json!({ "reason": { "type": "x" } })], ..Store::of(10) };
    let server = store.serve().await;
    let source = front(&server, false).named("front").unwrap();
    let error = source.count(&everything()).await.unwrap_err();
    assert!(error.to_string().contains("1 of 5 shards failed"), "{error}");
}

#[tokio::test]
async fn what_is_left_out_by_the_store_never_met_the_predicate() {
    let sources = [
        json!({ "status": 200, "code": "ok", "message": "fine" }),
        json!({ "status": 500, "code": "Throttled", "message": "slow" }),
        json!({ "status": 503, "message": "gone" }),
        json!({ "code": "throttled" }),
        json!({ "status": null, "code": "x" }),
    ];
    let documents = (0..).zip(sources).map(|(n, source)| document(n, after(n * 10), source));
    let server = Store::new(documents.collect(), false).serve().await;
    let source = front(&server, false)
        .indexed("status", "status", ValueType::Int, "status")
        .indexed("code", "code", ValueType::Text, "code.keyword")
        .field("free", "message", ValueType::Text)
        .named("front")
        .unwrap();
    let (all, _) = read(&source, &everything()).await;
    let asked = [
        ("status >= 500", Some(2)),
        ("status < 500", Some(1)),
        ("status != 200", Some(4)),
        (r#"code == "Throttled""#, Some(1)),
        (r#"code in {"ok", "x"} and free == "fine""#, Some(2)),
        (r#"status == 503 or code == "x""#, Some(2)),
        (r#"free == "fine""#, None),
        (r#"body contains "o""#, None),
        ("code is absent", None),
        (r#"not (code == "ok")"#, None),
    ];
    for (text, answered) in asked {
        let predicate = predicate(text, source.layer());
        let meets = |record: &LogRecord| {
            let batch: logdive_core::LogBatch = [record.clone()].into_iter().collect();
            let reader = source.layer().reader(batch.row(0).unwrap());
            predicate.eval(&|field| reader.read(field)).is_true()
        };
        let (found, coverage) = read(&source, &asking(hour(), predicate.clone())).await;
        assert_eq!(coverage.answered.is_empty(), answered.is_none(), "{text}");
        assert_eq!(found.len(), answered.unwrap_or(all.len()), "{text}");
        let of = |records: &[LogRecord]| {
            told(records.iter().filter(|record| meets(record)).cloned().collect())
        };
        assert_eq!(of(&found), of(&all), "{text}");
    }
}

#[tokio::test]
async fn counts_are_asked_only_where_they_are_exact() {
    let server = Store::of(10).serve().await;
    let source = front(&server, false)
        .indexed("message", "message", ValueType::Text, "message.keyword")
        .named("front")
        .unwrap();
    assert_eq!(source.count(&everything()).await.unwrap(), Some(10));
    let five = Window::new(hour().from(), after(5_000)).unwrap();
    let always = logdive_core::Predicate::always;
    assert_eq!(source.count(&asking(five, always())).await.unwrap(), Some(5));
    let odd = Window::new(hour().from(), after(5_000) + TimeDelta::microseconds(1)).unwrap();
    assert_eq!(source.count(&asking(odd, always())).await.unwrap(), None);
    let some = predicate(r#"message == "line 1""#, source.layer());
    assert_eq!(source.count(&asking(hour(), some)).await.unwrap(), None);
}

#[tokio::test]
async fn a_point_in_time_is_closed_however_it_ends() {
    use futures_util::StreamExt as _;

    for opensearch in [false, true] {
        let store = Store { opensearch, ..Store::of(100) };
        let server = store.serve().await;
        let source = front(&server, opensearch).page(10).named("front").unwrap();
        let limited = LayerQuery { limit: Some(25), ..everything() };
        let (records, _) = read(&source, &limited).await;
        assert_eq!(records.len(), 25);
        assert!(store.open.lock().unwrap().0.is_empty());
        let mut stream = source.read(&everything()).await.unwrap();
        stream.next().await.unwrap().unwrap();
        assert_eq!(store.open.lock().unwrap().0.len(), 1);
        drop(stream);
        let closed = async {
            while !store.open.lock().unwrap().0.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap();
    }
}

#[tokio::test]
async fn names_of_indices_are_checked() {
    for bad in ["", "_all", "..", "a/_search", "a?x", "a b"] {
        let error = ElasticsearchLayer::new("http://localhost", bad).named("front").unwrap_err();
        assert!(error.to_string().contains("no name of an index"), "{bad}: {error}");
    }
}
