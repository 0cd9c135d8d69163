//! What the logs of web servers have in common: requests, addresses, escaped texts.

use std::borrow::Cow;

use super::cursor::Cursor;
use super::object::ObjectWriter;

/// Writes what a request line says, by the semantic conventions of OpenTelemetry. What is no
/// request line (`hello`, the first bytes of a TLS handshake) is written as `http.request.line`.
pub(super) fn write_request(object: &mut ObjectWriter<'_>, line: &str) {
    if matches!(line, "" | "-") {
        return;
    }
    let Some(request) = Request::read(line) else {
        return object.text("http.request.line", &unescape(line));
    };
    let target = unescape(request.target);
    object.text("http.request.method", request.method);
    object.text("url.original", &target);
    if let Some((path, query)) = path_of(&target) {
        object.text("url.path", path);
        object.option("url.query", query);
    }
    object.option("network.protocol.version", request.version);
}

struct Request<'a> {
    method: &'a str,
    target: &'a str,
    version: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// `METHOD TARGET HTTP/VERSION`; the version may be missing behind what must be a target.
    fn read(line: &'a str) -> Option<Self> {
        let (method, rest) = line.split_once(' ')?;
        let is_method = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=32).contains(&method.len()) || !method.bytes().all(is_method) {
            return None;
        }
        let last = rest.rsplit_once(' ').map_or(("", rest), |(target, last)| (target, last));
        if let (target, Some(version)) = (last.0, last.1.strip_prefix("HTTP/")) {
            return Some(Self { method, target, version: Some(version) });
        }
        let is_target = rest.starts_with(['/', '*']) || rest.contains("://");
        is_target.then_some(Self { method, target: rest, version: None })
    }
}

/// Path and query of a request's target; `None` if it has no path (`*`, `host:443`).
fn path_of(target: &str) -> Option<(&str, Option<&str>)> {
    let path = if target.starts_with('/') {
        target
    } else {
        let (_, rest) = target.split_once("://")?;
        rest.get(rest.find(['/', '?'])?..)?
    };
    Some(match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    })
}

/// Writes an address and its port, if it has one.
pub(super) fn write_address(
    object: &mut ObjectWriter<'_>,
    (address_key, port_key): (&str, &str),
    text: &str,
) {
    let (address, port) = split_port(text);
    object.text(address_key, address);
    if let Some(port) = port {
        object.word(port_key, port);
    }
}

/// Keys of the client's address.
pub(super) const CLIENT: (&str, &str) = ("client.address", "client.port");
/// Keys of the server's address.
pub(super) const SERVER: (&str, &str) = ("server.address", "server.port");

/// `host:80`, `10.0.0.1:80`, `[::1]:80`, or an address without port, `::1` and `unix:` among them.
pub(super) fn split_port(text: &str) -> (&str, Option<&str>) {
    let is_port =
        |port: &&str| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        if rest.is_empty() {
            return (address, None);
        }
        if let Some(port) = rest.strip_prefix(':').filter(is_port) {
            return (address, Some(port));
        }
    }
    match text.split_once(':') {
        Some((host, port)) if !host.is_empty() && is_port(&port) => (host, Some(port)),
        _ => (text, None),
    }
}

/// Takes a text in quotes, with the quotes; gives what is between them, escapes as they are.
///
/// Quotes end where a space follows or nothing, so that a quote that somebody forgot to escape
/// costs nothing.
pub(super) fn quoted<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut inside = *cursor;
    if !inside.eat("\"") {
        return None;
    }
    let text = inside.rest();
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'\\') {
            at += 2;
            continue;
        }
        if matches!(bytes.get(at + 1), None | Some(b' ' | b',')) {
            let taken = inside.take(at);
            inside.take(1);
            *cursor = inside;
            return Some(taken);
        }
        at += 1;
    }
}

/// Resolves `\"`, `\\` and `\xHH` of printable bytes, if UTF-8 comes of it; the rest stays as it
/// is written.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let (byte, used) = match (first, behind) {
            (b'\\', [escaped @ (b'"' | b'\\'), ..]) => (*escaped, 2),
            (b'\\', [b'x', high, low, ..]) => match hex(*high, *low) {
                Some(byte) if byte >= 0x20 && byte != 0x7f => (byte, 4),
                _ => (b'\\', 1),
            },
            _ => (*first, 1),
        };
        out.push(byte);
        rest = rest.get(used..).unwrap_or_default();
    }
    String::from_utf8(out).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::{quoted, split_port, unescape, write_request};
    use crate::format::cursor::Cursor;
    use crate::format::object::ObjectWriter;

    fn request(line: &str) -> String {
        let mut out = String::new();
        let mut object = ObjectWriter::new(&mut out);
        write_request(&mut object, line);
        object.end();
        out
    }

    #[test]
    fn requests_are_taken_apart() {
        for (line, written) in [
            ("-", "{}"),
            ("", "{}"),
            ("hello", r#"{"http.request.line":"hello"}"#),
            (r"\x16\x03\x01", r#"{"http.request.line":"\\x16\\x03\\x01"}"#),
            (
                "GET / HTTP/1.1",
                r#"{"http.request.method":"GET","url.original":"/","url.path":"/","network.protocol.version":"1.1"}"#,
            ),
            (
                "GET /a b?c=?d",
                r#"{"http.request.method":"GET","url.original":"/a b?c=?d","url.path":"/a b","url.query":"c=?d"}"#,
            ),
            (
                "GET http://h:8/p?q HTTP/1.0",
                r#"{"http.request.method":"GET","url.original":"http://h:8/p?q","url.path":"/p","url.query":"q","network.protocol.version":"1.0"}"#,
            ),
            (
                "CONNECT h:443 HTTP/1.1",
                r#"{"http.request.method":"CONNECT","url.original":"h:443","network.protocol.version":"1.1"}"#,
            ),
            (
                "OPTIONS * HTTP/1.0",
                r#"{"http.request.method":"OPTIONS","url.original":"*","network.protocol.version":"1.0"}"#,
            ),
            (
                r#"GET /\x22\" HTTP/1.1"#,
                r#"{"http.request.method":"GET","url.original":"/\"\"","url.path":"/\"\"","network.protocol.version":"1.1"}"#,
            ),
        ] {
            assert_eq!(request(line), written, "{line}");
        }
    }

    #[test]
    fn ports_are_told_from_addresses() {
        for (text, found) in [
            ("a:80", ("a", Some("80"))),
            ("a", ("a", None)),
            ("10.0.0.1:123456", ("10.0.0.1:123456", None)),
            ("unix:", ("unix:", None)),
            ("::1", ("::1", None)),
            ("[::1]:80", ("::1", Some("80"))),
            ("[::1]", ("::1", None)),
            ("[x", ("[x", None)),
            (":80", (":80", None)),
        ] {
            assert_eq!(split_port(text), found, "{text}");
        }
    }

    #[test]
    fn quotes_end_in_front_of_a_space() {
        for (text, found) in [
            (r#""a" b"#, Some(("a", " b"))),
            (r#""a\"b""#, Some((r#"a\"b"#, ""))),
            (r#""a"b" c"#, Some((r#"a"b"#, " c"))),
            (r#""a\""#, None),
            ("a", None),
            ("\"", None),
            ("\"\\", None),
        ] {
            let mut cursor = Cursor::new(text);
            assert_eq!(quoted(&mut cursor).map(|inner| (inner, cursor.rest())), found, "{text}");
        }
    }

    #[test]
    fn escapes_are_resolved_where_they_are_text() {
        for (text, found) in [
            (r"a\x22b\\", "a\"b\\"),
            (r"\xc3\xa9", "é"),
            (r"\xc3", r"\xc3"),
            (r"\x16\x0", r"\x16\x0"),
            (r"\", r"\"),
            (r"\n\xzz", r"\n\xzz"),
        ] {
            assert_eq!(unescape(text), found, "{text}");
        }
    }
}
