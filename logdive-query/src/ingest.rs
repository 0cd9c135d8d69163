//! From sources into the lake: one writer, many streams.
//!
//! An [`Ingester`] owns the lake's one writer and commits the rows of all its streams together. A
//! source reads, parses, and pushes rows with its offsets into its [`IngestStream`]; both are in
//! one commit, so a source that goes on from [`IngestStream::committed`] loses and doubles no
//! line.

mod choice;
mod compression;
mod deliveries;
mod error;
mod files;
mod ingester;
mod receipts;
#[cfg(feature = "otlp-http")]
mod receiver;
mod stdin;

pub use choice::FormatChoice;
pub use compression::unpacked;
pub use deliveries::{
    AlbLog, Deliveries, DeliveryError, DeliveryReader, FailedObject, Layout, Polled,
};
pub use error::IngestError;
pub use files::{FileLimits, FileProgress, FileSource, FileSourceBuilder, FileSourceError};
pub use ingester::{IngestLimits, IngestStream, Ingester, Receipt};
#[cfg(feature = "otlp-http")]
pub use receiver::{OtlpReceiver, ReceiverCounts, ReceiverError, ReceiverLimits, ReceiverProgress};
pub use stdin::StdinSource;
