//! `logdive rules eval`

use std::process::ExitCode;

use logdive_core::{Conclusion, Decision, Facts, RuleTrace, TermTrace, Truth};
use logdive_rules::RuleSet;
use serde_json::{Value as Json, json};

use super::facts;
use super::file::RuleFile;
use crate::args::RulesEval;
use crate::error::Failure;
use crate::output::{Output, width};

pub(super) fn run(args: &RulesEval, output: &Output) -> Result<ExitCode, Failure> {
    let (rules, facts) = read(args)?;
    let decision = rules.decide(&facts);
    conclusion(&decision, output);
    for rule in &decision.trace {
        traced(rule, output);
    }
    output.value(&to_json(&rules, &decision));
    Ok(ExitCode::SUCCESS)
}

/// The rule set, and facts for it.
pub(super) fn read(args: &RulesEval) -> Result<(RuleSet, Facts), Failure> {
    let rules = RuleFile::read(&args.file)?.rules()?;
    let facts = facts::read(&rules, args)?;
    Ok((rules, facts))
}

/// A decision for programs.
pub(super) fn to_json(rules: &RuleSet, decision: &Decision) -> Json {
    let conclusion = decision.conclusion();
    let (word, made, because) = match conclusion {
        Conclusion::Decided { decision, because, .. } => ("decided", Some(decision), Some(because)),
        Conclusion::NoActionNeeded { decision, because, .. } => {
            ("no_action_needed", Some(decision), Some(because))
        }
        Conclusion::Undetermined { .. } => ("undetermined", None, None),
        Conclusion::NoRule { because } => ("no_rule", None, Some(because)),
    };
    let missing = match conclusion {
        Conclusion::Undetermined { missing } => missing.as_slice(),
        _ => &[],
    };
    json!({
        "conclusion": word,
        "decision": made,
        "rule": decision.rule(),
        "mode": made.map(|_| decision.mode()),
        "because": because,
        "actions": decision.actions(),
        "missing": missing,
        "trace": decision.trace,
        "digest": rules.digest(),
    })
}

/// What came out, and why.
pub(super) fn conclusion(decision: &Decision, output: &Output) {
    match decision.conclusion() {
        Conclusion::Decided { rule, decision, because, actions, mode } => {
            output.block(&format!("decided: {decision} (rule \"{rule}\", mode {mode})"));
            why(because, output);
            for action in actions {
                output.block(&format!("  do: {action}"));
            }
        }
        Conclusion::NoActionNeeded { rule, decision, because, mode } => {
            output.block(&format!("no action needed: {decision} (rule \"{rule}\", mode {mode})"));
            why(because, output);
        }
        Conclusion::Undetermined { missing } => {
            output.text("undetermined: for a person, because it is not known");
            for missing in missing {
                output.block(&format!("  {missing}"));
            }
        }
        Conclusion::NoRule { because } => {
            output.text("no rule applies: for a person");
            why(because, output);
        }
    }
    output.text("");
}

fn why(because: &str, output: &Output) {
    if !because.is_empty() {
        output.block(&format!("  because: {because}"));
    }
}

/// A rule with its terms and what they read.
fn traced(rule: &RuleTrace, output: &Output) {
    output.block(&format!("{}: \"{}\" v{}", in_a_word(rule.truth), rule.rule, rule.version));
    terms(&rule.when, "", output);
    terms(&rule.unless, "unless ", output);
}

/// Terms, each with its truth and the value it read: on the same line if there is room.
pub(super) fn terms(terms: &[TermTrace], before: &str, output: &Output) {
    for term in terms {
        let head = format!("  {:<7} {before}{}", in_a_word(term.truth), term.term);
        if term.fact.is_empty() {
            output.block(&head);
            continue;
        }
        let read = format!("{}: {}", term.fact, term.read);
        if head.chars().count() + read.chars().count() + 4 <= width() {
            output.block(&format!("{head}    {read}"));
        } else {
            output.block(&head);
            output.block(&format!("            {read}"));
        }
    }
}

const fn in_a_word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown => "unknown",
    }
}
