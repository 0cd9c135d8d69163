//! What a request must be, and its body.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Incoming};
use hyper::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, TRANSFER_ENCODING,
};
use hyper::{Method, Request, StatusCode};
use logdive_core::Digest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::ReceiverLimits;
use super::answer::{Encoding, Refusal};
use super::intake::Body;
use crate::ingest::deliveries::gunzip::Gunzip;

/// The one path that is served.
pub(super) const PATH: &str = "/v1/logs";
/// Bytes of a permit to hold a part of a body.
const UNIT: usize = 1024;
/// When to come again if too much is held.
pub(super) const SOON: Duration = Duration::from_secs(1);
/// What is read of a refused request so that its answer arrives.
const DRAIN: usize = 1 << 20;

/// What is known of a request before its body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) encoding: Encoding,
    gzip: bool,
}

/// How bodies are read.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    limits: ReceiverLimits,
    bearer: Option<Digest>,
    held: Arc<Semaphore>,
}

/// A body with the permits to hold it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) body: Body,
    pub(super) permit: OwnedSemaphorePermit,
}

impl Reading {
    pub(super) fn new(limits: ReceiverLimits, bearer: Option<Digest>) -> Self {
        let units = (limits.held_bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { limits, bearer, held: Arc::new(Semaphore::new(units)) }
    }

    /// Checks all that the head of a request says.
    pub(super) fn head<B>(&self, request: &Request<B>) -> Result<Head, Refusal> {
        let path = request.uri().path();
        if path != PATH {
            let message = match path {
                "/v1/traces" | "/v1/metrics" | "/v1development/profiles" => format!(
                    "only logs are kept here, by POST to {PATH}: send other signals elsewhere"
                ),
                _ => format!("there is nothing here: logs are taken by POST to {PATH}"),
            };
            return Err(Refusal::new(StatusCode::NOT_FOUND, message));
        }
        if request.method() != Method::POST {
            return Err(Refusal::method(PATH, "POST"));
        }
        let headers = request.headers();
        self.authorize(headers)?;
        let encoding = encoding(headers).ok_or_else(|| {
            let message = "the content type must be application/x-protobuf or application/json";
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
        })?;
        let Some(gzip) = compression(headers) else {
            let message = "the content encoding must be gzip or identity";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        };
        match headers.get(CONTENT_LENGTH) {
            None if !headers.contains_key(TRANSFER_ENCODING) => {
                let message = "send the body's length, or send it in chunks";
                Err(Refusal::new(StatusCode::LENGTH_REQUIRED, message))
            }
            Some(length) => {
                let length = length.to_str().ok().and_then(|length| length.parse::<u64>().ok());
                if length.is_some_and(|length| length > self.limits.body_bytes as u64) {
                    return Err(self.too_long());
                }
                Ok(Head { encoding, gzip })
            }
            None => Ok(Head { encoding, gzip }),
        }
    }

    fn authorize(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(expected) = self.bearer else { return Ok(()) };
        let given = text(headers, &AUTHORIZATION)
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| Digest::of(token.trim()));
        // Digests are compared whole, so that the time says nothing about the token.
        let same = given.is_some_and(|given| {
            let pairs = given.as_bytes().iter().zip(expected.as_bytes());
            pairs.fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
        });
        if same {
            return Ok(());
        }
        let message = "the bearer token is missing or another";
        Err(Refusal::new(StatusCode::UNAUTHORIZED, message))
    }

    /// Reads a body, at most as long as the limits allow, as it comes and undone.
    pub(super) async fn body<B>(
        &self,
        head: &Head,
        incoming: &mut B,
        peer: IpAddr,
    ) -> Result<Held, Refusal>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        match timeout(self.limits.body_timeout, self.read(head, incoming, peer)).await {
            Ok(held) => held,
            Err(_) => {
                let message =
                    format!("the body did not come within {:?}", self.limits.body_timeout);
                Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, message).closing())
            }
        }
    }

    async fn read<B>(&self, head: &Head, incoming: &mut B, peer: IpAddr) -> Result<Held, Refusal>
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let mut body = Growing {
            bytes: Vec::new(),
            most: self.limits.body_bytes,
            permit: self.hold(1)?,
            held: &self.held,
        };
        let mut gunzip = head.gzip.then(Gunzip::new);
        let mut came = 0_usize;
        while let Some(frame) = incoming.frame().await {
            let Ok(frame) = frame else {
                let message = "the transfer of the body broke";
                return Err(Refusal::new(StatusCode::BAD_REQUEST, message).closing());
            };
            let Ok(data) = frame.into_data() else { continue };
            came = came.saturating_add(data.len());
            if came > self.limits.body_bytes {
                return Err(self.too_long());
            }
            match &mut gunzip {
                Some(gunzip) => gunzip.feed(&data, |part| body.take(part)),
                None => body.take(&data),
            }
            .map_err(|why| self.refusal(why))?;
        }
        // An empty body is an empty request, whatever its compression is said to be.
        if let Some(gunzip) = gunzip.filter(|_| came > 0) {
            gunzip.finish(|part| body.take(part)).map_err(|why| self.refusal(why))?;
        }
        if head.encoding == Encoding::Json && body.bytes.trim_ascii().is_empty() {
            let message = "an empty body is no JSON: an empty request is `{}`";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
        }
        let Growing { bytes, permit, .. } = body;
        Ok(Held { body: Body { bytes, encoding: head.encoding, peer }, permit })
    }

    fn hold(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Refusal> {
        hold(&self.held, bytes).map_err(|why| self.refusal(why))
    }

    fn refusal(&self, why: NotHeld) -> Refusal {
        match why {
            NotHeld::TooLong => self.too_long(),
            NotHeld::TooMuch => Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many bytes of requests are held: try again later",
            )
            .retry_after(SOON),
            NotHeld::Gzip(error) => Refusal::new(
                StatusCode::BAD_REQUEST,
                format!("the gzip of the body cannot be undone: {error}"),
            ),
        }
    }

    fn too_long(&self) -> Refusal {
        let message = format!(
            "a body has at most {} bytes, compressed and not: send fewer records at once",
            self.limits.body_bytes
        );
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message).closing()
    }

    /// Reads what is left of a request that is refused, within bounds: a client that is still
    /// sending would not see the answer.
    pub(super) async fn drain(&self, incoming: &mut Incoming) {
        let drain = async {
            let mut left = DRAIN;
            while let Some(Ok(frame)) = incoming.frame().await {
                let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else {
                    return;
                };
                left = rest;
            }
        };
        let _ = timeout(self.limits.body_timeout.min(Duration::from_secs(2)), drain).await;
    }
}

/// Why a part of a body is not held.
#[derive(Debug)]
enum NotHeld {
    TooLong,
    TooMuch,
    Gzip(io::Error),
}

impl From<io::Error> for NotHeld {
    fn from(error: io::Error) -> Self {
        Self::Gzip(error)
    }
}

/// A body as it comes.
struct Growing<'a> {
    bytes: Vec<u8>,
    most: usize,
    permit: OwnedSemaphorePermit,
    held: &'a Arc<Semaphore>,
}

impl Growing<'_> {
    fn take(&mut self, part: &[u8]) -> Result<(), NotHeld> {
        let length = self.bytes.len().saturating_add(part.len());
        if length > self.most {
            return Err(NotHeld::TooLong);
        }
        let permitted = self.permit.num_permits().saturating_mul(UNIT);
        if let Some(more) = length.checked_sub(permitted).filter(|more| *more > 0) {
            // Never waited for: two that wait for each other would wait for ever.
            self.permit.merge(hold(self.held, more)?);
        }
        self.bytes.extend_from_slice(part);
        Ok(())
    }
}

fn hold(held: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, NotHeld> {
    let units = u32::try_from(bytes.div_ceil(UNIT)).map_err(|_| NotHeld::TooMuch)?;
    Arc::clone(held).try_acquire_many_owned(units).map_err(|_| NotHeld::TooMuch)
}

/// The encoding of a request, if it names one.
pub(super) fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    text(headers, &CONTENT_TYPE).and_then(Encoding::of)
}

fn text<'a>(headers: &'a HeaderMap, name: &hyper::header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether the body is gzip; `None` if it is something else.
fn compression(headers: &HeaderMap) -> Option<bool> {
    let mut gzip = false;
    for value in headers.get_all(CONTENT_ENCODING) {
        for coding in value.to_str().ok()?.split(',').map(str::trim) {
            match coding.to_ascii_lowercase().as_str() {
                "" | "identity" => {}
                "gzip" | "x-gzip" if !gzip => gzip = true,
                _ => return None,
            }
        }
    }
    Some(gzip)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::Request;
    use logdive_core::Digest;

    use super::{Reading, ReceiverLimits};
    use crate::ingest::deliveries::gunzip::gzip;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn limits() -> ReceiverLimits {
        ReceiverLimits { body_bytes: 10_000, held_bytes: 16 * 1024, ..ReceiverLimits::default() }
    }

    fn status(headers: &[(&str, &str)], method: &str, path: &str) -> u16 {
        let reading = Reading::new(limits(), Some(Digest::of("secret")));
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reading.head(&request.body(()).unwrap()).map_or_else(|no| no.status.as_u16(), |_| 200)
    }

    #[test]
    fn heads_are_checked_in_order() {
        let auth = ("authorization", "bearer secret");
        let (json, length) = (("content-type", "application/json"), ("content-length", "2"));
        for (expected, method, path, headers) in [
            (200, "POST", "/v1/logs", &[auth, json, length][..]),
            (200, "POST", "/v1/logs?x=1", &[auth, json, ("transfer-encoding", "chunked")]),
            (200, "POST", "/v1/logs", &[auth, json, length, ("content-encoding", "GZIP")]),
            (200, "POST", "/v1/logs", &[auth, json, length, ("content-encoding", "identity")]),
            (404, "POST", "/v1/traces", &[auth, json, length]),
            (404, "POST", "/v1/logs/", &[auth, json, length]),
            (405, "GET", "/v1/logs", &[auth]),
            (401, "POST", "/v1/logs", &[json, length]),
            (401, "POST", "/v1/logs", &[("authorization", "Bearer secreT"), json, length]),
            (401, "POST", "/v1/logs", &[("authorization", "Basic secret"), json, length]),
            (415, "POST", "/v1/logs", &[auth, length]),
            (415, "POST", "/v1/logs", &[auth, ("content-type", "text/plain"), length]),
            (415, "POST", "/v1/logs", &[auth, json, length, ("content-encoding", "zstd")]),
            (415, "POST", "/v1/logs", &[auth, json, length, ("content-encoding", "gzip, gzip")]),
            (411, "POST", "/v1/logs", &[auth, json]),
            (413, "POST", "/v1/logs", &[auth, json, ("content-length", "10001")]),
        ] {
            assert_eq!(status(headers, method, path), expected, "{method} {path} {headers:?}");
        }
    }

    async fn read(
        reading: &Reading,
        kind: &str,
        packed: bool,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, u16> {
        let mut request = Request::builder()
            .method("POST")
            .uri("/v1/logs")
            .header("authorization", "Bearer secret")
            .header("content-type", kind)
            .header("transfer-encoding", "chunked");
        if packed {
            request = request.header("content-encoding", "gzip");
        }
        let (parts, mut body) = request.body(Full::new(Bytes::from(body))).unwrap().into_parts();
        let head = reading.head(&Request::from_parts(parts, ())).unwrap();
        match reading.body(&head, &mut body, PEER).await {
            Ok(held) => Ok(held.body.bytes),
            Err(refusal) => Err(refusal.status.as_u16()),
        }
    }

    #[tokio::test]
    async fn bodies_are_bounded_as_they_come_and_undone() {
        let reading = Reading::new(limits(), None);
        let (json, protobuf) = ("application/json", "application/x-protobuf");
        let full = vec![b'x'; 10_000];
        assert_eq!(read(&reading, json, false, full.clone()).await, Ok(full.clone()));
        assert_eq!(read(&reading, json, true, gzip(&full)).await, Ok(full));
        assert_eq!(read(&reading, json, false, vec![b'x'; 10_001]).await, Err(413));
        assert_eq!(read(&reading, json, true, gzip(&vec![b'x'; 10_001])).await, Err(413));
        let bomb = gzip(&vec![0; 2 << 20]);
        assert!(bomb.len() > 10_000, "its length alone is too much");
        assert_eq!(read(&reading, json, true, bomb).await, Err(413));
        let bomb = gzip(&vec![0; 512 << 10]);
        assert!(bomb.len() < 10_000, "{}", bomb.len());
        assert_eq!(read(&reading, json, true, bomb).await, Err(413));
        assert_eq!(read(&reading, json, true, b"no gzip".to_vec()).await, Err(400));
        let cut = gzip(b"{}");
        assert_eq!(read(&reading, json, true, cut[..cut.len() - 1].to_vec()).await, Err(400));
        assert_eq!(read(&reading, json, false, b" \n".to_vec()).await, Err(400));
        assert_eq!(read(&reading, protobuf, false, Vec::new()).await, Ok(Vec::new()));
        assert_eq!(read(&reading, protobuf, true, Vec::new()).await, Ok(Vec::new()));
        assert_eq!(reading.held.available_permits(), 16, "all permits came back");
    }

    #[tokio::test]
    async fn too_much_at_once_is_for_later() {
        let reading = Reading::new(limits(), None);
        let other = reading.hold(8 * 1024).unwrap();
        let body = vec![b'x'; 9_000];
        assert_eq!(read(&reading, "application/json", false, body.clone()).await, Err(503));
        drop(other);
        assert!(read(&reading, "application/json", false, body).await.is_ok());
        assert_eq!(super::SOON, Duration::from_secs(1));
    }
}
