//! The seams: what logdive asks of the world, as small object-safe traits.
//!
//! Each has a conformance suite in `testkit` (a feature of that name) and an
//! implementation in memory in [`memory`](crate::memory).

mod actuator;
mod clock;
mod decide;
mod evidence_source;
mod journal;
mod layer_source;
mod post;
mod sink;
mod ticket_source;

pub use actuator::{Actuator, ActuatorError, Targets, Verification};
pub use clock::{Clock, SystemClock};
pub use decide::{ActionNeed, Cap, Decide, Needs, RuleBounds};
pub use evidence_source::{
    Budget, Description, DiveError, DiveRequest, EvidenceSource, StepDescription,
};
pub use journal::{
    Begin, DeliveryLog, DeliveryOutcome, Draft, Journal, JournalError, Lease, PendingDelivery, Row,
};
pub use layer_source::{LayerItem, LayerQuery, LayerSource, LayerSourceError, LayerStream};
pub use post::{Post, PostError};
pub use sink::{
    Caps, Delivery, DeliveryKind, Health, Idempotency, Kept, LimitUnit, Markup, Receipt, Rendered,
    Sink, SinkError, SizeLimit,
};
pub use ticket_source::{Changes, Cursor, TicketSource, TicketSourceError};
