//! Where the streams that write to the lake stand.
//!
//! The offsets of a batch are a file that is durable before the commit that names the batch: a
//! batch that is committed has its offsets. The file of a batch that was not committed may be
//! written again; that of a committed one never is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::durable::{IfThere, write_file};
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

/// A stream's name as a file name: what is not plain is written as `%` and two digits.
pub(crate) fn file_name(stream: &str) -> String {
    stream
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
            other => format!("_{other:02x}_"),
        })
        .collect()
}

fn manifest(root: &Path, stream: &str, batch: u64) -> PathBuf {
    // Two streams never share a file: the name inside is compared when it is read.
    root.join("_offsets").join(file_name(stream)).join(format!("{batch:020}.json"))
}

/// Makes the offsets of a batch durable.
pub(crate) fn write(root: &Path, progress: &StreamProgress) -> Result<String, LakeError> {
    let path = manifest(root, &progress.stream, progress.batch);
    let text = serde_json::to_vec(progress)
        .map_err(|error| LakeError::io("writing", &path)(io::Error::other(error)))?;
    write_file(&path, [text.as_slice()], IfThere::Replace)
        .map_err(LakeError::io("writing", &path))?;
    let name = path.strip_prefix(root).unwrap_or(&path);
    Ok(name.to_string_lossy().into_owned())
}

/// Removes the offsets of batches long committed; what stays is harmless.
pub(crate) fn sweep(root: &Path, stream: &str, committed: u64) {
    if let Some(old) = committed.checked_sub(2) {
        let _ = fs::remove_file(manifest(root, stream, old));
    }
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
    let path = manifest(root, stream, batch);
    let text = fs::read(&path).map_err(LakeError::io("reading", &path))?;
    let progress: StreamProgress = serde_json::from_slice(&text)
        .map_err(|error| LakeError::io("reading", &path)(io::Error::other(error)))?;
    if progress.stream != stream || progress.batch != batch {
        let error = io::Error::other("it holds the offsets of another batch");
        return Err(LakeError::io("reading", &path)(error));
    }
    Ok(Some(Committed { batch, offsets: progress.offsets }))
}
