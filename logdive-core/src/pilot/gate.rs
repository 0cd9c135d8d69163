//! The last moment: what is checked before an action begins, in this order: stop, mode, permit,
//! decision's age, ticket's revision, rule set, caps.

use chrono::{DateTime, Utc};

use super::state::Counts;
use super::{Limits, Pilot};
use crate::case::{ActionStatus, Case, DecisionRecord};
use crate::port::Cap;
use crate::{Action, Actor, EffectiveMode, Mode, Playbook, Scope, Stage};

impl Pilot {
    /// The scopes a case's action belongs to.
    pub(super) fn scopes(
        &self,
        case: &Case,
        rule: Option<&str>,
        action: Option<&Action>,
    ) -> Vec<Scope> {
        let mut scopes = vec![Scope::Ticket(case.ticket().id.clone())];
        scopes.extend(case.ticket().service.clone().map(Scope::Service));
        scopes.extend(case.playbook().map(|name| Scope::Playbook(name.to_string())));
        scopes.extend(rule.map(|rule| Scope::Rule(rule.to_owned())));
        if let Some(action) = action {
            scopes.push(Scope::ActionClass(action.class.to_string()));
            scopes.push(Scope::Target(action.target.clone()));
        }
        scopes
    }

    /// Why automation may not move for these scopes: the latch, or a stop in the journal that no
    /// reset follows.
    pub(super) fn stopped(&self, scopes: &[Scope]) -> Option<String> {
        self.stop.stopped(scopes).or_else(|| self.state().stopped(scopes))
    }

    /// How far automation may decide and act: the lowest of the pilot's ceiling, the playbook's
    /// highest, the rule's mode, every setting, and `Suggest` while stopped or once the rule is due
    /// for review.
    pub(super) fn effective_mode(
        &self,
        playbook: &Playbook,
        rule: Option<(&str, Mode)>,
        scopes: &[Scope],
    ) -> EffectiveMode {
        let mut mode = EffectiveMode::new(self.ceiling, "the pilot's ceiling")
            .min(EffectiveMode::new(playbook.highest(), format!("playbook {}", playbook.name())));
        if let Some((rule, of_rule)) = rule {
            mode = mode.min(EffectiveMode::new(of_rule, format!("rule \"{rule}\"")));
            let due = playbook.decide().bounds(rule).review_by;
            if let Some(day) = due.filter(|day| self.clock.now().date_naive() > *day) {
                let why = format!("rule \"{rule}\" was to be reviewed by {day}");
                mode = mode.min(EffectiveMode::new(Mode::Suggest, why));
            }
        }
        let state = self.state();
        mode = state.modes().effective(mode, Stage::Decide, scopes);
        mode = state.modes().effective(mode, Stage::Act, scopes);
        drop(state);
        match self.stopped(scopes) {
            Some(why) => mode.min(EffectiveMode::new(Mode::Suggest, why)),
            None => mode,
        }
    }
}

/// What the last moment looks at.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    pub(super) case: &'a Case,
    pub(super) record: &'a DecisionRecord,
    pub(super) action: &'a Action,
    pub(super) status: &'a ActionStatus,
    pub(super) rules: crate::Digest,
    pub(super) counts: Counts,
    pub(super) cap: Option<Cap>,
    pub(super) limits: &'a Limits,
    pub(super) now: DateTime<Utc>,
}

/// Whether the mode in force lets this actor begin.
pub(super) fn mode_allows(mode: &EffectiveMode, by: &Actor, action: &Action) -> Result<(), String> {
    let needed = if by.is_person() { Mode::Suggest } else { Mode::Automatic };
    if mode.mode < needed {
        return Err(format!("the mode is {} ({})", mode.mode, mode.because));
    }
    if !by.is_person()
        && let crate::OnStop::CannotStop { why, .. } = &action.on_stop
    {
        return Err(format!("an action that cannot be stopped never runs by itself: {why}"));
    }
    Ok(())
}

impl Gate<'_> {
    /// Whether the action may begin, the permit being held.
    pub(super) fn check(&self) -> Result<(), String> {
        let (oldest, since) = match self.status {
            ActionStatus::Approved(..) => (self.limits.approval_age, self.record.at),
            _ => (self.limits.automatic_age, self.record.at),
        };
        let age = (self.now - since).to_std().unwrap_or_default();
        if age > oldest {
            return Err(format!(
                "the decision is {} old, at most {}: look again",
                crate::format_duration(age),
                crate::format_duration(oldest)
            ));
        }
        if self.case.ticket().revision() != self.record.revision {
            return Err("the ticket has changed since the decision: look again".to_owned());
        }
        if self.record.decision.rules.is_some_and(|rules| rules != self.rules) {
            return Err("the rules have changed since the decision: look again".to_owned());
        }
        let current = self.case.evidence().map(crate::Evidence::digest);
        if self.record.evidence.is_some() && self.record.evidence != current {
            return Err("there is newer evidence than the decision's: look again".to_owned());
        }
        let over = |count: usize, cap: usize, of: &str| {
            let text = format!("{count} actions of {of} in the last hour, at most {cap}");
            if count >= cap { Err(text) } else { Ok(()) }
        };
        over(self.counts.class, self.limits.per_class, &format!("class {}", self.action.class))?;
        let rule = self.record.decision.rule().unwrap_or_default();
        over(self.counts.rule, self.limits.per_rule, &format!("rule \"{rule}\""))?;
        if let Some(cap) = self.cap.filter(|cap| self.counts.of_cap >= cap.actions as usize) {
            let count = self.counts.of_cap;
            return Err(format!("{count} actions of rule \"{rule}\", whose cap is {cap}"));
        }
        over(self.counts.target, self.limits.per_target, &format!("target {}", self.action.target))
    }
}
