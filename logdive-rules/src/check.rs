//! The checker: from what was written to a rule set, or all that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use logdive_core::{Diagnostic, Span};

use crate::diagnostics::{DECISION, DUPLICATE, NAME, Suggestions, TOO_LARGE, unknown};
use crate::limits;
use crate::rule::Rule;
use crate::schema::{EntryTypes, Schema};
use crate::statement::Statement;
use crate::syntax::File;

mod condition;
mod effect;
mod names;
mod ranking;
mod rule;
mod schema;
mod statement;

/// What a file says, checked.
pub(crate) struct Checked {
    pub(crate) schema: Schema,
    pub(crate) decisions: BTreeSet<String>,
    pub(crate) default: (String, String),
    pub(crate) statements: Vec<Statement>,
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
    /// Where entries are declared.
    places: &'a Places,
    decisions_at: Option<Span>,
    /// Names that are not there because what declares them could not be read.
    broken: &'a BTreeSet<String>,
    /// `decisions` could not be read.
    decisions_broken: bool,
    diagnostics: Vec<Diagnostic>,
}

/// Where the entries of a schema are declared, by name; fields of a step as `step.field`.
type Places = BTreeMap<String, Span>;

/// Points at the list of decisions.
fn listed_at(diagnostic: Diagnostic, decisions: Option<Span>) -> Diagnostic {
    match decisions {
        Some(span) => diagnostic.label(span, "decisions are listed here"),
        None => diagnostic,
    }
}

/// Checks a file. Gives nothing if something is wrong; what is wrong is added to `diagnostics`.
pub(crate) fn check(file: File, text: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<Checked> {
    let File {
        schema: schema_node,
        decisions: decisions_node,
        default,
        statements: claims,
        rules: nodes,
    } = file;
    let mut broken = BTreeSet::new();
    let suggestions = Suggestions::new();
    let schema_broken = schema_node.is_none();
    let mut places = Places::new();
    let schema = schema_node
        .map(|node| schema::schema(node, &suggestions, &mut places, &mut broken, diagnostics));
    let schema = schema.unwrap_or_else(|| Schema {
        name: String::new(),
        version: 0,
        entries: BTreeMap::new(),
        steps: BTreeMap::new(),
    });

    let decisions_broken = decisions_node.is_none();
    let decisions_at = decisions_node.as_ref().map(|node| node.span);
    let mut decisions = BTreeSet::new();
    let mut first = BTreeMap::new();
    for name in decisions_node.into_iter().flat_map(|node| node.names) {
        if let Err(rule) = names::plain(&name.value) {
            let message = format!("`{}` cannot be the name of a decision", name.value);
            diagnostics.push(Diagnostic::new(NAME, name.span, message).help(rule));
        } else if let Some(first) = first.get(&name.value) {
            let message = format!("decision `{}` stands twice", name.value);
            let diagnostic = Diagnostic::new(DUPLICATE, name.span, message).help("remove one");
            diagnostics.push(diagnostic.label(*first, "the first is here"));
        }
        first.entry(name.value.clone()).or_insert(name.span);
        decisions.insert(name.value);
    }

    let default = default.and_then(|node| {
        if !decisions_broken && !decisions.contains(&node.decision.value) {
            let names = decisions.iter().map(String::as_str);
            let diagnostic = unknown(DECISION, "decision", &node.decision, names);
            diagnostics.push(listed_at(diagnostic, decisions_at));
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
        places: &places,
        decisions_at,
        broken: &broken,
        decisions_broken,
        diagnostics: Vec::new(),
    };
    ranking::check(&nodes, &suggestions, &mut context.diagnostics);
    let mut rules = Vec::with_capacity(nodes.len());
    let mut known: BTreeMap<String, Span> = BTreeMap::new();
    for node in nodes {
        if let Some(first) = known.get(&node.name.value) {
            let message = format!("a second rule `{}`", node.name.value);
            let diagnostic = Diagnostic::new(DUPLICATE, node.name.span, message);
            let diagnostic = diagnostic.label(*first, "the first is here");
            context.diagnostics.push(diagnostic.help("give one another name"));
        } else {
            known.insert(node.name.value.clone(), node.name.span);
        }
        rules.extend(rule::rule(node, schema_broken, &mut context));
    }
    let statements = claims
        .into_iter()
        .filter(|_| !schema_broken)
        .filter_map(|node| statement::statement(&node, &mut context))
        .collect();
    diagnostics.append(&mut context.diagnostics);
    rules.sort_by(|a: &Rule, b: &Rule| a.name.cmp(&b.name));
    match default {
        Some(default) if diagnostics.is_empty() => {
            Some(Checked { schema, decisions, default, statements, rules })
        }
        _ => None,
    }
}
