//! Syslog: RFC 5424, and RFC 3164 as the world writes it.

use super::cursor::Cursor;
use super::object::{ObjectWriter, filled};
use super::time::Civil;
use super::when::When;
use super::{Format, Framing, Rows};
use crate::log::{LogLine, LogSeverity};

mod cisco;
mod data;
mod level;
mod rfc3164;
mod rfc5424;
mod tag;

/// Syslog: every record is told to be of RFC 5424 (`<34>1 2003-10-11T22:14:15.003Z host app …`)
/// or of RFC 3164 (`Oct 11 22:14:15 host app[17]: …`), with or without `<PRI>`.
///
/// - Of RFC 3164 it takes what the world writes: times as in ISO 8601 or with a year, fractions,
///   no host, no tag, tags with paths and spaces (`Google Chrome[85294]:`), what launchd puts
///   behind a tag, Cisco's `%SYS-5-CONFIG_I:`, the count in front of messages from a stream.
/// - The host is the emitter and `host.name` of the resource, the application or tag is the
///   service. The message is the body. A Cisco mnemonic is the event.
/// - Severity is that of the priority, as is its keyword (`err`). A line without priority has one
///   only if its message begins with a word that is plainly a level (`ERROR: …`, `[warn] …`).
/// - Lines that begin with white space belong to the line before.
///
/// Source: RFC 5424; RFC 3164; OpenTelemetry, *Logs Data Model Appendix*, RFC 5424 syslog; Cisco
/// IOS, *System Message Logging*.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Syslog;

impl Syslog {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Format for Syslog {
    fn name(&self) -> &'static str {
        "syslog"
    }

    fn framing(&self) -> Framing {
        Framing::Continued(|_, _, line| matches!(line.first(), Some(b' ' | b'\t')))
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        let mut cursor = Cursor::new(&text);
        let priority = Priority::read(&mut cursor);
        let message = match priority {
            Some(_) => rfc5424::read(cursor).or_else(|| Some(rfc3164::after_priority(cursor))),
            None => rfc3164::without_priority(cursor),
        };
        match message {
            Some(message) => push(priority, &message, rows),
            None => rows.malformed("not syslog: it has neither a priority nor a time in front"),
        }
    }
}

/// A message taken apart; what is missing or `-` is `None`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message<'a> {
    time: Option<Civil>,
    host: Option<&'a str>,
    app: Option<&'a str>,
    process: Option<&'a str>,
    /// What launchd does its work for.
    job: Option<&'a str>,
    id: Option<&'a str>,
    /// The structured data, with its brackets.
    data: Option<&'a str>,
    /// Cisco's.
    mnemonic: Option<cisco::Mnemonic<'a>>,
    body: &'a str,
    error: Option<&'static str>,
}

fn push(priority: Option<Priority>, message: &Message<'_>, rows: &mut Rows<'_>) {
    let base = rows.line();
    let when = message.time.map_or_else(When::default, |time| When::of(&time, rows.origin()));
    let mut attributes = String::with_capacity(128);
    let mut object = ObjectWriter::new(&mut attributes);
    when.write(&mut object);
    object.option("syslog.facility", priority.map(Priority::facility));
    if let Some(process) = message.process {
        let is_number = process.len() <= 10 && process.bytes().all(|byte| byte.is_ascii_digit());
        let key = if is_number { "process.pid" } else { "syslog.procid" };
        object.word(key, process);
    }
    object.option("launchd.job", message.job);
    object.option("syslog.msgid", message.id);
    if let Some(data) = message.data {
        object.object("structured_data", |object| data::write(data, object));
    }
    object.end();
    let mut resource = String::new();
    if let Some(host) = message.host {
        resource.reserve(host.len() + 16);
        let mut object = ObjectWriter::new(&mut resource);
        object.text("host.name", host);
        object.end();
    }
    let (severity, severity_text) = match (priority, &message.mnemonic) {
        (Some(priority), _) => (priority.severity(), Some(priority.keyword())),
        (None, Some(mnemonic)) => {
            (LogSeverity::from_syslog(mnemonic.severity), keyword(mnemonic.severity))
        }
        (None, None) => level::leading(message.body).unzip(),
    };
    rows.push(&LogLine {
        time_unix_nano: when.nanos(),
        severity,
        severity_text,
        service: message.app,
        emitter: message.host.or(base.emitter),
        event: message.mnemonic.as_ref().map(|mnemonic| mnemonic.name),
        body: Some(message.body),
        attributes: filled(&attributes),
        resource: filled(&resource),
        parse_error: message.error.or(when.error()),
        ..base
    });
}

/// A priority: facility and severity, 0 to 191.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Priority(u8);

impl Priority {
    /// `<34>`, behind the octet count of RFC 6587 if there is one; nothing is taken if it is none.
    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let mut ahead = *cursor;
        if !ahead.digits().is_empty() && !ahead.eat(" ") {
            return None;
        }
        if !ahead.eat("<") {
            return None;
        }
        let digits = ahead.digits();
        if digits.len() > 3 || !ahead.eat(">") {
            return None;
        }
        let priority = digits.parse().ok().filter(|priority| *priority <= 191)?;
        *cursor = ahead;
        Some(Self(priority))
    }

    fn facility(self) -> &'static str {
        const FACILITIES: [&str; 24] = [
            "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
            "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
            "local3", "local4", "local5", "local6", "local7",
        ];
        FACILITIES.get(usize::from(self.0 >> 3)).copied().unwrap_or_default()
    }

    fn severity(self) -> Option<LogSeverity> {
        LogSeverity::from_syslog(self.0 & 7)
    }

    fn keyword(self) -> &'static str {
        keyword(self.0 & 7).unwrap_or_default()
    }
}

/// The keyword of a severity.
fn keyword(severity: u8) -> Option<&'static str> {
    const KEYWORDS: [&str; 8] =
        ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    KEYWORDS.get(usize::from(severity)).copied()
}

/// A word that is given: not `-`.
fn given(word: &str) -> Option<&str> {
    (!matches!(word, "" | "-")).then_some(word)
}

#[cfg(test)]
mod tests;
