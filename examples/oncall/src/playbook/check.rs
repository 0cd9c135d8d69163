//! `logdive playbook check`

use std::process::ExitCode;

use logdive_query::Diver;
use serde_json::json;

use super::file::{PlaybookFile, Unusable};
use super::load::load;
use super::mistake::Mistake;
use crate::args::{Args, PlaybookCheck};
use crate::error::{Context as _, Failure};
use crate::output::Output;
use crate::{bot, source};

pub(super) async fn run(
    args: &Args,
    asked: &PlaybookCheck,
    output: &Output,
) -> Result<ExitCode, Failure> {
    let path = asked.file.clone().unwrap_or_else(|| args.dir.join(super::FILE));
    // Nothing is looked into: plans are checked against what layers declare.
    let layers = source::declared(asked.config.as_deref()).await?;
    let builder = layers
        .iter()
        .fold(Diver::builder(), |builder, layer| builder.memory(layer.clone(), std::iter::empty()));
    let diver = builder.build().await.context("the layers")?;
    let actions = bot::actions()?;
    let mut mistakes = Vec::new();
    let mut values = Vec::new();
    let mut lines = Vec::new();
    match PlaybookFile::read(&path) {
        Err(Unusable::Unread(failure)) if asked.file.is_none() => {
            return Err(failure.help("name the file, or give its folder with `--dir`"));
        }
        Err(Unusable::Unread(failure)) => return Err(failure),
        Err(Unusable::Mistaken(found)) => mistakes = found,
        Ok(file) => {
            for listed in &file.entries {
                let loaded = match &listed.entry {
                    Ok(entry) => load(&file, entry, &diver, &actions),
                    Err(found) => Err(found.clone()),
                };
                let name = &listed.name;
                match loaded {
                    Ok(loaded) => {
                        let highest = loaded.playbook.highest();
                        let count = loaded.rules.rules().len();
                        lines.push(format!("{name}: {count} rules, up to mode {highest}"));
                        values.push(json!({
                            "name": name, "ok": true, "rules": count, "highest": highest,
                            "when": loaded.playbook.when().to_string(),
                            "rules_digest": loaded.rules.digest(),
                            "plan_digest": loaded.playbook.look().describe().plan,
                        }));
                    }
                    Err(found) => {
                        let count = found.len();
                        let what = if count == 1 { "mistake" } else { "mistakes" };
                        lines.push(format!("{name}: {count} {what}"));
                        values.push(json!({ "name": name, "ok": false }));
                        mistakes.extend(found);
                    }
                }
            }
        }
    }
    mistakes.sort_by(|a, b| a.order().cmp(&b.order()));
    for mistake in &mistakes {
        output.drawn(mistake.draw());
        output.text("");
    }
    for line in lines {
        output.block(&line);
    }
    let ok = mistakes.is_empty();
    let said = if ok { "nothing is wrong".to_owned() } else { format!("{} wrong", mistakes.len()) };
    output.block(&format!("{}: {said}", path.display()));
    output.value(&json!({
        "file": path, "ok": ok, "playbooks": values,
        "mistakes": mistakes.iter().map(Mistake::json).collect::<Vec<_>>(),
    }));
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
