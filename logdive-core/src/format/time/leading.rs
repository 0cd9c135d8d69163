//! The time with which a line of a log begins, with what may stand in front of it.

use memchr::{memchr, memmem};

use super::forms::{Kind, Stamp, stamp};
use super::{Assumed, Civil, OutOfRange};
use crate::format::Origin;
use crate::log::LogSeverity;

/// How far into a line its time is looked for.
const LOOKED_AT: usize = 160;

/// The time with which a line begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) struct Leading {
    civil: Option<Civil>,
    order: Option<&'static str>,
    pub(in crate::format) kind: Kind,
    /// Whether it may also be another number: nothing in front of it says that it is a time.
    pub(in crate::format) is_weak: bool,
    /// White space in front, in bytes.
    pub(in crate::format) indent: usize,
    /// Where the time begins; in front of it are brackets, a level, a process.
    pub(in crate::format) start: usize,
    /// Where it ends.
    pub(in crate::format) end: usize,
}

impl Leading {
    /// The instant, and what had to be assumed for it; `None` if the line says the hour, but not
    /// the day.
    pub(in crate::format) fn resolve(
        &self,
        origin: &Origin,
    ) -> Option<Result<(i64, Assumed), OutOfRange>> {
        let resolved = self.civil?.resolve(origin);
        Some(resolved.map(|(nanos, assumed)| (nanos, Assumed { order: self.order, ..assumed })))
    }

    fn new(found: Stamp, indent: usize, start: usize) -> Self {
        let Stamp { civil, kind, order, len } = found;
        Self { civil, order, kind, is_weak: kind.is_weak(), indent, start, end: start + len }
    }
}

/// A text that is a time and nothing else, as an instant.
#[cfg(feature = "json")]
pub(in crate::format) fn whole(
    text: &str,
    origin: &Origin,
) -> Option<Result<(i64, Assumed), OutOfRange>> {
    let found = stamp(text.as_bytes())?;
    // A number is read as one.
    (found.len == text.len() && found.kind != Kind::Epoch)
        .then(|| Leading::new(found, 0, 0).resolve(origin))
        .flatten()
}

/// The time with which a line begins, as logs write it.
///
/// In front of it may stand white space, brackets, a level (`INFO `, `[warn] `), a process
/// (`[2932] `, `98738:M `), a priority of syslog (`<34>`), a key (`time=`), a name with a bar
/// (`web_1  | `) or a log file (`app.log:`), the alert of a Blue Gene (`- `), the type of an audit
/// record, and the host and users of an access log.
#[must_use]
pub(in crate::format) fn leading(line: &[u8]) -> Option<Leading> {
    let line = line.get(..LOOKED_AT).unwrap_or(line);
    let (indent, begin) = decoration(line);
    let text = line.get(begin..)?;
    let found = |at: usize, found: Stamp| Leading::new(found, indent, begin + at);
    let (skipped, open) = opened(text);
    if let Some(time) = stamp(open).or_else(|| uptime(open, skipped)) {
        return Some(found(skipped, time));
    }
    let at = behind_prefix(text)?;
    let at = at + text.get(at..)?.iter().take(8).take_while(|byte| is_between(**byte)).count();
    let rest = text.get(at..)?;
    let (skipped, open) = opened(rest);
    let time = stamp(open)?;
    Some(Leading { is_weak: false, ..found(at + skipped, time) })
}

/// The white space in front, and where the text begins behind it, the mark of UTF-8 and the
/// colours of a terminal.
fn decoration(line: &[u8]) -> (usize, usize) {
    let mut at = if line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut indent = 0;
    loop {
        match line.get(at) {
            Some(b' ' | b'\t') => {
                indent += 1;
                at += 1;
            }
            Some(0x1b) => match colour(line, at) {
                Some(end) => at = end,
                None => return (indent, at),
            },
            _ => return (indent, at),
        }
    }
}

/// Behind a colour of a terminal: `ESC [ 3 2 m`.
pub(in crate::format) fn colour(line: &[u8], at: usize) -> Option<usize> {
    if line.get(at..at + 2) != Some(b"\x1b[") {
        return None;
    }
    let inside = line
        .iter()
        .skip(at + 2)
        .take(16)
        .take_while(|byte| byte.is_ascii_digit() || **byte == b';')
        .count();
    let end = at + 2 + inside;
    (line.get(end) == Some(&b'm')).then_some(end + 1)
}

/// Without the bracket or quote in front.
fn opened(text: &[u8]) -> (usize, &[u8]) {
    match text.split_first() {
        Some((b'[' | b'(' | b'<' | b'{' | b'"', rest)) => (1, rest),
        _ => (0, text),
    }
}

/// What may stand between a prefix and the time.
const fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b':' | b'|' | b'-' | b']' | b'>' | b'"' | b'=')
}

/// Seconds since the start, as the kernel writes them: `[   12.345678]`.
fn uptime(open: &[u8], skipped: usize) -> Option<Stamp> {
    if skipped == 0 || !matches!(open.first()?, b' ' | b'0'..=b'9') {
        return None;
    }
    let spaces = open.iter().take_while(|byte| **byte == b' ').count();
    let digits = open.iter().skip(spaces).take_while(|byte| byte.is_ascii_digit()).count();
    let point = spaces + digits;
    if digits == 0 || spaces > 8 || open.get(point) != Some(&b'.') {
        return None;
    }
    super::number(open, point + 1, 6)?;
    let len = point + 7;
    (open.get(len) == Some(&b']')).then_some(Stamp {
        civil: None,
        kind: Kind::Clock,
        order: None,
        len,
    })
}

/// Behind what may stand in front of a time.
fn behind_prefix(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'[' => bracketed(text),
        b'<' => priority(text),
        b'-' => blue_gene(text, 1),
        b'0'..=b'9' => process(text),
        b'a'..=b'z' | b'A'..=b'Z' => word(text),
        _ => None,
    }
    .or_else(|| token(text))
    .or_else(|| access(text))
}

/// `[2932] `, `[WARN ] `.
fn bracketed(text: &[u8]) -> Option<usize> {
    let close = memchr(b']', text.get(..24).unwrap_or(text))?;
    let inside = text.get(1..close)?.trim_ascii();
    let number = !inside.is_empty() && inside.iter().all(u8::is_ascii_digit);
    (number || is_level(inside)).then_some(close + 1)
}

/// `<34>`, `<34>1 `.
fn priority(text: &[u8]) -> Option<usize> {
    let close = memchr(b'>', text.get(..5)?)?;
    let digits = text.get(1..close)?;
    let number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let version = if text.get(close + 1..close + 3) == Some(b"1 ") { 2 } else { 0 };
    number.then_some(close + 1 + version)
}

/// An alert, the seconds since 1970 and the date: `- 1117838570 2005.06.03`.
fn blue_gene(text: &[u8], alert: usize) -> Option<usize> {
    let at = alert + 1;
    super::number(text, at, 9)?;
    let date = text.get(at + 10..at + 21)?;
    let shaped = matches!(date, [b' ', _, _, _, _, b'.', _, _, b'.', _, _]);
    (text.get(alert) == Some(&b' ') && shaped).then_some(at)
}

/// redis: `98738:M `, `5092:signal-handler (`.
fn process(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    match text.get(digits..)? {
        [b':', b'M' | b'S' | b'C' | b'X', b' ', ..] => Some(digits + 3),
        rest if rest.starts_with(b":signal-handler (") => Some(digits + 16),
        _ => None,
    }
}

/// A level, a key, the letter of Ruby's logger, the alert of a Blue Gene, an audit record.
fn word(text: &[u8]) -> Option<usize> {
    let len = text.iter().take(16).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = text.get(..len)?;
    match text.get(len)? {
        b'=' => match word {
            b"time" | b"ts" | b"t" | b"timestamp" | b"date" | b"datetime" => Some(len + 1),
            b"type" | b"node" => {
                let begin = b"msg=audit(";
                memmem::find(text, begin).map(|at| at + begin.len())
            }
            _ => None,
        },
        b',' if len == 1 && text.get(1..4) == Some(b", [") => Some(3),
        b' ' | b':' | b'\t' | b'|' if is_level(word) => Some(len),
        b' ' if text.get(len + 1)?.is_ascii_digit() => blue_gene(text, len),
        _ => None,
    }
}

/// A name with a bar, as Docker Compose writes it, or a log file.
fn token(text: &[u8]) -> Option<usize> {
    let len = text
        .iter()
        .take(96)
        .take_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/')
        })
        .count();
    let name = text.get(..len)?;
    match text.get(len)? {
        b' ' => {
            let spaces = text.iter().skip(len).take(24).take_while(|byte| **byte == b' ').count();
            match text.get(len + spaces)? {
                b'|' if is_numbered(name) => Some(len + spaces + 1),
                b'0'..=b'9' | b'[' if spaces == 1 && is_log_file(name) => Some(len + 1),
                _ => None,
            }
        }
        b':' if is_log_file(name) => Some(len + 1),
        _ => None,
    }
}

/// `web_1`, `web-1`: a row of a table would rather have no number.
fn is_numbered(name: &[u8]) -> bool {
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let front = name.get(..name.len() - digits).unwrap_or_default();
    digits > 0 && front.len() > 1 && front.ends_with(b"_") | front.ends_with(b"-")
}

fn is_log_file(name: &[u8]) -> bool {
    memmem::find(name, b".log").is_some()
}

/// The host and users of an access log: `10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700]`.
fn access(text: &[u8]) -> Option<usize> {
    let open = memchr(b'[', text)?;
    let shaped =
        matches!(text.get(open + 1..open + 14)?, [_, _, b'/', _, _, _, b'/', _, _, _, _, b':', _]);
    if !shaped {
        return None;
    }
    let front = text.get(..open)?;
    let words = front.iter().filter(|byte| **byte == b' ').count();
    (front.ends_with(b" ") && (3..=6).contains(&words) && !front.contains(&b'"')).then_some(open)
}

fn is_level(word: &[u8]) -> bool {
    word.len() >= 3
        && std::str::from_utf8(word).is_ok_and(|word| LogSeverity::from_level(word).is_some())
}

#[cfg(test)]
mod tests {
    use chrono::{FixedOffset, SecondsFormat};
    use proptest::prelude::*;

    use super::{Leading, leading};
    use crate::LayerName;
    use crate::format::Origin;
    use crate::format::time::Kind;

    /// Observed on 2020-06-15, in a zone of its own so that assumed ones show.
    fn origin() -> Origin {
        let mut origin =
            Origin::new(LayerName::parse("x").unwrap(), "x", 1_592_179_200_000_000_000);
        origin.assumed.offset = FixedOffset::east_opt(3_600).unwrap();
        origin
    }

    /// The time in UTC, what was assumed of it, and what stands behind it.
    fn read(line: &str) -> Option<(String, String, String)> {
        let time = leading(line.as_bytes())?;
        let (instant, note) = match time.resolve(&origin()) {
            None => ("no day".to_owned(), None),
            Some(Err(error)) => (error.to_string(), None),
            Some(Ok((nanos, assumed))) => {
                let instant = chrono::DateTime::from_timestamp_nanos(nanos);
                (instant.to_rfc3339_opts(SecondsFormat::AutoSi, true), assumed.note())
            }
        };
        let rest = line.get(time.end..).unwrap().to_owned();
        Some((instant, note.unwrap_or_default(), rest))
    }

    const ZONE: &str = "zone +01:00";

    /// Line, time in UTC, what was assumed, rest of the line.
    const LINES: &[(&str, &str, &str, &str)] = &[
        // ISO 8601 and RFC 3339.
        ("2017-10-23T14:20:12.046Z x", "2017-10-23T14:20:12.046Z", "", " x"),
        ("2017-10-23T14:20:12+02:00 x", "2017-10-23T12:20:12Z", "", " x"),
        ("2017-10-23 14:20:12,046 INFO", "2017-10-23T13:20:12.046Z", ZONE, " INFO"),
        ("[2017-10-23T14:20:12,046][INFO ]", "2017-10-23T13:20:12.046Z", ZONE, "][INFO ]"),
        ("[2015-08-10 18:36:20 +0000] [12]", "2015-08-10T18:36:20Z", "", "] [12]"),
        ("2016/10/25 14:49:34 [error]", "2016-10-25T13:49:34Z", ZONE, " [error]"),
        ("2016-09-28 04:30:30, Info   CBS", "2016-09-28T03:30:30Z", ZONE, ", Info   CBS"),
        (
            "2016-10-06T00:17:09.669794202Z stdout F",
            "2016-10-06T00:17:09.669794202Z",
            "",
            " stdout F",
        ),
        ("2021.03.04 12:34:56.789012 [ 1 ]", "2021-03-04T11:34:56.789012Z", ZONE, " [ 1 ]"),
        ("2018-1-5 9:05:03 x", "2018-01-05T08:05:03Z", ZONE, " x"),
        ("[2019-01-01 12:34] [PACMAN]", "2019-01-01T11:34:00Z", ZONE, "] [PACMAN]"),
        ("2017-10-23 2:20:12 PM x", "2017-10-23T13:20:12Z", ZONE, " x"),
        ("2017-10-23 02:20:12 PM x", "2017-10-23T13:20:12Z", ZONE, " x"),
        ("2017-10-23 14:20:12:046 x", "2017-10-23T13:20:12.046Z", ZONE, " x"),
        // PostgreSQL's zones.
        (
            "2017-07-31 13:36:42.585 CEST [4974] LOG:",
            "2017-07-31T11:36:42.585Z",
            "",
            " [4974] LOG:",
        ),
        ("2017-07-31 13:36:42 UTC [49] LOG:", "2017-07-31T13:36:42Z", "", " [49] LOG:"),
        ("2017-07-31 13:36:42 -03 [49] LOG:", "2017-07-31T16:36:42Z", "", " [49] LOG:"),
        ("2017-07-31 13:36:42 XYZT [49] LOG:", "2017-07-31T12:36:42Z", ZONE, " XYZT [49] LOG:"),
        // syslog and ctime.
        (
            "Dec 13 11:35:28 web sshd[1]:",
            "2019-12-13T10:35:28Z",
            "year 2019, zone +01:00",
            " web sshd[1]:",
        ),
        ("Jun  4 11:35:28.123 web", "2020-06-04T10:35:28.123Z", "year 2020, zone +01:00", " web"),
        ("Oct  7 2018 11:35:28: %ASA-6", "2018-10-07T10:35:28Z", ZONE, ": %ASA-6"),
        (
            "<34>Oct 11 22:14:15 host su:",
            "2019-10-11T21:14:15Z",
            "year 2019, zone +01:00",
            " host su:",
        ),
        ("<165>1 2003-10-11T22:14:15.003Z host", "2003-10-11T22:14:15.003Z", "", " host"),
        ("Oct 25, 2016 2:49:34 PM org.x.Y log", "2016-10-25T13:49:34Z", ZONE, " org.x.Y log"),
        (
            "[Mon Dec 26 16:15:55.103522 2016] [core:notice]",
            "2016-12-26T15:15:55.103522Z",
            ZONE,
            "] [core:notice]",
        ),
        ("Sun Dec  4 04:47:44 2005 x", "2005-12-04T03:47:44Z", ZONE, " x"),
        ("Sun Dec  4 04:47:44 UTC 2005 x", "2005-12-04T04:47:44Z", "", " x"),
        ("Sun Dec  4 04:47:44 XYZT 2005 x", "2005-12-04T03:47:44Z", ZONE, " x"),
        ("Tue, 15 Nov 1994 08:12:31 GMT", "1994-11-15T08:12:31Z", "", ""),
        // Access logs.
        ("[10/Oct/2000:13:55:36 -0700] x", "2000-10-10T20:55:36Z", "", "] x"),
        (
            "10.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET",
            "2000-10-10T20:55:36Z",
            "",
            "] \"GET",
        ),
        (
            "example.org:80 10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET",
            "2000-10-10T20:55:36Z",
            "",
            "] \"GET",
        ),
        ("04-Mar-2020 10:11:12.123 INFO [main]", "2020-03-04T09:11:12.123Z", ZONE, " INFO [main]"),
        ("[03-Mar-2020 10:11:12 UTC] PHP", "2020-03-03T10:11:12Z", "", "] PHP"),
        // Databases.
        ("161209 13:08:33 mysqld_safe", "2016-12-09T12:08:33Z", ZONE, " mysqld_safe"),
        ("191015  9:46:45\t    13 Query", "2019-10-15T08:46:45Z", ZONE, "\t    13 Query"),
        (
            "98738:M 30 May 12:23:52.442 * Saving",
            "2020-05-30T11:23:52.442Z",
            "year 2020, zone +01:00",
            " * Saving",
        ),
        ("26571:M 27 Dec 2018 11:19:18.874 * x", "2018-12-27T10:19:18.874Z", ZONE, " * x"),
        (
            "[2932] 31 May 04:32:08 * Server",
            "2020-05-31T03:32:08Z",
            "year 2020, zone +01:00",
            " * Server",
        ),
        ("30 May 10:03:19 - Server", "2020-05-30T09:03:19Z", "year 2020, zone +01:00", " - Server"),
        ("5092:signal-handler (1496141844) Received", "2017-05-30T10:57:24Z", "", ") Received"),
        ("2005-06-03-15.42.50.675872-240 I1", "2005-06-03T19:42:50.675872Z", "", " I1"),
        // Hadoop's house, phones, machines.
        ("081109 203615 148 INFO dfs.X:", "2008-11-09T19:36:15Z", ZONE, " 148 INFO dfs.X:"),
        (
            "17/06/09 20:10:40 INFO x",
            "2017-06-09T19:10:40Z",
            "zone +01:00, order year/month/day",
            " INFO x",
        ),
        ("32/06/09 20:10:40 INFO x", "2032-06-09T19:10:40Z", ZONE, " INFO x"),
        ("10/23/17 14:20:12:046 EDT] 1", "2017-10-23T18:20:12.046Z", "", "] 1"),
        ("20171223-22:15:29:606|Step", "2017-12-23T21:15:29.606Z", ZONE, "|Step"),
        ("20171224-0:5:9:26|Step", "2017-12-23T23:05:09.026Z", ZONE, "|Step"),
        ("20171223T221529.5Z x", "2017-12-23T22:15:29.500Z", "", " x"),
        (
            "03-17 16:13:38.811  1702  2395 D W:",
            "2020-03-17T15:13:38.811Z",
            "year 2020, zone +01:00",
            "  1702  2395 D W:",
        ),
        (
            "[10.30 16:49:06] chrome.exe",
            "2019-10-30T15:49:06Z",
            "year 2019, zone +01:00",
            "] chrome.exe",
        ),
        ("2005-06-03-15.42.50.675872 R02", "2005-06-03T14:42:50.675872Z", ZONE, " R02"),
        ("- 1117838570 2005.06.03 R02-M1", "2005-06-03T22:42:50Z", "", " 2005.06.03 R02-M1"),
        ("APPREAD 1117869872 2005.06.04 R23", "2005-06-04T07:24:32Z", "", " 2005.06.04 R23"),
        (
            "I0730 12:34:56.123456 1 f.go:12] x",
            "2019-07-30T11:34:56.123456Z",
            "year 2019, zone +01:00",
            " 1 f.go:12] x",
        ),
        // Orders of day and month.
        ("10/23/2017 14:20:12 x", "2017-10-23T13:20:12Z", ZONE, " x"),
        (
            "10/11/2017 2:20:12 AM x",
            "2017-10-11T01:20:12Z",
            "zone +01:00, order month/day/year",
            " x",
        ),
        (
            "10/11/2017, 12:20:12 AM x",
            "2017-10-10T23:20:12Z",
            "zone +01:00, order month/day/year",
            " x",
        ),
        ("23/10/2017 14:20:12 x", "2017-10-23T13:20:12Z", ZONE, " x"),
        (
            "11-10-2017 14:20:12 x",
            "2017-10-11T13:20:12Z",
            "zone +01:00, order day-month-year",
            " x",
        ),
        ("23.10.2017 14:20:12 x", "2017-10-23T13:20:12Z", ZONE, " x"),
        // Numbers since 1970.
        ("1546896321 x", "2019-01-07T21:25:21Z", "", " x"),
        (
            "1546896321.871    123 10.0.0.1 TCP_MISS",
            "2019-01-07T21:25:21.871Z",
            "",
            "    123 10.0.0.1 TCP_MISS",
        ),
        ("[1546896321871] x", "2019-01-07T21:25:21.871Z", "", "] x"),
        ("1546896321871002 x", "2019-01-07T21:25:21.871002Z", "", " x"),
        ("1546896321871002003 x", "2019-01-07T21:25:21.871002003Z", "", " x"),
        (
            "type=SYSCALL msg=audit(1364481363.243:24287): a",
            "2013-03-28T14:36:03.243Z",
            "",
            ":24287): a",
        ),
        // Prefixes.
        ("INFO 2017-10-23 14:20:12,046 x", "2017-10-23T13:20:12.046Z", ZONE, " x"),
        ("[WARN ] 2017-10-23 14:20:12Z x", "2017-10-23T14:20:12Z", "", " x"),
        ("ERROR: 2017-10-23 14:20:12Z x", "2017-10-23T14:20:12Z", "", " x"),
        (
            "I, [2021-01-01T12:00:00.123456 #12]  INFO -- : x",
            "2021-01-01T11:00:00.123456Z",
            ZONE,
            " #12]  INFO -- : x",
        ),
        ("time=\"2021-01-01T12:00:00Z\" level=info", "2021-01-01T12:00:00Z", "", "\" level=info"),
        ("web_1  | 2021-01-01T12:00:00Z x", "2021-01-01T12:00:00Z", "", " x"),
        (
            "nova-api.log.1 2017-05-16 00:00:00.008 25746 INFO",
            "2017-05-15T23:00:00.008Z",
            ZONE,
            " 25746 INFO",
        ),
        ("/var/log/app.log:2017-05-16 00:00:00Z x", "2017-05-16T00:00:00Z", "", " x"),
        ("\u{feff}2021-01-01T12:00:00Z x", "2021-01-01T12:00:00Z", "", " x"),
        ("\u{1b}[2m2021-01-01T12:00:00Z\u{1b}[0m x", "2021-01-01T12:00:00Z", "", "\u{1b}[0m x"),
        ("  2021-01-01T12:00:00Z x", "2021-01-01T12:00:00Z", "", " x"),
        // A record begins, but on which day?
        ("14:20:12.046 [main] INFO", "no day", "", " [main] INFO"),
        ("[06:47:38 INF] x", "no day", "", " INF] x"),
        ("[   12.345678] usb", "no day", "", "] usb"),
        // Days that are none.
        ("2017-02-30 12:00:00Z x", "is no time of the years 1678 to 2261", "", " x"),
        ("0001-01-01T00:00:00Z x", "is no time of the years 1678 to 2261", "", " x"),
    ];

    #[test]
    fn times_of_logs() {
        for (line, instant, assumed, rest) in LINES {
            let expected = Some(((*instant).to_owned(), (*assumed).to_owned(), (*rest).to_owned()));
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for line in [
            "",
            " ",
            "x",
            "\tat org.acme.Main.main(Main.java:17)",
            "Caused by: java.lang.Error: 2017-10-23 14:20:12",
            "2017-10-23",
            "2017-10-23 14:20:12abc",
            "2017-10-23 14:20:61",
            "2017-10-23 25:20:12",
            "1546896321",
            "1546896321abc x",
            "0546896321 x",
            "9946896321 x",
            "12345678901 x",
            "161309 13:08:33 x",
            "081109 203615",
            "081109 203699 x",
            "13/32/2017 14:20:12 x",
            "13/13/13 13:13:13 x",
            "10/Oct/2000 x",
            "10/Foo/2000:13:55:36 x",
            "10/23/2017 14:20:12 XM".get(..10).unwrap(),
            "03-17 x",
            "3.14 is pi",
            "10.0.0.1 is a host",
            "10.0.0.1 - frank \"[10/Oct/2000:13:55:36 -0700]\"",
            "May the force",
            "Mon ami",
            "Mon, ",
            "Sun Dec 99 04:47:44 2005 x",
            "I am",
            "I9930 12:34:56.1 x",
            "12:34 x",
            "12:34:56",
            "12:34:56abc",
            "INFO x",
            "INFO",
            "[main] x",
            "[] x",
            "<b>2017",
            "foo | 2017-01-01 12:00:00 | bar",
            "total 2017-01-01 12:00:00",
            "started 2017-01-01 12:00:00",
            "- item",
            "type=SYSCALL x",
            "{\"time\":\"2017-01-01T12:00:00Z\"}",
            "\u{1b}[",
            "\u{fffd}",
        ] {
            assert_eq!(leading(line.as_bytes()), None, "{line}");
        }
    }

    fn is_inside(time: &Leading, line: &[u8]) -> bool {
        time.start < time.end && time.end <= line.len() && time.indent <= time.start
    }

    /// Cut anywhere, a line has the same time as before or an earlier end, and never a panic.
    #[test]
    fn every_prefix_of_every_form() {
        for (line, ..) in LINES {
            let whole = leading(line.as_bytes()).unwrap();
            for cut in 0..line.len() {
                let part = line.as_bytes().get(..cut).unwrap();
                let Some(time) = leading(part) else {
                    // Only what stands behind the time says that an epoch is one.
                    assert!(cut <= whole.end + 16, "{line} cut at {cut}");
                    continue;
                };
                assert!(is_inside(&time, part), "{line} cut at {cut}: {time:?}");
            }
        }
    }

    #[test]
    fn kinds_tell_marks_and_weak_numbers() {
        for (line, kind) in [
            ("161209 13:08:33 x", Kind::Dated),
            ("30 May 10:03:19 - x", Kind::DayFirst),
            ("081109 203615 148 x", Kind::Digits),
            ("03-17 16:13:38.811 x", Kind::Android),
            ("I0730 12:34:56.1 x", Kind::Klog),
            ("1546896321 x", Kind::Epoch),
            ("14:20:12 x", Kind::Clock),
        ] {
            assert_eq!(leading(line.as_bytes()).unwrap().kind, kind, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(time) = leading(&line) {
                prop_assert!(is_inside(&time, &line));
            }
        }

        /// Bytes that times are made of, so that forms are reached.
        #[test]
        fn no_time_like_bytes_panic(line in "[-0-9 /.,:TZAPMUCGINFOadeontuvch\\[\\]<>()=|\u{1b}m\u{feff}é+]{0,60}") {
            if let Some(time) = leading(line.as_bytes()) {
                prop_assert!(is_inside(&time, line.as_bytes()));
                let _ = time.resolve(&origin());
            }
        }

        /// A damaged form is another time or none, and never a panic.
        #[test]
        fn no_damaged_form_panics(which in 0..LINES.len(), at in 0_usize..60, byte in any::<u8>()) {
            let mut line = LINES[which].0.as_bytes().to_vec();
            if let Some(slot) = line.get_mut(at) {
                *slot = byte;
            }
            if let Some(time) = leading(&line) {
                prop_assert!(is_inside(&time, &line));
                let _ = time.resolve(&origin());
            }
        }
    }
}
