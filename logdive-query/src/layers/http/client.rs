//! The client: bounded in time and bytes, without redirects, quiet about credentials.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use logdive_core::LayerName;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use reqwest::{Request, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::fault::{Again, Fault};
use super::secret::Secret;
use crate::diver::BuildError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence of a store that is answering. Stores think before they write the first byte.
const READ_TIMEOUT: Duration = Duration::from_secs(120);
/// Most bytes that are read of one answer.
const MOST_BYTES: usize = 64 << 20;
/// Bytes of what a store says about an error that are repeated.
const SAID: usize = 400;

/// Speaks to one store.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    headers: Vec<(HeaderName, Secret)>,
    hidden: Vec<Secret>,
}

/// An address as somebody gave it. It may hold a password, so it is not shown.
#[derive(Clone)]
pub(super) struct Address(String);

impl Address {
    pub(super) fn new(address: impl Into<String>) -> Self {
        Self(address.into())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

/// What a store answered with a status of 200 to 299.
#[derive(Debug)]
pub(super) struct Answer {
    body: Bytes,
}

impl Answer {
    pub(super) fn len(&self) -> u64 {
        self.body.len() as u64
    }

    /// Reads it as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Fault::new(format!(
                "the answer is not what it should be: {error}: {}",
                said(&self.body)
            ))
        })
    }
}

impl Client {
    /// A client for the store at an address.
    pub(super) fn new(
        layer: &LayerName,
        address: &Address,
        headers: &[(String, Secret)],
    ) -> Result<Self, BuildError> {
        let wrong = |why: String| BuildError::Unreadable { layer: layer.clone(), why };
        let base = base(&address.0).map_err(wrong)?;
        let headers = headers.iter().map(|(name, secret)| {
            let name = HeaderName::try_from(name.as_str())
                .map_err(|_| wrong(format!("`{name}` is no name of a header")))?;
            match header(secret) {
                Some(_) => Ok((name, secret.clone())),
                None => Err(wrong(format!(
                    "the value of the header `{name}` cannot be sent: it has control characters"
                ))),
            }
        });
        let headers = headers.collect::<Result<_, BuildError>>()?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| wrong(format!("TLS cannot be set up: {error}")))?;
        Ok(Self { http, base, headers, hidden: Vec::new() })
    }

    /// Keeps a secret that is sent in another way out of messages too.
    #[cfg(feature = "cloudwatch")]
    pub(super) fn hiding(mut self, secret: Secret) -> Self {
        self.hidden.push(secret);
        self
    }

    #[cfg(feature = "cloudwatch")]
    pub(super) const fn base(&self) -> &Url {
        &self.base
    }

    /// A request to a path below the address.
    #[cfg(any(feature = "elasticsearch", feature = "loki"))]
    pub(super) fn request(
        &self,
        method: reqwest::Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Json>,
    ) -> Result<Request, Fault> {
        let mut url = self.base.clone();
        let below = format!("{}{path}", self.base.path().trim_end_matches('/'));
        url.set_path(&below);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::new(method, url);
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(reqwest::header::CONTENT_TYPE, json);
            *request.body_mut() = Some(body.to_string().into());
        }
        for (name, secret) in &self.headers {
            let value = header(secret)
                .ok_or_else(|| Fault::new(format!("the header `{name}` cannot be sent")))?;
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }

    /// Sends one request and reads what comes.
    pub(super) async fn send(&self, mut request: Request) -> Result<Answer, Fault> {
        let agent = HeaderValue::from_static(concat!("logdive/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let response = self.http.execute(request).await.map_err(|error| self.unsent(&error))?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = self.body(response).await?;
        if status.is_success() {
            return Ok(Answer { body });
        }
        let code = status.as_u16();
        let told = self.scrub(&said(&body));
        let told = if told.is_empty() { told } else { format!(": {told}") };
        let host = self.host();
        let (text, again) = match code {
            429 => (format!("{host} throttles{told}"), Again::Later(asked_wait(&headers))),
            408 | 500 | 502..=504 => {
                (format!("{host} answered {code}{told}"), later_or_soon(&headers))
            }
            401 | 403 => (format!("{host} refused the credentials ({code}){told}"), Again::Never),
            300..=399 => (
                format!(
                    "{host} answered {code}: redirects are not followed, give the last address"
                ),
                Again::Never,
            ),
            _ => (format!("{host} answered {code}{told}"), Again::Never),
        };
        // A store that throttles with another status may say so in a header too.
        let fault = Fault::new(text).again(again).status(code).waiting(asked_wait(&headers));
        Err(Fault { code: error_code(&body), ..fault })
    }

    async fn body(&self, mut response: Response) -> Result<Bytes, Fault> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(body.into()),
                Ok(Some(chunk)) if body.len() + chunk.len() > MOST_BYTES => {
                    let host = self.host();
                    let text = format!("an answer of {host} is longer than {MOST_BYTES} bytes");
                    return Err(Fault::new(text).too_large());
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(error) => {
                    let why = self.why(&error);
                    let text = format!("an answer of {} was cut off: {why}", self.host());
                    return Err(Fault::new(text).again(Again::Soon));
                }
            }
        }
    }

    fn unsent(&self, error: &reqwest::Error) -> Fault {
        let why = self.why(error);
        let host = self.host();
        if error.is_connect() {
            Fault::new(format!("{host} cannot be reached: {why}")).again(Again::Soon)
        } else if error.is_timeout() {
            Fault::timed_out(format!("{host} did not answer: {why}"))
        } else {
            Fault::new(format!("{host} did not answer: {why}")).again(Again::Soon)
        }
    }

    /// What the client says, cause by cause, without the URL.
    fn why(&self, error: &reqwest::Error) -> String {
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
        let mut text = String::new();
        while let Some(error) = cause {
            text = error.to_string();
            cause = error.source();
        }
        if text.is_empty() { "the connection failed".to_owned() } else { self.scrub(&text) }
    }

    fn host(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        match self.base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    fn scrub(&self, text: &str) -> String {
        let sent = self.headers.iter().map(|(_, secret)| secret);
        sent.chain(&self.hidden).fold(text.to_owned(), |text, secret| secret.scrub(&text))
    }
}

fn header(secret: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(secret.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Checks an address. What is wrong is said without repeating it: it may hold a password.
fn base(address: &str) -> Result<Url, String> {
    let url = Url::parse(address).map_err(|error| format!("its address is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("its address is no `http` or `https` URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("its address holds a name or password: give them with `basic`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("its address has a `?` or `#`: give it up to the path".to_owned());
    }
    Ok(url)
}

/// How long to wait, as a store asks: seconds, or a time that is measured from the answer's own.
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let after = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = after.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let time = |text: &str| chrono::DateTime::parse_from_rfc2822(text).ok();
    let wait = time(after)? - time(text(reqwest::header::DATE)?)?;
    Some(wait.to_std().unwrap_or_default())
}

fn later_or_soon(headers: &HeaderMap) -> Again {
    asked_wait(headers).map_or(Again::Soon, |wait| Again::Later(Some(wait)))
}

/// What a store says about an error, in one short line.
pub(super) fn said(body: &[u8]) -> String {
    let json: Option<Json> = serde_json::from_slice(body).ok();
    let told = json.as_ref().and_then(told);
    let text = told.unwrap_or_else(|| {
        let cut = body.get(..SAID * 4).unwrap_or(body);
        String::from_utf8_lossy(cut).into_owned()
    });
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if line.len() >= SAID {
            line.push_str(" …");
            break;
        }
        if !word.is_empty() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.extend(word.chars().take(SAID));
        }
    }
    line
}

/// What AWS calls an error; some of its services put a namespace before it.
fn error_code(body: &[u8]) -> Option<String> {
    let json: Json = serde_json::from_slice(body).ok()?;
    let code = json.get("__type")?.as_str()?;
    Some(code.rsplit('#').next().unwrap_or(code).to_owned())
}

/// Where stores put the words for people.
fn told(json: &Json) -> Option<String> {
    let text = |json: &Json, path: &str| json.pointer(path)?.as_str().map(str::to_owned);
    let error = text(json, "/error/root_cause/0/reason").or_else(|| text(json, "/error/reason"));
    if let Some(reason) = error {
        return Some(match text(json, "/error/type") {
            Some(kind) => format!("{kind}: {reason}"),
            None => reason,
        });
    }
    let message = text(json, "/message").or_else(|| text(json, "/Message"));
    match (text(json, "/__type"), message) {
        (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
        (kind, message) => message.or_else(|| text(json, "/error")).or(kind),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use logdive_core::LayerName;
    use reqwest::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};

    use super::{Address, Client, asked_wait, said};
    use crate::layers::http::secret::Secret;

    #[test]
    fn addresses_are_checked_without_being_repeated() {
        let layer = LayerName::parse("front").unwrap();
        let error = |address: &str| {
            let address = Address::new(address);
            assert!(!format!("{address:?}").contains("hunter2"));
            Client::new(&layer, &address, &[]).unwrap_err().to_string()
        };
        for (address, why) in [
            ("logs.example", "no URL"),
            ("file:///etc/hunter2", "no `http`"),
            ("https://ops:hunter2@logs.example", "`basic`"),
            ("https://logs.example/?token=hunter2", "has a `?`"),
        ] {
            let said = error(address);
            assert!(said.contains(why) && !said.contains("hunter2"), "{said}");
        }
        let header = ("X-Token".to_owned(), Secret::new("hunter2\n"));
        let said = Client::new(&layer, &Address::new("https://logs.example"), &[header])
            .unwrap_err()
            .to_string();
        assert!(said.contains("x-token") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn waits_are_read() {
        let mut headers = HeaderMap::new();
        assert_eq!(asked_wait(&headers), None);
        headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        assert_eq!(asked_wait(&headers), Some(Duration::from_secs(7)));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Mon, 10 Jul 2023 12:00:30 GMT"));
        assert_eq!(asked_wait(&headers), None, "a time says nothing without another");
        headers.insert(DATE, HeaderValue::from_static("Mon, 10 Jul 2023 12:00:00 GMT"));
        assert_eq!(asked_wait(&headers), Some(Duration::from_secs(30)));
    }

    #[test]
    fn what_stores_say_is_one_short_line() {
        assert_eq!(said(b"parse error\n at line 1\t"), "parse error at line 1");
        let es = br#"{"error":{"type":"x_exception","reason":"no such index [a]"},"status":404}"#;
        assert_eq!(said(es), "x_exception: no such index [a]");
        let aws = br#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#;
        assert_eq!(said(aws), "ThrottlingException: Rate exceeded");
        assert!(said("ä ".repeat(10_000).as_bytes()).len() < 500);
    }
}
