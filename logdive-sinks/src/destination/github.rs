//! Comments on GitHub issues and pull requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use logdive_core::DeliveryKey;
use logdive_core::port::{
    Caps, Clock, Health, Idempotency, Receipt, Rendered, Sink, SinkError, SizeLimit, SystemClock,
};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};
use reqwest::{Client, Method, Url};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::{Secret, SetupError, limits};

mod answer;

use answer::{Answer, Asked};

const PUBLIC_API: &str = "https://api.github.com";
/// The newest version of the API that this speaks.
const API_VERSION: &str = "2022-11-28";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most a page can hold.
const PAGE: u64 = 100;
/// More comments than an issue has: a server that always names another page must not hold us.
const MOST_PAGES: u64 = 1_000;

/// Writes comments on the issues and pull requests of a GitHub repository.
///
/// Targets are `issues/42` and `pull/42`. Each comment ends with a hidden line that names its key,
/// by which it is found again and updated in place; only comments of the token's own account are
/// believed, where the token may ask who it is. The token needs the permission to write issues.
/// Needs a Tokio runtime.
///
/// - What was provably not sent is [`SinkError::Transient`]; after that, no answer, a server error
///   and an answer that cannot be read are [`SinkError::NoAnswer`].
/// - Redirects are not followed, answers are read up to
///   [`ANSWER_BYTES`](crate::limits::ANSWER_BYTES), and the token is in no message.
pub struct GithubIssues {
    repository: String,
    token: Secret,
    base: Url,
    client: Client,
    clock: Arc<dyn Clock>,
    /// The id of the token's own account; `None` if it may not ask.
    own: OnceCell<Option<u64>>,
}

impl GithubIssues {
    /// Writes to a repository (`acme/ops`) with a token.
    ///
    /// # Errors
    /// If the name is no repository's, the token cannot be sent, or TLS cannot be set up.
    pub fn new(repository: impl Into<String>, token: Secret) -> Result<Self, SetupError> {
        let repository = repository.into();
        check_repository(&repository)?;
        let base = parse_base(PUBLIC_API)?;
        let client = client(&token, &base)?;
        let clock = Arc::new(SystemClock::new());
        Ok(Self { repository, token, base, client, clock, own: OnceCell::new() })
    }

    /// Speaks to another server: GitHub Enterprise (`https://ghe.example/api/v3`), or a test's.
    ///
    /// # Errors
    /// If the URL cannot be read, holds a password, or is neither `https` nor on this machine.
    pub fn base_url(mut self, url: &str) -> Result<Self, SetupError> {
        self.base = parse_base(url)?;
        self.client = client(&self.token, &self.base)?;
        self.own = OnceCell::new();
        Ok(self)
    }

    /// The clock by which the end of a rate limit is told; the machine's, if nothing else is said.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    fn url(&self, path: &str) -> String {
        format!("{}/repos/{}{path}", self.base.as_str().trim_end_matches('/'), self.repository)
    }

    async fn read(&self, url: String, target: &str) -> Result<Answer, SinkError> {
        let request = self.client.request(Method::GET, url);
        Answer::of(request, Asked::Read, &self.token, &*self.clock, target).await
    }

    async fn write(
        &self,
        method: Method,
        path: &str,
        rendered: &Rendered,
    ) -> Result<Receipt, SinkError> {
        let body = with_mark(&rendered.body, &rendered.key);
        let length = limits::GITHUB_COMMENT.measure(&body);
        let request =
            self.client.request(method, self.url(path)).json(&serde_json::json!({ "body": body }));
        let asked = Asked::Write { length };
        let answer =
            Answer::of(request, asked, &self.token, &*self.clock, &rendered.target).await?;
        let comment: Comment = answer.json()?;
        Ok(comment.receipt())
    }

    /// The id of the account the token belongs to. A token of an app has none to tell.
    async fn own_account(&self) -> Result<Option<u64>, SinkError> {
        let ask = || async {
            let url = format!("{}/user", self.base.as_str().trim_end_matches('/'));
            match self.read(url, "user").await {
                Ok(answer) => Ok(Some(answer.json::<Account>()?.id)),
                Err(SinkError::Auth(_) | SinkError::Gone(_)) => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.own.get_or_try_init(ask).await.copied()
    }

    async fn page(&self, issue: u64, size: u64, page: u64) -> Result<Answer, SinkError> {
        let path = format!("/issues/{issue}/comments?per_page={size}&page={page}");
        self.read(self.url(&path), &format!("issues/{issue}")).await
    }
}

impl fmt::Debug for GithubIssues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GithubIssues")
            .field("repository", &self.repository)
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

fn check_repository(name: &str) -> Result<(), SetupError> {
    let is_part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    match name.split_once('/') {
        Some((owner, repository)) if is_part(owner) && is_part(repository) => Ok(()),
        _ => Err(SetupError::setting(
            format!("repository `{}`", crate::visible(name)),
            "must be an owner and a name, like `acme/ops`",
        )),
    }
}

fn parse_base(text: &str) -> Result<Url, SetupError> {
    // The text is not repeated: it may hold a password.
    let refuse = |why: &str| SetupError::setting("base URL of GitHub", why);
    let url = Url::parse(text).map_err(|_| refuse("is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("must not hold a name or password; give a token"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("must end with its path"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(refuse("must be `https`; `http` is only for this machine")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn client(token: &Secret, base: &Url) -> Result<Client, SetupError> {
    let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| SetupError::setting("token of GitHub", "holds characters no token has"))?;
    authorization.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization);
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    headers.insert(USER_AGENT, HeaderValue::from_static("logdive"));
    headers.insert("x-github-api-version", HeaderValue::from_static(API_VERSION));
    let mut builder = Client::builder()
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT);
    builder = if is_loopback(base) { builder.no_proxy() } else { builder.https_only(true) };
    builder
        .build()
        .map_err(|error| SetupError::system("setting up the client of GitHub", error.without_url()))
}

/// Reads `issues/42` or `pull/42`: pull requests are issues to this API.
fn issue(target: &str) -> Result<u64, SinkError> {
    target
        .split_once('/')
        .filter(|(kind, _)| matches!(*kind, "issues" | "pull"))
        .filter(|(_, number)| number.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|(_, number)| number.parse().ok())
        .ok_or_else(|| {
            SinkError::Rejected(format!(
                "`{}` is no target of GitHub: write `issues/42` or `pull/42`",
                crate::visible(target)
            ))
        })
}

fn mark(key: &DeliveryKey) -> String {
    format!("<!-- logdive:{key} -->")
}

fn with_mark(body: &str, key: &DeliveryKey) -> String {
    format!("{}\n\n{}", body.trim_end(), mark(key))
}

#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    html_url: Option<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    user: Option<Account>,
}

#[derive(Debug, Deserialize)]
struct Account {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct Repository {
    full_name: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    has_issues: bool,
}

impl Comment {
    fn receipt(self) -> Receipt {
        Receipt { url: self.html_url, ..Receipt::new(self.id.to_string()) }
    }

    fn is_of(&self, key: &DeliveryKey, own: Option<u64>) -> bool {
        // A renderer never writes such a line for text of a log, and others' comments are not ours.
        let mark = mark(key);
        let marked = self.body.iter().any(|body| body.lines().any(|line| line.trim() == mark));
        let author = self.user.as_ref().map(|user| user.id);
        marked && own.is_none_or(|own| author == Some(own))
    }
}

#[async_trait]
impl Sink for GithubIssues {
    fn caps(&self) -> Caps {
        // The hidden line is part of what GitHub counts.
        let SizeLimit { max, unit } = limits::GITHUB_COMMENT;
        let mark = with_mark("", &DeliveryKey::of([""])).len();
        let host = self.base.host_str().filter(|host| *host != "api.github.com");
        let at = host.map(|host| format!("@{host}")).unwrap_or_default();
        Caps::plain(format!("github:{}{at}", self.repository))
            .markdown()
            .body(max - mark, unit)
            .idempotency(Idempotency::ReadBack)
    }

    async fn deliver(&self, rendered: &Rendered) -> Result<Receipt, SinkError> {
        let issue = issue(&rendered.target)?;
        match &rendered.existing {
            Some(receipt) => {
                let id: u64 = receipt.id.parse().map_err(|_| {
                    SinkError::Rejected(format!(
                        "`{}` is no id of a comment of GitHub",
                        crate::visible(&receipt.id)
                    ))
                })?;
                self.write(Method::PATCH, &format!("/issues/comments/{id}"), rendered).await
            }
            None => self.write(Method::POST, &format!("/issues/{issue}/comments"), rendered).await,
        }
    }

    async fn find(&self, target: &str, key: &DeliveryKey) -> Result<Option<Receipt>, SinkError> {
        let issue = issue(target)?;
        let own = self.own_account().await?;
        let (mut size, mut page) = (PAGE, 1);
        while page <= MOST_PAGES * (PAGE / size) {
            let answer = match self.page(issue, size, page).await {
                // Long comments: the same ones, in smaller pages. Each size is a part of the one
                // before, so that pages begin where they did.
                Err(SinkError::TooLarge { .. }) if size > 1 => {
                    let smaller = if size % 2 == 0 { size / 2 } else { size / 5 };
                    page = (page - 1) * (size / smaller) + 1;
                    size = smaller;
                    continue;
                }
                answer => answer?,
            };
            let has_next = answer.has_next;
            let comments: Vec<Comment> = answer.json()?;
            if let Some(comment) = comments.into_iter().find(|comment| comment.is_of(key, own)) {
                return Ok(Some(comment.receipt()));
            }
            if !has_next {
                return Ok(None);
            }
            page += 1;
        }
        Err(SinkError::Rejected(format!("`issues/{issue}` has more comments than can be read")))
    }

    async fn check(&self) -> Result<Health, SinkError> {
        let answer = self.read(self.url(""), &self.repository).await?;
        let repository: Repository = answer.json()?;
        let name = crate::visible(&repository.full_name);
        if repository.archived {
            return Err(SinkError::Rejected(format!("`{name}` is archived")));
        }
        if !repository.has_issues {
            return Err(SinkError::Rejected(format!("`{name}` has no issues; turn them on")));
        }
        Ok(Health { detail: format!("`{name}` lets us in and has issues") })
    }
}

#[cfg(test)]
mod tests;
