//! What a format gives its lines to.

use std::borrow::Cow;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use super::{Origin, Overflow, Parsed, RAW_LIMIT};
use crate::Digest;
use crate::log::{LogBatchBuilder, LogLine};

/// What was counted of a source.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) parsed: Parsed,
    pub(super) next_seq: i64,
    /// Rows that are in the lake already.
    pub(super) skip: u64,
}

/// One framed record on its way to rows: a [`Format`](super::Format) reads the record and pushes
/// its lines.
#[derive(Debug)]
pub struct Rows<'a> {
    format: &'static str,
    origin: &'a Origin,
    out: &'a mut LogBatchBuilder,
    overflow: &'a mut dyn Overflow,
    counts: &'a mut Counts,
    record: &'a [u8],
    /// The record's first byte in its source.
    at: i64,
    not_utf8: Option<String>,
    giant: Option<&'a GiantEnd>,
}

/// What is known of a record that is held by its beginning alone.
#[derive(Debug)]
pub(super) struct GiantEnd {
    length: u64,
    digest: Digest,
    blob: Result<String, String>,
}

/// A record that is too long to be held, as its bytes come.
#[derive(Debug)]
pub(super) struct Giant {
    pub(super) broken: Option<&'static str>,
    pub(super) at: i64,
    pub(super) kept: Vec<u8>,
    length: u64,
    hash: Sha256,
    spilled: Result<(), String>,
}

impl Giant {
    /// The rest of one whose row is in the lake already is there too, and is not written again.
    pub(super) fn new(at: i64, broken: Option<&'static str>, counts: &Counts) -> Self {
        let spilled = if counts.skip > 0 { Err("it is kept already".to_owned()) } else { Ok(()) };
        Self { broken, at, kept: Vec::new(), length: 0, hash: Sha256::new(), spilled }
    }

    pub(super) fn take(&mut self, bytes: &[u8], overflow: &mut dyn Overflow) {
        self.length += bytes.len() as u64;
        self.hash.update(bytes);
        let room = RAW_LIMIT.saturating_sub(self.kept.len()).min(bytes.len());
        let (kept, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.kept.extend_from_slice(kept);
        if !rest.is_empty() && self.spilled.is_ok() {
            self.spilled = overflow.write(rest).map_err(|error| {
                overflow.discard();
                error.to_string()
            });
        }
    }

    /// Ends it; `None` for the second if it turned out to be short enough to be held.
    pub(super) fn finish(self, overflow: &mut dyn Overflow) -> (Vec<u8>, Option<GiantEnd>) {
        if self.length <= RAW_LIMIT as u64 {
            return (self.kept, None);
        }
        let digest = Digest::from_bytes(self.hash.finalize().into());
        let blob =
            self.spilled.and_then(|()| overflow.finish(digest).map_err(|error| error.to_string()));
        (self.kept, Some(GiantEnd { length: self.length, digest, blob }))
    }
}

impl<'a> Rows<'a> {
    #[expect(clippy::too_many_arguments, reason = "made in one place")]
    pub(super) fn new(
        format: &'static str,
        origin: &'a Origin,
        record: &'a [u8],
        at: i64,
        giant: Option<&'a GiantEnd>,
        overflow: &'a mut dyn Overflow,
        counts: &'a mut Counts,
        out: &'a mut LogBatchBuilder,
    ) -> Self {
        Self { format, origin, out, overflow, counts, record, at, not_utf8: None, giant }
    }

    /// The record's bytes, without the end of its line. Of a giant one these are the first.
    #[must_use]
    pub const fn record(&self) -> &'a [u8] {
        self.record
    }

    /// The record as text. Bytes that are no UTF-8 are replaced; the lines pushed from then on
    /// say so and keep the record as it came.
    pub fn text(&mut self) -> Cow<'a, str> {
        match std::str::from_utf8(self.record) {
            Ok(text) => Cow::Borrowed(text),
            // The beginning of a giant may end inside of a character.
            Err(error) if self.giant.is_some() && error.error_len().is_none() => {
                let whole = self.record.get(..error.valid_up_to()).unwrap_or_default();
                String::from_utf8_lossy(whole)
            }
            Err(error) => {
                self.not_utf8 = Some(format!("not UTF-8: {error}"));
                String::from_utf8_lossy(self.record)
            }
        }
    }

    /// Where the bytes come from, and what to assume of them.
    #[must_use]
    pub const fn origin(&self) -> &'a Origin {
        self.origin
    }

    /// Narrows the record to a part of it, for formats that make several lines of one frame: the
    /// lines pushed from then on stand there and keep those bytes.
    pub fn part(&mut self, frame: &'a [u8], range: Range<usize>) {
        let place = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let before = self.record.as_ptr() as usize;
        self.at = self
            .at
            .saturating_sub(place(before.saturating_sub(frame.as_ptr() as usize)))
            .saturating_add(place(range.start));
        self.record = frame.get(range).unwrap_or_default();
        self.not_utf8 = None;
    }

    /// An empty line of this source, for the format to fill in.
    #[must_use]
    pub fn line(&self) -> LogLine<'a> {
        LogLine {
            emitter: self.origin.emitter.as_deref(),
            source: Some(&self.origin.source),
            source_offset: Some(self.at),
            format: Some(self.format),
            ..LogLine::new(&self.origin.layer, self.origin.observed_time_unix_nano)
        }
    }

    /// Adds a line. If neither its body nor its attributes are the record as it came, it keeps
    /// the record beside them.
    pub fn push(&mut self, line: &LogLine<'_>) {
        let is_record =
            |text: Option<&str>| text.is_some_and(|text| text.as_bytes() == self.record);
        if is_record(line.body) || is_record(line.attributes) {
            self.push_whole(line);
        } else {
            self.push_whole(&LogLine { raw: Some(self.record), ..*line });
        }
    }

    /// Adds a line whose fields hold everything that the record says.
    pub fn push_whole(&mut self, line: &LogLine<'_>) {
        if let Some(giant) = self.giant {
            self.push_giant(line, giant);
        } else if self.record.len() > RAW_LIMIT {
            let mut giant = Giant::new(self.at, None, self.counts);
            giant.take(self.record, self.overflow);
            if let (_, Some(end)) = giant.finish(self.overflow) {
                self.push_giant(line, &end);
            }
        } else if let Some(error) = &self.not_utf8 {
            let error = line.parse_error.unwrap_or(error);
            let line = LogLine { raw: Some(self.record), parse_error: Some(error), ..*line };
            self.counts.emit(&line, self.out);
        } else {
            self.counts.emit(line, self.out);
        }
    }

    /// Adds a line of a record that is longer than a row holds.
    fn push_giant(&mut self, line: &LogLine<'_>, giant: &GiantEnd) {
        let what = format!("the record has {} bytes, a row keeps {RAW_LIMIT}", giant.length);
        let error = match (line.parse_error, &giant.blob) {
            (None, Ok(_)) => what,
            (Some(error), Ok(_)) => format!("{what}; {error}"),
            (_, Err(why)) => format!("{what}; the rest could not be kept: {why}"),
        };
        let cut = |text: &'_ str| text.floor_char_boundary(RAW_LIMIT);
        let line = LogLine {
            body: line.body.and_then(|text| text.get(..cut(text))),
            // A part of a JSON object is none.
            attributes: line.attributes.filter(|text| text.len() <= RAW_LIMIT),
            raw: self.record.get(..RAW_LIMIT).or(Some(self.record)),
            raw_length: i64::try_from(giant.length).ok(),
            raw_sha256: Some(giant.digest),
            raw_blob: giant.blob.as_deref().ok(),
            parse_error: Some(&error),
            ..*line
        };
        self.counts.emit(&line, self.out);
    }

    /// Adds the record as a line that could not be parsed, with its bytes and the reason.
    pub fn malformed(&mut self, error: &str) {
        let kept = self.record.get(..RAW_LIMIT).unwrap_or(self.record);
        let body = String::from_utf8_lossy(kept);
        self.not_utf8 = None;
        self.push_whole(&LogLine {
            body: Some(&body),
            raw: Some(self.record),
            parse_error: Some(error),
            ..self.line()
        });
    }
}

impl Counts {
    fn emit(&mut self, line: &LogLine<'_>, out: &mut LogBatchBuilder) {
        let seq = self.next_seq;
        self.next_seq = seq.saturating_add(1);
        if let Some(skip) = self.skip.checked_sub(1) {
            self.skip = skip;
            return;
        }
        self.parsed.records += 1;
        self.parsed.malformed += u64::from(line.parse_error.is_some());
        out.push_line(&LogLine { seq, ..*line });
    }
}
