//! Page after page, from a point in time.

use std::collections::HashSet;

use async_trait::async_trait;
use logdive_core::{LayerName, LogRecord, Reason, ReasonKind, Window};
use reqwest::{Method, Request};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::answer::{Count, Hit, Page};
use super::request::{self, KEEP_ALIVE};
use super::{Asking, Flavour};
use crate::layers::http::client::Answer;
use crate::layers::http::fault::Fault;
use crate::layers::http::patience::{Deadline, Patience};
use crate::layers::http::reading::Conversation;
use crate::layers::http::tally::Tally;

/// Where the next page begins.
#[derive(Debug)]
pub(super) enum Place {
    /// At the window's begin.
    Begin,
    /// Behind these sort values, which no other document has (Elasticsearch).
    After(Vec<Json>),
    /// At a time in milliseconds, without the documents that were seen at it (OpenSearch, whose
    /// sort has no value that is unique). `widened` is the page where one millisecond holds more.
    From { time: Option<i64>, seen: HashSet<(String, String)>, widened: Option<u64> },
}

/// A conversation with the store.
pub(super) struct Paging {
    asking: Asking,
    layer: LayerName,
    window: Window,
    filter: Vec<Json>,
    deadline: Deadline,
    /// The point in time, once it is open.
    pit: Pit,
    place: Option<Place>,
}

impl Paging {
    pub(super) fn new(
        asking: Asking,
        layer: LayerName,
        window: Window,
        filter: Vec<Json>,
        deadline: Deadline,
    ) -> Self {
        let pit = Pit { asking: asking.clone(), id: None };
        let place = Some(Place::Begin);
        Self { asking, layer, window, filter, deadline, pit, place }
    }

    fn size(&self, place: &Place, tally: &Tally) -> u64 {
        let (page, seen) = match place {
            Place::From { widened, seen, .. } => {
                (widened.unwrap_or(self.asking.page), seen.len() as u64)
            }
            Place::Begin | Place::After(_) => (self.asking.page, 0),
        };
        page.min(tally.wanted().saturating_add(seen)).min(self.asking.most_a_page)
    }

    /// What follows on a page: the documents that are new, and where the next page begins.
    fn advance(
        &self,
        place: Place,
        size: u64,
        hits: Vec<Hit>,
        tally: &mut Tally,
    ) -> Result<(Vec<Hit>, Option<Place>), Fault> {
        let full = hits.len() as u64 >= size;
        if self.asking.flavour == Flavour::Elasticsearch {
            let next =
                if full { hits.last().map(|hit| Place::After(hit.sort.clone())) } else { None };
            return Ok((hits, next));
        }
        let (begin, mut seen) = match place {
            Place::From { time, seen, .. } => (time, seen),
            Place::Begin | Place::After(_) => (None, HashSet::new()),
        };
        let last = hits.last().and_then(Hit::millis);
        if full && last.is_none() {
            return Err(Fault::new("a document came without the time it is sorted by"));
        }
        let key = |hit: &Hit| (hit.index.clone(), hit.id.clone());
        let at_last: HashSet<_> = hits.iter().filter(|hit| hit.millis() == last).map(key).collect();
        let new = hits.into_iter().filter(|hit| !seen.contains(&key(hit))).collect();
        let next = match last {
            _ if !full => None,
            Some(last) if begin != Some(last) => {
                Some(Place::From { time: Some(last), seen: at_last, widened: None })
            }
            _ if size < self.asking.most_a_page => {
                seen.extend(at_last);
                let widened = Some(size.saturating_mul(2).min(self.asking.most_a_page));
                Some(Place::From { time: begin, seen, widened })
            }
            last => {
                // All that can be had of this millisecond; the rest can still be read.
                let at = last.unwrap_or_default();
                tally.cut(format!(
                    "the store's limit of {size} documents a page: more were written in the \
                     millisecond {at}"
                ));
                Some(Place::From { time: Some(at + 1), seen: HashSet::new(), widened: None })
            }
        };
        Ok((new, next))
    }
}

#[async_trait]
impl Conversation for Paging {
    async fn next(&mut self, tally: &mut Tally) -> Result<Option<Vec<LogRecord>>, Fault> {
        let Some(place) = self.place.take() else { return Ok(None) };
        tally.planned();
        let (place, size, mut page) = self.page(place, tally).await?;
        let gaps = page.gaps();
        if gaps.is_empty() {
            tally.read();
        }
        gaps.into_iter().for_each(|reason| tally.failed(reason));
        let hits = page.take_hits();
        let (new, next) = self.advance(place, size, hits, tally)?;
        self.place = next;
        let count = new.len();
        let records: Vec<LogRecord> = new
            .into_iter()
            .filter_map(|hit| hit.into_record(&self.layer, &self.asking.time))
            .collect();
        if records.len() < count {
            let detail = format!(
                "{} documents have no readable `{}`",
                count - records.len(),
                self.asking.time
            );
            tally.failed(Reason::new(ReasonKind::IllTyped, detail));
        }
        Ok(Some(records))
    }

    async fn end(&mut self) {
        if let Some(request) = self.pit.close() {
            let soon = std::time::Duration::from_secs(1);
            let _ = tokio::time::timeout(soon, self.asking.client.send(request)).await;
        }
    }
}

impl Paging {
    /// Asks for the page at a place; a smaller one where an answer is too large.
    async fn page(&mut self, place: Place, tally: &mut Tally) -> Result<(Place, u64, Page), Fault> {
        let mut pit = match &self.pit.id {
            Some(id) => id.clone(),
            None => open(&self.asking, self.deadline).await?,
        };
        self.pit.id = Some(pit.clone());
        loop {
            let size = self.size(&place, tally);
            let search = request::search(
                &self.asking,
                &self.window,
                &self.filter,
                &place,
                (&pit, size),
                self.deadline,
            );
            let request =
                || self.asking.client.request(Method::POST, "/_search", &[], Some(&search));
            let answer = match ask(&self.asking, request, self.deadline).await {
                Ok(answer) => answer,
                Err(fault) if fault.too_large && size > 1 => {
                    self.asking.most_a_page = size / 2;
                    self.asking.page = self.asking.page.min(size / 2);
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            tally.bytes(answer.len());
            let mut page: Page = answer.json()?;
            // The newest id is the one to use.
            if let Some(id) = page.pit_id.take() {
                pit = id;
                self.pit.id = Some(pit);
            }
            return Ok((place, size, page));
        }
    }
}

/// An open point in time; dropping it closes it, as far as the store can still be told.
struct Pit {
    asking: Asking,
    id: Option<String>,
}

impl Pit {
    /// The request that closes it, once.
    fn close(&mut self) -> Option<Request> {
        let id = self.id.take()?;
        let (path, body) = match self.asking.flavour {
            Flavour::Elasticsearch => ("/_pit", json!({ "id": id })),
            Flavour::OpenSearch => ("/_search/point_in_time", json!({ "pit_id": [id] })),
        };
        self.asking.client.request(Method::DELETE, path, &[], Some(&body)).ok()
    }
}

impl Drop for Pit {
    fn drop(&mut self) {
        if let (Some(request), Ok(runtime)) = (self.close(), tokio::runtime::Handle::try_current())
        {
            let client = self.asking.client.clone();
            runtime.spawn(async move { client.send(request).await });
        }
    }
}

#[derive(Deserialize)]
struct Opened {
    // Elasticsearch says `id`, OpenSearch `pit_id`.
    #[serde(alias = "pit_id")]
    id: String,
}

async fn open(asking: &Asking, deadline: Deadline) -> Result<String, Fault> {
    let path = match asking.flavour {
        Flavour::Elasticsearch => format!("/{}/_pit", asking.index),
        Flavour::OpenSearch => format!("/{}/_search/point_in_time", asking.index),
    };
    let query = [("keep_alive", KEEP_ALIVE.to_owned())];
    let request = || asking.client.request(Method::POST, &path, &query, None);
    let answer = ask(asking, request, deadline).await?;
    Ok(answer.json::<Opened>()?.id)
}

/// Counts the documents of a window.
pub(super) async fn count(
    asking: &Asking,
    window: &Window,
    deadline: Deadline,
) -> Result<u64, Fault> {
    let body = json!({ "query": request::query(asking, window, &[], None) });
    let path = format!("/{}/_count", asking.index);
    let request = || asking.client.request(Method::POST, &path, &[], Some(&body));
    let count: Count = ask(asking, request, deadline).await?.json()?;
    match count.gap() {
        Some(gap) => Err(Fault { kind: gap.kind, ..Fault::new(gap.detail) }),
        None => Ok(count.count),
    }
}

async fn ask(
    asking: &Asking,
    request: impl Fn() -> Result<Request, Fault> + Send + Sync,
    deadline: Deadline,
) -> Result<Answer, Fault> {
    let mut patience = Patience::default();
    loop {
        match deadline.within(asking.client.send(request()?)).await {
            Ok(answer) => return Ok(answer),
            Err(fault) => patience.wait(fault, deadline).await?,
        }
    }
}
