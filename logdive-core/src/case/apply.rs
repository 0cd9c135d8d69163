//! What each journal entry does to a case.

use std::collections::BTreeMap;

use super::{ActionStatus, Case, DecisionRecord, Entry, IllegalEntry};
use crate::port::Row;
use crate::{Actor, TicketStatus};

impl Case {
    /// Begins a case with its first row.
    ///
    /// # Errors
    /// If a case does not begin so.
    pub fn open(row: &Row) -> Result<Self, IllegalEntry> {
        let illegal = |why: &str| IllegalEntry { seq: row.seq, why: why.to_owned() };
        let id = row.case.clone().ok_or_else(|| illegal("it belongs to no case"))?;
        let (ticket, playbook, ended) = match &row.entry {
            Entry::Seen { ticket, playbook } => (ticket, Some(playbook.clone()), None),
            Entry::Unmatched { ticket, reason } => (ticket, None, Some(reason.clone())),
            _ => return Err(illegal("a case begins with a ticket")),
        };
        Ok(Self {
            id,
            ticket: (**ticket).clone(),
            requested_by: playbook.is_some().then_some(Actor::Automation),
            playbook,
            evidence: None,
            previous: None,
            failure: None,
            decision: None,
            proposed: false,
            actions: BTreeMap::new(),
            packet_due: false,
            packets: 0,
            receipt: None,
            ended,
        })
    }

    /// Applies the next row of the case.
    ///
    /// # Errors
    /// If the entry must not follow: then the journal is not that of a pilot.
    pub fn apply(mut self, row: &Row) -> Result<Self, IllegalEntry> {
        match self.apply_entry(row) {
            Ok(()) => Ok(self),
            Err(why) => Err(IllegalEntry { seq: row.seq, why }),
        }
    }

    fn apply_entry(&mut self, row: &Row) -> Result<(), String> {
        if self.ended.is_some() {
            return Err(format!("case {} is over", self.id));
        }
        match &row.entry {
            Entry::Seen { .. } | Entry::Unmatched { .. } => {
                return Err("a case begins once".to_owned());
            }
            Entry::TicketChanged { ticket } => {
                self.ticket = (**ticket).clone();
                if matches!(self.ticket.status, TicketStatus::Resolved | TicketStatus::Closed) {
                    // Open proposals expire with the ticket.
                    self.actions.retain(|_, (_, status)| status.has_begun());
                    self.requested_by = None;
                    if !self.actions.values().any(|(_, status)| is_intended(status)) {
                        self.ended = Some("the ticket was resolved".to_owned());
                    }
                } else {
                    self.ask_again(Actor::Automation);
                }
            }
            Entry::LookAgain { by, .. } => self.ask_again(by.clone()),
            Entry::Planned { .. } => {
                if self.requested_by.is_none() {
                    return Err("nobody asked for a dive".to_owned());
                }
            }
            Entry::Found { evidence } => {
                if self.requested_by.take().is_none() {
                    return Err("nobody asked for a dive".to_owned());
                }
                self.previous = self.evidence.replace((**evidence).clone());
                self.failure = None;
                self.decision = None;
            }
            Entry::DiveFailed { reason } => {
                if self.requested_by.take().is_none() {
                    return Err("nobody asked for a dive".to_owned());
                }
                self.failure = Some(reason.clone());
                self.decision = None;
                self.packet_due = true;
            }
            Entry::Decided { decision, revision, evidence, epoch, mode } => {
                let current = self.evidence.as_ref().map(crate::Evidence::digest);
                if evidence.is_some() && *evidence != current {
                    return Err("it was decided from other evidence".to_owned());
                }
                self.decision = Some(DecisionRecord {
                    decision: (**decision).clone(),
                    at: row.at,
                    revision: *revision,
                    evidence: *evidence,
                    epoch: *epoch,
                    mode: mode.clone(),
                });
                // What has not begun belongs to an older decision: it is not carried out.
                self.actions.retain(|_, (_, status)| status.has_begun());
                self.proposed = false;
                self.packet_due = true;
            }
            Entry::Proposed { actions, decision, .. } => {
                let record = self.decision.as_ref().ok_or("nothing is decided")?;
                if record.decision.digest() != *decision {
                    return Err("it belongs to another decision".to_owned());
                }
                for action in actions {
                    // One that has begun keeps where it stands: the same key is never done twice.
                    self.actions
                        .entry(action.key)
                        .or_insert_with(|| (action.clone(), ActionStatus::Proposed));
                }
                self.proposed = true;
                self.packet_due = true;
            }
            Entry::Posting { .. } | Entry::PostFailed { .. } => {
                if !self.packet_due {
                    return Err("no packet is due".to_owned());
                }
            }
            Entry::Posted { receipt, .. } => {
                self.packet_due = false;
                self.packets += 1;
                self.receipt = Some(receipt.clone());
            }
            Entry::Approved { key, decision, by } => {
                let record = self.decision.as_ref().ok_or("nothing is decided")?;
                if record.decision.digest() != *decision {
                    return Err("it approves another decision".to_owned());
                }
                if !by.is_person() {
                    return Err("only a person approves".to_owned());
                }
                let status = self.open_action(key)?;
                *status = ActionStatus::Approved(by.clone(), row.at);
            }
            Entry::Rejected { key, by, reason } => {
                let status = self.open_action(key)?;
                *status = ActionStatus::Rejected(by.clone(), reason.clone());
                self.packet_due = true;
            }
            Entry::Refused { key, reason } => {
                let status = self.open_action(key)?;
                *status = ActionStatus::Refused(reason.clone());
                self.packet_due = true;
            }
            Entry::Intended { key, by, .. } => {
                let allowed = self.cleared_for(key, by);
                let status = self.open_action(key)?;
                if !allowed {
                    return Err(format!("action {} was not cleared for {by}", key.short()));
                }
                *status = ActionStatus::Intended(by.clone());
            }
            Entry::Finished { key, outcome } => {
                let (_, status) =
                    self.actions.get_mut(key).ok_or_else(|| format!("no action {key}"))?;
                if !is_intended(status) {
                    return Err(format!("action {} has not begun", key.short()));
                }
                *status = ActionStatus::Finished(outcome.clone());
                self.packet_due = true;
            }
            Entry::Closed { reason } => self.ended = Some(reason.clone()),
            Entry::Stopped { .. } | Entry::Reset { .. } | Entry::ModeSet(_) => {
                return Err("it belongs to no case".to_owned());
            }
        }
        Ok(())
    }

    fn ask_again(&mut self, by: Actor) {
        self.requested_by = Some(by);
    }

    /// An action that has not begun.
    fn open_action(&mut self, key: &crate::ActionKey) -> Result<&mut ActionStatus, String> {
        match self.actions.get_mut(key) {
            None => Err(format!("no action {}", key.short())),
            Some((_, status)) if status.has_begun() => {
                Err(format!("action {} has begun", key.short()))
            }
            Some((_, status)) => Ok(status),
        }
    }

    fn cleared_for(&self, key: &crate::ActionKey, by: &Actor) -> bool {
        match (self.action(key), by) {
            (Some((_, ActionStatus::Approved(approved, _))), by) => approved == by,
            (Some((_, ActionStatus::Proposed)), Actor::Automation) => self
                .decision
                .as_ref()
                .is_some_and(|record| record.mode.mode == crate::Mode::Automatic),
            _ => false,
        }
    }
}

const fn is_intended(status: &ActionStatus) -> bool {
    matches!(status, ActionStatus::Intended(_))
}
