//! The ranking of rules: every `over` names a rule, and no rule ranks above itself.

use std::collections::HashMap;

use logdive_core::Diagnostic;

use crate::diagnostics::{CIRCLE, OVER, Suggestions, unknown};
use crate::syntax::RuleNode;

pub(super) fn check(
    rules: &[RuleNode],
    suggestions: &Suggestions,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let index: HashMap<&str, usize> =
        rules.iter().enumerate().map(|(at, rule)| (rule.name.value.as_str(), at)).collect();
    let mut below: Vec<Vec<usize>> = Vec::with_capacity(rules.len());
    for rule in rules {
        let mut targets = Vec::new();
        for name in &rule.over {
            match index.get(name.value.as_str()) {
                Some(at) => targets.push(*at),
                None => {
                    let names = rules.iter().map(|rule| rule.name.value.as_str());
                    let names = names.take(suggestions.most());
                    diagnostics.push(unknown(OVER, "rule", name, names));
                }
            }
        }
        below.push(targets);
    }
    for at in in_circles(&below) {
        if let Some(rule) = rules.get(at) {
            let others = rule.over.iter().map(|name| format!("`{}`", name.value));
            let message = format!("rule `{}` ranks above itself", rule.name.value);
            let help = format!("it is over {}: remove one `over` of the circle", join(others));
            diagnostics.push(Diagnostic::new(CIRCLE, rule.name.span, message).help(help));
        }
    }
}

fn join(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// The rules that take part in a circle: what is left when rules that nothing ranks above, and
/// rules that rank above nothing, are taken away again and again.
fn in_circles(below: &[Vec<usize>]) -> Vec<usize> {
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); below.len()];
    for (at, targets) in below.iter().enumerate() {
        for target in targets {
            if let Some(list) = above.get_mut(*target) {
                list.push(at);
            }
        }
    }
    let left = peel(below, &above, vec![true; below.len()]);
    let left = peel(&above, below, left);
    left.iter().enumerate().filter(|(_, left)| **left).map(|(at, _)| at).collect()
}

/// Takes away, again and again, every rule to which no edge comes from one that is left.
fn peel(edges: &[Vec<usize>], reverse: &[Vec<usize>], mut left: Vec<bool>) -> Vec<bool> {
    let is_left = |left: &[bool], at: usize| left.get(at).copied().unwrap_or(false);
    let mut incoming: Vec<usize> = reverse
        .iter()
        .map(|sources| sources.iter().filter(|at| is_left(&left, **at)).count())
        .collect();
    let mut free: Vec<usize> =
        (0..left.len()).filter(|at| is_left(&left, *at) && incoming.get(*at) == Some(&0)).collect();
    while let Some(at) = free.pop() {
        if let Some(slot) = left.get_mut(at) {
            *slot = false;
        }
        for target in edges.get(at).into_iter().flatten() {
            if let Some(count) = incoming.get_mut(*target).filter(|_| is_left(&left, *target)) {
                *count -= 1;
                if *count == 0 {
                    free.push(*target);
                }
            }
        }
    }
    left
}
