//! What is asked of the disk: a small seam, so that rotation is tested without one.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// What stays the same when a file gets another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct FileId {
    #[serde(rename = "dev")]
    pub(crate) device: u64,
    #[serde(rename = "ino")]
    pub(crate) inode: u64,
    /// When it was made, in nanoseconds since 1970, where the file system says so: the number of
    /// a removed file is soon given to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) born: Option<i64>,
}

impl FileId {
    /// Whether a file that is found now may be one that was known before. A file system may come
    /// back under another device number.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        self.inode == other.inode
            && match (self.born, other.born) {
                (Some(one), Some(other)) => one == other,
                _ => self.device == other.device,
            }
    }
}

/// What kind of thing has a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// Neither; what it is.
    Other(&'static str),
}

/// What the disk says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) id: FileId,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    /// Changes when the file does: times of the last write and the last change, in nanoseconds.
    pub(crate) stamp: (i128, i128),
}

impl Stat {
    /// Whether nothing was done to the file since, as far as the disk tells.
    pub(crate) fn is_unchanged(&self, since: &Self) -> bool {
        self.size == since.size && self.stamp == since.stamp
    }
}

/// The disk. Symbolic links are followed.
pub(crate) trait Disk: fmt::Debug + Send {
    fn stat(&self, path: &Path) -> io::Result<Stat>;

    /// The names in a directory, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>>;

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Handle>>;
}

/// An open file: it stays readable when its name goes.
pub(crate) trait Handle: fmt::Debug + Send + Sync {
    fn stat(&self) -> io::Result<Stat>;

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// Reads as much as fits, or as there is.
pub(crate) fn read_full(handle: &dyn Handle, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match handle.read_at(offset + filled as u64, rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// A handle read from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Sequential {
    handle: Arc<dyn Handle>,
    at: u64,
}

impl Sequential {
    pub(crate) const fn new(handle: Arc<dyn Handle>) -> Self {
        Self { handle, at: 0 }
    }
}

impl io::Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.handle.read_at(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The machine's disk.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LocalDisk;

impl Disk for LocalDisk {
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        fs::metadata(path).map(|metadata| stat(&metadata))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        let mut names = fs::read_dir(dir)?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn Handle>> {
        Ok(Arc::new(LocalFile(File::open(path)?)))
    }
}

#[derive(Debug)]
struct LocalFile(File);

impl Handle for LocalFile {
    fn stat(&self) -> io::Result<Stat> {
        self.0.metadata().map(|metadata| stat(&metadata))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

fn stat(metadata: &Metadata) -> Stat {
    let kind = metadata.file_type();
    let kind = if kind.is_file() {
        Kind::File
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_fifo() {
        Kind::Other("a FIFO")
    } else if kind.is_socket() {
        Kind::Other("a socket")
    } else {
        Kind::Other("a device")
    };
    let born = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Stat {
        id: FileId {
            device: metadata.dev(),
            inode: metadata.ino(),
            born: born.and_then(|born| i64::try_from(born.as_nanos()).ok()),
        },
        kind,
        size: metadata.len(),
        stamp: (
            nanos(metadata.mtime(), metadata.mtime_nsec()),
            nanos(metadata.ctime(), metadata.ctime_nsec()),
        ),
    }
}
