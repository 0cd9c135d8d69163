//! `FilterLogEvents`: page after page, by token.

use async_trait::async_trait;
use logdive_core::{LayerName, LogRecord, Window};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::call::{Cloud, group_key};
use crate::layers::http::fault::Fault;
use crate::layers::http::lines::{Line, records};
use crate::layers::http::nanos;
use crate::layers::http::patience::Deadline;
use crate::layers::http::reading::Conversation;
use crate::layers::http::tally::Tally;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) group: String,
    pub(super) pattern: Option<String>,
    pub(super) page: u64,
}

/// A conversation with CloudWatch Logs.
pub(super) struct Filtering {
    cloud: Cloud,
    layer: LayerName,
    asked: Asked,
    /// In milliseconds, both inclusive.
    from: i64,
    to: i64,
    deadline: Deadline,
    next: Next,
}

enum Next {
    First,
    Token(String),
    Done,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    events: Vec<Event>,
    #[serde(default)]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    log_stream_name: String,
    timestamp: i64,
    message: String,
    #[serde(default)]
    ingestion_time: Option<i64>,
    event_id: String,
}

impl Filtering {
    pub(super) fn new(
        cloud: Cloud,
        layer: LayerName,
        asked: Asked,
        window: &Window,
        deadline: Deadline,
    ) -> Self {
        let (from, to) = nanos(window);
        // Events have whole milliseconds; the last is the one before the window's end.
        let from = from.div_euclid(1_000_000).max(0);
        let to = (to - 1).div_euclid(1_000_000);
        let next = if from <= to { Next::First } else { Next::Done };
        Self { cloud, layer, asked, from, to, deadline, next }
    }

    fn request(&self, limit: u64, token: Option<&str>) -> Json {
        let mut body = Map::new();
        let group = &self.asked.group;
        body.insert(group_key(group).to_owned(), json!(group));
        body.insert("startTime".to_owned(), json!(self.from));
        body.insert("endTime".to_owned(), json!(self.to));
        body.insert("limit".to_owned(), json!(limit));
        if let Some(pattern) = &self.asked.pattern {
            body.insert("filterPattern".to_owned(), json!(pattern));
        }
        if let Some(token) = token {
            body.insert("nextToken".to_owned(), json!(token));
        }
        Json::Object(body)
    }
}

#[async_trait]
impl Conversation for Filtering {
    async fn next(&mut self, tally: &mut Tally) -> Result<Option<Vec<LogRecord>>, Fault> {
        let token = match std::mem::replace(&mut self.next, Next::Done) {
            Next::First => None,
            Next::Token(token) => Some(token),
            Next::Done => return Ok(None),
        };
        tally.planned();
        let limit = self.asked.page.min(tally.wanted());
        let body = self.request(limit, token.as_deref());
        let page: Page = self.cloud.call("FilterLogEvents", &body, self.deadline, tally).await?;
        if let Some(next) = page.next_token.filter(|next| !next.is_empty()) {
            if page.events.is_empty() && token.as_ref() == Some(&next) {
                let text = "CloudWatch gave an empty page and the same token again";
                return Err(Fault::new(text));
            }
            self.next = Next::Token(next);
        }
        tally.read();
        let group = &self.asked.group;
        Ok(Some(lines(&self.layer, group, page.events)))
    }
}

fn lines(layer: &LayerName, group: &str, events: Vec<Event>) -> Vec<LogRecord> {
    let nanos = |millis: i64| millis.saturating_mul(1_000_000);
    let (texts, about): (Vec<Line>, Vec<(String, String)>) = events
        .into_iter()
        .map(|event| {
            let line = Line {
                time: nanos(event.timestamp),
                observed: event.ingestion_time.map(nanos),
                text: event.message,
            };
            (line, (event.log_stream_name, event.event_id))
        })
        .unzip();
    let mut records = records(layer, texts);
    for (record, (stream, id)) in records.iter_mut().zip(about) {
        record.emitter = Some(stream);
        record.uid = Some(id);
        record.source = Some(group.to_owned());
    }
    records
}
