//! What the store answers.

use chrono::DateTime;
use logdive_core::{LayerName, LogRecord, LogSeverity, Reason, ReasonKind};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::levels;

/// A page of a search.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) pit_id: Option<String>,
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    hits: Hits,
}

#[derive(Debug, Deserialize)]
struct Shards {
    total: u64,
    failed: u64,
    #[serde(default)]
    failures: Vec<Json>,
}

#[derive(Debug, Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

/// A document that was found.
#[derive(Debug, Deserialize)]
pub(super) struct Hit {
    #[serde(rename = "_index")]
    pub(super) index: String,
    #[serde(rename = "_id")]
    pub(super) id: String,
    #[serde(rename = "_source", default)]
    source: Map<String, Json>,
    pub(super) sort: Vec<Json>,
}

/// What a count answers.
#[derive(Debug, Deserialize)]
pub(super) struct Count {
    pub(super) count: u64,
    #[serde(rename = "_shards")]
    shards: Shards,
}

impl Count {
    /// Why it does not count everything.
    pub(super) fn gap(&self) -> Option<Reason> {
        self.shards.gap()
    }
}

impl Page {
    /// Why it does not hold everything.
    pub(super) fn gaps(&self) -> Vec<Reason> {
        let late = self.timed_out.then(|| {
            Reason::new(ReasonKind::TimedOut, "the search timed out on some shards".to_owned())
        });
        late.into_iter().chain(self.shards.gap()).collect()
    }

    pub(super) fn take_hits(&mut self) -> Vec<Hit> {
        std::mem::take(&mut self.hits.hits)
    }
}

impl Shards {
    fn gap(&self) -> Option<Reason> {
        if self.failed == 0 {
            return None;
        }
        let why = self.failures.iter().find_map(|failure| {
            let text = |path| failure.pointer(path).and_then(Json::as_str);
            let reason = text("/reason/reason").or_else(|| text("/reason/type"))?;
            Some(match text("/index") {
                Some(index) => format!(": `{index}`: {reason}"),
                None => format!(": {reason}"),
            })
        });
        let (failed, total) = (self.failed, self.total);
        let detail = format!("{failed} of {total} shards failed{}", why.unwrap_or_default());
        Some(Reason::new(ReasonKind::Failed, detail))
    }
}

impl Hit {
    /// The time by which it is sorted, in milliseconds since 1970.
    pub(super) fn millis(&self) -> Option<i64> {
        self.sort.first()?.as_i64()
    }

    /// The document as a log line, whose time is at `time`.
    pub(super) fn into_record(self, layer: &LayerName, time: &str) -> Option<LogRecord> {
        let by_sort = self.millis().and_then(|millis| millis.checked_mul(1_000_000));
        let document = apart(self.source);
        let at = |path: &str| {
            path.split('.').try_fold(None, |json: Option<&Json>, key| {
                json.map_or_else(|| document.get(key), |json| json.get(key)).map(Some)
            })?
        };
        let text = |paths: &[&str]| {
            paths.iter().find_map(|path| match at(path)? {
                Json::String(text) if !text.is_empty() => Some(text.clone()),
                Json::Number(number) => Some(number.to_string()),
                _ => None,
            })
        };
        // The document may be finer than the index, whose milliseconds are the floor of it.
        let written = at(time)
            .and_then(|json| {
                DateTime::parse_from_rfc3339(json.as_str()?).ok()?.timestamp_nanos_opt()
            })
            .filter(|nanos| by_sort.is_none_or(|floor| (0..1_000_000).contains(&(nanos - floor))));
        let nanos = written.or(by_sort)?;
        let level = text(&["log.level", "level", "severity", "severity_text", "log_level"]);
        let number = at("severity_number").or_else(|| at("SeverityNumber"));
        let trace = text(&["trace.id", "trace_id", "traceId", "TraceId"]);
        let span = text(&["span.id", "span_id", "spanId", "SpanId"]);
        Some(LogRecord {
            time_unix_nano: Some(nanos),
            severity: number
                .and_then(Json::as_i64)
                .and_then(LogSeverity::from_number)
                .or_else(|| level.as_deref().and_then(levels::severity)),
            severity_text: level,
            service: text(&["service.name", "service"]),
            emitter: text(&["host.name", "host.hostname", "agent.name", "host"]),
            event: text(&["event.action", "event.name"]),
            uid: text(&["event.id"]).or(Some(self.id)),
            request_id: text(&["http.request.id", "request.id", "request_id", "requestId"]),
            trace_id: hex(trace),
            span_id: hex(span),
            body: text(&["message", "msg", "body.text", "body"]),
            source: Some(self.index),
            format: Some("elasticsearch".to_owned()),
            attributes: Some(Json::Object(document).to_string()),
            ..LogRecord::new(layer.clone(), nanos)
        })
    }
}

fn hex<const N: usize>(text: Option<String>) -> Option<[u8; N]> {
    let bytes: [u8; N] =
        crate::lower::from_hex(&text?.replace('-', "").to_ascii_lowercase())?.try_into().ok()?;
    // An id of zeros means that there is none (W3C Trace Context).
    bytes.iter().any(|byte| *byte != 0).then_some(bytes)
}

/// Takes keys with dots apart, as the store does. One that does not fit stays as it is.
fn apart(source: Map<String, Json>) -> Map<String, Json> {
    let (dotted, mut document): (Map<_, _>, Map<_, _>) =
        source.into_iter().partition(|(key, _)| key.contains('.'));
    for (_, value) in &mut document {
        if let Json::Object(object) = value {
            *object = apart(std::mem::take(object));
        }
    }
    for (key, value) in dotted {
        let value = match value {
            Json::Object(object) => Json::Object(apart(object)),
            other => other,
        };
        if let Err(value) = place(&mut document, &key, value) {
            document.insert(key, value);
        }
    }
    document
}

/// Puts a value at a path of keys; gives it back if something else is there.
fn place(object: &mut Map<String, Json>, path: &str, value: Json) -> Result<(), Json> {
    let Some((key, rest)) = path.split_once('.') else {
        if path.is_empty() || object.contains_key(path) {
            return Err(value);
        }
        object.insert(path.to_owned(), value);
        return Ok(());
    };
    if key.is_empty() {
        return Err(value);
    }
    let inner = object.entry(key).or_insert_with(|| Json::Object(Map::new()));
    match inner {
        Json::Object(inner) => place(inner, rest, value),
        _ => Err(value),
    }
}

#[cfg(test)]
mod tests {
    use logdive_core::{LayerName, LogSeverity};
    use serde_json::json;

    use super::{Hit, Page, apart};

    fn hit(source: &serde_json::Value, millis: i64) -> Hit {
        let hit = json!({ "_index": "logs", "_id": "7", "_source": source, "sort": [millis, 3] });
        serde_json::from_value(hit).unwrap()
    }

    #[test]
    fn the_common_schema_becomes_fields() {
        let source = json!({
            "@timestamp": "2023-07-10T11:58:00.123456789Z",
            "log.level": "WARN",
            "message": "hot",
            "trace": { "id": "0af7651916cd43dd8448eb211c80319c" },
            "service": { "name": "front" },
            "host": { "name": "h1" },
            "event": { "id": "e1" },
        });
        let hit = hit(&source, 1_688_990_280_123);
        let record = hit.into_record(&LayerName::parse("x").unwrap(), "@timestamp").unwrap();
        assert_eq!(record.time_unix_nano, Some(1_688_990_280_123_456_789));
        assert_eq!(record.severity, Some(LogSeverity::WARN));
        assert_eq!(record.trace_id.unwrap()[0], 0x0a);
        let texts = [&record.body, &record.service, &record.emitter, &record.uid, &record.source];
        assert_eq!(
            texts.map(|text| text.as_deref().unwrap()),
            ["hot", "front", "h1", "e1", "logs"]
        );
        assert!(record.attributes.unwrap().contains(r#""log":{"level":"WARN"}"#));
    }

    #[test]
    fn the_index_tells_the_time_that_the_document_does_not() {
        for written in [json!(1_688_990_280), json!("10/Jul/2023"), json!("1999-01-01T00:00:00Z")] {
            let hit = hit(&json!({ "@timestamp": written }), 1_688_990_280_123);
            let record = hit.into_record(&LayerName::parse("x").unwrap(), "@timestamp").unwrap();
            assert_eq!(record.time_unix_nano, Some(1_688_990_280_123_000_000));
        }
    }

    #[test]
    fn dots_are_taken_apart() {
        let check = |source: serde_json::Value, expected: serde_json::Value| {
            let serde_json::Value::Object(source) = source else { panic!("no object") };
            assert_eq!(serde_json::Value::Object(apart(source)), expected);
        };
        check(json!({ "a.b": 1, "a": { "c.d": 2 } }), json!({ "a": { "b": 1, "c": { "d": 2 } } }));
        check(json!({ "a.b": 1, "a": 2 }), json!({ "a.b": 1, "a": 2 }));
        check(json!({ "a.b": 1, "a": { "b": 2 } }), json!({ "a.b": 1, "a": { "b": 2 } }));
        check(json!({ ".": 1, "a.": 2 }), json!({ ".": 1, "a": {}, "a.": 2 }));
    }

    #[test]
    fn what_is_missing_is_said() {
        let page = json!({
            "timed_out": true,
            "_shards": { "total": 5, "successful": 4, "failed": 1, "failures": [
                { "shard": 0, "index": "logs", "reason": { "type": "x", "reason": "disk is gone" } },
            ] },
            "hits": { "hits": [] },
        });
        let page: Page = serde_json::from_value(page).unwrap();
        let gaps: Vec<String> = page.gaps().iter().map(ToString::to_string).collect();
        assert_eq!(gaps.len(), 2);
        assert_eq!(gaps[1], "1 of 5 shards failed: `logs`: disk is gone");
    }
}
