//! The crate as its users see it: public names only.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests stop where they fail"
)]

mod clock;
mod custom_sink;
mod github;
mod outbox;
mod packet;
mod retry;
mod scripted;
mod server;
mod sqlite;
