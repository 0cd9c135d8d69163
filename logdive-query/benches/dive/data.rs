//! The lake, made once and kept: a stream of eight days through the public writer.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use logdive_core::LogBatch;
use logdive_core::testkit::stream::{Stream, StreamSpec, write_json_lines};
use logdive_query::Lake;
use logdive_query::lake::{GroupPart, StreamProgress};

use crate::Settings;

/// Lines of one commit, about.
const COMMIT: usize = 1_000_000;

/// What is asked.
pub(crate) struct Data {
    pub(crate) stream: Stream,
    pub(crate) lake: Lake,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// All data files, and those of the last day.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) day_files: Vec<PathBuf>,
    pub(crate) day_rows: u64,
    /// The last day as JSON lines.
    pub(crate) json: PathBuf,
}

/// Opens the lake of these settings; makes it first if it is not there whole.
pub(crate) async fn prepare(settings: &Settings) -> Data {
    let spec = StreamSpec::default().lines_per_day(settings.lines).thinned(settings.thin);
    let stream = Stream::new(spec).expect("a stream");
    let root = settings.dir.join(format!("stream-{}-{}", settings.lines, settings.thin));
    let (lake_dir, whole) = (root.join("lake"), root.join("whole"));
    if !whole.exists() {
        // What an interrupted run left is not whole.
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).expect("a directory for the lake");
        make(&stream, &lake_dir).await;
        fs::write(&whole, "").expect("the directory of the lake");
    }
    let json = root.join("last-day.jsonl");
    if settings.peers && !json.exists() {
        write_json(&stream, &json);
    }
    let lake = Lake::open(&lake_dir).await.expect("the lake");
    let snapshot = lake.snapshot();
    let day = stream.last_day();
    let path = |file: &logdive_query::lake::LakeFile| lake.root().join(&file.path);
    let of_day = |file: &&logdive_query::lake::LakeFile| file.date == Some(day.from().date_naive());
    let files = snapshot.files();
    let rows = |file: &logdive_query::lake::LakeFile| file.rows.unwrap_or_default();
    Data {
        rows: files.iter().map(rows).sum(),
        bytes: files.iter().map(|file| file.bytes).sum(),
        day_rows: files.iter().filter(of_day).map(rows).sum(),
        files: files.iter().map(path).collect(),
        day_files: files.iter().filter(of_day).map(path).collect(),
        json,
        lake,
        stream,
    }
}

async fn make(stream: &Stream, dir: &Path) {
    let begin = Instant::now();
    let lake = Lake::create(dir).await.expect("an empty directory");
    let mut writer = lake.writer().await.expect("nobody else writes");
    let mut group: Vec<GroupPart> = Vec::new();
    let (mut number, mut waiting, mut rows) = (0, 0, 0);
    let mut batches = stream.batches(stream.window()).peekable();
    while let Some(batch) = batches.next() {
        number += 1;
        waiting += batch.len();
        rows += batch.len();
        group.push(GroupPart::new(batch, StreamProgress::new("stream", number)));
        if waiting >= COMMIT || batches.peek().is_none() {
            writer.append_group(&group).await.expect("room on the disk");
            group.clear();
            waiting = 0;
        }
    }
    println!("made a lake of {rows} lines in {:.0} s", begin.elapsed().as_secs_f64());
}

fn write_json(stream: &Stream, path: &Path) {
    let part = path.with_extension("part");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&part).expect("a file"));
    for batch in stream.batches(stream.last_day()) {
        let batch: LogBatch = batch;
        write_json_lines(&batch, &mut out).expect("room on the disk");
    }
    out.flush().expect("room on the disk");
    fs::rename(&part, path).expect("the directory of the lake");
}
