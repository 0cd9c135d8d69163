//! What people do: approve, refuse, decide, ask again, stop, reset, set a mode.

use super::{Pilot, PilotError};
use crate::case::{ActionStatus, Case, CaseId, Entry};
use crate::port::JournalError;
use crate::stop::StopReceipt;
use crate::{
    ActionKey, Actor, Conclusion, Decision, EffectiveMode, Mode, ModeSetting, Scope, Stage, Verb,
};

/// What came of a request to drive on.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
#[expect(clippy::large_enum_variant, reason = "one at a time, returned by value")]
pub enum Driven {
    /// It was driven on, and stands so.
    Here(Case),
    /// Another process drives and will carry it on; it is recorded.
    Elsewhere(String),
}

impl Pilot {
    fn allow(&self, actor: &Actor, verb: Verb, scope: &Scope) -> Result<(), PilotError> {
        // Any person may stop, whatever an authority says.
        if verb == Verb::Stop {
            return Ok(());
        }
        self.authority
            .allow(actor, verb, scope)
            .map_err(|why| PilotError::NotAllowed { actor: actor.clone(), why })
    }

    /// Drives a case on if this process may drive, else leaves it to the one that does.
    ///
    /// # Errors
    /// As [`Pilot::finish`], save that another process drives.
    pub async fn carry_on(&self, id: &CaseId) -> Result<Driven, PilotError> {
        match self.drive(id).await {
            Ok(case) => Ok(Driven::Here(case)),
            Err(PilotError::Journal(JournalError::LeaseHeld { holder })) => {
                Ok(Driven::Elsewhere(holder))
            }
            Err(error) => Err(error),
        }
    }

    /// Approves proposed actions: one, or all that wait.
    ///
    /// # Errors
    /// If the actor may not, or nothing waits for approval.
    pub async fn approve(
        &self,
        id: &CaseId,
        key: Option<ActionKey>,
        by: &Actor,
    ) -> Result<Case, PilotError> {
        self.catch_up().await?;
        let case = self.case(id)?;
        self.allow(by, Verb::Approve, &Scope::Ticket(case.ticket().id.clone()))?;
        let keys = waiting(&case, key)?;
        let Some(record) = case.decision() else {
            return Err(PilotError::NotNow(format!("case {id} is not decided")));
        };
        let decision = record.decision.digest();
        for key in keys {
            let entry = Entry::Approved { key, decision, by: by.clone() };
            self.append(Some(id), entry).await?;
        }
        self.case(id)
    }

    /// Refuses proposed actions: one, or all that wait.
    ///
    /// # Errors
    /// If the actor may not, or nothing waits for approval.
    pub async fn reject(
        &self,
        id: &CaseId,
        key: Option<ActionKey>,
        by: &Actor,
        reason: &str,
    ) -> Result<Case, PilotError> {
        self.catch_up().await?;
        let case = self.case(id)?;
        self.allow(by, Verb::Decide, &Scope::Ticket(case.ticket().id.clone()))?;
        for key in waiting(&case, key)? {
            let entry = Entry::Rejected { key, by: by.clone(), reason: reason.to_owned() };
            self.append(Some(id), entry).await?;
        }
        self.case(id)
    }

    /// Replaces the decision by a person's, which names the one it replaces as its parent.
    ///
    /// # Errors
    /// If the actor may not, or an action asked for cannot be done.
    pub async fn replace(
        &self,
        id: &CaseId,
        conclusion: Conclusion,
        by: &Actor,
    ) -> Result<Case, PilotError> {
        self.catch_up().await?;
        let case = self.case(id)?;
        self.allow(by, Verb::Decide, &Scope::Ticket(case.ticket().id.clone()))?;
        let parent = case.decision().map(|record| record.decision.digest());
        let decision =
            Decision { conclusion, trace: Vec::new(), rules: None, by: by.clone(), parent };
        self.bind(&case, &decision).map_err(|problems| PilotError::NotNow(problems.join("; ")))?;
        // What a person decides, a person carries out: nothing of it runs by itself.
        let mode = EffectiveMode::new(Mode::Suggest, format!("decided by {by}"));
        let entry = Entry::Decided {
            decision: Box::new(decision),
            revision: case.ticket().revision(),
            evidence: None,
            epoch: self.stop.epoch(),
            mode,
        };
        self.append(Some(id), entry).await?;
        self.case(id)
    }

    /// Asks for a new dive: late lines have arrived, or a person wants it.
    ///
    /// # Errors
    /// If the actor is a person who may not, or the case is over.
    pub async fn look_again(
        &self,
        id: &CaseId,
        by: &Actor,
        reason: &str,
    ) -> Result<Case, PilotError> {
        self.catch_up().await?;
        let case = self.case(id)?;
        if by.is_person() {
            self.allow(by, Verb::Query, &Scope::Ticket(case.ticket().id.clone()))?;
        }
        if let Some(why) = case.ended() {
            return Err(PilotError::NotNow(format!("case {id} is over: {why}")));
        }
        let entry = Entry::LookAgain { by: by.clone(), reason: reason.to_owned() };
        self.append(Some(id), entry).await?;
        self.case(id)
    }

    /// Stops what automation may start for a scope. The latch is set first and needs nothing but
    /// its file; then the journal records it.
    ///
    /// # Errors
    /// If the latch or the journal failed. Either of them suffices to be stopped.
    pub async fn stop(
        &self,
        scope: Scope,
        by: &Actor,
        reason: &str,
    ) -> Result<StopReceipt, PilotError> {
        self.allow(by, Verb::Stop, &scope)?;
        let pressed = self.stop.stop(scope.clone(), by.clone(), self.clock.now(), reason);
        let epoch = pressed.as_ref().map_or_else(|_| self.stop.epoch(), |receipt| receipt.epoch);
        let entry = Entry::Stopped { scope, by: by.clone(), reason: reason.to_owned(), epoch };
        let recorded = self.append(None, entry).await;
        let receipt = pressed?;
        recorded?;
        Ok(receipt)
    }

    /// Lets modes be raised again for a scope. It raises none itself: each setting above
    /// `Suggest` that matches is brought down to it, and only a named `mode set` raises it.
    ///
    /// # Errors
    /// If the actor may not, or the latch or the journal failed.
    pub async fn reset(&self, scope: &Scope, by: &Actor, reason: &str) -> Result<u64, PilotError> {
        self.allow(by, Verb::Reset, scope)?;
        self.catch_up().await?;
        let now = self.clock.now();
        // Recorded before the latch opens: at no instant is a former mode in force again.
        let setting = ModeSetting {
            scope: scope.clone(),
            stage: None,
            mode: Mode::Suggest,
            by: by.clone(),
            at: now,
            reason: format!("reset: {reason}"),
        };
        for stage in [Stage::Decide, Stage::Act] {
            let setting = ModeSetting { stage: Some(stage), ..setting.clone() };
            self.append(None, Entry::ModeSet(setting)).await?;
        }
        let epoch = self.stop.reset(scope, by, now)?;
        let entry =
            Entry::Reset { scope: scope.clone(), by: by.clone(), reason: reason.to_owned(), epoch };
        self.append(None, entry).await?;
        Ok(epoch)
    }

    /// Sets how far automation may go for a scope. Raising needs a person and a reason; automation
    /// may lower only.
    ///
    /// # Errors
    /// If the actor may not, or gives no reason.
    pub async fn set_mode(
        &self,
        scope: Scope,
        stage: Option<Stage>,
        mode: Mode,
        by: &Actor,
        reason: &str,
    ) -> Result<(), PilotError> {
        self.catch_up().await?;
        let before = self
            .state()
            .modes()
            .iter()
            .find(|setting| setting.scope == scope && setting.stage == stage)
            .map_or(self.ceiling, |setting| setting.mode);
        if mode > before || by.is_person() {
            self.allow(by, Verb::SetMode, &scope)?;
        }
        if mode > before && reason.trim().is_empty() {
            return Err(PilotError::NotNow("raising a mode needs a reason".to_owned()));
        }
        let setting = ModeSetting {
            scope,
            stage,
            mode,
            by: by.clone(),
            at: self.clock.now(),
            reason: reason.to_owned(),
        };
        self.append(None, Entry::ModeSet(setting)).await?;
        Ok(())
    }

    /// Every setting in force, and why automation is stopped, if it is.
    ///
    /// # Errors
    /// If the journal fails.
    pub async fn modes(&self) -> Result<(Vec<ModeSetting>, Option<String>), PilotError> {
        self.catch_up().await?;
        let settings = self.state().modes().iter().cloned().collect();
        Ok((settings, self.stopped(&[])))
    }
}

fn waiting(case: &Case, key: Option<ActionKey>) -> Result<Vec<ActionKey>, PilotError> {
    let keys: Vec<ActionKey> = case
        .actions()
        .filter(|(action, status)| {
            key.is_none_or(|key| action.key == key)
                && matches!(status, ActionStatus::Proposed | ActionStatus::Refused(_))
        })
        .map(|(action, _)| action.key)
        .collect();
    if keys.is_empty() {
        let id = case.id();
        return Err(PilotError::NotNow(match case.ended() {
            Some(why) => format!("case {id} is over: {why}"),
            None => format!("no action of case {id} waits for approval"),
        }));
    }
    Ok(keys)
}
