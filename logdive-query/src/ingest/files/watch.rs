//! All files of a stream: what is there, what is new, what to read next.
//!
//! A round begins with a look at the disk ([`Watch::begin`]); each [`Watch::step`] then reads
//! until there is a batch, or nothing more. Rows and offsets are given together: a watch that is
//! made of the offsets of any batch reads exactly what no batch up to it has.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use logdive_core::format::{Overflow, TimeAssumption};
use logdive_core::log::LogBatchBuilder;
use logdive_core::{LayerName, LogBatch};
use serde_json::Value as Json;

use super::disk::{Disk, FileId, Handle, Kind, Stat};
use super::entry::{self, Entry};
use super::family::Family;
use super::index::Index;
use super::limits::FileLimits;
use super::peek::Peek;
use super::rotation::{DISTINCT, Decision, decide};
use super::tail::{Away, More, Reading, Same, Tail, elapsed, look_at, unsupported};
use super::walk::{Found, Wanted};
use crate::ingest::FormatChoice;
use crate::ingest::compression::Told;

/// What is read, and how.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) wanted: Wanted,
    pub(crate) layer: LayerName,
    pub(crate) format: FormatChoice,
    pub(crate) host: Option<String>,
    pub(crate) assumed: TimeAssumption,
    pub(crate) limits: FileLimits,
}

/// Rows, and where all files stand behind them.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) rows: LogBatch,
    pub(crate) offsets: Json,
}

/// What a watch saw so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Files of the newest round, and how many of them are read up to their end.
    pub(crate) files: u64,
    pub(crate) done: u64,
    /// Bytes of files that were there to read, and that were read.
    pub(crate) bytes: u64,
    pub(crate) taken: u64,
}

#[derive(Debug)]
enum Work {
    Read(u64),
    Classify(Found),
}

/// A file that may be a copy of another.
#[derive(Debug)]
struct Held {
    stat: Stat,
    /// Of which content, read how far; none if there is too little of it to say.
    of: Option<(u64, u64)>,
    since: DateTime<Utc>,
    round: u64,
}

/// All files of a stream.
#[derive(Debug)]
pub(crate) struct Watch {
    settings: Settings,
    tails: BTreeMap<u64, Tail>,
    next: u64,
    round: u64,
    now: DateTime<Utc>,
    once: bool,
    queue: VecDeque<Work>,
    held: HashMap<FileId, Held>,
    index: Index,
    /// Contents by the number of their file.
    known: HashMap<u64, Vec<u64>>,
    problems: BTreeMap<PathBuf, String>,
    out: LogBatchBuilder,
    buffer: Vec<u8>,
    /// Whether the offsets say something that no batch has said.
    changed: bool,
    seen: Seen,
}

impl Watch {
    /// Goes on from offsets.
    ///
    /// # Errors
    /// Why the offsets cannot be read.
    pub(crate) fn new(settings: Settings, offsets: Option<&Json>) -> Result<Self, String> {
        let entries = offsets.map_or_else(|| Ok(Vec::new()), entry::read)?;
        let tails: BTreeMap<u64, Tail> = (0..).zip(entries.into_iter().map(Tail::new)).collect();
        Ok(Self {
            settings,
            next: tails.len() as u64,
            tails,
            round: 0,
            now: DateTime::UNIX_EPOCH,
            once: false,
            queue: VecDeque::new(),
            held: HashMap::new(),
            index: Index::default(),
            known: HashMap::new(),
            problems: BTreeMap::new(),
            out: LogBatchBuilder::new(),
            buffer: Vec::new(),
            changed: false,
            seen: Seen::default(),
        })
    }

    /// What could not be read in this round, and why.
    pub(crate) const fn problems(&self) -> &BTreeMap<PathBuf, String> {
        &self.problems
    }

    pub(crate) const fn seen(&self) -> Seen {
        self.seen
    }

    /// Begins a round: looks what is there and decides what to do. `once`: what is there is all.
    pub(crate) fn begin(&mut self, disk: &dyn Disk, now: DateTime<Utc>, once: bool) {
        self.round += 1;
        self.now = now;
        self.once = once;
        self.queue.clear();
        let walk = self.settings.wanted.find(disk, once);
        self.problems = walk.problems.into_iter().collect();
        let files = self.names(walk.files);
        self.seen.files = files.len() as u64;
        self.seen.done = 0;
        let paths: HashSet<PathBuf> = files.iter().map(|found| found.path.clone()).collect();
        let mut unknown = Vec::new();
        self.known = self.by_inode();
        for found in files {
            if !self.attach(&found, disk) {
                unknown.push(found);
            }
        }
        let lost = self.look_for_gone();
        unknown.extend(self.siblings(&lost, &paths, disk));
        if !unknown.is_empty() {
            self.index = Index::of(&self.tails);
        }
        for found in unknown {
            self.classify(found, &paths, disk);
        }
        for key in lost {
            self.mark_gone(key, disk);
        }
        self.plan();
        let round = self.round;
        self.held.retain(|_, held| held.round == round);
    }

    /// Reads until there is a batch. `None`: nothing more is to be done in this round.
    pub(crate) fn step(
        &mut self,
        disk: &dyn Disk,
        overflow: &dyn Fn() -> Box<dyn Overflow>,
    ) -> Option<Batch> {
        while let Some(work) = self.queue.pop_front() {
            match work {
                Work::Classify(found) => self.classify_packed(found, disk),
                Work::Read(key) => {
                    if self.read(key, disk, overflow) == More::Yes {
                        self.queue.push_front(Work::Read(key));
                    }
                }
            }
            let limits = &self.settings.limits;
            if self.out.rows() >= limits.batch_rows || self.out.bytes() >= limits.batch_bytes {
                return Some(self.batch());
            }
        }
        self.tidy();
        (self.out.rows() > 0 || self.changed).then(|| self.batch())
    }

    /// Gives up the rest of the round: what was read and not given yet.
    pub(crate) fn stop(&mut self) -> Option<Batch> {
        self.queue.clear();
        (self.out.rows() > 0).then(|| self.batch())
    }

    fn batch(&mut self) -> Batch {
        self.changed = false;
        let offsets = entry::write(self.tails.values().map(|tail| &tail.entry));
        Batch { rows: self.out.finish(), offsets }
    }

    /// One name for each file: the one it had, else the first.
    fn names(&self, files: Vec<Found>) -> Vec<Found> {
        let had: HashSet<&Path> = self
            .tails
            .values()
            .filter(|tail| tail.entry.id.is_some())
            .map(|tail| tail.entry.path.as_path())
            .collect();
        let mut places: HashMap<FileId, usize> = HashMap::new();
        let mut named: Vec<Found> = Vec::with_capacity(files.len());
        for found in files {
            match places.get(&found.stat.id).and_then(|place| named.get_mut(*place)) {
                Some(other) => {
                    if had.contains(&*found.path) && !had.contains(&*other.path) {
                        *other = found;
                    }
                }
                None => {
                    places.insert(found.stat.id, named.len());
                    named.push(found);
                }
            }
        }
        named
    }

    fn by_inode(&self) -> HashMap<u64, Vec<u64>> {
        let mut known: HashMap<u64, Vec<u64>> = HashMap::new();
        for (key, tail) in &self.tails {
            if let Some(id) = tail.entry.id {
                known.entry(id.inode).or_default().push(*key);
            }
        }
        known
    }

    /// Whether the file is that of a known content, which then goes on.
    fn attach(&mut self, found: &Found, disk: &dyn Disk) -> bool {
        let (now, round) = (self.now, self.round);
        let keys = self.known.get(&found.stat.id.inode).cloned().unwrap_or_default();
        for key in keys.into_iter().rev() {
            let Some(tail) = self.tails.get_mut(&key) else { continue };
            let Some(id) = tail.entry.id else { continue };
            // The number of a file that is gone is given to another one sooner or later.
            let vague = tail.entry.gone.is_some()
                && tail.entry.offset < DISTINCT
                && (id.born.is_none() || found.stat.id.born.is_none());
            // Of a content without a row nothing is known to compare: see `claim`.
            let blank = tail.entry.offset == 0 && tail.live.is_none() && found.stat.size > 0;
            if tail.seen == round || vague || blank || !id.may_be(&found.stat.id) {
                continue;
            }
            let same = tail.verify(|| open(disk, found), &found.stat, now);
            match same {
                Err(error) => {
                    self.problems.insert(found.path.clone(), error.to_string());
                    tail.seen = round;
                    return true;
                }
                Ok(Same::No) => self.detach(key),
                Ok(Same::Yes) => {
                    tail.seen = round;
                    tail.entry.gone = None;
                    if tail.entry.id != Some(found.stat.id) {
                        tail.entry.id = Some(found.stat.id);
                        self.changed = true;
                    }
                    let renamed = tail.entry.path != found.path;
                    if renamed {
                        tail.entry.path.clone_from(&found.path);
                        self.changed = true;
                    }
                    if let Some(live) = &mut tail.live {
                        live.away = match live.away {
                            _ if !Family::of(&found.path).is_rotated() => None,
                            Some(Away::Renamed(since)) if !renamed => Some(Away::Renamed(since)),
                            _ => Some(Away::Renamed(now)),
                        };
                    }
                    tail.elsewhere = false;
                    return true;
                }
            }
        }
        false
    }

    /// The content's file holds something else.
    fn detach(&mut self, key: u64) {
        let now = self.now;
        let Some(tail) = self.tails.get_mut(&key) else { return };
        self.changed = true;
        match &mut tail.live {
            Some(live) if live.is_pending(&tail.entry) => {
                live.away = Some(Away::Replaced(now));
                live.handle = None;
            }
            _ => tail.leave(now),
        }
        tail.entry.id = None;
    }

    /// What is known and was not seen: what is open is read through its handle; the others are
    /// given, if they are worth looking for.
    fn look_for_gone(&mut self) -> Vec<u64> {
        let (now, round) = (self.now, self.round);
        let mut lost = Vec::new();
        let mut replaced = Vec::new();
        for (key, tail) in &mut self.tails {
            if tail.seen == round {
                continue;
            }
            if let Some(live) = &mut tail.live {
                match (&live.handle, live.away) {
                    (_, Some(Away::Replaced(_))) => lost.push(*key),
                    (Some(handle), _) => match handle.stat() {
                        Ok(stat) => {
                            if !matches!(live.away, Some(Away::Removed(_))) {
                                live.away = Some(Away::Removed(now));
                            }
                            tail.seen = round;
                            if !matches!(tail.verify(no_handle, &stat, now), Ok(Same::Yes)) {
                                replaced.push(*key);
                            }
                        }
                        Err(_) => replaced.push(*key),
                    },
                    (None, _) => lost.push(*key),
                }
            } else if !tail.elsewhere && tail.entry.gone.is_none_or(|gone| gone == now.timestamp())
            {
                lost.push(*key);
            }
        }
        for key in replaced {
            self.detach(key);
            lost.push(key);
        }
        let wants = |key: &u64| self.tails.get(key).is_some_and(|tail| self.wants(&tail.entry));
        lost.retain(|key| self.round == 1 || wants(key));
        lost
    }

    /// Whether a content is one of those that were asked for, under its name or its first.
    fn wants(&self, entry: &Entry) -> bool {
        let wanted = &self.settings.wanted;
        wanted.covers(&entry.path) || wanted.covers(&entry.name)
    }

    /// Looks beside where a file was for the rest of it, under names that were not asked for.
    fn siblings(&mut self, lost: &[u64], found: &HashSet<PathBuf>, disk: &dyn Disk) -> Vec<Found> {
        let paths: Vec<PathBuf> = lost
            .iter()
            .filter_map(|key| self.tails.get(key))
            .filter(|tail| self.wants(&tail.entry))
            .map(|tail| tail.entry.path.clone())
            .collect();
        let dirs: BTreeSet<&Path> = paths.iter().filter_map(|path| path.parent()).collect();
        let mut unknown = Vec::new();
        for dir in dirs {
            // If it cannot be listed now, what was there is not found, and not lost either.
            for name in disk.list(dir).unwrap_or_default() {
                let path = dir.join(name);
                if found.contains(&path) {
                    continue;
                }
                let Ok(stat) = disk.stat(&path) else { continue };
                if stat.kind != Kind::File {
                    continue;
                }
                let sibling = Found { path, stat };
                let family = Family::of(&sibling.path);
                let related = paths
                    .iter()
                    .any(|path| path.parent() == Some(dir) && Family::of(path).meets(&family));
                if !self.attach(&sibling, disk) && related {
                    unknown.push(sibling);
                }
            }
        }
        unknown
    }

    /// Decides what an unknown file is.
    fn classify(&mut self, found: Found, asked: &HashSet<PathBuf>, disk: &dyn Disk) {
        // There is nothing to know of an empty file.
        if found.stat.size == 0 || self.is_held(&found) {
            return;
        }
        let handle = match open(disk, &found) {
            Ok(handle) => handle,
            Err(error) => {
                self.problems.insert(found.path, error.to_string());
                return;
            }
        };
        match Peek::tell(&*handle) {
            // What others are compressed from is read first.
            Ok(Told::Packed(_)) => self.queue.push_back(Work::Classify(found)),
            Ok(Told::Unsupported(what)) => {
                if asked.contains(&found.path) {
                    self.problems.insert(found.path, unsupported(what));
                }
            }
            Ok(Told::Plain | Told::Unclear) => {
                let new = asked.contains(&found.path);
                self.place(found, &handle, &Peek::new(Arc::clone(&handle), None), new);
            }
            Err(error) => {
                self.problems.insert(found.path, error.to_string());
            }
        }
    }

    fn classify_packed(&mut self, found: Found, disk: &dyn Disk) {
        let path = found.path.clone();
        let classified = (|| {
            let handle = open(disk, &found).map_err(|error| error.to_string())?;
            let told = Peek::tell(&*handle).map_err(|error| error.to_string())?;
            let Told::Packed(compression) = told else { return Ok(()) };
            let peek = Peek::new(Arc::clone(&handle), Some(compression));
            if !self.once && peek.first(1).map_err(|error| error.to_string())?.is_empty() {
                // Its writer has hardly begun.
                let since = self.hold(&found, None);
                if elapsed(self.now, since) < self.settings.limits.grace {
                    return Ok(());
                }
            }
            let new = self.settings.wanted.covers(&found.path);
            if let Some(key) = self.place(found, &handle, &peek, new) {
                self.queue.push_back(Work::Read(key));
            }
            Ok::<(), String>(())
        })();
        if let Err(why) = classified {
            self.problems.insert(path, why);
        }
    }

    /// Whether the file was looked at and nothing has happened since that would say more.
    fn is_held(&mut self, found: &Found) -> bool {
        let round = self.round;
        let grace = self.settings.limits.grace;
        let Some(held) = self.held.get_mut(&found.stat.id) else { return false };
        let same = held.stat.is_unchanged(&found.stat);
        let waits = match held.of {
            Some((key, offset)) => self
                .tails
                .get(&key)
                .is_some_and(|tail| tail.is_there(round) && tail.entry.offset == offset),
            None => elapsed(self.now, held.since) < grace,
        };
        if same {
            held.round = round;
        }
        same && waits
    }

    /// Takes note that a file is to be looked at again; since when it is as it is.
    fn hold(&mut self, found: &Found, of: Option<u64>) -> DateTime<Utc> {
        let since = match self.held.get(&found.stat.id) {
            Some(held) if held.stat.is_unchanged(&found.stat) => held.since,
            _ => self.now,
        };
        let of = of.and_then(|key| Some((key, self.tails.get(&key)?.entry.offset)));
        let held = Held { stat: found.stat, of, since, round: self.round };
        self.held.insert(found.stat.id, held);
        since
    }

    /// Gives a file its content, a known one or a new one, if it is to be read.
    fn place(
        &mut self,
        found: Found,
        handle: &Arc<dyn Handle>,
        peek: &Peek,
        new: bool,
    ) -> Option<u64> {
        let known = self.index.related(&found.path);
        let known = known.into_iter().filter_map(|key| Some((key, self.tails.get(&key)?)));
        let decision = match decide(&found.path, peek, known, self.round) {
            Ok(decision) => decision,
            Err(error) => {
                self.problems.insert(found.path, error.to_string());
                return None;
            }
        };
        let key = match decision {
            Decision::Copy(key) => {
                self.hold(&found, Some(key));
                return None;
            }
            Decision::New if let Some(key) = self.claim(&found) => key,
            Decision::New if !new => return None,
            Decision::New => {
                let key = self.next;
                self.next += 1;
                let generation = self.index.generation(&found.path);
                let entry = Entry::new(&found.path, found.stat.id, generation);
                self.tails.insert(key, Tail::new(entry));
                key
            }
            Decision::GoesOn(key) => key,
            Decision::Part(key, part) => {
                let tail = self.tails.get_mut(&key)?;
                tail.entry.offset = part.length;
                tail.entry.head = part.head;
                tail.entry.tail = Some(part.tail);
                key
            }
        };
        self.changed = true;
        self.index.add(key, &found.path);
        let packed = match peek.compression() {
            None => Ok(None),
            Some(compression) => look_at(compression, &**handle, &found.stat).map(Some),
        };
        let tail = self.tails.get_mut(&key)?;
        tail.live = None;
        tail.entry.id = Some(found.stat.id);
        tail.entry.path.clone_from(&found.path);
        tail.entry.gone = None;
        tail.seen = self.round;
        let ready = packed.and_then(|packed| {
            tail.entry.packed = packed;
            tail.verify(|| Ok(Arc::clone(handle)), &found.stat, self.now)
                .map_err(|error| error.to_string())
        });
        if let Err(why) = ready {
            self.problems.insert(found.path, why);
            return None;
        }
        if let Some(live) = &mut tail.live
            && Family::of(&found.path).is_rotated()
        {
            live.away = Some(Away::Renamed(self.now));
        }
        Some(key)
    }

    /// The content without a row that the file's id is known for.
    fn claim(&self, found: &Found) -> Option<u64> {
        let family = Family::of(&found.path);
        let keys = self.known.get(&found.stat.id.inode)?;
        keys.iter().copied().find(|key| {
            self.tails.get(key).is_some_and(|tail| {
                tail.entry.offset == 0
                    && tail.live.is_none()
                    && tail.seen != self.round
                    && tail.entry.id.is_some_and(|id| id.may_be(&found.stat.id))
                    && Family::of(&tail.entry.path).meets(&family)
            })
        })
    }

    /// What was not found again is gone, unless its file is somewhere else.
    fn mark_gone(&mut self, key: u64, disk: &dyn Disk) {
        let (now, round) = (self.now, self.round);
        let wanted = self.tails.get(&key).is_some_and(|tail| self.wants(&tail.entry));
        let Some(tail) = self.tails.get_mut(&key) else { return };
        if tail.seen == round || tail.entry.gone.is_some() {
            return;
        }
        if matches!(&tail.live, Some(live) if matches!(live.away, Some(Away::Replaced(_)))) {
            return;
        }
        // It may be there, and not be asked for any more.
        let stat = disk.stat(&tail.entry.path);
        let there = stat.is_ok_and(|stat| tail.entry.id.is_some_and(|id| id.may_be(&stat.id)));
        tail.elsewhere = there && !wanted;
        if !there {
            match &mut tail.live {
                // It was not held open; what was read of it comes yet.
                Some(live) if live.is_pending(&tail.entry) => {
                    live.away = Some(Away::Replaced(now));
                }
                _ => tail.live = None,
            }
            tail.entry.gone = Some(now.timestamp());
            self.changed = true;
        }
    }

    /// Queues what is to be read: what is going away first, then by path, compressed files last.
    fn plan(&mut self) {
        let mut order: Vec<(bool, &Path, u64)> = self
            .tails
            .iter()
            .filter_map(|(key, tail)| {
                let live = tail.live.as_ref()?;
                Some((live.away.is_none(), tail.entry.path.as_path(), *key))
            })
            .collect();
        order.sort_unstable();
        let reads: Vec<Work> = order.into_iter().map(|(_, _, key)| Work::Read(key)).collect();
        self.seen.bytes = self.seen.taken
            + self
                .tails
                .values()
                .filter_map(|tail| tail.live.as_ref().map(|live| live.left(&tail.entry)))
                .sum::<u64>();
        for work in &self.queue {
            if let Work::Classify(found) = work {
                self.seen.bytes += found.stat.size;
            }
        }
        for work in reads.into_iter().rev() {
            self.queue.push_front(work);
        }
    }

    fn read(
        &mut self,
        key: u64,
        disk: &dyn Disk,
        overflow: &dyn Fn() -> Box<dyn Overflow>,
    ) -> More {
        let Some(tail) = self.tails.get_mut(&key) else { return More::No };
        let before = (tail.entry.offset, tail.entry.notes, tail.entry.gone, tail.entry.packed);
        let mut reading = Reading {
            disk,
            limits: &self.settings.limits,
            layer: &self.settings.layer,
            format: &self.settings.format,
            host: self.settings.host.as_deref(),
            assumed: self.settings.assumed,
            now: self.now,
            once: self.once,
            overflow,
            out: &mut self.out,
            buffer: &mut self.buffer,
            taken: &mut self.seen.taken,
        };
        let read = tail.read(&mut reading);
        let entry = &tail.entry;
        self.changed |= before != (entry.offset, entry.notes, entry.gone, entry.packed);
        match read {
            Ok(More::Yes) => More::Yes,
            Ok(More::No) => {
                self.seen.done += 1;
                More::No
            }
            Err(why) => {
                self.problems.insert(tail.entry.path.clone(), why);
                More::No
            }
        }
    }

    /// Keeps what is held open and known within limits.
    fn tidy(&mut self) {
        let limits = self.settings.limits;
        let mut open: Vec<(DateTime<Utc>, u64)> = self
            .tails
            .iter()
            .filter_map(|(key, tail)| Some((key, tail.live.as_ref()?)))
            .filter(|(_, live)| {
                live.handle.is_some() && !matches!(live.away, Some(Away::Removed(_)))
            })
            .map(|(key, live)| (live.grown, *key))
            .collect();
        open.sort_unstable();
        for (_, key) in open.iter().take(open.len().saturating_sub(limits.open_files)) {
            if let Some(live) = self.tails.get_mut(key).and_then(|tail| tail.live.as_mut()) {
                live.handle = None;
            }
        }
        let mut gone: Vec<(i64, u64)> =
            self.tails.iter().filter_map(|(key, tail)| Some((tail.entry.gone?, *key))).collect();
        gone.sort_unstable();
        let surplus = self.tails.len().saturating_sub(limits.known_files);
        let old = i64::try_from(limits.forget_after.as_secs())
            .map_or(i64::MIN, |age| self.now.timestamp().saturating_sub(age));
        for (index, (since, key)) in gone.into_iter().enumerate() {
            let is_empty = self.tails.get(&key).is_some_and(|tail| tail.entry.offset == 0);
            if index < surplus || since < old || is_empty {
                self.tails.remove(&key);
                self.changed = true;
            }
        }
    }
}

/// Opens a file that was found; another one under its name by now is none.
fn open(disk: &dyn Disk, found: &Found) -> io::Result<Arc<dyn Handle>> {
    let handle = disk.open(&found.path)?;
    if handle.stat()?.id == found.stat.id {
        Ok(handle)
    } else {
        Err(io::Error::other("another file took its name just now"))
    }
}

fn no_handle() -> io::Result<Arc<dyn Handle>> {
    Err(io::Error::other("it is not open"))
}

#[cfg(test)]
mod tests;
