//! What a lake holds, from its log alone.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::{Lake, LakeError, Quarantined, commit, offsets};

/// What a lake holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LakeInfo {
    /// Its newest version.
    pub version: u64,
    /// How many data files.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many lines, if the log says so of each file.
    pub rows: Option<u64>,
    /// The oldest time, if the log says so of each file and there is one.
    pub oldest: Option<DateTime<Utc>>,
    /// The newest time, likewise; never below the true one.
    pub newest: Option<DateTime<Utc>>,
    /// The streams that write to it, by name.
    pub streams: Vec<StreamInfo>,
    /// Torn commits that were ever set aside, by version.
    pub quarantined: Vec<Quarantined>,
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Its name.
    pub name: String,
    /// Its newest batch that is committed.
    pub batch: u64,
    /// Where its sources stood.
    pub offsets: Json,
}

impl Lake {
    /// Says what the lake holds, at its newest version. No data file is opened.
    ///
    /// # Errors
    /// If the log or the offsets of a stream cannot be read.
    pub async fn info(&self) -> Result<LakeInfo, LakeError> {
        let snapshot = self.refresh().await?;
        let files = snapshot.files();
        let mut streams = Vec::new();
        for name in offsets::streams(self.root()) {
            if let Some(committed) = offsets::committed(self, &name).await? {
                let (batch, offsets) = (committed.batch, committed.offsets);
                streams.push(StreamInfo { name, batch, offsets });
            }
        }
        let oldest: Option<Vec<_>> = files.iter().map(|file| file.oldest).collect();
        let newest: Option<Vec<_>> = files.iter().map(|file| file.newest).collect();
        Ok(LakeInfo {
            version: snapshot.version(),
            files: files.len() as u64,
            bytes: files.iter().map(|file| file.bytes).sum(),
            rows: files.iter().map(|file| file.rows).sum(),
            oldest: oldest.and_then(|times| times.into_iter().min()),
            newest: newest.and_then(|times| times.into_iter().max()),
            streams,
            quarantined: commit::set_aside(self.root())?,
        })
    }
}
