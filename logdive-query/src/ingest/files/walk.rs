//! From what was asked for to the files that are there.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::disk::{Disk, FileId, Kind, Stat};

/// As shells match: `*` leaves out what begins with a dot.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A file that is there.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) stat: Stat,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Files in the order of their paths, each path once.
    pub(crate) files: Vec<Found>,
    /// What could not be looked at, and why.
    pub(crate) problems: Vec<(PathBuf, String)>,
    directories: HashSet<FileId>,
}

/// What was asked for: absolute paths of files and directories, and patterns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) paths: Vec<PathBuf>,
    /// Nothing below these is read.
    pub(crate) excluded: Vec<PathBuf>,
}

impl Wanted {
    /// Looks for the files. What is not there yet is a problem only if it `must` be.
    pub(crate) fn find(&self, disk: &dyn Disk, must: bool) -> Walk {
        let mut walk = Walk::default();
        for path in &self.paths {
            match disk.stat(path) {
                Ok(stat) => self.visit(disk, path, stat, &mut walk),
                Err(error) if !is_absent(&error) => walk.problem(path, &error),
                Err(_) if is_pattern(path.as_os_str()) => {
                    let parts: Vec<Component<'_>> = path.components().collect();
                    let before = walk.files.len() + walk.problems.len();
                    self.expand(disk, PathBuf::new(), &parts, &mut walk);
                    if must && before == walk.files.len() + walk.problems.len() {
                        walk.problems.push((path.clone(), "no file has such a name".to_owned()));
                    }
                }
                Err(_) if must => {
                    let why = "there is no such file or directory".to_owned();
                    walk.problems.push((path.clone(), why));
                }
                Err(_) => {}
            }
        }
        walk.files.sort_by(|one, other| one.path.cmp(&other.path));
        walk.files.dedup_by(|one, other| one.path == other.path);
        walk
    }

    /// Whether a file of this path would be found.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        !self.excludes(path)
            && self.paths.iter().any(|wanted| {
                path.starts_with(wanted)
                    || wanted
                        .to_str()
                        .filter(|text| is_pattern(OsStr::new(text)))
                        .and_then(|text| Pattern::new(text).ok())
                        .is_some_and(|pattern| {
                            // Directories that match are read, too.
                            path.ancestors()
                                .any(|path| pattern.matches_with(&path.to_string_lossy(), MATCHING))
                        })
            })
    }

    fn excludes(&self, path: &Path) -> bool {
        self.excluded.iter().any(|excluded| path.starts_with(excluded))
    }

    fn visit(&self, disk: &dyn Disk, path: &Path, stat: Stat, walk: &mut Walk) {
        if self.excludes(path) {
            return;
        }
        match stat.kind {
            Kind::File => walk.files.push(Found { path: path.to_owned(), stat }),
            // A directory is read once, whatever links lead to it.
            Kind::Directory if !walk.directories.insert(stat.id) => {}
            Kind::Directory => {
                for child in walk.children(disk, path) {
                    match disk.stat(&child) {
                        Ok(stat) => self.visit(disk, &child, stat, walk),
                        Err(error) if is_absent(&error) => {}
                        Err(error) => walk.problem(&child, &error),
                    }
                }
            }
            Kind::Other(what) => {
                let why = format!(
                    "it is {what}, only files are read; give what it writes to standard input"
                );
                walk.problems.push((path.to_owned(), why));
            }
        }
    }

    fn expand(&self, disk: &dyn Disk, base: PathBuf, parts: &[Component<'_>], walk: &mut Walk) {
        let Some((part, rest)) = parts.split_first() else {
            match disk.stat(&base) {
                Ok(stat) => self.visit(disk, &base, stat, walk),
                Err(error) if is_absent(&error) => {}
                Err(error) => walk.problem(&base, &error),
            }
            return;
        };
        let name = part.as_os_str();
        if !matches!(part, Component::Normal(_)) || !is_pattern(name) {
            return self.expand(disk, base.join(name), rest, walk);
        }
        if name == "**" {
            if rest.is_empty() {
                return self.expand(disk, base, rest, walk);
            }
            self.expand(disk, base.clone(), rest, walk);
            for child in walk.children(disk, &base) {
                if disk.stat(&child).is_ok_and(|stat| stat.kind == Kind::Directory) {
                    self.expand(disk, child, parts, walk);
                }
            }
            return;
        }
        let pattern = match name.to_str().map(Pattern::new) {
            Some(Ok(pattern)) => pattern,
            Some(Err(error)) => {
                let why = format!("`{}` is no pattern: {error}", name.display());
                walk.problems.push((base.join(name), why));
                return;
            }
            None => {
                walk.problems.push((base.join(name), "a pattern is UTF-8 text".to_owned()));
                return;
            }
        };
        match disk.list(&base) {
            Ok(names) => {
                for name in names {
                    // A name that is no text is matched by its text, so that `*` finds it.
                    if pattern.matches_with(&name.to_string_lossy(), MATCHING) {
                        self.expand(disk, base.join(name), rest, walk);
                    }
                }
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => walk.problem(&base, &error),
        }
    }
}

impl Walk {
    fn problem(&mut self, path: &Path, error: &io::Error) {
        self.problems.push((path.to_owned(), error.to_string()));
    }

    /// What is in a directory and not hidden.
    fn children(&mut self, disk: &dyn Disk, dir: &Path) -> Vec<PathBuf> {
        match disk.list(dir) {
            Ok(names) => names
                .into_iter()
                .filter(|name| !name.as_bytes().starts_with(b"."))
                .map(|name| dir.join(name))
                .collect(),
            Err(error) => {
                self.problem(dir, &error);
                Vec::new()
            }
        }
    }
}

fn is_pattern(name: &OsStr) -> bool {
    name.as_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// Whether there is nothing of that name, as opposed to not being able to look.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
