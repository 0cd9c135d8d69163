//! Whether a lake holds what its log says: every data file is read whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use logdive_core::Digest;

use super::{Lake, LakeError, LakeFile, blobs, commit, format, offsets};

mod file;

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyProgress {
    /// Data files that were read.
    pub files: u64,
    /// Data files in all.
    pub files_in_all: u64,
    /// Bytes of the files that were read.
    pub bytes: u64,
    /// Bytes in all.
    pub bytes_in_all: u64,
}

/// Something that is not as the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LakeProblem {
    /// Where: a path inside the lake, or a stream.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The version that was verified.
    pub version: u64,
    /// Data files of it.
    pub files: u64,
    /// Lines that could be read.
    pub rows: u64,
    /// Different blobs that rows name.
    pub blobs: u64,
    /// Streams whose offsets were looked for.
    pub streams: u64,
    /// Data files that no commit of this version names: those of writers that died, and those
    /// that were replaced. They are no problem and take room only.
    pub unnamed_files: u64,
    /// What is wrong; empty if the lake is whole.
    pub problems: Vec<LakeProblem>,
}

/// What is remembered from file to file.
#[derive(Debug, Default)]
struct Seen {
    blobs: BTreeSet<Digest>,
}

impl Lake {
    /// Reads the newest version whole and says what is wrong with it: commits and their seals,
    /// data files (size, digest where the name carries one, every value, row counts and times
    /// against the log, order, day), the blobs that rows name, and the offsets of streams. Says
    /// after each data file how far it is.
    ///
    /// A damaged file is a problem of the report, never an error or a panic. One file is read at
    /// a time, some thousand rows at once.
    ///
    /// # Errors
    /// If the log cannot be read, so that it is not known what the lake holds.
    pub async fn verify(
        &self,
        mut progress: impl FnMut(VerifyProgress) + Send,
    ) -> Result<VerifyReport, LakeError> {
        let snapshot = self.refresh().await?;
        let mut report = VerifyReport { version: snapshot.version(), ..VerifyReport::default() };
        let commit::Survey { damaged, mut streams } = commit::survey(self.root())?;
        report.problems.extend(damaged.into_iter().map(|(version, what)| LakeProblem {
            place: format!("_delta_log/{version:020}.json"),
            what,
        }));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut at = VerifyProgress {
            files: 0,
            files_in_all: snapshot.files().len() as u64,
            bytes: 0,
            bytes_in_all: snapshot.files().iter().map(|file| file.bytes).sum(),
        };
        for file in snapshot.files() {
            let (rows, problems) = self.verify_file(file, &seen).await;
            report.rows += rows;
            let place = || file.path.clone();
            report
                .problems
                .extend(problems.into_iter().map(|what| LakeProblem { place: place(), what }));
            at.files += 1;
            at.bytes += file.bytes;
            progress(at);
        }
        report.files = at.files;
        report.blobs = seen.lock().unwrap_or_else(PoisonError::into_inner).blobs.len() as u64;
        streams.extend(offsets::streams(self.root()));
        for stream in streams {
            report.streams += 1;
            if let Err(error) = offsets::committed(self, &stream).await {
                let why = std::error::Error::source(&error).map(|why| format!(": {why}"));
                report.problems.push(LakeProblem {
                    place: format!("stream `{stream}`"),
                    what: format!("{error}{}", why.unwrap_or_default()),
                });
            }
        }
        let named: BTreeSet<&str> = snapshot.files().iter().map(|file| &*file.path).collect();
        report.unnamed_files = unnamed(self.root(), &named);
        Ok(report)
    }

    async fn verify_file(&self, file: &LakeFile, seen: &Arc<Mutex<Seen>>) -> (u64, Vec<String>) {
        let (root, file, seen) = (self.root().to_owned(), file.clone(), Arc::clone(seen));
        // A reader that panics on a damaged file takes its task with it, not us.
        let checked = tokio::task::spawn_blocking(move || file::check(&root, &file, &seen)).await;
        match checked {
            Ok(checked) => (checked.rows, checked.problems),
            Err(error) => (0, vec![format!("it cannot be read: {error}")]),
        }
    }
}

impl Seen {
    /// Checks a blob once.
    fn check(seen: &Mutex<Self>, root: &Path, raw: &[u8], name: &str) -> Result<(), String> {
        if let Some(digest) = blobs::digest_of(name) {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if !seen.blobs.insert(digest) {
                return Ok(());
            }
        }
        blobs::check(root, raw, name)
    }
}

/// How many data files are there that the log does not name.
fn unnamed(root: &Path, named: &BTreeSet<&str>) -> u64 {
    let entries = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let name = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    entries(root)
        .filter(|day| name(day).starts_with(&format!("{}=", format::DATE)))
        .flat_map(|day| {
            let prefix = name(&day);
            entries(&day.path()).map(move |file| format!("{prefix}/{}", name(&file)))
        })
        .filter(|path| path.ends_with(".parquet") && !named.contains(path.as_str()))
        .count() as u64
}
