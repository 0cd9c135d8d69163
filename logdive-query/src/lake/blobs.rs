//! The rest of giant records: what their rows cannot hold, compressed, one file a record.
//!
//! A blob is written under a name of its own while the record comes, and gets its right name, the
//! digest of the whole record, when it has ended and is durable. The same record again is the same
//! blob. What has not ended when the process dies is swept by the next writer.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use logdive_core::Digest;
use zstd::stream::read::Decoder;

use super::{Lake, LakeError};

#[cfg(feature = "ingest")]
mod write;

#[cfg(feature = "ingest")]
pub(crate) use write::Blobs;

/// The directory of all blobs.
const DIR: &str = "_blobs";
/// What a blob's name ends with.
const SUFFIX: &str = ".zst";
/// What the name of one that is being written begins with.
const STAGED: &str = "staged";

/// Removes what was being written when a writer died. Only to be called with the lake's lock.
pub(crate) fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root.join(DIR)) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(STAGED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The digest in a blob's name, if it is one: a name comes from a row, and becomes a path.
pub(crate) fn digest_of(name: &str) -> Option<Digest> {
    let digest = Digest::parse(name.strip_suffix(SUFFIX)?)?;
    // Digits in upper case are none of ours.
    (format!("{digest}{SUFFIX}") == name).then_some(digest)
}

/// Checks that the beginning of a record and its blob are what the blob's name says.
pub(crate) fn check(root: &Path, raw: &[u8], name: &str) -> Result<(), String> {
    let digest = digest_of(name).ok_or(NO_NAME)?;
    let text = |error: io::Error| error.to_string();
    let rest = decoder(root, name).map_err(text)?;
    let found = Digest::of_reader(raw.chain(rest)).map_err(text)?;
    if found == digest { Ok(()) } else { Err(OTHER.to_owned()) }
}

const NO_NAME: &str = "it is no name of a blob: 64 hexadecimal digits and `.zst`";
const OTHER: &str = "the record has another digest";

fn decoder(root: &Path, name: &str) -> io::Result<impl io::Read + use<>> {
    Decoder::new(File::open(root.join(DIR).join(name))?)
}

impl Lake {
    /// The whole record of a row whose `raw` holds only the beginning: that, and the rest from
    /// the blob that the row names. Not more than `limit` bytes are held.
    ///
    /// # Errors
    /// If the name is none, the blob is missing or damaged, the record is longer than the limit,
    /// or has another digest than the name says.
    pub async fn record_bytes(
        &self,
        raw: &[u8],
        raw_blob: &str,
        limit: u64,
    ) -> Result<Vec<u8>, LakeError> {
        let failed =
            |why: String| LakeError::Blob { blob: raw_blob.chars().take(80).collect(), why };
        let digest = digest_of(raw_blob).ok_or_else(|| failed(NO_NAME.to_owned()))?;
        let (root, name) = (self.root().to_owned(), raw_blob.to_owned());
        let mut record = raw.to_vec();
        let read = move || {
            let room = limit.saturating_sub(record.len() as u64);
            // One byte more shows that there is more.
            decoder(&root, &name)?.take(room.saturating_add(1)).read_to_end(&mut record)?;
            Ok::<_, io::Error>(record)
        };
        let record = match tokio::task::spawn_blocking(read).await {
            Ok(Ok(record)) => record,
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(error) => return Err(failed(error.to_string())),
        };
        if record.len() as u64 > limit {
            return Err(failed(format!("the record has more than {limit} bytes, the limit")));
        }
        if Digest::of(&record) != digest {
            return Err(failed(OTHER.to_owned()));
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::digest_of;

    #[test]
    fn only_digests_become_paths() {
        let good = format!("{}.zst", "0af9".repeat(16));
        assert!(digest_of(&good).is_some());
        for bad in [
            "",
            ".zst",
            "../../etc/passwd",
            &good.to_uppercase(),
            &"0AF9".repeat(16),
            &format!("../{good}"),
            &format!("{good}/"),
            &format!("{}\0.zst", "a".repeat(63)),
            &format!("{}.zst", "a".repeat(63)),
            &format!("{}.zst", "a".repeat(65)),
            &format!("{}.zst", "é".repeat(32)),
            &format!("{}.zst", "A".repeat(64)),
        ] {
            assert_eq!(digest_of(bad), None, "{bad:?}");
        }
    }
}
