//! A folder of Markdown files, one a target.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use logdive_core::port::{Caps, Health, Idempotency, Receipt, Rendered, Sink, SinkError};
use logdive_core::{DeliveryKey, Digest};

use crate::SetupError;

/// Keeps one Markdown file a target in a folder.
///
/// A comment stands between two hidden lines that name its key and is updated in place; a reply is
/// appended. What others wrote in the file stays as it is. A file is replaced whole: a reader sees
/// the old one or the new one, also after a power cut. Several processes may write. Needs a Tokio
/// runtime, on whose threads for blocking work it writes.
///
/// ```
/// # use logdive_core::{Document, DeliveryKey};
/// # use logdive_core::port::Delivery;
/// # use logdive_sinks::{MarkdownFile, Outbox};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let tickets = MarkdownFile::in_folder(folder.path())?;
/// let path = tickets.path("OPS-42");
/// let outbox = Outbox::to(tickets).build()?;
/// let key = DeliveryKey::of(["OPS-42", "evidence"]);
/// for text in ["71 requests were denied.", "72 requests were denied."] {
///     let document = Document::new().paragraph(text);
///     outbox.send(Delivery::comment("OPS-42", key, document)).await?;
/// }
/// assert_eq!(
///     std::fs::read_to_string(path)?,
///     format!("<!-- logdive:{key} -->\n72 requests were denied.\n<!-- /logdive:{key} -->\n")
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct MarkdownFile {
    folder: Arc<Path>,
}

impl MarkdownFile {
    /// Keeps files in a folder.
    ///
    /// # Errors
    /// If it is not there or no folder; it is not made, so that a mistyped path is seen.
    pub fn in_folder(folder: impl AsRef<Path>) -> Result<Self, SetupError> {
        let folder = folder.as_ref();
        let what = || format!("folder `{}`", folder.display());
        match fs::canonicalize(folder) {
            Ok(path) if path.is_dir() => Ok(Self { folder: path.into() }),
            Ok(_) => Err(SetupError::setting(what(), "is no folder")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(SetupError::setting(what(), "is not there; make it first"))
            }
            Err(error) => Err(SetupError::system(format!("opening {}", what()), error)),
        }
    }

    /// The file of a target.
    #[must_use]
    pub fn path(&self, target: &str) -> PathBuf {
        self.folder.join(file_name(target))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, SinkError> + Send + 'static,
    ) -> Result<T, SinkError> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || work(&this))
            .await
            .unwrap_or_else(|error| Err(SinkError::NoAnswer(format!("writing ended: {error}"))))
    }

    /// Holds off other processes, and other tasks of this one.
    fn lock(&self) -> io::Result<File> {
        let path = self.folder.join(".logdive.lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(file)
    }

    fn read(&self, path: &Path) -> Result<Option<String>, SinkError> {
        match fs::read(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(SinkError::Rejected(format!(
                    "`{}` is not UTF-8, so it cannot be added to",
                    path.display()
                ))),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("reading", path, &error)),
        }
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), SinkError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let new = self.folder.join(format!(".{name}.new"));
        // Under the lock: a file left by a crash is nobody's.
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written
            .and_then(|()| fs::rename(&new, path))
            .map_err(|error| failed("writing", path, &error))?;
        // The new name is there, and not yet durable.
        File::open(&*self.folder).and_then(|folder| folder.sync_all()).map_err(|error| {
            SinkError::NoAnswer(format!("syncing `{}`: {error}", self.folder.display()))
        })
    }

    fn place(&self, rendered: &Rendered) -> Result<Receipt, SinkError> {
        let path = self.path(&rendered.target);
        let _lock = self.lock().map_err(|error| failed("locking", &self.folder, &error))?;
        let mut text = self.read(&path)?.unwrap_or_default();
        let marks = Marks::of(&rendered.key);
        let block = format!("{}\n{}\n{}\n", marks.begin, rendered.body.trim_end(), marks.end);
        if let Some((before, after)) = marks.split(&text, &path)? {
            text = format!("{before}{block}{after}");
        } else {
            if !text.is_empty() {
                text.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
            }
            text.push_str(&block);
        }
        self.write(&path, &text)?;
        Ok(receipt(&path))
    }
}

fn receipt(path: &Path) -> Receipt {
    Receipt::new(path.display().to_string())
}

/// Before the rename nothing has changed.
fn failed(what: &str, path: &Path, error: &io::Error) -> SinkError {
    let text = format!("{what} `{}`: {error}", path.display());
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => SinkError::Auth(text),
        _ => SinkError::Transient(text),
    }
}

/// The lines around what belongs to a key.
struct Marks {
    begin: String,
    end: String,
}

impl Marks {
    fn of(key: &DeliveryKey) -> Self {
        Self { begin: format!("<!-- logdive:{key} -->"), end: format!("<!-- /logdive:{key} -->") }
    }

    /// What is before and behind what belongs to the key; `None` if nothing does.
    fn split<'a>(
        &self,
        text: &'a str,
        path: &Path,
    ) -> Result<Option<(&'a str, &'a str)>, SinkError> {
        let Some((begin, _)) = line_at(text, 0, &self.begin) else { return Ok(None) };
        let Some((_, end)) = line_at(text, begin, &self.end) else {
            return Err(SinkError::Rejected(format!(
                "`{}` has a line `{}` and no `{}` after it; put it back or remove the first",
                path.display(),
                self.begin,
                self.end
            )));
        };
        Ok(text.get(..begin).zip(text.get(end..)))
    }
}

/// Where a line begins and ends, from a place on.
fn line_at(text: &str, from: usize, line: &str) -> Option<(usize, usize)> {
    let mut begin = from;
    for part in text.get(from..)?.split_inclusive('\n') {
        if part.trim_end() == line {
            return Some((begin, begin + part.len()));
        }
        begin += part.len();
    }
    None
}

/// A file name for a target: itself, if it is made of safe characters only; otherwise what is safe
/// of it and a digest, with a dot between, which no plain name has. So no two targets share a
/// file, also where upper and lower case are one, and none leads out of the folder.
fn file_name(target: &str) -> String {
    let is_safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let is_plain = (1..=64).contains(&target.len()) && target.chars().all(is_safe);
    if is_plain && !is_reserved(target) {
        return format!("{target}.md");
    }
    let lower = target.to_ascii_lowercase();
    let slug: String = lower.chars().take(40).map(|c| if is_safe(c) { c } else { '-' }).collect();
    let digest: String = Digest::of(target).to_string().chars().take(32).collect();
    format!("{slug}.{digest}.md")
}

/// Names that are devices on some systems.
fn is_reserved(name: &str) -> bool {
    matches!(name, "con" | "prn" | "aux" | "nul")
        || name
            .strip_prefix("com")
            .or_else(|| name.strip_prefix("lpt"))
            .is_some_and(|rest| rest.len() == 1)
}

#[async_trait]
impl Sink for MarkdownFile {
    fn caps(&self) -> Caps {
        Caps::plain(format!("file:{}", self.folder.display()))
            .markdown()
            .idempotency(Idempotency::ReadBack)
    }

    async fn deliver(&self, rendered: &Rendered) -> Result<Receipt, SinkError> {
        let rendered = rendered.clone();
        self.blocking(move |this| this.place(&rendered)).await
    }

    async fn find(&self, target: &str, key: &DeliveryKey) -> Result<Option<Receipt>, SinkError> {
        let path = self.path(target);
        let marks = Marks::of(key);
        self.blocking(move |this| {
            let text = this.read(&path)?.unwrap_or_default();
            Ok(marks.split(&text, &path)?.map(|_| receipt(&path)))
        })
        .await
    }

    async fn check(&self) -> Result<Health, SinkError> {
        self.blocking(|this| {
            let lock = this.lock().map_err(|error| failed("locking", &this.folder, &error))?;
            drop(lock);
            Ok(Health { detail: format!("`{}` can be written to", this.folder.display()) })
        })
        .await
    }
}

#[cfg(test)]
mod tests;
