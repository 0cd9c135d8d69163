//! What goes wrong on the way into the lake.

use thiserror::Error;

use crate::lake::LakeError;

/// Why lines did not get into the lake.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The lake cannot be written or read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// As many bytes wait to be written as may; nothing was taken.
    #[error("{bytes} bytes wait to be written to the lake, which is the limit; try again later")]
    Full {
        /// Bytes that wait.
        bytes: usize,
    },
    /// The lake cannot be written at present; nothing was taken.
    #[error("the lake takes no lines at present, and tries again by itself: {why}")]
    Refused {
        /// Why it cannot be written.
        why: String,
    },
    /// Somebody else in this process pushes into the stream.
    #[error("stream `{stream}` is open already: a stream has one source at a time")]
    StreamOpen {
        /// The stream.
        stream: String,
    },
    /// The ingester has ended.
    #[error("the ingester has ended: {why}")]
    Ended {
        /// Why.
        why: String,
    },
}
