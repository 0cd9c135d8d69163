//! Which known content a new file holds.
//!
//! A file that is renamed keeps its id. One that was copied (before its original is truncated) or
//! compressed is a new file with a known content: it is told by its name and by two pieces of the
//! content, the first bytes and those in front of the place up to which it was read. Names alone
//! decide nothing, and content alone only if the names are of one log.

use std::io;
use std::path::Path;

use super::family::Family;
use super::peek::{Peek, Pieces};
use super::print::{PIECE, Print, piece};
use super::tail::Tail;

/// A shorter content is not taken for a known one unless rotation's name says so, too: many files
/// begin with the same words.
pub(crate) const DISTINCT: u64 = 64;

/// What a new file is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A content of its own.
    New,
    /// The content of this key, whose own file is gone: it goes on in this one.
    GoesOn(u64),
    /// The first part of the content of this key, whose own file is gone; all of it is read.
    Part(u64, Part),
    /// So far, a copy of the content of this key, whose own file is there.
    Copy(u64),
}

/// The end of a copy that is shorter than what was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) length: u64,
    pub(crate) head: Print,
    pub(crate) tail: Print,
}

/// How a new file's content stands to a known one.
#[derive(Debug, PartialEq, Eq)]
enum Likeness {
    /// It begins with all that was read.
    Whole,
    /// All of it is the beginning of what was read.
    Beginning(Part),
    Other,
}

/// Decides what a file is that no known content has by its id. `known`: the contents of the same
/// log.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn decide<'a>(
    path: &Path,
    content: &Peek,
    known: impl Iterator<Item = (u64, &'a Tail)>,
    round: u64,
) -> io::Result<Decision> {
    let family = Family::of(path);
    let mut first: Option<Vec<u8>> = None;
    let mut best: Option<(bool, u64, Decision)> = None;
    for (key, tail) in known {
        let entry = &tail.entry;
        // What took a file's name, and holds all that was read of it, took its place.
        let there = tail.is_there(round) && !(tail.is_removed() && entry.path == path);
        // Copies are made under the names of rotation.
        let vague = !family.is_rotated() && (there || entry.offset < DISTINCT);
        if vague || (entry.offset == 0 && !tail.is_begun()) {
            continue;
        }
        let first = match &first {
            Some(first) => first,
            None => first.insert(content.first(PIECE)?),
        };
        let decision = match likeness(tail, first, content)? {
            Likeness::Whole if there => Decision::Copy(key),
            Likeness::Whole => Decision::GoesOn(key),
            Likeness::Beginning(_) if there => Decision::Copy(key),
            Likeness::Beginning(part) if part.length >= DISTINCT && entry.offset > 0 => {
                Decision::Part(key, part)
            }
            _ => continue,
        };
        // A content without a file first; of several, the one that was read furthest.
        let rank = (!there, entry.offset);
        if best.as_ref().is_none_or(|(gone, offset, _)| rank > (*gone, *offset)) {
            best = Some((rank.0, rank.1, decision));
        }
    }
    Ok(best.map_or(Decision::New, |(_, _, decision)| decision))
}

fn likeness(tail: &Tail, first: &[u8], content: &Peek) -> io::Result<Likeness> {
    let entry = &tail.entry;
    let length = piece(entry.offset);
    let read = tail.live.as_ref().map(|live| live.head.as_slice()).unwrap_or_default();
    if entry.offset == 0 && first.starts_with(read) {
        // Read so far, it has no record that has ended.
        return Ok(Likeness::Whole);
    }
    let Some(head) = first.get(..length).filter(|_| entry.offset > 0) else {
        // Shorter than the piece that the fingerprint is of: only the bytes themselves tell.
        let same = !first.is_empty() && read.starts_with(first);
        let print = Print::of(first);
        let part = Part { length: first.len() as u64, head: print, tail: print };
        return Ok(if same { Likeness::Beginning(part) } else { Likeness::Other });
    };
    if Print::of(head) != entry.head {
        return Ok(Likeness::Other);
    }
    let Pieces { tail: last, at, .. } = content.pieces(entry.offset)?;
    Ok(if at < entry.offset {
        let head = Print::of(first.get(..piece(at)).unwrap_or(first));
        Likeness::Beginning(Part { length: at, head, tail: Print::of(&last) })
    } else if entry.tail.is_none_or(|tail| Print::of(&last) == tail) {
        Likeness::Whole
    } else {
        Likeness::Other
    })
}
