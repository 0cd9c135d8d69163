//! What can go wrong with a lake.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// What was being done to which lake, and what failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LakeError {
    /// The directory is not a lake.
    #[error("`{}` is no lake: {why}", path.display())]
    #[non_exhaustive]
    NotALake {
        /// The directory.
        path: PathBuf,
        /// What is missing, and what to do.
        why: String,
    },
    /// There is something where a lake was to be created.
    #[error("cannot create a lake in `{}`: {why}", path.display())]
    #[non_exhaustive]
    Occupied {
        /// The directory.
        path: PathBuf,
        /// What is there.
        why: String,
    },
    /// The lake was written by a newer version.
    #[error("the lake `{}` has {found}, this version knows {known}: use a newer logdive", path.display())]
    #[non_exhaustive]
    Newer {
        /// The directory.
        path: PathBuf,
        /// What the lake asks for.
        found: String,
        /// What is known here.
        known: String,
    },
    /// Somebody else writes to the lake.
    #[error("the lake `{}` is being written by {holder}: a lake has one writer at a time, stop that one first", path.display())]
    #[non_exhaustive]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Who holds the lock.
        holder: String,
    },
    /// A stream's name, or its batch number, cannot be written.
    #[error("stream `{stream}` cannot be appended: {why}")]
    #[non_exhaustive]
    Stream {
        /// The stream.
        stream: String,
        /// What is wrong with it.
        why: String,
    },
    /// The rest of a giant record cannot be given back.
    #[error("blob `{blob}` cannot be read: {why}")]
    #[non_exhaustive]
    Blob {
        /// The blob, as the row names it.
        blob: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{what} of `{}` failed", path.display())]
    #[non_exhaustive]
    Io {
        /// What was being done.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The table's log could not be read or written.
    #[error("{what} of the lake `{}` failed", path.display())]
    #[non_exhaustive]
    Log {
        /// What was being done.
        what: &'static str,
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl LakeError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    pub(crate) fn log<E>(what: &'static str, path: &Path) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Log { what, path: path.to_owned(), source: source.into() }
    }
}
