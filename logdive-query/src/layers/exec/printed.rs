//! What a command printed, as lines.

use std::sync::Arc;

use logdive_core::format::{Format, Origin, Parser};
use logdive_core::log::Column;
use logdive_core::{LayerName, LogBatch, LogBatchBuilder, LogRecord, Reason};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::layers::freshness::Freshness;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// What was read of a command's output.
pub(super) struct Printed {
    layer: LayerName,
    parser: Parser,
    pub(super) freshness: Freshness,
    pub(super) limit: u64,
    /// The lines that have a time.
    pub(super) lines: LogBatch,
    unreadable: Option<(u64, String)>,
    pub(super) bytes: u64,
    /// Whether there was more than the limit.
    pub(super) stopped: bool,
    pub(super) failed: Vec<Reason>,
}

impl Printed {
    pub(super) fn new(
        format: Arc<dyn Format>,
        origin: Origin,
        freshness: Freshness,
        limit: u64,
    ) -> Self {
        Self {
            layer: origin.layer.clone(),
            parser: Parser::new(format, origin),
            freshness,
            limit,
            lines: LogBatch::empty(),
            unreadable: None,
            bytes: 0,
            stopped: false,
            failed: Vec::new(),
        }
    }

    /// Reads to the end of the output, or to the limit.
    pub(super) async fn read(&mut self, mut stdout: impl AsyncRead + Unpin) -> std::io::Result<()> {
        let mut builder = LogBatchBuilder::new();
        let mut chunk = vec![0; CHUNK];
        let ended = loop {
            let read = match stdout.read(&mut chunk).await {
                Ok(0) => break Ok(()),
                Ok(read) => read,
                Err(error) => break Err(error),
            };
            self.bytes += read as u64;
            self.parser.feed(chunk.get(..read).unwrap_or_default(), &mut builder);
            if builder.rows() as u64 > self.limit {
                self.stopped = true;
                break Ok(());
            }
        };
        if !self.stopped {
            self.parser.finish(&mut builder);
        }
        self.keep(&builder.finish());
        ended
    }

    /// Keeps what has a time, up to the limit; the rest is counted.
    fn keep(&mut self, batch: &LogBatch) {
        let mut kept = LogBatchBuilder::new();
        for row in batch.rows() {
            if row.int(Column::TimeUnixNano).is_none() {
                let why = row.text(Column::ParseError).unwrap_or("it has no time").to_owned();
                self.unreadable.get_or_insert((0, why)).0 += 1;
            } else if kept.rows() as u64 == self.limit {
                self.stopped = true;
                break;
            } else {
                if let Some(time) = row.int(Column::Ts) {
                    self.freshness.add(row.text(Column::Emitter), time);
                }
                // Some formats name layers themselves; what the command prints is of this one.
                kept.push(&LogRecord { layer: self.layer.clone(), ..row.to_record() });
            }
        }
        self.lines = kept.finish();
    }

    pub(super) fn count(&self) -> u64 {
        self.lines.len() as u64
    }

    /// How many lines have no time that could be read, and why the first has none.
    pub(super) fn unreadable(&self) -> Option<(u64, &str)> {
        self.unreadable.as_ref().map(|(count, why)| (*count, why.as_str()))
    }
}
