//! From a body to durable rows.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{ArrayRef, StringArray};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use logdive_core::format::{Format, Origin, Overflow, Parsed, Parser, RAW_LIMIT};
use logdive_core::log::{Column, LogBatchBuilder};
use logdive_core::port::Clock;
use logdive_core::{Digest, LayerName, LogBatch};
use serde_json::Value as Json;
use tokio::sync::{Mutex, watch};

use super::answer::Encoding;
use super::seen::{Known, Seen};
use crate::ingest::{IngestError, IngestStream};

/// Where rows go: an [`IngestStream`], or what tests put in its place.
#[async_trait]
pub(super) trait Outlet: fmt::Debug + Send {
    /// Takes rows unless too much waits; the future is ready when they are durable.
    async fn offer(
        &mut self,
        rows: LogBatch,
        offsets: Json,
    ) -> Result<BoxFuture<'static, Result<u64, IngestError>>, IngestError>;

    /// Where the rest of giant records goes.
    fn rest(&self) -> Box<dyn Overflow>;
}

#[async_trait]
impl Outlet for IngestStream {
    async fn offer(
        &mut self,
        rows: LogBatch,
        offsets: Json,
    ) -> Result<BoxFuture<'static, Result<u64, IngestError>>, IngestError> {
        let receipt = self.try_push(rows, offsets).await?;
        Ok(Box::pin(receipt.durable()))
    }

    fn rest(&self) -> Box<dyn Overflow> {
        self.overflow()
    }
}

/// The stream and what it was given.
#[derive(Debug)]
pub(super) struct Stream {
    outlet: Box<dyn Outlet>,
    pub(super) seen: Seen,
}

impl Stream {
    pub(super) fn new(outlet: Box<dyn Outlet>, seen: Seen) -> Self {
        Self { outlet, seen }
    }
}

/// What became of a body that was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) parsed: Parsed,
    /// It has no record at all, only bytes that are none.
    pub(super) undecodable: bool,
    /// It is in the lake already.
    pub(super) repeated: bool,
}

/// Why a body was not taken.
#[derive(Debug)]
pub(super) enum NotTaken {
    Ingest(IngestError),
    /// The parser broke down.
    Broken,
}

impl From<IngestError> for NotTaken {
    fn from(error: IngestError) -> Self {
        Self::Ingest(error)
    }
}

/// Makes rows of bodies and waits until they are durable.
#[derive(Debug)]
pub(super) struct Intake {
    stream: Mutex<Stream>,
    protobuf: Arc<dyn Format>,
    json: Arc<dyn Format>,
    layer: LayerName,
    layers: BTreeMap<String, LayerName>,
    clock: Arc<dyn Clock>,
    source: String,
    /// The place of the next row, rising over restarts.
    next_seq: AtomicI64,
}

/// A body, undone.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) encoding: Encoding,
    /// Who sent it.
    pub(super) peer: IpAddr,
}

impl Intake {
    pub(super) fn new(
        stream: Stream,
        [protobuf, json]: [Arc<dyn Format>; 2],
        layer: LayerName,
        layers: BTreeMap<String, LayerName>,
        clock: Arc<dyn Clock>,
        source: String,
    ) -> Self {
        let stream = Mutex::new(stream);
        let next_seq = AtomicI64::new(0);
        Self { stream, protobuf, json, layer, layers, clock, source, next_seq }
    }

    /// Takes a body. When it returns, the rows are durable.
    ///
    /// # Errors
    /// If too much waits, or the lake cannot be written; nothing is remembered of the body then.
    pub(super) async fn take(&self, body: Body) -> Result<Taken, NotTaken> {
        let kind = [body.encoding.content_type().as_bytes(), &body.bytes];
        let digest = Digest::of_parts(kind);
        if self.is_known(digest).await {
            return Ok(Taken { repeated: true, ..Taken::default() });
        }
        let rows = self.parse(body).await?;
        loop {
            let mut stream = self.stream.lock().await;
            let now = self.clock.now().timestamp();
            // The same body may have come by another connection meanwhile.
            match stream.seen.find(digest, now) {
                Known::No => {}
                Known::Durable => {
                    return Ok(Taken { repeated: true, ..rows.taken });
                }
                Known::Pending(mut fate) => {
                    drop(stream);
                    let durable =
                        fate.wait_for(Option::is_some).await.is_ok_and(|f| *f == Some(true));
                    if durable {
                        return Ok(Taken { repeated: true, ..rows.taken });
                    }
                    continue;
                }
            }
            stream.seen.forget(now);
            let with = rows.timed.then_some((digest, now));
            let offsets = stream.seen.offsets(with);
            let promise = stream.outlet.offer(rows.batch, offsets).await?;
            let (known, fate) = watch::channel(None);
            if rows.timed {
                stream.seen.insert(digest, now, fate);
            }
            drop(stream);
            let durable = promise.await;
            if rows.timed {
                self.stream.lock().await.seen.settle(digest, durable.is_ok());
            }
            let _ = known.send(Some(durable.is_ok()));
            return match durable {
                Ok(_) => Ok(rows.taken),
                Err(error) => Err(error.into()),
            };
        }
    }

    /// Whether a body is durable; waits if it is on its way.
    async fn is_known(&self, digest: Digest) -> bool {
        let known = self.stream.lock().await.seen.find(digest, self.clock.now().timestamp());
        match known {
            Known::No => false,
            Known::Durable => true,
            Known::Pending(mut fate) => {
                fate.wait_for(Option::is_some).await.is_ok_and(|fate| *fate == Some(true))
            }
        }
    }

    async fn parse(&self, body: Body) -> Result<Rows, NotTaken> {
        let observed = self.clock.now().timestamp_nanos_opt().unwrap_or_default();
        let length = i64::try_from(body.bytes.len()).unwrap_or(i64::MAX);
        let first = self.places(observed, length);
        let origin = Origin {
            emitter: Some(body.peer.to_string()),
            first_seq: first,
            ..Origin::new(self.layer.clone(), self.source.clone(), observed)
        };
        let format = Arc::clone(match body.encoding {
            Encoding::Protobuf => &self.protobuf,
            Encoding::Json => &self.json,
        });
        let mut parser = Parser::new(format, origin);
        // No record is longer than its body.
        if body.bytes.len() > RAW_LIMIT {
            parser = parser.overflow(self.stream.lock().await.outlet.rest());
        }
        let layers = self.layers.clone();
        let work = move || {
            let mut out = LogBatchBuilder::new();
            parser.feed(&body.bytes, &mut out);
            parser.finish(&mut out);
            drop(body);
            let batch = out.finish();
            let timed = !batch.is_empty()
                && batch.rows().all(|row| {
                    row.int(Column::TimeUnixNano).is_some()
                        || row.int(Column::ObservedTimeUnixNano) != Some(observed)
                });
            let undecodable = !batch.is_empty()
                && batch.rows().all(|row| {
                    row.text(Column::ParseError).is_some()
                        && row.int(Column::RawLength).is_none()
                        && row.int(Column::TimeUnixNano).is_none()
                        && row.int(Column::SeverityNumber).is_none()
                        && row.text(Column::Attributes).is_none()
                        && row.text(Column::Resource).is_none()
                });
            let taken = Taken { parsed: parser.parsed(), undecodable, repeated: false };
            Rows { batch: placed(batch, &layers), timed, taken }
        };
        // Long work, and the rest of a giant is written to the disk.
        tokio::task::spawn_blocking(work).await.map_err(|_| NotTaken::Broken)
    }

    /// The place of the first of at most so many rows: about the time of observation, so that
    /// places rise over restarts too.
    fn places(&self, observed: i64, most: i64) -> i64 {
        let from = |next: i64| next.max(observed);
        let update = |next| Some(from(next).saturating_add(most));
        self.next_seq
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update)
            .map_or(observed, from)
    }
}

struct Rows {
    batch: LogBatch,
    /// Each row says its own time.
    timed: bool,
    taken: Taken,
}

/// The rows with the layers of their services.
fn placed(batch: LogBatch, layers: &BTreeMap<String, LayerName>) -> LogBatch {
    if layers.is_empty() {
        return batch;
    }
    let names = batch.rows().map(|row| {
        let service = row.text(Column::ServiceName).and_then(|service| layers.get(service));
        service.map_or_else(|| row.text(Column::Layer), |layer| Some(layer.as_str()))
    });
    let names: ArrayRef = Arc::new(names.collect::<StringArray>());
    let arrow = batch.as_arrow();
    let mut columns = arrow.columns().to_vec();
    if let Some(column) = columns.get_mut(Column::Layer as usize) {
        *column = names;
    }
    let placed = RecordBatch::try_new(arrow.schema(), columns).ok();
    // Every name is one of a layer, so that the batch stays one.
    placed.and_then(|placed| LogBatch::try_new(&placed).ok()).unwrap_or(batch)
}
