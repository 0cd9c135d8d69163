//! CloudWatch Logs: tokens, empty pages, signatures, Insights queries and their limits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logdive_core::port::LayerQuery;
use logdive_core::port::LayerSource as _;
use logdive_core::{Digest, LogRecord, Predicate, Window};
use logdive_query::CloudWatchLayer;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{after, asking, bodies, everything, layer, literals, predicate, read, told};
use crate::server::{Reply, Request, Server};
use crate::support::{hour, scale};

const REGION: &str = "eu-central-1";
const GROUP: &str = "/aws/front";
const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[derive(Debug, Clone)]
struct Event {
    id: String,
    /// In milliseconds since 1970.
    time: i64,
    stream: String,
    message: String,
}

type Queries = BTreeMap<String, (Vec<Event>, u32)>;

/// A region that answers as CloudWatch Logs does.
#[derive(Debug, Clone)]
pub(super) struct Store {
    events: Vec<Event>,
    token: Option<String>,
    /// Queries by id: what they find, and how often they were asked for.
    queries: Arc<Mutex<Queries>>,
    stopped: Arc<Mutex<BTreeSet<String>>>,
    /// How many events queries say they matched beyond those they give.
    hidden: u32,
    /// How queries end.
    status: &'static str,
}

impl Store {
    fn new(mut events: Vec<Event>) -> Self {
        events.sort_by_key(|event| event.time);
        let (queries, stopped) = Default::default();
        Self { events, token: None, queries, stopped, hidden: 0, status: "Complete" }
    }

    pub(super) fn of(count: i64) -> Self {
        Self::new((0..count).map(|n| event(n, n * 1_000, &format!("line {n}"))).collect())
    }

    async fn serve(&self) -> Server {
        let store = self.clone();
        Server::start(move |request, _| store.answer(request)).await
    }

    pub(super) fn answer(&self, request: &Request) -> Reply {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"));
        assert_eq!(request.header("content-type"), Some("application/x-amz-json-1.1"));
        if let Some(why) = self.unsigned(request) {
            let body = json!({ "__type": "InvalidSignatureException", "message": why });
            return Reply::json(400, &body);
        }
        let body = request.json();
        match request.header("x-amz-target").unwrap().strip_prefix("Logs_20140328.").unwrap() {
            "FilterLogEvents" => self.filter(&body),
            "StartQuery" => self.start(&body),
            "GetQueryResults" => self.results(&body),
            "StopQuery" => {
                let id = body["queryId"].as_str().unwrap().to_owned();
                self.stopped.lock().unwrap().insert(id);
                Reply::json(200, &json!({ "success": true }))
            }
            other => error("UnknownOperationException", other),
        }
    }

    /// Why a request is not signed as it should be: the signature is made anew.
    fn unsigned(&self, request: &Request) -> Option<String> {
        let field = |name: &str| {
            let authorization = request.header("authorization").unwrap_or_default();
            let (_, behind) = authorization.split_once(&format!("{name}="))?;
            Some(behind.split(',').next().unwrap_or_default().to_owned())
        };
        let date = request.header("x-amz-date")?.to_owned();
        let day = date.get(..8)?;
        let scope = format!("{day}/{REGION}/logs/aws4_request");
        if field("Credential") != Some(format!("{KEY}/{scope}")) {
            return Some(format!("the scope is not {scope}"));
        }
        if request.header("x-amz-security-token") != self.token.as_deref() {
            return Some("the session token is not the one".to_owned());
        }
        let signed = field("SignedHeaders")?;
        for name in ["host", "x-amz-date", "x-amz-target", "content-type"] {
            if !signed.split(';').any(|header| header == name) {
                return Some(format!("{name} is not signed"));
            }
        }
        let headers: String = signed
            .split(';')
            .map(|name| format!("{name}:{}\n", request.header(name).unwrap_or_default()))
            .collect();
        let payload = hex(Digest::of(&request.body).as_bytes());
        let canonical = format!("POST\n/\n\n{headers}\n{signed}\n{payload}");
        let hash = hex(Digest::of(canonical.as_bytes()).as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
        let mut key = format!("AWS4{SECRET}").into_bytes();
        for part in [day, REGION, "logs", "aws4_request", &text] {
            key = hmac(&key, part.as_bytes());
        }
        (field("Signature") != Some(hex(&key))).then(|| "the signature does not match".to_owned())
    }

    /// Events of one page and, every third time, none but a token.
    fn filter(&self, body: &Json) -> Reply {
        if body["logGroupName"] != GROUP {
            return error("ResourceNotFoundException", "The specified log group does not exist.");
        }
        let (from, to) = (body["startTime"].as_i64().unwrap(), body["endTime"].as_i64().unwrap());
        let limit = usize::try_from(body["limit"].as_u64().unwrap()).unwrap();
        assert!((1..=10_000).contains(&limit));
        let pattern = body["filterPattern"]
            .as_str()
            .map(|pattern| literals(pattern.strip_prefix('%').unwrap().strip_suffix('%').unwrap()));
        // A token says where the next page begins, and how many pages came before it.
        let (offset, pages) = match body["nextToken"].as_str() {
            None => (0, 0),
            Some(token) => {
                let (offset, pages) = token.split_once('-').unwrap();
                (offset.parse().unwrap(), pages.parse::<usize>().unwrap())
            }
        };
        let meets = |event: &&Event| {
            // Both ends are inclusive.
            (from..=to).contains(&event.time)
                && pattern
                    .as_ref()
                    .is_none_or(|texts| texts.iter().any(|t| event.message.contains(t)))
        };
        let all: Vec<&Event> = self.events.iter().filter(meets).collect();
        let take = if pages % 3 == 2 { 0 } else { limit };
        let page: Vec<Json> = all
            .iter()
            .skip(offset)
            .take(take)
            .map(|event| {
                json!({
                    "logStreamName": event.stream, "timestamp": event.time,
                    "message": event.message, "ingestionTime": event.time + 5,
                    "eventId": event.id,
                })
            })
            .collect();
        let end = offset + page.len();
        let mut answer = json!({ "events": page, "searchedLogStreams": [] });
        if end < all.len() || take == 0 {
            answer["nextToken"] = json!(format!("{end}-{}", pages + 1));
        }
        Reply::json(200, &answer)
    }

    fn start(&self, body: &Json) -> Reply {
        if body["logGroupName"] != GROUP {
            return error("ResourceNotFoundException", "no such group");
        }
        let mut queries = self.queries.lock().unwrap();
        // A first query is refused: too many run at once.
        if queries.is_empty() && self.status == "Complete" {
            queries.insert("refused".to_owned(), (Vec::new(), 0));
            return error("LimitExceededException", "Account maximum query concurrency limit")
                .again();
        }
        let (from, to) = (body["startTime"].as_i64().unwrap(), body["endTime"].as_i64().unwrap());
        assert!(from <= to);
        let limit = usize::try_from(body["limit"].as_u64().unwrap()).unwrap();
        assert!((1..=10_000).contains(&limit));
        let text = body["queryString"].as_str().unwrap();
        assert!(text.starts_with("fields @timestamp, @message, @logStream"), "{text}");
        assert!(text.ends_with("| sort @timestamp asc"), "{text}");
        let like: Vec<Vec<String>> = text
            .split(" | ")
            .filter_map(|command| command.strip_prefix("filter @message like /"))
            .map(|regex| literals(regex.strip_suffix('/').unwrap()))
            .collect();
        let meets = |event: &&Event| {
            (from * 1_000..=to * 1_000).contains(&event.time)
                && like.iter().all(|texts| texts.iter().any(|text| event.message.contains(text)))
        };
        let mut found: Vec<Event> = self.events.iter().filter(meets).cloned().collect();
        found.truncate(limit);
        let id = format!("q{}", queries.len());
        queries.insert(id.clone(), (found, 0));
        Reply::json(200, &json!({ "queryId": id }))
    }

    fn results(&self, body: &Json) -> Reply {
        let mut queries = self.queries.lock().unwrap();
        let Some((found, asked)) = queries.get_mut(body["queryId"].as_str().unwrap()) else {
            return error("ResourceNotFoundException", "no such query");
        };
        *asked += 1;
        if *asked == 1 {
            // Partial results of a query that runs must not be taken.
            let some = found.first().map(row).into_iter().collect::<Vec<_>>();
            return Reply::json(200, &json!({ "status": "Running", "results": some }));
        }
        let rows: Vec<Json> = found.iter().map(row).collect();
        let statistics = json!({
            "recordsMatched": f64::from(self.hidden) + f64::from(u32::try_from(found.len()).unwrap()), "recordsScanned": 500.0, "bytesScanned": 1_073_741_824.0,
        });
        Reply::json(
            200,
            &json!({ "status": self.status, "results": rows, "statistics": statistics }),
        )
    }
}

fn row(event: &Event) -> Json {
    let time = |millis| {
        let time = chrono::DateTime::from_timestamp_millis(millis).unwrap();
        time.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
    };
    let cell = |field: &str, value: &str| json!({ "field": field, "value": value });
    json!([
        cell("@timestamp", &time(event.time)),
        cell("@message", &event.message),
        cell("@logStream", &event.stream),
        cell("@log", &format!("123456789012:{GROUP}")),
        cell("@ingestionTime", &time(event.time + 5)),
        cell("@ptr", &event.id),
    ])
}

fn error(code: &str, message: &str) -> Reply {
    Reply::json(400, &json!({ "__type": code, "message": message }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// HMAC with SHA-256 (RFC 2104), for keys of at most 64 bytes.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| {
        let mut pad = [byte; 64];
        pad.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        pad
    };
    let inner = Digest::of([&pad(0x36)[..], text].concat());
    Digest::of([&pad(0x5c)[..], inner.as_bytes()].concat()).as_bytes().to_vec()
}

fn event(n: i64, offset: i64, message: &str) -> Event {
    Event {
        id: format!("e{n:04}"),
        time: after(offset).timestamp_millis(),
        stream: format!("s{}", n % 2),
        message: message.to_owned(),
    }
}

fn filter(server: &Server) -> CloudWatchLayer {
    CloudWatchLayer::filter(REGION, GROUP).endpoint(&server.address).keys(KEY, SECRET)
}

fn insights(server: &Server) -> CloudWatchLayer {
    CloudWatchLayer::insights(REGION, GROUP, "")
        .endpoint(&server.address)
        .keys(KEY, SECRET)
        .poll_every(Duration::ZERO)
}

fn expected(events: &[Event], window: &Window, group: &str) -> Vec<String> {
    let (from, to) = (window.from().timestamp_micros(), window.to().timestamp_micros());
    let record = |event: &Event| LogRecord {
        time_unix_nano: Some(event.time * 1_000_000),
        emitter: Some(event.stream.clone()),
        uid: Some(event.id.clone()),
        body: Some(event.message.clone()),
        source: Some(group.to_owned()),
        format: Some("text".to_owned()),
        ..LogRecord::new(layer(), (event.time + 5) * 1_000_000)
    };
    let inside = |event: &&Event| (from..to).contains(&(event.time * 1_000));
    told(events.iter().filter(inside).map(record).collect())
}

#[test]
fn pages_give_what_one_read_gives() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cases = ProptestConfig::with_cases(8 * scale());
    proptest!(cases, |(
        times in prop::collection::vec(0_usize..9, 0..40),
        page in 1_u64..15,
        sub in 0_i64..2,
        by_query in any::<bool>(),
    )| {
        let offsets = [-1, 0, 1, 999, 1_000, 1_500, 2_000, 3_599_999, 3_600_000];
        let events: Vec<Event> = (0..)
            .zip(&times)
            .map(|(n, time)| event(n, offsets[*time], &format!("line {n}")))
            .collect();
        let micros = chrono::TimeDelta::microseconds(300 * sub);
        let window = Window::new(hour().from() + micros, hour().to() - micros).unwrap();
        let store = Store::new(events.clone());
        let query = asking(window, Predicate::always());
        let (records, coverage) = runtime.block_on(async {
            let server = store.serve().await;
            let source = if by_query { insights(&server) } else { filter(&server) };
            let source = source.page(page).named("front").unwrap();
            read(&source, &query).await
        });
        prop_assert_eq!(&coverage.failed, &Vec::new());
        prop_assert_eq!(coverage.read, coverage.planned);
        let group = if by_query { format!("123456789012:{GROUP}") } else { GROUP.to_owned() };
        let (found, all) = (told(records), expected(&events, &window, &group));
        if coverage.stopped_by.is_none() {
            prop_assert_eq!(found, all);
        } else {
            prop_assert!(by_query, "only queries have a limit");
            let (found, all): (BTreeSet<_>, BTreeSet<_>) =
                (found.into_iter().collect(), all.into_iter().collect());
            prop_assert!(found.is_subset(&all));
        }
    });
}

#[tokio::test]
async fn a_full_answer_of_insights_is_split_down_to_a_second() {
    let mut events: Vec<Event> =
        (0..40).map(|n| event(n, n * 90_000 + 250, &format!("line {n}"))).collect();
    let store = Store::new(events.clone());
    let server = store.serve().await;
    let source = insights(&server).page(10).price(5_000).named("front").unwrap();
    let (records, coverage) = read(&source, &everything()).await;
    let group = format!("123456789012:{GROUP}");
    assert_eq!(told(records), expected(&events, &hour(), &group));
    assert_eq!((coverage.failed.len(), coverage.stopped_by), (0, None));
    assert!(coverage.planned > 3 && coverage.planned == coverage.read, "{}", coverage.planned);
    // Halves that were too large cost too: each query scanned a gigabyte.
    let queries = store.queries.lock().unwrap().len() as u64 - 1;
    assert_eq!(coverage.cost.micro_dollars, 5_000 * queries);
    assert!(coverage.cost.bytes > queries << 30);
    // A second that holds more is cut.
    events.extend((100..120).map(|n| event(n, 600_000 + n, "at once")));
    let server = Store::new(events).serve().await;
    let source = insights(&server).page(10).named("front").unwrap();
    let (records, coverage) = read(&source, &everything()).await;
    assert_eq!(records.len(), 40 + 10);
    assert!(coverage.stopped_by.unwrap().contains("limit of 10 results"));
}

#[tokio::test]
async fn queries_that_do_not_complete_are_no_answer() {
    let check = async |status: &'static str, said: &str| {
        let server = Store { status, ..Store::of(5) }.serve().await;
        let (records, coverage) =
            read(&insights(&server).named("front").unwrap(), &everything()).await;
        assert!(records.is_empty());
        assert!(coverage.failed[0].detail.contains(said), "{coverage:?}");
        assert!(coverage.read < coverage.planned);
    };
    check("Failed", "ended as `Failed`").await;
    check("Cancelled", "ended as `Cancelled`").await;
    check("Timeout", "timed out").await;
    // More was matched than was given: what came is kept, and is not all.
    let server = Store { hidden: 3, ..Store::of(5) }.serve().await;
    let source = insights(&server).named("front").unwrap();
    let (records, coverage) = read(&source, &everything()).await;
    assert_eq!((records.len(), coverage.read < coverage.planned + 1), (5, true));
    assert_eq!(coverage.failed[0].detail, "Insights matched 8 events and gave 5");
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_is_stopped() {
    let store = Store { status: "Running", ..Store::of(5) };
    let server = store.serve().await;
    let source = insights(&server).poll_every(Duration::from_millis(1)).named("front").unwrap();
    let until = async |done: &dyn Fn() -> bool| {
        let done = async {
            while !done() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), done).await.unwrap();
    };
    let asked = || store.queries.lock().unwrap().values().any(|(_, asked)| *asked > 1);
    let query = everything();
    tokio::select! {
        _ = read(&source, &query) => panic!("a query that runs is no answer"),
        () = until(&asked) => {}
    }
    until(&|| !store.stopped.lock().unwrap().is_empty()).await;
}

#[tokio::test]
async fn what_is_left_out_by_cloudwatch_never_met_the_predicate() {
    let texts = [
        "read timeout (5.5s)",
        "read timeouts",
        "time",
        r#"{"msg":"read timeout","level":"error"}"#,
        r#"{"msg":"read time\u006fut"}"#,
        "",
    ];
    let events: Vec<Event> = (0..).zip(texts).map(|(n, text)| event(n, n * 1_000, text)).collect();
    let server = Store::new(events).serve().await;
    for by_query in [false, true] {
        let layer = || if by_query { insights(&server) } else { filter(&server) };
        let source = layer().named("front").unwrap();
        let (all, _) = read(&source, &everything()).await;
        for (text, left) in [
            (r#"body contains "timeout""#, 4),
            (r#"body contains "timeout (5.5s)""#, 4),
            (r#"body in {"time", "read timeout"}"#, 5),
            (r#"body contains "rea""#, 4),
            (r#"body contains "me""#, 6),
            (r#"not (body contains "timeout")"#, 6),
        ] {
            let predicate = predicate(text, source.layer());
            let meets = |record: &&LogRecord| {
                let batch: logdive_core::LogBatch = [(*record).clone()].into_iter().collect();
                let reader = source.layer().reader(batch.row(0).unwrap());
                predicate.eval(&|field| reader.read(field)).is_true()
            };
            let (found, coverage) = read(&source, &asking(hour(), predicate.clone())).await;
            assert_eq!((found.len(), coverage.answered.is_empty()), (left, left == 6), "{text}");
            let of = |records: &[LogRecord]| told(records.iter().filter(meets).cloned().collect());
            assert_eq!(of(&found), of(&all), "{text}");
        }
    }
    // A pattern of the user's is sent as it is.
    let source = filter(&server).pattern("%read%").named("front").unwrap();
    let some = predicate(r#"body contains "timeout""#, source.layer());
    let (found, coverage) = read(&source, &asking(hour(), some)).await;
    assert_eq!((found.len(), coverage.answered.len()), (4, 0));
}

#[tokio::test]
async fn requests_are_signed() {
    let store = Store { token: Some("session/token==".to_owned()), ..Store::of(3) };
    let server = store.serve().await;
    let layer = || filter(&server).session_token("session/token==");
    let (records, _) = read(&layer().named("front").unwrap(), &everything()).await;
    assert_eq!(records.len(), 3);
    for wrong in [
        layer().session_token("another"),
        layer().keys(KEY, "another secret".replace(' ', "-")).session_token("session/token=="),
        layer().keys("AKIDOTHER", SECRET).session_token("session/token=="),
    ] {
        let (records, coverage) = read(&wrong.named("front").unwrap(), &everything()).await;
        assert!(records.is_empty());
        let said = &coverage.failed[0].detail;
        assert!(said.contains("InvalidSignatureException"), "{said}");
        assert!(!said.contains("another"), "{said}");
    }
}

#[tokio::test]
async fn throttling_is_waited_for_and_what_is_not_there_is_said() {
    let store = Store::of(50);
    let server = Server::start(move |request, before| match before % 3 {
        0 | 1 => error("ThrottlingException", "Rate exceeded").again(),
        _ => store.answer(request),
    })
    .await;
    let source = filter(&server).page(20).named("front").unwrap();
    let (records, coverage) = read(&source, &everything()).await;
    assert_eq!((records.len(), coverage.failed.len()), (50, 0));
    let query = LayerQuery { limit: Some(30), ..everything() };
    assert_eq!(read(&source, &query).await.0.len(), 30);
    let server = Server::start(|_, _| error("ThrottlingException", "Rate exceeded").again()).await;
    let (_, coverage) = read(&filter(&server).named("front").unwrap(), &everything()).await;
    assert!(coverage.failed[0].detail.contains("Rate exceeded (20 times)"), "{coverage:?}");
    let server = Store::of(1).serve().await;
    for layer in [
        CloudWatchLayer::filter(REGION, "/aws/other"),
        CloudWatchLayer::insights(REGION, "/aws/other", ""),
    ] {
        let source = layer.endpoint(&server.address).keys(KEY, SECRET).named("front").unwrap();
        let mut last = None;
        // Of Insights, the first query of all is refused for another reason.
        for _ in 0..2 {
            last = Some(read(&source, &everything()).await.1);
        }
        assert!(last.unwrap().failed[0].detail.contains("ResourceNotFoundException"));
    }
}

#[tokio::test]
async fn objects_become_fields() {
    let text = r#"{"level":"error","msg":"disk full","requestId":"r-1"}"#;
    let server = Store::new(vec![event(0, 0, text)]).serve().await;
    let (records, _) = read(&filter(&server).named("front").unwrap(), &everything()).await;
    assert_eq!(bodies(&records), ["disk full"]);
    assert_eq!(records[0].request_id.as_deref(), Some("r-1"));
    assert_eq!(records[0].uid.as_deref(), Some("e0000"));
}

#[tokio::test]
async fn what_cannot_work_is_refused_when_it_is_built() {
    let said = |layer: CloudWatchLayer| {
        layer.keys(KEY, SECRET).named("front").map(drop).unwrap_err().to_string()
    };
    assert!(said(CloudWatchLayer::insights(REGION, GROUP, "stats count(*)")).contains("`stats`"));
    assert!(said(CloudWatchLayer::filter(REGION, " ")).contains("log group"));
    assert!(said(CloudWatchLayer::filter(REGION, GROUP).page(10_001)).contains("10001 events"));
    assert!(said(CloudWatchLayer::filter("eu/1", GROUP)).contains("no region"));
}
