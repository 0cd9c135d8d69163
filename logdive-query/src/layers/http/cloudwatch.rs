//! A layer that CloudWatch Logs keeps.

use std::time::Duration;

use async_trait::async_trait;
use logdive_core::port::{LayerQuery, LayerSource, LayerSourceError, LayerStream};
use logdive_core::{Layer, LayerName};

use super::client::Address;
use super::declared::{Declared, declares};
use super::patience::Deadline;
use super::reading;
use super::secret::Secret;
use super::tally::Tally;
use crate::diver::BuildError;

mod call;
mod filter;
mod insights;
mod pattern;

use call::{Cloud, Keys};
use filter::Filtering;
use insights::Insights;

/// Most events of one answer, and most results of one query (Amazon CloudWatch Logs API,
/// *FilterLogEvents* and *StartQuery*).
const MOST_A_PAGE: u64 = 10_000;
/// How often a running query is asked for its results.
const POLL: Duration = Duration::from_millis(500);

/// How lines are asked for.
#[derive(Debug, Clone)]
enum Way {
    /// `FilterLogEvents`, with a filter pattern of the user's.
    Filter { pattern: Option<String> },
    /// Logs Insights, with a part of a query.
    Insights { query: String },
}

/// A layer that CloudWatch Logs keeps: the events of a log group.
///
/// The text of an event is the line's body; of a JSON object level, message and ids become fields,
/// and the whole object is kept as attributes. The log stream is the emitter, the log group the
/// source, and the event's id the line's.
///
/// [`filter`](Self::filter) reads page by page with `FilterLogEvents` and costs nothing but time;
/// [`insights`](Self::insights) runs Logs Insights queries, which are faster over many streams and
/// are billed by the bytes scanned. A query gives 10,000 results at the most: where that many
/// came, the window is split and both halves are asked for, down to a second; a second that holds
/// more is cut, and the coverage says so.
///
/// Credentials are found as object stores find them: `AWS_ACCESS_KEY_ID` and
/// `AWS_SECRET_ACCESS_KEY`, a web identity, those of a container or of an instance; or they are
/// given with [`keys`](Self::keys). CloudWatch itself is asked only for texts of the body that the
/// predicate needs. The bytes in the coverage are those of the answers and those that Insights says
/// it scanned.
#[derive(Debug, Clone)]
pub struct CloudWatchLayer {
    region: String,
    group: String,
    way: Way,
    endpoint: Option<Address>,
    keys: Option<Keys>,
    page: u64,
    poll: Duration,
    price: u64,
    declared: Declared,
}

impl CloudWatchLayer {
    /// The events of a log group in a region (`eu-central-1`), by name or ARN, read with
    /// `FilterLogEvents`.
    pub fn filter(region: impl Into<String>, group: impl Into<String>) -> Self {
        Self::new(region.into(), group.into(), Way::Filter { pattern: None })
    }

    /// The events of a log group that a Logs Insights query finds. Of the query only the part is
    /// given that selects events, such as `filter @message like /timeout/`; it may be empty.
    pub fn insights(
        region: impl Into<String>,
        group: impl Into<String>,
        query: impl Into<String>,
    ) -> Self {
        Self::new(region.into(), group.into(), Way::Insights { query: query.into() })
    }

    fn new(region: String, group: String, way: Way) -> Self {
        Self {
            region,
            group,
            way,
            endpoint: None,
            keys: None,
            page: MOST_A_PAGE,
            poll: POLL,
            price: 0,
            declared: Declared::new(),
        }
    }

    /// Reads only events that meet a filter pattern, with `FilterLogEvents`. Nothing of the
    /// predicate is then asked of CloudWatch.
    #[must_use]
    pub fn pattern(mut self, text: impl Into<String>) -> Self {
        if let Way::Filter { pattern } = &mut self.way {
            *pattern = Some(text.into());
        }
        self
    }

    /// Authenticates with an access key.
    #[must_use]
    pub fn keys(mut self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.keys = Some(Keys { id: id.into(), secret: Secret::new(secret), token: None });
        self
    }

    /// The session token of temporary keys that were given with [`keys`](Self::keys).
    #[must_use]
    pub fn session_token(mut self, token: impl Into<String>) -> Self {
        if let Some(keys) = &mut self.keys {
            keys.token = Some(Secret::new(token));
        }
        self
    }

    /// Speaks to another address than that of the region: a VPC endpoint, or a test's.
    #[must_use]
    pub fn endpoint(mut self, address: impl Into<String>) -> Self {
        self.endpoint = Some(Address::new(address));
        self
    }

    /// How many events are asked for at once, and how many results of one query; 10,000, the most
    /// that CloudWatch allows, if nothing else is said.
    #[must_use]
    pub const fn page(mut self, events: u64) -> Self {
        self.page = events;
        self
    }

    /// How often a running query is asked for its results; twice a second if nothing else is said.
    #[must_use]
    pub const fn poll_every(mut self, time: Duration) -> Self {
        self.poll = time;
        self
    }

    /// What scanning a gigabyte with Insights costs, in millionths of a dollar, for the coverage's
    /// cost. It depends on the region (us-east-1: 5,000).
    #[must_use]
    pub const fn price(mut self, micro_dollars_a_gigabyte: u64) -> Self {
        self.price = micro_dollars_a_gigabyte;
        self
    }

    fn source(self, name: &LayerName) -> Result<CloudWatchSource, BuildError> {
        let wrong = |why: String| BuildError::Unreadable { layer: name.clone(), why };
        if self.group.trim().is_empty() {
            return Err(wrong("its log group has no name".to_owned()));
        }
        if !(1..=MOST_A_PAGE).contains(&self.page) {
            let page = self.page;
            return Err(wrong(format!("a page of {page} events: give 1 to {MOST_A_PAGE}")));
        }
        if let Way::Insights { query } = &self.way {
            insights::check(query).map_err(wrong)?;
        }
        let cloud = Cloud::new(name, self.region, self.endpoint, self.keys)?;
        let layer = self.declared.layer(name)?;
        Ok(CloudWatchSource {
            cloud,
            group: self.group,
            way: self.way,
            page: self.page,
            poll: self.poll,
            price: self.price,
            layer,
            declared: self.declared,
        })
    }
}

declares!(CloudWatchLayer);

#[derive(Debug)]
struct CloudWatchSource {
    cloud: Cloud,
    group: String,
    way: Way,
    page: u64,
    poll: Duration,
    price: u64,
    layer: Layer,
    declared: Declared,
}

#[async_trait]
impl LayerSource for CloudWatchSource {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn read(&self, query: &LayerQuery) -> Result<LayerStream, LayerSourceError> {
        let deadline = Deadline::of(query, &*self.declared.clock);
        let mut tally = Tally::new(&self.layer, &self.declared, query.window, query.limit);
        let needed = pattern::needed(&query.predicate);
        let may_ask = !matches!(self.way, Way::Filter { pattern: Some(_) });
        let needed = needed.filter(|_| may_ask);
        if let Some(needed) = &needed {
            tally.answered(format!("body has {}", needed.texts.join(" or ")));
        }
        let regex = needed.map(|needed| needed.regex);
        let (cloud, layer) = (self.cloud.clone(), self.layer.name().clone());
        Ok(match &self.way {
            Way::Filter { pattern } => {
                let pattern = pattern.clone().or_else(|| regex.map(|regex| format!("%{regex}%")));
                let group = self.group.clone();
                let window = &query.window;
                let asked = filter::Asked { group, pattern, page: self.page };
                reading::stream(Filtering::new(cloud, layer, asked, window, deadline), tally)
            }
            Way::Insights { query: part } => {
                let asked = insights::Asked {
                    group: self.group.clone(),
                    text: insights::text(part, regex.as_deref()),
                    page: self.page,
                    poll: self.poll,
                    price: self.price,
                };
                reading::stream(Insights::new(cloud, layer, asked, &query.window, deadline), tally)
            }
        })
    }
}
