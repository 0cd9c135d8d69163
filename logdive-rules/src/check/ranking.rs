//! The ranking of rules: every `over` names a rule, and no rule ranks above itself.

use std::collections::{BTreeSet, HashMap, VecDeque};

use logdive_core::Diagnostic;

use crate::diagnostics::{CIRCLE, OVER, Suggestions, unknown};
use crate::syntax::RuleNode;

/// Most rules of one circle that are pointed at.
const MOST_LABELS: usize = 8;

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
    for circle in circles(&below) {
        // What is named first is what stands first in the file.
        let named: Vec<&RuleNode> = circle.iter().filter_map(|at| rules.get(*at)).collect();
        let Some((first, others)) = named.split_first() else { continue };
        let message = format!("rule `{}` ranks above itself", first.name.value);
        let mut diagnostic = Diagnostic::new(CIRCLE, first.name.span, message);
        let next = others.first().unwrap_or(first);
        diagnostic = diagnostic.help(format!(
            "it is over `{}`{}: remove one `over` of the circle",
            next.name.value,
            if others.is_empty() { "" } else { ", which leads back to it" },
        ));
        for (at, rule) in others.iter().enumerate().take(MOST_LABELS) {
            let next = others.get(at + 1).unwrap_or(first);
            let over = rule.over.iter().find(|over| over.value == next.name.value);
            let place = over.map_or(rule.name.span, |over| over.span);
            let message = format!("`{}` is over `{}`", rule.name.value, next.name.value);
            diagnostic = diagnostic.label(place, message);
        }
        diagnostics.push(diagnostic);
    }
}

/// The circles in a ranking, each as a way from its first rule back to it; of circles that share
/// a rule, one.
fn circles(below: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut group_of = vec![usize::MAX; below.len()];
    for (number, group) in groups(below).iter().enumerate() {
        for at in group {
            if let Some(slot) = group_of.get_mut(*at) {
                *slot = number;
            }
        }
    }
    let mut seen = BTreeSet::new();
    let starts = group_of.iter().enumerate().filter(|(_, group)| seen.insert(**group));
    starts.filter_map(|(start, _)| circle(start, below, &group_of)).collect()
}

/// The shortest way from a rule back to it, inside its group.
fn circle(start: usize, below: &[Vec<usize>], group_of: &[usize]) -> Option<Vec<usize>> {
    let mut from: HashMap<usize, usize> = HashMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(at) = open.pop_front() {
        for next in below.get(at).into_iter().flatten() {
            if *next == start {
                let mut way = vec![at];
                let mut at = at;
                while at != start {
                    at = *from.get(&at)?;
                    way.push(at);
                }
                way.reverse();
                return Some(way);
            }
            if group_of.get(*next) == group_of.get(start) && !from.contains_key(next) {
                from.insert(*next, at);
                open.push_back(*next);
            }
        }
    }
    None
}

/// Groups of rules of which each ranks above all others of its group: strongly connected, by two
/// walks (Kosaraju). A rule that is in no circle is a group of its own.
fn groups(below: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut above: Vec<Vec<usize>> = vec![Vec::new(); below.len()];
    for (at, targets) in below.iter().enumerate() {
        for target in targets {
            if let Some(list) = above.get_mut(*target) {
                list.push(at);
            }
        }
    }
    let mut order = Vec::with_capacity(below.len());
    let mut seen = vec![false; below.len()];
    for start in 0..below.len() {
        walk(start, below, &mut seen, &mut order);
    }
    let mut seen = vec![false; below.len()];
    let mut groups = Vec::new();
    for start in order.into_iter().rev() {
        let mut group = Vec::new();
        walk(start, &above, &mut seen, &mut group);
        groups.extend(Some(group).filter(|group| !group.is_empty()));
    }
    groups
}

/// Adds all that is reached and was not seen before, each behind what is reached from it.
fn walk(start: usize, edges: &[Vec<usize>], seen: &mut [bool], order: &mut Vec<usize>) {
    let mut first = |at: usize| seen.get_mut(at).is_some_and(|seen| !std::mem::replace(seen, true));
    let mut open = Vec::new();
    if first(start) {
        open.push((start, 0));
    }
    while let Some((at, edge)) = open.pop() {
        match edges.get(at).and_then(|edges| edges.get(edge)) {
            Some(next) => {
                open.push((at, edge + 1));
                if first(*next) {
                    open.push((*next, 0));
                }
            }
            None => order.push(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::circles;

    #[test]
    fn of_a_ranking_only_circles_are_found() {
        let none: Vec<Vec<usize>> = Vec::new();
        assert_eq!(circles(&[vec![1, 2], vec![2], vec![]]), none);
        assert_eq!(circles(&[vec![0]]), [[0]]);
        // What leads from one circle to another is in none.
        let two = [vec![1], vec![0, 2], vec![3], vec![4], vec![5], vec![3]];
        assert_eq!(circles(&two), [vec![0, 1], vec![3, 4, 5]]);
        let long: Vec<Vec<usize>> = (0..10_000).map(|at| vec![(at + 1) % 10_000]).collect();
        assert_eq!(circles(&long), [(0..10_000).collect::<Vec<_>>()]);
    }
}
