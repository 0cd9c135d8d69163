//! OTLP over HTTP: log records that services send, answered when they are durable.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use logdive_core::format::{Format, UnknownFormat, by_name};
use logdive_core::port::{Clock, SystemClock};
use logdive_core::{Digest, LayerName};
use thiserror::Error;
use tokio::net::TcpListener;

use super::{IngestError, IngestStream};

mod answer;
mod intake;
mod request;
mod seen;
mod server;
#[cfg(test)]
mod tests;
mod timed;

use self::intake::{Intake, Stream};
use self::seen::Seen;
pub use self::server::{ReceiverCounts, ReceiverProgress};

/// Why a receiver does not begin, or ended before it was stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReceiverError {
    /// The formats of OTLP are not built in.
    #[error(transparent)]
    Format(#[from] UnknownFormat),
    /// The stream's offsets in the lake are not those of a receiver.
    #[error("the stream's offsets are not a receiver's ({why}): use another stream name")]
    #[non_exhaustive]
    Offsets {
        /// What is wrong with them.
        why: String,
    },
    /// A bearer token that cannot be one.
    #[error("a bearer token has one visible ASCII character or more, and no spaces")]
    Token,
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`: free it, or choose another address")]
    #[non_exhaustive]
    Address {
        /// The address.
        address: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The lake takes nothing more.
    #[error("the receiver ended because nothing can be kept any more")]
    #[non_exhaustive]
    Ingest {
        /// The cause.
        source: IngestError,
    },
}

/// What a receiver allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverLimits {
    /// Longest body, as it comes and as it is undone: 16 MiB unless it is set.
    pub body_bytes: usize,
    /// Bytes of all bodies together that are held until they are taken: 64 MiB unless it is set.
    /// Beyond them requests are answered with 503.
    pub held_bytes: usize,
    /// Connections at a time, others wait to be accepted: 256 unless it is set.
    pub connections: usize,
    /// How long a connection may take to send a request's head, and how long it may be idle: 30 s
    /// unless it is set.
    pub head_timeout: Duration,
    /// How long a body may take to come: 30 s unless it is set.
    pub body_timeout: Duration,
    /// How long a request waits until its lines are durable: 10 s unless it is set. Then it is
    /// answered with 503; the lines stay on their way, and the retry finds them.
    pub durable_timeout: Duration,
    /// How long a client may take nothing of its answer: 30 s unless it is set.
    pub write_timeout: Duration,
    /// How long what is in flight may take when the receiver is stopped: 10 s unless it is set.
    pub stop_timeout: Duration,
    /// How many bodies are remembered to know a retry: 4,096 unless it is set.
    pub remembered: usize,
    /// For how long: 15 min unless it is set.
    pub remembered_for: Duration,
}

impl Default for ReceiverLimits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            held_bytes: 64 << 20,
            connections: 256,
            head_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            durable_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(10),
            remembered: 4_096,
            remembered_for: Duration::from_secs(15 * 60),
        }
    }
}

/// Receives log records by OTLP/HTTP into one stream of the lake.
///
/// `POST /v1/logs` takes the binary and the JSON encoding of OTLP 1.x, plain or gzipped; one
/// answer means one thing:
///
/// | answer | when |
/// |---|---|
/// | 200 | the lines are durable in the lake; if some could not be read they are kept with their bytes and the reason, and the answer's `partial_success` says so with 0 rejected |
/// | 400 | the compression cannot be undone or the transfer broke (nothing is kept), or nothing in the body is a record (it is kept as a malformed row; sending it again would not help) |
/// | 401 | a token is asked for, and the request's is missing or another |
/// | 404, 405 | another path than `/v1/logs`, another method than `POST` |
/// | 408, 411, 413, 415 | the body came too slowly, has no length, is too long, is of another type or compression |
/// | 503 | too much waits to be written, or the lake cannot be written now; `Retry-After` says when to come again |
///
/// Nothing is refused for what a record says: every byte of a body that was taken is in a row.
/// Answers other than 200 carry a `google.rpc.Status` in the encoding of the request.
///
/// **Retries.** An export has no id, so a client whose answer was lost sends the same bytes
/// again. The digests of the newest bodies (4,096 of 15 minutes unless set otherwise) are
/// remembered, with the stream's offsets and so over a restart; a body that is among them is
/// answered and not kept twice. A body is remembered only if each of its records says its own
/// time: two equal ones without times may be two events, and doubling a line is better than
/// losing one.
///
/// `GET /health` says whether the newest write to the lake went well. There is no TLS: put a
/// proxy in front of it when it listens beyond the machine.
///
/// Source: OpenTelemetry, *OTLP Specification 1.x*, section OTLP/HTTP.
pub struct OtlpReceiver {
    stream: Stream,
    protobuf: Arc<dyn Format>,
    json: Arc<dyn Format>,
    layer: LayerName,
    layers: BTreeMap<String, LayerName>,
    limits: ReceiverLimits,
    bearer: Option<Digest>,
    clock: Arc<dyn Clock>,
    progress: ReceiverProgress,
}

impl fmt::Debug for OtlpReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpReceiver")
            .field("layer", &self.layer)
            .field("layers", &self.layers)
            .field("limits", &self.limits)
            .field("bearer", &self.bearer.is_some())
            .finish_non_exhaustive()
    }
}

impl OtlpReceiver {
    /// Where OTLP/HTTP is served by default: this machine alone, port 4318.
    pub const DEFAULT_ADDRESS: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4318);

    /// A receiver into a stream of its own; lines are of the layer unless
    /// [`layer_of`](Self::layer_of) says otherwise.
    ///
    /// # Errors
    /// If the formats are not built in, or the stream's offsets are not those of a receiver.
    pub fn new(stream: IngestStream, layer: LayerName) -> Result<Self, ReceiverError> {
        Self::with_formats(stream, layer, by_name("otlp-proto")?, by_name("otlp-json")?)
    }

    /// As [`new`](Self::new), with the formats of the two encodings.
    ///
    /// # Errors
    /// If the stream's offsets are not those of a receiver.
    pub fn with_formats(
        stream: IngestStream,
        layer: LayerName,
        protobuf: Arc<dyn Format>,
        json: Arc<dyn Format>,
    ) -> Result<Self, ReceiverError> {
        let seen =
            Seen::from_offsets(stream.committed()).map_err(|why| ReceiverError::Offsets { why })?;
        Ok(Self {
            stream: Stream::new(Box::new(stream), seen),
            protobuf,
            json,
            layer,
            layers: BTreeMap::new(),
            limits: ReceiverLimits::default(),
            bearer: None,
            clock: Arc::new(SystemClock::new()),
            progress: ReceiverProgress::default(),
        })
    }

    /// Sets what is allowed.
    #[must_use]
    pub const fn limits(mut self, limits: ReceiverLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Lines of a service, by its `service.name`, are of this layer.
    #[must_use]
    pub fn layer_of(mut self, service: impl Into<String>, layer: LayerName) -> Self {
        self.layers.insert(service.into(), layer);
        self
    }

    /// Asks for `Authorization: Bearer TOKEN`. The token itself is not held, and never printed.
    ///
    /// # Errors
    /// If the text cannot be a token.
    pub fn bearer(mut self, token: &str) -> Result<Self, ReceiverError> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ReceiverError::Token);
        }
        self.bearer = Some(Digest::of(token));
        Ok(self)
    }

    /// Sets the clock by which lines are observed and bodies forgotten.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What has come so far; to be taken before [`serve`](Self::serve).
    #[must_use]
    pub fn progress(&self) -> ReceiverProgress {
        self.progress.clone()
    }

    /// Listens on an address: [`DEFAULT_ADDRESS`](Self::DEFAULT_ADDRESS), say.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn listen(address: SocketAddr) -> Result<TcpListener, ReceiverError> {
        TcpListener::bind(address)
            .await
            .map_err(|source| ReceiverError::Address { address: address.to_string(), source })
    }

    /// Receives until `stop` is ready; then accepts no more, finishes what is in flight, at most
    /// for the time that the limits give it, and says what came. To be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// If the ingester ends first.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<ReceiverCounts, ReceiverError> {
        let mut stream = self.stream;
        stream.seen.limit(self.limits.remembered, self.limits.remembered_for);
        let place = listener.local_addr().map_or_else(|_| String::new(), |at| at.to_string());
        let intake = Intake::new(
            stream,
            [self.protobuf, self.json],
            self.layer,
            self.layers,
            self.clock,
            format!("http://{place}{}", request::PATH),
        );
        let server = server::Server::new(intake, self.limits, self.bearer, self.progress);
        server.serve(listener, stop).await
    }
}
