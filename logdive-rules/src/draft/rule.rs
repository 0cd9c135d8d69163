//! A rule as data.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use logdive_core::port::Cap;
use logdive_core::{Mode, format_duration, parse_duration};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Condition;
use crate::rule::{Call, Effect, Rule};

/// A rule as data, not yet checked: a part of a [`Draft`](super::Draft).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RuleDraft {
    /// Its name.
    pub name: String,
    /// Its version, from 1.
    pub version: u32,
    /// How far it lets automation go.
    pub mode: Mode,
    /// The rules it ranks above.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub over: BTreeSet<String>,
    /// How often it may act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<CapDraft>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The day by which it is reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<NaiveDate>,
    /// When it applies.
    pub when: Condition,
    /// When it does not apply all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Condition>,
    /// What it decides.
    pub decide: String,
    /// Why, with facts in braces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What it asks for.
    #[serde(default, rename = "do", skip_serializing_if = "EffectDraft::is_nothing")]
    pub effect: EffectDraft,
}

/// A cap as data: `{"actions": 20, "per": "1h"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CapDraft {
    /// How many actions.
    pub actions: u32,
    /// In how much time.
    #[serde(serialize_with = "write_length", deserialize_with = "read_length")]
    pub per: std::time::Duration,
}

/// What a rule asks for, as data. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "a rule asks for actions, or says that none is needed")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EffectDraft {
    /// These actions, in this order.
    Actions(Vec<Call>),
    /// `"no action"`
    NoAction(NoAction),
}

/// The words `no action`. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "there is one way to write it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoAction {
    /// Nothing needs to be done.
    #[serde(rename = "no action")]
    NoAction,
}

impl EffectDraft {
    const fn is_nothing(&self) -> bool {
        matches!(self, Self::Actions(calls) if calls.is_empty())
    }
}

impl Default for EffectDraft {
    fn default() -> Self {
        Self::Actions(Vec::new())
    }
}

fn write_length<S: Serializer>(length: &std::time::Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format_duration(*length))
}

fn read_length<'de, D: Deserializer<'de>>(from: D) -> Result<std::time::Duration, D::Error> {
    let text = String::deserialize(from)?;
    parse_duration(&text).map_err(serde::de::Error::custom)
}

impl RuleDraft {
    /// Begins a rule that always applies and says nothing yet.
    #[must_use]
    pub fn new(name: impl Into<String>, version: u32, mode: Mode) -> Self {
        Self {
            name: name.into(),
            version,
            mode,
            over: BTreeSet::new(),
            cap: None,
            owner: None,
            review_by: None,
            when: Condition::from("true"),
            unless: None,
            decide: String::new(),
            because: None,
            effect: EffectDraft::default(),
        }
    }

    /// When it applies.
    #[must_use]
    pub fn when(mut self, condition: impl Into<Condition>) -> Self {
        self.when = condition.into();
        self
    }

    /// When it does not apply all the same.
    #[must_use]
    pub fn unless(mut self, condition: impl Into<Condition>) -> Self {
        self.unless = Some(condition.into());
        self
    }

    /// Ranks it above another rule.
    #[must_use]
    pub fn over(mut self, rule: impl Into<String>) -> Self {
        self.over.insert(rule.into());
        self
    }

    /// How often it may act.
    #[must_use]
    pub const fn cap(mut self, cap: Cap) -> Self {
        self.cap = Some(CapDraft { actions: cap.actions, per: cap.per });
        self
    }

    /// Who answers for it.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// The day by which it is reviewed.
    #[must_use]
    pub const fn review_by(mut self, day: NaiveDate) -> Self {
        self.review_by = Some(day);
        self
    }

    /// What it decides.
    #[must_use]
    pub fn decide(mut self, decision: impl Into<String>) -> Self {
        self.decide = decision.into();
        self
    }

    /// Why, with facts in braces.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.because = Some(reason.into());
        self
    }

    /// Asks for one more action.
    #[must_use]
    pub fn action(mut self, call: Call) -> Self {
        match &mut self.effect {
            EffectDraft::Actions(calls) => calls.push(call),
            EffectDraft::NoAction(_) => self.effect = EffectDraft::Actions(vec![call]),
        }
        self
    }

    /// Says that nothing needs to be done.
    #[must_use]
    pub fn no_action(mut self) -> Self {
        self.effect = EffectDraft::NoAction(NoAction::NoAction);
        self
    }
}

impl From<&Rule> for RuleDraft {
    fn from(rule: &Rule) -> Self {
        let bounds = rule.bounds();
        Self {
            name: rule.name.clone(),
            version: rule.version,
            mode: rule.mode,
            over: rule.over.clone(),
            cap: bounds.cap.map(|cap| CapDraft { actions: cap.actions, per: cap.per }),
            owner: rule.owner.clone(),
            review_by: bounds.review_by,
            when: Condition::Text(rule.when.to_string()),
            unless: rule.unless.as_ref().map(|unless| Condition::Text(unless.to_string())),
            decide: rule.decision.clone(),
            because: Some(rule.because.to_string()),
            effect: match &rule.effect {
                Effect::Actions(calls) => EffectDraft::Actions(calls.clone()),
                Effect::NoAction => EffectDraft::NoAction(NoAction::NoAction),
            },
        }
    }
}
