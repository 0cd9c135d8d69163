//! One rule.

use logdive_core::port::RuleBounds;
use logdive_core::{Diagnostic, Mode, nearest};

use super::condition::{Unavailable, unavailable};
use super::{Context, listed_at};
use crate::diagnostics::{DECISION, MISSING_CLAUSE, MODE, NAME, UNAVAILABLE, unknown};
use crate::limits;
use crate::rule::Rule;
use crate::syntax::RuleNode;
use crate::template::Template;

/// Checks a rule; all that is wrong with it is reported.
pub(super) fn rule(node: RuleNode, schema_broken: bool, context: &mut Context<'_>) -> Option<Rule> {
    let name = &node.name.value;
    if name.is_empty() || name.len() > limits::NAME || name.chars().any(char::is_control) {
        let help = format!("1 to {} bytes without control characters", limits::NAME);
        let message = "this cannot be the name of a rule".to_owned();
        context.report(NAME, node.name.span, message, &help);
    }
    // What could not be read is reported already: nothing is missing for certain.
    if !node.broken {
        for (clause, missing, help) in [
            ("when", node.when.is_none(), "a rule that always applies says `when true`"),
            ("decide", node.decide.is_none(), "write `decide NAME because \"…\"`"),
        ] {
            if missing {
                let message = format!("the rule has no `{clause}`");
                context.report(MISSING_CLAUSE, node.span, message, help);
            }
        }
    }
    let mode = node.mode.as_ref().and_then(|word| {
        let mode = Mode::from_name(&word.value);
        if mode.is_none() {
            let names = Mode::ALL.map(Mode::name);
            let mut diagnostic = unknown(MODE, "mode", word, names);
            if let Some(near) = nearest(&word.value, &names) {
                diagnostic = diagnostic.suggestion(near);
            }
            context.diagnostics.push(diagnostic);
        }
        mode
    });
    report_unavailable(&node, mode, context);
    // Without a schema every fact would be reported as unknown.
    let when = node.when.as_ref().filter(|_| !schema_broken);
    let when = when.and_then(|when| context.condition(when));
    let unless = match &node.unless {
        Some(unless) if !schema_broken => context.condition(unless).map(Some),
        Some(_) => None,
        None => Some(None),
    };
    let mut because = None;
    let decision = node.decide.and_then(|decide| {
        because = match decide.because {
            Some(text) if !schema_broken => context.template(&text),
            _ => Some(Template::plain(&format!("rule `{}` applies", node.name.value))),
        };
        if context.decisions.contains(&decide.decision.value) {
            return Some(decide.decision.value);
        }
        if !context.decisions_broken {
            let names = context.decisions.iter().map(String::as_str);
            let names = names.take(context.suggestions.most());
            let diagnostic = unknown(DECISION, "decision", &decide.decision, names);
            context.diagnostics.push(listed_at(diagnostic, context.decisions_at));
        }
        None
    });
    let effect = if schema_broken { None } else { context.effect(node.effect) };
    Some(Rule {
        name: node.name.value,
        version: node.version?,
        mode: mode?,
        over: node.over.into_iter().map(|name| name.value).collect(),
        owner: node.owner.map(|owner| owner.value),
        bounds: RuleBounds::default().cap(node.cap).review_by(node.review_by),
        when: when?,
        unless: unless?,
        decision: decision?,
        because: because?,
        effect: effect?,
    })
}

/// `is unavailable` is the one term that more knowledge can make false. An automatic rule must
/// not act on it, and no rule may apply because of its being false: an automatic decision would
/// not stand when more becomes known.
fn report_unavailable(node: &RuleNode, mode: Option<Mode>, context: &mut Context<'_>) {
    let mut found = Vec::new();
    if let Some(when) = &node.when {
        unavailable(when, false, None, &mut found);
    }
    if let Some(unless) = &node.unless {
        unavailable(unless, true, Some(false), &mut found);
    }
    for Unavailable { span, against, neutral } in found {
        let (message, help) = if mode == Some(Mode::Automatic) {
            (
                "an automatic rule reads `is unavailable`",
                "remove the term: a fact that cannot be had leaves the rule undetermined, and \
                 hands over to a person; or lower the rule's mode",
            )
        } else if against {
            (
                "`is unavailable` under a negation",
                "remove the term: a rule that reads the fact is undetermined without it anyway",
            )
        } else {
            continue;
        };
        let mut diagnostic = Diagnostic::new(UNAVAILABLE, span, message).help(help);
        if let Some(neutral) = neutral {
            diagnostic = diagnostic.suggestion(neutral.to_string());
        }
        if let Some(word) = node.mode.as_ref().filter(|_| mode == Some(Mode::Automatic)) {
            diagnostic = diagnostic.label(word.span, "the rule is automatic");
        }
        context.diagnostics.push(diagnostic);
    }
}
