//! From an entry to a playbook: its files are read, checked, and checked against one another.

use std::path::PathBuf;

use logdive_core::{ActionSpec, Diagnostic, Playbook, PlaybookError, Span};
use logdive_query::{BoundDive, DivePlan, Diver, PlanError};
use logdive_rules::{Places, RuleSet};

use super::file::{At, Entry, PlaybookFile};
use super::mistake::{Mistake, codes};
use crate::rules::findings;
use crate::{files, plan};

/// A playbook that holds together, and the texts it is made of.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) playbook: Playbook,
    pub(super) rules: RuleSet,
    pub(super) rules_text: String,
    pub(super) plan_text: String,
}

/// Loads an entry. Everything is looked at, so that all mistakes are told at once.
pub(super) fn load(
    file: &PlaybookFile,
    entry: &Entry,
    diver: &Diver,
    actions: &[ActionSpec],
) -> Result<Loaded, Vec<Mistake>> {
    let loader = Loader { file, entry };
    let mut mistakes = Vec::new();
    let plan = loader.plan(diver, &mut mistakes);
    let rules = loader.rules(&mut mistakes);
    let (Some((plan_text, look)), Some((rules_text, rules))) = (plan, rules) else {
        return Err(mistakes);
    };
    let mut builder = Playbook::builder(entry.name.as_str())
        .when(entry.when_text.as_str())
        .look(look)
        .decide(rules.clone());
    if let Some(mode) = entry.highest {
        builder = builder.highest(mode);
    }
    if let Some(post_at) = &entry.post_at {
        builder = builder.post_at(post_at.as_str());
    }
    if let Some(runbook) = &entry.runbook {
        builder = builder.runbook(runbook.as_str());
    }
    let places = RuleSet::places(&rules_text);
    mistakes.extend(
        builder.problems().iter().map(|problem| loader.problem(problem, &rules_text, &places)),
    );
    let playbook = match builder.build() {
        Ok(playbook) => playbook,
        Err(error) if mistakes.is_empty() => {
            return Err(vec![loader.problem(&error, &rules_text, &places)]);
        }
        Err(_) => return Err(mistakes),
    };
    let actions = playbook.action_problems(actions);
    mistakes.extend(actions.iter().map(|problem| loader.problem(problem, &rules_text, &places)));
    if mistakes.is_empty() {
        Ok(Loaded { playbook, rules, rules_text, plan_text })
    } else {
        Err(mistakes)
    }
}

struct Loader<'a> {
    file: &'a PlaybookFile,
    entry: &'a Entry,
}

impl Loader<'_> {
    fn name(&self) -> Option<&str> {
        Some(self.entry.name.as_str())
    }

    fn path(&self, at: &At<String>) -> PathBuf {
        self.file.folder.join(&at.value)
    }

    /// Reads a file that the entry names; if it cannot be read, the place is where it is named.
    fn text(&self, at: &At<String>, mistakes: &mut Vec<Mistake>) -> Option<String> {
        let path = self.path(at);
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", path.display());
                let diagnostic = Diagnostic::new(codes::FILE, at.span, message)
                    .help("paths are relative to the file of playbooks");
                let PlaybookFile { name, text, .. } = self.file;
                mistakes.push(Mistake::at(self.name(), name, text, &diagnostic));
                None
            }
        }
    }

    fn plan(&self, diver: &Diver, mistakes: &mut Vec<Mistake>) -> Option<(String, BoundDive)> {
        let text = self.text(&self.entry.plan, mistakes)?;
        let bound = plan::parse(&text).and_then(|plan: DivePlan| diver.bind(&plan));
        match bound {
            Ok(bound) => Some((text, bound)),
            Err(error) => {
                let file = files::name(&self.path(&self.entry.plan));
                let found = of_plan(&text, &error);
                let mistake = |found| Mistake::at(self.name(), &file, &text, found);
                mistakes.extend(found.iter().map(mistake));
                None
            }
        }
    }

    fn rules(&self, mistakes: &mut Vec<Mistake>) -> Option<(String, RuleSet)> {
        let text = self.text(&self.entry.rules, mistakes)?;
        let file = files::name(&self.path(&self.entry.rules));
        match RuleSet::parse(&text) {
            Ok(rules) => {
                let found = findings::all(&rules, &text);
                let errors: Vec<_> = found.iter().filter(|found| found.is_error()).collect();
                mistakes.extend(errors.iter().map(|found| {
                    let drawn = found.draw(&file, &text);
                    Mistake::drawn(self.name(), &file, &text, &found.diagnostic, drawn)
                }));
                errors.is_empty().then_some((text, rules))
            }
            Err(errors) => {
                let mistake = |found| Mistake::at(self.name(), &file, &text, found);
                mistakes.extend(errors.diagnostics().iter().map(mistake));
                None
            }
        }
    }

    /// What does not fit between the parts: at the fact or the rule that asks for it.
    fn problem(&self, problem: &PlaybookError, text: &str, places: &Places) -> Mistake {
        let (code, span) = match problem {
            PlaybookError::Measure { fact, .. } => (codes::MEASURE, places.entry(fact)),
            PlaybookError::Action { rule, .. } => (codes::ACTION, places.rule(rule)),
            _ => (codes::VALUE, None),
        };
        let file = files::name(&self.path(&self.entry.rules));
        let diagnostic = Diagnostic::new(code, span.unwrap_or_default(), problem.to_string());
        Mistake::at(self.name(), &file, text, &diagnostic)
    }
}

/// What is wrong with a plan, in the places of its text.
fn of_plan(text: &str, error: &PlanError) -> Vec<Diagnostic> {
    match error {
        PlanError::Text { diagnostics, .. } => diagnostics.clone(),
        PlanError::Predicate { step, what, diagnostics, text: condition, .. } => {
            let at = text.find(condition.as_str()).filter(|_| !condition.is_empty());
            let moved = diagnostics.iter().map(|found| {
                let mut found = found.clone();
                found.message = format!("the {what} of step `{step}`: {}", found.message);
                found.span = match at {
                    Some(at) => Span::new(at + found.span.start, at + found.span.end),
                    None => place_of(text, step),
                };
                found
            });
            moved.collect()
        }
        other => {
            let mut message = other.to_string();
            if let Some(cause) = std::error::Error::source(other) {
                message = format!("{message}: {cause}");
            }
            // The first name in a message is that of the step.
            let step = message.split('`').nth(1).unwrap_or_default().to_owned();
            vec![Diagnostic::new(codes::PLAN, place_of(text, &step), message)]
        }
    }
}

/// Where a step is named in a plan's text; its beginning if it is not found.
fn place_of(text: &str, name: &str) -> Span {
    let found = ['"', '\''].into_iter().find_map(|quote| {
        let quoted = format!("{quote}{name}{quote}");
        text.find(&quoted).map(|at| Span::new(at, at + quoted.len()))
    });
    found.filter(|_| !name.is_empty()).unwrap_or_default()
}
