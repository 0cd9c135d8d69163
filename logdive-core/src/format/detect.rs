//! Which format fits a sample.

use std::fmt;
use std::sync::Arc;

use serde::de::IgnoredAny;

#[cfg(feature = "syslog")]
use super::time::leading;
use super::{Format, NAMES, Origin, Parser, by_name};
use crate::LayerName;
use crate::log::{LogBatchBuilder, LogRecord};

/// The part of a sample that is looked at, in bytes.
const LOOKED_AT: usize = 64 * 1024;

/// The format that fits a sample best, and why. Its `Display` is the reason in a few words.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Detected {
    /// The format.
    pub format: Arc<dyn Format>,
    /// Records of the sample in that format. None if the sample has not even one whole record.
    pub records: u64,
    /// Those among them that were parsed.
    pub parsed: u64,
    /// Those among them whose time is known.
    pub timed: u64,
}

impl fmt::Display for Detected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, records, parsed, timed } = self;
        let name = format.name();
        if *records == 0 {
            return write!(f, "{name}: the sample has no whole record");
        }
        write!(f, "{name}: {parsed} of {records} records parsed, {timed} with a time")
    }
}

impl dyn Format {
    /// The format of [`NAMES`] that fits a sample best; of those that fit alike, the first. At
    /// most the first 64 KiB count. A record at the end that may be cut does not count.
    ///
    /// A format is asked to parse most records and to understand them: to find their time, or
    /// their fields. Plain text fits everything, so that there is an answer unless the feature
    /// `plain` is off; it is chosen if it finds clearly more times than the others.
    #[must_use]
    pub fn detect(sample: &[u8]) -> Option<Detected> {
        let looked_at = sample.get(..LOOKED_AT).unwrap_or(sample);
        let mut best: Option<Candidate> = None;
        for candidate in NAMES.iter().filter_map(|name| Candidate::new(name, looked_at)) {
            if candidate.fits() && best.as_ref().is_none_or(|best| candidate.is_better(best)) {
                best = Some(candidate);
            }
        }
        let plain = best.as_ref().is_none_or(|best| best.is_plain());
        if plain && let Some(long) = begins_long_json(sample) {
            return Some(long);
        }
        best.map(|best| best.detected)
    }
}

#[derive(Debug)]
struct Candidate {
    detected: Detected,
    /// Two for each record whose time is known, one for one that has fields alone.
    points: u64,
}

impl Candidate {
    fn new(name: &str, sample: &[u8]) -> Option<Self> {
        let format = by_name(name).ok()?;
        let origin = Origin::new(LayerName::parse("sample").ok()?, "sample", 0);
        let mut parser = Parser::new(Arc::clone(&format), origin);
        let mut out = LogBatchBuilder::new();
        parser.feed(sample, &mut out);
        if parser.parsed().records == 0 {
            parser.finish(&mut out);
        }
        let detected = Detected { format, records: 0, parsed: 0, timed: 0 };
        let mut candidate = Self { detected, points: 0 };
        for record in out.finish().records() {
            candidate.count(&record, sample);
        }
        Some(candidate)
    }

    fn count(&mut self, record: &LogRecord, sample: &[u8]) {
        self.detected.records += 1;
        if record.parse_error.is_some() {
            return;
        }
        self.detected.parsed += 1;
        let timed = record.time_unix_nano.is_some();
        self.detected.timed += u64::from(timed);
        let begin = record.source_offset.and_then(|offset| usize::try_from(offset).ok());
        let text = begin.and_then(|begin| sample.get(begin..)).unwrap_or_default();
        if is_of(self.detected.format.name(), text) {
            self.points += match (timed, record.attributes.is_some() && !self.is_plain()) {
                (true, _) => 2,
                (false, true) => 1,
                (false, false) => 0,
            };
        }
    }

    fn is_plain(&self) -> bool {
        self.detected.format.name() == "plain"
    }

    fn fits(&self) -> bool {
        let Detected { records, parsed, .. } = self.detected;
        self.is_plain() || (parsed * 2 > records && self.points > 0)
    }

    fn is_better(&self, other: &Self) -> bool {
        // Plain text finds the times of other formats too, and joins what they cannot parse to
        // records that have one. Three quarters of its points let a format of its own win that
        // fails on few lines, and lose where most records have several.
        let weighed = |one: &Self| one.points * if one.is_plain() { 3 } else { 4 };
        let per = |one: &Self| one.detected.records.max(1);
        weighed(self) * per(other) > weighed(other) * per(self)
    }
}

/// Whether a record looks like one of a format whose parser takes nearly anything.
fn is_of(name: &str, text: &[u8]) -> bool {
    match name {
        "logfmt" => begins_with_key(text),
        #[cfg(feature = "syslog")]
        "syslog" => begins_as_syslog(text),
        _ => true,
    }
}

/// `key=`.
fn begins_with_key(text: &[u8]) -> bool {
    let key = text
        .iter()
        .take_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@')
        })
        .count();
    key > 0 && text.get(key) == Some(&b'=')
}

/// A priority, or a time, a host and a tag with a colon: `Dec 13 11:35:28 web sshd[17]: `.
#[cfg(feature = "syslog")]
fn begins_as_syslog(text: &[u8]) -> bool {
    if let [b'<', digit, ..] = text
        && digit.is_ascii_digit()
    {
        return true;
    }
    let Some(time) = leading(text) else { return false };
    let rest = text.get(time.end..).unwrap_or_default();
    let mut words = rest.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (Some(host), Some(tag)) = (words.next(), words.next()) else { return false };
    let named = host.iter().any(u8::is_ascii_alphabetic) || host.contains(&b'.');
    let is_level = std::str::from_utf8(host)
        .is_ok_and(|word| crate::log::LogSeverity::from_level(word).is_some());
    let bracketed = host.iter().any(|byte| b"[](){}<>|\"=".contains(byte)) || host.ends_with(b":");
    named && !is_level && !bracketed && tag.len() > 1 && tag.ends_with(b":")
}

/// A sample that is the beginning of one JSON object longer than what is looked at.
fn begins_long_json(sample: &[u8]) -> Option<Detected> {
    let looked_at = sample.get(..LOOKED_AT)?;
    let text = match std::str::from_utf8(looked_at) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(looked_at.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let begins = text.trim_start().starts_with('{');
    let read = serde_json::from_str::<IgnoredAny>(text);
    if !begins || !read.is_err_and(|error| error.is_eof()) {
        return None;
    }
    let otlp = ["\"resourceLogs\"", "\"resource_logs\""];
    let otlp = otlp.iter().any(|key| text.contains(key)).then(|| by_name("otlp-json").ok());
    let line = || by_name("json").ok().filter(|_| !text.trim_start().contains('\n'));
    let format = otlp.flatten().or_else(line)?;
    Some(Detected { format, records: 0, parsed: 0, timed: 0 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::LOOKED_AT;
    use crate::format::Format;

    fn name(sample: &[u8]) -> &'static str {
        <dyn Format>::detect(sample).unwrap().format.name()
    }

    #[test]
    fn formats_of_samples() {
        let timed = "2017-10-23 14:20:12,046 INFO a (b)\njava.lang.X: c\n\tat d\n";
        let binary: Vec<u8> = (0..2_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        for (sample, expected) in [
            (b"".as_slice(), "plain"),
            (b"\n\n", "plain"),
            (b"hello\nworld\n", "plain"),
            (b"a b c\nlast message repeated\n", "plain"),
            (timed.as_bytes(), "plain"),
            (b"161209 13:08:33 a\n2016-12-09T12:08:33.335060Z 0 [Warning] b\n", "plain"),
            (b"{\"msg\":\"a\"}\n", "json"),
            (b"{\"msg\":\"a\"}", "json"),
            (b"{\"msg\":\"a\",\"time\":1}\n{\"msg\":\"b\"}\n{\"ms", "json"),
            (b"{\"msg\":\"a\"}\noops\n{\"msg\":\"a\"}\n", "json"),
            (b"{\"msg\":\"a\"}\noops\noops\n", "plain"),
            (b"{oops\n", "plain"),
            (b"[1]\n[2]\n", "plain"),
            (
                br#"{"Records":[{"eventTime":"2023-07-10T11:58:13Z","eventName":"a","eventSource":"kms.amazonaws.com"}]}"#,
                "cloudtrail",
            ),
            (
                br#"{"Records":[{"eventTime":"2023-07-10T11:58:13Z","eventName":"a","eventSource":"kms.amazonaws.com"},{"eventTime":"20"#,
                "cloudtrail",
            ),
            (b"\0\0\0\0\0\0", "plain"),
            (b"081109 203615 148 INFO dfs.X: y\n", "plain"),
            (b"4961:M 30 May 12:50:13.457 * a\n        b\n", "plain"),
            (b"2017-07-31 13:36:42.585 CEST [4974] LOG:  a\n", "plain"),
            #[cfg(feature = "klog")]
            (b"I0730 12:34:56.123456   1 f.go:12] a\nW0730 12:34:57.123456   1 f.go:13] b\n", "klog"),
            #[cfg(feature = "nginx-error")]
            (b"2016/10/25 14:49:34 [error] 54053#0: *1 open() failed, client: 10.0.0.1\n", "nginx-error"),
            #[cfg(feature = "apache-error")]
            (b"[Mon Dec 26 16:15:55.103522 2016] [core:notice] [pid 11379] AH00094: a\n", "apache-error"),
            #[cfg(feature = "clf")]
            (b"10.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET /?a=1 HTTP/1.1\" 200 2326\n", "clf"),
            #[cfg(feature = "syslog")]
            (b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed\n", "syslog"),
            #[cfg(feature = "syslog")]
            (b"Dec 13 11:35:28 web sshd[17]: a\nDec 13 11:35:29 web sshd[17]: b=1\n", "syslog"),
            #[cfg(feature = "logfmt")]
            (b"at=info method=GET path=/\nat=error code=H12\n", "logfmt"),
            #[cfg(feature = "logfmt")]
            (b"time=2023-07-10T11:58:13Z level=info msg=a\n", "logfmt"),
            (b"type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2\n", "plain"),
            (b"key=value is how it is written\nbut most lines are prose\nof many words\n", "plain"),
            #[cfg(feature = "otlp")]
            (
                br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1544712660300000000","body":{"stringValue":"a"}}]}]}]}"#,
                "otlp",
            ),
            (&binary, "plain"),
        ] {
            assert_eq!(name(sample), expected, "{}", String::from_utf8_lossy(sample));
        }
    }

    #[test]
    fn why() {
        let found = <dyn Format>::detect(b"{\"ts\":1}\n{\"a\":1}\noops\n").unwrap();
        assert_eq!((found.records, found.parsed, found.timed), (3, 2, 1));
        assert_eq!(found.to_string(), "json: 2 of 3 records parsed, 1 with a time");
    }

    #[test]
    fn one_long_object_is_known_by_its_beginning() {
        let long = format!("{{\"a\":\"{}\"", "x".repeat(2 * LOOKED_AT));
        let found = <dyn Format>::detect(long.as_bytes()).unwrap();
        assert_eq!(found.to_string(), "json: the sample has no whole record");
        assert_eq!(name(format!("{{oops {long}").as_bytes()), "plain");
        assert_eq!(name(format!("{{\n{long}").as_bytes()), "plain");
    }

    proptest! {
        /// Whatever comes, there is an answer, always the same, and never a format that fails on
        /// most records.
        #[test]
        fn what_is_chosen_parses(bytes in prop::collection::vec(any::<u8>(), 0..300), lines in prop::collection::vec(
            prop::sample::select(vec!["{\"a\":1}", "{oops", "a=1 b=2", "2017-10-23 14:20:12 a", "<34>Oct 11 22:14:15 h s: a"]), 0..9)) {
            let mut sample = lines.join("\n").into_bytes();
            sample.extend_from_slice(&bytes);
            let found = <dyn Format>::detect(&sample).unwrap();
            let again = <dyn Format>::detect(&sample).unwrap();
            prop_assert_eq!(found.to_string(), again.to_string());
            prop_assert!(found.format.name() == "plain" || found.parsed * 2 > found.records);
        }
    }
}
