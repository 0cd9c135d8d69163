//! A layer that Loki keeps.

use async_trait::async_trait;
use logdive_core::port::{LayerQuery, LayerSource, LayerSourceError, LayerStream};
use logdive_core::{Layer, LayerName};

use super::client::{Address, Client};
use super::declared::{Declared, declares, sends_headers};
use super::patience::Deadline;
use super::reading;
use super::secret::Secret;
use super::tally::Tally;
use crate::diver::BuildError;

mod answer;
mod paging;
mod request;

use paging::Paging;
use request::Selector;

/// Most lines that Loki gives for one request, if nothing else is configured
/// (`max_entries_limit_per_query`; Grafana Loki, *Configuration*, `limits_config`).
const MOST_A_PAGE: u64 = 5_000;

/// A layer that Loki keeps: the lines of the streams that a selector finds.
///
/// The text of a line is its body; of a JSON object level, message and ids become fields, and the
/// whole object is kept as attributes. Structured metadata joins the attributes where the object
/// has no such key, and fills `trace_id`, `span_id`, `request_id` and the severity where the line
/// has none. The stream's labels are the resource and name the emitter.
///
/// Loki itself is asked for lines with the texts that the predicate needs in the body, and for
/// streams by those labels that are declared as fields of the resource
/// (`.field_at("pod", LayerField::at(FieldPath::Resource(vec!["pod".into()]), ValueType::Text))`).
/// A window longer than Loki allows is asked for in parts. More lines at one nanosecond than Loki
/// gives at once are cut, and the coverage says so.
///
/// The bytes in the coverage are those of the answers and those that Loki says it processed.
#[derive(Debug, Clone)]
pub struct LokiLayer {
    address: Address,
    selector: String,
    page: u64,
    most_a_page: u64,
    headers: Vec<(String, Secret)>,
    declared: Declared,
}

impl LokiLayer {
    /// The lines of a selector (`{app="front"}`) in the Loki at an address
    /// (`https://loki.example`).
    pub fn new(address: impl Into<String>, selector: impl Into<String>) -> Self {
        Self {
            address: Address::new(address),
            selector: selector.into(),
            page: MOST_A_PAGE,
            most_a_page: MOST_A_PAGE,
            headers: Vec::new(),
            declared: Declared::new(),
        }
    }

    /// Reads as a tenant: the header `X-Scope-OrgID`.
    #[must_use]
    pub fn tenant(self, tenant: impl Into<String>) -> Self {
        self.header("x-scope-orgid", tenant)
    }

    /// How many lines are asked for at once; 5,000 if nothing else is said.
    #[must_use]
    pub const fn page(mut self, lines: u64) -> Self {
        self.page = lines;
        self
    }

    /// How many lines Loki gives at once at the most (`max_entries_limit_per_query`); 5,000 if
    /// nothing else is said. So many are asked for where one nanosecond holds more than a page.
    #[must_use]
    pub const fn most_a_page(mut self, lines: u64) -> Self {
        self.most_a_page = lines;
        self
    }

    fn source(self, name: &LayerName) -> Result<LokiSource, BuildError> {
        let wrong = |why: String| BuildError::Unreadable { layer: name.clone(), why };
        let selector = Selector::parse(&self.selector).map_err(wrong)?;
        if self.page == 0 || self.most_a_page < self.page {
            return Err(wrong(format!(
                "pages of {} lines, {} at the most: give at least 1, and no more than the most",
                self.page, self.most_a_page
            )));
        }
        let layer = self.declared.layer(name)?;
        let client = Client::new(name, &self.address, &self.headers)?;
        let (page, most_a_page) = (self.page, self.most_a_page);
        Ok(LokiSource { client, selector, page, most_a_page, layer, declared: self.declared })
    }
}

declares!(LokiLayer);
sends_headers!(LokiLayer);

#[derive(Debug)]
struct LokiSource {
    client: Client,
    selector: Selector,
    page: u64,
    most_a_page: u64,
    layer: Layer,
    declared: Declared,
}

#[async_trait]
impl LayerSource for LokiSource {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn read(&self, query: &LayerQuery) -> Result<LayerStream, LayerSourceError> {
        let deadline = Deadline::of(query, &*self.declared.clock);
        let mut tally = Tally::new(&self.layer, &self.declared, query.window, query.limit);
        let asked = self.selector.ask(&query.predicate, &self.layer);
        asked.answered.into_iter().for_each(|term| tally.answered(term));
        let paging = Paging::new(
            self.client.clone(),
            asked.text,
            self.layer.name().clone(),
            &query.window,
            (self.page, self.most_a_page),
            deadline,
        );
        Ok(reading::stream(paging, tally))
    }
}
