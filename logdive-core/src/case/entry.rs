//! What the journal records: every step of every case, and what people set.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::NameError;
use crate::port::Receipt;
use crate::{
    Action, ActionKey, Actor, Decision, DeliveryKey, Digest, EffectiveMode, Evidence, ModeSetting,
    Outcome, PlaybookName, Scope, Ticket, TicketId,
};

/// The identity of one ticket's way through the loop: `c-` and eight hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId(String);

impl CaseId {
    /// The n-th case of a ticket (a reopened ticket has a new one).
    #[must_use]
    pub fn new(ticket: &TicketId, ordinal: u32) -> Self {
        let digest = Digest::of_parts([ticket.to_string(), ordinal.to_string()]).to_string();
        Self(format!("c-{}", digest.chars().take(8).collect::<String>()))
    }

    /// Reads a case's id.
    ///
    /// # Errors
    /// If it is not `c-` and eight hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let digits = text.strip_prefix("c-").unwrap_or_default();
        if digits.len() == 8 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new("case", text, "`c-` and eight hexadecimal digits"))
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<CaseId> for String {
    fn from(id: CaseId) -> Self {
        id.0
    }
}

impl TryFrom<String> for CaseId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

/// What happened. Written to disk as JSON; what is here is never renamed, only added to.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A ticket came in and meets a playbook.
    Seen {
        /// The ticket.
        ticket: Box<Ticket>,
        /// The playbook it meets.
        playbook: PlaybookName,
    },
    /// A ticket came in and meets no playbook: the case ends here.
    Unmatched {
        /// The ticket.
        ticket: Box<Ticket>,
        /// Why no playbook takes it.
        reason: String,
    },
    /// The ticket changed: older decisions about it are stale.
    TicketChanged {
        /// The ticket as it is now.
        ticket: Box<Ticket>,
    },
    /// A dive begins.
    Planned {
        /// Digest of the plan.
        plan: Digest,
        /// Digest of the rule set.
        rules: Digest,
        /// Revision of the ticket.
        revision: Digest,
        /// Who started it.
        by: Actor,
    },
    /// A dive ended.
    Found {
        /// What it found.
        evidence: Box<Evidence>,
    },
    /// A dive gave nothing.
    DiveFailed {
        /// Why.
        reason: String,
    },
    /// A decision was made.
    Decided {
        /// The decision.
        decision: Box<Decision>,
        /// Revision of the ticket it was made about.
        revision: Digest,
        /// Digest of the evidence it was made from; `None` for a person's.
        evidence: Option<Digest>,
        /// Epoch of the stop latch.
        epoch: u64,
        /// The mode that was in force, which says what may come of it.
        mode: EffectiveMode,
    },
    /// Actions are put before a person.
    Proposed {
        /// The actions.
        actions: Vec<Action>,
        /// Digest of the decision that asks for them.
        decision: Digest,
        /// The mode that was in force.
        mode: EffectiveMode,
    },
    /// The packet is about to be posted.
    Posting {
        /// Its key.
        key: DeliveryKey,
        /// Digest of the document.
        content: Digest,
    },
    /// The packet was posted.
    Posted {
        /// Its key.
        key: DeliveryKey,
        /// What the destination said.
        receipt: Receipt,
    },
    /// The packet could not be posted.
    PostFailed {
        /// Its key.
        key: DeliveryKey,
        /// Why.
        reason: String,
    },
    /// A person approved an action.
    Approved {
        /// The action.
        key: ActionKey,
        /// Digest of the decision they saw.
        decision: Digest,
        /// Who.
        by: Actor,
    },
    /// A person refused an action.
    Rejected {
        /// The action.
        key: ActionKey,
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// An action was not begun: a check at the last moment refused it.
    Refused {
        /// The action.
        key: ActionKey,
        /// Why.
        reason: String,
    },
    /// An action is about to begin. No effect is without this entry before it.
    Intended {
        /// The action.
        key: ActionKey,
        /// Epoch of the stop latch its permit was taken in.
        epoch: u64,
        /// On whose authority.
        by: Actor,
    },
    /// An action ended.
    Finished {
        /// The action.
        key: ActionKey,
        /// What became of it.
        outcome: Outcome,
    },
    /// A new dive is asked for: the watermark moved, or a person wants it.
    LookAgain {
        /// Who asked.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// The case is over.
    Closed {
        /// Why.
        reason: String,
    },
    /// Somebody stopped automation.
    Stopped {
        /// For what.
        scope: Scope,
        /// Who.
        by: Actor,
        /// Why, if they said.
        reason: String,
        /// Epoch of the latch after it.
        epoch: u64,
    },
    /// Somebody let automation be raised again.
    Reset {
        /// For what.
        scope: Scope,
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
        /// Epoch of the latch after it.
        epoch: u64,
    },
    /// Somebody set a mode.
    ModeSet(ModeSetting),
}

impl Entry {
    /// Whether no further step of the case follows it.
    #[must_use]
    pub const fn ends_case(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Unmatched { .. })
    }
}
