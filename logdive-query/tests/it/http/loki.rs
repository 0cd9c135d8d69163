//! Loki: paging by time, parts of a window, what is asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logdive_core::port::{LayerQuery, LayerSource as _};
use logdive_core::{
    Fact, FieldPath, Function, Layer, LayerField, LogRecord, Predicate, ReasonKind, ValueType,
};
use logdive_query::{DivePlan, Diver, LokiLayer, Select};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{after, asking, bodies, everything, layer, literals, nanos, predicate, read, told};
use crate::server::{Reply, Request, Server};
use crate::support::{Standing, clock, hour, measure, scale, window};

/// An entry of the store.
#[derive(Debug, Clone)]
struct Entry {
    time: i64,
    labels: BTreeMap<String, String>,
    text: String,
    metadata: Option<Json>,
}

/// A store that answers as Loki does.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    entries: Vec<Entry>,
    most: usize,
    longest: i64,
}

impl Store {
    fn new(entries: Vec<Entry>) -> Self {
        Self { entries, most: 5_000, longest: i64::MAX }
    }

    /// So many lines, one a second, of two pods.
    pub(super) fn of(count: i64) -> Self {
        let entry = |n| entry(n * 1_000_000_000, n % 2, &format!("line {n}"));
        Self::new((0..count).map(entry).collect())
    }

    /// Lines at times in nanoseconds, of one pod.
    pub(crate) fn lines(lines: impl IntoIterator<Item = (i64, String)>) -> Self {
        let start = nanos(hour().from());
        Self::new(lines.into_iter().map(|(time, text)| entry(time - start, 0, &text)).collect())
    }

    pub(crate) async fn serve(self) -> Server {
        Server::start(move |request, _| self.answer(request)).await
    }

    pub(super) fn answer(&self, request: &Request) -> Reply {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("GET", "/loki/api/v1/query_range")
        );
        let number = |name: &str| request.parameter(name).map(|text| text.parse::<i64>().unwrap());
        let (start, end) = (number("start").unwrap(), number("end").unwrap());
        let limit = usize::try_from(number("limit").unwrap_or(100)).unwrap();
        if end - start > self.longest {
            let text = "the query time range exceeds the limit (query length: 1h, limit: 1m)\n";
            return Reply::text(400, text);
        }
        if limit > self.most {
            let most = self.most;
            return Reply::text(
                400,
                &format!(
                    "max entries limit per query exceeded, limit > max_entries_limit_per_query \
                     ({limit} > {most})"
                ),
            );
        }
        let query = Query::parse(request.parameter("query").unwrap());
        let mut found: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| (start..end).contains(&entry.time) && query.matches(entry))
            .collect();
        found.sort_by_key(|entry| entry.time);
        if request.parameter("direction") != Some("forward") {
            found.reverse();
        }
        found.truncate(limit);
        let apart = request.header("x-loki-response-encoding-flags") == Some("categorize-labels");
        let mut streams: BTreeMap<BTreeMap<String, String>, Vec<Json>> = BTreeMap::new();
        for entry in &found {
            let mut labels = entry.labels.clone();
            let mut value = vec![json!(entry.time.to_string()), json!(entry.text)];
            match (&entry.metadata, apart) {
                (Some(metadata), true) => value.push(json!({ "structuredMetadata": metadata })),
                (None, true) => value.push(json!({})),
                (Some(Json::Object(metadata)), false) => labels.extend(
                    metadata.iter().map(|(key, v)| (key.clone(), v.as_str().unwrap().to_owned())),
                ),
                _ => {}
            }
            streams.entry(labels).or_default().push(Json::Array(value));
        }
        let result: Vec<Json> = streams
            .into_iter()
            .map(|(stream, values)| json!({ "stream": stream, "values": values }))
            .collect();
        let summary = json!({ "totalBytesProcessed": 1_000, "totalLinesProcessed": found.len() });
        Reply::json(
            200,
            &json!({ "status": "success", "data": {
                "resultType": "streams", "result": result, "stats": { "summary": summary },
            } }),
        )
    }
}

/// The part of LogQL that is asked here.
struct Query {
    labels: Vec<(String, Vec<String>)>,
    lines: Vec<Vec<String>>,
}

impl Query {
    fn parse(text: &str) -> Self {
        let mut rest = text.strip_prefix('{').unwrap();
        let mut query = Self { labels: Vec::new(), lines: Vec::new() };
        loop {
            let quote = rest.find('"').unwrap();
            let matcher = rest[..quote].trim_matches([',', ' ']);
            let (string, behind) = string(&rest[quote..]);
            let values = if matcher.ends_with("=~") { literals(&string) } else { vec![string] };
            query.labels.push((matcher.trim_end_matches(['=', '~']).to_owned(), values));
            rest = behind;
            if let Some(behind) = rest.strip_prefix('}') {
                rest = behind;
                break;
            }
        }
        while !rest.is_empty() {
            let (string, behind) = string(rest.strip_prefix(" |~ ").unwrap());
            query.lines.push(literals(&string));
            rest = behind;
        }
        query
    }

    fn matches(&self, entry: &Entry) -> bool {
        let label = |(name, values): &(String, Vec<String>)| {
            entry.labels.get(name).is_some_and(|value| values.contains(value))
        };
        self.labels.iter().all(label)
            && self.lines.iter().all(|texts| texts.iter().any(|text| entry.text.contains(text)))
    }
}

/// A string of Go, and what follows it.
fn string(text: &str) -> (String, &str) {
    let mut string = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return (string, &text[place + 1..]),
            '\\' => string.push(chars.next().unwrap().1),
            c => string.push(c),
        }
    }
    panic!("`{text}` has no end");
}

fn entry(offset: i64, pod: i64, text: &str) -> Entry {
    let labels = [("app", "front".to_owned()), ("pod", format!("p{pod}"))];
    Entry {
        time: nanos(hour().from()) + offset,
        labels: labels.map(|(name, value)| (name.to_owned(), value)).into(),
        text: text.to_owned(),
        metadata: None,
    }
}

/// What the entries of the window are as lines, told by hand.
fn expected(entries: &[Entry]) -> Vec<String> {
    let inside = |entry: &&Entry| (nanos(hour().from())..nanos(hour().to())).contains(&entry.time);
    let record = |entry: &Entry| {
        let labels = serde_json::to_string(&entry.labels).unwrap();
        LogRecord {
            time_unix_nano: Some(entry.time),
            emitter: Some(labels.clone()),
            resource: Some(labels),
            body: Some(entry.text.clone()),
            format: Some("text".to_owned()),
            ..LogRecord::new(layer(), entry.time)
        }
    };
    told(entries.iter().filter(inside).map(record).collect())
}

fn front(server: &Server) -> LokiLayer {
    LokiLayer::new(&server.address, r#"{app="front"}"#)
}

#[test]
fn pages_give_what_one_read_gives() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Few times, so that many entries share a nanosecond, and equal entries among them.
    let line = (0_i64..12, 0_i64..3, "[ab]");
    let cases = ProptestConfig::with_cases(8 * scale());
    proptest!(cases, |(
        lines in prop::collection::vec(line, 0..60),
        page in 1_u64..20,
        more in 0_u64..60,
        longest in prop_oneof![Just(i64::MAX), Just(1_000_000_000_000), Just(400_000_000_000)],
    )| {
        // At both ends of the window, and outside of it.
        let times = [-1, 0, 1, 2, 600_000_000_000, 600_000_000_001, 1_800_000_000_000,
            3_599_999_999_999, 3_599_999_999_000, 3_600_000_000_000, 5, 6];
        let entries: Vec<Entry> = lines
            .iter()
            .map(|(time, pod, text)| entry(times[usize::try_from(*time).unwrap()], *pod, text))
            .collect();
        let store = Store { longest, ..Store::new(entries.clone()) };
        let (records, coverage) = runtime.block_on(async {
            let server = store.serve().await;
            let source = front(&server).page(page).most_a_page(page + more).named("front").unwrap();
            read(&source, &everything()).await
        });
        let found = told(records);
        let all = expected(&entries);
        prop_assert_eq!(&coverage.failed, &Vec::new());
        prop_assert_eq!(coverage.read, coverage.planned);
        if coverage.stopped_by.is_none() {
            prop_assert_eq!(found, all);
        } else {
            // Only a nanosecond that holds as many entries as one answer may is cut.
            let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
            entries.iter().for_each(|entry| *counts.entry(entry.time).or_default() += 1);
            prop_assert!(counts.values().any(|count| *count >= page + more));
            let (found, all): (BTreeSet<_>, BTreeSet<_>) =
                (found.into_iter().collect(), all.into_iter().collect());
            prop_assert!(found.is_subset(&all));
        }
    });
}

#[tokio::test]
async fn a_nanosecond_that_holds_more_than_an_answer_is_cut_and_the_rest_is_read() {
    let mut entries: Vec<Entry> =
        (0..50).map(|n| entry(7_000_000_000, 0, &format!("at once {n}"))).collect();
    entries.push(entry(0, 0, "before"));
    entries.push(entry(8_000_000_000, 0, "behind"));
    let server = Store::new(entries.clone()).serve().await;
    let few = front(&server).page(10).most_a_page(20).named("front").unwrap();
    let (records, coverage) = read(&few, &everything()).await;
    assert!(coverage.stopped_by.clone().unwrap().contains("limit of 20 lines"), "{coverage:?}");
    assert_eq!(coverage.gap(&layer(), hour().to()).unwrap().kind, ReasonKind::Cut);
    let found = bodies(&records);
    assert!(found.contains(&"before".to_owned()) && found.contains(&"behind".to_owned()));
    let distinct: BTreeSet<&String> = found.iter().collect();
    assert_eq!(distinct.len(), found.len(), "none is doubled");
    assert_eq!(found.len(), 22);
    // With a larger answer all of them are read.
    let many = front(&server).page(10).most_a_page(60).named("front").unwrap();
    let (records, coverage) = read(&many, &everything()).await;
    assert_eq!((told(records), coverage.stopped_by), (expected(&entries), None));
}

#[tokio::test]
async fn loki_says_how_many_lines_it_gives() {
    let store = Store { most: 7, ..Store::of(30) };
    let all = expected(&store.entries);
    let server = store.serve().await;
    let (records, coverage) = read(&front(&server).named("front").unwrap(), &everything()).await;
    assert_eq!(told(records), all);
    assert_eq!((coverage.failed.len(), coverage.planned, coverage.read), (0, 1, 1));
    assert!(coverage.cost.bytes > 5_000, "the answers, and what Loki processed for them");
}

#[tokio::test]
async fn a_window_that_is_too_long_is_asked_for_in_parts() {
    let store = Store { longest: 700_000_000_000, ..Store::of(3_000) };
    let all = expected(&store.entries);
    let server = store.serve().await;
    let (records, coverage) =
        read(&front(&server).page(500).named("front").unwrap(), &everything()).await;
    assert_eq!(told(records), all);
    assert_eq!((coverage.planned, coverage.read), (8, 8));
    // A store that allows no window at all ends it.
    let server = Store { longest: 0, ..Store::of(3) }.serve().await;
    let (_, coverage) = read(&front(&server).named("front").unwrap(), &everything()).await;
    assert!(coverage.failed[0].detail.contains("exceeds the limit"), "{coverage:?}");
    assert!(server.requests().len() < 20);
}

#[tokio::test]
async fn what_is_left_out_by_loki_never_met_the_predicate() {
    let texts = [
        "disk full",
        "DISK FULL",
        r#"{"msg":"disk full","level":"error"}"#,
        r#"{"msg":"d\u0069sk full","level":"error"}"#,
        r#"{"msg":"a \"disk full\" b"}"#,
        r#"{"msg":"GET \/disk\/full"}"#,
        r#"{"msg":17}"#,
        r#"{"msg":1.7e1}"#,
        "x.y|z",
        "a \\ b",
        "",
    ];
    let entries: Vec<Entry> =
        (0..).zip(texts).map(|(n, text)| entry(n * 1_000_000_000, n % 3, text)).collect();
    let server = Store::new(entries).serve().await;
    let pod = LayerField::at(FieldPath::Resource(vec!["pod".to_owned()]), ValueType::Text);
    let source = front(&server).field_at("pod", pod).named("front").unwrap();
    let (all, _) = read(&source, &everything()).await;
    assert_eq!(all.len(), texts.len());
    let asked = [
        (r#"body contains "disk full""#, true),
        (r#"body contains "\"disk full\"""#, true),
        (r#"body == "GET /disk/full""#, true),
        (r#"body contains "17""#, true),
        (r#"body contains "x.y|z""#, true),
        (r#"body contains "a \\ b""#, true),
        (r#"body in {"disk full", "x.y|z"}"#, true),
        (r#"pod == "p1" and body contains "d""#, true),
        (r#"pod in {"p1", "p2", "p9"}"#, true),
        (r#"pod == "p1" or body == """#, false),
        (r#"not (body contains "disk")"#, false),
        (r#"body == """#, false),
        ("severity >= error", false),
    ];
    for (text, answered) in asked {
        let predicate = predicate(text, source.layer());
        let meets = |record: &LogRecord| {
            let batch: logdive_core::LogBatch = [record.clone()].into_iter().collect();
            let row = batch.row(0).unwrap();
            let reader = source.layer().reader(row);
            predicate.eval(&|field| reader.read(field)).is_true()
        };
        let (found, coverage) = read(&source, &asking(hour(), predicate.clone())).await;
        assert_eq!(!coverage.answered.is_empty(), answered, "{text}: {:?}", coverage.answered);
        let of = |records: &[LogRecord]| {
            told(records.iter().filter(|record| meets(record)).cloned().collect())
        };
        assert_eq!(of(&found), of(&all), "{text}");
        assert!(!answered || found.len() < all.len(), "{text}: something is left out");
    }
}

#[tokio::test]
async fn labels_metadata_and_objects_become_fields() {
    let mut plain = entry(0, 1, "plain");
    plain.metadata = Some(json!({
        "trace_id": "0AF7651916CD43DD8448EB211C80319C", "detected_level": "warn", "n": "1",
    }));
    let mut object = entry(1, 1, r#"{"level":"error","msg":"disk full","n":2,"req_id":"r-1"}"#);
    object.metadata = Some(json!({ "n": "3", "detected_level": "info", "zone": "b" }));
    let server = Store::new(vec![plain, object]).serve().await;
    let source = front(&server).field("n", "n", ValueType::Int).tenant("ops").named("front");
    let (records, _) = read(&source.unwrap(), &everything()).await;
    assert_eq!(records[0].trace_id.unwrap()[0], 0x0a);
    assert_eq!(records[0].severity_text.as_deref(), Some("warn"));
    assert_eq!(records[1].body.as_deref(), Some("disk full"));
    assert_eq!(records[1].severity_text.as_deref(), Some("error"));
    assert_eq!(records[1].request_id.as_deref(), Some("r-1"));
    let attributes: Json = serde_json::from_str(records[1].attributes.as_ref().unwrap()).unwrap();
    assert_eq!((&attributes["n"], &attributes["zone"]), (&json!(2), &json!("b")));
    let labels = r#"{"app":"front","pod":"p1"}"#;
    assert!(records.iter().all(|record| record.resource.as_deref() == Some(labels)));
    let seqs: Vec<i64> = records.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, [0, 1]);
    assert_eq!(server.requests()[0].header("x-scope-orgid"), Some("ops"));
}

#[tokio::test]
async fn the_limit_of_a_query_is_kept_and_said() {
    let server = Store::of(100).serve().await;
    let source = front(&server).page(30).named("front").unwrap();
    for (limit, stopped) in
        [(0, true), (1, true), (42, true), (99, true), (100, false), (101, false)]
    {
        let query = LayerQuery { limit: Some(limit), ..everything() };
        let (records, coverage) = read(&source, &query).await;
        assert_eq!(records.len() as u64, limit.min(100));
        assert_eq!(coverage.stopped_by.is_some(), stopped, "{limit}: {coverage:?}");
    }
}

#[tokio::test]
async fn a_watermark_needs_lines_or_trust() {
    let server = Store::of(100).serve().await;
    let minute = Duration::from_secs(60);
    let mark = async |layer: LokiLayer, predicate: Predicate| {
        let source = layer.named("front").unwrap();
        read(&source, &asking(hour(), predicate)).await.1.watermark
    };
    let some = || predicate(r#"body contains "line""#, &Layer::new("front").unwrap());
    assert_eq!(mark(front(&server), Predicate::always()).await, None);
    // The pod that wrote last before the other.
    let by_lines = mark(front(&server).lateness(minute), Predicate::always()).await;
    assert_eq!(by_lines, Some(after(98_000 - 60_000)));
    // Lines that Loki left out may be of a pod that lags.
    assert_eq!(mark(front(&server).lateness(minute), some()).await, None);
    let standing = Arc::new(Standing(hour().to()));
    let trusted = mark(front(&server).arrives_within(minute, standing), some()).await;
    assert_eq!(trusted, Some(hour().to() - minute));
}

#[tokio::test]
async fn a_dive_into_loki() {
    let texts = (0..400).map(|n| {
        let level = if n % 4 == 0 { "error" } else { "info" };
        entry(
            n * 1_000_000_000,
            n % 2,
            &format!(r#"{{"level":"{level}","msg":"took {n}","ms":{n}}}"#),
        )
    });
    let server = Store::new(texts.collect()).serve().await;
    let loki = front(&server)
        .page(70)
        .field("ms", "ms", ValueType::Int)
        .arrives_within(Duration::from_secs(60), clock());
    let diver = Diver::builder().layer("front", loki).clock(clock()).build().await.unwrap();
    let plan = DivePlan::around(window("2023-07-10T11:30:00Z", "2023-07-10T11:35:00Z")).select(
        "slow",
        Select::layers(["front"]).filter("severity >= error and ms > 100").oldest(5),
    );
    let measures = [
        measure("count", "slow", Function::Count),
        measure("worst", "slow", Function::Max(logdive_core::Field::parse("ms").unwrap())),
    ];
    let evidence = diver.dive(&plan).measures(measures).run().await.unwrap();
    let rows = &evidence.step("slow").unwrap().rows;
    let found: Vec<&str> = rows.iter().map(|row| row.body.as_deref().unwrap()).collect();
    assert_eq!(found, ["took 104", "took 108", "took 112", "took 116", "took 120"]);
    assert!(evidence.coverage.is_complete(), "{:?}", evidence.coverage.gaps());
    // 104, 108, …, 296 within five minutes.
    assert_eq!(evidence.facts.read("count"), Fact::from(49));
    assert_eq!(evidence.facts.read("worst"), Fact::from(296));
    let coverage = &evidence.coverage.layers["front"];
    assert_eq!((coverage.scanned, coverage.matched, coverage.shown), (304, 49, 5));
    assert!(coverage.cost.bytes > 5_000);
}

#[tokio::test]
async fn pages_are_asked_for_as_they_are_read() {
    use futures_util::StreamExt as _;

    let asked = Arc::new(Mutex::new(0));
    let (store, count) = (Store::of(100), Arc::clone(&asked));
    let server = Server::start(move |request, _| {
        *count.lock().unwrap() += 1;
        store.answer(request)
    })
    .await;
    let source = front(&server).page(10).named("front").unwrap();
    let mut stream = source.read(&everything()).await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(*asked.lock().unwrap(), 1, "nothing is asked for that nobody reads");
}
