//! Making a pilot.

use std::sync::{Arc, Mutex};

use thiserror::Error;

use super::{Limits, Pilot, State};
use crate::port::{Actuator, Clock, Journal, Post, SystemClock};
use crate::stop::StopLatch;
use crate::{AnyPerson, Authority, Mode, Playbook, playbook::PlaybookError};

/// Why there is no pilot.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PilotBuildError {
    /// A part is missing.
    #[error("the pilot has no {0}")]
    Missing(&'static str),
    /// Two playbooks, or two actuators' actions, have one name.
    #[error("there are two of the name `{0}`")]
    Twice(String),
    /// A playbook does not fit the actuators.
    #[error(transparent)]
    Playbook(#[from] PlaybookError),
}

/// Makes a [`Pilot`].
#[derive(Debug)]
pub struct PilotBuilder {
    playbooks: Vec<Playbook>,
    post: Option<Arc<dyn Post>>,
    actuators: Vec<Arc<dyn Actuator>>,
    journal: Option<Arc<dyn Journal>>,
    stop: Option<StopLatch>,
    clock: Arc<dyn Clock>,
    authority: Arc<dyn Authority>,
    ceiling: Mode,
    limits: Limits,
    holder: String,
    command: String,
}

impl PilotBuilder {
    pub(super) fn new() -> Self {
        Self {
            playbooks: Vec::new(),
            post: None,
            actuators: Vec::new(),
            journal: None,
            stop: None,
            clock: Arc::new(SystemClock::new()),
            authority: Arc::new(AnyPerson::default()),
            ceiling: Mode::Suggest,
            limits: Limits::default(),
            holder: format!("process {}", std::process::id()),
            command: "logdive".to_owned(),
        }
    }

    /// Adds a playbook; the first that takes a ticket has it.
    #[must_use]
    pub fn playbook(mut self, playbook: Playbook) -> Self {
        self.playbooks.push(playbook);
        self
    }

    /// Where packets are posted.
    #[must_use]
    pub fn post_to(mut self, post: impl Post + 'static) -> Self {
        self.post = Some(Arc::new(post));
        self
    }

    /// Adds what carries actions out.
    #[must_use]
    pub fn actuator(mut self, actuator: impl Actuator + 'static) -> Self {
        self.actuators.push(Arc::new(actuator));
        self
    }

    /// The journal.
    #[must_use]
    pub fn journal(mut self, journal: impl Journal + 'static) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// The wheel.
    #[must_use]
    pub fn stop(mut self, latch: StopLatch) -> Self {
        self.stop = Some(latch);
        self
    }

    /// How far automation may decide and act, whatever playbooks, rules and settings say. Without
    /// it, it suggests.
    #[must_use]
    pub const fn ceiling(mut self, mode: Mode) -> Self {
        self.ceiling = mode;
        self
    }

    /// The clock; without it, the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Who may do what; without it, any person everything.
    #[must_use]
    pub fn authority(mut self, authority: impl Authority + 'static) -> Self {
        self.authority = Arc::new(authority);
        self
    }

    /// What the last moment before an action checks.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What this process is called in errors of others that want to drive.
    #[must_use]
    pub fn holder(mut self, name: impl Into<String>) -> Self {
        self.holder = name.into();
        self
    }

    /// How people call the one-command tool; packets print commands with it.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }

    /// Checks the parts against each other.
    ///
    /// # Errors
    /// If a part is missing, a name is there twice, or a rule asks for an action that no actuator
    /// has.
    pub fn build(self) -> Result<Pilot, PilotBuildError> {
        let specs: Vec<_> = self.actuators.iter().flat_map(|actuator| actuator.actions()).collect();
        for (at, spec) in specs.iter().enumerate() {
            if specs.iter().skip(at + 1).any(|other| other.name == spec.name) {
                return Err(PilotBuildError::Twice(spec.name.to_string()));
            }
        }
        for (at, playbook) in self.playbooks.iter().enumerate() {
            if self.playbooks.iter().skip(at + 1).any(|other| other.name() == playbook.name()) {
                return Err(PilotBuildError::Twice(playbook.name().to_string()));
            }
            playbook.check_actions(&specs)?;
        }
        Ok(Pilot {
            playbooks: self.playbooks,
            post: self.post.ok_or(PilotBuildError::Missing("place to post to (`post_to`)"))?,
            actuators: self.actuators,
            journal: self.journal.ok_or(PilotBuildError::Missing("journal (`journal`)"))?,
            stop: self.stop.ok_or(PilotBuildError::Missing("stop latch (`stop`)"))?,
            clock: self.clock,
            authority: self.authority,
            ceiling: self.ceiling,
            limits: self.limits,
            holder: self.holder,
            command: self.command,
            state: Mutex::new(State::default()),
            lease: Mutex::new(None),
        })
    }
}
