//! Suites of actuators and of what decides.

use chrono::DateTime;

use crate::port::{Actuator, Decide, Verification};
use crate::stop::PermitRequest;
use crate::{Action, Actor, Facts, Outcome, Scope, StopLatch, Ticket};

/// An actuator and an action that it can do now: it does it, finds it by its key, verifies it, and
/// does nothing under a permit that was revoked.
///
/// # Panics
/// If something does not hold.
pub async fn actuator(actuator: &dyn Actuator, action: &Action, other: &Action) {
    let specs = actuator.actions();
    assert!(specs.iter().any(|spec| spec.name == action.name), "the action is declared");
    assert_ne!(action.key, other.key, "two actions have two keys");
    let latch = StopLatch::in_memory();
    let request = || PermitRequest {
        holder: "testkit".to_owned(),
        scopes: Vec::new(),
        by: Actor::Automation,
        epoch: latch.epoch(),
    };
    let Ok(permit) = latch.permit(request()) else { panic!("a permit") };
    let done = actuator.perform(action, &permit).await;
    assert!(matches!(done, Outcome::Done { .. }), "it is done: {done}");
    let found = actuator.find(&action.key).await;
    assert!(
        matches!(found, Ok(Some(Outcome::Done { .. }) | None)),
        "an effect is found, or it cannot be told: {found:?}"
    );
    let verified = actuator.verify(action).await;
    assert!(!matches!(verified, Verification::NotEffective(_)), "{verified:?}");
    let at = DateTime::from_timestamp(1_688_990_400, 0).unwrap_or_default();
    let stopped = latch.stop(Scope::Global, Actor::person("testkit", "test"), at, "");
    assert!(stopped.is_ok(), "a latch in memory stops");
    let refused = actuator.perform(other, &permit).await;
    assert!(
        matches!(refused, Outcome::Refused { .. }),
        "nothing begins under a revoked permit: {refused}"
    );
    let nothing = actuator.find(&other.key).await;
    assert!(matches!(nothing, Ok(None)), "what was not begun is not found: {nothing:?}");
}

/// What decides: the same facts give the same decision, and no facts at all decide nothing that
/// is carried out.
///
/// # Panics
/// If something does not hold.
pub fn decide(decide: &dyn Decide, ticket: &Ticket, facts: &Facts) {
    assert_eq!(decide.needs(), decide.needs(), "needs do not change");
    let one = decide.decide(ticket, facts);
    assert_eq!(one, decide.decide(ticket, facts), "the same facts, the same decision");
    let needs = decide.needs();
    for request in one.actions() {
        assert!(
            needs.actions.iter().any(|need| need.name == request.name),
            "action `{}` is not among the needs",
            request.name
        );
    }
}
