//! Layers of stores that answer over HTTP: Loki, Elasticsearch and OpenSearch, CloudWatch Logs.
//!
//! Each store has a conversation of its own: what to ask next, and what an answer means. What they
//! share is here: a client that bounds time and bytes, when to ask again, and how pages become a
//! stream that ends with its coverage. Whatever goes wrong is in the coverage, with the lines that
//! were read before it.

mod client;
mod declared;
mod fault;
#[cfg(any(feature = "cloudwatch", feature = "loki"))]
mod lines;
#[cfg(any(feature = "cloudwatch", feature = "loki"))]
mod needles;
mod patience;
mod reading;
mod secret;
mod tally;

#[cfg(feature = "cloudwatch")]
pub(crate) mod cloudwatch;
#[cfg(feature = "elasticsearch")]
pub(crate) mod elasticsearch;
#[cfg(feature = "loki")]
pub(crate) mod loki;

use logdive_core::Window;

/// The ends of a window in nanoseconds since 1970; what lies outside of their range is cut there.
fn nanos(window: &Window) -> (i64, i64) {
    let from = window.from().timestamp_nanos_opt();
    let to = window.to().timestamp_nanos_opt();
    (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX))
}
