//! Findings in the text that they are about.

use std::collections::HashMap;

use logdive_core::predicate::syntax::{Expr, ExprKind};
use logdive_core::{Diagnostic, Span};

use super::{Analysis, Finding, Fix};
use crate::set::RuleSet;
use crate::statement::Statement;
use crate::syntax::{self, RuleNode};

impl Analysis {
    /// The findings, and what was not decided, as diagnostics of the text that the set was read
    /// from; the worst first. A finding stands at the condition that its fix changes, else at its
    /// statement or its first rule; the facts that show it are in the help.
    #[must_use]
    pub fn diagnostics(&self, rules: &RuleSet, text: &str) -> Vec<Diagnostic> {
        let (file, _) = syntax::parse_within_limits(text);
        let nodes = file.rules.iter().map(|node| (node.name.value.as_str(), node)).collect();
        let statements = file.statements.iter().filter_map(|node| {
            let when = rules.condition(text.get(node.when.span.range())?).ok()?;
            Some((Statement { kind: node.kind, when }, node.when.span))
        });
        let places = Nodes { text, nodes, statements: statements.collect() };
        let all = self.findings().iter().chain(self.undecided());
        all.map(|finding| places.diagnostic(finding, rules)).collect()
    }
}

/// Where rules and statements stand.
struct Nodes<'a> {
    text: &'a str,
    nodes: HashMap<&'a str, &'a RuleNode>,
    statements: HashMap<Statement, Span>,
}

impl Nodes<'_> {
    fn diagnostic(&self, finding: &Finding, rules: &RuleSet) -> Diagnostic {
        let statement = finding.statement.and_then(|at| rules.statements().get(at));
        let statement = statement.and_then(|statement| self.statements.get(statement)).copied();
        let named: Vec<Span> = finding
            .rules
            .iter()
            .filter_map(|name| self.nodes.get(name.as_str()))
            .map(|node| node.span)
            .collect();
        let mend = finding.fix.as_ref().and_then(|fix| self.mend(fix, statement));
        let at = mend.as_ref().map(|(span, _)| *span).or(statement).or(named.first().copied());
        let span = at.unwrap_or_default();
        let mut diagnostic =
            Diagnostic::new(finding.code, span, finding.message.as_str()).level(finding.level);
        for other in statement.into_iter().chain(named).filter(|other| *other != span) {
            let what = if Some(other) == statement { "this is claimed" } else { "this rule" };
            diagnostic = diagnostic.label(other, what);
        }
        let help = help(finding);
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        match mend {
            Some((_, becomes)) => diagnostic.suggestion(becomes),
            None => diagnostic,
        }
    }

    /// What a fix replaces, and by what: conditions are kept as their authors wrote them.
    fn mend(&self, fix: &Fix, statement: Option<Span>) -> Option<(Span, String)> {
        let written = |expression: &Expr| {
            let text = self.text.get(expression.span.range())?;
            Some((expression.span, text, matches!(expression.kind, ExprKind::Or(_))))
        };
        match fix {
            Fix::When { rule, add, .. } => {
                let (span, text, is_or) = written(self.nodes.get(rule.as_str())?.when.as_ref()?)?;
                let text = if is_or { format!("({text})") } else { text.to_owned() };
                Some((span, format!("{text} {add}")))
            }
            Fix::Unless { rule, add, .. } => {
                let node = self.nodes.get(rule.as_str())?;
                let joined = node.unless.as_ref().map_or("\n  ", |_| " ");
                let expression = node.unless.as_ref().or(node.when.as_ref())?;
                let (span, text, _) = written(expression)?;
                Some((span, format!("{text}{joined}{add}")))
            }
            Fix::Rule { text, cover } => {
                let span = statement?;
                let cover = cover.as_deref().or(self.text.get(span.range()))?;
                Some((span, format!("{cover}\n\n{text}")))
            }
            Fix::RemoveOver { .. } => None,
        }
    }
}

/// The facts that show a finding, and what mends it.
fn help(finding: &Finding) -> String {
    let facts = finding.witness.iter().flat_map(|facts| facts.iter());
    let facts = facts.filter(|(name, _)| finding.matter.iter().any(|matter| matter == name));
    let facts: Vec<String> = facts.map(|(name, fact)| format!("{name}: {fact}")).collect();
    let mut help = match facts.as_slice() {
        [] => String::new(),
        facts => format!("it is so with {}", facts.join("; ")),
    };
    if let Some(fix) = &finding.fix {
        if !help.is_empty() {
            help.push_str(". To mend it, ");
        }
        help.push_str(&fix.to_string());
    }
    help
}
