//! The checker: from what was written to a rule set, or all that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::Diagnostic;

use crate::diagnostics::{DECISION, DUPLICATE, NAME, Suggestions, TOO_LARGE, unknown};
use crate::limits;
use crate::rule::Rule;
use crate::schema::{EntryTypes, Schema};
use crate::syntax::File;

mod condition;
mod effect;
mod names;
mod ranking;
mod rule;
mod schema;

/// What a file says, checked.
pub(crate) struct Checked {
    pub(crate) schema: Schema,
    pub(crate) decisions: BTreeSet<String>,
    pub(crate) default: (String, String),
    /// By name.
    pub(crate) rules: Vec<Rule>,
}

/// What the rules of a file are checked against.
struct Context<'a> {
    text: &'a str,
    schema: &'a Schema,
    types: EntryTypes<'a>,
    suggestions: &'a Suggestions,
    decisions: &'a BTreeSet<String>,
    /// Names that are not there because what declares them could not be read.
    broken: &'a BTreeSet<String>,
    /// `decisions` could not be read.
    decisions_broken: bool,
    diagnostics: Vec<Diagnostic>,
}

/// Checks a file. Gives nothing if something is wrong; what is wrong is added to `diagnostics`.
pub(crate) fn check(file: File, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Checked> {
    let File { schema: schema_node, decisions: decisions_node, default, rules: nodes } = file;
    let mut broken = BTreeSet::new();
    let suggestions = Suggestions::new();
    let schema_broken = schema_node.is_none();
    let schema =
        schema_node.map(|node| schema::schema(node, &suggestions, &mut broken, diagnostics));
    let schema = schema.unwrap_or_else(|| Schema {
        name: String::new(),
        version: 0,
        entries: BTreeMap::new(),
        steps: BTreeMap::new(),
    });

    let decisions_broken = decisions_node.is_none();
    let mut decisions = BTreeSet::new();
    for name in decisions_node.unwrap_or_default() {
        if let Err(rule) = names::plain(&name.value) {
            let message = format!("`{}` cannot be the name of a decision", name.value);
            diagnostics.push(Diagnostic::new(NAME, name.span, message).help(rule));
        } else if decisions.contains(&name.value) {
            let message = format!("decision `{}` stands twice", name.value);
            diagnostics.push(Diagnostic::new(DUPLICATE, name.span, message).help("remove one"));
        }
        decisions.insert(name.value);
    }

    let default = default.and_then(|node| {
        if !decisions_broken && !decisions.contains(&node.decision.value) {
            let names = decisions.iter().map(String::as_str);
            diagnostics.push(unknown(DECISION, "decision", &node.decision, names));
            return None;
        }
        Some((node.decision.value, node.because))
    });

    if let Some(node) = nodes.get(limits::RULES) {
        let message = format!("more than {} rules", limits::RULES);
        diagnostics.push(
            Diagnostic::new(TOO_LARGE, node.span, message).help("split the file by playbook"),
        );
        return None;
    }
    let mut context = Context {
        text,
        schema: &schema,
        types: EntryTypes { schema: &schema, suggestions: &suggestions },
        suggestions: &suggestions,
        decisions: &decisions,
        broken: &broken,
        decisions_broken,
        diagnostics: Vec::new(),
    };
    ranking::check(&nodes, &suggestions, &mut context.diagnostics);
    let mut rules = Vec::with_capacity(nodes.len());
    let mut known = BTreeSet::new();
    for node in nodes {
        if !known.insert(node.name.value.clone()) {
            let message = format!("a second rule `{}`", node.name.value);
            let diagnostic = Diagnostic::new(DUPLICATE, node.name.span, message);
            context.diagnostics.push(diagnostic.help("give one another name"));
        }
        rules.extend(rule::rule(node, schema_broken, &mut context));
    }
    diagnostics.append(&mut context.diagnostics);
    rules.sort_by(|a: &Rule, b: &Rule| a.name.cmp(&b.name));
    match default {
        Some(default) if diagnostics.is_empty() => {
            Some(Checked { schema, decisions, default, rules })
        }
        _ => None,
    }
}
