//! Known contents by the log they are a piece of.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::family::Family;
use super::tail::Tail;

/// Known contents by the log they are a piece of, and how many each name has had.
#[derive(Debug, Default)]
pub(crate) struct Index {
    logs: HashMap<PathBuf, Vec<u64>>,
    generations: HashMap<PathBuf, i64>,
}

impl Index {
    pub(crate) fn of(tails: &BTreeMap<u64, Tail>) -> Self {
        let mut index = Self::default();
        for (key, tail) in tails {
            index.add(*key, &tail.entry.path);
            let next = tail.entry.generation() + 1;
            let known = index.generations.entry(tail.entry.name.clone()).or_insert(next);
            *known = next.max(*known);
        }
        index
    }

    /// Takes note of a content's path.
    pub(crate) fn add(&mut self, key: u64, path: &Path) {
        for log in Family::of(path).logs() {
            self.logs.entry(path.with_file_name(log)).or_default().push(key);
        }
    }

    /// The contents that may be of the same log in the same directory.
    pub(crate) fn related(&self, path: &Path) -> Vec<u64> {
        let family = Family::of(path);
        let mut keys: Vec<u64> = family
            .logs()
            .filter_map(|log| self.logs.get(&path.with_file_name(log)))
            .flatten()
            .copied()
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The generation that the next content of this name is.
    pub(crate) fn generation(&mut self, name: &Path) -> i64 {
        let next = self.generations.entry(name.to_owned()).or_insert(0);
        let generation = *next;
        *next += 1;
        generation
    }
}
