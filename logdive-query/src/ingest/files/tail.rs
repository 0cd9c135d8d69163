//! One content on its way to rows.

use std::io;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::LayerName;
use logdive_core::format::{Origin, Overflow, Parser, TimeAssumption, by_name};
use logdive_core::log::{LogBatchBuilder, LogLine};

use super::disk::{Disk, Handle, Sequential, Stat, read_full};
use super::entry::{Entry, Packed};
use super::limits::FileLimits;
use super::peek::{Peek, extend_head};
use super::print::{PIECE, Print, piece};
use super::text;
use crate::ingest::FormatChoice;
use crate::ingest::compression::{Compression, Told, Unpack, UnpackError};

/// How much of a content a format is detected from.
const SAMPLE: usize = 64 << 10;
/// Less than that, without an end of line, may be too little of a file that grows.
const SAMPLE_LEAST: usize = 4 << 10;
/// Bytes behind the last record that are held, so that the piece in front of its end is known.
const RECENT: usize = 768 << 10;
/// A changed file is compared for so many rounds more: two changes may carry the same time.
const HOT: u8 = 4;

/// A content and, while its file is there, how it is read.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) entry: Entry,
    pub(crate) live: Option<Live>,
    /// The round in which its file was last seen.
    pub(crate) seen: u64,
    /// Whether its file is there and not asked for.
    pub(crate) elsewhere: bool,
}

/// Why a file does not simply go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Away {
    /// It has another name now.
    Renamed(DateTime<Utc>),
    /// It has no name any more, but is open.
    Removed(DateTime<Utc>),
    /// Its file holds something else: nothing more can be read.
    Replaced(DateTime<Utc>),
}

/// A content that is being read.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) handle: Option<Arc<dyn Handle>>,
    pub(crate) stat: Stat,
    /// Content that was given to the parser, in (unpacked) bytes.
    pub(crate) read: u64,
    /// The first bytes of it.
    pub(crate) head: Vec<u8>,
    /// The last bytes of it: at least a piece, and all that no row has.
    recent: Vec<u8>,
    /// When something came last.
    pub(crate) grown: DateTime<Utc>,
    pub(crate) away: Option<Away>,
    parser: Option<Parser>,
    flushed: bool,
    finished: bool,
    hot: u8,
    unpack: Option<Unpack<Sequential>>,
    /// Compressed bytes of it that are counted.
    counted: u64,
    /// Rows of it are known up to here: what is in front is unpacked, not parsed.
    pass: u64,
    /// A compressed file ended early at this size: more may come.
    cut: Option<u64>,
    told: bool,
}

/// What one reads with.
pub(crate) struct Reading<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) limits: &'a FileLimits,
    pub(crate) layer: &'a LayerName,
    pub(crate) format: &'a FormatChoice,
    pub(crate) host: Option<&'a str>,
    pub(crate) assumed: TimeAssumption,
    pub(crate) now: DateTime<Utc>,
    /// Whether this is all: what is open at the end is finished.
    pub(crate) once: bool,
    pub(crate) overflow: &'a (dyn Fn() -> Box<dyn Overflow> + 'a),
    pub(crate) out: &'a mut LogBatchBuilder,
    pub(crate) buffer: &'a mut Vec<u8>,
    /// Bytes of files that were read.
    pub(crate) taken: &'a mut u64,
}

/// Whether a file that was read before is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Same {
    Yes,
    No,
}

/// Whether there is more to read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    Yes,
    No,
}

impl Live {
    pub(crate) fn new(handle: Arc<dyn Handle>, stat: Stat, now: DateTime<Utc>) -> Self {
        Self {
            handle: Some(handle),
            stat,
            read: 0,
            head: Vec::new(),
            recent: Vec::new(),
            grown: now,
            away: None,
            parser: None,
            flushed: false,
            finished: false,
            hot: HOT,
            unpack: None,
            counted: 0,
            pass: 0,
            cut: None,
            told: false,
        }
    }

    /// Takes note of bytes that are read.
    fn absorb(&mut self, bytes: &[u8]) {
        extend_head(&mut self.head, bytes);
        self.recent.extend_from_slice(bytes);
        self.read += bytes.len() as u64;
    }

    /// Starts over at the beginning.
    fn rewind(&mut self) {
        self.read = 0;
        self.head.clear();
        self.recent.clear();
        self.parser = None;
        self.unpack = None;
        self.counted = 0;
    }

    /// The piece in front of a place, if it is still held.
    fn piece_before(&self, offset: u64) -> Option<&[u8]> {
        let begin = self.read - self.recent.len() as u64;
        let from = usize::try_from((offset - piece(offset) as u64).checked_sub(begin)?).ok()?;
        self.recent.get(from..from + piece(offset))
    }

    /// Whether rows may still come of what was read.
    pub(crate) fn is_pending(&self, entry: &Entry) -> bool {
        self.read > entry.offset && self.parser.is_some()
    }
}

impl Tail {
    pub(crate) const fn new(entry: Entry) -> Self {
        Self { entry, live: None, seen: 0, elsewhere: false }
    }

    /// Whether the file that was found under the content's id still holds it. What is needed to
    /// go on is made ready.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn verify(
        &mut self,
        handle: impl FnOnce() -> io::Result<Arc<dyn Handle>>,
        stat: &Stat,
        now: DateTime<Utc>,
    ) -> io::Result<Same> {
        let Some(live) = &mut self.live else {
            let handle = handle()?;
            return self.resume(handle, *stat, now);
        };
        if stat.is_unchanged(&live.stat) && live.hot == 0 {
            return Ok(Same::Yes);
        }
        let handle = match &live.handle {
            Some(handle) => Arc::clone(handle),
            None => handle()?,
        };
        let same = match &self.entry.packed {
            Some(packed) => is_same_packed(packed, &*handle, stat)?,
            None => {
                let length = piece(live.read);
                let from = live.read - length as u64;
                let tail = live.recent.get(live.recent.len().saturating_sub(length)..);
                stat.size >= live.read
                    && read_full(&*handle, 0, live.head.len())? == live.head
                    && tail.is_some_and(|tail| tail.len() == length)
                    && Some(&*read_full(&*handle, from, length)?) == tail
            }
        };
        live.hot = if stat.is_unchanged(&live.stat) { live.hot - 1 } else { HOT };
        if same {
            live.stat = *stat;
            live.handle = Some(handle);
        }
        Ok(if same { Same::Yes } else { Same::No })
    }

    /// Goes on with a content that is known from the offsets.
    fn resume(
        &mut self,
        handle: Arc<dyn Handle>,
        stat: Stat,
        now: DateTime<Utc>,
    ) -> io::Result<Same> {
        let entry = &self.entry;
        let mut live = Live::new(Arc::clone(&handle), stat, now);
        if let Some(packed) = &entry.packed {
            if !is_same_packed(packed, &*handle, &stat)? {
                return Ok(Same::No);
            }
        } else {
            if stat.size < entry.offset {
                return Ok(Same::No);
            }
            let pieces = Peek::new(handle, None).pieces(entry.offset)?;
            if pieces.at < entry.offset
                || Print::of(&pieces.head) != entry.head
                || entry.tail.is_some_and(|tail| Print::of(&pieces.tail) != tail)
            {
                return Ok(Same::No);
            }
            live.read = pieces.at;
            live.head = pieces.head;
            live.recent = pieces.tail;
            live.told = entry.offset > 0;
        }
        self.live = Some(live);
        Ok(Same::Yes)
    }

    /// Reads a piece of what is there.
    ///
    /// # Errors
    /// Why it cannot be read. It is tried again in the next round.
    pub(crate) fn read(&mut self, cx: &mut Reading<'_>) -> Result<More, String> {
        let Some(live) = &mut self.live else { return Ok(More::No) };
        if matches!(live.away, Some(Away::Replaced(_))) {
            return Ok(self.rest(cx));
        }
        let handle = match &live.handle {
            Some(handle) => Arc::clone(handle),
            None if live.is_read(&self.entry) => return Ok(self.rest(cx)),
            None => {
                let handle = cx.disk.open(&self.entry.path).map_err(|error| error.to_string())?;
                let stat = handle.stat().map_err(|error| error.to_string())?;
                if stat.id != live.stat.id {
                    // It was renamed just now: the next round will tell.
                    return Ok(More::No);
                }
                live.handle = Some(Arc::clone(&handle));
                handle
            }
        };
        if !live.told && !self.tell(&handle, cx)? {
            return Ok(self.rest(cx));
        }
        match self.entry.packed {
            Some(packed) => self.read_packed(packed, &handle, cx),
            None => self.read_plain(&handle, cx),
        }
    }

    /// Finds out how the file is compressed; whether that is known now.
    fn tell(&mut self, handle: &Arc<dyn Handle>, cx: &Reading<'_>) -> Result<bool, String> {
        let Some(live) = &mut self.live else { return Ok(false) };
        if self.entry.packed.is_none() {
            match Peek::tell(&**handle).map_err(|error| error.to_string())? {
                Told::Packed(compression) => {
                    self.entry.packed = Some(look_at(compression, &**handle, &live.stat)?);
                }
                Told::Unsupported(what) => return Err(unsupported(what)),
                Told::Unclear if !cx.once && live.quiet(cx) < cx.limits.grace => return Ok(false),
                Told::Plain | Told::Unclear => {}
            }
        }
        live.told = true;
        Ok(true)
    }

    fn read_plain(
        &mut self,
        handle: &Arc<dyn Handle>,
        cx: &mut Reading<'_>,
    ) -> Result<More, String> {
        let Some(live) = &mut self.live else { return Ok(More::No) };
        if live.stat.size <= live.read || !self.prepare(handle, cx)? {
            return Ok(self.rest(cx));
        }
        let Some(live) = &mut self.live else { return Ok(More::No) };
        let left = usize::try_from(live.stat.size.saturating_sub(live.read)).unwrap_or(usize::MAX);
        cx.buffer.resize(cx.limits.chunk, 0);
        let room = left.min(cx.buffer.len());
        let read = handle
            .read_at(live.read, cx.buffer.get_mut(..room).unwrap_or_default())
            .map_err(|error| error.to_string())?;
        if read == 0 {
            return Ok(self.rest(cx));
        }
        *cx.taken += read as u64;
        self.feed(read, cx);
        Ok(More::Yes)
    }

    fn read_packed(
        &mut self,
        packed: Packed,
        handle: &Arc<dyn Handle>,
        cx: &mut Reading<'_>,
    ) -> Result<More, String> {
        let Some(live) = &mut self.live else { return Ok(More::No) };
        let size = live.stat.size;
        let last = cx.once || live.quiet(cx) >= cx.limits.grace;
        if packed.read == Some(size) || (live.cut == Some(size) && !last) {
            return Ok(self.rest(cx));
        }
        if live.unpack.is_none() {
            live.rewind();
            let source = Sequential::new(Arc::clone(handle));
            let unpack =
                Unpack::new(packed.compression, source).map_err(|error| error.to_string())?;
            live.unpack = Some(unpack);
        }
        if !self.prepare(handle, cx)? {
            if let Some(live) = &mut self.live {
                live.unpack = None;
            }
            return Ok(self.rest(cx));
        }
        let Some(live) = &mut self.live else { return Ok(More::No) };
        let Some(unpack) = &mut live.unpack else { return Ok(More::No) };
        cx.buffer.resize(cx.limits.chunk, 0);
        let room = match live.pass.checked_sub(live.read) {
            Some(left) if left > 0 => {
                usize::try_from(left).unwrap_or(usize::MAX).min(cx.buffer.len())
            }
            _ => cx.buffer.len(),
        };
        let read = unpack.read(cx.buffer.get_mut(..room).unwrap_or_default());
        *cx.taken += unpack.taken().saturating_sub(live.counted);
        live.counted = unpack.taken();
        match read {
            Ok(0) => {
                live.unpack = None;
                self.packed_end(None, cx);
                Ok(self.rest(cx))
            }
            Ok(read) => {
                self.feed(read, cx);
                Ok(More::Yes)
            }
            Err(UnpackError::Read(error)) => {
                live.unpack = None;
                Err(error.to_string())
            }
            Err(error) => {
                live.unpack = None;
                if last {
                    self.packed_end(Some(&error.to_string()), cx);
                } else {
                    live.cut = Some(size);
                }
                Ok(self.rest(cx))
            }
        }
    }

    /// A compressed file is read to its end, or to where it does not go on.
    fn packed_end(&mut self, why: Option<&str>, cx: &mut Reading<'_>) {
        let Some(live) = &mut self.live else { return };
        if let Some(parser) = &mut live.parser {
            parser.finish(cx.out);
        }
        live.finished = true;
        self.settle();
        let Some(live) = &mut self.live else { return };
        live.cut = None;
        if let Some(packed) = &mut self.entry.packed {
            packed.read = Some(live.stat.size);
        }
        let Some(why) = why else { return };
        let source = text::of_path(&self.entry.name);
        let emitter = emitter(cx.host, &source);
        cx.out.push_line(&LogLine {
            emitter: Some(&emitter),
            seq: self.entry.seq,
            source: Some(&source),
            source_offset: i64::try_from(self.entry.offset).ok(),
            format: self.entry.format.as_deref(),
            parse_error: Some(why),
            ..LogLine::new(cx.layer, nanos(cx.now))
        });
        self.entry.seq += 1;
        self.entry.notes += 1;
        // What may come behind is numbered anew.
        live.parser = None;
    }

    /// Makes a parser if there is none; whether there is one now.
    fn prepare(&mut self, handle: &Arc<dyn Handle>, cx: &Reading<'_>) -> Result<bool, String> {
        let Some(live) = &mut self.live else { return Ok(false) };
        if live.parser.is_some() {
            return Ok(true);
        }
        let packed = self.entry.packed.map(|packed| packed.compression);
        let format = match cx.format {
            FormatChoice::Fixed(format) => Arc::clone(format),
            FormatChoice::Detect(detect) => {
                match self.entry.format.as_deref().and_then(|name| by_name(name).ok()) {
                    Some(format) => format,
                    None => {
                        let peek = Peek::new(Arc::clone(handle), packed);
                        let sample = peek.first(SAMPLE).map_err(|error| error.to_string())?;
                        let enough = sample.len() >= SAMPLE_LEAST || sample.contains(&b'\n');
                        let waited = cx.once || live.quiet(cx) >= cx.limits.flush_after;
                        if !enough && !waited {
                            return Ok(false);
                        }
                        detect(&sample)
                    }
                }
            }
        };
        let entry = &mut self.entry;
        entry.format = Some(format.name().to_owned());
        let source = text::of_path(&entry.name);
        let mut origin = Origin::new(cx.layer.clone(), source.as_str(), nanos(cx.now));
        origin.assumed = cx.assumed;
        origin.emitter = Some(emitter(cx.host, &source));
        let overflow = (cx.overflow)();
        let parser = if format.framing().is_resumable() {
            origin.first_offset = i64::try_from(entry.offset).unwrap_or(i64::MAX);
            origin.first_seq = entry.seq;
            live.pass = entry.offset;
            Parser::new(format, origin)
        } else {
            if packed.is_none() {
                live.rewind();
            }
            origin.first_seq = entry.base + entry.notes;
            live.pass = 0;
            Parser::new(format, origin).skip(entry.rows())
        };
        live.parser = Some(parser.overflow(overflow));
        Ok(true)
    }

    fn feed(&mut self, read: usize, cx: &mut Reading<'_>) {
        let Some(live) = &mut self.live else { return };
        let bytes = cx.buffer.get(..read).unwrap_or_default();
        // What is in front was made ready in whole pieces: a chunk does not cross the place.
        let known = live.read < live.pass;
        live.absorb(bytes);
        if known {
            let surplus = live.recent.len().saturating_sub(PIECE);
            live.recent.drain(..surplus);
            return;
        }
        if let Some(parser) = &mut live.parser {
            parser.observed(nanos(cx.now));
            parser.feed(bytes, cx.out);
        }
        live.grown = cx.now;
        live.flushed = false;
        live.finished = false;
        self.settle();
    }

    /// Nothing more is there now: what has ended by waiting ends.
    fn rest(&mut self, cx: &mut Reading<'_>) -> More {
        let Some(live) = &mut self.live else { return More::No };
        let quiet = live.quiet(cx);
        let since = |time: DateTime<Utc>| elapsed(cx.now, time).min(quiet);
        let over = match live.away {
            None => cx.once,
            Some(Away::Renamed(time) | Away::Removed(time) | Away::Replaced(time)) => {
                cx.once || since(time) >= cx.limits.grace
            }
        };
        if let Some(parser) = &mut live.parser {
            if over && !live.finished {
                parser.finish(cx.out);
                live.finished = true;
            } else if !live.flushed && quiet >= cx.limits.flush_after {
                parser.flush(cx.out);
                live.flushed = true;
            }
        }
        self.settle();
        let Some(live) = &mut self.live else { return More::No };
        if over {
            live.handle = None;
            match live.away {
                Some(Away::Removed(_) | Away::Replaced(_)) => self.leave(cx.now),
                _ if cx.once => self.live = None,
                _ => {}
            }
        }
        More::No
    }

    /// Takes note of how far rows go.
    fn settle(&mut self) {
        let Some(live) = &mut self.live else { return };
        let Some(position) = live.parser.as_ref().map(Parser::position) else { return };
        let offset = u64::try_from(position.offset).unwrap_or(0);
        // A source that is read from its beginning again is behind at first.
        if offset >= self.entry.offset && position.seq >= self.entry.seq {
            if offset > self.entry.offset {
                self.entry.tail = None;
                self.entry.offset = offset;
            }
            self.entry.seq = position.seq;
        }
        if self.entry.tail.is_none() && live.read >= self.entry.offset {
            self.entry.tail = live.piece_before(self.entry.offset).map(Print::of);
            if let Some(head) = live.head.get(..piece(self.entry.offset)) {
                self.entry.head = Print::of(head);
            }
        }
        let unread = usize::try_from(live.read.saturating_sub(self.entry.offset));
        let keep = PIECE + unread.unwrap_or(RECENT).min(RECENT);
        live.recent.drain(..live.recent.len().saturating_sub(keep));
    }

    /// Its file is gone; all of it that could be read is.
    pub(crate) fn leave(&mut self, now: DateTime<Utc>) {
        self.live = None;
        self.entry.gone.get_or_insert(now.timestamp());
    }

    /// Whether something of it was read, be it rows or not.
    pub(crate) fn is_begun(&self) -> bool {
        self.live.as_ref().is_some_and(|live| !live.head.is_empty())
    }

    /// Whether its file has no name any more.
    pub(crate) fn is_removed(&self) -> bool {
        self.live.as_ref().is_some_and(|live| matches!(live.away, Some(Away::Removed(_))))
    }

    /// Whether the file holds it now.
    pub(crate) fn is_there(&self, round: u64) -> bool {
        self.seen == round
            && self.live.as_ref().is_none_or(|live| !matches!(live.away, Some(Away::Replaced(_))))
    }
}

impl Live {
    fn quiet(&self, cx: &Reading<'_>) -> std::time::Duration {
        elapsed(cx.now, self.grown)
    }

    /// Bytes of the file that are to be read.
    pub(crate) fn left(&self, entry: &Entry) -> u64 {
        match entry.packed {
            Some(_) if self.is_read(entry) => 0,
            Some(_) => self.stat.size,
            None => self.stat.size.saturating_sub(self.read),
        }
    }

    /// Whether there is nothing to read of it.
    fn is_read(&self, entry: &Entry) -> bool {
        match entry.packed {
            Some(packed) => packed.read == Some(self.stat.size),
            None => self.read >= self.stat.size,
        }
    }
}

/// A compressed file as it lies there.
pub(crate) fn look_at(
    compression: Compression,
    handle: &dyn Handle,
    stat: &Stat,
) -> Result<Packed, String> {
    let head = read_full(handle, 0, piece(stat.size)).map_err(|error| error.to_string())?;
    Ok(Packed { compression, length: head.len() as u64, head: Print::of(&head), read: None })
}

fn is_same_packed(packed: &Packed, handle: &dyn Handle, stat: &Stat) -> io::Result<bool> {
    if stat.size < packed.read.unwrap_or(packed.length) {
        return Ok(false);
    }
    let head = read_full(handle, 0, piece(packed.length))?;
    Ok(Print::of(&head) == packed.head)
}

pub(crate) fn unsupported(what: &str) -> String {
    format!("it is compressed with {what}; plain, gzip and zstd files are read: unpack it first")
}

pub(crate) fn elapsed(now: DateTime<Utc>, since: DateTime<Utc>) -> std::time::Duration {
    (now - since).max(TimeDelta::zero()).to_std().unwrap_or_default()
}

fn emitter(host: Option<&str>, source: &str) -> String {
    host.map_or_else(|| source.to_owned(), |host| format!("{host}:{source}"))
}

pub(crate) fn nanos(time: DateTime<Utc>) -> i64 {
    time.timestamp_nanos_opt().unwrap_or_default()
}
