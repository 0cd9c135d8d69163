//! Looking into a file without reading it for rows.

use std::io;
use std::sync::Arc;

use super::disk::{Handle, Sequential, read_full};
use super::print::{PIECE, piece};
use crate::ingest::compression::{Compression, TELLING, Told, Unpack, UnpackError, tell};

/// The content of a file, unpacked.
#[derive(Debug, Clone)]
pub(crate) struct Peek {
    handle: Arc<dyn Handle>,
    packed: Option<Compression>,
}

/// Pieces of a content in front of an offset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// The first bytes.
    pub(crate) head: Vec<u8>,
    /// The bytes in front of the offset, or in front of the end if that comes first.
    pub(crate) tail: Vec<u8>,
    /// The offset, or the length if that is less.
    pub(crate) at: u64,
}

impl Peek {
    pub(crate) const fn new(handle: Arc<dyn Handle>, packed: Option<Compression>) -> Self {
        Self { handle, packed }
    }

    /// How the file is compressed.
    pub(crate) const fn compression(&self) -> Option<Compression> {
        self.packed
    }

    /// How the file begins.
    pub(crate) fn tell(handle: &dyn Handle) -> io::Result<Told> {
        read_full(handle, 0, TELLING).map(|head| tell(&head))
    }

    /// The first bytes of the content.
    pub(crate) fn first(&self, length: usize) -> io::Result<Vec<u8>> {
        let Some(compression) = self.packed else { return read_full(&*self.handle, 0, length) };
        let mut unpack = self.unpack(compression)?;
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match unpack.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(UnpackError::Read(error)) => return Err(error),
                // What there is counts.
                Err(_) => break,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// The pieces in front of an offset. Of a compressed file, all in front of it is unpacked.
    pub(crate) fn pieces(&self, offset: u64) -> io::Result<Pieces> {
        let Some(compression) = self.packed else {
            let at = offset.min(self.handle.stat()?.size);
            let length = piece(at);
            let head = read_full(&*self.handle, 0, length)?;
            let tail = read_full(&*self.handle, at - length as u64, length)?;
            return Ok(Pieces { head, tail, at });
        };
        let mut unpack = self.unpack(compression)?;
        let mut pieces = Pieces { head: Vec::new(), tail: Vec::new(), at: 0 };
        let mut buffer = vec![0; 64 << 10];
        while pieces.at < offset {
            let wanted = usize::try_from(offset - pieces.at).unwrap_or(usize::MAX);
            let room = wanted.min(buffer.len());
            match unpack.read(buffer.get_mut(..room).unwrap_or_default()) {
                Ok(0) => break,
                Ok(read) => pieces.take(buffer.get(..read).unwrap_or_default()),
                Err(UnpackError::Read(error)) => return Err(error),
                Err(_) => break,
            }
        }
        Ok(pieces)
    }

    fn unpack(&self, compression: Compression) -> io::Result<Unpack<Sequential>> {
        Unpack::new(compression, Sequential::new(Arc::clone(&self.handle))).map_err(|error| {
            match error {
                UnpackError::Read(error) => error,
                other => io::Error::other(other.to_string()),
            }
        })
    }
}

impl Pieces {
    fn take(&mut self, bytes: &[u8]) {
        extend_head(&mut self.head, bytes);
        self.tail.extend_from_slice(bytes);
        self.tail.drain(..self.tail.len().saturating_sub(PIECE));
        self.at += bytes.len() as u64;
    }
}

/// Adds to the first bytes of a content as long as they are not enough.
pub(crate) fn extend_head(head: &mut Vec<u8>, bytes: &[u8]) {
    let room = PIECE.saturating_sub(head.len()).min(bytes.len());
    head.extend_from_slice(bytes.get(..room).unwrap_or_default());
}
