//! Who does something, and whether they may.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Scope;

/// Who does something, and by which channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Actor {
    /// A person, by name, and the channel that authenticated them (`cli`, `slack`).
    Person {
        /// Who.
        name: String,
        /// By which channel.
        channel: String,
    },
    /// The automation itself.
    Automation,
}

impl Actor {
    /// A person at a channel.
    #[must_use]
    pub fn person(name: impl Into<String>, channel: impl Into<String>) -> Self {
        Self::Person { name: name.into(), channel: channel.into() }
    }

    /// Whether it is a person.
    #[must_use]
    pub const fn is_person(&self) -> bool {
        matches!(self, Self::Person { .. })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { name, channel } => write!(f, "{name} ({channel})"),
            Self::Automation => f.write_str("automation"),
        }
    }
}

/// What somebody wants to do.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Stop automation.
    Stop,
    /// Let automation be raised again after a stop.
    Reset,
    /// Raise or lower a mode.
    SetMode,
    /// Start a dive.
    Query,
    /// Approve a proposed action.
    Approve,
    /// Refuse a proposed action, or replace a decision.
    Decide,
}

/// Whether an actor may do a verb on a scope.
///
/// Whatever an authority says, any person may stop: implementations are not asked.
pub trait Authority: Send + Sync + fmt::Debug {
    /// Whether the actor may.
    ///
    /// # Errors
    /// Why not, for the actor to read.
    fn allow(&self, actor: &Actor, verb: Verb, scope: &Scope) -> Result<(), String>;
}

/// Lets every person do everything, and the automation nothing that is a person's. For tools used
/// by one person at a terminal.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct AnyPerson;

impl Authority for AnyPerson {
    fn allow(&self, actor: &Actor, verb: Verb, _: &Scope) -> Result<(), String> {
        if actor.is_person() || verb == Verb::Stop {
            Ok(())
        } else {
            Err("only a person may do this".to_owned())
        }
    }
}
