//! A layer that Elasticsearch or OpenSearch keeps.

use async_trait::async_trait;
use logdive_core::port::{LayerQuery, LayerSource, LayerSourceError, LayerStream};
use logdive_core::{Layer, LayerName, Predicate, ValueType};

use super::client::{Address, Client};
use super::declared::{Declared, declares, sends_headers};
use super::patience::Deadline;
use super::reading;
use super::secret::Secret;
use super::tally::Tally;
use crate::diver::BuildError;

mod answer;
mod paging;
mod pushdown;
mod request;

use paging::{Paging, count};
use pushdown::Indexed;

/// Documents asked for at once.
const PAGE: u64 = 1_000;
/// Most documents of one answer, if the index says nothing else (`index.max_result_window`;
/// Elasticsearch, *Index modules*).
const MOST_A_PAGE: u64 = 10_000;

/// Which of the two speaks. A closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Elasticsearch,
    OpenSearch,
}

/// A layer that Elasticsearch (7.12 or newer) or OpenSearch (2.4 or newer) keeps: the documents of
/// an index, a data stream, or a pattern of them.
///
/// Fields of the Elastic Common Schema and what is usual beside it become fields of the line:
/// `log.level`, `message`, `trace.id`, `span.id`, `service.name`, `host.name`, `event.id`,
/// `event.action`, `http.request.id`. The whole document is kept as attributes, with dots in its
/// keys taken apart as the store itself does (`{"a.b": 1}` is `{"a": {"b": 1}}`).
///
/// A page is read from a point in time, so that no document is missed or doubled while others are
/// written. What a search left out (shards that failed, a search that timed out) fails the layer's
/// coverage. The store itself is asked for what is declared with
/// [`indexed`](Self::indexed); text that it analyses is never asked for, since that would miss
/// lines.
#[derive(Debug, Clone)]
pub struct ElasticsearchLayer {
    address: Address,
    index: String,
    time: String,
    flavour: Flavour,
    page: u64,
    most_a_page: u64,
    indexed: Vec<Indexed>,
    headers: Vec<(String, Secret)>,
    declared: Declared,
}

impl ElasticsearchLayer {
    /// The documents of an index (`logs-front-*`) in the cluster at an address
    /// (`https://es.example:9200`).
    pub fn new(address: impl Into<String>, index: impl Into<String>) -> Self {
        Self {
            address: Address::new(address),
            index: index.into(),
            time: "@timestamp".to_owned(),
            flavour: Flavour::Elasticsearch,
            page: PAGE,
            most_a_page: MOST_A_PAGE,
            indexed: Vec::new(),
            headers: Vec::new(),
            declared: Declared::new(),
        }
    }

    /// Speaks OpenSearch.
    #[must_use]
    pub const fn opensearch(mut self) -> Self {
        self.flavour = Flavour::OpenSearch;
        self
    }

    /// The field that holds the time, of type `date` or `date_nanos`; `@timestamp` if nothing else
    /// is said.
    #[must_use]
    pub fn time(mut self, field: impl Into<String>) -> Self {
        self.time = field.into();
        self
    }

    /// Authenticates with an API key, as the cluster shows it (base64).
    #[must_use]
    pub fn api_key(self, key: impl AsRef<str>) -> Self {
        self.header("authorization", format!("ApiKey {}", key.as_ref()))
    }

    /// How many documents are asked for at once; 1,000 if nothing else is said.
    #[must_use]
    pub const fn page(mut self, documents: u64) -> Self {
        self.page = documents;
        self
    }

    /// How many documents an answer may hold (`index.max_result_window`); 10,000 if nothing else
    /// is said. OpenSearch is asked for so many where one millisecond holds more than a page.
    #[must_use]
    pub const fn most_a_page(mut self, documents: u64) -> Self {
        self.most_a_page = documents;
        self
    }

    /// Declares a field of the documents and that the index holds its value just as the documents
    /// write it, so that the store can be asked for it: a `keyword` for text (perhaps below another
    /// name, `status.keyword`), a `long` or another whole number for a number, `boolean` or `ip`.
    ///
    /// Each document has one value or none there; a list is read as no value. Text longer than 256
    /// characters is not asked for, since keywords that were mapped without a word leave such out
    /// (`ignore_above`).
    #[must_use]
    pub fn indexed(
        mut self,
        name: impl Into<String>,
        path: &str,
        kind: ValueType,
        index: impl Into<String>,
    ) -> Self {
        let name = name.into();
        self.indexed.push(Indexed { name: name.clone(), index: index.into() });
        self.field(name, path, kind)
    }

    fn source(self, name: &LayerName) -> Result<ElasticsearchSource, BuildError> {
        let wrong = |why: String| BuildError::Unreadable { layer: name.clone(), why };
        // An empty index would be all of them, and a `/` or `?` another request.
        let odd = |c: char| c.is_whitespace() || c.is_control() || "/?#\\\"<>|%".contains(c);
        let index = self.index.as_str();
        if matches!(index, "" | "." | "..") || index.contains(odd) || index.starts_with('_') {
            return Err(wrong(format!("`{}` is no name of an index", self.index)));
        }
        if self.time.is_empty() {
            return Err(wrong("the field that holds the time has no name".to_owned()));
        }
        if self.page == 0 || self.most_a_page < self.page {
            return Err(wrong(format!(
                "pages of {} documents, {} at the most: give at least 1, and no more than the most",
                self.page, self.most_a_page
            )));
        }
        let layer = self.declared.layer(name)?;
        let client = Client::new(name, &self.address, &self.headers)?;
        let asking = Asking {
            client,
            index: self.index,
            time: self.time,
            flavour: self.flavour,
            page: self.page,
            most_a_page: self.most_a_page,
        };
        Ok(ElasticsearchSource { asking, indexed: self.indexed, layer, declared: self.declared })
    }
}

declares!(ElasticsearchLayer);
sends_headers!(ElasticsearchLayer);

/// How a cluster is asked.
#[derive(Debug, Clone)]
struct Asking {
    client: Client,
    index: String,
    time: String,
    flavour: Flavour,
    page: u64,
    most_a_page: u64,
}

#[derive(Debug)]
struct ElasticsearchSource {
    asking: Asking,
    indexed: Vec<Indexed>,
    layer: Layer,
    declared: Declared,
}

#[async_trait]
impl LayerSource for ElasticsearchSource {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn read(&self, query: &LayerQuery) -> Result<LayerStream, LayerSourceError> {
        let deadline = Deadline::of(query, &*self.declared.clock);
        let mut tally = Tally::new(&self.layer, &self.declared, query.window, query.limit);
        let asked = pushdown::filter(&query.predicate, &self.layer, &self.indexed);
        asked.answered.into_iter().for_each(|term| tally.answered(term));
        let name = self.layer.name().clone();
        let paging = Paging::new(self.asking.clone(), name, query.window, asked.filter, deadline);
        Ok(reading::stream(paging, tally))
    }

    /// Counts only what the store counts just as we would: all lines of a window of whole
    /// milliseconds.
    async fn count(&self, query: &LayerQuery) -> Result<Option<u64>, LayerSourceError> {
        let whole = [query.window.from(), query.window.to()]
            .iter()
            .all(|time| time.timestamp_subsec_nanos() % 1_000_000 == 0);
        if query.predicate != Predicate::always() || !whole {
            return Ok(None);
        }
        let deadline = Deadline::of(query, &*self.declared.clock);
        count(&self.asking, &query.window, deadline)
            .await
            .map(Some)
            .map_err(|fault| LayerSourceError::new(fault.kind, fault.text))
    }
}
