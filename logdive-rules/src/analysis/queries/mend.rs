//! How a gap is closed: a rule for what the others leave.

use std::collections::BTreeSet;

use logdive_core::{Field, Mode, Predicate};

use super::Queries;
use crate::analysis::finding::Fix;
use crate::analysis::problem::{Problem, Reply, fields};
use crate::draft::{Condition, Draft, RuleDraft};
use crate::rule::Rule;
use crate::set::RuleSet;
use crate::statement::{Statement, StatementKind};

/// Sets of more rules are not analysed again only to propose a fix.
const MOST_RULES: usize = 300;

impl Queries<'_> {
    /// A rule that decides where the statement's condition is true and none of the others applies,
    /// as the default does. What makes the others unknown by being absent is left out of the
    /// statement, if it must be. It is proposed only if the statement holds then.
    pub(super) fn close(&self, statement: &Statement, near: &[&Rule]) -> Option<Fix> {
        let set = self.problem.set;
        if set.rules.len() > MOST_RULES {
            return None;
        }
        let others: Vec<Predicate> = near.iter().map(|rule| applies(rule)).collect();
        let mut name = "what the others leave".to_owned();
        while set.rule(&name).is_some() {
            name.push('_');
        }
        let (decision, because) = set.default_decision();
        let mut rule = RuleDraft::new(name, 1, Mode::Suggest)
            .when(statement.when.clone())
            .decide(decision)
            .because(because.replace('{', "{{").replace('}', "}}"));
        if !others.is_empty() {
            rule = rule.unless(either(others));
        }
        let absent: BTreeSet<&str> = near
            .iter()
            .flat_map(|rule| [Some(&rule.when), rule.unless.as_ref()])
            .flatten()
            .flat_map(fields)
            .filter(|name| set.schema.entries.get(*name).is_some_and(|entry| entry.optional))
            .collect();
        let present = absent.into_iter().filter_map(|name| Field::parse(name).ok());
        let present: Vec<Predicate> = present.map(|field| Predicate::Absent(field).not()).collect();
        let narrower = present.into_iter().fold(statement.when.clone(), Predicate::and);
        let holds = |when: &Predicate| self.holds_with(&rule, statement, when);
        let cover = if holds(&statement.when) {
            None
        } else if narrower != statement.when && holds(&narrower) {
            Some(narrower.to_string())
        } else {
            return None;
        };
        let with = Draft::from(set).rule(rule.clone()).build().ok()?;
        let text = with.rule(&rule.name)?.to_string();
        Some(Fix::Rule { text: text.trim_end().to_owned(), cover })
    }

    /// Whether the statement, with this condition, holds once the rule is added.
    fn holds_with(&self, rule: &RuleDraft, statement: &Statement, when: &Predicate) -> bool {
        let mut draft = Draft::from(self.problem.set).rule(rule.clone());
        draft.cover = vec![Condition::Tree(when.clone())];
        draft.never_automatic.clear();
        draft.build().is_ok_and(|set| covers(&set, statement.kind))
    }
}

fn covers(set: &RuleSet, kind: StatementKind) -> bool {
    let mut problem = Problem::new(set, crate::analysis::Budget::default());
    let Some(when) = problem.stated.first().map(|rails| rails.yes) else { return false };
    let decided = problem.world.decided;
    let literals = [when, problem.definite, !decided];
    kind == StatementKind::Cover && problem.ask(&literals) == Reply::Never
}

/// `when and not unless`
fn applies(rule: &Rule) -> Predicate {
    match &rule.unless {
        Some(unless) => rule.when.clone().and(unless.clone().not()),
        None => rule.when.clone(),
    }
}

fn either(mut conditions: Vec<Predicate>) -> Predicate {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        last => {
            conditions.extend(last);
            Predicate::Or(conditions)
        }
    }
}
