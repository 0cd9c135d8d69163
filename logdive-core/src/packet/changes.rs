//! What changed between two looks at the same thing.

use std::collections::BTreeMap;
use std::fmt;

use crate::{Evidence, Fact};

/// One difference between two pieces of evidence.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A fact is another.
    Fact {
        /// Its name.
        name: String,
        /// What it was.
        before: Fact,
        /// What it is.
        after: Fact,
    },
    /// A step finds more or fewer lines.
    Lines {
        /// The step.
        step: String,
        /// How many it found.
        before: u64,
        /// How many it finds.
        after: u64,
    },
    /// The evidence has become complete, or is not any more.
    Complete(bool),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |fact: &Fact| match fact {
            Fact::AtLeast(value, _) => format!("at least {value}"),
            Fact::Unavailable(_) => "unavailable".to_owned(),
            other => other.to_string(),
        };
        match self {
            Self::Fact { name, before, after } => {
                write!(f, "{name}: {} -> {}", plain(before), plain(after))
            }
            Self::Lines { step, before, after } => {
                write!(f, "{step}: {before} -> {after} lines")
            }
            Self::Complete(true) => f.write_str("the evidence is complete now"),
            Self::Complete(false) => f.write_str("the evidence is not complete any more"),
        }
    }
}

/// What changed from one look to the next: completeness first, then facts, then lines.
#[must_use]
pub fn changes(before: &Evidence, after: &Evidence) -> Vec<Change> {
    let mut changes = Vec::new();
    let complete = after.coverage.is_complete();
    if before.coverage.is_complete() != complete {
        changes.push(Change::Complete(complete));
    }
    for (name, fact) in after.facts.iter() {
        let old = before.facts.read(name);
        if !same(&old, fact) {
            changes.push(Change::Fact { name: name.to_owned(), before: old, after: fact.clone() });
        }
    }
    let old: BTreeMap<&str, u64> =
        before.steps.iter().map(|step| (step.name.as_str(), step.matched)).collect();
    for step in &after.steps {
        let before = old.get(step.name.as_str()).copied().unwrap_or_default();
        if before != step.matched {
            let step_name = step.name.to_string();
            changes.push(Change::Lines { step: step_name, before, after: step.matched });
        }
    }
    changes
}

/// The reason of an incomplete fact moves with the watermark; that alone is no change.
fn same(a: &Fact, b: &Fact) -> bool {
    match (a, b) {
        (Fact::AtLeast(a, _), Fact::AtLeast(b, _)) => a == b,
        (Fact::Unavailable(a), Fact::Unavailable(b)) => a.kind == b.kind,
        (a, b) => a == b,
    }
}
