//! Conformance suites: what every implementation of a seam must hold. Not stable yet.
//!
//! Each suite is an async function that panics with what does not hold. Run it in a test of
//! whatever runtime the implementation needs.

mod act;
mod journal;
mod logs;
#[cfg(feature = "otlp")]
pub mod otlp;
mod place;
pub mod stream;

pub use act::{actuator, decide};
pub use journal::{delivery_log, journal};
pub use logs::{evidence_source, layer_source};
pub use place::{clock, post, sink, ticket_source};
