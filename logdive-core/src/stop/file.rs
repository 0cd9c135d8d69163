//! The latch's file: of fixed size, overwritten in place, checked by a digest.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{LatchState, StopError, StopRecord};
use crate::{Actor, Digest, Scope};

/// The file's size. It is allocated when it is made, so that a full disk does not hinder a stop.
const SIZE: usize = 8192;
const MAGIC: &str = "logdive-stop 1";
/// How often a stop tries for the lock before it goes on without: a process that hangs with the
/// lock must not hold a stop up.
const LOCK_TRIES: u32 = 50;
const LOCK_WAIT: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct LatchFile {
    path: PathBuf,
}

impl LatchFile {
    pub(super) fn open_or_create(path: &Path) -> Result<Self, StopError> {
        let file = Self { path: path.to_owned() };
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(mut new) => {
                new.write_all(&encode(&LatchState::default()))
                    .and_then(|()| new.sync_all())
                    .map_err(|source| file.error("writing", source))?;
                if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty())
                {
                    // The directory entry must be durable too.
                    File::open(parent)
                        .and_then(|parent| parent.sync_all())
                        .map_err(|source| file.error("syncing the folder of", source))?;
                }
                Ok(file)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(file),
            Err(source) => Err(file.error("creating", source)),
        }
    }

    fn error(&self, what: &'static str, source: std::io::Error) -> StopError {
        StopError::File { path: self.path.display().to_string(), what, source }
    }

    /// What the file says, or why it cannot be believed.
    pub(super) fn read(&self) -> Result<LatchState, String> {
        let mut bytes = Vec::with_capacity(SIZE);
        File::open(&self.path)
            .and_then(|file| file.take(2 * SIZE as u64).read_to_end(&mut bytes))
            .map_err(|error| format!("`{}`: {error}", self.path.display()))?;
        decode(&bytes).map_err(|error| format!("`{}`: {error}", self.path.display()))
    }

    pub(super) fn write(&self, state: &LatchState) -> Result<(), StopError> {
        self.update(|_| state)
    }

    /// Reads, changes and writes under the lock.
    pub(super) fn update<'a>(
        &self,
        change: impl FnOnce(Result<LatchState, String>) -> &'a LatchState,
    ) -> Result<(), StopError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(|source| self.error("opening", source))?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(LOCK_WAIT),
                Err(TryLockError::Error(_)) => break,
            }
        }
        let state = change(self.read());
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.write_all(&encode(state)))
            .and_then(|()| file.sync_all())
            .map_err(|source| self.error("writing", source))
    }
}

fn encode(state: &LatchState) -> Vec<u8> {
    let body = |state: &LatchState| serde_json::to_string(state).unwrap_or_default();
    let header = |body: &str| format!("{MAGIC} {} {}\n", Digest::of(body), body.len());
    let mut text = body(state);
    if header(&text).len() + text.len() > SIZE {
        // More stops than fit: stopping everything is the one safe way to say so.
        let at = state.stops.last().map(|stop| stop.at).unwrap_or_default();
        let all = StopRecord {
            scope: Scope::Global,
            by: Actor::Automation,
            at,
            reason: format!("{} stops are more than the latch holds", state.stops.len()),
        };
        text = body(&LatchState { epoch: state.epoch, stops: vec![all] });
    }
    let mut bytes = (header(&text) + &text).into_bytes();
    bytes.resize(SIZE, b' ');
    bytes
}

fn decode(bytes: &[u8]) -> Result<LatchState, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is damaged: not text".to_owned())?;
    let (header, rest) = text.split_once('\n').ok_or_else(|| "is damaged: no header".to_owned())?;
    let fields = header.strip_prefix(MAGIC).ok_or_else(|| {
        if header.starts_with("logdive-stop ") {
            "was written by a newer logdive".to_owned()
        } else {
            "is no stop latch".to_owned()
        }
    })?;
    let mut fields = fields.split_whitespace();
    let digest = fields.next().and_then(Digest::parse);
    let body = fields.next().and_then(|len| rest.get(..len.parse().ok()?));
    match (digest, body) {
        (Some(digest), Some(body)) if Digest::of(body) == digest => {
            serde_json::from_str(body).map_err(|error| format!("is damaged: {error}"))
        }
        _ => Err("is damaged: its digest does not fit".to_owned()),
    }
}
