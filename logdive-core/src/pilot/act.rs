//! Acting: the one place where an effect begins.

use std::sync::Arc;

use super::gate::{Gate, mode_allows};
use super::{Pilot, PilotError};
use crate::case::{Case, Entry};
use crate::port::Actuator;
use crate::stop::PermitRequest;
use crate::{Action, ActionKey, Actor, Outcome};

impl Pilot {
    fn actuator(&self, action: &Action) -> Option<&Arc<dyn Actuator>> {
        self.actuators
            .iter()
            .find(|actuator| actuator.actions().iter().any(|spec| spec.name == action.name))
    }

    pub(super) async fn act(
        &self,
        case: &Case,
        key: ActionKey,
        by: &Actor,
    ) -> Result<(), PilotError> {
        let (Some((action, status)), Some(record)) = (case.action(&key), case.decision()) else {
            return Err(PilotError::NotNow(format!("case {} has no such action", case.id())));
        };
        let playbook = self.playbook(case)?;
        let rule = record.decision.rule();
        let scopes = self.scopes(case, rule, Some(action));
        let refuse = |reason: String| Entry::Refused { key, reason };
        let Some(actuator) = self.actuator(action) else {
            let reason = format!("nobody can do action `{}`", action.name);
            self.append_driving(case.id(), refuse(reason)).await?;
            return Ok(());
        };
        // In the order of the design: stop and mode, permit, age, revision, rules, caps.
        let mode =
            self.effective_mode(playbook, rule.map(|rule| (rule, record.decision.mode())), &scopes);
        let permit = mode_allows(&mode, by, action).and_then(|()| {
            let request = PermitRequest {
                holder: format!("{action} for case {}", case.id()),
                scopes,
                by: by.clone(),
                epoch: record.epoch,
            };
            self.stop.permit(request).map_err(|refused| refused.to_string())
        });
        let now = self.clock.now();
        let permit = permit.and_then(|permit| {
            let cap = rule.and_then(|rule| playbook.decide().bounds(rule).cap);
            let counts = self.state().counts(action, rule.unwrap_or_default(), cap, now);
            let rules = playbook.needs().digest;
            let limits = &self.limits;
            Gate { case, record, action, status, rules, counts, cap, limits, now }.check()?;
            Ok(permit)
        });
        let permit = match permit {
            Ok(permit) => permit,
            Err(reason) => {
                self.append_driving(case.id(), refuse(reason)).await?;
                return Ok(());
            }
        };
        let entry = Entry::Intended { key, epoch: permit.epoch(), by: by.clone() };
        self.append_driving(case.id(), entry).await?;
        // A stop may have come while the intent was made durable.
        let outcome = if permit.is_valid() {
            actuator.perform(action, &permit).await
        } else {
            Outcome::Refused { reason: "stopped before it began".to_owned() }
        };
        drop(permit);
        self.append_driving(case.id(), Entry::Finished { key, outcome }).await?;
        Ok(())
    }

    /// An intent without an end, after a crash: it is looked up and never begun again.
    pub(super) async fn reconcile(&self, case: &Case, key: ActionKey) -> Result<(), PilotError> {
        let Some((action, _)) = case.action(&key) else {
            return Err(PilotError::NotNow(format!("case {} has no such action", case.id())));
        };
        let in_doubt = |why: String| Outcome::InDoubt {
            check: format!("whether {action} took effect: {why}"),
        };
        let outcome = match self.actuator(action) {
            None => in_doubt("no actuator of this process can do it".to_owned()),
            Some(actuator) => match actuator.find(&key).await {
                Ok(Some(outcome)) => outcome,
                Ok(None) => in_doubt(format!(
                    "it was begun and nothing tells its end; it would have run `{}`",
                    actuator.preview(action)
                )),
                Err(error) => in_doubt(error.to_string()),
            },
        };
        self.append_driving(case.id(), Entry::Finished { key, outcome }).await?;
        Ok(())
    }
}
