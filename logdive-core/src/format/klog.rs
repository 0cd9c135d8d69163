//! klog and glog: `I0730 12:34:56.123456   12345 file.go:123] message`.

use super::cursor::Cursor;
use super::object::ObjectWriter;
use super::pairs::{Pair, Pairs, quoted, write_pairs};
use super::time::{Civil, clock, number};
use super::when::When;
use super::{Format, Framing, Rows, TIME_ASSUMED};
use crate::log::{LogLine, LogSeverity};

/// Logs of Kubernetes' klog and of glog, with or without a year (`I20230730 …`).
///
/// - A line without such a head belongs to the one before: stack traces, goroutine dumps.
/// - Of a structured message (`"Pod updated" pod="ns/a" status="ready"`) the text is the body and
///   the pairs are attributes.
/// - The lines that a new log file begins with (`Log file created at: …`) are rows of their own,
///   without a time.
///
/// Source: `google/glog`, *Log line prefix*; `kubernetes/klog`; Kubernetes, *Structured logging*.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Klog;

impl Klog {
    /// The format.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Format for Klog {
    fn name(&self) -> &'static str {
        "klog"
    }

    fn framing(&self) -> Framing {
        Framing::Continued(|head, _, line| {
            Stamp::read(head).is_some() && Stamp::read(line).is_none()
        })
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        if PREAMBLE.iter().any(|begin| text.starts_with(begin)) {
            let line = LogLine { body: Some(&text), ..rows.line() };
            return rows.push(&line);
        }
        match Head::read(&text) {
            Some((head, message)) => push(&head, message, rows),
            None => rows.malformed("not klog: it has no `I0730 12:34:56.123456 17 file.go:1]`"),
        }
    }
}

/// What the first lines of a log file begin with.
const PREAMBLE: [&str; 6] = [
    "Log file created at: ",
    "Running on machine: ",
    "Binary: Built with ",
    "Previous log: ",
    "Running duration (h:mm:ss): ",
    "Log line format: ",
];

/// The keys that the head of a line is written under.
const HEAD_KEYS: [&str; 4] = [TIME_ASSUMED, "thread.id", "code.file.path", "code.line.number"];

fn push(head: &Head<'_>, message: &str, rows: &mut Rows<'_>) {
    let when = When::of(&head.stamp.time, rows.origin());
    let mut attributes = String::with_capacity(message.len() + 96);
    let mut object = ObjectWriter::new(&mut attributes);
    when.write(&mut object);
    object.word("thread.id", head.thread);
    object.text("code.file.path", head.file);
    object.word("code.line.number", head.line);
    let mut cursor = Cursor::new(message);
    let structured = cursor.eat("\"").then(|| quoted(&mut cursor)).filter(|(_, closed)| *closed);
    if structured.is_some() {
        let pairs: Vec<Pair<'_>> = Pairs::with_brackets(cursor.rest()).collect();
        write_pairs(&pairs, &HEAD_KEYS, &mut object);
    }
    object.end();
    let body = structured.as_ref().map_or(message, |(text, _)| text);
    rows.push(&LogLine {
        time_unix_nano: when.nanos(),
        severity: Some(head.stamp.severity),
        severity_text: Some(head.level),
        body: Some(body),
        attributes: Some(&attributes),
        parse_error: when.error(),
        ..rows.line()
    });
}

/// What a line begins with: `I0730 12:34:56.123456` or `I20230730 12:34:56.123456`.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    severity: LogSeverity,
    time: Civil,
    len: usize,
}

impl Stamp {
    fn read(line: &[u8]) -> Option<Self> {
        let severity = match line.first()? {
            b'I' => LogSeverity::INFO,
            b'W' => LogSeverity::WARN,
            b'E' => LogSeverity::ERROR,
            b'F' => LogSeverity::FATAL,
            _ => return None,
        };
        let (year, at) = if line.get(5) == Some(&b' ') {
            (None, 1)
        } else if line.get(9) == Some(&b' ') {
            (Some(i32::try_from(number(line, 1, 4)?).ok()?), 5)
        } else {
            return None;
        };
        let (month, day) = (number(line, at, 2)?, number(line, at + 2, 2)?);
        let (civil, len) = clock(line, at + 5)?;
        Some(Self { severity, time: Civil { year, month, day, ..civil }, len })
    }
}

/// The head of a line.
struct Head<'a> {
    stamp: Stamp,
    level: &'a str,
    thread: &'a str,
    file: &'a str,
    line: &'a str,
}

impl<'a> Head<'a> {
    /// The head and the message behind it.
    fn read(text: &'a str) -> Option<(Self, &'a str)> {
        let stamp = Stamp::read(text.as_bytes())?;
        let mut cursor = Cursor::new(text);
        let level = cursor.take(1);
        cursor.take(stamp.len - 1);
        cursor.spaces();
        let thread = cursor.digits();
        if thread.is_empty() || !cursor.eat(" ") {
            return None;
        }
        // A file's name has no line end; what is behind one is a continuation.
        let (file, line) = cursor.until(b']')?.rsplit_once(':')?;
        let is_line = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
        if !is_line || file.contains('\n') {
            return None;
        }
        cursor.eat(" ");
        Some((Self { stamp, level, thread, file, line }, cursor.rest()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Klog;
    use crate::format::laws::{prefixes_are_kept, read_all, read_one};
    use crate::log::{LogRecord, LogSeverity};

    fn attributes(record: &LogRecord) -> Value {
        serde_json::from_str(record.attributes.as_deref().unwrap()).unwrap()
    }

    const STRUCTURED: &str = r#"E20230709 12:34:56.123456   12345 pod_workers.go:191] "Error \"syncing\"" err="x y" pod="ns/a" n=3 conditions=[{Type:Ready Status:True}] thread.id=9"#;

    #[test]
    fn plain_messages() {
        let record =
            read_one(Klog::new(), "W0709 12:34:56.123456   12345 server/file.go:123] a: b");
        assert_eq!(record.time_unix_nano, Some(1_688_906_096_123_456_000));
        assert_eq!(record.severity, Some(LogSeverity::WARN));
        assert_eq!(record.severity_text.as_deref(), Some("W"));
        assert_eq!(record.body.as_deref(), Some("a: b"));
        assert_eq!(
            attributes(&record),
            json!({
                "time_assumed": "year 2023, zone +00:00", "thread.id": 12345,
                "code.file.path": "server/file.go", "code.line.number": 123,
            })
        );
        assert_eq!(read_one(Klog::new(), "I0709 12:34:56 1 a.cc:1]").body.as_deref(), Some(""));
    }

    #[test]
    fn structured_messages() {
        let record = read_one(Klog::new(), STRUCTURED);
        assert_eq!(record.body.as_deref(), Some("Error \"syncing\""));
        assert_eq!(record.severity, Some(LogSeverity::ERROR));
        assert_eq!(record.raw.as_deref(), Some(STRUCTURED.as_bytes()));
        assert_eq!(
            attributes(&record),
            json!({
                "time_assumed": "zone +00:00", "thread.id": 12345,
                "code.file.path": "pod_workers.go", "code.line.number": 191,
                "err": "x y", "pod": "ns/a", "n": 3, "conditions": "[{Type:Ready Status:True}]",
            })
        );
    }

    #[test]
    fn traces_belong_to_their_head() {
        let text = "Log file created at: 2023/07/09 12:00:00\nF0709 12:34:56.1 1 a.go:1] died\n\
                    goroutine 1 [running]:\n\nmain.main()\n\ta.go:5 +0x1\nI0709 12:34:57.1 1 a.go:2] on\n";
        let bodies: Vec<_> =
            read_all(Klog::new(), text).into_iter().map(|record| record.body.unwrap()).collect();
        assert_eq!(
            bodies,
            [
                "Log file created at: 2023/07/09 12:00:00",
                "died\ngoroutine 1 [running]:\n\nmain.main()\n\ta.go:5 +0x1",
                "on",
            ]
        );
    }

    #[test]
    fn other_lines_are_malformed_each_for_itself() {
        let records =
            read_all(Klog::new(), "goroutine\nI0709 12:34:56 x\nI0709 12:34:56 1 a.go]\n");
        assert_eq!(records.len(), 3);
        assert!(records.iter().all(|record| record.parse_error.is_some()));
        let record = read_one(Klog::new(), "I0230 12:34:56.1 1 a.go:1] x");
        assert_eq!((record.time_unix_nano, record.body.as_deref()), (None, Some("x")));
        assert!(record.parse_error.unwrap().contains("no time"));
    }

    #[test]
    fn prefixes_are_neither_lost_nor_wrong() {
        prefixes_are_kept(Klog::new(), STRUCTURED);
        prefixes_are_kept(Klog::new(), "I0709 12:34:56.123456 12345 file.go:123] é");
    }
}
