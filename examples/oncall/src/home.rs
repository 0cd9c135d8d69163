//! The folder that holds lake, journal, latch and tickets.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Failure};

const MARKER: &str = ".logdive-demo";
const VERSION: u32 = 1;

/// The folder of a played demo, marked as ours.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    dir: PathBuf,
}

/// What the marker says.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    version: u32,
    /// What time it is in the story: commands go on from there.
    clock: DateTime<Utc>,
}

impl Home {
    /// Opens a folder that the demo left.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        let home = Self { dir: dir.to_owned() };
        home.marker()?;
        Ok(home)
    }

    /// Makes the folder, in the place of one that an earlier demo left; any other is refused.
    pub(crate) fn replace(dir: &Path, clock: DateTime<Utc>) -> Result<Self, Failure> {
        let home = Self { dir: dir.to_owned() };
        match fs::symlink_metadata(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => home.make(clock)?,
            Err(error) => return Err(error).context(format!("looking at `{}`", dir.display())),
            Ok(_) => {
                home.marker().map_err(|_| {
                    Failure::new(format!(
                        "`{}` is there and was not made by `logdive demo`, so it is left alone",
                        dir.display()
                    ))
                    .help("remove it yourself, or give another folder with `--dir`")
                })?;
                home.empty()?;
                home.set_clock(clock)?;
            }
        }
        Ok(home)
    }

    /// Made beside its place and moved there, so that a folder in its place always has its marker.
    fn make(&self, clock: DateTime<Utc>) -> Result<(), Failure> {
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        let new = self.dir.with_file_name(format!(".{name}.{}.new", std::process::id()));
        let made = fs::create_dir_all(&new);
        made.context(format!("making the folder `{}`", new.display()))?;
        Self { dir: new.clone() }.set_clock(clock)?;
        fs::rename(&new, &self.dir).context(format!("making the folder `{}`", self.dir.display()))
    }

    /// Removes everything but the marker: if this is cut short, the folder is still ours.
    fn empty(&self) -> Result<(), Failure> {
        let entries = fs::read_dir(&self.dir).context("listing the demo's folder")?;
        for entry in entries {
            let entry = entry.context("listing the demo's folder")?;
            if entry.file_name() == MARKER {
                continue;
            }
            let path = entry.path();
            let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.context(format!("removing `{}` of an earlier demo", path.display()))?;
        }
        Ok(())
    }

    fn marker(&self) -> Result<Marker, Failure> {
        let path = self.dir.join(MARKER);
        let text = fs::read_to_string(&path).map_err(|error| {
            Failure::of(format!("`{}` is no folder of logdive", self.dir.display()), &error)
                .help("play the demo first, or give its folder with `--dir`")
        })?;
        let marker: Marker = serde_json::from_str(&text)
            .context(format!("the marker `{}` is damaged", path.display()))?;
        if marker.version > VERSION {
            return Err(Failure::new(format!(
                "`{}` was made by a newer logdive (version {} of the folder, known is {VERSION})",
                self.dir.display(),
                marker.version
            ))
            .help("use the logdive that made it, or play the demo into another folder"));
        }
        Ok(marker)
    }

    /// What time it is in the story.
    pub(crate) fn clock(&self) -> Result<DateTime<Utc>, Failure> {
        Ok(self.marker()?.clock)
    }

    /// Moves the story's time.
    pub(crate) fn set_clock(&self, clock: DateTime<Utc>) -> Result<(), Failure> {
        let path = self.dir.join(MARKER);
        let new = self.dir.join(".logdive-demo.new");
        let text = serde_json::to_string(&Marker { version: VERSION, clock })
            .context("writing the marker")?;
        File::create(&new)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&new, &path))
            .context(format!("writing the marker `{}`", path.display()))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.dir.join("lake")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.dir.join("journal.db")
    }

    pub(crate) fn latch(&self) -> PathBuf {
        self.dir.join("stop")
    }

    pub(crate) fn tickets(&self) -> PathBuf {
        self.dir.join("tickets")
    }

    pub(crate) fn tools(&self) -> PathBuf {
        self.dir.join("bin")
    }
}
