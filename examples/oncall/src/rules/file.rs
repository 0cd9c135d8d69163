//! A rule file.

use std::path::Path;

use logdive_rules::{RuleErrors, RuleSet};

use crate::error::Failure;
use crate::files;

/// A rule file's text, and what it is called.
pub(super) struct RuleFile {
    pub(super) name: String,
    pub(super) text: String,
}

impl RuleFile {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        Ok(Self { name: files::name(path), text: files::read(path)? })
    }

    /// The rule set, checked and not analysed.
    pub(super) fn rules(&self) -> Result<RuleSet, Failure> {
        RuleSet::parse(&self.text).map_err(|errors| self.broken(&errors))
    }

    pub(super) fn broken(&self, errors: &RuleErrors) -> Failure {
        let drawn = errors.render(&self.name, &self.text);
        Failure::new(format!("`{}` does not load\n\n{}", self.name, drawn.trim_end()))
    }
}
