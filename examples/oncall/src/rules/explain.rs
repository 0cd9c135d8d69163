//! `logdive rules explain`

use std::process::ExitCode;

use logdive_core::{Mode, did_you_mean};
use logdive_rules::{Nearest, RuleSet};
use serde_json::json;

use super::eval;
use crate::args::RulesExplain;
use crate::error::Failure;
use crate::output::Output;

pub(super) fn run(args: &RulesExplain, output: &Output) -> Result<ExitCode, Failure> {
    let (rules, facts) = eval::read(&args.over)?;
    if let Some(name) = &args.rule {
        known(&rules, name)?;
    }
    let asked = |name: &str| args.rule.as_deref().is_none_or(|asked| asked == name);
    let mut explanation = rules.explain(&facts);
    explanation.rules.retain(|rule| asked(&rule.rule));
    let decides = explanation.decision.rule().map(str::to_owned);
    eval::conclusion(&explanation.decision, output);
    let mut nearest = Vec::new();
    for of in &explanation.rules {
        output.block(&of.to_string());
        let off = rules.rule(&of.rule).is_some_and(|rule| rule.mode() == Mode::Off);
        if off || decides.as_deref() == Some(of.rule.as_str()) {
            continue;
        }
        let change = rules.nearest(&facts, &of.rule);
        tell(change.as_ref(), output);
        nearest.push(json!({
            "rule": of.rule,
            "changes": change.as_ref().map(|change| &change.changes),
        }));
    }
    let mut value = eval::to_json(&rules, &explanation.decision);
    if let Some(object) = value.as_object_mut() {
        object.insert("rules".to_owned(), json!(explanation.rules));
        object.insert("nearest".to_owned(), json!(nearest));
    }
    output.value(&value);
    Ok(ExitCode::SUCCESS)
}

fn known(rules: &RuleSet, name: &str) -> Result<(), Failure> {
    if rules.rule(name).is_some() {
        return Ok(());
    }
    let names = || rules.rules().map(|rule| rule.name());
    let failure = Failure::new(format!("there is no rule `{name}`"));
    Err(match did_you_mean(name, names()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => {
            let some: Vec<&str> = names().take(12).collect();
            failure.help(format!("there are: {}", some.join(", ")))
        }
    })
}

fn tell(change: Option<&Nearest>, output: &Output) {
    match change {
        Some(change) => {
            let text = change.to_string();
            let indented: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
            output.block(&indented.join("\n"));
        }
        None => output.text("  no small change of the facts was found by which it would decide"),
    }
}
