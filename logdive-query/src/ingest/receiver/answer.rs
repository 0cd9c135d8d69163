//! What a request is answered: bodies in both encodings.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::json;

/// An encoding of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// The encoding of a content type; parameters, as a charset, are passed over.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(Self::Protobuf.content_type()) {
            Some(Self::Protobuf)
        } else if essence.eq_ignore_ascii_case(Self::Json.content_type()) {
            Some(Self::Json)
        } else {
            None
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Why a request gets no 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
    /// When to come again.
    pub(super) after: Option<Duration>,
    /// The connection cannot go on.
    pub(super) close: bool,
    /// The method to use instead.
    pub(super) allow: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), after: None, close: false, allow: None }
    }

    pub(super) const fn retry_after(mut self, after: Duration) -> Self {
        self.after = Some(after);
        self
    }

    pub(super) const fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    pub(super) fn method(path: &str, allow: &'static str) -> Self {
        let message = format!("`{path}` takes {allow} alone");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, message) }
    }

    /// The number of `google.rpc.Code` that says the same.
    fn code(&self) -> u8 {
        match self.status {
            StatusCode::UNAUTHORIZED => 16,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => 12,
            StatusCode::REQUEST_TIMEOUT => 4,
            StatusCode::PAYLOAD_TOO_LARGE => 8,
            StatusCode::SERVICE_UNAVAILABLE => 14,
            StatusCode::INTERNAL_SERVER_ERROR => 13,
            _ => 3,
        }
    }

    pub(super) fn response(&self, encoding: Encoding) -> Response<Full<Bytes>> {
        let body = match encoding {
            Encoding::Json => {
                json!({"code": self.code(), "message": self.message}).to_string().into_bytes()
            }
            Encoding::Protobuf => {
                let mut status = vec![0x08, self.code()];
                text(&mut status, 2, &self.message);
                status
            }
        };
        let mut response = with_body(self.status, encoding.content_type(), body);
        let headers = response.headers_mut();
        if let Some(after) = self.after {
            // Whole seconds, never a moment too early.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An `ExportLogsServiceResponse`: all is kept. A warning is a partial success that rejects
/// nothing.
pub(super) fn success(encoding: Encoding, warning: Option<&str>) -> Response<Full<Bytes>> {
    let body = match (encoding, warning) {
        (Encoding::Protobuf, None) => Vec::new(),
        (Encoding::Json, None) => b"{}".to_vec(),
        (Encoding::Json, Some(warning)) => {
            json!({"partialSuccess": {"errorMessage": warning}}).to_string().into_bytes()
        }
        (Encoding::Protobuf, Some(warning)) => {
            let (mut partial, mut response) = (Vec::new(), Vec::new());
            text(&mut partial, 2, warning);
            field(&mut response, 1, &partial);
            response
        }
    };
    with_body(StatusCode::OK, encoding.content_type(), body)
}

pub(super) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: Vec<u8>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn text(out: &mut Vec<u8>, number: u8, text: &str) {
    field(out, number, text.as_bytes());
}

/// A field of protobuf with a length in front.
fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    out.push(u8::try_from(length).unwrap_or_default());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt as _;
    use hyper::StatusCode;

    use super::{Encoding, Refusal, success};

    async fn body(response: hyper::Response<http_body_util::Full<bytes::Bytes>>) -> Vec<u8> {
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    #[test]
    fn content_types_may_have_parameters() {
        for (text, encoding) in [
            ("application/x-protobuf", Some(Encoding::Protobuf)),
            ("Application/JSON; charset=utf-8", Some(Encoding::Json)),
            ("application/json;charset=latin1", Some(Encoding::Json)),
            ("application/jsonx", None),
            ("text/plain", None),
            ("", None),
        ] {
            assert_eq!(Encoding::of(text), encoding, "{text}");
        }
    }

    #[tokio::test]
    async fn bodies_are_as_protobuf_writes_them() {
        assert_eq!(body(success(Encoding::Protobuf, None)).await, b"");
        assert_eq!(body(success(Encoding::Json, None)).await, b"{}");
        assert_eq!(
            body(success(Encoding::Protobuf, Some("abc"))).await,
            [0x0a, 5, 0x12, 3, b'a', b'b', b'c']
        );
        let long = "x".repeat(300);
        let warned = body(success(Encoding::Protobuf, Some(&long))).await;
        assert_eq!(warned.get(..6), Some(&[0x0a, 0xaf, 0x02, 0x12, 0xac, 0x02][..]));
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "no");
        assert_eq!(body(refusal.response(Encoding::Protobuf)).await, [8, 3, 0x12, 2, b'n', b'o']);
        assert_eq!(body(refusal.response(Encoding::Json)).await, br#"{"code":3,"message":"no"}"#);
    }

    #[test]
    fn waits_are_whole_seconds() {
        for (millis, seconds) in [(0, "1"), (1_000, "1"), (1_001, "2"), (10_000, "10")] {
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "")
                .retry_after(Duration::from_millis(millis));
            let response = refusal.response(Encoding::Json);
            assert_eq!(response.headers()["retry-after"], seconds);
        }
    }
}
