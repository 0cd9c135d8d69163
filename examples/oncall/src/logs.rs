//! Logs on their way in: ingest, parse, and looking at a lake.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use logdive_core::LogBatchBuilder;
use logdive_core::format::{Format, Origin, Parser, Plain, by_name};
use logdive_core::port::{Clock as _, SystemClock};
use logdive_query::Lake;
use logdive_query::ingest::{
    FileProgress, FileSource, FormatChoice, IngestLimits, Ingester, StdinSource, unpacked,
};
use logdive_sinks::visible;
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;

use crate::args;
use crate::error::{Context as _, Failure};
use crate::output::Output;
use crate::record;

/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;
/// Bytes that the format is guessed from.
const SAMPLE: u64 = 64 * 1024;
/// Following says how far it is that often.
const SAY_EACH: Duration = Duration::from_secs(60);

/// `logdive ingest`
pub(crate) async fn ingest(args: &args::Ingest, output: &Output) -> Result<(), Failure> {
    let format = FormatChoice::named(&args.format).context("`--format`")?;
    let dir = &args.lake;
    let lake = if dir.exists() { Lake::open(dir).await } else { Lake::create(dir).await };
    let lake = lake.context(format!("opening the lake `{}`", dir.display()))?;
    for torn in lake.quarantined() {
        output.progress(format!(
            "commit {} of the lake is damaged ({}); it was set aside as `{}`",
            torn.version,
            torn.why,
            torn.moved_to.display()
        ));
    }
    let writer = lake.writer().await.context("taking the lake's one writer")?;
    let ingester = Ingester::start(writer, IngestLimits::default());
    let progress = if args.paths.iter().any(|path| path.as_os_str() == "-") {
        standard_input(args, format, &ingester).await
    } else {
        files(args, format, &ingester, output).await
    };
    output.status_ends();
    let progress = progress?;
    ingester.close().await.context("committing the last lines")?;
    output.text(format!(
        "{} files, {} lines new in the lake, {} of them malformed and kept",
        progress.files, progress.rows, progress.malformed
    ));
    output.value(&report(&progress));
    if progress.problems.is_empty() {
        return Ok(());
    }
    let problems = progress.problems.iter();
    Err(Failure::new(format!("{} of the files could not be read", progress.problems.len()))
        .because(problems.map(|(path, why)| visible(&format!("{}: {why}", path.display()))))
        .help("what could be read is in the lake; run it again when the others can be read"))
}

async fn standard_input(
    args: &args::Ingest,
    format: FormatChoice,
    ingester: &Ingester,
) -> Result<FileProgress, Failure> {
    if args.paths.len() > 1 {
        return Err(Failure::new("`-` is standard input and stands alone")
            .help("run `logdive ingest` once for it and once for the files"));
    }
    StdinSource::new(args.layer.clone(), format)
        .assume(args.assume.times())
        .read(piped(), ingester, Arc::new(SystemClock::new()), interrupted())
        .await
        .context("reading standard input")
}

/// Standard input, read on a thread of its own: nothing can interrupt it there.
fn piped() -> tokio::io::DuplexStream {
    let (mut into, out) = tokio::io::duplex(CHUNK);
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = match stdin.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // What was read is taken; the rest is not there.
                Err(_) => break,
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            if runtime.block_on(into.write_all(bytes)).is_err() {
                break;
            }
        }
    });
    out
}

async fn files(
    args: &args::Ingest,
    format: FormatChoice,
    ingester: &Ingester,
    output: &Output,
) -> Result<FileProgress, Failure> {
    let shown = *output;
    let follow = args.follow;
    let clock = SystemClock::new();
    let mut said = clock.now();
    let mut source = FileSource::builder(args.layer.clone(), format)
        .assume(args.assume.times())
        .except(&args.lake)
        .on_progress(move |progress| {
            shown.status(status(progress));
            // Whoever follows from a script learns how far it is, now and then.
            let now = SystemClock::new().now();
            if follow && (now - said).to_std().is_ok_and(|since| since >= SAY_EACH) {
                said = now;
                shown.value(&report(progress));
            }
        });
    for path in &args.paths {
        source = source.path(path);
    }
    let opened = source.open(ingester, Arc::new(clock)).await;
    let mut source = opened.context("opening the files")?;
    if args.follow {
        source.follow(interrupted()).await.context("following the files")?;
        Ok(source.progress().clone())
    } else {
        source.read_once().await.context("reading the files")
    }
}

/// Ready when somebody presses Ctrl-C or ends the process.
async fn interrupted() {
    let mut terminated =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminate = async {
        match &mut terminated {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => {
            if pressed.is_err() {
                // Nobody can interrupt: only the end of the input ends it.
                std::future::pending::<()>().await;
            }
        }
        () = terminate => {}
    }
}

fn status(progress: &FileProgress) -> String {
    let percent = (progress.read * 100).checked_div(progress.bytes).unwrap_or(100).min(100);
    format!(
        "{percent:3} %  {} of {} files  {} lines  {} durable  {} malformed",
        progress.done, progress.files, progress.rows, progress.durable, progress.malformed
    )
}

fn report(progress: &FileProgress) -> Json {
    json!({
        "files": progress.files,
        "bytes": progress.read,
        "lines": progress.rows,
        "durable": progress.durable,
        "malformed": progress.malformed,
        "newest": progress.newest.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        "problems": progress.problems.iter().map(|(path, why)| {
            json!({ "path": path.display().to_string(), "why": why })
        }).collect::<Vec<_>>(),
        "peak_memory_bytes": peak_memory(),
    })
}

/// The most memory this process had, where the system tells (Linux).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// `logdive parse`
pub(crate) fn parse(args: &args::Parse, output: &Output) -> Result<(), Failure> {
    let name = args.path.display().to_string();
    let is_stdin = args.path.as_os_str() == "-";
    let source: Box<dyn Read> = if is_stdin {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&args.path).context(format!("opening `{name}`"))?)
    };
    let mut source = unpacked(source).context(format!("reading `{name}`"))?;
    // A cut archive gives what there is, then the error.
    let mut failed = None;
    let mut sample = Vec::new();
    if let Err(error) = source.by_ref().take(SAMPLE).read_to_end(&mut sample) {
        failed = Some(error);
    }
    let format: Arc<dyn Format> = if args.format.eq_ignore_ascii_case("auto") {
        match <dyn Format>::detect(&sample) {
            Some(found) => {
                output.progress(format!("format {found}"));
                found.format
            }
            None => Arc::new(Plain::new()),
        }
    } else {
        by_name(&args.format).context("`--format`")?
    };
    let now = SystemClock::new().now().timestamp_nanos_opt().unwrap_or_default();
    let mut origin = Origin::new(args.layer.clone(), if is_stdin { "stdin" } else { &name }, now);
    origin.assumed = args.assume.times();
    let mut printed = Printed::new(Parser::new(format, origin), output.is_json());
    let mut going = printed.feed(&sample);
    let mut buffer = vec![0; CHUNK];
    while going && failed.is_none() {
        match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => going = printed.feed(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => failed = Some(error),
        }
    }
    if going {
        printed.finish();
    }
    let parsed = printed.parser.parsed();
    output.progress(format!("{} lines, {} of them malformed", parsed.records, parsed.malformed));
    match failed {
        None => Ok(()),
        Some(error) => Err(error).context(format!("reading `{name}` to its end")),
    }
}

/// Prints rows as they come.
struct Printed {
    parser: Parser,
    rows: LogBatchBuilder,
    out: BufWriter<io::Stdout>,
    json: bool,
}

impl Printed {
    fn new(parser: Parser, json: bool) -> Self {
        Self { parser, rows: LogBatchBuilder::new(), out: BufWriter::new(io::stdout()), json }
    }

    fn feed(&mut self, bytes: &[u8]) -> bool {
        self.parser.feed(bytes, &mut self.rows);
        self.print()
    }

    fn finish(&mut self) {
        self.parser.finish(&mut self.rows);
        self.print();
        let _ = self.out.flush();
    }

    /// Whether somebody still reads (`| head` goes away).
    fn print(&mut self) -> bool {
        let batch = self.rows.finish();
        batch.records().all(|record| {
            let line = if self.json {
                record::to_json(&record).to_string()
            } else {
                record::to_text(&record)
            };
            writeln!(self.out, "{line}").is_ok()
        })
    }
}

/// `logdive lake info`
pub(crate) async fn info(dir: &Path, output: &Output) -> Result<(), Failure> {
    let lake = Lake::open(dir).await.context(format!("opening the lake `{}`", dir.display()))?;
    let info = lake.info().await.context("reading the lake")?;
    let time = |time: Option<chrono::DateTime<chrono::Utc>>| {
        time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    };
    let (oldest, newest) = (time(info.oldest), time(info.newest));
    let rows = info.rows.map_or_else(|| "unknown".to_owned(), |rows| rows.to_string());
    output.text(format!(
        "version {}: {rows} lines in {} files, {} bytes\n{} to {}",
        info.version,
        info.files,
        info.bytes,
        oldest.as_deref().unwrap_or("unknown"),
        newest.as_deref().unwrap_or("unknown")
    ));
    for stream in &info.streams {
        output.text(format!("stream {}: batch {}", stream.name, stream.batch));
    }
    for torn in &info.quarantined {
        output.text(format!("commit {} was set aside: {}", torn.version, torn.why));
    }
    output.value(&json!({
        "version": info.version,
        "files": info.files,
        "bytes": info.bytes,
        "lines": info.rows,
        "oldest": oldest,
        "newest": newest,
        "streams": info.streams.iter().map(|stream| json!({
            "name": stream.name, "batch": stream.batch, "offsets": stream.offsets,
        })).collect::<Vec<_>>(),
        "quarantined": info.quarantined.iter().map(|torn| json!({
            "version": torn.version, "why": torn.why,
            "moved_to": torn.moved_to.display().to_string(),
        })).collect::<Vec<_>>(),
    }));
    Ok(())
}

/// `logdive lake verify`
pub(crate) async fn verify(dir: &Path, output: &Output) -> Result<(), Failure> {
    let lake = Lake::open(dir).await.context(format!("opening the lake `{}`", dir.display()))?;
    let shown = *output;
    let verified = lake
        .verify(move |at| {
            shown.status(format!(
                "{} of {} files, {} of {} bytes",
                at.files, at.files_in_all, at.bytes, at.bytes_in_all
            ));
        })
        .await;
    output.status_ends();
    let report = verified.context("reading the lake")?;
    for problem in &report.problems {
        output.text(format!("{}: {}", problem.place, problem.what));
    }
    output.text(format!(
        "version {}: {} files, {} lines, {} blobs, {} streams read; {} problems",
        report.version,
        report.files,
        report.rows,
        report.blobs,
        report.streams,
        report.problems.len()
    ));
    output.value(&json!({
        "version": report.version,
        "files": report.files,
        "lines": report.rows,
        "blobs": report.blobs,
        "streams": report.streams,
        "unnamed_files": report.unnamed_files,
        "problems": report.problems.iter().map(|problem| json!({
            "place": problem.place, "what": problem.what,
        })).collect::<Vec<_>>(),
    }));
    if report.problems.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{} things in the lake are not as it says", report.problems.len()))
        .help("what is whole can be read; dives name the files that cannot"))
}
