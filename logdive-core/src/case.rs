//! A case: one ticket's way through the loop, as a pure state machine over journal entries.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::port::{Receipt, Row};
use crate::{
    Action, ActionKey, Actor, Conclusion, Decision, Digest, EffectiveMode, Evidence, Mode, Outcome,
    PlaybookName, Ticket,
};

mod apply;
mod entry;

pub use entry::{CaseId, Entry};

/// Where an action stands.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionStatus {
    /// It waits for what its mode asks.
    Proposed,
    /// A person approved it, and when.
    Approved(Actor, DateTime<Utc>),
    /// A person refused it.
    Rejected(Actor, String),
    /// A check at the last moment refused it; a person may approve it again.
    Refused(String),
    /// It has begun.
    Intended(Actor),
    /// It has ended.
    Finished(Outcome),
}

impl ActionStatus {
    /// Whether it has begun, so that it must never begin again.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        matches!(self, Self::Intended(_) | Self::Finished(_))
    }
}

/// A decision with what it was made from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DecisionRecord {
    /// The decision.
    pub decision: Decision,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Revision of the ticket it was made about.
    pub revision: Digest,
    /// Digest of the evidence it was made from; `None` for a person's.
    pub evidence: Option<Digest>,
    /// Epoch of the stop latch it was made in.
    pub epoch: u64,
    /// The mode that was in force.
    pub mode: EffectiveMode,
}

/// What comes next. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "whoever drives must know every step")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Look for evidence; on whose request.
    Dive(Actor),
    /// Decide from the evidence.
    Decide,
    /// Put the decision's actions before people.
    Propose,
    /// Write the packet into the ticket.
    Post,
    /// Carry an action out; on whose authority.
    Act(ActionKey, Actor),
    /// An action was begun and its end is not known: look it up.
    Reconcile(ActionKey),
    /// Nothing is left to do.
    Close(String),
    /// Wait.
    Wait(Wait),
    /// The case is over.
    Done,
}

/// What a case waits for. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "whoever drives must know what to wait for")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// A person approves or refuses.
    Approval,
    /// A person decides.
    Person,
    /// A person checks an action that may have taken effect.
    Check,
}

/// An entry that must not follow.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("journal row {seq}: {why}")]
pub struct IllegalEntry {
    /// The row.
    pub seq: u64,
    /// Why it must not follow.
    pub why: String,
}

/// One ticket's way through the loop.
///
/// It is made from journal rows alone ([`Case::open`], [`Case::apply`]), and says what comes next
/// ([`Case::next`]); both are pure.
#[derive(Debug, Clone, PartialEq)]
// Invariant: an action is `Finished` only after it was `Intended`; nothing follows the end.
pub struct Case {
    id: CaseId,
    ticket: Ticket,
    playbook: Option<PlaybookName>,
    requested_by: Option<Actor>,
    evidence: Option<Evidence>,
    previous: Option<Evidence>,
    failure: Option<String>,
    decision: Option<DecisionRecord>,
    proposed: bool,
    actions: BTreeMap<ActionKey, (Action, ActionStatus)>,
    packet_due: bool,
    packets: u32,
    receipt: Option<Receipt>,
    ended: Option<String>,
}

impl Case {
    /// Its identity.
    #[must_use]
    pub const fn id(&self) -> &CaseId {
        &self.id
    }

    /// The ticket as it is now.
    #[must_use]
    pub const fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// The playbook it meets; `None` if it meets none.
    #[must_use]
    pub const fn playbook(&self) -> Option<&PlaybookName> {
        self.playbook.as_ref()
    }

    /// The newest evidence.
    #[must_use]
    pub const fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_ref()
    }

    /// The evidence before the newest.
    #[must_use]
    pub const fn previous(&self) -> Option<&Evidence> {
        self.previous.as_ref()
    }

    /// Why the last dive gave nothing, if it gave nothing.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// The decision in force.
    #[must_use]
    pub const fn decision(&self) -> Option<&DecisionRecord> {
        self.decision.as_ref()
    }

    /// The actions of the decision in force, and those that have begun before it.
    pub fn actions(&self) -> impl Iterator<Item = (&Action, &ActionStatus)> {
        self.actions.values().map(|(action, status)| (action, status))
    }

    /// An action and where it stands.
    #[must_use]
    pub fn action(&self, key: &ActionKey) -> Option<(&Action, &ActionStatus)> {
        self.actions.get(key).map(|(action, status)| (action, status))
    }

    /// How many packets were posted.
    #[must_use]
    pub const fn packets(&self) -> u32 {
        self.packets
    }

    /// What the destination said of the last packet.
    #[must_use]
    pub const fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_ref()
    }

    /// Why it is over; `None` if it is not.
    #[must_use]
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// Replays rows into cases, in the order they were opened. Rows of no case are passed over.
    ///
    /// # Errors
    /// The first row that must not follow those before it.
    pub fn replay(rows: &[Row]) -> Result<BTreeMap<CaseId, Self>, IllegalEntry> {
        let mut cases: BTreeMap<CaseId, Self> = BTreeMap::new();
        for row in rows {
            let Some(id) = &row.case else { continue };
            let case = match cases.remove(id) {
                Some(case) => case.apply(row)?,
                None => Self::open(row)?,
            };
            cases.insert(id.clone(), case);
        }
        Ok(cases)
    }

    /// What comes next.
    #[must_use]
    pub fn next(&self) -> Step {
        if self.ended.is_some() {
            return Step::Done;
        }
        // What may have taken effect is looked up before anything else happens.
        let mut statuses = self.actions.iter();
        if let Some((key, _)) =
            statuses.find(|(_, (_, status))| matches!(status, ActionStatus::Intended(_)))
        {
            return Step::Reconcile(*key);
        }
        if let Some(by) = &self.requested_by {
            return Step::Dive(by.clone());
        }
        if self.failure.is_none() && self.decision.is_none() {
            return Step::Decide;
        }
        if self.needs_proposal() {
            return Step::Propose;
        }
        if self.packet_due {
            return Step::Post;
        }
        if let Some((key, by)) = self.cleared() {
            return Step::Act(key, by);
        }
        self.rest()
    }

    fn needs_proposal(&self) -> bool {
        !self.proposed
            && self.decision.as_ref().is_some_and(|record| {
                !record.decision.actions().is_empty() && record.mode.mode > Mode::Shadow
            })
    }

    /// The first action that may begin, and on whose authority.
    fn cleared(&self) -> Option<(ActionKey, Actor)> {
        let automatic =
            self.decision.as_ref().is_some_and(|record| record.mode.mode == Mode::Automatic);
        self.actions.iter().find_map(|(key, (_, status))| match status {
            ActionStatus::Approved(by, _) => Some((*key, by.clone())),
            ActionStatus::Proposed if automatic => Some((*key, Actor::Automation)),
            _ => None,
        })
    }

    /// Nothing can be done now: is it over, or what is it waiting for?
    fn rest(&self) -> Step {
        let mut statuses = self.actions.values().map(|(_, status)| status).peekable();
        if statuses.peek().is_some() {
            let doubtful = |status: &ActionStatus| {
                matches!(status, ActionStatus::Finished(Outcome::InDoubt { .. }))
            };
            let open = |status: &ActionStatus| {
                matches!(status, ActionStatus::Proposed | ActionStatus::Refused(_))
            };
            let failed = |status: &ActionStatus| {
                matches!(
                    status,
                    ActionStatus::Finished(Outcome::Failed { .. } | Outcome::Refused { .. })
                )
            };
            let all: Vec<&ActionStatus> = statuses.collect();
            return if all.iter().any(|status| doubtful(status)) {
                Step::Wait(Wait::Check)
            } else if all.iter().any(|status| open(status)) {
                Step::Wait(Wait::Approval)
            } else if all.iter().any(|status| failed(status)) {
                Step::Wait(Wait::Person)
            } else {
                Step::Close("every action is done or refused by a person".to_owned())
            };
        }
        match &self.decision {
            Some(record)
                if record.mode.mode == Mode::Automatic
                    && matches!(record.decision.conclusion, Conclusion::NoActionNeeded { .. }) =>
            {
                Step::Close("no action needed".to_owned())
            }
            _ => Step::Wait(Wait::Person),
        }
    }
}
