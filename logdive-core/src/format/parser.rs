//! From bytes as they come to rows.

use std::sync::Arc;

use super::frame::{Frame, Framer};
use super::overflow::Nowhere;
use super::rows::{Counts, Giant};
use super::{Format, Origin, Overflow, Parsed, Rows};
use crate::log::LogBatchBuilder;

/// Parses one source whose bytes come in pieces.
///
/// The rows depend on the bytes alone, never on how they were cut into pieces. Every record is a
/// row or more; no record is dropped for what it is. A record longer than
/// [`RAW_LIMIT`](super::RAW_LIMIT) is read through without being held, so the memory is bounded
/// whatever comes (OTLP requests are held up to 16 MiB).
#[derive(Debug)]
pub struct Parser {
    format: Arc<dyn Format>,
    origin: Origin,
    overflow: Box<dyn Overflow>,
    framer: Framer,
    /// Bytes that no row has yet.
    pending: Vec<u8>,
    /// Where they begin in the source.
    at: i64,
    giant: Option<Giant>,
    counts: Counts,
}

/// How far a source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// The first byte that no row has.
    pub offset: i64,
    /// The place of the next row.
    pub seq: i64,
}

impl Parser {
    /// A parser of a source from where its origin begins.
    #[must_use]
    pub fn new(format: Arc<dyn Format>, origin: Origin) -> Self {
        let framer = Framer::new(format.framing());
        let counts = Counts { next_seq: origin.first_seq, ..Counts::default() };
        let at = origin.first_offset;
        let pending = Vec::new();
        let overflow = Box::new(Nowhere);
        Self { format, origin, overflow, framer, pending, at, giant: None, counts }
    }

    /// Sets where the rest of giant records goes; without it, their rows keep the beginning,
    /// length and digest alone and say so.
    #[must_use]
    pub fn overflow(mut self, overflow: impl Overflow + 'static) -> Self {
        self.overflow = Box::new(overflow);
        self
    }

    /// Leaves out so many rows at the beginning: those that are kept already, of a source that
    /// can only be read from its beginning.
    #[must_use]
    pub const fn skip(mut self, rows: u64) -> Self {
        self.counts.skip = rows;
        self
    }

    /// Sets when the bytes that follow are observed, in nanoseconds since 1970.
    pub const fn observed(&mut self, time_unix_nano: i64) {
        self.origin.observed_time_unix_nano = time_unix_nano;
    }

    /// Takes the next bytes and adds the records that end in them.
    pub fn feed(&mut self, bytes: &[u8], out: &mut LogBatchBuilder) {
        self.take(bytes, false, out);
    }

    /// Adds the record that has ended by its last line, if nothing has come for a while: a line
    /// of a format whose records have several is held back until the next line shows that it is
    /// no part of it. A line that comes later is then a record of its own.
    pub fn flush(&mut self, out: &mut LogBatchBuilder) {
        if self.giant.is_none()
            && let frame @ Frame::Record { .. } = self.framer.flush(&self.pending)
        {
            let pending = std::mem::take(&mut self.pending);
            self.at += place(self.emit(&pending, 0, frame, out));
        }
    }

    /// Ends the source: what is left is its last record. The parser can go on behind it.
    pub fn finish(&mut self, out: &mut LogBatchBuilder) {
        self.take(&[], true, out);
    }

    /// How far the source is read: reading again from here gives the rows that follow. (Of a
    /// format that can only be read from the beginning, read it again from there and
    /// [`skip`](Self::skip) the rows in front.)
    #[must_use]
    pub fn position(&self) -> Position {
        let offset = self.giant.as_ref().map_or(self.at, |giant| giant.at);
        Position { offset, seq: self.counts.next_seq }
    }

    /// What was parsed so far.
    #[must_use]
    pub const fn parsed(&self) -> Parsed {
        self.counts.parsed
    }

    /// The format.
    #[must_use]
    pub const fn format(&self) -> &Arc<dyn Format> {
        &self.format
    }

    fn take(&mut self, bytes: &[u8], end: bool, out: &mut LogBatchBuilder) {
        let mut pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            let used = self.consume(bytes, end, out);
            pending.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            pending.extend_from_slice(bytes);
            let used = self.consume(&pending, end, out);
            pending.drain(..used);
        }
        self.pending = pending;
    }

    /// Adds the records of the input and gives how many bytes they had.
    fn consume(&mut self, input: &[u8], end: bool, out: &mut LogBatchBuilder) -> usize {
        let mut used = 0;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            if let Some(mut giant) = self.giant.take() {
                let step = self.framer.rest(rest, end);
                if step.held {
                    giant.take(b"\r", &mut *self.overflow);
                }
                giant.take(rest.get(..step.text).unwrap_or_default(), &mut *self.overflow);
                match step.next {
                    Some(next) => {
                        used += next;
                        self.giant_ended(giant, out);
                    }
                    None => {
                        self.giant = Some(giant);
                        used = input.len();
                        break;
                    }
                }
                continue;
            }
            match self.framer.next(rest, end) {
                Frame::More => break,
                Frame::Skip(bytes) => used += bytes,
                Frame::Giant { broken } => {
                    self.giant = Some(Giant::new(self.at + place(used), broken, &self.counts));
                }
                frame => used += self.emit(rest, used, frame, out),
            }
        }
        self.at += place(used);
        used
    }

    /// Adds a whole record and gives where the next begins.
    fn emit(
        &mut self,
        input: &[u8],
        used: usize,
        frame: Frame,
        out: &mut LogBatchBuilder,
    ) -> usize {
        let Frame::Record { text, next, broken } = frame else { return 0 };
        let at = self.at + place(used + text.start);
        let record = input.get(text).unwrap_or_default();
        if record.len() > self.framer.limit() {
            let mut giant = Giant::new(at, broken, &self.counts);
            giant.take(record, &mut *self.overflow);
            self.giant_ended(giant, out);
            return next;
        }
        let name = self.format.name();
        let (overflow, counts) = (&mut *self.overflow, &mut self.counts);
        let mut rows = Rows::new(name, &self.origin, record, at, None, overflow, counts, out);
        match broken {
            Some(why) => rows.malformed(why),
            None => self.format.parse(&mut rows),
        }
        next
    }

    fn giant_ended(&mut self, giant: Giant, out: &mut LogBatchBuilder) {
        let (at, broken) = (giant.at, giant.broken);
        let (kept, end) = giant.finish(&mut *self.overflow);
        // The beginning of a line says its time and level; that of a JSON value is none.
        let readable = broken.is_none() && self.format.framing().is_resumable();
        let name = self.format.name();
        let (overflow, counts) = (&mut *self.overflow, &mut self.counts);
        let mut rows =
            Rows::new(name, &self.origin, &kept, at, end.as_ref(), overflow, counts, out);
        if readable {
            self.format.parse(&mut rows);
        } else {
            rows.malformed(broken.unwrap_or("only its beginning was looked at"));
        }
    }
}

fn place(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Parses a whole source.
pub fn parse(
    format: &Arc<dyn Format>,
    bytes: &[u8],
    origin: &Origin,
    out: &mut LogBatchBuilder,
) -> Parsed {
    let mut parser = Parser::new(Arc::clone(format), origin.clone());
    parser.feed(bytes, out);
    parser.finish(out);
    parser.parsed()
}

#[cfg(all(test, feature = "json"))]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Parser;
    use crate::format::{JsonLines, Origin, Overflow, RAW_LIMIT};
    use crate::log::LogBatchBuilder;
    use crate::{Digest, LayerName};

    /// Counts the blobs.
    #[derive(Debug)]
    struct Blobs(Arc<AtomicU64>);

    impl Overflow for Blobs {
        fn write(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn finish(&mut self, _: Digest) -> io::Result<String> {
            Ok(self.0.fetch_add(1, Ordering::Relaxed).to_string())
        }

        fn discard(&mut self) {}
    }

    #[test]
    fn the_rest_of_a_row_that_is_left_out_is_not_written_again() {
        let line = vec![b'x'; RAW_LIMIT + 10];
        let text = [&line[..], b"\n", &line, b"\n"].concat();
        for piece in [1_000, text.len()] {
            let blobs = Arc::new(AtomicU64::new(0));
            let origin = Origin::new(LayerName::parse("x").unwrap(), "x", 1);
            let mut parser = Parser::new(Arc::new(JsonLines::new()), origin)
                .overflow(Blobs(Arc::clone(&blobs)))
                .skip(1);
            let mut out = LogBatchBuilder::new();
            text.chunks(piece).for_each(|piece| parser.feed(piece, &mut out));
            let record = out.finish().records().next().unwrap();
            assert_eq!((record.seq, record.raw_blob.as_deref()), (1, Some("0")));
            assert_eq!(blobs.load(Ordering::Relaxed), 1);
        }
    }
}
