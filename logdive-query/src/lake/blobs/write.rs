//! Writing the rest of giant records.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use logdive_core::Digest;
use logdive_core::format::Overflow;
use zstd::stream::write::Encoder;

use super::{DIR, STAGED, SUFFIX};
use crate::lake::Lake;
use crate::lake::durable::{Disk, DiskFile, staged_name};

/// As data files are.
const LEVEL: i32 = 3;

/// Puts the rest of giant records into a lake, one after another.
pub(crate) struct Blobs {
    disk: Disk,
    dir: PathBuf,
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    encoder: Encoder<'static, DiskFile>,
}

impl std::fmt::Debug for Blobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blobs").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Blobs {
    pub(crate) fn of(lake: &Lake) -> Self {
        Self { disk: lake.shared.disk.clone(), dir: lake.root().join(DIR), open: None }
    }

    fn open(&self) -> io::Result<Open> {
        self.disk.create_dir(&self.dir)?;
        let path = self.dir.join(staged_name(STAGED));
        let encoder = self.disk.create(&path).and_then(|file| Encoder::new(file, LEVEL));
        if encoder.is_err() {
            let _ = fs::remove_file(&path);
        }
        encoder.map(|encoder| Open { path, encoder })
    }
}

impl Overflow for Blobs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        self.open.insert(open).encoder.write_all(bytes)
    }

    fn finish(&mut self, digest: Digest) -> io::Result<String> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.open()?,
        };
        let name = format!("{digest}{SUFFIX}");
        let Open { path, encoder } = open;
        let named = encoder.finish().and_then(|file| file.sync()).and_then(|()| {
            // One of this name has the same content. This one is known to be whole.
            self.disk.rename(&path, &self.dir.join(&name))
        });
        if named.is_err() {
            let _ = fs::remove_file(&path);
        }
        named.map(|()| name)
    }

    fn discard(&mut self) {
        if let Some(Open { path, .. }) = self.open.take() {
            let _ = fs::remove_file(path);
        }
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        self.discard();
    }
}
