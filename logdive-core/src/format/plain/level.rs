//! The level of a line: a word near its time.

use memchr::memchr;

use crate::format::time::{Kind, Leading, colour};
use crate::log::LogSeverity;

/// How many words behind the time may hold the level, and how far they go.
const WORDS: usize = 12;
const LOOKED_AT: usize = 240;

/// A level as a line writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level<'a> {
    /// `None` if it says nothing of the severity, as `STATEMENT` of PostgreSQL.
    pub(super) severity: Option<LogSeverity>,
    pub(super) text: &'a str,
}

/// The level of a record: by a mark that its form has, by a word in front of the time, or by one
/// of the first words behind it.
pub(super) fn find<'a>(text: &'a str, time: Option<&Leading>) -> Option<Level<'a>> {
    let Some(time) = time else { return words(text, 0, 3) };
    let marked = match time.kind {
        Kind::DayFirst => redis(text, time.end),
        Kind::Android => android(text, time.end),
        Kind::Klog => mark(text, time.start, klog_mark),
        _ => None,
    };
    marked
        .or_else(|| words(text.get(..time.start)?, 0, WORDS))
        .or_else(|| words(text, time.end, WORDS))
        .or_else(|| java_util(text, time.end))
}

/// java.util.logging writes the time in one line and the level in the next.
fn java_util(text: &str, end: usize) -> Option<Level<'_>> {
    if !matches!(text.as_bytes().get(end.checked_sub(2)?..end)?, b"AM" | b"PM") {
        return None;
    }
    let next = end + memchr(b'\n', text.as_bytes().get(end..)?)? + 1;
    words(text, next, 1)
}

/// A mark of one byte.
fn mark(text: &str, at: usize, of: fn(u8) -> Option<LogSeverity>) -> Option<Level<'_>> {
    let severity = of(*text.as_bytes().get(at)?)?;
    Some(Level { severity: Some(severity), text: text.get(at..at + 1)? })
}

/// ` * ` behind the time.
///
/// Source: redis, `serverLogRaw`: `.` is debug, `-` verbose, `*` notice, `#` warning. Its verbose
/// is less talkative than debug.
fn redis(text: &str, end: usize) -> Option<Level<'_>> {
    let around = text.as_bytes().get(end..end + 3)?;
    if around.first() != Some(&b' ') || around.last() != Some(&b' ') {
        return None;
    }
    mark(text, end + 1, |byte| match byte {
        b'.' => Some(LogSeverity::DEBUG),
        b'-' => LogSeverity::from_number(6),
        b'*' => LogSeverity::from_level("notice"),
        b'#' => Some(LogSeverity::WARN),
        _ => None,
    })
}

/// `  1702  2395 D Tag: ` behind the time, or ` D/Tag( 1702): `.
fn android(text: &str, end: usize) -> Option<Level<'_>> {
    let bytes = text.as_bytes();
    let at = bytes
        .iter()
        .skip(end)
        .take(24)
        .take_while(|byte| byte.is_ascii_digit() || **byte == b' ')
        .count()
        + end;
    let alone = matches!(bytes.get(at + 1), Some(b' ' | b'/'));
    if !alone || bytes.get(at.checked_sub(1)?) != Some(&b' ') {
        return None;
    }
    mark(text, at, |byte| match byte {
        b'V' => Some(LogSeverity::TRACE),
        b'D' => Some(LogSeverity::DEBUG),
        b'I' => Some(LogSeverity::INFO),
        b'W' => Some(LogSeverity::WARN),
        b'E' => Some(LogSeverity::ERROR),
        b'F' | b'A' => Some(LogSeverity::FATAL),
        _ => None,
    })
}

fn klog_mark(byte: u8) -> Option<LogSeverity> {
    match byte {
        b'I' => Some(LogSeverity::INFO),
        b'W' => Some(LogSeverity::WARN),
        b'E' => Some(LogSeverity::ERROR),
        b'F' => Some(LogSeverity::FATAL),
        _ => None,
    }
}

/// The first level among so many words.
///
/// A word in lower case counts in brackets, in front of a colon, behind `level=`, or as the first
/// word of all; one in upper case counts anywhere.
fn words(text: &str, from: usize, count: usize) -> Option<Level<'_>> {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..from + LOOKED_AT).unwrap_or(bytes);
    let mut at = from;
    let mut first = true;
    let mut keyed = false;
    for _ in 0..count {
        let mut before = b' ';
        loop {
            match bytes.get(at)? {
                b'\n' => return None,
                0x1b => {
                    at = colour(bytes, at).unwrap_or(at + 1);
                    before = b' ';
                }
                byte if is_delimiter(*byte) => {
                    before = *byte;
                    at += 1;
                }
                _ => break,
            }
        }
        let rest = bytes.get(at..)?;
        let len =
            rest.iter().position(|byte| is_delimiter(*byte) || *byte == 0x1b).unwrap_or(rest.len());
        let word = text.get(at..at + len).unwrap_or_default();
        let after = Surroundings { before, rest: rest.get(len..)?, first, keyed };
        if let Some(level) = after.level(word) {
            return Some(level);
        }
        keyed = after.rest.first() == Some(&b'=') && is_key(word);
        let inside = matches!(before, b'[' | b'(' | b'<' | b'{');
        first = first && (inside || !word.bytes().all(|byte| byte.is_ascii_alphabetic()));
        at += len;
    }
    None
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t'
            | b'\r'
            | b'\n'
            | b'['
            | b']'
            | b'('
            | b')'
            | b'<'
            | b'>'
            | b'{'
            | b'}'
            | b'|'
            | b','
            | b';'
            | b'"'
            | b'\''
            | b'='
            | b':'
    )
}

fn is_key(word: &str) -> bool {
    matches!(word, "level" | "lvl" | "severity" | "loglevel" | "log_level")
}

/// What stands around a word.
struct Surroundings<'a> {
    before: u8,
    rest: &'a [u8],
    /// No word stands in front of it but in brackets.
    first: bool,
    /// `level=` stands in front of it.
    keyed: bool,
}

impl Surroundings<'_> {
    fn level<'a>(&self, word: &'a str) -> Option<Level<'a>> {
        if !(3..=13).contains(&word.len()) {
            return None;
        }
        let level = |severity| Some(Level { severity, text: word });
        let after = self.rest.first();
        let colon = after == Some(&b':') && matches!(self.rest.get(1), None | Some(b' ' | b'\t'));
        // `[WARN ]`, `[core:notice]`.
        let closed = matches!(self.rest.trim_ascii_start().first(), Some(b']' | b'>' | b')'))
            && matches!(self.before, b'[' | b'<' | b'(' | b':');
        let apart =
            matches!(after, None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'|' | b']' | b',' | 0x1b))
                && matches!(self.before, b' ' | b'\t' | b']' | b'|' | b',' | b')');
        let upper = word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !(colon || closed || self.keyed || upper || (self.first && apart)) {
            return None;
        }
        // `ERROR:root:` of Python.
        let heads = self.first && upper && after == Some(&b':');
        let Some(severity) = LogSeverity::from_level(word) else {
            return match word {
                // What belongs to another message of PostgreSQL.
                "STATEMENT" | "DETAIL" | "HINT" | "CONTEXT" | "QUERY" | "LOCATION" if colon => {
                    level(None)
                }
                // MySQL: something that matters, but is no error.
                "System" if closed => level(Some(LogSeverity::INFO)),
                _ => None,
            };
        };
        // Words of prose: they count as levels only where they are written as such.
        let prose = matches!(
            word.to_ascii_lowercase().as_str(),
            "log" | "note" | "config" | "fine" | "finer" | "finest" | "panic" | "silly"
        );
        let capital = word.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
        let placed = colon || closed || heads || self.keyed || (self.first && apart);
        let counts = match (prose, upper) {
            (false, true) => placed || apart,
            (false, false) => true,
            (true, true) => placed,
            (true, false) => (closed && capital) || (colon && word == "panic"),
        };
        if counts { level(Some(severity)) } else { None }
    }
}
