//! The playbooks that the loop uses: those of the folder's file, and of one that does not load
//! the last good one.

use std::path::Path;
use std::process::ExitCode;

use logdive_core::{ActionSpec, Diagnostic, Playbook, PlaybookName};
use logdive_query::Diver;
use serde_json::json;

use super::file::{Entry, Listed, PlaybookFile, Unusable};
use super::last_good::LastGood;
use super::load::{Loaded, load};
use super::mistake::{Mistake, codes};
use crate::args::Args;
use crate::error::{Context as _, Failure};
use crate::home::Home;
use crate::output::Output;
use crate::{bot, source};

/// Playbooks, and what must be said of them.
#[derive(Debug)]
pub(crate) struct InForce {
    pub(crate) playbooks: Vec<Playbook>,
    pub(crate) warnings: Vec<String>,
}

/// The playbooks of a folder; none if it has no file of them.
///
/// An entry that does not load, or whose rule set lost most of its rules, leaves the one in force
/// that was; one that never was in force stays out. Each is said in a warning.
pub(crate) fn in_force(
    dir: &Path,
    diver: &Diver,
    actions: &[ActionSpec],
) -> Result<Option<InForce>, Failure> {
    let path = dir.join(super::FILE);
    if !path.try_exists().context(format!("looking at `{}`", path.display()))? {
        return Ok(None);
    }
    let last = LastGood::of(dir);
    let mut warnings = Vec::new();
    let mut found: Vec<(Entry, Loaded)> = Vec::new();
    match PlaybookFile::read(&path) {
        Ok(file) => {
            for listed in &file.entries {
                match entry(&file, listed, &last, diver, actions, Shrunk::Refused) {
                    Ok(loaded) => found.push(loaded),
                    Err(mistakes) => {
                        let kept = last.load(&listed.name, diver, actions);
                        warnings.push(warning(&listed.name, &mistakes, kept.is_some()));
                        found.extend(kept);
                    }
                }
            }
        }
        Err(unusable) => {
            let why = match unusable {
                Unusable::Unread(failure) => failure.to_string(),
                Unusable::Mistaken(mistakes) => all_said(&mistakes),
            };
            let names = last.names();
            let kept = names.iter().filter_map(|name| last.load(name, diver, actions));
            found.extend(kept);
            warnings.push(format!(
                "`{}` does not load: {} playbooks stay in force as they last were. {why}. \
                 `logdive playbook check` shows where",
                path.display(),
                found.len()
            ));
        }
    }
    if found.is_empty() {
        return Err(Failure::new(format!("no playbook of `{}` can be used", path.display()))
            .because(warnings)
            .help("`logdive playbook check` shows all that is wrong"));
    }
    if let Err(failure) = last.keep(&found) {
        warnings.push(format!(
            "the playbooks in force could not be kept for the case that a new version does not \
             load: {failure}"
        ));
    }
    let playbooks = found.into_iter().map(|(_, loaded)| loaded.playbook).collect();
    Ok(Some(InForce { playbooks, warnings }))
}

/// Whether a rule set may have lost most of its rules.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shrunk {
    Refused,
    Confirmed,
}

fn entry(
    file: &PlaybookFile,
    listed: &Listed,
    last: &LastGood,
    diver: &Diver,
    actions: &[ActionSpec],
    shrunk: Shrunk,
) -> Result<(Entry, Loaded), Vec<Mistake>> {
    let entry = match &listed.entry {
        Ok(entry) => entry,
        Err(mistakes) => return Err(mistakes.clone()),
    };
    let loaded = load(file, entry, diver, actions)?;
    if shrunk == Shrunk::Refused
        && let Some((_, old)) = last.load(&listed.name, diver, actions)
        && old.rules.shrinks_to(&loaded.rules)
    {
        let message = format!(
            "the rule set has {} rules, the one in force {}: most are gone",
            loaded.rules.rules().len(),
            old.rules.rules().len()
        );
        let help = format!("if they should be: `logdive playbook confirm {}`", listed.name);
        let diagnostic = Diagnostic::new(codes::SHRINKS, entry.rules.span, message).help(help);
        let name = Some(listed.name.as_str());
        return Err(vec![Mistake::at(name, &file.name, &file.text, &diagnostic)]);
    }
    Ok((entry.clone(), loaded))
}

fn warning(name: &PlaybookName, mistakes: &[Mistake], kept: bool) -> String {
    let what = if kept {
        "does not load: the last good one stays in force"
    } else {
        "does not load and was never in force: it takes no tickets"
    };
    format!("playbook `{name}` {what}. {}. `logdive playbook check` shows all", all_said(mistakes))
}

/// The first mistakes in a line.
fn all_said(mistakes: &[Mistake]) -> String {
    const MOST: usize = 3;
    let said: Vec<&str> = mistakes.iter().take(MOST).map(Mistake::said).collect();
    match mistakes.len().checked_sub(MOST) {
        Some(more) if more > 0 => format!("{}; and {more} more", said.join("; ")),
        _ => said.join("; "),
    }
}

/// `logdive playbook confirm`
pub(super) async fn confirm(args: &Args, name: &str, output: &Output) -> Result<ExitCode, Failure> {
    let home = Home::open(&args.dir)?;
    let name = PlaybookName::parse(name).context("the playbook's name")?;
    let path = home.dir().join(super::FILE);
    let source = source::Source::of_home(&args.dir).await?;
    let actions = bot::actions()?;
    let file = PlaybookFile::read(&path).map_err(Unusable::into_failure)?;
    let Some(listed) = file.entries.iter().find(|listed| listed.name == name) else {
        let names: Vec<&str> = file.entries.iter().map(|listed| listed.name.as_str()).collect();
        return Err(Failure::new(format!("`{}` has no playbook `{name}`", path.display()))
            .help(format!("there are: {}", names.join(", "))));
    };
    let last = LastGood::of(home.dir());
    let confirmed = entry(&file, listed, &last, &source.diver, &actions, Shrunk::Confirmed)
        .map_err(|mistakes| super::file::failure_of(&mistakes))?;
    let count = confirmed.1.rules.rules().len();
    let digest = confirmed.1.rules.digest();
    // The others stay as they are in force.
    let mut kept = Vec::new();
    let mut confirmed = Some(confirmed);
    for other in &file.entries {
        if other.name == name {
            kept.extend(confirmed.take());
        } else {
            kept.extend(last.load(&other.name, &source.diver, &actions));
        }
    }
    last.keep(&kept)?;
    output.block(&format!(
        "playbook {name} is in force with {count} rules, confirmed by {}",
        args.actor()
    ));
    output.value(&json!({ "playbook": name, "rules": count, "digest": digest }));
    Ok(ExitCode::SUCCESS)
}
