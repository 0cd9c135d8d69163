//! From what stands in a text to a plan, with all that is wrong with it.

use std::time::Duration;

use logdive_core::{Diagnostic, Span, nearest, parse_duration};

use super::node::{Key, Node, Value};
use super::{codes, forms};
use crate::plan::DivePlan;
use crate::plan::error::short;

/// After so many mistakes the rest of the text is not looked at.
const MOST: usize = 20;

pub(super) fn plan(node: &Node) -> Result<DivePlan, Vec<Diagnostic>> {
    let mut reader = Reader { diagnostics: Vec::new() };
    match forms::read(&mut reader, node) {
        Some(plan) if reader.diagnostics.is_empty() => Ok(plan),
        _ => Err(reader.diagnostics),
    }
}

/// Reads values and collects what is wrong with them.
pub(super) struct Reader {
    diagnostics: Vec<Diagnostic>,
}

/// A table whose keys are all known.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    /// What it is, for messages.
    pub(super) what: &'a str,
    pub(super) span: Span,
    pub(super) entries: &'a [(Key, Node)],
}

impl<'a> Table<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(known, _)| known.name == key).map(|(_, node)| node)
    }
}

impl Reader {
    pub(super) fn is_full(&self) -> bool {
        self.diagnostics.len() >= MOST
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if !self.is_full() {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reports a value of another type.
    pub(super) fn not<T>(&mut self, node: &Node, what: &str, expected: &str) -> Option<T> {
        let message = format!("{what} is {expected}, not {}", node.value.describe());
        self.report(Diagnostic::new(codes::TYPE, node.span, message));
        None
    }

    /// Reports a key that is missing.
    pub(super) fn missing<T>(&mut self, table: &Table<'_>, key: &str, help: &str) -> Option<T> {
        let message = format!("{} has no `{key}`", table.what);
        self.report(Diagnostic::new(codes::MISSING, first_line(table), message).help(help));
        None
    }

    pub(super) fn table<'a>(
        &mut self,
        node: &'a Node,
        what: &'a str,
        keys: &[&str],
    ) -> Option<Table<'a>> {
        let Value::Table(entries) = &node.value else {
            return self.not(node, what, "a table");
        };
        for (key, _) in entries {
            if self.is_full() {
                break;
            }
            if !keys.contains(&key.name.as_str()) {
                self.unknown(key, what, keys);
            }
        }
        Some(Table { what, span: node.span, entries })
    }

    /// A table of any keys.
    pub(super) fn map<'a>(&mut self, node: &'a Node, what: &str) -> &'a [(Key, Node)] {
        match &node.value {
            Value::Table(entries) => entries,
            _ => {
                self.not::<()>(node, what, "a table");
                &[]
            }
        }
    }

    fn unknown(&mut self, key: &Key, what: &str, keys: &[&str]) {
        // What other tools call it.
        let elsewhere = match key.name.as_str() {
            "filter" | "predicate" | "query" | "if" => Some("where"),
            "around" | "time" => Some("window"),
            "steps" => Some("step"),
            "padding" => Some("pad"),
            "limit" | "last" => Some("newest"),
            "first" => Some("oldest"),
            "baselines" | "baseline" | "with" => Some("against"),
            "from" => Some("of"),
            "of" => Some("from"),
            _ => None,
        };
        let near = nearest(&key.name, keys).or(elsewhere.filter(|other| keys.contains(other)));
        let message = format!("{what} has no key `{}`", short(&key.name));
        let diagnostic = Diagnostic::new(codes::KEY, key.span, message);
        self.report(match near {
            Some(near) => diagnostic.suggestion(near),
            None => diagnostic.help(format!("there are: {}", keys.join(", "))),
        });
    }

    pub(super) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => self.not(node, what, "a text"),
        }
    }

    /// A text that must be there.
    pub(super) fn needed(&mut self, table: &Table<'_>, key: &str, help: &str) -> Option<String> {
        match table.get(key) {
            Some(node) => self.text(node, &format!("`{key}` of {}", table.what)),
            None => self.missing(table, key, help),
        }
    }

    pub(super) fn number(&mut self, table: &Table<'_>, key: &str) -> Option<u64> {
        let node = table.get(key)?;
        let what = format!("`{key}` of {}", table.what);
        match &node.value {
            Value::Number(digits) => {
                let number = digits.parse().ok();
                if number.is_none() {
                    let message =
                        format!("{what} is a whole number from 0 on, not `{}`", short(digits));
                    self.report(Diagnostic::new(codes::TYPE, node.span, message));
                }
                number
            }
            _ => self.not(node, &what, "a whole number"),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, table: &Table<'_>, key: &str) -> Option<Vec<String>> {
        let node = table.get(key)?;
        let what = format!("`{key}` of {}", table.what);
        let Value::List(members) = &node.value else {
            return self.not(node, &what, "a list of texts");
        };
        let mut texts = Vec::with_capacity(members.len());
        for member in members {
            if self.is_full() {
                break;
            }
            if let Some(text) = self.text(member, &format!("a member of {what}")) {
                texts.push(text);
            }
        }
        Some(texts)
    }

    pub(super) fn duration(&mut self, table: &Table<'_>, key: &str) -> Option<Duration> {
        let node = table.get(key)?;
        let what = format!("`{key}` of {}", table.what);
        match &node.value {
            Value::Text(text) => match parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(why) => {
                    let diagnostic = Diagnostic::new(codes::VALUE, node.span, short(&why));
                    self.report(diagnostic.help(format!("{what} is written as `\"15m\"`")));
                    None
                }
            },
            Value::Number(number) => {
                let message = format!("{what} has no unit");
                let diagnostic = Diagnostic::new(codes::TYPE, node.span, message);
                let number = short(number);
                self.report(diagnostic.help(format!("write `\"{number}s\"` or `\"{number}m\"`")));
                None
            }
            _ => self.not(node, &what, "a duration, written as `\"15m\"`"),
        }
    }
}

/// A table may be the whole text; only where it begins is of use.
fn first_line(table: &Table<'_>) -> Span {
    Span::new(table.span.start, table.span.start.saturating_add(1).min(table.span.end))
}
