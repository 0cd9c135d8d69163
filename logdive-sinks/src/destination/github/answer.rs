//! What GitHub answered, and what the caller needs next.

use std::time::Duration;

use chrono::DateTime;
use logdive_core::port::{Clock, SinkError};
use reqwest::header::{HeaderMap, LINK, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::limits::{ANSWER_BYTES, GITHUB_COMMENT};
use crate::{Secret, visible};

/// GitHub asks for at least so long after a limit that names no time.
const UNTIMED_LIMIT: Duration = Duration::from_secs(60);
/// How much of a message is repeated.
const MESSAGE: usize = 200;

/// What was asked, which says what no answer means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    /// Something that changes nothing.
    Read,
    /// Something that may have been done.
    Write {
        /// How long the body was, in characters.
        length: usize,
    },
}

impl Asked {
    fn no_answer(self, why: String) -> SinkError {
        match self {
            Self::Read => SinkError::Transient(why),
            Self::Write { .. } => SinkError::NoAnswer(why),
        }
    }
}

/// An answer that says that it was done.
#[derive(Debug)]
pub(super) struct Answer {
    asked: Asked,
    body: Vec<u8>,
    /// Whether there is a page after this one.
    pub(super) has_next: bool,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    #[serde(default)]
    errors: serde_json::Value,
}

impl Answer {
    pub(super) async fn of(
        request: RequestBuilder,
        asked: Asked,
        token: &Secret,
        clock: &dyn Clock,
        target: &str,
    ) -> Result<Self, SinkError> {
        let response = request.send().await.map_err(|error| failure(asked, error))?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = body(response, asked).await;
        if status.is_success() {
            let has_next = has_next(&headers);
            return Ok(Self { asked, body: body?, has_next });
        }
        // What the message of a refusal says is not needed to know what to do.
        let message = message(&body.unwrap_or_default(), token);
        Err(refusal(status, &headers, &message, asked, clock, target))
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, SinkError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| self.asked.no_answer(format!("the answer cannot be read: {error}")))
    }
}

/// Only a connection that was never made proves that nothing was sent.
fn failure(asked: Asked, error: reqwest::Error) -> SinkError {
    let is_unsent = error.is_connect() || error.is_builder();
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    if is_unsent { SinkError::Transient(text) } else { asked.no_answer(text) }
}

async fn body(mut response: Response, asked: Asked) -> Result<Vec<u8>, SinkError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(chunk)) => {
                let actual = body.len() + chunk.len();
                return Err(match asked {
                    Asked::Read => SinkError::TooLarge { actual, max: ANSWER_BYTES },
                    Asked::Write { .. } => SinkError::NoAnswer(format!(
                        "the answer is longer than {ANSWER_BYTES} bytes"
                    )),
                });
            }
            Ok(None) => return Ok(body),
            Err(error) => return Err(failure(asked, error)),
        }
    }
}

/// Whether there is another page. Where it is, is not taken from the answer: it is counted.
fn has_next(headers: &HeaderMap) -> bool {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|link| link.to_str().ok())
        .flat_map(|link| link.split(','))
        .any(|link| link.split(';').skip(1).any(|part| part.trim() == "rel=\"next\""))
}

/// What the server says, made safe to show: it may repeat what was sent.
fn message(body: &[u8], token: &Secret) -> String {
    let text = match serde_json::from_slice::<Message>(body) {
        Ok(Message { message, errors }) if errors.is_null() => message,
        Ok(Message { message, errors }) => format!("{message}: {errors}"),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let text = text.replace(token.expose(), "[secret]");
    visible(&text).chars().take(MESSAGE).collect()
}

fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    message: &str,
    asked: Asked,
    clock: &dyn Clock,
    target: &str,
) -> SinkError {
    let said = match message {
        "" => format!("{status}"),
        message => format!("{status}: {message}"),
    };
    match status.as_u16() {
        429 => SinkError::RateLimited { after: after(headers, clock) },
        403 if is_limit(headers, message) => {
            SinkError::RateLimited { after: after(headers, clock) }
        }
        401 | 403 => SinkError::Auth(said),
        404 | 410 => SinkError::Gone(target.to_owned()),
        413 => too_large(asked, said),
        422 if message.contains("too long") => too_large(asked, said),
        300..=399 => SinkError::Rejected(format!(
            "{status}: it has moved; redirects are not followed, so name where it is now"
        )),
        408 | 500.. => asked.no_answer(said),
        _ => SinkError::Rejected(said),
    }
}

fn too_large(asked: Asked, said: String) -> SinkError {
    match asked {
        // It may take less than is known here: then a tenth less is tried.
        Asked::Write { length } => SinkError::TooLarge {
            actual: length,
            max: GITHUB_COMMENT.max.min(length - length / 10),
        },
        Asked::Read => SinkError::Rejected(said),
    }
}

/// Whether a 403 means too many, not never: it then names a time, an empty budget, or says so.
fn is_limit(headers: &HeaderMap, message: &str) -> bool {
    headers.contains_key(RETRY_AFTER)
        || header(headers, "x-ratelimit-remaining").is_some_and(|left| left == "0")
        || message.to_lowercase().contains("rate limit")
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// How long to wait: `retry-after` as seconds or a date, else the time the budget is filled again.
fn after(headers: &HeaderMap, clock: &dyn Clock) -> Option<Duration> {
    let until = |time: DateTime<chrono::Utc>| (time - clock.now()).to_std().unwrap_or_default();
    if let Some(text) = header(headers, "retry-after") {
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        if let Ok(date) = DateTime::parse_from_rfc2822(text) {
            return Some(until(date.to_utc()));
        }
    }
    let is_empty = header(headers, "x-ratelimit-remaining").is_some_and(|left| left == "0");
    let reset = header(headers, "x-ratelimit-reset")
        .and_then(|text| text.parse().ok())
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    match reset {
        Some(reset) if is_empty => Some(until(reset)),
        _ => Some(UNTIMED_LIMIT),
    }
}
