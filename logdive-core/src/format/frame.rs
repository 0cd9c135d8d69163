//! Framing: where one record ends and the next begins, before anything is parsed.
//!
//! A [`Framer`] looks at the bytes that no record took yet. It remembers how far it looked, so
//! that bytes that come in small pieces are looked at once, and its answer depends on the bytes
//! alone, never on how they were cut into pieces.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::json_scan::JsonScan;
use super::protobuf;

/// Longest record of a framing that must hold it whole to parse it: a request of OTLP.
pub(super) const FRAME_LIMIT: usize = 16 * 1024 * 1024;

/// Says whether a line belongs to the record before it: given the record's first line, the line
/// in front of it, and the line.
pub type Continues = fn(head: &[u8], previous: &[u8], line: &[u8]) -> bool;

/// How the records of a format are told apart.
///
/// Lines end with `\n` or `\r\n`; a lone `\r` is part of a line. Blank lines are no records; they
/// belong to the record around them.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Framing {
    /// A record is a line.
    Lines,
    /// A record is a line with those that continue it, at most 256 KiB of them.
    Continued(Continues),
    /// A record is an element of the array under this key of a JSON object.
    Elements(&'static str),
    /// A record is a JSON object; they follow one another, on one line or many.
    Values,
    /// A record is a field 1 of a protobuf message, with its tag and length; messages may have
    /// their length in front, in four bytes, the highest first.
    Messages,
    /// As [`Values`](Self::Values) or as [`Messages`](Self::Messages): the beginning of the source
    /// tells which.
    ValuesOrMessages,
}

impl Framing {
    /// Whether reading may begin at any record, not at the beginning of the source alone.
    #[must_use]
    pub const fn is_resumable(&self) -> bool {
        matches!(self, Self::Lines | Self::Continued(_))
    }

    /// Longest record that is parsed whole, in bytes.
    const fn limit(&self) -> usize {
        match self {
            Self::Lines | Self::Continued(_) | Self::Elements(_) => super::RAW_LIMIT,
            Self::Values | Self::Messages | Self::ValuesOrMessages => FRAME_LIMIT,
        }
    }
}

/// What the next bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Not known without more bytes; at the end of the input: nothing is left.
    More,
    /// So many bytes that belong to no record's text.
    Skip(usize),
    /// A record, and where the next begins. A broken one says why.
    Record { text: Range<usize>, next: usize, broken: Option<&'static str> },
    /// A record that is too long to be held begins here; its bytes are given by
    /// [`Framer::rest`], all of these among them.
    Giant { broken: Option<&'static str> },
}

/// How far a record goes on that is too long to be held.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rest {
    /// Whether the carriage return that was held back belongs to the record after all.
    pub(super) held: bool,
    /// So many bytes of its text.
    pub(super) text: usize,
    /// Where the next record begins, if this one ends.
    pub(super) next: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before an array, or behind one.
    Seek { behind: bool },
    /// Between elements.
    Between,
}

/// Tells records apart.
#[derive(Debug)]
pub(super) struct Framer {
    framing: Framing,
    /// Bytes already looked at.
    searched: usize,
    /// `Continued`: head, line in front, end of the text, begin of the line looked at.
    head: Option<Range<usize>>,
    previous: Range<usize>,
    text_end: usize,
    line_start: usize,
    /// `Elements`.
    phase: Phase,
    /// `Elements` and `Values`.
    scan: JsonScan,
    giant: Giant,
}

/// How a giant ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Giant {
    None,
    Line { held: bool },
    Json,
    Count(u64),
    Input,
}

impl Framer {
    pub(super) fn new(framing: Framing) -> Self {
        Self {
            framing,
            searched: 0,
            head: None,
            previous: 0..0,
            text_end: 0,
            line_start: 0,
            phase: Phase::Seek { behind: false },
            scan: JsonScan::default(),
            giant: Giant::None,
        }
    }

    pub(super) const fn limit(&self) -> usize {
        self.framing.limit()
    }

    /// What the input begins with. `end` says that nothing follows it.
    pub(super) fn next(&mut self, input: &[u8], end: bool) -> Frame {
        if matches!(self.framing, Framing::ValuesOrMessages) {
            match values_or_messages(input, end) {
                Some(framing) => self.framing = framing,
                None => return Frame::More,
            }
        }
        let frame = match self.framing {
            Framing::Lines => self.line(input, end),
            Framing::Continued(continues) => self.continued(input, end, continues),
            Framing::Elements(key) => self.element(input, end, key),
            Framing::Values => self.value(input, end),
            // Which of the two is known by now.
            Framing::Messages | Framing::ValuesOrMessages => self.message(input, end),
        };
        if frame != Frame::More {
            self.searched = 0;
            self.head = None;
            self.line_start = 0;
            if !matches!(frame, Frame::Giant { .. }) {
                self.scan = JsonScan::default();
            }
        }
        frame
    }

    /// The record that ends here if no line continues it, when none came for a while.
    pub(super) fn flush(&mut self, input: &[u8]) -> Frame {
        if self.head.is_some() && self.line_start == input.len() {
            let frame = self.close(input.len());
            self.searched = 0;
            self.head = None;
            self.line_start = 0;
            return frame;
        }
        Frame::More
    }

    /// How far a giant goes on in the input.
    pub(super) fn rest(&mut self, input: &[u8], end: bool) -> Rest {
        let whole = Rest { held: false, text: input.len(), next: None };
        let rest = match self.giant {
            Giant::None => Rest { held: false, text: 0, next: Some(0) },
            Giant::Input => whole,
            Giant::Count(left) => match usize::try_from(left).ok().filter(|n| *n <= input.len()) {
                Some(left) => Rest { held: false, text: left, next: Some(left) },
                None => {
                    self.giant = Giant::Count(left - input.len() as u64);
                    whole
                }
            },
            Giant::Line { held } => match memchr(b'\n', input) {
                Some(at) => {
                    let text = strip_return(input, at);
                    // The return that was held back is part of this line's end.
                    Rest { held: held && at > 0, text, next: Some(at + 1) }
                }
                None => {
                    let text = strip_return(input, input.len());
                    let holds = if input.is_empty() { held } else { text < input.len() };
                    self.giant = Giant::Line { held: holds };
                    Rest { held: held && !input.is_empty(), text, next: None }
                }
            },
            Giant::Json => {
                let found = self.scan.end(input, 0, matches!(self.framing, Framing::Values));
                match found {
                    Some(found) => Rest { held: false, text: found.at, next: Some(found.at) },
                    None => whole,
                }
            }
        };
        let rest = if end && rest.next.is_none() {
            Rest { next: Some(input.len()), ..rest }
        } else {
            rest
        };
        if rest.next.is_some() {
            self.giant = Giant::None;
            self.scan = JsonScan::default();
        }
        rest
    }

    fn giant(&mut self, giant: Giant, broken: Option<&'static str>) -> Frame {
        self.giant = giant;
        Frame::Giant { broken }
    }

    fn line(&mut self, input: &[u8], end: bool) -> Frame {
        let found = memchr(b'\n', input.get(self.searched..).unwrap_or_default());
        let (line_end, next) = match found {
            Some(at) => (self.searched + at, self.searched + at + 1),
            None if input.len() > self.limit() + 1 => {
                return self.giant(Giant::Line { held: false }, None);
            }
            None if end && !input.is_empty() => (input.len(), input.len()),
            None => {
                self.searched = input.len();
                return Frame::More;
            }
        };
        let text = 0..strip_return(input, line_end);
        if text.len() <= self.limit() && is_blank(input, &text) {
            return Frame::Skip(next);
        }
        Frame::Record { text, next, broken: None }
    }

    fn continued(&mut self, input: &[u8], end: bool, continues: Continues) -> Frame {
        loop {
            let from = self.searched.max(self.line_start);
            let found = memchr(b'\n', input.get(from..).unwrap_or_default());
            let (line_end, next) = match found {
                Some(at) => (from + at, from + at + 1),
                None => {
                    self.searched = input.len();
                    let long = input.len() > self.limit() + 1;
                    match &self.head {
                        None if long => return self.giant(Giant::Line { held: false }, None),
                        Some(_) if long => return self.close(self.line_start),
                        _ if !end => return Frame::More,
                        _ if self.line_start < input.len() => (input.len(), input.len()),
                        Some(_) => return self.close(input.len()),
                        None => return Frame::More,
                    }
                }
            };
            let line = self.line_start..strip_return(input, line_end);
            let fits = line.end <= self.limit();
            let blank = fits && is_blank(input, &line);
            match &self.head {
                None if blank => return Frame::Skip(next),
                None if !fits => return Frame::Record { text: line, next, broken: None },
                None => {
                    self.head = Some(line.clone());
                    self.text_end = line.end;
                    self.previous = line;
                }
                Some(_) if blank => {
                    if next > self.limit() {
                        return self.close(next);
                    }
                }
                Some(head) => {
                    let part = |range: &Range<usize>| input.get(range.clone()).unwrap_or_default();
                    if !fits || !continues(part(head), part(&self.previous), part(&line)) {
                        return self.close(self.line_start);
                    }
                    self.text_end = line.end;
                    self.previous = line;
                }
            }
            self.line_start = next;
        }
    }

    fn close(&self, next: usize) -> Frame {
        Frame::Record { text: 0..self.text_end, next, broken: None }
    }

    fn element(&mut self, input: &[u8], end: bool, key: &str) -> Frame {
        if let Phase::Seek { behind } = self.phase {
            return self.seek(input, end, key, behind);
        }
        if self.searched == 0 {
            let skipped =
                input.iter().take_while(|b| b.is_ascii_whitespace() || **b == b',').count();
            match input.get(skipped) {
                _ if skipped > 0 => return Frame::Skip(skipped),
                None => return Frame::More,
                Some(b']') => {
                    self.phase = Phase::Seek { behind: true };
                    return Frame::Skip(1);
                }
                Some(_) => {}
            }
        }
        match self.scan.end(input, self.searched, false) {
            Some(found) => Frame::Record { text: 0..found.at, next: found.at, broken: None },
            None if input.len() > self.limit() => self.giant_json(),
            None if end && !input.is_empty() => {
                Frame::Record { text: 0..input.len(), next: input.len(), broken: Some(CUT) }
            }
            None => {
                self.searched = input.len();
                Frame::More
            }
        }
    }

    /// Looks for `"key": [` in the first bytes.
    fn seek(&mut self, input: &[u8], end: bool, key: &str, behind: bool) -> Frame {
        let window = input.get(..self.limit()).unwrap_or(input);
        let quoted = format!("\"{key}\"");
        for at in memmem::find_iter(window, quoted.as_bytes()) {
            let colon = skip_space(window, at + quoted.len());
            let open = skip_space(window, colon + 1);
            if window.get(colon) == Some(&b':') && window.get(open) == Some(&b'[') {
                self.phase = Phase::Between;
                return Frame::Skip(open + 1);
            }
        }
        if window.len() < input.len() {
            return self.giant(Giant::Input, Some(if behind { BEHIND } else { NO_ARRAY }));
        }
        if !end || input.is_empty() {
            return Frame::More;
        }
        let rest = input.trim_ascii();
        if rest.is_empty() || (behind && rest == b"}") {
            return Frame::Skip(input.len());
        }
        let broken = Some(if behind { BEHIND } else { NO_ARRAY });
        Frame::Record { text: 0..input.len(), next: input.len(), broken }
    }

    fn value(&mut self, input: &[u8], end: bool) -> Frame {
        if self.searched == 0 {
            let skipped = skip_space(input, 0);
            match input.get(skipped) {
                _ if skipped > 0 => return Frame::Skip(skipped),
                None => return Frame::More,
                Some(b'{' | b'[') => {}
                Some(_) => return self.giant(Giant::Line { held: false }, Some(NO_OBJECT)),
            }
        }
        match self.scan.end(input, self.searched, true) {
            Some(found) => {
                let broken = (!found.whole).then_some(UNCLOSED);
                Frame::Record { text: 0..found.at, next: found.at, broken }
            }
            None if input.len() > self.limit() => self.giant_json(),
            None if end && !input.is_empty() => {
                Frame::Record { text: 0..input.len(), next: input.len(), broken: Some(CUT) }
            }
            None => {
                self.searched = input.len();
                Frame::More
            }
        }
    }

    /// The bytes so far will be scanned again as part of the giant.
    fn giant_json(&mut self) -> Frame {
        self.scan = JsonScan::default();
        self.giant(Giant::Json, None)
    }

    fn message(&mut self, input: &[u8], end: bool) -> Frame {
        let garbage = Some(NO_MESSAGE);
        match input {
            [] => Frame::More,
            [protobuf::FIELD_1, rest @ ..] => match protobuf::varint(rest) {
                Some((length, bytes)) => {
                    let whole = length.saturating_add(bytes as u64 + 1);
                    match usize::try_from(whole).ok().filter(|whole| *whole <= self.limit()) {
                        None => self.giant(Giant::Count(whole), None),
                        Some(next) if next <= input.len() => {
                            Frame::Record { text: 0..next, next, broken: None }
                        }
                        Some(_) if end => self.giant(Giant::Input, Some(CUT)),
                        Some(_) => Frame::More,
                    }
                }
                None if rest.len() < 10 && !end => Frame::More,
                None => self.giant(Giant::Input, garbage),
            },
            // A length in front: a message of no fields, or one that begins with field 1.
            [0, 0, 0, 0, ..] | [0, _, _, _, protobuf::FIELD_1, ..] => Frame::Skip(4),
            [0, ..] if input.len() < 5 && !end => Frame::More,
            _ => self.giant(Giant::Input, garbage),
        }
    }
}

/// White space that is looked at before JSON is expected: protobuf is told by much less.
const BLANKS: usize = 64;

/// What a source holds by its first bytes; `None` if more are needed.
///
/// A message begins with the tag of field 1, which is also a line feed, or with a length, of which
/// the first byte is 0. But line feeds may stand in front of JSON too, and a message of 123 bytes
/// begins like one of them and a brace. So it is JSON if a brace with a text or a brace behind it
/// comes first: where JSON has the first character of a key, a message that looks the same up to
/// there has a tag, which is a control character.
fn values_or_messages(input: &[u8], end: bool) -> Option<Framing> {
    if !matches!(*input.first()?, protobuf::FIELD_1 | 0) {
        return Some(Framing::Values);
    }
    let mut brace = false;
    let mut quote = false;
    for byte in input.iter().take(BLANKS) {
        match byte {
            ..0x20 if quote => return Some(Framing::Messages),
            _ if quote => return Some(Framing::Values),
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'{' if !brace => brace = true,
            b'}' if brace => return Some(Framing::Values),
            b'"' if brace => quote = true,
            _ => return Some(Framing::Messages),
        }
    }
    (end || input.len() >= BLANKS).then_some(Framing::Values)
}

const CUT: &str = "the input ends inside of this record";
const NO_ARRAY: &str = "the input has no array of records";
const BEHIND: &str = "this stands behind the array of records";
const NO_OBJECT: &str = "this is no JSON object";
const UNCLOSED: &str = "this JSON object does not end before the next line begins one";
const NO_MESSAGE: &str = "this is no OTLP message";

/// The end of a line's text: in front of a carriage return.
fn strip_return(input: &[u8], end: usize) -> usize {
    match end.checked_sub(1) {
        Some(last) if input.get(last) == Some(&b'\r') => last,
        _ => end,
    }
}

fn is_blank(input: &[u8], range: &Range<usize>) -> bool {
    input.get(range.clone()).unwrap_or_default().iter().all(u8::is_ascii_whitespace)
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}
