//! The file of playbooks.
//!
//! ```toml
//! version = 1
//!
//! [[playbook]]
//! name = "ssm-throttling"
//! when = 'ticket.labels.namespace == "CloudTrail/Errors" and ticket.service == "ssm"'
//! plan = "ssm-throttling.toml"        # beside this file
//! rules = "ssm-throttling.rules"
//! highest = "confirm"                 # without it: suggest
//! post_at = "{native}"                # where the packet goes; this is what it is without it
//! runbook = "https://wiki.example/ssm"
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use logdive_core::{Diagnostic, Mode, PlaybookName, Predicate, Span, TicketFields, nearest};
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, codes, span};
use crate::error::Failure;
use crate::files;

/// The version of the file's form.
const VERSION: &str = "1";

/// A file of playbooks: each entry, or what is wrong with it.
pub(super) struct PlaybookFile {
    pub(super) name: String,
    pub(super) text: String,
    /// Where its paths begin.
    pub(super) folder: PathBuf,
    pub(super) entries: Vec<Listed>,
}

/// An entry of a name.
pub(super) struct Listed {
    pub(super) name: PlaybookName,
    pub(super) entry: Result<Entry, Vec<Mistake>>,
}

/// An entry as it is written; its condition is checked.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: PlaybookName,
    pub(super) when: Predicate,
    pub(super) when_text: String,
    pub(super) plan: At<String>,
    pub(super) rules: At<String>,
    pub(super) highest: Option<Mode>,
    pub(super) post_at: Option<String>,
    pub(super) runbook: Option<String>,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

const KEYS: [&str; 7] = ["name", "when", "plan", "rules", "highest", "post_at", "runbook"];

/// Why a file cannot be used as a whole.
pub(super) enum Unusable {
    /// It cannot be read.
    Unread(Failure),
    /// It is no file of playbooks.
    Mistaken(Vec<Mistake>),
}

impl PlaybookFile {
    /// Reads a file. What is wrong with one entry leaves the others as they are.
    pub(super) fn read(path: &Path) -> Result<Self, Unusable> {
        let text = files::read(path).map_err(Unusable::Unread)?;
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        let name = path.display().to_string();
        let entries = entries(&name, &text).map_err(Unusable::Mistaken)?;
        Ok(Self { name, text, folder, entries })
    }

    /// All that is wrong with the entries, or the entries.
    pub(super) fn all(&self) -> Result<Vec<&Entry>, Vec<Mistake>> {
        let mut wrong = Vec::new();
        let mut entries = Vec::new();
        for listed in &self.entries {
            match &listed.entry {
                Ok(entry) => entries.push(entry),
                Err(mistakes) => wrong.extend(mistakes.iter().cloned()),
            }
        }
        if wrong.is_empty() { Ok(entries) } else { Err(wrong) }
    }
}

impl Unusable {
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Unread(failure) => failure,
            Self::Mistaken(mistakes) => failure_of(&mistakes),
        }
    }
}

/// Mistakes as the end of a command that cannot go on.
pub(super) fn failure_of(mistakes: &[Mistake]) -> Failure {
    let drawn: Vec<&str> = mistakes.iter().map(Mistake::draw).collect();
    Failure::new(format!("the playbooks cannot be used\n\n{}", drawn.join("\n").trim_end()))
}

fn entries(file: &str, text: &str) -> Result<Vec<Listed>, Vec<Mistake>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let wrong = |diagnostic: &Diagnostic| Mistake::at(None, file, text, diagnostic);
    if !errors.is_empty() {
        let mistakes = errors.iter().map(|error| {
            let place = span(error.span().unwrap_or_default());
            let message = format!("this is no TOML: {}", error.message());
            wrong(&Diagnostic::new(codes::SYNTAX, place, message))
        });
        return Err(mistakes.collect());
    }
    let mut mistakes = Vec::new();
    let mut listed = Vec::new();
    let mut names = BTreeSet::new();
    for (key, value) in table.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("version", DeValue::Integer(number)) if number.as_str() == VERSION => {}
            ("version", _) => {
                let message = format!("this version of the form is not known; known is {VERSION}");
                let diagnostic = Diagnostic::new(codes::VALUE, span(value.span()), message);
                mistakes.push(wrong(&diagnostic.help("use the logdive that it was written for")));
            }
            ("playbook", DeValue::Array(entries)) => {
                for entry in entries {
                    let place = span(entry.span());
                    let DeValue::Table(table) = entry.get_ref() else {
                        let diagnostic = Diagnostic::new(codes::VALUE, place, "this is no table");
                        mistakes.push(wrong(&diagnostic.help("write `[[playbook]]`")));
                        continue;
                    };
                    match name(table, place) {
                        Ok(At { value: name, span }) => {
                            if !names.insert(name.clone()) {
                                let message = format!("a second playbook `{name}`");
                                let diagnostic = Diagnostic::new(codes::NAME, span, message);
                                mistakes.push(wrong(&diagnostic.help("give one another name")));
                            }
                            let reader = Reader { file, text, name, place, table };
                            listed.push(reader.read());
                        }
                        Err(diagnostic) => mistakes.push(wrong(&diagnostic)),
                    }
                }
            }
            ("playbook", _) => {
                let diagnostic =
                    Diagnostic::new(codes::VALUE, span(key.span()), "playbooks are tables");
                mistakes.push(wrong(&diagnostic.help("write `[[playbook]]`")));
            }
            (other, _) => {
                let message = format!("`{other}` means nothing here");
                let diagnostic = Diagnostic::new(codes::KEY, span(key.span()), message);
                mistakes.push(wrong(&match nearest(other, &["version", "playbook"]) {
                    Some(near) => diagnostic.suggestion(near),
                    None => diagnostic.help("a file has `version` and `[[playbook]]`"),
                }));
            }
        }
    }
    if listed.is_empty() && mistakes.is_empty() {
        let diagnostic = Diagnostic::new(codes::MISSING, Span::default(), "there are no playbooks");
        mistakes.push(wrong(&diagnostic.help("add one: `[[playbook]]` with its `name`")));
    }
    if mistakes.is_empty() { Ok(listed) } else { Err(mistakes) }
}

/// The name of an entry: without one nothing is known of it.
fn name(table: &DeTable<'_>, place: Span) -> Result<At<PlaybookName>, Diagnostic> {
    let Some(value) = table.get("name") else {
        let diagnostic = Diagnostic::new(codes::MISSING, place, "this playbook has no `name`");
        return Err(diagnostic.help("write `name = \"…\"`"));
    };
    let at = span(value.span());
    match value.get_ref() {
        DeValue::String(text) => match PlaybookName::parse(text) {
            Ok(name) => Ok(At { value: name, span: at }),
            Err(error) => Err(Diagnostic::new(codes::NAME, at, error.to_string())),
        },
        _ => Err(Diagnostic::new(codes::VALUE, at, "a name is a text")),
    }
}

/// Reads an entry whose name is known.
struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    name: PlaybookName,
    place: Span,
    table: &'a DeTable<'a>,
}

impl Reader<'_> {
    fn read(self) -> Listed {
        let mut found = Vec::new();
        for key in self.table.keys() {
            let key_name = key.get_ref().as_ref();
            if !KEYS.contains(&key_name) {
                let message = format!("`{key_name}` means nothing in a playbook");
                let diagnostic = Diagnostic::new(codes::KEY, span(key.span()), message);
                found.push(match nearest(key_name, &KEYS) {
                    Some(near) => diagnostic.suggestion(near),
                    None => diagnostic.help(format!("there are: {}", KEYS.join(", "))),
                });
            }
        }
        let when = self.required("when", "'ticket.service == \"…\"'", &mut found);
        let plan = self.required("plan", "\"….toml\"", &mut found);
        let rules = self.required("rules", "\"….rules\"", &mut found);
        let post_at = self.optional("post_at", &mut found);
        let runbook = self.optional("runbook", &mut found);
        let highest = self.optional("highest", &mut found).and_then(|at| {
            let mode = Mode::from_name(&at.value);
            if mode.is_none() {
                let names: Vec<&str> = Mode::ALL.iter().map(|mode| mode.name()).collect();
                found.push(Diagnostic::unknown(codes::VALUE, "mode", &at.value, at.span, names));
            }
            mode
        });
        let condition = when.as_ref().and_then(|when| {
            Predicate::parse(&when.value, &TicketFields::default())
                .map_err(|diagnostics| {
                    found.extend(diagnostics.into_iter().map(|found| self.within(when, found)));
                })
                .ok()
        });
        let entry = match (condition, when, plan, rules) {
            (Some(condition), Some(when), Some(plan), Some(rules)) if found.is_empty() => {
                Ok(Entry {
                    name: self.name.clone(),
                    when: condition,
                    when_text: when.value,
                    plan,
                    rules,
                    highest,
                    post_at: post_at.map(|at| at.value),
                    runbook: runbook.map(|at| at.value),
                })
            }
            _ => {
                let name = Some(self.name.as_str());
                let mistake = |found| Mistake::at(name, self.file, self.text, found);
                Err(found.iter().map(mistake).collect())
            }
        };
        Listed { name: self.name, entry }
    }

    fn optional(&self, key: &str, found: &mut Vec<Diagnostic>) -> Option<At<String>> {
        let value = self.table.get(key)?;
        let at = span(value.span());
        match value.get_ref() {
            DeValue::String(text) => Some(At { value: text.to_string(), span: at }),
            _ => {
                found.push(Diagnostic::new(codes::VALUE, at, format!("`{key}` is a text")));
                None
            }
        }
    }

    fn required(
        &self,
        key: &str,
        example: &str,
        found: &mut Vec<Diagnostic>,
    ) -> Option<At<String>> {
        if self.table.get(key).is_none() {
            let message = format!("playbook `{}` has no `{key}`", self.name);
            let diagnostic = Diagnostic::new(codes::MISSING, self.place, message);
            found.push(diagnostic.help(format!("write `{key} = {example}`")));
        }
        self.optional(key, found)
    }

    /// Moves the place of a mistake in a condition to where the condition stands. A text with
    /// escapes has its mistakes where it begins.
    fn within(&self, at: &At<String>, mut diagnostic: Diagnostic) -> Diagnostic {
        let written = self.text.get(at.span.range()).unwrap_or_default();
        match written.find(at.value.as_str()) {
            Some(before) if !at.value.is_empty() => {
                let from = at.span.start + before;
                let inner = diagnostic.span;
                diagnostic.span = Span::new(from + inner.start, from + inner.end);
            }
            _ => diagnostic.span = at.span,
        }
        diagnostic
    }
}
