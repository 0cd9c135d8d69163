//! A GitHub on this machine, over real TCP, that goes wrong as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The id of the account whose token is used.
pub(crate) const OWN: u64 = 7;

/// What becomes of one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Done, and the connection is closed without an answer.
    LoseAnswer,
    /// Done, and answered with this.
    DoneThen(Answer),
    /// Not done, and answered with this.
    Only(Answer),
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: u64,
    pub(crate) issue: u64,
    pub(crate) user: u64,
    pub(crate) body: String,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) comments: Vec<Stored>,
    /// Faults of the next requests, by their method.
    pub(crate) faults: BTreeMap<&'static str, VecDeque<Fault>>,
    /// Methods and paths, in order.
    pub(crate) requests: Vec<String>,
    pub(crate) token: Option<String>,
}

/// A clone is the same server. It ends with the runtime.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) url: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let server = Self { state, url };
        let accepting = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = accepting.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        server
    }

    pub(crate) fn fault(&self, method: &'static str, fault: Fault) {
        self.state.lock().unwrap().faults.entry(method).or_default().push_back(fault);
    }

    pub(crate) fn comments(&self) -> Vec<Stored> {
        self.state.lock().unwrap().comments.clone()
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// A comment of somebody.
    pub(crate) fn put(&self, issue: u64, user: u64, body: &str) {
        let mut state = self.state.lock().unwrap();
        let id = 1_000 + state.comments.len() as u64;
        state.comments.push(Stored { id, issue, user, body: body.into() });
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(request) = Request::read(&mut stream, &mut buffer).await {
            let Some(answer) = self.answer(&request) else { return };
            let mut head = format!(
                "HTTP/1.1 {} X\r\ncontent-length: {}\r\n",
                answer.status,
                answer.body.len()
            );
            for (name, value) in &answer.headers {
                write!(head, "{name}: {value}\r\n").unwrap();
            }
            head.push_str("\r\n");
            head.push_str(&answer.body);
            // Whoever hangs up has read enough.
            let _ = stream.write_all(head.as_bytes()).await;
        }
    }

    /// The answer; `None` closes the connection.
    fn answer(&self, request: &Request) -> Option<Answer> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.requests.push(format!("{} {}", request.method, request.path));
            state.token.clone_from(&request.token);
            state.faults.get_mut(request.method.as_str()).and_then(VecDeque::pop_front)
        };
        match fault {
            None => Some(self.route(request)),
            Some(Fault::Only(answer)) => Some(answer),
            Some(Fault::DoneThen(answer)) => {
                self.route(request);
                Some(answer)
            }
            Some(Fault::LoseAnswer) => {
                self.route(request);
                None
            }
        }
    }

    fn route(&self, request: &Request) -> Answer {
        let mut state = self.state.lock().unwrap();
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let ok = |status, value: Value| Answer::new(status, value.to_string());
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["user"]) => ok(200, json!({ "id": OWN, "login": "bot" })),
            ("GET", ["repos", "acme", "ops"]) => {
                ok(200, json!({ "full_name": "acme/ops", "has_issues": true, "archived": false }))
            }
            ("POST", ["repos", "acme", "ops", "issues", issue, "comments"]) => {
                let body = request.text();
                if body.chars().count() > 65_536 {
                    return ok(422, json!({ "message": "body is too long (maximum is 65536)" }));
                }
                let id = 1_000 + state.comments.len() as u64;
                let comment = Stored { id, issue: issue.parse().unwrap(), user: OWN, body };
                state.comments.push(comment.clone());
                ok(201, shown(&comment))
            }
            ("PATCH", ["repos", "acme", "ops", "issues", "comments", id]) => {
                let id: u64 = id.parse().unwrap();
                match state.comments.iter_mut().find(|comment| comment.id == id) {
                    Some(comment) => {
                        comment.body = request.text();
                        ok(200, shown(comment))
                    }
                    None => ok(404, json!({ "message": "Not Found" })),
                }
            }
            ("GET", ["repos", "acme", "ops", "issues", issue, "comments"]) => {
                let number = |name: &str| -> usize {
                    let value = query.split('&').find_map(|pair| pair.strip_prefix(name));
                    value.unwrap().parse().unwrap()
                };
                let (size, page) = (number("per_page="), number("page="));
                let issue: u64 = issue.parse().unwrap();
                let all: Vec<&Stored> =
                    state.comments.iter().filter(|c| c.issue == issue).collect();
                let shown: Vec<Value> =
                    all.iter().skip((page - 1) * size).take(size).map(|c| shown(c)).collect();
                let answer = ok(200, Value::Array(shown));
                if page * size < all.len() {
                    // It leads elsewhere: the sink must count, and not follow it.
                    answer.header("link", "<http://evil.example/?page=2>; rel=\"next\"")
                } else {
                    answer.header("link", "<http://evil.example/?page=1>; rel=\"prev\"")
                }
            }
            _ => ok(404, json!({ "message": "Not Found" })),
        }
    }
}

fn shown(comment: &Stored) -> Value {
    let Stored { id, issue, user, body } = comment;
    let url = format!("https://github.example/acme/ops/issues/{issue}#issuecomment-{id}");
    json!({ "id": id, "html_url": url, "body": body, "user": { "id": user } })
}

struct Request {
    method: String,
    path: String,
    token: Option<String>,
    body: Vec<u8>,
}

impl Request {
    async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Self> {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        while buffer.len() < end + 4 + length {
            if stream.read_buf(buffer).await.ok()? == 0 {
                return None;
            }
        }
        let body = buffer[end + 4..end + 4 + length].to_vec();
        buffer.drain(..end + 4 + length);
        Some(Self { method, path, token: headers.get("authorization").cloned(), body })
    }

    fn text(&self) -> String {
        let value: Value = serde_json::from_slice(&self.body).unwrap();
        value["body"].as_str().unwrap().to_owned()
    }
}
