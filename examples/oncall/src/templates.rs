//! `logdive templates`: what a file of logs says, folded into templates.
//!
//! The file is read once. Of each record its line and its shape are kept (twelve bytes), and one
//! text of each shape, so that the memory is bounded by the number of records, not by their size.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::sync::Arc;

use logdive_core::format::{Detected, Format, Framing, Origin, Parser, Rows, by_name};
use logdive_core::log::LogLine;
use logdive_core::port::{Clock as _, SystemClock};
use logdive_core::template::{Miner, Sample, Templates};
use logdive_core::{LayerName, LogBatchBuilder, LogRecord};
use logdive_query::ingest::unpacked;
use logdive_sinks::visible;
use serde_json::json;

use crate::args;
use crate::error::{Context as _, Failure};
use crate::output::{Output, width};

/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;
/// Bytes that the format is guessed from.
const BEGINNING: u64 = 64 * 1024;

/// `logdive templates`
pub(crate) fn run(args: &args::Templates, output: &Output) -> Result<(), Failure> {
    let name = args.path.display().to_string();
    let source: Box<dyn Read> = if args.path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&args.path).context(format!("opening `{name}`"))?)
    };
    let mut source = unpacked(source).context(format!("reading `{name}`"))?;
    let mut beginning = Vec::new();
    // A cut archive gives what there is, then the error.
    let mut failed = source.by_ref().take(BEGINNING).read_to_end(&mut beginning).err();
    let format: Arc<dyn Format> = if args.format.eq_ignore_ascii_case("auto") {
        match <dyn Format>::detect(&beginning).filter(is_sure) {
            Some(found) => {
                output.progress(format!("format {found}"));
                found.format
            }
            None => Arc::new(EachLine),
        }
    } else {
        by_name(&args.format).context("`--format`")?
    };
    let mut records = Records::new(format)?;
    records.feed(&beginning);
    let mut buffer = vec![0; CHUNK];
    while failed.is_none() {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => records.feed(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => failed = Some(error),
        }
    }
    records.finish();
    if output.is_json() {
        records.print_each();
    } else {
        records.print_table(args.limit, output);
    }
    match failed {
        None => Ok(()),
        Some(error) => Err(error).context(format!("reading `{name}` to its end")),
    }
}

/// Whether a guess is good enough to take records apart by it. Without times only JSON tells
/// itself: any text may look like one or the other format.
fn is_sure(found: &Detected) -> bool {
    match found.format.name() {
        "plain" => false,
        "json" | "cloudtrail" | "otlp" => true,
        _ => found.timed * 2 > found.records,
    }
}

/// Text of which nothing is known: each line is a record.
#[derive(Debug)]
struct EachLine;

impl Format for EachLine {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        let base = rows.line();
        rows.push(&LogLine { body: Some(&text), ..base });
    }
}

/// The records of a file as far as they are read.
struct Records {
    parser: Parser,
    rows: LogBatchBuilder,
    sample: Sample,
    /// The shape of each record.
    shapes: Vec<i64>,
    /// How many lines each record begins behind the one in front of it.
    steps: Vec<u32>,
    lines: Lines,
    malformed: u64,
}

impl Records {
    fn new(format: Arc<dyn Format>) -> Result<Self, Failure> {
        let layer = LayerName::parse("any").context("naming a layer")?;
        let now = SystemClock::new().now().timestamp_nanos_opt().unwrap_or_default();
        Ok(Self {
            parser: Parser::new(format, Origin::new(layer, "templates", now)),
            rows: LogBatchBuilder::new(),
            sample: Sample::new(Miner::new()),
            shapes: Vec::new(),
            steps: Vec::new(),
            lines: Lines::default(),
            malformed: 0,
        })
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.lines.read(bytes);
        self.parser.feed(bytes, &mut self.rows);
        self.take();
    }

    fn finish(&mut self) {
        self.parser.finish(&mut self.rows);
        self.take();
    }

    fn take(&mut self) {
        for record in self.rows.finish().records() {
            let before = self.lines.line;
            let line = self.lines.of(record.source_offset.unwrap_or_default());
            self.steps.push(u32::try_from(line - before).unwrap_or(u32::MAX));
            self.shapes.push(self.sample.push(&text(&record)));
            self.malformed += u64::from(record.parse_error.is_some());
        }
    }

    /// Each record's line and shape.
    fn each(&self) -> impl Iterator<Item = (u64, i64)> {
        let mut line = 1;
        self.steps.iter().zip(&self.shapes).map(move |(step, shape)| {
            line += u64::from(*step);
            (line, *shape)
        })
    }

    fn print_each(&self) {
        let templates = self.sample.mine();
        let mut out = BufWriter::new(io::stdout().lock());
        for (line, shape) in self.each() {
            let Some(template) = templates.of(shape) else { continue };
            let value =
                json!({ "line": line, "template_id": template.id, "template": template.text });
            // A reader that went away (`| head`) is no failure.
            if writeln!(out, "{value}").is_err() {
                return;
            }
        }
        let _ = out.flush();
    }

    fn print_table(&self, limit: usize, output: &Output) {
        let templates = self.sample.mine();
        let found = self.counted(&templates);
        let shown = if limit == 0 { found.len() } else { limit.min(found.len()) };
        if shown > 0 {
            output.text(format!("{:>9} {:>9}  template, and its first line", "lines", "first"));
        }
        let room = width().saturating_sub(INDENT).max(20);
        for one in found.iter().take(shown) {
            let text = templates.all().get(one.place).map_or("", |template| &template.text);
            let text = if text.is_empty() { "(lines without text)" } else { text };
            let mut numbers = format!("{:>9} {:>9}  ", one.count, one.first);
            for part in folded(&visible(text), room) {
                output.text(format!("{numbers}{part}"));
                numbers = " ".repeat(INDENT);
            }
            if let Some(example) = self.sample.text(one.shape) {
                let example: String =
                    visible(example.trim()).chars().take(room.saturating_sub(2)).collect();
                output.text(format!("{numbers}| {example}"));
            }
        }
        let rest = found.len() - shown;
        let left_out: u64 = found.iter().skip(shown).map(|one| one.count).sum();
        if rest > 0 {
            output.text(format!(
                "{rest} more templates of {left_out} records; `--limit 0` shows all"
            ));
        }
        output.text(format!(
            "{} records, {} of them malformed; {} templates",
            self.shapes.len(),
            self.malformed,
            found.len()
        ));
    }

    /// The templates that records have, most frequent first.
    fn counted(&self, templates: &Templates) -> Vec<Counted> {
        let mut found: Vec<Option<Counted>> = Vec::new();
        found.resize_with(templates.all().len(), || None);
        for (line, shape) in self.each() {
            let Some(place) = templates.place(shape) else { continue };
            if let Some(one) = found.get_mut(place) {
                one.get_or_insert(Counted { place, count: 0, first: line, shape }).count += 1;
            }
        }
        let mut found: Vec<Counted> = found.into_iter().flatten().collect();
        found.sort_by_key(|one| (std::cmp::Reverse(one.count), one.first));
        found
    }
}

/// Where the text of the table begins.
const INDENT: usize = 21;

/// A template's records.
struct Counted {
    place: usize,
    count: u64,
    first: u64,
    shape: i64,
}

/// What a record says: its body; without one, the record as it came, or its fields.
fn text(record: &LogRecord) -> String {
    let body = record.body.as_deref().filter(|body| !body.trim().is_empty());
    let raw = || record.raw.as_deref().map(|raw| String::from_utf8_lossy(raw).into_owned());
    body.map(str::to_owned)
        .or_else(|| record.event.clone())
        .or_else(raw)
        .or_else(|| record.attributes.clone())
        .unwrap_or_default()
}

/// Cuts a text into parts of a width, at spaces where there are.
fn folded(text: &str, width: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut room = width;
    for word in text.split_inclusive(' ') {
        let long = word.trim_end().chars().count();
        if long > room && room < width {
            parts.push(String::new());
            room = width;
        }
        for c in word.chars() {
            if room == 0 && c != ' ' {
                parts.push(String::new());
                room = width;
            }
            if let Some(part) = parts.last_mut().filter(|_| room > 0) {
                part.push(c);
                room -= 1;
            }
        }
    }
    parts.iter().map(|part| part.trim_end().to_owned()).collect()
}

/// Tells lines by their place in the file.
#[derive(Default)]
struct Lines {
    read: u64,
    /// Where the lines end that no record was asked for yet.
    ends: VecDeque<u64>,
    /// Lines that end in front of the last record that was asked for.
    line: u64,
}

impl Lines {
    fn read(&mut self, bytes: &[u8]) {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        self.ends.extend(ends.map(|(at, _)| self.read + at as u64));
        self.read += bytes.len() as u64;
    }

    /// How many lines end in front of a place; places rise.
    fn of(&mut self, offset: i64) -> u64 {
        let offset = u64::try_from(offset).unwrap_or_default();
        while self.ends.front().is_some_and(|end| *end < offset) {
            self.ends.pop_front();
            self.line += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, folded};

    #[test]
    fn lines_are_told_by_their_place() {
        let mut lines = Lines::default();
        lines.read(b"a\n\nb");
        assert_eq!(lines.of(0), 0);
        lines.read(b"b\nc");
        assert_eq!((lines.of(3), lines.of(3), lines.of(6)), (2, 2, 3));
    }

    #[test]
    fn texts_are_folded_at_a_width() {
        assert_eq!(folded("ab cdef", 4), ["ab", "cdef"]);
        assert_eq!(folded("abcd ef gh", 4), ["abcd", "ef", "gh"]);
        assert_eq!(folded("ab cdefghi j", 4), ["ab", "cdef", "ghi", "j"]);
        assert_eq!(folded("", 4), [""]);
    }
}
