//! Where the rest of a giant record goes.

use std::fmt;
use std::io;

use crate::Digest;

/// Keeps what a row cannot hold: of a record longer than [`RAW_LIMIT`](super::RAW_LIMIT) the row
/// keeps the beginning; the rest goes here as it is read, so that a record of any length is parsed
/// in bounded memory.
///
/// Records come one after another, never two at once.
pub trait Overflow: fmt::Debug + Send {
    /// Takes the next bytes of the rest of a record.
    ///
    /// # Errors
    /// If they cannot be kept. The row says so then.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Ends the record, of this digest as a whole, and gives the name of the blob that holds the
    /// rest of it: the row will carry it. When it returns, the blob is durable.
    ///
    /// # Errors
    /// If it cannot be kept. The row says so then.
    fn finish(&mut self, digest: Digest) -> io::Result<String>;

    /// Forgets what was written of a record that will not end.
    fn discard(&mut self);
}

impl<T: Overflow + ?Sized> Overflow for Box<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).write(bytes)
    }

    fn finish(&mut self, digest: Digest) -> io::Result<String> {
        (**self).finish(digest)
    }

    fn discard(&mut self) {
        (**self).discard();
    }
}

/// Keeps nothing: rows carry the length and the digest alone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nowhere;

impl Overflow for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, _: Digest) -> io::Result<String> {
        Err(io::Error::other("there is no place for it"))
    }

    fn discard(&mut self) {}
}
