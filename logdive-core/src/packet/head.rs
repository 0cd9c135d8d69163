//! The first lines: where a case stands, what stands out, what can be done.

use chrono::{DateTime, Utc};

use super::{PacketContext, time};
use crate::case::{ActionStatus, Case};
use crate::{
    Action, BlockKind, Conclusion, Document, Line, Mode, Outcome, Priority, Reversibility,
};

/// Mode and next intention, what happened where, what was decided, what stands out: as one list, so
/// that the first screen holds it.
pub(super) fn summary(
    document: &mut Document,
    case: &Case,
    anchor: DateTime<Utc>,
    stands_out: Vec<Line>,
) {
    let ticket = case.ticket();
    let mode = match case.decision() {
        Some(record) => {
            format!("mode {}, set by {}", record.mode.mode, record.mode.because)
        }
        None => "nothing is decided".to_owned(),
    };
    document.push(
        Priority::Essential,
        BlockKind::Paragraph(
            Line::new().strong("[logdive]").text(format!(" {mode} | next: {}", next(case))),
        ),
    );
    document.push(
        Priority::Essential,
        BlockKind::Heading { level: 2, text: Line::new().text(ticket.title.clone()) },
    );
    let severity =
        ticket.severity.map_or_else(String::new, |s| format!(", severity {}", s.number()));
    let service = ticket.service.as_deref().unwrap_or("no service");
    let mut items = vec![Line::new().text(format!("{service}{severity}, t0 = {}", time(anchor)))];
    items.push(match (case.decision(), case.failure()) {
        (_, Some(failure)) => Line::new().strong("No evidence: ").text(failure),
        (Some(record), _) => conclusion(&record.decision.conclusion),
        (None, None) => Line::new().strong("Undecided."),
    });
    items.extend(stands_out);
    document.push(Priority::Essential, BlockKind::List(items));
}

fn next(case: &Case) -> String {
    if let Some(ended) = case.ended() {
        return format!("nothing, the case is over: {ended}");
    }
    let waiting = case.actions().filter(|(_, status)| **status == ActionStatus::Proposed).count();
    let automatic = case.decision().is_some_and(|record| record.mode.mode == Mode::Automatic);
    match (waiting, automatic) {
        (0, true) if case.decision().is_some_and(|r| r.decision.rule().is_some()) => {
            "nothing is left to do".to_owned()
        }
        (0, _) => "nothing without you".to_owned(),
        (n, true) => {
            format!("{n} {} by itself", if n == 1 { "action begins" } else { "actions begin" })
        }
        (1, false) => "1 action waits for your approval".to_owned(),
        (n, false) => format!("{n} actions wait for your approval"),
    }
}

fn conclusion(conclusion: &Conclusion) -> Line {
    match conclusion {
        Conclusion::Decided { decision, because, rule, .. } => Line::new()
            .strong(format!("Decided: {decision}. "))
            .text(format!("{because} (rule \"{rule}\")")),
        Conclusion::NoActionNeeded { decision, because, rule, .. } => Line::new()
            .strong(format!("No action needed: {decision}. "))
            .text(format!("{because} (rule \"{rule}\")")),
        Conclusion::Undetermined { missing } => {
            let facts: Vec<String> = missing
                .iter()
                .map(|missing| format!("{} ({})", missing.fact, missing.reason))
                .collect();
            Line::new()
                .strong("Undetermined: for a person. ")
                .text(format!("Cannot be known: {}", facts.join("; ")))
        }
        Conclusion::NoRule { because } => {
            Line::new().strong("No rule applies: for a person. ").text(because.clone())
        }
    }
}

/// What was or can be done, a command each.
pub(super) fn what_to_do(document: &mut Document, case: &Case, context: &PacketContext<'_>) {
    let mut items = Vec::new();
    for (action, status) in case.actions() {
        items.push(Line::new().code(action.to_string()).text(format!(": {}", status_text(status))));
        if let Some(preview) = context.previews.get(&action.key).filter(|text| !text.is_empty()) {
            items.push(Line::new().text("it runs ").code(preview.clone()));
        }
        items.push(undo(action));
    }
    let command = context.command;
    let id = case.id();
    let waits = case
        .actions()
        .any(|(_, status)| matches!(status, ActionStatus::Proposed | ActionStatus::Refused(_)));
    if waits && case.ended().is_none() {
        items.push(Line::new().text("approve: ").code(format!("{command} approve {id}")));
        items.push(
            Line::new().text("refuse: ").code(format!("{command} reject {id} --reason TEXT")),
        );
    }
    if case.ended().is_none() {
        let scope = format!("ticket:{}", case.ticket().id);
        items.push(
            Line::new().text("stop automation here: ").code(format!("{command} stop '{scope}'")),
        );
    }
    if !items.is_empty() {
        document.push(Priority::Essential, BlockKind::List(items));
    }
}

fn undo(action: &Action) -> Line {
    match &action.reversibility {
        Reversibility::UndoneBy { action: undo } => {
            Line::new().text("undone by ").code(undo.to_string())
        }
        Reversibility::Irreversible => Line::new().strong("cannot be undone"),
    }
}

fn status_text(status: &ActionStatus) -> String {
    match status {
        ActionStatus::Proposed => "proposed".to_owned(),
        ActionStatus::Approved(by, _) => format!("approved by {by}"),
        ActionStatus::Rejected(by, reason) => format!("refused by {by}: {reason}"),
        ActionStatus::Refused(reason) => format!("not begun: {reason}"),
        ActionStatus::Intended(by) => format!("begun on the authority of {by}"),
        ActionStatus::Finished(outcome) => match outcome {
            Outcome::Done { proof } => format!("done ({proof})"),
            other => other.to_string(),
        },
    }
}
