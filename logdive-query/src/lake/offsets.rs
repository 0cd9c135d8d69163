//! Where the streams that write to the lake stand.
//!
//! The offsets of a batch are a file that is durable before the commit that names the batch: a
//! batch that is committed has its offsets. The file of a batch that was not committed may be
//! written again; that of a committed one never is.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::durable::{Disk, IfThere};
use super::{Lake, LakeError};

/// How far a stream is with a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StreamProgress {
    /// The stream: who reads which sources, a stable name.
    pub stream: String,
    /// The batch's number, rising by stream, from 1.
    pub batch: u64,
    /// Where the stream's sources stand behind this batch, as the stream writes it.
    pub offsets: Json,
}

impl StreamProgress {
    /// The progress of a stream, without offsets.
    #[must_use]
    pub fn new(stream: impl Into<String>, batch: u64) -> Self {
        Self { stream: stream.into(), batch, offsets: Json::Null }
    }

    /// Sets where the sources stand.
    #[must_use]
    pub fn offsets(mut self, offsets: Json) -> Self {
        self.offsets = offsets;
        self
    }

    pub(crate) fn check(&self) -> Result<(), LakeError> {
        let fail = |why: &str| {
            Err(LakeError::Stream {
                stream: self.stream.chars().take(80).collect(),
                why: why.to_owned(),
            })
        };
        if self.stream.is_empty() || self.stream.len() > 60 {
            return fail("a stream's name has 1 to 60 bytes");
        }
        if self.stream.chars().any(char::is_control) {
            return fail("a stream's name has no control characters");
        }
        if self.batch == 0 || i64::try_from(self.batch).is_err() {
            return fail("batches are numbered from 1, in 63 bits");
        }
        Ok(())
    }
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed {
    /// The newest batch that is committed.
    pub batch: u64,
    /// Where its sources stood.
    pub offsets: Json,
}

/// The directory of a stream's manifests. Lowercase letters, digits and `-` stand for themselves,
/// all other bytes are `_` and two digits, so that two names never share a directory, whether or
/// not the file system knows upper case, and none leads out of the lake.
fn dir_name(stream: &str) -> String {
    // With `=` in front no name is a device's, and none is one of those written before.
    let bytes = stream.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        other => format!("_{other:02x}"),
    });
    std::iter::once("stream=".to_owned()).chain(bytes).collect()
}

/// The directory as it was named at first. Two streams could share one: the name inside of a
/// manifest is compared when it is read.
fn first_dir_name(stream: &str) -> String {
    stream
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
            other => format!("_{other:02x}_"),
        })
        .collect()
}

/// The directory of all manifests.
const DIR: &str = "_offsets";
/// How many manifests of a stream stay: should the newest commits turn out torn, those of the
/// commits before are needed.
const KEPT: usize = 3;

fn manifest(root: &Path, dir: &str, batch: u64) -> PathBuf {
    root.join(DIR).join(dir).join(format!("{batch:020}.json"))
}

/// The manifest's name in the lake.
pub(crate) fn name(stream: &str, batch: u64) -> String {
    manifest(Path::new(""), &dir_name(stream), batch).to_string_lossy().into_owned()
}

/// Makes the offsets of a batch durable.
pub(crate) fn write(disk: &Disk, root: &Path, progress: &StreamProgress) -> Result<(), LakeError> {
    let path = manifest(root, &dir_name(&progress.stream), progress.batch);
    let text = serde_json::to_vec(progress)
        .map_err(|error| LakeError::io("writing", &path)(io::Error::other(error)))?;
    disk.write_file(&path, [text.as_slice()], IfThere::Replace)
        .map_err(LakeError::io("writing", &path))
}

/// Removes the offsets of batches long committed; what stays is harmless.
pub(crate) fn sweep(root: &Path, stream: &str, committed: u64) {
    let dir = root.join(DIR).join(dir_name(stream));
    let mut old: Vec<(u64, PathBuf)> = manifests(&dir)
        .into_iter()
        .filter_map(|path| {
            let batch = path.file_stem()?.to_str()?.parse().ok()?;
            (batch <= committed).then_some((batch, path))
        })
        .collect();
    old.sort_unstable_by(|a, b| b.cmp(a));
    for (_, path) in old.into_iter().skip(KEPT) {
        let _ = fs::remove_file(path);
    }
}

fn manifests(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// The names of all streams that have ever written offsets.
pub(crate) fn streams(root: &Path) -> BTreeSet<String> {
    let mut streams = BTreeSet::new();
    for dir in manifests(&root.join(DIR)) {
        for path in manifests(&dir) {
            let progress = fs::read(path)
                .ok()
                .and_then(|text| serde_json::from_slice::<StreamProgress>(&text).ok());
            streams.extend(progress.map(|progress| progress.stream));
        }
    }
    streams
}

pub(crate) async fn committed(lake: &Lake, stream: &str) -> Result<Option<Committed>, LakeError> {
    let root = lake.root();
    let table = lake.shared.table.lock().await;
    let state = table.snapshot().map_err(LakeError::log("reading the log", root))?;
    let version = state
        .snapshot()
        .transaction_version(&*lake.shared.log_store, stream)
        .await
        .map_err(LakeError::log("reading the log", root))?;
    drop(table);
    let Some(batch) = version.and_then(|version| u64::try_from(version).ok()) else {
        return Ok(None);
    };
    let unreadable = |path: &Path, error| LakeError::io("reading", path)(error);
    let mut path = manifest(root, &dir_name(stream), batch);
    let text = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let first = manifest(root, &first_dir_name(stream), batch);
            let text = fs::read(&first);
            if text.is_ok() {
                path = first;
            }
            text
        }
        text => text,
    };
    let text = text.map_err(|error| unreadable(&path, error))?;
    let progress: StreamProgress = serde_json::from_slice(&text)
        .map_err(|error| unreadable(&path, io::Error::other(error)))?;
    if progress.stream != stream || progress.batch != batch {
        let error = io::Error::other("it holds the offsets of another batch");
        return Err(unreadable(&path, error));
    }
    Ok(Some(Committed { batch, offsets: progress.offsets }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use proptest::prelude::*;

    use super::{StreamProgress, dir_name, first_dir_name, manifest, streams, write};
    use crate::lake::durable::Disk;

    fn traversal() -> Vec<String> {
        let mut corpus: Vec<String> = [
            "..",
            ".",
            "../x",
            "..\\x",
            "/",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "C:",
            "C:\\x",
            "//host/x",
            "\\\\?\\C:\\x",
            "~",
            "~root",
            "$HOME",
            "%2e%2e%2f",
            "%00",
            "..%c0%af",
            "con",
            "CON",
            "nul",
            "NUL.txt",
            "aux",
            "com1",
            "lpt9",
            "a.",
            "a ",
            " a",
            "a:b",
            "a*?",
            "a|b<c>\"",
            "-rf",
            "--",
            "_2f",
            "_2f_",
            "a_2f_",
            "a/",
            "_",
            "__",
            "é",
            "É",
            "e\u{301}",
            "ß",
            "SS",
            "ſ",
            "K",
            "\u{212a}",
            "k",
            "\u{202e}gpj",
            "\u{200b}",
            "stream=",
            "stream=a",
            "date=2023-07-10",
            "a#1",
            "_delta_log",
            "_offsets",
            "_blobs",
        ]
        .map(str::to_owned)
        .to_vec();
        corpus.push("x".repeat(60));
        corpus.push("é".repeat(30));
        corpus.push("/".repeat(60));
        corpus
    }

    fn is_plain(name: &str) -> bool {
        let body = name.strip_prefix("stream=").unwrap();
        body.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
            && name.len() <= 200
    }

    #[test]
    fn no_name_leads_out_of_the_lake_or_to_another_stream() {
        let dir = tempfile::tempdir().unwrap();
        let mut seen = BTreeMap::new();
        for name in traversal() {
            let dir_name = dir_name(&name);
            assert!(is_plain(&dir_name), "{name:?} is `{dir_name}`");
            assert_eq!(seen.insert(dir_name.to_lowercase(), name.clone()), None, "{name:?}");
            assert_ne!(dir_name, first_dir_name(&name));
            let progress = StreamProgress::new(&*name, 1);
            progress.check().unwrap();
            write(&Disk::default(), dir.path(), &progress).unwrap();
            let written = super::name(&name, 1);
            let parts: Vec<_> = Path::new(&written).components().collect();
            assert_eq!(parts.len(), 3, "{written}");
            assert!(dir.path().join(written).is_file());
        }
        assert_eq!(streams(dir.path()), traversal().into_iter().collect());
        let top: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(top.len(), 1);
    }

    #[test]
    fn names_that_cannot_be_kept_are_refused() {
        for name in ["", "a\0b", "a\nb", "\u{7f}", &"x".repeat(61)] {
            assert!(StreamProgress::new(name, 1).check().is_err(), "{name:?}");
        }
        assert!(StreamProgress::new("a", 0).check().is_err());
        assert!(StreamProgress::new("a", u64::MAX).check().is_err());
    }

    proptest! {
        #[test]
        fn two_streams_never_share_a_directory(a in "[aAéE_2f/.]{0,6}", b in "[aAéE_2f/.]{0,6}") {
            let (one, other) = (dir_name(&a), dir_name(&b));
            prop_assert!(is_plain(&one));
            prop_assert_eq!(one.to_lowercase() == other.to_lowercase(), a == b);
            let root = Path::new("/lake");
            prop_assert!(manifest(root, &one, 1) != manifest(root, &first_dir_name(&b), 1));
        }
    }
}
