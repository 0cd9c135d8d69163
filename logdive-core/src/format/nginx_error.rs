//! The error log of nginx.

use super::cursor::Cursor;
use super::http::{CLIENT, SERVER, unescape, write_address, write_request};
use super::object::ObjectWriter;
use super::time::{Civil, iso};
use super::when::When;
use super::{Format, Framing, Rows};
use crate::log::{LogLine, LogSeverity};

/// Error logs of nginx: `2016/10/25 14:49:34 [error] 54053#0: *1 message, client: 10.0.0.1,
/// server: example.com, request: "GET / HTTP/1.1", host: "example.com"`.
///
/// The body is everything behind the connection's number. Lines that begin with no time belong to
/// the line before, as what a FastCGI server wrote to its standard error does.
///
/// Source: nginx, `src/core/ngx_log.c`, `src/http/ngx_http_request.c` (`ngx_http_log_error`).
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct NginxError;

impl NginxError {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Format for NginxError {
    fn name(&self) -> &'static str {
        "nginx-error"
    }

    fn framing(&self) -> Framing {
        Framing::Continued(|head, _, line| is_head(head) && !is_head(line))
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        match Line::read(&text) {
            Some(line) => push(&line, rows),
            None => rows.malformed("not of nginx's error log: it has no time and level in front"),
        }
    }
}

/// Whether a line begins like `2016/10/25 14:49:34 [`.
fn is_head(line: &[u8]) -> bool {
    let digits = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
    digits.into_iter().all(|at| line.get(at).is_some_and(u8::is_ascii_digit))
        && line.get(4) == Some(&b'/')
        && line.get(7) == Some(&b'/')
        && line.get(19..21) == Some(b" [")
}

fn push(line: &Line<'_>, rows: &mut Rows<'_>) {
    let when = When::of(&line.time, rows.origin());
    let mut attributes = String::with_capacity(line.message.len() + 96);
    let mut object = ObjectWriter::new(&mut attributes);
    when.write(&mut object);
    object.word("process.pid", line.process);
    object.word("thread.id", line.thread);
    if let Some(connection) = line.connection {
        object.word("nginx.connection", connection);
    }
    Context::read(line.message).write(&mut object);
    object.end();
    rows.push(&LogLine {
        time_unix_nano: when.nanos(),
        severity: LogSeverity::from_level(line.level),
        severity_text: Some(line.level),
        body: Some(line.message),
        attributes: Some(&attributes),
        parse_error: when.error(),
        ..rows.line()
    });
}

/// A line taken apart.
struct Line<'a> {
    time: Civil,
    level: &'a str,
    process: &'a str,
    thread: &'a str,
    connection: Option<&'a str>,
    message: &'a str,
}

impl<'a> Line<'a> {
    fn read(text: &'a str) -> Option<Self> {
        if !is_head(text.as_bytes()) {
            return None;
        }
        let (time, len) = iso(text)?;
        let mut cursor = Cursor::new(text);
        cursor.take(len);
        if !cursor.eat(" [") {
            return None;
        }
        let level = cursor.until(b']')?;
        if level.is_empty() || !level.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return None;
        }
        cursor.eat(" ");
        let process = cursor.digits();
        let has_thread = cursor.eat("#");
        let thread = cursor.digits();
        if process.is_empty() || !has_thread || thread.is_empty() || !cursor.eat(":") {
            return None;
        }
        cursor.eat(" ");
        let mut ahead = cursor;
        let mut connection = None;
        if ahead.eat("*") {
            let digits = ahead.digits();
            if !digits.is_empty() && (ahead.eat(" ") || ahead.rest().is_empty()) {
                connection = Some(digits);
                cursor = ahead;
            }
        }
        Some(Self { time, level, process, thread, connection, message: cursor.rest() })
    }
}

/// What nginx puts behind a message about a request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Context<'a> {
    client: Option<&'a str>,
    server: Option<&'a str>,
    request: Option<&'a str>,
    upstream: Option<&'a str>,
    host: Option<&'a str>,
    referrer: Option<&'a str>,
}

impl<'a> Context<'a> {
    fn read(message: &'a str) -> Self {
        let mut context = Self::default();
        let Some(at) = begin(message) else { return context };
        let mut cursor = Cursor::new(message.get(at..).unwrap_or_default());
        while cursor.eat(", ") {
            let Some(key) = cursor.until(b':') else { break };
            cursor.eat(" ");
            let value = value(&mut cursor);
            let slot = match key {
                "client" => &mut context.client,
                "server" => &mut context.server,
                "request" => &mut context.request,
                "upstream" => &mut context.upstream,
                "host" => &mut context.host,
                "referrer" => &mut context.referrer,
                _ => continue,
            };
            *slot = slot.or(Some(value).filter(|value| !value.is_empty()));
        }
        context
    }

    fn write(&self, object: &mut ObjectWriter<'_>) {
        if let Some(client) = self.client {
            write_address(object, CLIENT, client);
        }
        if let Some(server) = self.server {
            write_address(object, SERVER, server);
        }
        if let Some(request) = self.request {
            write_request(object, request);
        }
        for (key, text) in [
            ("nginx.upstream", self.upstream),
            ("http.request.header.host", self.host),
            ("http.request.header.referer", self.referrer),
        ] {
            if let Some(text) = text {
                object.text(key, &unescape(text));
            }
        }
    }
}

/// Where the context begins: at the first `, client: ` that is in no quotes, since a file's name
/// or a request may hold one too; if quotes do not match, at the last.
fn begin(message: &str) -> Option<usize> {
    const BEGIN: &[u8] = b", client: ";
    let bytes = message.as_bytes();
    let (mut quotes, mut looked) = (0, 0);
    for at in memchr::memmem::find_iter(bytes, BEGIN) {
        quotes += memchr::memchr_iter(b'"', bytes.get(looked..at).unwrap_or_default()).count();
        looked = at;
        if quotes % 2 == 0 {
            return Some(at);
        }
    }
    memchr::memmem::rfind(bytes, BEGIN)
}

/// Takes a value: in quotes up to a quote behind which the next key or nothing stands, else up to
/// the next comma.
fn value<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    let mut ahead = *cursor;
    if ahead.eat("\"") {
        let bytes = ahead.rest().as_bytes();
        let end = memchr::memchr_iter(b'"', bytes)
            .find(|at| matches!(bytes.get(at + 1), None | Some(b',' | b'\n')));
        if let Some(end) = end {
            let value = ahead.take(end);
            ahead.take(1);
            *cursor = ahead;
            return value;
        }
    }
    let rest = cursor.rest();
    let end = memchr::memmem::find(rest.as_bytes(), b", ")
        .or_else(|| memchr::memchr(b'\n', rest.as_bytes()))
        .unwrap_or(rest.len());
    cursor.take(end)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::NginxError;
    use crate::format::laws::{prefixes_are_kept, read_all, read_one};
    use crate::log::{LogRecord, LogSeverity};

    fn attributes(record: &LogRecord) -> Value {
        serde_json::from_str(record.attributes.as_deref().unwrap()).unwrap()
    }

    const LINE: &str = r#"2016/10/25 14:49:34 [error] 54053#7: *1 open() "/a, client: 6.6.6.6" failed (2: No such file), client: 127.0.0.1, server: localhost:80, request: "GET /a?b, client: 7.7.7.7 HTTP/1.1", upstream: "http://10.0.0.1:80/a", host: "h:8080", referrer: "http://r/""#;

    #[test]
    fn a_line_with_everything() {
        let record = read_one(NginxError::new(), LINE);
        assert_eq!(record.time_unix_nano, Some(1_477_406_974_000_000_000));
        assert_eq!(record.severity, Some(LogSeverity::ERROR));
        assert_eq!(record.severity_text.as_deref(), Some("error"));
        assert!(record.body.unwrap().starts_with("open() \"/a, client"));
        let record = read_one(NginxError::new(), LINE);
        assert_eq!(
            attributes(&record),
            json!({
                "time_assumed": "zone +00:00", "process.pid": 54053, "thread.id": 7,
                "nginx.connection": 1, "client.address": "127.0.0.1",
                "server.address": "localhost", "server.port": 80,
                "http.request.method": "GET", "url.original": "/a?b, client: 7.7.7.7",
                "url.path": "/a", "url.query": "b, client: 7.7.7.7",
                "network.protocol.version": "1.1", "nginx.upstream": "http://10.0.0.1:80/a",
                "http.request.header.host": "h:8080", "http.request.header.referer": "http://r/",
            })
        );
    }

    #[test]
    fn what_a_server_wrote_belongs_to_its_line() {
        let text = "2019/10/30 23:26:34 [error] 2#2: *18 FastCGI sent in stderr: \"PHP message: a\n\
                    PHP message: b\" while reading, client: 1.2.3.4, server: s\n\
                    2019/10/30 23:26:35 [notice] 1#1: signal 15 received\n";
        let records = read_all(NginxError::new(), text);
        assert_eq!(records.len(), 2);
        assert!(records[0].body.as_deref().unwrap().contains("a\nPHP message: b"));
        assert_eq!(attributes(&records[0])["client.address"], "1.2.3.4");
        assert_eq!(records[1].body.as_deref(), Some("signal 15 received"));
        assert_eq!(attributes(&records[1]).get("nginx.connection"), None);
    }

    #[test]
    fn other_lines_are_malformed_each_for_itself() {
        let text = "x\n2016/10/25 14:49:34 [error] x\n2016/10/25 14:49:34 [ERROR] 1#1: x\n2016/02/30 14:49:34 [info] 1#1: x\n";
        let records = read_all(NginxError::new(), text);
        assert_eq!(records.len(), 4);
        assert!(records.iter().all(|record| record.parse_error.is_some()));
        assert_eq!(records[3].body.as_deref(), Some("x"), "a day that is none keeps the row");
    }

    #[test]
    fn prefixes_are_neither_lost_nor_wrong() {
        prefixes_are_kept(NginxError::new(), LINE);
    }
}
