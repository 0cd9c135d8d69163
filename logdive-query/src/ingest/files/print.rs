//! Fingerprints: short digests of pieces of a file, by which its content is known again.

use std::fmt;

use logdive_core::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Length of the pieces, in bytes: the first ones of a file, and those in front of an offset.
pub(crate) const PIECE: usize = 1024;

/// How long the pieces are of a file that is read so far.
pub(crate) fn piece(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(PIECE).min(PIECE)
}

/// Half of a SHA-256 digest, printed as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Print(u128);

impl Print {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let digest = Digest::of(bytes);
        let half = digest.as_bytes().first_chunk().copied().unwrap_or_default();
        Self(u128::from_be_bytes(half))
    }
}

impl Default for Print {
    fn default() -> Self {
        Self::of(b"")
    }
}

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Print {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Print {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("a fingerprint is 32 hexadecimal digits"))
    }
}
