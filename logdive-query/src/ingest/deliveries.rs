//! Delivery folders: log files that a service puts into an object store and never changes.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::LayerName;
use logdive_core::format::{Format, UnknownFormat};
use logdive_core::port::{Clock, SystemClock};
use object_store::ObjectStore;
use object_store::path::Path;
use thiserror::Error;

use super::{IngestError, Ingester};

mod alb;
mod dates;
pub(in crate::ingest) mod gunzip;
mod layout;
mod open;
mod read;
mod reader;
mod state;
mod walk;

pub use self::alb::AlbLog;
pub use self::layout::Layout;
pub use self::reader::{DeliveryReader, FailedObject, Polled};

/// Why deliveries cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The address is none that can be read.
    #[error("cannot read deliveries from `{address}`: {why}")]
    #[non_exhaustive]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// The object store could not be set up or listed.
    #[error("{what} of `{place}` failed")]
    #[non_exhaustive]
    Store {
        /// What was being done.
        what: &'static str,
        /// Where.
        place: String,
        /// The cause.
        source: object_store::Error,
    },
    /// The stream's offsets are not those of deliveries.
    #[error("the offsets of stream `{stream}` are not of deliveries ({why}): use another name")]
    #[non_exhaustive]
    Offsets {
        /// The stream.
        stream: String,
        /// What is wrong with them.
        why: String,
    },
    /// So many objects cannot be read that something else is wrong.
    #[error(
        "{count} objects cannot be read, the last is `{object}` ({why}): check the permissions \
         of the store; nothing is lost, they are read when they can be"
    )]
    #[non_exhaustive]
    TooManyFailed {
        /// How many.
        count: usize,
        /// The last.
        object: String,
        /// Why it cannot be read.
        why: String,
    },
    /// A format is not built in.
    #[error(transparent)]
    Format(#[from] UnknownFormat),
    /// Rows could not be kept.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// Where log files lie that a service puts into an object store and never changes, and how.
///
/// A [`DeliveryReader`] reads what is new at each poll. Folders are found by the dates in their names, so a poll lists only those that may have
/// something new: of the time since the newest folder that is closed. A folder is closed when its
/// day (or hour) has ended for longer than the look-back (24 h unless set), which covers files
/// that are delivered late.
///
/// - What was read is in the stream's offsets, in the same commit as the rows: no object is read
///   twice, and none is lost in a crash, also in the middle of an object.
/// - An object that cannot be read (forbidden, vanished, its gzip cut) is reported and tried again
///   at later polls, less and less often, for as long as the look-back; the others are read
///   meanwhile. The rows in front of a cut are kept at once; after the last try so is what is
///   left of the broken record, as a malformed row.
/// - An object that is delivered into a closed folder is never found: set a longer look-back where
///   that happens. One that changed after it was read is reported and not read again, so a local
///   folder whose files still grow is none.
///
/// Sources: AWS CloudTrail user guide, *Finding your CloudTrail log files*; Elastic Load Balancing
/// user guide, *Access logs for your Application Load Balancer*; Amazon Data Firehose developer
/// guide, *Custom prefixes for Amazon S3 objects*.
#[derive(Debug, Clone)]
pub struct Deliveries {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    url: String,
    layout: Layout,
    layer: LayerName,
    format: Option<Arc<dyn Format>>,
    since: Option<DateTime<Utc>>,
    look_back: TimeDelta,
    clock: Arc<dyn Clock>,
}

impl Deliveries {
    /// The objects of a store under a prefix (the empty one is the whole store); lines that do
    /// not say their layer are of this one.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, prefix: impl Into<Path>, layer: LayerName) -> Self {
        Self {
            store,
            prefix: prefix.into(),
            url: String::new(),
            layout: Layout::Any,
            layer,
            format: None,
            since: None,
            look_back: TimeDelta::hours(24),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The objects under an address: `s3://bucket/prefix` (feature `s3`; region, credentials and
    /// endpoint come from the `AWS_…` variables of the environment), `file:///folder`, or the
    /// path of a folder.
    ///
    /// # Errors
    /// If the address is of another kind, there is no such folder, or the store cannot be set up.
    pub fn open(address: &str, layer: LayerName) -> Result<Self, DeliveryError> {
        open::open(address, layer)
    }

    /// Sets how the objects are laid out: [`Layout::Any`] unless it is set.
    #[must_use]
    pub const fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// Sets the format of objects whose layout does not say it: JSON objects one after another
    /// unless it is set.
    #[must_use]
    pub fn format(mut self, format: Arc<dyn Format>) -> Self {
        self.format = Some(format);
        self
    }

    /// Leaves out folders of days and hours that ended by this time. (Deliveries come after their
    /// lines: what was logged since then is in later folders.)
    #[must_use]
    pub const fn since(mut self, since: DateTime<Utc>) -> Self {
        self.since = Some(since);
        self
    }

    /// Sets how late objects may come into a folder whose day or hour has ended: 24 h unless it
    /// is set.
    #[must_use]
    pub fn look_back(mut self, look_back: Duration) -> Self {
        self.look_back = TimeDelta::from_std(look_back).unwrap_or(TimeDelta::MAX);
        self
    }

    /// Sets what stands before an object's key in the source of its rows: `s3://bucket/`, say.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Sets the clock by which folders are closed and lines observed.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Begins to read into a stream of the lake, from where it stands.
    ///
    /// # Errors
    /// If the lake cannot be read, the stream's offsets are of something else, or a format is not
    /// built in.
    pub async fn reader(
        self,
        ingester: &Ingester,
        stream: &str,
    ) -> Result<DeliveryReader, DeliveryError> {
        DeliveryReader::begin(self, ingester, stream).await
    }
}
