//! The error log of Apache, as 2.2 and 2.4 write it.

use std::net::IpAddr;

use super::cursor::Cursor;
use super::http::{CLIENT, write_address};
use super::object::{ObjectWriter, filled};
use super::time::{Civil, clock, iso, month, number, zone};
use super::when::When;
use super::{Format, Framing, Rows};
use crate::log::{LogLine, LogSeverity};

/// Error logs of the Apache HTTP Server:
/// `[Mon Dec 26 16:22:08 2016] [error] [client 10.0.0.1] message` (2.2) and
/// `[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 17:tid 18] [client 10.0.0.1:80] AH00128:
/// message` (2.4), with `, referer: …` behind.
///
/// The body is everything behind the groups in brackets. A message's number (`AH00128`) is the
/// event. Lines that begin with no time belong to the line before.
///
/// Source: Apache HTTP Server, directive `ErrorLogFormat`.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ApacheError;

impl ApacheError {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Format for ApacheError {
    fn name(&self) -> &'static str {
        "apache-error"
    }

    fn framing(&self) -> Framing {
        Framing::Continued(|head, _, line| is_head(head) && !is_head(line))
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        match Line::read(&text) {
            Some(line) => push(&line, rows),
            None => {
                rows.malformed("not of Apache's error log: it has no time and level in brackets");
            }
        }
    }
}

/// Whether a line begins with a time in brackets, as far as its shape goes.
fn is_head(line: &[u8]) -> bool {
    line.first() == Some(&b'[')
        && time(line, 1).is_some_and(|(_, end)| line.get(end) == Some(&b']'))
}

fn push(line: &Line<'_>, rows: &mut Rows<'_>) {
    let when = When::of(&line.time, rows.origin());
    let mut attributes = String::with_capacity(160);
    let mut object = ObjectWriter::new(&mut attributes);
    when.write(&mut object);
    object.option("apache.module", Some(line.module).filter(|module| !module.is_empty()));
    for (key, number) in [("process.pid", line.process), ("thread.id", line.thread)] {
        if let Some(number) = number {
            object.word(key, number);
        }
    }
    if let Some(client) = line.client {
        let address: Result<IpAddr, _> = client.parse();
        match client.rsplit_once(':') {
            // 2.4, which writes the process too, has a port behind every address: `::1:8080`.
            Some((host, port)) if line.process.is_some() && host.parse::<IpAddr>().is_ok() => {
                object.text(CLIENT.0, host);
                object.word(CLIENT.1, port);
            }
            _ if address.is_ok() => object.text(CLIENT.0, client),
            _ => write_address(&mut object, CLIENT, client),
        }
    }
    object.option("http.request.header.referer", line.referer());
    object.end();
    rows.push(&LogLine {
        time_unix_nano: when.nanos(),
        severity: LogSeverity::from_level(line.level),
        severity_text: Some(line.level),
        event: number_of(line.message),
        body: Some(line.message),
        attributes: filled(&attributes),
        parse_error: when.error(),
        ..rows.line()
    });
}

/// A line taken apart.
struct Line<'a> {
    time: Civil,
    module: &'a str,
    level: &'a str,
    process: Option<&'a str>,
    thread: Option<&'a str>,
    client: Option<&'a str>,
    message: &'a str,
}

impl<'a> Line<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut cursor = Cursor::new(text);
        if !cursor.eat("[") {
            return None;
        }
        let (time, end) = time(text.as_bytes(), 1)?;
        cursor.take(end - 1);
        if !cursor.eat("] [") {
            return None;
        }
        let level = cursor.until(b']')?;
        let (module, level) = level.rsplit_once(':').unwrap_or(("", level));
        if level.is_empty() || !level.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let mut line =
            Self { time, module, level, process: None, thread: None, client: None, message: "" };
        loop {
            cursor.eat(" ");
            let mut ahead = cursor;
            if !ahead.eat("[") {
                break;
            }
            let Some(group) = ahead.until(b']') else { break };
            if !line.take(group) {
                break;
            }
            cursor = ahead;
        }
        line.message = cursor.rest();
        line.client = line.client.or_else(|| line.inner_client());
        Some(line)
    }

    /// Takes a group in brackets, if it is one of the server's.
    fn take(&mut self, group: &'a str) -> bool {
        let Some((key, value)) = group.split_once(' ') else { return false };
        match key {
            // `pid 17:tid 18`
            "pid" => {
                let (process, thread) = match value.split_once(":tid ") {
                    Some((process, thread)) => (process, Some(thread)),
                    None => (value, None),
                };
                (self.process, self.thread) = (Some(process), thread);
            }
            "tid" => self.thread = Some(value),
            "client" | "remote" => self.client = Some(value),
            _ => return false,
        }
        true
    }

    /// The client behind an error of the system or a place in the source:
    /// `(13)Permission denied: [client ::1:35360] AH00035: …`.
    fn inner_client(&self) -> Option<&'a str> {
        let (front, rest) = self.message.split_once("[client ")?;
        (front.len() <= 128 && front.ends_with(": ")).then_some(())?;
        rest.split_once(']').map(|(client, _)| client)
    }

    /// What the client said it came from, behind the message's first line.
    fn referer(&self) -> Option<&'a str> {
        let (first, _) = self.message.split_once('\n').unwrap_or((self.message, ""));
        first.rsplit_once(", referer: ").map(|(_, referer)| referer)
    }
}

/// `Mon Dec 26 16:22:08.123456 2016`, or as in ISO 8601.
fn time(bytes: &[u8], at: usize) -> Option<(Civil, usize)> {
    if bytes.get(at)?.is_ascii_digit() {
        let end = bytes.len().min(at + 40);
        let head = bytes.get(at..end)?;
        let ascii = head.iter().position(|byte| !byte.is_ascii()).unwrap_or(head.len());
        let text = std::str::from_utf8(head.get(..ascii)?).ok()?;
        return iso(text).map(|(civil, len)| (civil, at + len));
    }
    let month = month(bytes, at + 4)?;
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let (day, behind) = match (digit(at + 8), digit(at + 9)) {
        (true, true) => (number(bytes, at + 8, 2)?, at + 10),
        (true, false) => (number(bytes, at + 8, 1)?, at + 9),
        (false, _) => (number(bytes, at + 9, 1)?, at + 10),
    };
    let (civil, end) = clock(bytes, behind + 1)?;
    let year = i32::try_from(number(bytes, end + 1, 4)?).ok();
    let spaces = [at + 3, at + 7, behind, end].into_iter().all(|at| bytes.get(at) == Some(&b' '));
    let (offset, end) = zone(bytes, end + 5);
    spaces.then_some((Civil { year, month, day, offset, ..civil }, end))
}

/// `AH00128` at the beginning of a message, or behind an error of the system.
fn number_of(message: &str) -> Option<&str> {
    let window = message.get(..message.floor_char_boundary(200))?;
    memchr::memmem::find_iter(window.as_bytes(), b"AH").find_map(|at| {
        let number = window.get(at..)?.split_once(':')?.0;
        let is_number = (6..=8).contains(&number.len())
            && number.bytes().skip(2).all(|byte| byte.is_ascii_digit());
        let front = window.get(..at)?;
        let is_front = front.is_empty() || front.ends_with("] ") || front.ends_with(": ");
        (is_number && is_front).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ApacheError;
    use crate::format::laws::{prefixes_are_kept, read_all, read_one};
    use crate::log::LogRecord;

    fn attributes(record: &LogRecord) -> Value {
        serde_json::from_str(record.attributes.as_deref().unwrap()).unwrap()
    }

    const LINE: &str = "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] [client ::1:8080] AH00128: File does not exist: /x, referer: http://h/";

    #[test]
    fn a_line_of_2_4() {
        let record = read_one(ApacheError::new(), LINE);
        assert_eq!(record.time_unix_nano, Some(1_315_564_949_902_022_000));
        assert_eq!(record.severity.map(|severity| severity.number()), Some(17));
        assert_eq!(record.severity_text.as_deref(), Some("error"));
        assert_eq!(record.event.as_deref(), Some("AH00128"));
        assert_eq!(
            record.body.as_deref(),
            Some("AH00128: File does not exist: /x, referer: http://h/")
        );
        assert_eq!(
            attributes(&record),
            json!({
                "time_assumed": "zone +00:00", "apache.module": "core", "process.pid": 35708,
                "thread.id": 4_328_636_416_u64, "client.address": "::1", "client.port": 8080,
                "http.request.header.referer": "http://h/",
            })
        );
    }

    #[test]
    fn lines_of_other_kinds() {
        for (line, level, body, client) in [
            (
                "[Mon Dec 26 16:22:08 2016] [error] [client ::1:8080] no",
                "error",
                "no",
                Some("::1:8080"),
            ),
            ("[Mon Dec  5 16:22:08 2016] [notice] Apache on", "notice", "Apache on", None),
            ("[Mon Dec 26 16:22:08.1 2016] [:emerg] [pid 1] x", "emerg", "x", None),
            (
                "[2016-12-26 16:22:08.123456] [a:warn] [pid 1] [remote 1.2.3.4:5] x",
                "warn",
                "x",
                Some("1.2.3.4"),
            ),
            (
                "[Mon Dec 26 16:22:08.1 2016] [core:error] [pid 1] (13)Denied: [client 1.2.3.4:5] AH00035: x",
                "error",
                "(13)Denied: [client 1.2.3.4:5] AH00035: x",
                Some("1.2.3.4"),
            ),
            (
                "[Mon Dec 26 16:22:08.1 2016] [rewrite:trace3] [pid 1:tid 2] m.c(1): [client 1.2.3.4:5] [x/y] z",
                "trace3",
                "m.c(1): [client 1.2.3.4:5] [x/y] z",
                Some("1.2.3.4"),
            ),
            ("[Mon Dec 26 16:22:08 2016] [error] [x] y", "error", "[x] y", None),
        ] {
            let record = read_one(ApacheError::new(), line);
            assert_eq!(record.parse_error, None, "{line}");
            assert!(record.time_unix_nano.is_some() && record.severity.is_some(), "{line}");
            assert_eq!(
                (record.severity_text.as_deref(), record.body.as_deref()),
                (Some(level), Some(body))
            );
            assert_eq!(attributes(&record)["client.address"].as_str(), client, "{line}");
            let event = line.contains("AH00035").then_some("AH00035");
            assert_eq!(record.event.as_deref(), event, "{line}");
        }
    }

    #[test]
    fn what_has_no_time_belongs_to_the_line_before() {
        let text = format!("{LINE}\nsh: x: not found\n[oops]\n{LINE}\n");
        let records = read_all(ApacheError::new(), &text);
        assert_eq!(records.len(), 2);
        assert!(
            records[0].body.as_deref().unwrap().ends_with("http://h/\nsh: x: not found\n[oops]")
        );
        assert_eq!(attributes(&records[0])["http.request.header.referer"], "http://h/");
    }

    #[test]
    fn other_lines_are_malformed_each_for_itself() {
        let text = "sh: x\n[Mon Dec 26 16:22:08 2016] x\n[Mon Dec 26 16:22:08 2016] [no\n[Mon Dec 36 16:22:08 2016] [error] x";
        let records = read_all(ApacheError::new(), text);
        assert_eq!(records.len(), 4);
        assert!(records.iter().all(|record| record.parse_error.is_some()));
        assert_eq!(records[3].body.as_deref(), Some("x"), "a day that is none keeps the row");
    }

    #[test]
    fn prefixes_are_neither_lost_nor_wrong() {
        prefixes_are_kept(ApacheError::new(), LINE);
    }
}
