//! Standard input, or any other stream of bytes that is there once.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::format::{Format, Origin, Parser, TimeAssumption};
use logdive_core::log::LogBatchBuilder;
use logdive_core::port::Clock;
use logdive_core::{Digest, LayerName};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::compression::{Told, tell};
use super::files::{FileLimits, FileProgress, FileSourceError, elapsed, nanos, stream_name};
use super::receipts::Receipts;
use super::{FormatChoice, IngestStream, Ingester};

/// How much of the input a format is detected from.
const SAMPLE: usize = 64 << 10;

/// Where the stream stands. The bytes are gone: nothing goes on from here but the numbers.
#[derive(Debug, Serialize, Deserialize)]
struct Offsets {
    version: u64,
    /// Which run read them.
    run: String,
    /// Bytes of that run that are rows.
    bytes: i64,
    /// The place of the next row; the next run goes on with it.
    seq: i64,
}

/// Standard input as a source: bytes that come once, as they come.
///
/// What was read and is not durable when the process dies is lost with the pipe it came from; the
/// lake knows how many bytes of which run it has, but nobody can go on from there. Where that
/// matters, write to a file and follow it.
#[derive(Debug, Clone)]
pub struct StdinSource {
    layer: LayerName,
    format: FormatChoice,
    name: String,
    host: Option<String>,
    assumed: TimeAssumption,
    limits: FileLimits,
}

impl StdinSource {
    /// A source of one layer's lines, called `stdin`.
    #[must_use]
    pub fn new(layer: LayerName, format: FormatChoice) -> Self {
        let name = "stdin".to_owned();
        let assumed = TimeAssumption::default();
        Self { layer, format, name, host: None, assumed, limits: FileLimits::default() }
    }

    /// Names the input: what lines carry as their source.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Names the host: lines that do not say what wrote them are from `host:name` then, else from
    /// `name`.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// Sets what to assume of times that do not say their zone or year.
    #[must_use]
    pub const fn assume(mut self, assumed: TimeAssumption) -> Self {
        self.assumed = assumed;
        self
    }

    /// Sets how much, how often, how long: `poll` is how long rows wait for more of them.
    #[must_use]
    pub const fn limits(mut self, limits: FileLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads to the end of the input, or until `stop` is ready; when this returns, all that was
    /// read is durable. The last line needs no end.
    ///
    /// # Errors
    /// If the input cannot be read or is compressed, or the lake does not take the rows.
    pub async fn read(
        self,
        mut input: impl AsyncRead + Unpin + Send,
        ingester: &Ingester,
        clock: Arc<dyn Clock>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<FileProgress, FileSourceError> {
        let stream = ingester.stream(&stream_name("stdin", &self.layer)).await?;
        let mut reading = Reading::new(self, stream, clock.now());
        let mut stop = pin!(stop);
        let mut buffer = vec![0; reading.source.limits.chunk];
        let mut failed = None;
        loop {
            let read = match reading.due() {
                None => tokio::select! {
                    biased;
                    () = &mut stop => break,
                    read = input.read(&mut buffer) => Some(read),
                },
                Some(due) => tokio::select! {
                    biased;
                    () = &mut stop => break,
                    read = input.read(&mut buffer) => Some(read),
                    () = clock.sleep_until(due) => None,
                },
            };
            let now = clock.now();
            match read {
                None => reading.idle(now).await?,
                Some(Ok(0)) => break,
                Some(Ok(read)) => {
                    reading.take(buffer.get(..read).unwrap_or_default(), now).await?;
                }
                Some(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Some(Err(error)) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let name = reading.source.name.clone();
        let progress = reading.end(clock.now()).await?;
        match failed {
            None => Ok(progress),
            Some(source) => Err(FileSourceError::Read { name, source }),
        }
    }
}

#[derive(Debug)]
struct Reading {
    source: StdinSource,
    stream: IngestStream,
    run: String,
    /// Bytes from which the format is not told yet.
    sample: Vec<u8>,
    parser: Option<Parser>,
    first_seq: i64,
    out: LogBatchBuilder,
    receipts: Receipts,
    progress: FileProgress,
    /// When something came last, and when rows were pushed last.
    came: DateTime<Utc>,
    pushed: DateTime<Utc>,
    flushed: bool,
}

impl Reading {
    fn new(source: StdinSource, stream: IngestStream, now: DateTime<Utc>) -> Self {
        let known = stream.committed().and_then(|offsets| Offsets::deserialize(offsets).ok());
        let run = Digest::of_parts([
            now.to_rfc3339().as_bytes(),
            std::process::id().to_string().as_bytes(),
        ]);
        let progress = FileProgress { files: 1, ..FileProgress::default() };
        Self {
            source,
            stream,
            run: run.short(),
            sample: Vec::new(),
            parser: None,
            first_seq: known.map_or(0, |known| known.seq),
            out: LogBatchBuilder::new(),
            receipts: Receipts::default(),
            progress,
            came: now,
            pushed: now,
            flushed: true,
        }
    }

    /// When something is to be done if nothing comes.
    fn due(&self) -> Option<DateTime<Utc>> {
        let limits = &self.source.limits;
        let after = |time: DateTime<Utc>, wait: Duration| {
            time + TimeDelta::from_std(wait).unwrap_or_default()
        };
        let push = (self.out.rows() > 0).then(|| after(self.came, limits.poll));
        let flush = (!self.flushed).then(|| after(self.came, limits.flush_after));
        [push, flush].into_iter().flatten().min()
    }

    async fn take(&mut self, bytes: &[u8], now: DateTime<Utc>) -> Result<(), FileSourceError> {
        self.came = now;
        self.flushed = false;
        self.progress.read += bytes.len() as u64;
        self.progress.bytes = self.progress.read;
        match &mut self.parser {
            Some(parser) => {
                parser.observed(nanos(now));
                parser.feed(bytes, &mut self.out);
            }
            None => {
                self.sample.extend_from_slice(bytes);
                if self.sample.len() >= SAMPLE || self.sample.contains(&b'\n') {
                    self.begin(now)?;
                }
            }
        }
        let limits = &self.source.limits;
        let full = self.out.rows() >= limits.batch_rows || self.out.bytes() >= limits.batch_bytes;
        if full || (self.out.rows() > 0 && elapsed(now, self.pushed) >= limits.poll) {
            self.push(now).await?;
        }
        Ok(())
    }

    /// Nothing came for a while.
    async fn idle(&mut self, now: DateTime<Utc>) -> Result<(), FileSourceError> {
        if elapsed(now, self.came) >= self.source.limits.flush_after && !self.flushed {
            self.flushed = true;
            self.begin(now)?;
            if let Some(parser) = &mut self.parser {
                parser.flush(&mut self.out);
            }
        }
        self.push(now).await
    }

    /// Chooses the format, and parses what waited for that.
    fn begin(&mut self, now: DateTime<Utc>) -> Result<(), FileSourceError> {
        if self.parser.is_some() || self.sample.is_empty() {
            return Ok(());
        }
        let source = &self.source;
        let compressed =
            |with: String| Err(FileSourceError::Compressed { name: source.name.clone(), with });
        match tell(&self.sample) {
            Told::Packed(compression) => return compressed(compression.to_string()),
            Told::Unsupported(what) => return compressed(what.to_owned()),
            Told::Plain | Told::Unclear => {}
        }
        let format: Arc<dyn Format> = match &source.format {
            FormatChoice::Fixed(format) => Arc::clone(format),
            FormatChoice::Detect(detect) => detect(&self.sample),
        };
        let mut origin = Origin::new(source.layer.clone(), source.name.as_str(), nanos(now));
        origin.first_seq = self.first_seq;
        origin.assumed = source.assumed;
        origin.emitter = Some(match &source.host {
            Some(host) => format!("{host}:{}", source.name),
            None => source.name.clone(),
        });
        let overflow = self.stream.overflow();
        let mut parser = Parser::new(format, origin).overflow(overflow);
        parser.feed(&std::mem::take(&mut self.sample), &mut self.out);
        self.parser = Some(parser);
        Ok(())
    }

    async fn push(&mut self, now: DateTime<Utc>) -> Result<(), FileSourceError> {
        self.pushed = now;
        let Some(parser) = &self.parser else { return Ok(()) };
        if self.out.rows() == 0 {
            return Ok(());
        }
        let position = parser.position();
        let offsets = Offsets {
            version: 1,
            run: self.run.clone(),
            bytes: position.offset,
            seq: position.seq,
        };
        // It is made of texts and numbers: writing it as JSON does not fail.
        let offsets = serde_json::to_value(&offsets).unwrap_or_default();
        let rows = self.out.finish();
        self.progress.count(&rows);
        let count = rows.len() as u64;
        let receipt = self.stream.push(rows, offsets).await?;
        self.receipts.push(count, receipt);
        self.progress.durable += self.receipts.ready()?;
        Ok(())
    }

    async fn end(mut self, now: DateTime<Utc>) -> Result<FileProgress, FileSourceError> {
        self.begin(now)?;
        if let Some(parser) = &mut self.parser {
            parser.finish(&mut self.out);
        }
        self.push(now).await?;
        self.progress.durable += self.receipts.all().await?;
        self.progress.done = 1;
        Ok(self.progress)
    }
}
