//! A checked rule.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::port::RuleBounds;
use logdive_core::{ActionName, Digest, Mode, Predicate, Value};
use serde::{Deserialize, Serialize};

use crate::template::Template;

/// A rule: a condition, a decision, and how far it lets automation go.
#[derive(Debug, Clone, PartialEq, Eq)]
// Invariant: every fact is declared and every constant fits; the decision is listed; an automatic
// rule does not read `is unavailable`.
pub struct Rule {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) mode: Mode,
    pub(crate) over: BTreeSet<String>,
    pub(crate) owner: Option<String>,
    pub(crate) bounds: RuleBounds,
    pub(crate) when: Predicate,
    pub(crate) unless: Option<Predicate>,
    pub(crate) decision: String,
    pub(crate) because: Template,
    pub(crate) effect: Effect,
}

/// What a rule asks for. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "who carries decisions out must handle both")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// These actions, in this order. None if the rule says nothing: the decision stands, and what
    /// follows from it is for a person.
    Actions(Vec<Call>),
    /// The rule says `no action`: nothing needs to be done.
    NoAction,
}

/// An action with its arguments as a rule writes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Call {
    /// The action.
    pub name: ActionName,
    /// Its arguments.
    #[serde(default)]
    pub arguments: BTreeMap<String, Argument>,
}

/// An argument of an action. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "an argument that a caller forgets would be lost")]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    /// A constant.
    Constant(Value),
    /// The value of a fact or ticket field, which must be known exactly.
    Fact(String),
    /// A text with placeholders, each of which must be known exactly.
    Text(Template),
}

impl Call {
    /// Calls an action, without arguments yet.
    #[must_use]
    pub const fn new(name: ActionName) -> Self {
        Self { name, arguments: BTreeMap::new() }
    }

    /// Gives an argument.
    #[must_use]
    pub fn argument(mut self, name: impl Into<String>, argument: Argument) -> Self {
        self.arguments.insert(name.into(), argument);
        self
    }
}

impl Argument {
    /// The facts it names.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        let (fact, template) = match self {
            Self::Constant(_) => (None, None),
            Self::Fact(name) => (Some(name.as_str()), None),
            Self::Text(template) => (None, Some(template)),
        };
        fact.into_iter().chain(template.into_iter().flat_map(Template::facts))
    }
}

impl Rule {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version, as its author counts.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// How far it lets automation go.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Who answers for it.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// How often it may act, and when it is due for review.
    #[must_use]
    pub const fn bounds(&self) -> RuleBounds {
        self.bounds
    }

    /// The decision it makes.
    #[must_use]
    pub fn decision(&self) -> &str {
        &self.decision
    }

    /// When it applies.
    #[must_use]
    pub const fn when(&self) -> &Predicate {
        &self.when
    }

    /// When it does not apply all the same.
    #[must_use]
    pub const fn unless(&self) -> Option<&Predicate> {
        self.unless.as_ref()
    }

    /// Why, in words.
    #[must_use]
    pub const fn because(&self) -> &Template {
        &self.because
    }

    /// What it asks for.
    #[must_use]
    pub const fn effect(&self) -> &Effect {
        &self.effect
    }

    /// The rules it ranks above, as written.
    pub fn over(&self) -> impl Iterator<Item = &str> {
        self.over.iter().map(String::as_str)
    }

    /// The rule's identity: the digest of its normal form, which comments and layout do not
    /// change.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_string())
    }

    /// The actions it asks for.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        match &self.effect {
            Effect::Actions(calls) => calls,
            Effect::NoAction => &[],
        }
    }

    /// Whether both decide the same and ask for the same.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        self.decision == other.decision && self.effect == other.effect
    }
}
