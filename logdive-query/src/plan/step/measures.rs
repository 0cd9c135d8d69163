//! A step that measures.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A step that computes facts over all lines of an earlier step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measures {
    pub(crate) of: String,
    pub(crate) facts: BTreeMap<String, String>,
    /// A fact that was named twice: refused when the plan is checked.
    pub(crate) twice: Option<String>,
}

impl Measures {
    /// Measures the lines of a select, follow or check.
    pub fn of(step: impl Into<String>) -> Self {
        Self { of: step.into(), facts: BTreeMap::new(), twice: None }
    }

    /// Adds a fact, in the grammar of rules; the step may be left out:
    /// `count(where error_code == "Throttling")`, `percentile(took, 99)`.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, measure: impl Into<String>) -> Self {
        let name = name.into();
        match self.facts.entry(name) {
            Entry::Occupied(known) => self.twice = Some(known.key().clone()),
            Entry::Vacant(free) => drop(free.insert(measure.into())),
        }
        self
    }
}
