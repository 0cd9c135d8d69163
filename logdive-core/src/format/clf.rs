//! Access logs of web servers: the Common and the Combined Log Format, with what is put in front
//! of them and behind them.

use std::net::IpAddr;

use super::cursor::Cursor;
use super::http::{CLIENT, SERVER, quoted, split_port, unescape, write_address, write_request};
use super::object::ObjectWriter;
use super::time::{Civil, clock, iso, month, number, zone};
use super::when::When;
use super::{Format, Framing, Rows};
use crate::log::{LogLine, LogSeverity};

/// Access logs in the Common and the Combined Log Format, as Apache, nginx, Traefik and many
/// others write them, and Apache's `ssl_request` log.
///
/// - In front there may be a virtual host (with its port), and several client addresses as
///   `X-Forwarded-For` has them: `client.address` is the first of them that is public, else the
///   first; the last is `network.peer.address`.
/// - What follows the user agent is kept as a list of texts, `extra`. If the last of them is
///   32 hexadecimal digits or a UUID, it is the request id.
/// - The whole line is its body. A status of 500 and above is an `ERROR`, everything else `INFO`.
/// - Attributes have the names of OpenTelemetry's semantic conventions where there are such; what
///   is `-` is left out.
///
/// Source: Apache HTTP Server, `mod_log_config` and `mod_ssl`; nginx, `ngx_http_log_module`;
/// ingress-nginx, *Log format*; Traefik, *Access logs*.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Clf;

impl Clf {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Format for Clf {
    fn name(&self) -> &'static str {
        "clf"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        match Access::read(&text) {
            Ok(access) => push(&text, &access, rows),
            Err(why) => rows.malformed(&format!("not an access log line: {why}")),
        }
    }
}

fn push(text: &str, access: &Access<'_>, rows: &mut Rows<'_>) {
    let when = When::of(&access.time, rows.origin());
    let mut attributes = String::with_capacity(text.len() + 320);
    let mut object = ObjectWriter::new(&mut attributes);
    when.write(&mut object);
    access.front.write(&mut object);
    write_request(&mut object, access.request);
    let error = access.status.is_some_and(|status| status.starts_with('5'));
    if let Some(status) = access.status {
        object.word("http.response.status_code", status);
    }
    if let Some(size) = access.size {
        object.word("http.response.body.size", size);
    }
    if let Some(referer) = access.referer {
        object.text("http.request.header.referer", &unescape(referer));
    }
    if let Some(agent) = access.agent {
        object.text("user_agent.original", &unescape(agent));
    }
    let mut last = None;
    let extra = Extra::new(access.extra).inspect(|text| last = Some(*text));
    object.list("extra", extra.map(unescape));
    object.end();
    rows.push(&LogLine {
        time_unix_nano: when.nanos(),
        severity: Some(if error { LogSeverity::ERROR } else { LogSeverity::INFO }),
        request_id: last.filter(|text| is_id(text)),
        body: Some(text),
        attributes: Some(&attributes),
        parse_error: when.error(),
        ..rows.line()
    });
}

/// A line taken apart; what is `-` is `None`.
struct Access<'a> {
    time: Civil,
    front: Front<'a>,
    request: &'a str,
    status: Option<&'a str>,
    size: Option<&'a str>,
    referer: Option<&'a str>,
    agent: Option<&'a str>,
    extra: &'a str,
}

enum Front<'a> {
    /// `vhost:80 10.0.0.2, 10.0.0.1 ident user`
    Common { server: Option<&'a str>, addresses: &'a str, ident: &'a str, user: &'a str },
    /// `host TLSv1.2 cipher`, behind the time
    Tls { address: &'a str, protocol: &'a str, cipher: &'a str },
}

impl<'a> Access<'a> {
    fn read(text: &'a str) -> Result<Self, &'static str> {
        let (front, time, behind) = split_time(text).ok_or("it has no time in brackets")?;
        let mut cursor = Cursor::new(behind);
        cursor.spaces();
        let front = match front.trim_ascii() {
            "" => Front::tls(&mut cursor).ok_or("it begins with a time, but no TLS follows")?,
            front => Front::common(front),
        };
        let request = quoted(&mut cursor).ok_or("it has no whole request in quotes")?;
        let mut access = Self {
            time,
            front,
            request,
            status: None,
            size: None,
            referer: None,
            agent: None,
            extra: "",
        };
        if matches!(access.front, Front::Common { .. }) {
            let status = next(&mut cursor);
            let is_status = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
            if !is_status && status != "-" {
                return Err("it has no status behind the request");
            }
            access.status = Some(status).filter(|_| is_status);
        }
        let before = cursor;
        access.size = match next(&mut cursor) {
            "" | "-" => None,
            size if size.bytes().all(|byte| byte.is_ascii_digit()) => Some(size),
            _ => {
                cursor = before;
                None
            }
        };
        access.referer = quoted_or_none(&mut cursor);
        access.agent = quoted_or_none(&mut cursor);
        access.extra = cursor.rest();
        Ok(access)
    }
}

/// What stands in front of the time, the time, and what stands behind it.
fn split_time(text: &str) -> Option<(&str, Civil, &str)> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'[', bytes).find_map(|at| {
        let (civil, end) = time(text, at + 1)?;
        if bytes.get(end) != Some(&b']') {
            return None;
        }
        Some((text.get(..at)?, civil, text.get(end + 1..)?))
    })
}

/// `26/Dec/2016:16:16:28 +0200`, or as in ISO 8601.
fn time(text: &str, at: usize) -> Option<(Civil, usize)> {
    let bytes = text.as_bytes();
    if bytes.get(at + 2) != Some(&b'/') {
        let (civil, len) = iso(text.get(at..)?)?;
        return Some((civil, at + len));
    }
    let separators = (bytes.get(at + 6), bytes.get(at + 11));
    if separators != (Some(&b'/'), Some(&b':')) {
        return None;
    }
    let (mut civil, end) = clock(bytes, at + 12)?;
    civil.day = number(bytes, at, 2)?;
    civil.month = month(bytes, at + 3)?;
    civil.year = i32::try_from(number(bytes, at + 7, 4)?).ok();
    let (offset, end) = zone(bytes, end);
    civil.offset = offset;
    Some((civil, end))
}

impl<'a> Front<'a> {
    /// `host TLSv1.2 cipher`, in front of the request.
    fn tls(cursor: &mut Cursor<'a>) -> Option<Self> {
        let (address, protocol, cipher) = (next(cursor), next(cursor), next(cursor));
        cursor.spaces();
        let is_tls = protocol == "-" || protocol.starts_with("TLS") || protocol.starts_with("SSL");
        (is_tls && !cipher.is_empty()).then_some(Self::Tls { address, protocol, cipher })
    }

    fn common(front: &'a str) -> Self {
        let first = match front.strip_prefix('"') {
            Some(rest) => rest.find('"').map_or(front.len(), |at| at + 2),
            None => front.find(' ').unwrap_or(front.len()),
        };
        let behind = front.get(first..).unwrap_or_default();
        // A user may have spaces in the name, an address has none: look for `-` from the left.
        let (addresses, ident, user) = if let Some(at) = behind.find(" - ") {
            let user = behind.get(at + 3..).unwrap_or_default();
            // `address - [address] - user`, as older ingress controllers have it.
            let user = match user.strip_prefix('[').and_then(|rest| rest.split_once("] - ")) {
                Some((_, user)) => user,
                None => user,
            };
            (front.get(..first + at).unwrap_or_default(), "-", user)
        } else {
            let mut words = front.rsplitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some(user), Some(ident), Some(addresses)) => (addresses, ident, user),
                (Some(user), Some(addresses), None) => (addresses, "-", user),
                _ => (front, "-", "-"),
            }
        };
        let (server, addresses) = match addresses.split_once(' ') {
            Some((server, addresses)) if !server.starts_with('"') && !server.ends_with(',') => {
                (Some(server), addresses)
            }
            _ => (None, addresses),
        };
        Self::Common { server, addresses, ident, user }
    }

    fn write(&self, object: &mut ObjectWriter<'_>) {
        match *self {
            Self::Common { server, addresses, ident, user } => {
                if let Some(server) = server.filter(|server| is_given(server)) {
                    write_address(object, SERVER, server);
                }
                write_client(object, addresses);
                object.option("ident", Some(ident).filter(|ident| is_given(ident)));
                object.option("user.name", Some(user).filter(|user| is_given(user)));
            }
            Self::Tls { address, protocol, cipher } => {
                write_address(object, CLIENT, address);
                // `TLSv1.2`
                if let Some((name, version)) = protocol.split_once('v') {
                    object.text("tls.protocol.name", &name.to_ascii_lowercase());
                    object.text("tls.protocol.version", version);
                }
                object.option("tls.cipher", Some(cipher).filter(|cipher| is_given(cipher)));
            }
        }
    }
}

fn write_client(object: &mut ObjectWriter<'_>, addresses: &str) {
    let list = || addresses.split([',', ' ', '"']).filter(|address| is_given(address));
    let Some(first) = list().next() else { return };
    let Some(last) = list().skip(1).last() else {
        return write_address(object, CLIENT, first);
    };
    let public = list().find(|address| is_public(address));
    write_address(object, CLIENT, public.unwrap_or(first));
    object.list("http.request.header.x-forwarded-for", list().take(list().count() - 1));
    object.text("network.peer.address", last);
}

fn is_given(text: &str) -> bool {
    !matches!(text, "" | "-")
}

/// Whether an address is one of the world's: none of a private network, of a link, or of the host.
fn is_public(address: &str) -> bool {
    match split_port(address).0.parse() {
        Ok(IpAddr::V4(v4)) => !(v4.is_private() || v4.is_loopback() || v4.is_link_local()),
        Ok(IpAddr::V6(v6)) => {
            !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
        Err(_) => false,
    }
}

/// The next word; empty at the end.
fn next<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.spaces();
    cursor.word()
}

/// Takes a text in quotes or a `-`; `-` is none.
fn quoted_or_none<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    cursor.spaces();
    if cursor.rest() == "-" || cursor.rest().starts_with("- ") {
        cursor.eat("-");
        return None;
    }
    quoted(cursor).filter(|text| is_given(text))
}

/// The fields behind the user agent: texts in quotes or brackets, and words. Several words with
/// commas between them are one field (`172.17.0.6:8080, 172.17.0.7:8080`).
struct Extra<'a> {
    cursor: Cursor<'a>,
    /// A quote, a bracket is not closed: nor are those behind it.
    open_quote: bool,
    open_bracket: bool,
}

impl<'a> Extra<'a> {
    const fn new(text: &'a str) -> Self {
        Self { cursor: Cursor::new(text), open_quote: false, open_bracket: false }
    }
}

impl<'a> Iterator for Extra<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let cursor = &mut self.cursor;
        cursor.spaces();
        if cursor.first() == Some(b'"') && !self.open_quote {
            if let Some(text) = quoted(cursor) {
                return Some(text);
            }
            self.open_quote = true;
        }
        if cursor.first() == Some(b'[') && !self.open_bracket {
            let mut inside = *cursor;
            inside.take(1);
            if let Some(text) = inside.until(b']') {
                *cursor = inside;
                return Some(text);
            }
            self.open_bracket = true;
        }
        let begin = cursor.rest();
        let mut len = cursor.word().len();
        while begin.get(..len).is_some_and(|text| text.ends_with(',')) {
            let mut more = *cursor;
            more.spaces();
            if more.word().is_empty() {
                break;
            }
            *cursor = more;
            len = begin.len() - more.rest().len();
        }
        begin.get(..len).filter(|field| !field.is_empty())
    }
}

/// 32 hexadecimal digits or a UUID.
fn is_id(text: &str) -> bool {
    let is_dash = |at: usize| text.len() == 36 && matches!(at, 8 | 13 | 18 | 23);
    matches!(text.len(), 32 | 36)
        && text.bytes().enumerate().all(|(at, byte)| match is_dash(at) {
            true => byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Clf;
    use crate::format::laws::{prefixes_are_kept, read_one};
    use crate::log::LogSeverity;

    fn attributes(line: &str) -> Value {
        let record = read_one(Clf::new(), line);
        assert_eq!(record.parse_error, None, "{line}");
        assert_eq!((record.body.as_deref(), record.raw.as_deref()), (Some(line), None), "{line}");
        serde_json::from_str(record.attributes.as_deref().unwrap()).unwrap()
    }

    const COMBINED: &str = r#"vhost:443 "10.0.0.2, 8.8.8.8" 10.2.1.185 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif?b=1 HTTP/1.0" 503 2326 "http://h/\"q\"" "M/4.08 [en] (W98; I)" 0.003 [up] 10.0.0.1:80, 10.0.0.2:80 "x y" 529a007902362a5f51385a5fa7049884"#;

    #[test]
    fn a_combined_line_with_everything_is_read() {
        let record = read_one(Clf::new(), COMBINED);
        assert_eq!(record.time_unix_nano, Some(971_211_336_000_000_000));
        assert_eq!((record.severity, record.severity_text), (Some(LogSeverity::ERROR), None));
        assert_eq!(record.request_id.as_deref(), Some("529a007902362a5f51385a5fa7049884"));
        assert_eq!(
            attributes(COMBINED),
            json!({
                "server.address": "vhost", "server.port": 443,
                "client.address": "8.8.8.8",
                "http.request.header.x-forwarded-for": ["10.0.0.2", "8.8.8.8"],
                "network.peer.address": "10.2.1.185",
                "user.name": "frank",
                "http.request.method": "GET",
                "url.original": "/a.gif?b=1", "url.path": "/a.gif", "url.query": "b=1",
                "network.protocol.version": "1.0",
                "http.response.status_code": 503, "http.response.body.size": 2326,
                "http.request.header.referer": "http://h/\"q\"",
                "user_agent.original": "M/4.08 [en] (W98; I)",
                "extra": ["0.003", "up", "10.0.0.1:80, 10.0.0.2:80", "x y",
                          "529a007902362a5f51385a5fa7049884"],
            })
        );
    }

    #[test]
    fn what_stands_in_front_is_told_apart() {
        for (front, expected) in [
            ("::1 - -", json!({"client.address": "::1"})),
            ("- - -", json!({})),
            ("h - -", json!({"client.address": "h"})),
            ("h", json!({"client.address": "h"})),
            (
                "1.2.3.4:567 id frank",
                json!({"client.address": "1.2.3.4", "client.port": 567, "ident": "id", "user.name": "frank"}),
            ),
            ("1.2.3.4 - John Doe", json!({"client.address": "1.2.3.4", "user.name": "John Doe"})),
            ("1.2.3.4 - [1.2.3.4] - - -", json!({"client.address": "1.2.3.4", "user.name": "- -"})),
            ("1.2.3.4 - [1.2.3.4] - -", json!({"client.address": "1.2.3.4"})),
            ("- 1.2.3.4 - -", json!({"client.address": "1.2.3.4"})),
            (
                "v:80 unix: - -",
                json!({"server.address": "v", "server.port": 80, "client.address": "unix:"}),
            ),
            (
                "localhost, localhost - -",
                json!({"client.address": "localhost", "http.request.header.x-forwarded-for": ["localhost"], "network.peer.address": "localhost"}),
            ),
        ] {
            let line = format!("{front} [10/Oct/2000:13:55:36 -0700] \"-\" 408 -");
            let mut found = attributes(&line);
            assert_eq!(
                found.as_object_mut().unwrap().remove("http.response.status_code"),
                Some(json!(408))
            );
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn requests_of_all_kinds_are_kept() {
        for (request, key, value) in [
            (r"\x16\x03\x01", "http.request.line", r"\x16\x03\x01"),
            (r#"GET /\"x\" HTTP/1.1"#, "url.path", "/\"x\""),
            ("SSTP_DUPLEX_POST /s/ HTTP/1.1", "http.request.method", "SSTP_DUPLEX_POST"),
            ("hello", "http.request.line", "hello"),
        ] {
            let line = format!("::1 - - [10/Oct/2000:13:55:36 -0700] \"{request}\" 400 0");
            assert_eq!(attributes(&line)[key], value, "{line}");
        }
        let tls =
            attributes(r#"[10/Aug/2018:09:45:56 +0200] 1.2.3.4 TLSv1.2 ECDHE "GET / HTTP/1.1" -"#);
        assert_eq!(tls["tls.protocol.name"], "tls");
        assert_eq!(tls["tls.protocol.version"], "1.2");
        assert_eq!(tls["tls.cipher"], "ECDHE");
        assert_eq!(tls["url.path"], "/");
    }

    #[test]
    fn a_day_that_is_none_keeps_the_row() {
        let record = read_one(Clf::new(), r#"::1 - - [31/Feb/2000:13:55:36 -0700] "-" 408 -"#);
        assert_eq!(record.time_unix_nano, None);
        assert!(record.parse_error.unwrap().contains("no time"));
        assert!(record.attributes.unwrap().contains("408"));
    }

    #[test]
    fn other_lines_are_malformed() {
        for line in [
            "hello",
            "::1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\"",
            "::1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" OK 1",
            "::1 - - [10/Oct/2000:13:55:36 -0700] GET / 200 1",
            "[10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 1",
        ] {
            let record = read_one(Clf::new(), line);
            assert!(record.parse_error.unwrap().starts_with("not an access log line"), "{line}");
            assert_eq!(record.raw.as_deref(), Some(line.as_bytes()));
        }
    }

    #[test]
    fn prefixes_are_neither_lost_nor_wrong() {
        prefixes_are_kept(Clf::new(), COMBINED);
    }
}
