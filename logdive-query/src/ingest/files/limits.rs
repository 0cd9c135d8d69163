//! How much, how often, how long.

use std::time::Duration;

/// How files are read: how much at a time, and how long is waited for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileLimits {
    /// How often followed files are looked at: 250 ms unless it is set.
    pub poll: Duration,
    /// A record of several lines is taken as ended when nothing has come for so long: 1 s unless
    /// it is set.
    pub flush_after: Duration,
    /// A file that was renamed, removed or truncated is finished when nothing has come for so
    /// long: 5 s unless it is set. So is a compressed file that ends early.
    pub grace: Duration,
    /// Rows of a batch: 50,000 unless it is set. (A chunk more may come with them.)
    pub batch_rows: usize,
    /// About how many bytes of rows a batch has: 8 MiB unless it is set.
    pub batch_bytes: usize,
    /// How much is read at a time: 256 KiB unless it is set.
    pub chunk: usize,
    /// Followed files that are held open: 400 unless it is set. Of files beyond, those that have
    /// changed least lately are closed and opened again when they change; what is written to one
    /// of them right before it is removed may be missed.
    pub open_files: usize,
    /// Files that are known: when there are more than 10,000, unless it is set, those that are
    /// gone are forgotten, the oldest first.
    pub known_files: usize,
    /// A file that is gone for so long is forgotten: 30 days unless it is set.
    pub forget_after: Duration,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(250),
            flush_after: Duration::from_secs(1),
            grace: Duration::from_secs(5),
            batch_rows: 50_000,
            batch_bytes: 8 << 20,
            chunk: 256 << 10,
            open_files: 400,
            known_files: 10_000,
            forget_after: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}
