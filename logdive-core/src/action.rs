//! Actions: typed effects as values, never rendered, fitted or redacted.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::case::CaseId;
use crate::{ActionClass, ActionName, Digest, Value, ValueType};

/// What becomes of an action in flight when somebody stops automation. There is no default: each
/// action declares its own.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnStop {
    /// It ends at once.
    Abort,
    /// It ends after the step it is in.
    FinishStep {
        /// How long the step takes at most.
        max: Duration,
    },
    /// It cannot be ended. Never runs automatically.
    CannotStop {
        /// How long it takes at most.
        max: Duration,
        /// Why.
        why: String,
    },
}

/// Whether what was done can be undone.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversibility {
    /// Another action undoes it.
    UndoneBy {
        /// The action, with the same arguments.
        action: ActionName,
    },
    /// Nothing undoes it.
    Irreversible,
}

/// What an actuator can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionSpec {
    /// The action's name.
    pub name: ActionName,
    /// What it does, in a sentence for the ticket.
    pub about: String,
    /// Its parameters, all required.
    pub parameters: BTreeMap<String, ValueType>,
    /// The parameter that names what it is done to.
    pub target: String,
    /// The class by which caps are counted.
    pub class: ActionClass,
    /// What a stop does to it in flight.
    pub on_stop: OnStop,
    /// Whether it can be undone.
    pub reversibility: Reversibility,
}

/// An action as a decision asks for it: a name and arguments, not yet joined with what an
/// actuator declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRequest {
    /// The action's name.
    pub name: ActionName,
    /// Its arguments.
    pub arguments: BTreeMap<String, Value>,
}

impl fmt::Display for ActionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_call(f, &self.name, &self.arguments)
    }
}

fn write_call(
    f: &mut fmt::Formatter<'_>,
    name: &ActionName,
    arguments: &BTreeMap<String, Value>,
) -> fmt::Result {
    write!(f, "{name}(")?;
    for (index, (parameter, value)) in arguments.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(f, "{comma}{parameter}: {value}")?;
    }
    f.write_str(")")
}

/// One typed effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its identity: the same for the same inputs on every machine and after every restart.
    pub key: ActionKey,
    /// What is done.
    pub name: ActionName,
    /// With which arguments.
    pub arguments: BTreeMap<String, Value>,
    /// To what.
    pub target: String,
    /// The class by which caps are counted.
    pub class: ActionClass,
    /// What a stop does to it in flight.
    pub on_stop: OnStop,
    /// Whether it can be undone.
    pub reversibility: Reversibility,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_call(f, &self.name, &self.arguments)
    }
}

impl Action {
    /// Joins a request with what the actuator declares.
    ///
    /// # Errors
    /// Which argument is missing, unknown or of another type.
    pub fn bind(
        key: ActionKey,
        request: &ActionRequest,
        spec: &ActionSpec,
    ) -> Result<Self, String> {
        let name = &spec.name;
        for parameter in request.arguments.keys() {
            if !spec.parameters.contains_key(parameter) {
                return Err(format!("action `{name}` has no parameter `{parameter}`"));
            }
        }
        for (parameter, kind) in &spec.parameters {
            match request.arguments.get(parameter) {
                None => return Err(format!("action `{name}` needs `{parameter}`")),
                Some(value) if !value.is_a(kind) => {
                    return Err(format!("`{parameter}` of action `{name}` must be of type {kind}"));
                }
                Some(_) => {}
            }
        }
        // An empty target must never be read as "all".
        let target = request
            .arguments
            .get(&spec.target)
            .map(Value::plain)
            .filter(|target| !target.is_empty())
            .ok_or_else(|| format!("action `{name}` names no target in `{}`", spec.target))?;
        Ok(Self {
            key,
            name: name.clone(),
            arguments: request.arguments.clone(),
            target,
            class: spec.class.clone(),
            on_stop: spec.on_stop.clone(),
            reversibility: spec.reversibility.clone(),
        })
    }
}

/// The identity of an action: the same for the same inputs on every machine and after every
/// restart, so that an effect can be found again and is never done twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActionKey(Digest);

impl ActionKey {
    /// The key of the n-th action that a decision of a case asks for.
    ///
    /// What counts is the case, the rule and the request: a decision made again from newer
    /// evidence that asks for the same thing has the same key, so it is not done again. A ticket
    /// that comes back has a new case, and so new keys.
    #[must_use]
    pub fn new(case: &CaseId, rule: &str, request: &ActionRequest, ordinal: usize) -> Self {
        Self(Digest::of_parts([
            "action".to_owned(),
            case.to_string(),
            rule.to_owned(),
            request.to_string(),
            ordinal.to_string(),
        ]))
    }

    /// The digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.0
    }

    /// The first twelve hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for ActionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What became of an action.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done {
        /// What proves it.
        proof: String,
    },
    /// It was not begun.
    Refused {
        /// Why.
        reason: String,
    },
    /// It was begun and did not take effect.
    Failed {
        /// Why.
        reason: String,
    },
    /// It may have taken effect. A person checks; it is never begun again by itself.
    InDoubt {
        /// What to check.
        check: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done { proof } => write!(f, "done: {proof}"),
            Self::Refused { reason } => write!(f, "refused: {reason}"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
            Self::InDoubt { check } => write!(f, "in doubt: {check}"),
        }
    }
}
