//! Rotation against a model: whatever is done to the files, and whenever the reader dies, every
//! line comes once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};

use chrono::{DateTime, TimeDelta, Utc};
use flate2::write::GzEncoder;
use logdive_core::format::{Format, Framing, Overflow, Rows, TimeAssumption};
use logdive_core::log::{Column, LogLine};
use logdive_core::{Digest, LayerName};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::{Settings, Watch};
use crate::ingest::FormatChoice;
use crate::ingest::files::disk::{Disk, FileId, Handle, Kind, Stat};
use crate::ingest::files::limits::FileLimits;
use crate::ingest::files::walk::Wanted;

#[derive(Debug)]
struct Text(Framing);

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn framing(&self) -> Framing {
        self.0
    }

    fn parse(&self, rows: &mut Rows<'_>) {
        let text = rows.text();
        rows.push(&LogLine { body: Some(&text), ..rows.line() });
    }
}

fn indented(_: &[u8], _: &[u8], line: &[u8]) -> bool {
    line.starts_with(b" ")
}

#[derive(Debug)]
struct Nowhere;

impl Overflow for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: Digest) -> io::Result<String> {
        Err(io::Error::other("there is no place for it"))
    }

    fn discard(&mut self) {}
}

#[derive(Debug)]
struct SimFile {
    inode: u64,
    born: Option<i64>,
    data: Vec<u8>,
    stamp: i128,
}

/// One directory. The numbers of removed files are given away again at once.
#[derive(Debug, Clone, Default)]
struct Sim(Arc<Mutex<World>>);

#[derive(Debug, Default)]
struct World {
    files: BTreeMap<PathBuf, Arc<Mutex<SimFile>>>,
    /// All that ever were.
    made: Vec<Weak<Mutex<SimFile>>>,
    time: i128,
    births: bool,
}

#[derive(Debug)]
struct Open(Arc<Mutex<SimFile>>);

fn stat(file: &Mutex<SimFile>) -> Stat {
    let file = file.lock().unwrap();
    Stat {
        id: FileId { device: 1, inode: file.inode, born: file.born },
        kind: Kind::File,
        size: file.data.len() as u64,
        stamp: (file.stamp, file.stamp),
    }
}

impl Handle for Open {
    fn stat(&self) -> io::Result<Stat> {
        Ok(stat(&self.0))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = self.0.lock().unwrap();
        let from = usize::try_from(offset).unwrap().min(file.data.len());
        let read = buffer.len().min(file.data.len() - from);
        buffer[..read].copy_from_slice(&file.data[from..from + read]);
        Ok(read)
    }
}

impl Disk for Sim {
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let world = self.0.lock().unwrap();
        if path == Path::new("/log") || path == Path::new("/") {
            let id = FileId { device: 1, inode: 1_000_000, born: None };
            return Ok(Stat { id, kind: Kind::Directory, size: 0, stamp: (0, 0) });
        }
        world.files.get(path).map(|file| stat(file)).ok_or(io::ErrorKind::NotFound.into())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        let world = self.0.lock().unwrap();
        Ok(world
            .files
            .keys()
            .filter(|path| path.parent() == Some(dir))
            .map(|path| path.file_name().unwrap().to_owned())
            .collect())
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Handle>> {
        let world = self.0.lock().unwrap();
        let file = world.files.get(path).ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Arc::new(Open(Arc::clone(file))))
    }
}

impl World {
    fn create(&mut self, path: &Path, data: Vec<u8>) {
        self.time += 1;
        // A file that is open keeps its number though it has no name.
        let used: BTreeSet<u64> =
            self.made.iter().filter_map(Weak::upgrade).map(|f| f.lock().unwrap().inode).collect();
        let inode = (1..).find(|number| !used.contains(number)).unwrap();
        let born = self.births.then(|| i64::try_from(self.time).unwrap());
        let file = SimFile { inode, born, data, stamp: self.time };
        let file = Arc::new(Mutex::new(file));
        self.made.push(Arc::downgrade(&file));
        self.files.insert(path.to_owned(), file);
    }

    fn change(&mut self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        self.time += 1;
        let mut file = self.files[path].lock().unwrap();
        change(&mut file.data);
        file.stamp = self.time;
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        if let Some(file) = self.files.remove(from) {
            self.files.insert(to.to_owned(), file);
        }
    }

    fn data(&self, path: &Path) -> Option<Vec<u8>> {
        self.files.get(path).map(|file| file.lock().unwrap().data.clone())
    }
}

impl Sim {
    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    fn append(&self, path: &str, text: &str) {
        let path = Path::new(path);
        let mut world = self.world();
        if !world.files.contains_key(path) {
            world.create(path, Vec::new());
        }
        world.change(path, |data| data.extend_from_slice(text.as_bytes()));
    }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// A reader, and the lake it writes to.
struct Reader {
    disk: Sim,
    settings: Settings,
    watch: Watch,
    now: DateTime<Utc>,
    committed: Option<Json>,
    /// Text, source, place.
    rows: Vec<(String, String, i64)>,
    errors: Vec<String>,
}

fn settings(paths: &[&str], framing: Framing) -> Settings {
    let limits = FileLimits { chunk: 97, batch_rows: 3, ..FileLimits::default() };
    Settings {
        wanted: Wanted { paths: paths.iter().map(PathBuf::from).collect(), excluded: vec![] },
        layer: LayerName::parse("app").unwrap(),
        format: FormatChoice::Fixed(Arc::new(Text(framing))),
        assumed: TimeAssumption::default(),
        host: None,
        limits,
    }
}

impl Reader {
    fn new(paths: &[&str], framing: Framing) -> Self {
        let settings = settings(paths, framing);
        Self {
            disk: Sim::default(),
            watch: Watch::new(settings.clone(), None).unwrap(),
            settings,
            now: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            committed: None,
            rows: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// A round of which so many batches are committed before the reader dies, if it does.
    fn round(&mut self, once: bool, dies_after: Option<usize>) {
        self.watch.begin(&self.disk, self.now, once);
        let mut batches = 0;
        loop {
            if dies_after == Some(batches) {
                return self.restart();
            }
            let Some(batch) = self.watch.step(&self.disk, &|| Box::new(Nowhere)) else { break };
            batches += 1;
            for row in batch.rows.rows() {
                if let Some(body) = row.text(Column::Body) {
                    let source = row.text(Column::Source).unwrap().to_owned();
                    self.rows.push((body.to_owned(), source, row.int(Column::Seq).unwrap()));
                } else {
                    self.errors.push(row.text(Column::ParseError).unwrap().to_owned());
                }
            }
            // As a lake keeps it.
            let text = serde_json::to_string(&batch.offsets).unwrap();
            self.committed = Some(serde_json::from_str(&text).unwrap());
        }
        if dies_after.is_some() {
            self.restart();
        }
    }

    fn restart(&mut self) {
        self.watch = Watch::new(self.settings.clone(), self.committed.as_ref()).unwrap();
    }

    fn poll(&mut self) {
        self.round(false, None);
    }

    fn wait(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    fn bodies(&self) -> Vec<&str> {
        self.rows.iter().map(|(body, ..)| body.as_str()).collect()
    }
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Append {
        log: usize,
        lines: usize,
        long: bool,
    },
    /// The writer has not noticed yet that its file was renamed.
    AppendToRenamed {
        log: usize,
    },
    Torn {
        log: usize,
    },
    Rename {
        log: usize,
    },
    CopyTruncate {
        log: usize,
    },
    Compress {
        log: usize,
        number: usize,
    },
    RemoveOldest {
        log: usize,
    },
    Poll,
    Die {
        after: usize,
    },
    Wait {
        seconds: i64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let log = 0..2usize;
    prop_oneof![
        6 => (log.clone(), 1..5usize, any::<bool>())
            .prop_map(|(log, lines, long)| Op::Append { log, lines, long }),
        1 => log.clone().prop_map(|log| Op::AppendToRenamed { log }),
        1 => log.clone().prop_map(|log| Op::Torn { log }),
        2 => log.clone().prop_map(|log| Op::Rename { log }),
        2 => log.clone().prop_map(|log| Op::CopyTruncate { log }),
        2 => (log.clone(), 1..4usize).prop_map(|(log, number)| Op::Compress { log, number }),
        1 => log.prop_map(|log| Op::RemoveOldest { log }),
        6 => Just(Op::Poll),
        2 => (0..6usize).prop_map(|after| Op::Die { after }),
        2 => (0..8i64).prop_map(|seconds| Op::Wait { seconds }),
    ]
}

struct Model {
    reader: Reader,
    written: BTreeSet<String>,
    excused: BTreeSet<String>,
    torn: [Option<String>; 2],
    next: usize,
    /// Whether rotated files are found by looking beside the ones asked for.
    beside: bool,
}

const LOGS: [&str; 2] = ["/log/a.log", "/log/b.log"];

fn rotated(log: usize, number: usize) -> [PathBuf; 2] {
    [format!("{}.{number}", LOGS[log]).into(), format!("{}.{number}.gz", LOGS[log]).into()]
}

impl Model {
    fn line(&mut self, long: bool) -> String {
        self.next += 1;
        let line = format!("{} {}", self.next, if long { "x".repeat(400) } else { "y".repeat(9) });
        self.written.insert(line.clone());
        line
    }

    fn mend(&mut self, log: usize) {
        if let Some(rest) = self.torn[log].take() {
            self.reader.disk.append(LOGS[log], &format!("{rest}\n"));
        }
    }

    /// What is removed before it is in the lake is lost, if nobody holds it open.
    fn remove(&mut self, path: &Path) {
        let removed = self.reader.disk.world().files.remove(path);
        let Some(file) = removed else { return };
        let data = file.lock().unwrap().data.clone();
        let data = match path.extension() {
            Some(extension) if extension == "gz" => {
                let mut text = Vec::new();
                let mut decoder = flate2::read::GzDecoder::new(data.as_slice());
                io::Read::read_to_end(&mut decoder, &mut text).unwrap();
                text
            }
            _ => data,
        };
        let kept: BTreeSet<&str> = self.reader.bodies().into_iter().collect();
        let text = String::from_utf8(data).unwrap();
        self.excused.extend(text.lines().filter(|line| !kept.contains(line)).map(str::to_owned));
    }

    fn shift(&mut self, log: usize) {
        self.mend(log);
        if self.beside {
            // Of a log that is asked for by its one name, only generations count of which the
            // lake has something: what is elsewhere is told by that.
            self.reader.poll();
            self.reader.wait(2);
            self.reader.poll();
        }
        for path in rotated(log, 4) {
            self.remove(&path);
        }
        let mut world = self.reader.disk.world();
        for number in (1..4).rev() {
            for (from, to) in rotated(log, number).iter().zip(rotated(log, number + 1)) {
                world.rename(from, &to);
            }
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Append { log, lines, long } => {
                self.mend(log);
                for _ in 0..lines {
                    let line = self.line(long);
                    self.reader.disk.append(LOGS[log], &format!("{line}\n"));
                }
            }
            Op::AppendToRenamed { log } => {
                let [plain, _] = rotated(log, 1);
                if self.beside {
                    // Nobody looks there when the time of grace is over.
                } else if self.reader.disk.world().files.contains_key(&plain) {
                    let line = self.line(false);
                    self.reader.disk.append(plain.to_str().unwrap(), &format!("{line}\n"));
                }
            }
            Op::Torn { log } => {
                self.mend(log);
                let line = self.line(true);
                let (one, other) = line.split_at(line.len() / 2);
                self.reader.disk.append(LOGS[log], one);
                self.torn[log] = Some(other.to_owned());
            }
            Op::Rename { log } => {
                self.shift(log);
                let [to, _] = rotated(log, 1);
                let mut world = self.reader.disk.world();
                world.rename(Path::new(LOGS[log]), &to);
                world.create(Path::new(LOGS[log]), Vec::new());
            }
            Op::CopyTruncate { log } => {
                self.shift(log);
                let [to, _] = rotated(log, 1);
                let mut world = self.reader.disk.world();
                if let Some(data) = world.data(Path::new(LOGS[log])) {
                    world.create(&to, data);
                    world.change(Path::new(LOGS[log]), Vec::clear);
                }
            }
            Op::Compress { log, number } => {
                let [plain, packed] = rotated(log, number);
                let mut world = self.reader.disk.world();
                if let Some(data) = world.data(&plain)
                    && !world.files.contains_key(&packed)
                {
                    world.create(&packed, gzip(&data));
                    world.files.remove(&plain);
                }
            }
            Op::RemoveOldest { log } => {
                let oldest = (1..5)
                    .rev()
                    .flat_map(|number| rotated(log, number))
                    .find(|path| self.reader.disk.world().files.contains_key(path));
                if let Some(path) = oldest {
                    self.remove(&path);
                }
            }
            Op::Poll => self.reader.poll(),
            Op::Die { after } => self.reader.round(false, Some(after)),
            Op::Wait { seconds } => self.reader.wait(seconds),
        }
    }

    fn check(mut self) -> Result<(), TestCaseError> {
        for log in 0..2 {
            self.mend(log);
        }
        for _ in 0..4 {
            self.reader.poll();
            self.reader.wait(10);
        }
        let mut once = BTreeSet::new();
        for line in self.reader.bodies() {
            if !self.written.contains(line) {
                // Of a line that was lost with its file, the beginning may have been read.
                let part = self.excused.iter().any(|lost| lost.starts_with(line));
                prop_assert!(part, "no such line: {line:.20}");
            }
            prop_assert!(once.insert(line.to_owned()), "twice: {line:.20}");
        }
        for line in self.written.difference(&self.excused) {
            prop_assert!(once.contains(line), "lost: {line:.20}");
        }
        let mut places = BTreeSet::new();
        for (body, source, seq) in &self.reader.rows {
            prop_assert!(places.insert((source, seq)), "{source} {seq} again: {body:.20}");
        }
        prop_assert_eq!(&self.reader.errors, &Vec::<String>::new());
        Ok(())
    }
}

fn scale() -> u32 {
    std::env::var("LOGDIVE_TEST_SCALE").ok().and_then(|scale| scale.parse().ok()).unwrap_or(1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200 * scale()))]

    #[test]
    fn every_line_comes_once(
        ops in prop::collection::vec(op(), 1..60),
        paths in 0..3usize,
        births in any::<bool>(),
        lines in any::<bool>(),
    ) {
        let wanted: &[&str] =
            [&["/log"] as &[&str], &["/log/*.log*"], &["/log/a.log", "/log/b.log"]][paths];
        let framing = if lines { Framing::Lines } else { Framing::Continued(indented) };
        let reader = Reader::new(wanted, framing);
        reader.disk.world().births = births;
        let mut model = Model {
            reader,
            written: BTreeSet::new(),
            excused: BTreeSet::new(),
            torn: [None, None],
            next: 0,
            beside: paths == 2,
        };
        for op in ops {
            model.apply(op);
        }
        model.check()?;
    }
}

#[test]
fn a_record_of_several_lines_is_flushed_when_nothing_comes() {
    let mut reader = Reader::new(&["/log/a.log"], Framing::Continued(indented));
    reader.disk.append("/log/a.log", "head\n  at one\n");
    reader.poll();
    assert_eq!(reader.bodies(), [] as [&str; 0]);
    reader.wait(1);
    reader.poll();
    assert_eq!(reader.bodies(), ["head\n  at one"]);
    // An open line is not.
    reader.disk.append("/log/a.log", "next");
    reader.wait(60);
    reader.poll();
    reader.wait(60);
    reader.poll();
    assert_eq!(reader.rows.len(), 1);
    reader.disk.append("/log/a.log", " line\n");
    reader.poll();
    reader.wait(2);
    reader.poll();
    assert_eq!(reader.bodies(), ["head\n  at one", "next line"]);
}

#[test]
fn an_open_last_line_ends_when_the_file_is_rotated_away() {
    let mut reader = Reader::new(&["/log/a.log"], Framing::Lines);
    reader.disk.append("/log/a.log", "one\ntwo");
    reader.poll();
    assert_eq!(reader.bodies(), ["one"]);
    reader.disk.world().rename(Path::new("/log/a.log"), Path::new("/log/a.log.1"));
    reader.disk.append("/log/a.log", "three\n");
    reader.poll();
    reader.wait(6);
    reader.poll();
    assert_eq!(reader.bodies(), ["one", "three", "two"]);
    // Lines of both are in order by their places.
    assert!(reader.rows[2].2 < reader.rows[1].2);
}

#[test]
fn a_truncated_file_without_a_copy_keeps_its_open_line() {
    let mut reader = Reader::new(&["/log"], Framing::Lines);
    reader.disk.append("/log/a.log", "one\ntwo");
    reader.poll();
    reader.disk.world().change(Path::new("/log/a.log"), |data| *data = b"fresh\n".to_vec());
    reader.poll();
    reader.wait(6);
    reader.poll();
    assert_eq!(reader.bodies(), ["one", "fresh", "two"]);
}

#[test]
fn a_file_that_was_rewritten_to_the_same_size_is_read_anew() {
    let mut reader = Reader::new(&["/log"], Framing::Lines);
    reader.disk.append("/log/a.log", "one\n");
    reader.poll();
    reader.disk.world().change(Path::new("/log/a.log"), |data| *data = b"two\n".to_vec());
    reader.poll();
    assert_eq!(reader.bodies(), ["one", "two"]);
}

#[test]
fn a_copy_in_progress_is_not_read() {
    let text: String = (0..50).map(|n| format!("line {n} of the log\n")).collect();
    let mut reader = Reader::new(&["/log"], Framing::Lines);
    reader.disk.append("/log/a.log", &text);
    reader.poll();
    assert_eq!(reader.rows.len(), 50);
    reader.disk.append("/log/a.log.1", "");
    reader.poll();
    for end in [7, 300, text.len()] {
        let part = text.as_bytes()[..end].to_vec();
        reader.disk.world().change(Path::new("/log/a.log.1"), |data| *data = part);
        reader.poll();
        assert_eq!(reader.rows.len(), 50, "{end}");
    }
    reader.disk.world().change(Path::new("/log/a.log"), |data| *data = b"new\n".to_vec());
    reader.poll();
    assert_eq!(reader.rows.len(), 51);
    // A file that only began like the other is read when it goes on in another way.
    reader.disk.append("/log/a.log.2", "new\n");
    reader.poll();
    assert_eq!(reader.rows.len(), 51);
    reader.disk.append("/log/a.log.2", "but different\n");
    reader.poll();
    // It may still be a copy that got ahead.
    assert_eq!(reader.rows.len(), 51, "{:?}", reader.rows.last());
    reader.disk.append("/log/a.log", "more\n");
    reader.poll();
    reader.poll();
    let bodies = reader.bodies();
    assert_eq!(&bodies[51..], ["more", "new", "but different"]);
}

#[test]
fn compressed_files_are_read_when_they_are_whole() {
    let text: String = (0..200).map(|n| format!("line {n} {}\n", n * 7919 % 1009)).collect();
    let packed = gzip(text.as_bytes());
    let mut reader = Reader::new(&["/log"], Framing::Lines);
    reader.disk.world().create(Path::new("/log/x.gz"), packed[..5].to_vec());
    reader.poll();
    reader.wait(1);
    let middle = packed[..packed.len() / 2].to_vec();
    reader.disk.world().change(Path::new("/log/x.gz"), |data| *data = middle);
    reader.poll();
    let so_far = reader.rows.len();
    assert!(so_far > 10 && so_far < 190, "{so_far}");
    reader.wait(1);
    reader.disk.world().change(Path::new("/log/x.gz"), |data| data.clone_from(&packed));
    reader.poll();
    assert_eq!(reader.rows.len(), 200);
    assert!(reader.errors.is_empty());
    reader.wait(60);
    reader.poll();
    reader.restart();
    reader.poll();
    assert_eq!(reader.rows.len(), 200);
}

#[test]
fn a_compressed_file_that_stays_cut_says_so() {
    let text: String = (0..200).map(|n| format!("line {n} {}\n", n * 7919 % 1009)).collect();
    let packed = gzip(text.as_bytes());
    for once in [true, false] {
        let mut reader = Reader::new(&["/log"], Framing::Lines);
        reader.disk.world().create(Path::new("/log/x.gz"), packed[..700].to_vec());
        for _ in 0..3 {
            reader.round(once, None);
            reader.wait(6);
        }
        assert_eq!(reader.errors, ["the gzip stream ends early, at byte 700 of the file"]);
        let read = reader.rows.len();
        assert!(read > 10, "{read}");
        let kept: String = reader.bodies().join("\n");
        assert!(text.starts_with(&kept));
        // The rest may come after all.
        reader.restart();
        reader.disk.world().change(Path::new("/log/x.gz"), |data| data.clone_from(&packed));
        reader.round(once, None);
        let rest: String = reader.bodies()[read..].join("\n") + "\n";
        assert_eq!(kept + &rest, text);
    }
}

#[test]
fn files_come_and_go_and_come_back() {
    let mut reader = Reader::new(&["/log/*.log"], Framing::Lines);
    let line = "a line that is long enough to be known again, whatever its file is\n";
    reader.disk.append("/log/a.log", line);
    reader.poll();
    // Away, and back under its name.
    reader.disk.world().rename(Path::new("/log/a.log"), Path::new("/elsewhere"));
    reader.poll();
    reader.wait(10);
    reader.poll();
    reader.wait(10);
    reader.poll();
    reader.disk.world().rename(Path::new("/elsewhere"), Path::new("/log/a.log"));
    reader.disk.append("/log/a.log", "more\n");
    reader.poll();
    // Written anew with the same beginning, as copying tools do.
    let data = reader.disk.world().data(Path::new("/log/a.log")).unwrap();
    reader.disk.world().files.clear();
    reader.disk.world().create(Path::new("/log/other"), vec![]);
    reader.disk.world().create(Path::new("/log/a.log"), data);
    reader.disk.append("/log/a.log", "last\n");
    reader.poll();
    assert_eq!(reader.bodies(), [line.trim_end(), "more", "last"]);
}

#[test]
fn what_is_gone_is_forgotten_when_there_is_too_much() {
    let mut reader = Reader::new(&["/log"], Framing::Lines);
    reader.settings.limits.known_files = 5;
    reader.restart();
    for n in 0..20 {
        reader.disk.append(&format!("/log/{n}.log"), &format!("line {n}\n"));
        reader.poll();
        reader.disk.world().files.clear();
        reader.poll();
        reader.wait(6);
        reader.poll();
    }
    assert_eq!(reader.rows.len(), 20);
    let known = reader.committed.unwrap()["files"].as_array().unwrap().len();
    assert!((1..=5).contains(&known), "{known}");
}

#[test]
fn few_files_are_held_open() {
    let mut reader = Reader::new(&["/log"], Framing::Lines);
    reader.settings.limits.open_files = 2;
    reader.restart();
    for round in 0..4 {
        for n in 0..6 {
            reader.disk.append(&format!("/log/{n}.log"), &format!("line {n} of {round}\n"));
        }
        reader.poll();
        let tails = reader.watch.tails.values();
        let open = tails.filter(|tail| tail.live.as_ref().unwrap().handle.is_some()).count();
        assert_eq!(open, 2);
    }
    assert_eq!(reader.rows.len(), 24);
}

#[test]
fn offsets_of_another_version_are_refused() {
    let settings = settings(&["/log"], Framing::Lines);
    for (offsets, why) in [
        (serde_json::json!({"version": 2, "files": []}), "version 2"),
        (serde_json::json!({"files": {"x": "y"}}), "no version"),
        (serde_json::json!({"version": 1, "files": [{"name": 3}]}), "invalid type"),
    ] {
        let error = Watch::new(settings.clone(), Some(&offsets)).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}
