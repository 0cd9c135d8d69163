//! How far automation may go: stages, scopes and modes.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::name::NameError;
use crate::{Actor, TicketId};

/// The stages of the way from a log line to an action. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "the four stages are the design")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Logs are parsed and written to the lake.
    Stream,
    /// The relevant logs are found and written into the ticket.
    Query,
    /// A rule decides.
    Decide,
    /// The decision is carried out.
    Act,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "stream",
            Self::Query => "query",
            Self::Decide => "decide",
            Self::Act => "act",
        })
    }
}

/// How far automation may go, from nothing to all. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "the lattice of modes is the design")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing.
    Off,
    /// It computes and records, and shows nothing.
    Shadow,
    /// It shows; one command of a person does it.
    Suggest,
    /// It proposes; one approval of a person does it.
    Confirm,
    /// It does it.
    Automatic,
}

impl Mode {
    /// All modes, lowest first.
    pub const ALL: [Self; 5] =
        [Self::Off, Self::Shadow, Self::Suggest, Self::Confirm, Self::Automatic];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::Suggest => "suggest",
            Self::Confirm => "confirm",
            Self::Automatic => "automatic",
        }
    }

    /// The mode of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a mode or a stop is about, written `global`, `service:ssm`, `rule:quota`.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// Everything.
    Global,
    /// A service.
    Service(String),
    /// A layer.
    Layer(String),
    /// A playbook.
    Playbook(String),
    /// A rule.
    Rule(String),
    /// A class of actions.
    ActionClass(String),
    /// A target of actions.
    Target(String),
    /// A ticket.
    Ticket(TicketId),
}

impl Scope {
    /// Reads a scope.
    ///
    /// # Errors
    /// If it is neither `global` nor `kind:name` of a known kind.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        const RULE: &str = "`global`, or one of service, layer, playbook, rule, class, target and \
                            ticket, a colon and a name";
        let wrong = || NameError::new("scope", text, RULE);
        if text == "global" {
            return Ok(Self::Global);
        }
        let (kind, name) = text.split_once(':').ok_or_else(wrong)?;
        let fits = (1..=512).contains(&name.len()) && !name.chars().any(char::is_control);
        if !fits {
            return Err(wrong());
        }
        let name = name.to_owned();
        Ok(match kind {
            "service" => Self::Service(name),
            "layer" => Self::Layer(name),
            "playbook" => Self::Playbook(name),
            "rule" => Self::Rule(name),
            "class" => Self::ActionClass(name),
            "target" => Self::Target(name),
            "ticket" => Self::Ticket(TicketId::parse(&name)?),
            _ => return Err(wrong()),
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Service(name) => write!(f, "service:{name}"),
            Self::Layer(name) => write!(f, "layer:{name}"),
            Self::Playbook(name) => write!(f, "playbook:{name}"),
            Self::Rule(name) => write!(f, "rule:{name}"),
            Self::ActionClass(name) => write!(f, "class:{name}"),
            Self::Target(name) => write!(f, "target:{name}"),
            Self::Ticket(id) => write!(f, "ticket:{id}"),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl TryFrom<String> for Scope {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

/// A mode that somebody set for a scope, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeSetting {
    /// For what.
    pub scope: Scope,
    /// For which stage; `None` for all.
    pub stage: Option<Stage>,
    /// How far automation may go.
    pub mode: Mode,
    /// Who set it.
    pub by: Actor,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// The mode that is in force, and the setting that holds it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectiveMode {
    /// The mode.
    pub mode: Mode,
    /// What set it, in words: who, when and why.
    pub because: String,
}

impl EffectiveMode {
    /// A mode and what set it.
    #[must_use]
    pub fn new(mode: Mode, because: impl Into<String>) -> Self {
        Self { mode, because: because.into() }
    }

    /// The lower of both; of equals, the first.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if other.mode < self.mode { other } else { self }
    }
}

/// The modes that were set; the newest setting of one scope and stage counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Modes(Vec<ModeSetting>);

impl Modes {
    /// No settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a mode, replacing the setting of the same scope and stage.
    pub fn set(&mut self, setting: ModeSetting) {
        self.0.retain(|known| known.scope != setting.scope || known.stage != setting.stage);
        self.0.push(setting);
    }

    /// All settings, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &ModeSetting> {
        self.0.iter()
    }

    /// The lowest of the ceiling and all settings that match the stage and one of the scopes.
    #[must_use]
    pub fn effective(
        &self,
        ceiling: EffectiveMode,
        stage: Stage,
        scopes: &[Scope],
    ) -> EffectiveMode {
        self.0
            .iter()
            .filter(|setting| setting.stage.is_none_or(|of| of == stage))
            .filter(|setting| setting.scope == Scope::Global || scopes.contains(&setting.scope))
            .map(|setting| {
                let because = format!(
                    "{} set {} for {} at {}: {}",
                    setting.by,
                    setting.mode,
                    setting.scope,
                    setting.at.format("%FT%TZ"),
                    setting.reason
                );
                EffectiveMode::new(setting.mode, because)
            })
            .fold(ceiling, EffectiveMode::min)
    }
}

#[cfg(test)]
mod tests {
    use super::{EffectiveMode, Mode, ModeSetting, Modes, Scope, Stage};
    use crate::Actor;

    fn setting(scope: Scope, stage: Option<Stage>, mode: Mode) -> ModeSetting {
        ModeSetting {
            scope,
            stage,
            mode,
            by: Actor::person("ana", "cli"),
            at: "2023-07-10T12:00:00Z".parse().unwrap(),
            reason: "test".into(),
        }
    }

    #[test]
    fn the_lowest_matching_mode_is_in_force() {
        let mut modes = Modes::new();
        modes.set(setting(Scope::Global, None, Mode::Automatic));
        modes.set(setting(Scope::Rule("quota".into()), Some(Stage::Act), Mode::Confirm));
        modes.set(setting(Scope::Service("kms".into()), None, Mode::Off));
        let of = |stage, scopes: &[Scope]| {
            let ceiling = EffectiveMode::new(Mode::Automatic, "ceiling");
            modes.effective(ceiling, stage, scopes).mode
        };
        let rule = Scope::Rule("quota".into());
        assert_eq!(of(Stage::Act, std::slice::from_ref(&rule)), Mode::Confirm);
        assert_eq!(of(Stage::Decide, &[rule]), Mode::Automatic);
        assert_eq!(of(Stage::Decide, &[Scope::Service("kms".into())]), Mode::Off);
    }

    #[test]
    fn scopes_round_trip() {
        for text in ["global", "service:ssm", "class:iam-write", "ticket:demo:1", "rule:a b"] {
            assert_eq!(Scope::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "service", "service:", "planet:x", "ticket:x"] {
            assert!(Scope::parse(bad).is_err(), "{bad}");
        }
    }
}
