//! A layer that a command prints: logcli, aws, kubectl, anything that writes a known format.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::stream;
use logdive_core::format::{Format, JsonLines, Origin};
use logdive_core::port::{
    Clock, LayerItem, LayerQuery, LayerSource, LayerSourceError, LayerStream,
};
use logdive_core::{
    Layer, LayerCoverage, LayerField, LayerName, Reason, ReasonKind, ValueType, Window,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::foreign::ForeignLayer;
use super::freshness::Freshness;
use super::{BringLayer, Brought};
use crate::diver::BuildError;

mod printed;

use self::printed::Printed;

/// Bytes of what a failed command says that are repeated.
const SAID: u64 = 2_048;

/// A layer that a command prints: as JSON objects, one a line, or in any other format.
///
/// The command is an argument vector, not a shell's text. `{from}` and `{to}` in an argument
/// become the ends of the window in RFC 3339. What it prints is read by a
/// [`Format`](logdive_core::format::Format): [`JsonLines`] unless another is set. A time without
/// year is one near the end of the window.
///
/// A command that fails, is too slow, or prints what is no log line with a time makes the layer's
/// coverage say so: it is never taken for a quiet layer.
#[derive(Debug, Clone)]
pub struct ExecLayer {
    command: Vec<String>,
    format: Arc<dyn Format>,
    fields: Vec<(String, LayerField)>,
    ids: Vec<(String, String)>,
    lateness: Option<Duration>,
    current: Option<Arc<dyn Clock>>,
    restricted: bool,
    changes: bool,
}

impl ExecLayer {
    /// A layer printed by a program with these arguments.
    pub fn new<S: Into<String>>(command: impl IntoIterator<Item = S>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            format: Arc::new(JsonLines::new()),
            fields: Vec::new(),
            ids: Vec::new(),
            lateness: None,
            current: None,
            restricted: false,
            changes: false,
        }
    }

    /// Sets the format of what the command prints.
    #[must_use]
    pub fn format(mut self, format: Arc<dyn Format>) -> Self {
        self.format = format;
        self
    }

    /// Declares a field of the lines' attributes, at keys joined by dots.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, path: &str, kind: ValueType) -> Self {
        self.fields.push((name.into(), LayerField::attribute(path, kind)));
        self
    }

    /// Declares that a field holds an id of a kind.
    #[must_use]
    pub fn id(mut self, kind: impl Into<String>, field: impl Into<String>) -> Self {
        self.ids.push((kind.into(), field.into()));
        self
    }

    /// Declares how late a line may come. The watermark is that of the lines read, so a window is
    /// complete only if every emitter wrote behind its end.
    #[must_use]
    pub const fn lateness(mut self, lateness: Duration) -> Self {
        self.lateness = Some(lateness);
        self
    }

    /// Declares that the store has every line at the latest this long after its time, whether or
    /// not anything is written: the watermark is then the time of asking, less this.
    #[must_use]
    pub fn arrives_within(mut self, lateness: Duration, clock: Arc<dyn Clock>) -> Self {
        self.lateness = Some(lateness);
        self.current = Some(clock);
        self
    }

    /// Marks a layer whose lines are counted, never shown.
    #[must_use]
    pub const fn restricted(mut self) -> Self {
        self.restricted = true;
        self
    }

    /// Marks a layer of changes (deploys, flags): always on the timeline.
    #[must_use]
    pub const fn changes(mut self) -> Self {
        self.changes = true;
        self
    }

    /// Makes it a source by itself, for those who use it without a diver.
    ///
    /// # Errors
    /// If the name or a declared field is wrong, or there is no program to run.
    pub fn named(self, name: impl AsRef<str>) -> Result<impl LayerSource, BuildError> {
        self.source(LayerName::parse(name)?)
    }

    fn source(self, name: LayerName) -> Result<ExecSource, BuildError> {
        let mut command = self.command.into_iter();
        let Some(program) = command.next().filter(|program| !program.is_empty()) else {
            let why = "its command is empty: give a program and its arguments".to_owned();
            return Err(BuildError::Unreadable { layer: name, why });
        };
        let mut layer = Layer::new(name.as_str())?;
        for (name, field) in self.fields {
            layer = layer.field(&name, field)?;
        }
        for (kind, field) in &self.ids {
            layer = layer.id(kind, field)?;
        }
        if let Some(lateness) = self.lateness {
            layer = layer.lateness(lateness);
        }
        if self.restricted {
            layer = layer.restricted();
        }
        if self.changes {
            layer = layer.changes();
        }
        Ok(ExecSource {
            program,
            arguments: command.collect(),
            format: self.format,
            layer,
            current: self.current,
        })
    }
}

impl BringLayer for ExecLayer {
    fn bring(self, name: LayerName) -> Result<Brought, BuildError> {
        Ok(Brought(Arc::new(ForeignLayer(Arc::new(self.source(name)?)))))
    }
}

#[derive(Debug)]
struct ExecSource {
    program: String,
    arguments: Vec<String>,
    format: Arc<dyn Format>,
    layer: Layer,
    current: Option<Arc<dyn Clock>>,
}

impl ExecSource {
    fn error(&self, kind: ReasonKind, what: &str) -> LayerSourceError {
        LayerSourceError::new(kind, format!("`{}` {what}", self.program))
    }

    /// Runs the command and reads what it prints. Dropping the future kills it.
    async fn print(&self, query: &LayerQuery) -> Result<Printed, LayerSourceError> {
        let name = self.layer.name();
        let lateness = self.layer.declared_lateness();
        let freshness = Freshness::new(name.as_str(), lateness, self.current.as_ref());
        let mut child = Command::new(&self.program)
            .args(self.arguments.iter().map(|argument| filled(argument, &query.window)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| self.error(ReasonKind::Failed, "cannot be started").caused_by(e))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(self.error(ReasonKind::Failed, "has no output"));
        };
        let mut origin = Origin::new(self.layer.name().clone(), &*self.program, 0);
        let to = query.window.to();
        origin.observed_time_unix_nano = to.timestamp_nanos_opt().unwrap_or(i64::MAX);
        let mut printed = Printed::new(
            Arc::clone(&self.format),
            origin,
            freshness,
            query.limit.unwrap_or(u64::MAX),
        );
        let (read, said) = tokio::join!(printed.read(stdout), said(stderr));
        read.map_err(|e| self.error(ReasonKind::Failed, "could not be read").caused_by(e))?;
        if printed.stopped {
            // Enough was read; the rest of it is not waited for.
            let _ = child.kill().await;
            return Ok(printed);
        }
        let status = child.wait().await;
        let status =
            status.map_err(|e| self.error(ReasonKind::Failed, "did not end").caused_by(e))?;
        if !status.success() {
            let detail = format!("`{}` {}{said}", self.program, ended(status));
            printed.failed.push(Reason::new(ReasonKind::Failed, detail));
        }
        Ok(printed)
    }
}

fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with code {code}"),
        None => "was killed".to_owned(),
    }
}

/// What a command says when it fails: the first of it, and all is read, so that it does not block.
async fn said(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut first = Vec::new();
    let read = (&mut stderr).take(SAID).read_to_end(&mut first).await;
    if read.is_ok() {
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    }
    let text = String::from_utf8_lossy(&first);
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// An argument with the window's ends in it.
fn filled(argument: &str, window: &Window) -> String {
    let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    argument.replace("{from}", &text(window.from())).replace("{to}", &text(window.to()))
}

#[async_trait]
impl LayerSource for ExecSource {
    fn layer(&self) -> &Layer {
        &self.layer
    }

    async fn read(&self, query: &LayerQuery) -> Result<LayerStream, LayerSourceError> {
        let mut printed = self.print(query).await?;
        if let Some((count, why)) = printed.unreadable() {
            let detail =
                format!("`{}` printed {count} lines that are no log lines: {why}", self.program);
            printed.failed.push(Reason::new(ReasonKind::IllTyped, detail));
        }
        let mut coverage = LayerCoverage {
            newest: printed.freshness.newest(),
            watermark: printed.freshness.watermark(),
            planned: 1,
            read: u64::from(printed.failed.is_empty() && !printed.stopped),
            failed: std::mem::take(&mut printed.failed),
            scanned: printed.count(),
            ..LayerCoverage::default()
        };
        if printed.stopped {
            coverage.stopped_by = Some(format!("the limit of {} lines", printed.limit));
        }
        coverage.cost.bytes = printed.bytes;
        coverage.cost.rows = printed.count();
        let items = [LayerItem::Batch(printed.lines), LayerItem::Coverage(coverage)];
        Ok(Box::pin(stream::iter(items.into_iter().map(Ok))))
    }
}
