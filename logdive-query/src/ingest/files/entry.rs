//! What is known of each file that was read: the stream's offsets.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::disk::FileId;
use super::print::Print;
use super::text;
use crate::ingest::compression::Compression;

/// The version of the offsets. A reader refuses others.
const VERSION: u64 = 1;

/// Places of lines are numbered from here on for each generation of a log: lines of one emitter
/// are in order across rotations.
const GENERATION: u32 = 40;

/// One content that was read, under whatever names its file has had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its first path: what its lines carry as their source.
    #[serde(with = "path_text")]
    pub(crate) name: PathBuf,
    /// Its last one.
    #[serde(with = "path_text")]
    pub(crate) path: PathBuf,
    /// Its file; none if that is gone or holds something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<FileId>,
    /// How the file is compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) packed: Option<Packed>,
    /// Content that is rows, in (unpacked) bytes.
    pub(crate) offset: u64,
    /// The place of the next row, and of the first.
    pub(crate) seq: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) base: i64,
    /// Rows that are no record of it, but say something about it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) notes: i64,
    /// The first bytes in front of the offset.
    pub(crate) head: Print,
    /// The last ones, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tail: Option<Print>,
    /// The format's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<String>,
    /// Since when its file is not seen, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gone: Option<i64>,
}

/// What is known of a compressed file as it lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Packed {
    #[serde(rename = "as")]
    pub(crate) compression: Compression,
    /// Length of its piece that the fingerprint is of, and that.
    pub(crate) length: u64,
    pub(crate) head: Print,
    /// Its size when all of it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Entry {
    /// A content of which nothing is read, the n-th under its name.
    pub(crate) fn new(path: &Path, id: FileId, generation: i64) -> Self {
        let base = generation << GENERATION;
        Self {
            name: path.to_owned(),
            path: path.to_owned(),
            id: Some(id),
            packed: None,
            offset: 0,
            seq: base,
            base,
            notes: 0,
            head: Print::default(),
            tail: Some(Print::default()),
            format: None,
            gone: None,
        }
    }

    /// Which generation of its name it is.
    pub(crate) const fn generation(&self) -> i64 {
        self.base >> GENERATION
    }

    /// Rows that are records of it.
    pub(crate) fn rows(&self) -> u64 {
        u64::try_from(self.seq - self.base - self.notes).unwrap_or(0)
    }
}

/// Writes the offsets of a stream.
pub(crate) fn write<'a>(entries: impl Iterator<Item = &'a Entry>) -> Json {
    // An entry is made of texts and numbers: writing it as JSON does not fail.
    let files: Vec<Json> = entries.filter_map(|entry| serde_json::to_value(entry).ok()).collect();
    json!({ "version": VERSION, "files": files })
}

/// Reads the offsets of a stream.
///
/// # Errors
/// Why they cannot be read, and what to do.
pub(crate) fn read(offsets: &Json) -> Result<Vec<Entry>, String> {
    match offsets.get("version").and_then(Json::as_u64) {
        Some(VERSION) => {}
        Some(other) => {
            return Err(format!("they are of version {other}, this logdive reads {VERSION}"));
        }
        None => return Err("they have no version".to_owned()),
    }
    let files = offsets.get("files").unwrap_or(&Json::Null);
    Vec::<Entry>::deserialize(files).map_err(|error| error.to_string())
}

impl Serialize for Compression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Compression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            other => Err(serde::de::Error::custom(format!("no compression `{other}`"))),
        }
    }
}

mod path_text {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::text;

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text::of_path(path))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PathBuf, D::Error> {
        String::deserialize(deserializer).map(|text| text::to_path(&text))
    }
}
