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

/// Makes a directory entry durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates a directory and its ancestors, each entry durable.
pub(crate) fn create_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create_dir(parent)?;
    }
    match fs::create_dir(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    dir.parent().map_or(Ok(()), sync_dir)
}

/// What to do when the file is there already.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum IfThere {
    Replace,
    Refuse,
}

/// Writes a whole file: readers see nothing or all of it, and it is durable on return.
///
/// # Errors
/// `AlreadyExists` if it is there and must not be replaced. After any other error the file may or
/// may not be there; it is whole if it is.
pub(crate) fn write_file<'a>(
    path: &Path,
    parts: impl IntoIterator<Item = &'a [u8]>,
    if_there: IfThere,
) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    create_dir(parent)?;
    // `#` and digits: what object_store takes for an upload in progress and hides from listings.
    let unique = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let staged = parent.join(format!("{name}#{}{unique:06}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&staged)?;
        parts.into_iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        match if_there {
            IfThere::Replace => fs::rename(&staged, path),
            IfThere::Refuse => fs::hard_link(&staged, path),
        }
    })();
    if written.is_err() || if_there == IfThere::Refuse {
        // What stays staged is hidden and harmless.
        let _ = fs::remove_file(&staged);
    }
    written?;
    sync_dir(parent)
}

/// A local object store whose writes are durable.
#[derive(Debug)]
pub(crate) struct DurableStore(LocalFileSystem);

impl DurableStore {
    pub(crate) fn new() -> Self {
        Self(LocalFileSystem::new())
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
        blocking(path, move |path| write_file(path, payload.iter().map(Bytes::as_ref), if_there))
            .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Location,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.0.path_to_filesystem(location)?;
        let upload = self.0.put_multipart_opts(location, options).await?;
        Ok(Box::new(DurableUpload { upload, path }))
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
        blocking(self.0.path_to_filesystem(to)?, sync_entry).await
    }

    async fn rename_opts(
        &self,
        from: &Location,
        to: &Location,
        options: RenameOptions,
    ) -> Result<()> {
        self.0.rename_opts(from, to, options).await?;
        blocking(self.0.path_to_filesystem(to)?, sync_entry).await?;
        let from = self.0.path_to_filesystem(from)?;
        blocking(from, |from| from.parent().map_or(Ok(()), sync_dir)).await
    }
}

/// Syncs a file and its directory entry.
fn sync_entry(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    path.parent().map_or(Ok(()), sync_dir)
}

#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    path: PathBuf,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        blocking(self.path.clone(), sync_entry).await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{IfThere, write_file};

    #[test]
    fn a_file_is_whole_and_nothing_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c.json");
        write_file(&path, [b"one".as_slice(), b"two"], IfThere::Refuse).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"onetwo");
        let refused = write_file(&path, [b"three".as_slice()], IfThere::Refuse).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
        write_file(&path, [b"four".as_slice()], IfThere::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"four");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
