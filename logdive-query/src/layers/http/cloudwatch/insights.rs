//! Logs Insights: a query is started, asked for until it is complete, and split where it gave as
//! many results as it may.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use logdive_core::{LayerName, LogRecord, Reason, ReasonKind, Window};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::call::{Cloud, group_key};
use crate::layers::http::fault::Fault;
use crate::layers::http::lines::{Line, records};
use crate::layers::http::nanos;
use crate::layers::http::patience::Deadline;
use crate::layers::http::reading::Conversation;
use crate::layers::http::tally::Tally;

/// Commands that would make something else of events, or that are added here.
const NOT_OURS: [&str; 8] =
    ["stats", "display", "limit", "sort", "dedup", "fields", "pattern", "diff"];
const GIGABYTE: u64 = 1 << 30;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) group: String,
    pub(super) text: String,
    pub(super) page: u64,
    pub(super) poll: Duration,
    /// Of a gigabyte scanned, in millionths of a dollar.
    pub(super) price: u64,
}

/// Checks the part of a query that a user gives.
///
/// # Errors
/// If it has a command that does not select events.
pub(super) fn check(part: &str) -> Result<(), String> {
    for command in part.split('|') {
        let word = command.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        if NOT_OURS.contains(&word.as_str()) {
            return Err(format!(
                "its Insights query has `{word}`: give only what selects events, as `filter`"
            ));
        }
    }
    Ok(())
}

/// The whole query.
pub(super) fn text(part: &str, regex: Option<&str>) -> String {
    let fields = "fields @timestamp, @message, @logStream, @log, @ingestionTime";
    let needed = regex.map(|regex| format!("filter @message like /{regex}/"));
    let part = part.trim().trim_matches('|').trim();
    let part = (!part.is_empty()).then(|| part.to_owned());
    let commands = [Some(fields.to_owned()), needed, part, Some("sort @timestamp asc".to_owned())];
    commands.into_iter().flatten().collect::<Vec<_>>().join(" | ")
}

/// A conversation with Logs Insights.
pub(super) struct Insights {
    cloud: Cloud,
    layer: LayerName,
    asked: Asked,
    /// Parts of the window in seconds, both ends inclusive; neighbours share a second.
    parts: VecDeque<(i64, i64)>,
    /// Events of the last part's last second: the next part gives them again.
    seen: HashSet<String>,
    begun: bool,
    deadline: Deadline,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    query_id: String,
}

#[derive(Deserialize)]
struct Results {
    status: String,
    #[serde(default)]
    results: Vec<Vec<Cell>>,
    #[serde(default)]
    statistics: Statistics,
}

#[derive(Deserialize)]
struct Cell {
    field: String,
    #[serde(default)]
    value: String,
}

// CloudWatch sends them as floating-point numbers.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Statistics {
    records_matched: f64,
    records_scanned: f64,
    bytes_scanned: f64,
}

/// An event that a query found.
struct Event {
    pointer: String,
    stream: Option<String>,
    group: Option<String>,
    line: Line,
}

impl Insights {
    pub(super) fn new(
        cloud: Cloud,
        layer: LayerName,
        asked: Asked,
        window: &Window,
        deadline: Deadline,
    ) -> Self {
        let (from, to) = nanos(window);
        let from = from.div_euclid(1_000_000_000).max(0);
        let to = (to - 1).div_euclid(1_000_000_000) + 1;
        let parts = if from < to { VecDeque::from([(from, to)]) } else { VecDeque::new() };
        Self { cloud, layer, asked, parts, seen: HashSet::new(), begun: false, deadline }
    }

    /// Runs a query over a part to its end.
    async fn run(&self, (from, to): (i64, i64), tally: &mut Tally) -> Result<Results, Fault> {
        let group = &self.asked.group;
        let mut body = Map::new();
        let (key, value) = match group_key(group) {
            "logGroupIdentifier" => ("logGroupIdentifiers", json!([group])),
            key => (key, json!(group)),
        };
        body.insert(key.to_owned(), value);
        body.insert("startTime".to_owned(), json!(from));
        body.insert("endTime".to_owned(), json!(to));
        body.insert("limit".to_owned(), json!(self.asked.page));
        body.insert("queryString".to_owned(), json!(self.asked.text));
        let body = Json::Object(body);
        let started: Started = self.cloud.call("StartQuery", &body, self.deadline, tally).await?;
        let mut running = Running { cloud: self.cloud.clone(), id: Some(started.query_id.clone()) };
        let body = json!({ "queryId": started.query_id });
        loop {
            let results: Results =
                self.cloud.call("GetQueryResults", &body, self.deadline, tally).await?;
            if !matches!(results.status.as_str(), "Scheduled" | "Running" | "Unknown") {
                running.id = None;
                self.cost(&results.statistics, tally);
                return Ok(results);
            }
            let wait = async {
                tokio::time::sleep(self.asked.poll).await;
                Ok(())
            };
            self.deadline.within(wait).await?;
        }
    }

    fn cost(&self, statistics: &Statistics, tally: &mut Tally) {
        let bytes = whole(statistics.bytes_scanned);
        tally.bytes(bytes);
        tally.scanned(whole(statistics.records_scanned));
        let price = u128::from(self.asked.price) * u128::from(bytes) / u128::from(GIGABYTE);
        tally.micro_dollars(u64::try_from(price).unwrap_or(u64::MAX));
    }

    /// Takes what a part gave; `None` if it has to be asked for in halves.
    fn take(
        &mut self,
        part: (i64, i64),
        results: Results,
        tally: &mut Tally,
    ) -> Result<Option<Vec<LogRecord>>, Fault> {
        let count = results.results.len() as u64;
        let full = count >= self.asked.page;
        let (from, to) = part;
        if full && to - from > 1 {
            self.halve(part, tally);
            return Ok(None);
        }
        if full {
            let most = self.asked.page;
            tally.cut(format!("Insights' limit of {most} results: second {from} holds more"));
        } else if whole(results.statistics.records_matched) > count {
            let matched = whole(results.statistics.records_matched);
            let detail = format!("Insights matched {matched} events and gave {count}");
            tally.failed(Reason::new(ReasonKind::Cut, detail));
        }
        let events: Option<Vec<Event>> = results.results.into_iter().map(event).collect();
        let Some(mut events) = events else {
            let text = "Insights gave an event without `@timestamp`, `@message` or `@ptr`";
            return Err(Fault::new(text));
        };
        tally.read();
        events.retain(|event| !self.seen.contains(&event.pointer));
        let again = to.saturating_mul(1_000_000_000);
        self.seen = events
            .iter()
            .filter(|event| event.line.time >= again)
            .map(|event| event.pointer.clone())
            .collect();
        Ok(Some(lines(&self.layer, &self.asked.group, events)))
    }

    fn halve(&mut self, (from, to): (i64, i64), tally: &mut Tally) {
        let middle = from + (to - from) / 2;
        self.parts.push_front((middle, to));
        self.parts.push_front((from, middle));
        tally.split();
    }
}

#[async_trait]
impl Conversation for Insights {
    async fn next(&mut self, tally: &mut Tally) -> Result<Option<Vec<LogRecord>>, Fault> {
        // The window is one piece, and each halving makes one more.
        if !std::mem::replace(&mut self.begun, true) && !self.parts.is_empty() {
            tally.planned();
        }
        loop {
            let Some(part) = self.parts.pop_front() else { return Ok(None) };
            let results = self.run(part, tally).await?;
            match results.status.as_str() {
                "Complete" => {
                    if let Some(records) = self.take(part, results, tally)? {
                        return Ok(Some(records));
                    }
                }
                // A shorter part may be done in time.
                "Timeout" if part.1 - part.0 > 1 => self.halve(part, tally),
                "Timeout" => return Err(Fault::timed_out("the Insights query timed out")),
                other => {
                    return Err(Fault::new(format!("the Insights query ended as `{other}`")));
                }
            }
        }
    }
}

/// A query that runs; dropping it stops it, as far as CloudWatch can still be told.
struct Running {
    cloud: Cloud,
    id: Option<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let cloud = self.cloud.clone();
        runtime.spawn(async move { cloud.once("StopQuery", &json!({ "queryId": id })).await });
    }
}

fn event(row: Vec<Cell>) -> Option<Event> {
    let mut cells: Map<String, Json> =
        row.into_iter().map(|cell| (cell.field, Json::String(cell.value))).collect();
    let mut take = |name: &str| match cells.remove(name) {
        Some(Json::String(text)) => Some(text),
        _ => None,
    };
    let time = |text: String| {
        let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
        time.and_utc().timestamp_nanos_opt()
    };
    Some(Event {
        pointer: take("@ptr")?,
        line: Line {
            time: time(take("@timestamp")?)?,
            observed: take("@ingestionTime").and_then(time),
            text: take("@message")?,
        },
        stream: take("@logStream"),
        group: take("@log"),
    })
}

fn lines(layer: &LayerName, group: &str, events: Vec<Event>) -> Vec<LogRecord> {
    let (texts, about): (Vec<Line>, Vec<_>) = events
        .into_iter()
        .map(|event| (event.line, (event.pointer, event.stream, event.group)))
        .unzip();
    let mut records = records(layer, texts);
    for (record, (pointer, stream, log)) in records.iter_mut().zip(about) {
        record.emitter = stream;
        record.uid = Some(pointer);
        record.source = Some(log.unwrap_or_else(|| group.to_owned()));
    }
    records
}

/// A count that was sent as a floating-point number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "casts of floats saturate, and counts are neither negative nor that large"
)]
const fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::{check, text};

    #[test]
    fn queries_are_put_together() {
        let fields = "fields @timestamp, @message, @logStream, @log, @ingestionTime";
        assert_eq!(text(" ", None), format!("{fields} | sort @timestamp asc"));
        assert_eq!(
            text("| filter status = 500", Some("disk")),
            format!(
                "{fields} | filter @message like /disk/ | filter status = 500 | sort @timestamp asc"
            )
        );
        assert!(check("filter a = 1 | parse @message /x/").is_ok());
        assert!(check("filter a = 1 | STATS count(*)").unwrap_err().contains("`stats`"));
    }
}
