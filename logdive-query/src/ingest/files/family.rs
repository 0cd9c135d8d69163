//! Names of one log: `app.log`, `app.log.1`, `app.log-20240101.gz`, `app-2024-01-01.log`.
//!
//! A name alone decides nothing: it says which files are worth comparing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const PACKED: [&[u8]; 9] = [b"gz", b"gzip", b"zst", b"zstd", b"bz2", b"xz", b"lz4", b"z", b"Z"];
const AWAY: [&[u8]; 6] = [b"old", b"bak", b"prev", b"save", b"orig", b"rotated"];
/// So many digits in front of an extension are a date, not the number of a worker.
const DATE_DIGITS: usize = 6;

/// The logs that a file of this name may be a piece of, the nearest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family<'a> {
    name: &'a [u8],
    logs: Vec<Vec<u8>>,
}

impl<'a> Family<'a> {
    pub(crate) fn of(path: &'a Path) -> Self {
        let name = path.file_name().unwrap_or_else(|| OsStr::new("")).as_bytes();
        let unpacked = match split_last(name, b".") {
            Some((front, _, last)) if !front.is_empty() && PACKED.contains(&last) => front,
            _ => name,
        };
        let mut logs = vec![unpacked.to_vec()];
        let log = without_markers(unpacked);
        if log.len() < unpacked.len() {
            logs.push(log.to_vec());
        }
        if let Some((stem, _, extension)) = split_last(log, b".") {
            let short = without_markers(stem);
            let marker = stem.get(short.len()..).unwrap_or_default();
            let digits = marker.iter().filter(|byte| byte.is_ascii_digit()).count();
            let wanted = if unpacked.len() < name.len() { 1 } else { DATE_DIGITS };
            if digits >= wanted {
                logs.push([short, b".", extension].concat());
            }
        }
        Self { name, logs }
    }

    /// Whether the name is one that rotation gives.
    pub(crate) fn is_rotated(&self) -> bool {
        self.logs.len() > 1 || self.logs.first().is_some_and(|log| log.len() < self.name.len())
    }

    /// The logs' names.
    pub(crate) fn logs(&self) -> impl Iterator<Item = &OsStr> {
        self.logs.iter().map(|log| OsStr::from_bytes(log))
    }

    /// Whether two names may be of one log.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.logs.iter().any(|log| other.logs.contains(log))
    }
}

/// The name without `.1`, `-20240101`, `.2024-01-01T10`, `.old` at its end.
fn without_markers(name: &[u8]) -> &[u8] {
    let mut name = name;
    while let Some((front, _, last)) = split_last(name, b".-_") {
        let numeric = !last.is_empty()
            && last.iter().all(|b| b.is_ascii_digit() || b"TZ:+".contains(b))
            && last.iter().any(u8::is_ascii_digit);
        if front.is_empty() || !(numeric || AWAY.contains(&last)) {
            break;
        }
        name = front;
    }
    name
}

fn split_last<'a>(name: &'a [u8], separators: &[u8]) -> Option<(&'a [u8], u8, &'a [u8])> {
    let at = name.iter().rposition(|byte| separators.contains(byte))?;
    Some((name.get(..at)?, *name.get(at)?, name.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Family;

    #[test]
    fn rotated_names_meet_their_log() {
        for (log, rotated) in [
            ("app.log", "app.log.1"),
            ("app.log", "app.log.12.gz"),
            ("app.log", "app.log-20240101"),
            ("app.log", "app.log-20240101-1704067200.zst"),
            ("app.log", "app.log.2024-01-01T10:00:00"),
            ("app.log", "app-2024-01-01.log"),
            ("app.log", "app-20240101.log.gz"),
            ("app.log", "app.3.log.gz"),
            ("app.log", "app.log.old"),
            ("app.log.1", "app.log.2.gz"),
            ("messages", "messages.1"),
            ("messages", "messages-20240101.xz"),
            ("worker-1.log", "worker-1.log.gz"),
        ] {
            let (log, rotated) = (Path::new(log), Path::new(rotated));
            assert!(Family::of(log).meets(&Family::of(rotated)), "{log:?} {rotated:?}");
            assert!(Family::of(rotated).is_rotated(), "{rotated:?}");
        }
    }

    #[test]
    fn other_logs_do_not() {
        for (one, other) in [
            ("app.log", "app-error.log"),
            ("worker-1.log", "worker-2.log"),
            ("worker-1.log", "worker-2.log.gz"),
            ("app.log", "app2.log"),
            ("a.log", "b.log.1"),
        ] {
            let (one, other) = (Path::new(one), Path::new(other));
            assert!(!Family::of(one).meets(&Family::of(other)), "{one:?} {other:?}");
        }
        for plain in ["app.log", "worker-1.log", "messages", ".gz", "app.json", "2024"] {
            assert!(!Family::of(Path::new(plain)).is_rotated(), "{plain}");
        }
    }
}
