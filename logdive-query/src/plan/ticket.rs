//! What a plan takes from a ticket: its window and its ids.

use std::time::Duration;

use chrono::TimeDelta;
use logdive_core::{Anchor, EntityKind, IdKind, Ticket, Times, WindowSpec};

const BEFORE: Duration = Duration::from_secs(15 * 60);
const AFTER: Duration = Duration::from_secs(5 * 60);
/// A ticket that was opened long after its start is looked at near its start.
const LONGEST: TimeDelta = TimeDelta::hours(6);

/// From 15 minutes before the start to 5 minutes after it was noticed, at most 6 hours later.
pub(super) fn window_of(times: &Times) -> WindowSpec {
    let start = Anchor::Started.of(times);
    let noticed = times.detected.unwrap_or(times.opened);
    let span = (noticed - start).clamp(TimeDelta::zero(), LONGEST);
    let after = AFTER.saturating_add(span.to_std().unwrap_or_default());
    WindowSpec { anchor: Anchor::Started, before: BEFORE, after }
}

/// What a ticket names, as ids: by the kind of entity, and by the kinds that every layer has.
pub(crate) fn ids_of(ticket: &Ticket) -> Vec<(IdKind, String)> {
    let mut ids: Vec<(IdKind, String)> = Vec::new();
    for entity in &ticket.entities {
        let value = entity.value.trim();
        if value.is_empty() {
            continue;
        }
        let common = match entity.kind {
            EntityKind::RequestId => Some("request"),
            EntityKind::TraceId => Some("trace"),
            EntityKind::Arn => Some("resource"),
            _ => None,
        };
        let kinds = [Some(entity.kind.name()), common].into_iter().flatten();
        ids.extend(kinds.filter_map(|kind| Some((IdKind::parse(kind).ok()?, value.to_owned()))));
    }
    ids
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use logdive_core::Times;

    use super::window_of;

    #[test]
    fn the_window_is_laid_around_the_tickets_times() {
        let at = |text: &str| text.parse().unwrap();
        let check = |times: Times, from: &str, to: &str| {
            let window = window_of(&times).resolve(&times).unwrap();
            assert_eq!((window.from(), window.to()), (at(from), at(to)));
        };
        let opened = Times::opened(at("2023-07-10T12:00:00Z"));
        check(opened, "2023-07-10T11:45:00Z", "2023-07-10T12:05:00Z");
        let started = Times { started: Some(at("2023-07-10T11:50:00Z")), ..opened };
        check(started, "2023-07-10T11:35:00Z", "2023-07-10T12:05:00Z");
        let detected = Times { detected: Some(at("2023-07-10T11:52:00Z")), ..started };
        check(detected, "2023-07-10T11:35:00Z", "2023-07-10T11:57:00Z");
        // Opened days later, or, by a clock that is off, before it started.
        let late = Times { started: Some(at("2023-07-01T00:00:00Z")), ..opened };
        check(late, "2023-06-30T23:45:00Z", "2023-07-01T06:05:00Z");
        let odd = Times { started: Some(at("2023-07-10T13:00:00Z")), ..opened };
        check(odd, "2023-07-10T12:45:00Z", "2023-07-10T13:05:00Z");
        assert_eq!(window_of(&opened).after, Duration::from_secs(300));
    }
}
