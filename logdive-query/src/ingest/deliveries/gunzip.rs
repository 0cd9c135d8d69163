//! gzip undone as it comes, in steps of bounded size.

use std::io::{self, Write as _};

use flate2::write::MultiGzDecoder;

/// Bytes that are undone at once: they become 1,032 times as many at the most.
const STEP: usize = 1024;

/// Undoes gzip, all members of it.
#[derive(Debug)]
pub(in crate::ingest) struct Gunzip(MultiGzDecoder<Vec<u8>>);

impl Gunzip {
    /// Whether bytes begin as gzip does.
    pub(in crate::ingest) fn begins(bytes: &[u8]) -> bool {
        bytes.starts_with(&[0x1f, 0x8b])
    }

    pub(in crate::ingest) fn new() -> Self {
        Self(MultiGzDecoder::new(Vec::new()))
    }

    /// Takes the next bytes and gives what they hold, at most about 1 MiB at once. What was
    /// undone in front of an error is given before the error.
    ///
    /// # Errors
    /// If the bytes are no gzip, or taking what they hold fails.
    pub(in crate::ingest) fn feed<E: From<io::Error>>(
        &mut self,
        bytes: &[u8],
        mut out: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for step in bytes.chunks(STEP) {
            let fed = self.0.write_all(step);
            self.give(&mut out)?;
            fed?;
        }
        Ok(())
    }

    /// Ends the input and gives what is left.
    ///
    /// # Errors
    /// If it does not end here, its checksum is another, or taking what is left fails.
    pub(in crate::ingest) fn finish<E: From<io::Error>>(
        mut self,
        mut out: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let finished = self.0.try_finish();
        self.give(&mut out)?;
        Ok(finished?)
    }

    fn give<E>(&mut self, out: &mut impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let held = self.0.get_mut();
        if !held.is_empty() {
            out(held)?;
            held.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
pub(in crate::ingest) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).and_then(|()| writer.finish()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Gunzip, gzip};

    fn undo(bytes: &[u8], piece: usize) -> (Vec<u8>, bool, usize) {
        let (mut whole, mut most) = (Vec::new(), 0);
        let mut gunzip = Gunzip::new();
        let mut take = |bytes: &[u8]| {
            most = most.max(bytes.len());
            whole.extend_from_slice(bytes);
            Ok::<(), io::Error>(())
        };
        let fed = bytes.chunks(piece).try_for_each(|piece| gunzip.feed(piece, &mut take));
        let done = fed.and_then(|()| gunzip.finish(&mut take)).is_ok();
        (whole, done, most)
    }

    #[test]
    fn members_follow_one_another_however_they_are_cut() {
        let both = [gzip(b"one\n"), gzip(b"two\n")].concat();
        for piece in 1..=both.len() {
            let (held, done, _) = undo(&both, piece);
            assert_eq!((held.as_slice(), done), (&b"one\ntwo\n"[..], true), "{piece}");
        }
    }

    #[test]
    fn what_stands_before_a_cut_is_given() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|n| format!("{n}\n").into_bytes()).collect();
        let packed = gzip(&text);
        let (held, done, _) = undo(&packed[..packed.len() / 2], 1 << 20);
        assert!(!done);
        assert!(held.len() > 1_000 && text.starts_with(&held));
        assert!(!undo(&packed[..packed.len() - 1], 1 << 20).1, "the checksum is cut");
        assert!(!undo(b"no gzip at all", 1 << 20).1);
        assert!(!undo(b"", 1).1);
    }

    #[test]
    fn a_bomb_comes_in_steps() {
        let (held, done, most) = undo(&gzip(&vec![b'a'; 3 << 20]), 1 << 20);
        assert!(done && held.len() == 3 << 20);
        assert!(most <= 5 << 18, "{most}");
    }
}
