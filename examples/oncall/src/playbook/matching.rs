//! `logdive playbook match`

use std::path::Path;
use std::process::ExitCode;

use logdive_core::{Predicate, Ticket, Truth};
use serde::Deserialize as _;
use serde_json::{Value as Json, json};

use super::file::{PlaybookFile, Unusable, failure_of};
use crate::args::{Args, PlaybookMatch};
use crate::error::{Context as _, Failure};
use crate::output::Output;
use crate::{alarms, files, playbooks, rules};

pub(super) fn run(
    args: &Args,
    asked: &PlaybookMatch,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let ticket = ticket(&asked.ticket)?;
    let (from, conditions) = conditions(args, asked)?;
    let mut taken = None;
    let mut values = Vec::new();
    for (name, when) in &conditions {
        let (truth, terms) = when.trace(&|field| ticket.read(field));
        let takes = truth.is_true() && taken.is_none();
        let said = match truth {
            Truth::True if takes => "takes it",
            Truth::True => "would take it, and stands behind one that does",
            Truth::False => "does not take it",
            Truth::Unknown => "does not take it: its condition cannot be told",
        };
        output.block(&format!("{name}: {said}"));
        rules::terms(&terms, output);
        output.text("");
        if takes {
            taken = Some(name.clone());
        }
        values.push(json!({
            "name": name, "takes": takes, "truth": truth, "when": when.to_string(), "terms": terms,
        }));
    }
    match &taken {
        Some(name) => output.block(&format!("{}: playbook {name} ({from})", ticket.id)),
        None => output.block(&format!(
            "{}: no playbook ({from}); the ticket would be recorded, and left to a person",
            ticket.id
        )),
    }
    output.value(&json!({ "ticket": ticket.id, "playbook": taken, "playbooks": values }));
    Ok(ExitCode::SUCCESS)
}

/// Where playbooks come from, and each with its condition, in their order.
fn conditions(
    args: &Args,
    asked: &PlaybookMatch,
) -> Result<(String, Vec<(String, Predicate)>), Failure> {
    let usual = args.dir.join(super::FILE);
    let path = match &asked.playbooks {
        Some(path) => path,
        None if usual.exists() => &usual,
        None => return Ok(("of the demo".to_owned(), playbooks::conditions()?)),
    };
    let file = PlaybookFile::read(path).map_err(Unusable::into_failure)?;
    let entries = file.all().map_err(|mistakes| failure_of(&mistakes))?;
    let conditions = entries.iter().map(|entry| (entry.name.to_string(), entry.when.clone()));
    Ok((format!("of {}", path.display()), conditions.collect()))
}

/// Reads a ticket as logdive writes it, or an alarm.
fn ticket(path: &Path) -> Result<Ticket, Failure> {
    let name = files::name(path);
    let text = files::read(path)?;
    let json: Option<Json> = serde_json::from_str(&text).ok();
    // The digest is what no alarm has.
    match json.filter(|json| json.get("raw_digest").is_some()) {
        Some(json) => {
            Ticket::deserialize(json).context(format!("`{name}` is no ticket of logdive"))
        }
        None => alarms::ticket(&name, text.as_bytes()),
    }
}
