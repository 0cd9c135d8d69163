//! Page after page, by time.

use std::collections::{HashMap, VecDeque};

use async_trait::async_trait;
use logdive_core::{LayerName, LogRecord, Reason, ReasonKind, Window};
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};

use super::answer::{self, Entry, Read};
use crate::layers::http::client::Client;
use crate::layers::http::fault::Fault;
use crate::layers::http::nanos;
use crate::layers::http::patience::{Deadline, Patience};
use crate::layers::http::reading::Conversation;
use crate::layers::http::tally::Tally;

/// Asks for the metadata of entries apart from the labels of their stream.
const CATEGORIZE: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-loki-response-encoding-flags"),
    HeaderValue::from_static("categorize-labels"),
);
/// Parts of a window are not made shorter than this, in nanoseconds.
const SHORTEST: i64 = 1_000_000_000;
/// What Loki says if a window is too long, and if a page is too large.
const TOO_LONG: &str = "the query time range exceeds the limit";
const TOO_MANY: &str = "max entries limit per query exceeded";

/// A conversation with Loki.
pub(super) struct Paging {
    client: Client,
    query: String,
    layer: LayerName,
    deadline: Deadline,
    page: u64,
    most_a_page: u64,
    /// Parts of the window that are still to be read: from, inclusive, to, exclusive.
    parts: VecDeque<Part>,
}

/// A part of the window, and how far it was read.
#[derive(Debug)]
struct Part {
    from: i64,
    to: i64,
    /// The lines at `from` that were read already, and how often each.
    seen: HashMap<Entry, u64>,
    /// Lines asked for at once, where one nanosecond holds more than a page.
    widened: Option<u64>,
    /// Whether it counts as planned.
    planned: bool,
}

impl Part {
    fn new(from: i64, to: i64) -> Self {
        Self { from, to, seen: HashMap::new(), widened: None, planned: false }
    }
}

impl Paging {
    pub(super) fn new(
        client: Client,
        query: String,
        layer: LayerName,
        window: &Window,
        (page, most_a_page): (u64, u64),
        deadline: Deadline,
    ) -> Self {
        let (from, to) = nanos(window);
        // Nothing was written before 1970.
        let (from, to) = (from.max(0), to.max(0));
        let parts = if from < to { VecDeque::from([Part::new(from, to)]) } else { VecDeque::new() };
        Self { client, query, layer, deadline, page, most_a_page, parts }
    }

    async fn ask(&self, part: &Part, limit: u64, tally: &mut Tally) -> Result<Read, Fault> {
        let query = [
            ("query", self.query.clone()),
            ("start", part.from.to_string()),
            ("end", part.to.to_string()),
            ("limit", limit.to_string()),
            ("direction", "forward".to_owned()),
        ];
        let mut patience = Patience::default();
        let answer = loop {
            let mut request =
                self.client.request(Method::GET, "/loki/api/v1/query_range", &query, None)?;
            let (name, value) = CATEGORIZE;
            request.headers_mut().insert(name, value);
            match self.deadline.within(self.client.send(request)).await {
                Ok(answer) => break answer,
                Err(fault) => patience.wait(fault, self.deadline).await?,
            }
        };
        tally.bytes(answer.len());
        let read = answer::read(&answer)?;
        tally.bytes(read.bytes);
        tally.scanned(read.lines);
        for warning in &read.warnings {
            tally.failed(Reason::new(ReasonKind::Failed, format!("Loki warns: {warning}")));
        }
        Ok(read)
    }

    /// What can be done about a fault: shorter parts, smaller pages.
    fn adapt(
        &mut self,
        part: Part,
        limit: u64,
        fault: Fault,
        tally: &mut Tally,
    ) -> Result<(), Fault> {
        if fault.status == Some(400)
            && fault.text.contains(TOO_LONG)
            && part.to - part.from > SHORTEST
        {
            let middle = part.from + (part.to - part.from) / 2;
            let mut later = Part::new(middle, part.to);
            later.planned = true;
            tally.split();
            self.parts.push_front(later);
            self.parts.push_front(Part { to: middle, ..part });
            return Ok(());
        }
        let smaller = match most_allowed(&fault) {
            Some(most) => Some(most.min(limit - 1)),
            None if fault.too_large => Some(limit / 2),
            None => None,
        };
        match smaller.filter(|smaller| *smaller > 0) {
            Some(smaller) => {
                self.most_a_page = smaller;
                self.page = self.page.min(smaller);
                self.parts.push_front(Part { widened: None, ..part });
                Ok(())
            }
            None => Err(fault),
        }
    }

    /// Takes a page of a part: the lines that are new, and what is left of the part.
    fn advance(
        &mut self,
        mut part: Part,
        limit: u64,
        page: Vec<Entry>,
        tally: &mut Tally,
    ) -> Vec<Entry> {
        let full = page.len() as u64 >= limit;
        let last = page.iter().map(|entry| entry.time).max().unwrap_or(part.from);
        let mut at_last: HashMap<Entry, u64> = HashMap::new();
        if full {
            for entry in page.iter().filter(|entry| entry.time == last) {
                *at_last.entry(entry.clone()).or_default() += 1;
            }
        }
        let mut left = part.seen.clone();
        let new: Vec<Entry> = page
            .into_iter()
            .filter(|entry| match left.get_mut(entry).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => true,
            })
            .collect();
        if !full {
            tally.read();
            return new;
        }
        if last > part.from {
            part = Part { from: last, seen: at_last, widened: None, ..part };
        } else if limit < self.most_a_page {
            // The larger page need not hold the lines of the smaller one.
            for (entry, count) in at_last {
                let seen = part.seen.entry(entry).or_default();
                *seen = count.max(*seen);
            }
            part.widened = Some(limit.saturating_mul(2).min(self.most_a_page));
        } else {
            // All that can be had of this nanosecond; the rest of the part can still be read.
            tally.cut(format!(
                "Loki's limit of {limit} lines a request: more were written in the nanosecond {last}"
            ));
            part = Part { from: last + 1, seen: HashMap::new(), widened: None, ..part };
        }
        if part.from < part.to {
            self.parts.push_front(part);
        } else {
            tally.read();
        }
        new
    }
}

#[async_trait]
impl Conversation for Paging {
    async fn next(&mut self, tally: &mut Tally) -> Result<Option<Vec<LogRecord>>, Fault> {
        loop {
            let Some(mut part) = self.parts.pop_front() else { return Ok(None) };
            if !part.planned {
                tally.planned();
                part.planned = true;
            }
            // What was seen comes again, so a page must be able to hold more than that.
            let seen: u64 = part.seen.values().sum();
            let wanted = tally.wanted().saturating_add(seen);
            let limit = part.widened.unwrap_or(self.page).min(wanted).min(self.most_a_page);
            match self.ask(&part, limit, tally).await {
                Ok(read) => {
                    let new = self.advance(part, limit, read.entries, tally);
                    return Ok(Some(answer::lines(&self.layer, new)));
                }
                Err(fault) => self.adapt(part, limit, fault, tally)?,
            }
        }
    }
}

/// How many lines Loki allows at once, as it says when it is asked for more.
fn most_allowed(fault: &Fault) -> Option<u64> {
    let (_, behind) = fault.text.split_once(TOO_MANY)?;
    let (_, most) = behind.rsplit_once("> ")?;
    most.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::most_allowed;
    use crate::layers::http::fault::Fault;

    #[test]
    fn the_limit_that_loki_names_is_read() {
        let said = "loki answered 400: max entries limit per query exceeded, limit > \
                    max_entries_limit_per_query (5000 > 100)";
        assert_eq!(most_allowed(&Fault::new(said)), Some(100));
        assert_eq!(most_allowed(&Fault::new("parse error > 1")), None);
    }
}
