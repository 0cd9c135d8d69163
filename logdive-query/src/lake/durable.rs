//! Files that are on the disk when the call returns.
//!
//! object_store 0.13 writes local files without a sync: they survive a killed process, not a power
//! cut. This wrapper stages, writes, syncs, links and syncs the directory.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result, UploadPart,
};

#[cfg(test)]
pub(crate) mod faults;

/// The disk below a lake: what the lake writes goes through it, step by step, so that tests can
/// let any step fail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(crate) faults: std::sync::Arc<faults::Faults>,
}

/// What to do when the file is there already.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum IfThere {
    Replace,
    Refuse,
}

impl Disk {
    /// Makes a directory entry durable.
    pub(crate) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step(|| File::open(dir)?.sync_all())
    }

    /// Creates a directory and its ancestors, each entry durable.
    pub(crate) fn create_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        if let Some(parent) = dir.parent() {
            self.create_dir(parent)?;
        }
        match self.step(|| fs::create_dir(dir)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        dir.parent().map_or(Ok(()), |parent| self.sync_dir(parent))
    }

    /// Writes a whole file: readers see nothing or all of it, and it is durable on return.
    ///
    /// Each call writes a new file under a name of its own and gives it the right name at the
    /// end. So a call after a failed one never syncs what a failed sync has left behind.
    ///
    /// # Errors
    /// `AlreadyExists` if it is there and must not be replaced. After any other error the file
    /// may or may not be there; it is whole if it is.
    pub(crate) fn write_file<'a>(
        &self,
        path: &Path,
        parts: impl IntoIterator<Item = &'a [u8]>,
        if_there: IfThere,
    ) -> io::Result<()> {
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        self.create_dir(parent)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let staged = parent.join(staged_name(&name));
        let written = (|| {
            let mut file = self.create(&staged)?;
            parts.into_iter().try_for_each(|part| file.write_all(part))?;
            file.sync()?;
            self.step(|| match if_there {
                IfThere::Replace => fs::rename(&staged, path),
                IfThere::Refuse => fs::hard_link(&staged, path),
            })
        })();
        if written.is_err() || if_there == IfThere::Refuse {
            // What stays staged is hidden and harmless.
            let _ = fs::remove_file(&staged);
        }
        written?;
        self.sync_dir(parent)
    }

    /// Creates a file that is not there yet.
    pub(crate) fn create(&self, path: &Path) -> io::Result<DiskFile> {
        let file =
            self.step(|| OpenOptions::new().write(true).create(true).truncate(true).open(path))?;
        Ok(DiskFile { disk: self.clone(), file })
    }

    /// Gives a durable file its name, and makes the name durable.
    #[cfg(feature = "ingest")]
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(|| fs::rename(from, to))?;
        to.parent().map_or(Ok(()), |parent| self.sync_dir(parent))
    }

    /// Syncs a file and its directory entry.
    pub(crate) fn sync_entry(&self, path: &Path) -> io::Result<()> {
        self.step(|| File::open(path)?.sync_all())?;
        path.parent().map_or(Ok(()), |parent| self.sync_dir(parent))
    }

    /// One step, which a test may let fail.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests look at it")]
    pub(crate) fn step<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        work()
    }

    #[cfg(test)]
    pub(crate) fn step<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.faults.step(work)
    }
}

/// `#` and digits behind a name: what object_store takes for an upload in progress and hides from
/// listings.
pub(crate) fn staged_name(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let unique = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{name}#{}{unique:06}", std::process::id())
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct DiskFile {
    disk: Disk,
    file: File,
}

impl DiskFile {
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.disk.step(|| self.file.sync_all())
    }
}

impl io::Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = &mut self.file;
        #[cfg(test)]
        self.disk.faults.short(file, bytes)?;
        self.disk.step(|| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A local object store whose writes are durable.
#[derive(Debug)]
pub(crate) struct DurableStore(LocalFileSystem, Disk);

impl DurableStore {
    pub(crate) fn new(disk: Disk) -> Self {
        Self(LocalFileSystem::new(), disk)
    }
}

impl fmt::Display for DurableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "durable {}", self.0)
    }
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let shown = path.display().to_string();
    match tokio::task::spawn_blocking(move || work(&path)).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::AlreadyExists { path: shown, source: error.into() })
        }
        Ok(Err(error)) => Err(Error::Generic { store: "local", source: error.into() }),
        Err(error) => Err(Error::Generic { store: "local", source: error.into() }),
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for DurableStore {
    async fn put_opts(
        &self,
        location: &Location,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let if_there = match options.mode {
            PutMode::Overwrite => IfThere::Replace,
            PutMode::Create => IfThere::Refuse,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented {
                    operation: "a conditional update".into(),
                    implementer: self.to_string(),
                });
            }
        };
        let path = self.0.path_to_filesystem(location)?;
        let disk = self.1.clone();
        let write =
            move |path: &Path| disk.write_file(path, payload.iter().map(Bytes::as_ref), if_there);
        blocking(path, write).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Location,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.0.path_to_filesystem(location)?;
        let upload = self.0.put_multipart_opts(location, options).await?;
        Ok(Box::new(DurableUpload { upload, path, disk: self.1.clone() }))
    }

    async fn get_opts(&self, location: &Location, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Location, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Location>>,
    ) -> BoxStream<'static, Result<Location>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Location>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Location>,
        offset: &Location,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Location>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Location, to: &Location, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await?;
        let disk = self.1.clone();
        blocking(self.0.path_to_filesystem(to)?, move |to| disk.sync_entry(to)).await
    }

    async fn rename_opts(
        &self,
        from: &Location,
        to: &Location,
        options: RenameOptions,
    ) -> Result<()> {
        self.0.rename_opts(from, to, options).await?;
        let (disk, from) = (self.1.clone(), self.0.path_to_filesystem(from)?);
        let sync = move |to: &Path| {
            disk.sync_entry(to)?;
            from.parent().map_or(Ok(()), |parent| disk.sync_dir(parent))
        };
        blocking(self.0.path_to_filesystem(to)?, sync).await
    }
}

#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    path: PathBuf,
    disk: Disk,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        let disk = self.disk.clone();
        blocking(self.path.clone(), move |path| disk.sync_entry(path)).await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Disk, IfThere};

    #[test]
    fn a_file_is_whole_and_nothing_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c.json");
        let disk = Disk::default();
        disk.write_file(&path, [b"one".as_slice(), b"two"], IfThere::Refuse).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"onetwo");
        let refused = disk.write_file(&path, [b"three".as_slice()], IfThere::Refuse).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
        disk.write_file(&path, [b"four".as_slice()], IfThere::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"four");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
