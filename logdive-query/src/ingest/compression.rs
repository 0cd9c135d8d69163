//! Compressed sources: told by their first bytes, unpacked as they are read.
//!
//! The name of a file says nothing. Unpacking is a stream: memory does not depend on how much
//! comes out, so that a small file that unpacks to terabytes costs time and room in the lake, not
//! memory. (zstd holds the window its file asks for, at most 128 MiB.)

use std::fmt;
use std::io::{self, BufReader, ErrorKind, Read};

use flate2::read::MultiGzDecoder;
use thiserror::Error;

/// How a source is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// gzip, of one member or several.
    Gzip,
    /// zstd, of one frame or several.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// What the first bytes of a source say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is not compressed.
    Plain,
    /// It is, in a way that is read.
    Packed(Compression),
    /// It is, in a way that is not.
    Unsupported(&'static str),
    /// It may be: more bytes would say.
    Unclear,
}

/// How many bytes are enough to tell.
pub(crate) const TELLING: usize = 10;

/// What the first bytes of a source say about its compression.
pub(crate) fn tell(head: &[u8]) -> Told {
    const BZIP2: &[u8] = b"BZh?\x31\x41\x59\x26\x53\x59";
    let known: [(&[u8], Told); 9] = [
        (b"\x1f\x8b\x08", Told::Packed(Compression::Gzip)),
        (b"\x28\xb5\x2f\xfd", Told::Packed(Compression::Zstd)),
        // A frame that decoders skip; parallel writers begin with one.
        (b"?\x2a\x4d\x18", Told::Packed(Compression::Zstd)),
        (BZIP2, Told::Unsupported("bzip2")),
        (b"\xfd7zXZ\x00", Told::Unsupported("xz")),
        (b"\x04\x22\x4d\x18", Told::Unsupported("lz4")),
        (b"\x1f\x9d", Told::Unsupported("compress (.Z)")),
        (b"PK\x03\x04", Told::Unsupported("zip")),
        (b"7z\xbc\xaf\x27\x1c", Told::Unsupported("7z")),
    ];
    let mut unclear = head.is_empty();
    for (magic, told) in known {
        let same =
            head.iter().zip(magic).enumerate().all(|(at, (byte, magic))| match (at, magic) {
                (3, b'?') => byte.is_ascii_digit(),
                (0, b'?') => (0x50..=0x5f).contains(byte),
                _ => byte == magic,
            });
        if same && head.len() >= magic.len() {
            return told;
        }
        unclear |= same;
    }
    if unclear { Told::Unclear } else { Told::Plain }
}

/// Why a compressed source does not go on.
#[derive(Debug, Error)]
pub(crate) enum UnpackError {
    /// The file itself cannot be read.
    #[error("reading failed")]
    Read(#[source] io::Error),
    /// It ends inside of the stream.
    #[error("the {compression} stream ends early, at byte {at} of the file")]
    Cut {
        /// How it is compressed.
        compression: Compression,
        /// The length of what there is.
        at: u64,
    },
    /// What follows is no such stream.
    #[error("the {compression} stream is damaged in front of byte {at} of the file ({why})")]
    Damaged {
        /// How it is compressed.
        compression: Compression,
        /// How far it was read.
        at: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// Counts what is read, and notices when it is the reading that fails.
#[derive(Debug)]
struct Counted<R> {
    inner: R,
    taken: u64,
    failed: bool,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        match &read {
            Ok(bytes) => self.taken += *bytes as u64,
            Err(error) => self.failed |= error.kind() != ErrorKind::Interrupted,
        }
        read
    }
}

enum Decoder<R: Read> {
    Gzip(Box<MultiGzDecoder<Counted<R>>>),
    Zstd(zstd::stream::read::Decoder<'static, BufReader<Counted<R>>>),
}

/// Unpacks a source as it is read.
pub(crate) struct Unpack<R: Read> {
    compression: Compression,
    decoder: Decoder<R>,
}

impl<R: Read> fmt::Debug for Unpack<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpack").field("compression", &self.compression).finish_non_exhaustive()
    }
}

impl<R: Read> Unpack<R> {
    /// Unpacks from the beginning of a source.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn new(compression: Compression, source: R) -> Result<Self, UnpackError> {
        let source = Counted { inner: source, taken: 0, failed: false };
        let decoder = match compression {
            Compression::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(source))),
            Compression::Zstd => {
                Decoder::Zstd(zstd::stream::read::Decoder::new(source).map_err(UnpackError::Read)?)
            }
        };
        Ok(Self { compression, decoder })
    }

    fn source(&self) -> &Counted<R> {
        match &self.decoder {
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Zstd(decoder) => decoder.get_ref().get_ref(),
        }
    }

    /// Compressed bytes taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.source().taken
    }

    /// Gives the next bytes; none at the end.
    ///
    /// # Errors
    /// If the stream does not go on. Everything in front of that place was given before.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UnpackError> {
        loop {
            let read = match &mut self.decoder {
                Decoder::Gzip(decoder) => decoder.read(buffer),
                Decoder::Zstd(decoder) => decoder.read(buffer),
            };
            let error = match read {
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            let (compression, at) = (self.compression, self.taken());
            return Err(if self.source().failed {
                UnpackError::Read(error)
            } else if error.kind() == ErrorKind::UnexpectedEof {
                UnpackError::Cut { compression, at }
            } else {
                UnpackError::Damaged { compression, at, why: error.to_string() }
            });
        }
    }
}

/// Reads a source that may be compressed with gzip or zstd: its content says so, not its name.
///
/// # Errors
/// If it cannot be read, or is compressed in another way: the error names what is read. The reader
/// gives everything in front of a place where the source is cut or damaged, then an error.
pub fn unpacked<R: Read + 'static>(mut source: R) -> io::Result<Box<dyn Read>> {
    let mut head = Vec::with_capacity(TELLING);
    source.by_ref().take(TELLING as u64).read_to_end(&mut head)?;
    let told = tell(&head);
    let source = io::Cursor::new(head).chain(source);
    match told {
        Told::Plain | Told::Unclear => Ok(Box::new(source)),
        Told::Packed(compression) => {
            let unpack = Unpack::new(compression, source).map_err(io::Error::other)?;
            Ok(Box::new(Unpacked(unpack)))
        }
        Told::Unsupported(with) => Err(io::Error::new(
            ErrorKind::Unsupported,
            format!("it is compressed with {with}; gzip and zstd are read, unpack others first"),
        )),
    }
}

struct Unpacked<R: Read>(Unpack<R>);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::write::GzEncoder;

    use super::{Compression, Told, Unpack, UnpackError, tell};

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn text() -> Vec<u8> {
        (0..20_000).flat_map(|n| format!("line {n} {}\n", n * 7919 % 10_007).into_bytes()).collect()
    }

    fn unpack(bytes: &[u8]) -> (Vec<u8>, Option<UnpackError>) {
        let Told::Packed(compression) = tell(bytes) else { panic!("{:?}", tell(bytes)) };
        let mut unpack = Unpack::new(compression, bytes).unwrap();
        let (mut out, mut buffer) = (Vec::new(), [0; 5_000]);
        loop {
            match unpack.read(&mut buffer) {
                Ok(0) => return (out, None),
                Ok(read) => out.extend_from_slice(&buffer[..read]),
                Err(error) => return (out, Some(error)),
            }
        }
    }

    #[test]
    fn first_bytes_tell() {
        assert_eq!(tell(&gzip(b"x")), Told::Packed(Compression::Gzip));
        assert_eq!(tell(b"\x28\xb5\x2f\xfdx"), Told::Packed(Compression::Zstd));
        assert_eq!(tell(b"\x5e\x2a\x4d\x18"), Told::Packed(Compression::Zstd));
        assert_eq!(tell(b"BZh91AY&SY..."), Told::Unsupported("bzip2"));
        assert_eq!(tell(b"\xfd7zXZ\0\0"), Told::Unsupported("xz"));
        assert_eq!(tell(b"\x04\x22\x4d\x18@"), Told::Unsupported("lz4"));
        for unclear in [b"".as_slice(), b"\x1f", b"\x28\xb5", b"BZh9", b"P", b"\x50", b"PK\x03"] {
            assert_eq!(tell(unclear), Told::Unclear, "{unclear:?}");
        }
        for plain in [b"BZhello".as_slice(), b"PKI", b"line", b"\x1fx", b"{", b"7zip "] {
            assert_eq!(tell(plain), Told::Plain, "{plain:?}");
        }
    }

    #[test]
    fn several_members_and_frames_are_one_stream() {
        let both = [gzip(b"one\n"), gzip(b""), gzip(b"two\n")].concat();
        assert!(matches!(unpack(&both), (out, None) if out == b"one\ntwo\n"));
        let frame = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
        let skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        let both = [skipped, frame(b"one\n"), frame(b"two\n")].concat();
        assert!(matches!(unpack(&both), (out, None) if out == b"one\ntwo\n"));
    }

    #[test]
    fn a_cut_stream_gives_what_it_holds_and_says_where_it_ends() {
        let text = text();
        for packed in [gzip(&text), zstd::encode_all(text.as_slice(), 3).unwrap()] {
            let mut given = 0;
            for cut in [10, 40, packed.len() / 3, packed.len() / 2, packed.len() - 1] {
                let (out, error) = unpack(&packed[..cut]);
                assert!(text.starts_with(&out), "cut at {cut}");
                assert!(out.len() >= given, "cut at {cut}");
                given = out.len();
                let Some(UnpackError::Cut { at, .. }) = error else { panic!("{cut}: {error:?}") };
                assert_eq!(at, cut as u64);
            }
            assert!(given > text.len() / 2, "{given}");
            assert_eq!(unpack(&packed).0, text);
        }
    }

    #[test]
    fn damage_is_told_from_a_cut() {
        let mut packed = gzip(&text());
        packed.extend_from_slice(b"not a member at all");
        let (out, error) = unpack(&packed);
        assert_eq!(out, text());
        let error = error.unwrap();
        assert!(matches!(error, UnpackError::Damaged { .. }), "{error}");
        let mut packed = zstd::encode_all(text().as_slice(), 3).unwrap();
        let middle = packed.len() / 2;
        packed[middle] ^= 0xff;
        packed[middle + 1] ^= 0xff;
        let (_, error) = unpack(&packed);
        assert!(error.is_some());
    }
}
