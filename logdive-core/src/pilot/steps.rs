//! Looking, deciding, proposing and posting.

use super::{Pilot, PilotError};
use crate::case::{Case, Entry};
use crate::packet::{self, PacketContext};
use crate::port::{Delivery, DiveRequest};
use crate::{
    Action, ActionKey, Actor, Conclusion, Decision, DeliveryKey, EffectiveMode, MissingFact, Mode,
    Playbook, Stage,
};

impl Pilot {
    /// Whether a dive may begin: always on a person's request, by itself if the mode of `Query`
    /// is `Automatic` (it is, unless somebody lowered it), or `Shadow`.
    pub(super) fn may_look(&self, case: &Case, by: &Actor) -> bool {
        let scopes = self.scopes(case, None, None);
        let ceiling = EffectiveMode::new(Mode::Automatic, "looking is harmless");
        let mode = self.state().modes().effective(ceiling, Stage::Query, &scopes).mode;
        by.is_person() || matches!(mode, Mode::Automatic | Mode::Shadow)
    }

    pub(super) async fn dive(&self, case: &Case, by: &Actor) -> Result<(), PilotError> {
        let playbook = self.playbook(case)?;
        let plan = playbook.look().describe().plan;
        let entry = Entry::Planned {
            plan,
            rules: playbook.needs().digest,
            revision: case.ticket().revision(),
            by: by.clone(),
        };
        self.append_driving(case.id(), entry).await?;
        let request = DiveRequest {
            ticket: case.ticket().clone(),
            measures: playbook.needs().measures.clone(),
            budget: playbook.budget(),
        };
        let entry = match playbook.look().dive(&request).await {
            Ok(evidence) => Entry::Found { evidence: Box::new(evidence) },
            Err(error) => Entry::DiveFailed { reason: describe(&error) },
        };
        self.append_driving(case.id(), entry).await?;
        Ok(())
    }

    pub(super) async fn decide(&self, case: &Case) -> Result<(), PilotError> {
        let playbook = self.playbook(case)?;
        let Some(evidence) = case.evidence() else {
            return Err(PilotError::NotNow(format!("case {} has no evidence", case.id())));
        };
        let decision = playbook.decide().decide(case.ticket(), &evidence.facts);
        let decision = match self.unbound(case, &decision) {
            // A rule that asks for what cannot be done decides nothing.
            Some(missing) => {
                Decision { conclusion: Conclusion::Undetermined { missing }, ..decision }
            }
            None => decision,
        };
        let rule = decision.rule().map(|rule| (rule, decision.mode()));
        let scopes = self.scopes(case, decision.rule(), None);
        // The epoch is read first: a stop that comes between makes it stale, never the reverse.
        let epoch = self.stop.epoch();
        let mode = self.effective_mode(playbook, rule, &scopes);
        let entry = Entry::Decided {
            revision: case.ticket().revision(),
            evidence: Some(evidence.digest()),
            epoch,
            mode,
            decision: Box::new(decision),
        };
        self.append_driving(case.id(), entry).await?;
        Ok(())
    }

    fn unbound(&self, case: &Case, decision: &Decision) -> Option<Vec<MissingFact>> {
        let missing: Vec<MissingFact> = self
            .bind(case, decision)
            .err()?
            .into_iter()
            .map(|reason| MissingFact {
                fact: "action".to_owned(),
                reason,
                rules: decision.rule().map(str::to_owned).into_iter().collect(),
            })
            .collect();
        Some(missing)
    }

    /// Joins a decision's requests with what the actuators declare.
    pub(super) fn bind(
        &self,
        case: &Case,
        decision: &Decision,
    ) -> Result<Vec<Action>, Vec<String>> {
        let specs = self.actions();
        let mut actions = Vec::new();
        let mut problems = Vec::new();
        for (ordinal, request) in decision.actions().iter().enumerate() {
            let rule = decision.rule().unwrap_or_default();
            let key = ActionKey::new(case.id(), rule, request, ordinal);
            let bound = specs
                .iter()
                .find(|spec| spec.name == request.name)
                .ok_or_else(|| format!("nobody can do action `{}`", request.name))
                .and_then(|spec| Action::bind(key, request, spec));
            match bound {
                Ok(action) => actions.push(action),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(actions) } else { Err(problems) }
    }

    pub(super) async fn propose(&self, case: &Case) -> Result<(), PilotError> {
        let Some(record) = case.decision() else {
            return Err(PilotError::NotNow(format!("case {} is not decided", case.id())));
        };
        let actions = self
            .bind(case, &record.decision)
            .map_err(|problems| PilotError::NotNow(problems.join("; ")))?;
        let entry = Entry::Proposed {
            actions,
            decision: record.decision.digest(),
            mode: record.mode.clone(),
        };
        self.append_driving(case.id(), entry).await?;
        Ok(())
    }

    /// The packet of a case as it would be posted now.
    #[must_use]
    pub fn packet(&self, case: &Case) -> crate::Document {
        // A case without a playbook has a packet all the same: why nothing was done.
        let runbook = self.playbook(case).ok().and_then(Playbook::runbook);
        let previews = case
            .actions()
            .map(|(action, _)| {
                let actuator = self.actuators.iter().find(|actuator| {
                    actuator.actions().iter().any(|spec| spec.name == action.name)
                });
                (action.key, actuator.map_or_else(String::new, |actuator| actuator.preview(action)))
            })
            .collect();
        let context = PacketContext { runbook, command: &self.command, previews: &previews };
        packet::packet(case, &context)
    }

    pub(super) async fn post(&self, case: &Case) -> Result<(), PilotError> {
        let playbook = self.playbook(case)?;
        let document = self.packet(case);
        // One living comment a case: the key does not change with its content.
        let key = DeliveryKey::of(["packet", case.id().as_str(), &case.ticket().id.to_string()]);
        let hidden = case.decision().is_some_and(|record| {
            record.mode.mode <= Mode::Shadow && record.decision.rule().is_some()
        });
        if hidden {
            // In shadow everything is recorded and nothing is shown.
            let receipt = crate::port::Receipt::new("shadow: not posted");
            self.append_driving(case.id(), Entry::Posted { key, receipt }).await?;
            return Ok(());
        }
        let entry = Entry::Posting { key, content: document.digest() };
        self.append_driving(case.id(), entry).await?;
        let mut delivery = Delivery::comment(playbook.target(case.ticket()), key, document);
        delivery.audience = case.ticket().audience;
        match self.post.send(delivery).await {
            Ok(receipt) => {
                self.append_driving(case.id(), Entry::Posted { key, receipt }).await?;
                Ok(())
            }
            Err(error) => {
                let reason = describe(&error);
                let entry = Entry::PostFailed { key, reason: reason.clone() };
                self.append_driving(case.id(), entry).await?;
                Err(PilotError::Post { case: case.id().clone(), reason })
            }
        }
    }
}

/// An error and its causes in a line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
