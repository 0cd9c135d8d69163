//! What stops reading files.

use thiserror::Error;

use crate::ingest::IngestError;

/// Why files cannot be read into the lake. (A single file that cannot be read stops nothing: see
/// [`FileProgress::problems`](super::FileProgress::problems).)
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileSourceError {
    /// The lake does not take the lines.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// No path was given.
    #[error("no path was given: name files, directories or patterns such as `/var/log/app/*.log`")]
    NoPaths,
    /// A path is not one.
    #[error("`{path}` is no path")]
    #[non_exhaustive]
    Path {
        /// As it was given.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// What is known of the files cannot be read.
    #[error(
        "the offsets of stream `{stream}` cannot be read: {why}; use the logdive that wrote them, \
         or another lake"
    )]
    #[non_exhaustive]
    Offsets {
        /// The stream.
        stream: String,
        /// What is wrong with them.
        why: String,
    },
    /// Standard input is compressed.
    #[error("`{name}` is compressed with {with}: unpack it on its way, as in `zcat FILE | …`")]
    #[non_exhaustive]
    Compressed {
        /// What the input is called.
        name: String,
        /// How it is compressed.
        with: String,
    },
    /// The input cannot be read on. What was read is in the lake.
    #[error("reading `{name}` failed")]
    #[non_exhaustive]
    Read {
        /// What the input is called.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// An earlier call did not end, or failed: where the files stand is not known.
    #[error(
        "reading files was broken off: open the source again, it goes on where the lake stands"
    )]
    BrokenOff,
}
