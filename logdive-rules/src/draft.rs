//! A rule set as data: what the builder makes and what serde reads, not yet checked.

use std::collections::BTreeMap;

use logdive_core::predicate::PredicateError;
use logdive_core::{Diagnostic, Predicate};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::diagnostics::RuleErrors;
use crate::set::RuleSet;

mod rule;
mod write;

pub use rule::{CapDraft, EffectDraft, NoAction, RuleDraft};

/// The version of the serde form that this crate writes and reads.
pub const FORM: u32 = 1;

/// A rule set as data: made in Rust by its methods, read from JSON or another format by serde, and
/// checked by [`Draft::build`], which is the same checker as of the text form.
///
/// Types of entries (`int 1..5 optional`), measures and conditions are written as in the text form;
/// a condition may also be a [`Predicate`]. All three forms of one rule set have one digest.
///
/// ```
/// use logdive_core::{Field, Mode, Predicate};
/// use logdive_rules::{Draft, RuleDraft, RuleSet};
///
/// let quota = RuleDraft::new("own quota", 1, Mode::Automatic)
///     .when("throttled >= 50")
///     .unless(Predicate::eq(Field::parse("ticket.severity")?, 1))
///     .decide("quota")
///     .because("{throttled} throttles");
/// let rules = Draft::new("kms", 1)
///     .ticket("severity", "int 1..5")
///     .fact("throttled", "int")
///     .decisions(["quota", "human"])
///     .default("human", "no rule applies")
///     .rule(quota)
///     .build()?;
///
/// let json = serde_json::to_string(&rules)?;
/// assert_eq!(serde_json::from_str::<RuleSet>(&json)?.digest(), rules.digest());
/// assert_eq!(RuleSet::parse(rules.to_string())?.digest(), rules.digest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Draft {
    /// The version of this form: [`FORM`].
    pub form: u32,
    /// What rules may read.
    pub schema: SchemaDraft,
    /// What rules may decide.
    pub decisions: Vec<String>,
    /// What is decided if no rule applies.
    pub default: DefaultDraft,
    /// Conditions under which a rule must decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cover: Vec<Condition>,
    /// Conditions under which no rule may decide by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub never_automatic: Vec<Condition>,
    /// The rules.
    pub rules: Vec<RuleDraft>,
}

/// A schema as data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SchemaDraft {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Ticket fields without `ticket.`, each with what stands behind its colon.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ticket: BTreeMap<String, String>,
    /// Steps of the dive, each with its fields and their types.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, BTreeMap<String, String>>,
    /// Facts that the caller gives, each with what stands behind its colon.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// Facts that a dive measures, each with what stands behind its `=`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, String>,
}

/// The default as data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DefaultDraft {
    /// The decision.
    pub decision: String,
    /// Why no rule applies.
    pub because: String,
}

/// A condition: its text form, or a tree. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "there are two ways to write a condition")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Condition {
    /// As a rule file writes it.
    Text(String),
    /// As a tree.
    Tree(Predicate),
}

impl From<&str> for Condition {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Condition {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Predicate> for Condition {
    fn from(tree: Predicate) -> Self {
        Self::Tree(tree)
    }
}

/// Why a draft is no rule set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DraftError {
    /// It is of another version of the form.
    #[error("the rule set is of form {found}, and this program reads form {FORM}")]
    #[non_exhaustive]
    Form {
        /// Its version.
        found: u32,
    },
    /// A name cannot stand in a rule file.
    #[error("`{text}` cannot be the name of {what}: {rule}")]
    #[non_exhaustive]
    Name {
        /// What is named.
        what: &'static str,
        /// The name, cut if it is long.
        text: String,
        /// What a name is.
        rule: &'static str,
    },
    /// A part that is written as in a rule file is not what it should be.
    #[error("{place}: {diagnostic}")]
    #[non_exhaustive]
    Part {
        /// Where it stands: `ticket.severity`, `when` of a rule.
        place: String,
        /// What is wrong; its span is one of the part.
        diagnostic: Box<Diagnostic>,
    },
    /// A condition that is a tree cannot be used.
    #[error("{place}: {source}")]
    #[non_exhaustive]
    Tree {
        /// Where it stands.
        place: String,
        /// Why.
        source: PredicateError,
    },
    /// The parts do not hold together.
    #[error("{errors}")]
    #[non_exhaustive]
    Rules {
        /// All that is wrong.
        errors: RuleErrors,
        /// The draft as text, in which the mistakes have their places.
        text: String,
    },
}

impl Draft {
    /// Begins a rule set, with its schema's name and version.
    #[must_use]
    pub fn new(schema: impl Into<String>, version: u32) -> Self {
        Self {
            form: FORM,
            schema: SchemaDraft { name: schema.into(), version, ..SchemaDraft::default() },
            decisions: Vec::new(),
            default: DefaultDraft::default(),
            cover: Vec::new(),
            never_automatic: Vec::new(),
            rules: Vec::new(),
        }
    }

    /// Declares a ticket field (without `ticket.`) and its type, as a rule file writes it:
    /// `int 1..5`, `set of text at "/a/b" or else {}`.
    #[must_use]
    pub fn ticket(mut self, name: impl Into<String>, kind: impl Into<String>) -> Self {
        self.schema.ticket.insert(name.into(), kind.into());
        self
    }

    /// Declares a fact that the caller gives, and its type.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, kind: impl Into<String>) -> Self {
        self.schema.facts.insert(name.into(), kind.into());
        self
    }

    /// Declares a fact that a dive measures: `count(errors where code == "x")`, or a
    /// [`Measure`](logdive_core::Measure) as text.
    #[must_use]
    pub fn measure(mut self, name: impl Into<String>, measure: &(impl ToString + ?Sized)) -> Self {
        self.schema.measures.insert(name.into(), measure.to_string());
        self
    }

    /// Declares a step of the dive and the fields that measures use, with their types.
    #[must_use]
    pub fn evidence<N: Into<String>, K: Into<String>>(
        mut self,
        step: impl Into<String>,
        fields: impl IntoIterator<Item = (N, K)>,
    ) -> Self {
        let fields = fields.into_iter().map(|(name, kind)| (name.into(), kind.into()));
        self.schema.evidence.insert(step.into(), fields.collect());
        self
    }

    /// Lists what rules may decide.
    #[must_use]
    pub fn decisions<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.decisions.extend(names.into_iter().map(Into::into));
        self
    }

    /// Says what is decided if no rule applies, and why.
    #[must_use]
    pub fn default(mut self, decision: impl Into<String>, because: impl Into<String>) -> Self {
        self.default = DefaultDraft { decision: decision.into(), because: because.into() };
        self
    }

    /// Claims that a rule decides wherever the condition is true.
    #[must_use]
    pub fn cover(mut self, when: impl Into<Condition>) -> Self {
        self.cover.push(when.into());
        self
    }

    /// Claims that nothing is decided automatically unless the condition is false.
    #[must_use]
    pub fn never_automatic(mut self, when: impl Into<Condition>) -> Self {
        self.never_automatic.push(when.into());
        self
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, rule: RuleDraft) -> Self {
        self.rules.push(rule);
        self
    }

    /// Checks it.
    ///
    /// # Errors
    /// The first part that is not what it should be; else all that is wrong with the whole, as
    /// [`RuleSet::parse`] says it.
    pub fn build(&self) -> Result<RuleSet, DraftError> {
        let text = self.text()?;
        RuleSet::parse(&text).map_err(|errors| DraftError::Rules { errors, text })
    }
}
