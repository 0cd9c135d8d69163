//! Connections: accepted, served, and brought to an end.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use logdive_core::Digest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::answer::{Encoding, Refusal, success, with_body};
use super::intake::{Intake, NotTaken, Taken};
use super::request::{Held, Reading, SOON, encoding};
use super::timed::Timed;
use super::{ReceiverError, ReceiverLimits};
use crate::ingest::IngestError;

/// When to come again if the lake cannot be written.
const LATER: Duration = Duration::from_secs(10);
/// How long to wait when no connection can be accepted: no file descriptor is free, say.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Longest head of a request.
const HEAD_BYTES: usize = 32 * 1024;

/// What came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverCounts {
    /// Requests that were answered.
    pub requests: u64,
    /// Rows that are durable.
    pub rows: u64,
    /// Rows among them that could not be read, kept with their bytes.
    pub malformed: u64,
    /// Requests that were answered 200 because their body came before.
    pub repeated: u64,
    /// Requests that were refused, for now or for good.
    pub refused: u64,
}

/// What came so far, while it comes; clones are one.
#[derive(Debug, Clone, Default)]
pub struct ReceiverProgress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    rows: AtomicU64,
    malformed: AtomicU64,
    repeated: AtomicU64,
    refused: AtomicU64,
    /// The newest write to the lake failed.
    failing: AtomicBool,
}

impl ReceiverProgress {
    /// What came so far.
    #[must_use]
    pub fn counts(&self) -> ReceiverCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ReceiverCounts {
            requests: read(&self.0.requests),
            rows: read(&self.0.rows),
            malformed: read(&self.0.malformed),
            repeated: read(&self.0.repeated),
            refused: read(&self.0.refused),
        }
    }

    fn taken(&self, taken: Taken) {
        let add = |counter: &AtomicU64, n| counter.fetch_add(n, Ordering::Relaxed);
        if taken.repeated {
            add(&self.0.repeated, 1);
        } else {
            add(&self.0.rows, taken.parsed.records);
            add(&self.0.malformed, taken.parsed.malformed);
        }
    }
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    intake: Arc<Intake>,
    reading: Reading,
    limits: ReceiverLimits,
    progress: ReceiverProgress,
    ended: watch::Sender<Option<String>>,
    /// A clone of it lives as long as a body is on its way.
    alive: mpsc::Sender<()>,
}

#[derive(Debug)]
pub(super) struct Server {
    shared: Shared,
    gone: mpsc::Receiver<()>,
}

impl Server {
    pub(super) fn new(
        intake: Intake,
        limits: ReceiverLimits,
        bearer: Option<Digest>,
        progress: ReceiverProgress,
    ) -> Self {
        let (alive, gone) = mpsc::channel(1);
        let shared = Shared {
            intake: Arc::new(intake),
            reading: Reading::new(limits, bearer),
            limits,
            progress,
            ended: watch::Sender::new(None),
            alive,
        };
        Self { shared, gone }
    }

    pub(super) async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<ReceiverCounts, ReceiverError> {
        let Self { shared, mut gone } = self;
        let (limits, progress) = (shared.limits, shared.progress.clone());
        let shared = Arc::new(shared);
        let mut ended = shared.ended.subscribe();
        let (stopping, stopped) = watch::channel(false);
        let free = Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)));
        let mut connections = JoinSet::new();
        {
            let mut stop = pin!(stop);
            loop {
                let accept = async {
                    // The semaphore is never closed.
                    let permit = Arc::clone(&free).acquire_owned().await.ok();
                    (permit, listener.accept().await)
                };
                let over = async {
                    let _ = ended.wait_for(Option::is_some).await;
                };
                let (permit, accepted) = tokio::select! {
                    () = &mut stop => break,
                    () = over => break,
                    accepted = accept => accepted,
                };
                while connections.try_join_next().is_some() {}
                let Ok((stream, peer)) = accepted else {
                    sleep(ACCEPT_AGAIN).await;
                    continue;
                };
                let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
                connections.spawn(async move {
                    connection(shared, stream, peer, stopped).await;
                    drop(permit);
                });
            }
        }
        drop(listener);
        let why = ended.borrow().clone();
        drop(shared);
        let _ = stopping.send(true);
        let deadline = Instant::now() + limits.stop_timeout;
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout_at(deadline, all).await.is_err() {
            connections.shutdown().await;
        }
        // What a client no longer waits for may still be on its way into the lake.
        let _ = timeout_at(deadline, gone.recv()).await;
        match why {
            None => Ok(progress.counts()),
            Some(why) => Err(ReceiverError::Ingest { source: IngestError::Ended { why } }),
        }
    }
}

async fn connection(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    mut stopped: watch::Receiver<bool>,
) {
    // Answers are small; one that waits for more would come late.
    let _ = stream.set_nodelay(true);
    let limits = shared.limits;
    let io = TokioIo::new(Timed::new(stream, limits.write_timeout));
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.answer(request, peer.ip()).await) }
    });
    let mut serving = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(io, service)
    );
    // How a connection ends concerns its client alone; what was taken of it is counted.
    let stopped = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    tokio::select! {
        _ = serving.as_mut() => {}
        () = stopped => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Full<Bytes>> {
        if request.uri().path() == "/health" {
            return self.health(&request);
        }
        let requests = &self.progress.0.requests;
        let (encoding, answered) = self.take(request, peer).await;
        requests.fetch_add(1, Ordering::Relaxed);
        match answered {
            Ok(warning) => success(encoding, warning.as_deref()),
            Err(refusal) => {
                self.progress.0.refused.fetch_add(1, Ordering::Relaxed);
                refusal.response(encoding)
            }
        }
    }

    /// Takes a request; a warning if some of it could not be read.
    async fn take(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
    ) -> (Encoding, Result<Option<String>, Refusal>) {
        let head = self.reading.head(&request);
        let encoding = encoding(request.headers()).unwrap_or(Encoding::Json);
        let mut incoming = request.into_body();
        let head = match head {
            Ok(head) => head,
            Err(refusal) => {
                self.reading.drain(&mut incoming).await;
                return (encoding, Err(refusal));
            }
        };
        let answered = match self.reading.body(&head, &mut incoming, peer).await {
            Ok(held) => self.keep(held).await,
            Err(refusal) => {
                if refusal.status != StatusCode::REQUEST_TIMEOUT {
                    self.reading.drain(&mut incoming).await;
                }
                Err(refusal)
            }
        };
        (encoding, answered)
    }

    async fn keep(&self, held: Held) -> Result<Option<String>, Refusal> {
        let Held { body, permit } = held;
        let (intake, progress) = (Arc::clone(&self.intake), self.progress.clone());
        let alive = self.alive.clone();
        // A task of its own: when the client goes away, what was begun is still brought to its
        // end, and the retry finds it.
        let task = tokio::spawn(async move {
            let taken = intake.take(body).await;
            if let Ok(taken) = taken {
                progress.taken(taken);
            }
            drop((permit, alive));
            taken
        });
        let Ok(taken) = timeout(self.limits.durable_timeout, task).await else {
            self.progress.0.failing.store(true, Ordering::Relaxed);
            let message = "the lines are taken but not durable yet: try again later";
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message);
            return Err(refusal.retry_after(LATER));
        };
        let taken = taken.unwrap_or(Err(NotTaken::Broken));
        let failing = matches!(
            &taken,
            Err(NotTaken::Ingest(error)) if !matches!(error, IngestError::Full { .. })
        );
        self.progress.0.failing.store(failing, Ordering::Relaxed);
        match taken {
            Ok(taken) if taken.undecodable => Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "nothing in the body is a log record; its bytes are kept as a malformed row, \
                 sending it again does not help",
            )),
            Ok(Taken { parsed, .. }) => Ok((parsed.malformed > 0).then(|| {
                format!(
                    "{} of {} records could not be read whole; they are kept with their bytes and the \
                     reason",
                    parsed.malformed, parsed.records
                )
            })),
            Err(NotTaken::Broken) => Err(Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the body could not be parsed: please report this as a defect",
            )),
            Err(NotTaken::Ingest(error)) => {
                let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
                Err(match error {
                    IngestError::Full { .. } => refusal.retry_after(SOON),
                    IngestError::Ended { why } => {
                        self.ended.send_replace(Some(why));
                        refusal.retry_after(LATER)
                    }
                    // What exactly failed on the lake's disk is for its owner alone.
                    _ => Refusal::new(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "the lake cannot be written now: try again later",
                    )
                    .retry_after(LATER),
                })
            }
        }
    }

    fn health(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        const JSON: &str = Encoding::Json.content_type();
        if request.method() != Method::GET {
            return Refusal::method("/health", "GET").response(Encoding::Json);
        }
        if self.progress.0.failing.load(Ordering::Relaxed) {
            let body = br#"{"status":"failing","why":"the newest write to the lake failed"}"#;
            return with_body(StatusCode::SERVICE_UNAVAILABLE, JSON, body.to_vec());
        }
        with_body(StatusCode::OK, JSON, br#"{"status":"ok"}"#.to_vec())
    }
}
