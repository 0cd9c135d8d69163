//! The playbooks that were last in force, as files beside the rules: what is used where a new
//! version does not load. The folder is a folder of playbooks itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use logdive_core::{ActionSpec, PlaybookName};
use logdive_query::Diver;

use super::file::{Entry, PlaybookFile};
use super::load::{Loaded, load};
use crate::error::{Context as _, Failure};
use crate::files;

/// The folder of what was last in force.
pub(super) struct LastGood {
    folder: PathBuf,
    /// What it lists, if it is there and can be read.
    listed: Option<PlaybookFile>,
}

impl LastGood {
    pub(super) fn of(dir: &Path) -> Self {
        let folder = dir.join("rules").join("last-good");
        let listed = PlaybookFile::read(&folder.join(super::FILE)).ok();
        Self { folder, listed }
    }

    /// The names, in their order.
    pub(super) fn names(&self) -> Vec<PlaybookName> {
        let listed = self.listed.iter().flat_map(|file| &file.entries);
        listed.map(|listed| listed.name.clone()).collect()
    }

    /// The playbook of a name as it was last in force, if it still loads.
    pub(super) fn load(
        &self,
        name: &PlaybookName,
        diver: &Diver,
        actions: &[ActionSpec],
    ) -> Option<(Entry, Loaded)> {
        let file = self.listed.as_ref()?;
        let listed = file.entries.iter().find(|listed| listed.name == *name)?;
        let entry = listed.entry.as_ref().ok()?;
        Some((entry.clone(), load(file, entry, diver, actions).ok()?))
    }

    /// Keeps what is in force now. Each file is replaced in one step, the list last, and only if
    /// it is another.
    pub(super) fn keep(&self, playbooks: &[(Entry, Loaded)]) -> Result<(), Failure> {
        let mut texts: BTreeMap<String, &str> = BTreeMap::new();
        let mut list = String::from(
            "# Written by logdive: the playbooks that were last in force.\nversion = 1\n",
        );
        for (entry, loaded) in playbooks {
            let (plan, rules) = (format!("{}.plan", entry.name), format!("{}.rules", entry.name));
            list.push_str(&written(entry, &plan, &rules));
            texts.insert(plan, &loaded.plan_text);
            texts.insert(rules, &loaded.rules_text);
        }
        let made = std::fs::create_dir_all(&self.folder);
        made.context(format!("making the folder `{}`", self.folder.display()))?;
        for (name, text) in &texts {
            self.put(name, text)?;
        }
        self.put(super::FILE, &list)
    }

    fn put(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|known| known == text) {
            return Ok(());
        }
        files::replace(&path, text)
    }
}

/// An entry as TOML.
fn written(entry: &Entry, plan: &str, rules: &str) -> String {
    let mut out = String::from("\n[[playbook]]\n");
    let fields = [
        ("name", Some(entry.name.as_str())),
        ("when", Some(entry.when_text.as_str())),
        ("plan", Some(plan)),
        ("rules", Some(rules)),
        ("highest", entry.highest.map(|mode| mode.name())),
        ("post_at", entry.post_at.as_deref()),
        ("runbook", entry.runbook.as_deref()),
    ];
    for (key, value) in fields {
        if let Some(value) = value {
            out.extend([format!("{key} = {}\n", quoted(value))]);
        }
    }
    out
}

/// A text as TOML writes it: as JSON does, but for the one control character that JSON leaves.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
