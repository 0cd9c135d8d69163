//! The pilot: performs what a case says comes next, and writes down each step before and after.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;

use crate::case::{Case, CaseId, Entry, IllegalEntry, Step, Wait};
use crate::port::{Actuator, Clock, Draft, Journal, JournalError, Lease, Post, Row};
use crate::stop::{StopError, StopLatch};
use crate::{ActionSpec, Actor, Authority, Mode, Playbook, Ticket, TicketId};

mod act;
mod builder;
mod gate;
mod people;
mod state;
mod steps;

pub use builder::{PilotBuildError, PilotBuilder};
pub use people::Driven;

use state::State;

/// Why the pilot did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PilotError {
    /// The journal failed: nothing was begun that is not in it.
    #[error("the journal failed")]
    Journal(#[from] JournalError),
    /// The journal is not that of a pilot.
    #[error("the journal does not replay")]
    Replay(#[from] IllegalEntry),
    /// The stop latch failed.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// There is no such case.
    #[error("there is no case `{0}`")]
    NoCase(String),
    /// The actor may not do this.
    #[error("{actor} may not do this: {why}")]
    NotAllowed {
        /// Who.
        actor: Actor,
        /// Why not.
        why: String,
    },
    /// It does not fit where the case stands.
    #[error("{0}")]
    NotNow(String),
    /// The packet could not be posted. It is tried again with the next `finish`.
    #[error("the packet of case {case} could not be posted: {reason}")]
    Post {
        /// The case.
        case: CaseId,
        /// Why.
        reason: String,
    },
}

/// What the last moment before an action checks, and how patient proposals are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How old a decision may be that automation carries out.
    pub automatic_age: Duration,
    /// How old a decision may be that a person approves.
    pub approval_age: Duration,
    /// Most actions of one class in an hour.
    pub per_class: usize,
    /// Most actions of one rule in an hour.
    pub per_rule: usize,
    /// Most actions on one target in an hour.
    pub per_target: usize,
}

impl Default for Limits {
    /// 60 s, 24 h; 10 a class, 10 a rule and 1 a target in an hour.
    fn default() -> Self {
        Self {
            automatic_age: Duration::from_secs(60),
            approval_age: Duration::from_secs(24 * 3600),
            per_class: 10,
            per_rule: 10,
            per_target: 1,
        }
    }
}

/// Carries tickets through the loop.
///
/// It owns no runtime: whoever calls [`Pilot::finish`] or [`Pilot::run`] drives. Any process may
/// accept tickets, approve, stop and reset; driving needs the journal's lease, which the first
/// drive takes and the pilot keeps while it lives.
#[derive(Debug)]
pub struct Pilot {
    playbooks: Vec<Playbook>,
    post: Arc<dyn Post>,
    actuators: Vec<Arc<dyn Actuator>>,
    journal: Arc<dyn Journal>,
    stop: StopLatch,
    clock: Arc<dyn Clock>,
    authority: Arc<dyn Authority>,
    ceiling: Mode,
    limits: Limits,
    holder: String,
    command: String,
    state: Mutex<State>,
    lease: Mutex<Option<Arc<Lease>>>,
}

impl Pilot {
    /// Begins a pilot.
    #[must_use]
    pub fn builder() -> PilotBuilder {
        PilotBuilder::new()
    }

    /// Takes a ticket. Durable when it returns: a ticket that meets a playbook has a case, one
    /// that meets none is recorded with the reason. A second delivery of the same revision gives
    /// the case it has; a changed ticket changes it; a ticket that comes back after its case
    /// ended has a new one.
    ///
    /// # Errors
    /// If it could not be recorded.
    pub async fn accept(&self, ticket: Ticket) -> Result<Case, PilotError> {
        self.catch_up().await?;
        let (latest, ordinal) = self.state().latest_case(&ticket.id);
        if let Some(case) = latest {
            let same = case.ticket().revision() == ticket.revision();
            if same && (case.ended().is_none() || case.ticket().dedupe_key == ticket.dedupe_key) {
                return Ok(case);
            }
            if case.ended().is_none() {
                let entry = Entry::TicketChanged { ticket: Box::new(ticket) };
                self.append(Some(case.id()), entry).await?;
                return self.case(case.id());
            }
        }
        let id = CaseId::new(&ticket.id, ordinal);
        let entry = match self.matching(&ticket) {
            Ok(playbook) => {
                Entry::Seen { ticket: Box::new(ticket), playbook: playbook.name().clone() }
            }
            Err(reason) => Entry::Unmatched { ticket: Box::new(ticket), reason },
        };
        self.append(Some(&id), entry).await?;
        self.case(&id)
    }

    /// The first playbook that takes a ticket, in the order they were given.
    fn matching(&self, ticket: &Ticket) -> Result<&Playbook, String> {
        let mut reasons = Vec::new();
        for playbook in &self.playbooks {
            match playbook.takes(ticket) {
                Ok(()) => return Ok(playbook),
                Err(why) => reasons.push(format!("{}: {why}", playbook.name())),
            }
        }
        Err(if reasons.is_empty() { "there is no playbook".to_owned() } else { reasons.join("; ") })
    }

    /// Drives a case until it waits or is over, and gives it as it is then.
    ///
    /// # Errors
    /// If another process drives, the journal fails, or the packet could not be posted.
    pub async fn finish(&self, case: &Case) -> Result<Case, PilotError> {
        self.drive(case.id()).await
    }

    /// Drives every open case until it waits or is over. What goes wrong with one case does not
    /// hold up the others.
    ///
    /// # Errors
    /// If another process drives or the journal fails. What a case's packet met is in the list.
    pub async fn run(&self) -> Result<Vec<Result<Case, PilotError>>, PilotError> {
        self.hold_lease().await?;
        let mut results = Vec::new();
        for id in self.journal.open_cases().await? {
            match self.drive(&id).await {
                Err(error @ (PilotError::Journal(_) | PilotError::Replay(_))) => return Err(error),
                result => results.push(result),
            }
        }
        Ok(results)
    }

    async fn drive(&self, id: &CaseId) -> Result<Case, PilotError> {
        self.hold_lease().await?;
        self.catch_up().await?;
        loop {
            let case = self.case(id)?;
            match case.next() {
                Step::Dive(by) => {
                    if !self.may_look(&case, &by) {
                        return Ok(case);
                    }
                    self.dive(&case, &by).await?;
                }
                Step::Decide => self.decide(&case).await?,
                Step::Propose => self.propose(&case).await?,
                Step::Post => self.post(&case).await?,
                Step::Act(key, by) => self.act(&case, key, &by).await?,
                Step::Reconcile(key) => self.reconcile(&case, key).await?,
                Step::Close(reason) => {
                    self.append_driving(case.id(), Entry::Closed { reason }).await?;
                }
                Step::Wait(_) | Step::Done => return Ok(case),
            }
        }
    }

    /// A case as the journal has it.
    ///
    /// # Errors
    /// If there is none of that id.
    pub fn case(&self, id: &CaseId) -> Result<Case, PilotError> {
        self.state().case(id).cloned().ok_or_else(|| PilotError::NoCase(id.to_string()))
    }

    /// Reads what other processes appended, and gives all cases, oldest first.
    ///
    /// # Errors
    /// If the journal fails or does not replay.
    pub async fn cases(&self) -> Result<Vec<Case>, PilotError> {
        self.catch_up().await?;
        Ok(self.state().cases())
    }

    /// The newest case of a ticket.
    ///
    /// # Errors
    /// If the journal fails, or the ticket has none.
    pub async fn case_of(&self, ticket: &TicketId) -> Result<Case, PilotError> {
        self.catch_up().await?;
        self.state().latest_case(ticket).0.ok_or_else(|| PilotError::NoCase(ticket.to_string()))
    }

    /// What a case waits for; `None` if it can go on or is over.
    #[must_use]
    pub fn waits_for(&self, case: &Case) -> Option<Wait> {
        match case.next() {
            Step::Wait(wait) => Some(wait),
            _ => None,
        }
    }

    /// What all actuators can do.
    #[must_use]
    pub fn actions(&self) -> Vec<ActionSpec> {
        self.actuators.iter().flat_map(|actuator| actuator.actions()).collect()
    }

    fn playbook(&self, case: &Case) -> Result<&Playbook, PilotError> {
        let name = case.playbook();
        self.playbooks.iter().find(|playbook| Some(playbook.name()) == name).ok_or_else(|| {
            let name = name.map(ToString::to_string).unwrap_or_default();
            PilotError::NotNow(format!(
                "case {} is of playbook `{name}`, which this pilot does not have",
                case.id()
            ))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what other processes appended.
    async fn catch_up(&self) -> Result<(), PilotError> {
        let seen = self.state().seq();
        let rows = self.journal.since(seen).await?;
        let mut state = self.state();
        for row in rows {
            state.apply(&row)?;
        }
        Ok(())
    }

    /// Takes the lease if this pilot does not hold it.
    async fn hold_lease(&self) -> Result<(), PilotError> {
        let held = self.lease.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if !held {
            let lease = Arc::new(self.journal.lease(&self.holder).await?);
            *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
        }
        Ok(())
    }

    fn fence(&self) -> Option<u64> {
        let lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        lease.as_ref().map(|lease| lease.fence)
    }

    /// Appends what whoever drives does: refused if another lease followed.
    async fn append_driving(&self, case: &CaseId, entry: Entry) -> Result<Row, PilotError> {
        self.append_fenced(Some(case), entry, self.fence()).await
    }

    /// Appends what anybody may.
    async fn append(&self, case: Option<&CaseId>, entry: Entry) -> Result<Row, PilotError> {
        self.append_fenced(case, entry, None).await
    }

    async fn append_fenced(
        &self,
        case: Option<&CaseId>,
        entry: Entry,
        fence: Option<u64>,
    ) -> Result<Row, PilotError> {
        let draft = Draft { at: self.clock.now(), case: case.cloned(), entry, fence };
        let row = self.journal.append(draft).await?;
        self.catch_up().await?;
        Ok(row)
    }
}

#[cfg(test)]
mod tests;
