//! What statements say: gaps, and automatic decisions that must not be.

use std::collections::BTreeSet;

use batsat::Lit;
use logdive_core::{Comparison, Conclusion, Facts, Mode, Predicate, Truth, Value};

use super::{Queries, Reply, Statement, StatementKind, matter};
use crate::analysis::cells::Domain;
use crate::analysis::finding::{Finding, Fix, codes};
use crate::analysis::problem::fields;
use crate::rule::Rule;

impl<'a> Queries<'a> {
    /// Facts that `cover` names and no rule decides, and conditions that are never true.
    pub(super) fn gaps(&mut self) {
        let decided = self.problem.world.decided;
        for (index, statement) in self.statements.iter().enumerate() {
            self.statement = Some(index);
            let Some(when) = self.problem.stated.get(index).copied() else { continue };
            let question = format!("whether `{}` is ever true", statement.when);
            if self.ask(&[when.yes], &[], &question) == Some(Reply::Never) {
                let message = format!("the condition of `{statement}` can never be true");
                self.report(Finding::new(codes::VAIN, &[], message).about(index));
            }
            if statement.kind != StatementKind::Cover {
                continue;
            }
            let question = format!("whether `{statement}` holds");
            let literals = [when.yes, self.problem.definite, !decided];
            let Some(Reply::Found(choices)) = self.ask(&literals, &[], &question) else { continue };
            let mut came_out = String::new();
            let facts = self.replay(&choices, &[], &question, |facts, decision| {
                came_out = decision.to_string();
                truth(&statement.when, facts) == Truth::True
                    && !matches!(
                        decision.conclusion(),
                        Conclusion::Decided { .. } | Conclusion::NoActionNeeded { .. }
                    )
            });
            if let Some(facts) = facts {
                let near = self.rules_near(when.yes);
                let fix = self.close(statement, &near);
                let matter = matter(near).into_iter().chain(fields(&statement.when)).collect();
                let message = format!("`{statement}` does not hold: {came_out}");
                let finding = Finding::new(codes::GAP, &[], message).about(index);
                let finding = finding.shown_by(facts, matter);
                self.report(match fix {
                    Some(fix) => finding.mended_by(fix),
                    None => finding,
                });
            }
        }
    }

    /// The rules that can be true where something is.
    fn rules_near(&mut self, literal: Lit) -> Vec<&'a Rule> {
        let mut near = Vec::new();
        for at in self.parts() {
            let Some(rails) = self.problem.rails.get(at).copied() else { continue };
            if matches!(self.problem.ask(&[rails.yes, literal]), Reply::Found(_)) {
                near.extend(self.rule(at));
            }
        }
        near
    }

    /// Automatic decisions where a `never automatic` is not false.
    pub(super) fn automatic(&mut self) {
        let automatic = self.problem.world.automatic(&mut self.problem.sat);
        for (index, statement) in self.statements.iter().enumerate() {
            self.statement = Some(index);
            let Some(when) = self.problem.stated.get(index).copied() else { continue };
            if statement.kind != StatementKind::NeverAutomatic {
                continue;
            }
            let question = format!("whether `{statement}` holds");
            if self.ask(&[!when.no, automatic], &[], &question) == Some(Reply::Never) {
                continue;
            }
            for at in self.parts() {
                if self.is_full(codes::AUTOMATIC) {
                    return;
                }
                let Some(rule) = self.rule(at).filter(|rule| rule.mode == Mode::Automatic) else {
                    continue;
                };
                let decides = self.problem.world.decides(at, &self.problem.set.rules);
                let Some(mut literals) = decides else { continue };
                literals.push(!when.no);
                let names = [rule.name()];
                let Some(Reply::Found(choices)) = self.ask(&literals, &names, &question) else {
                    continue;
                };
                let facts = self.replay(&choices, &names, &question, |facts, decision| {
                    decision.rule() == Some(rule.name())
                        && decision.mode() == Mode::Automatic
                        && truth(&statement.when, facts) != Truth::False
                });
                if let Some(facts) = facts {
                    let is = match truth(&statement.when, &facts) {
                        Truth::True => "true",
                        _ => "not known to be false",
                    };
                    let message = format!(
                        "`{statement}` does not hold: rule `{}` decides automatically while the \
                         condition is {is}",
                        rule.name()
                    );
                    let matter = matter([rule]).into_iter().chain(fields(&statement.when));
                    let matter: BTreeSet<&str> = matter.collect();
                    let fix = fix(rule, statement, &self.problem.domains);
                    let finding = Finding::new(codes::AUTOMATIC, &names, message).about(index);
                    self.report(finding.shown_by(facts, matter).mended_by(fix));
                }
            }
        }
    }
}

fn truth(condition: &Predicate, facts: &Facts) -> Truth {
    condition.eval(&|field| facts.read(field.name()))
}

/// What to add to a rule so that it is true only where the condition is false.
fn fix(rule: &Rule, statement: &Statement, domains: &[Domain]) -> Fix {
    let name = rule.name().to_owned();
    if matches!(&rule.when, Predicate::Or(terms) if terms.len() > 1) {
        // After an `or` nothing can be added without parentheses; after `unless` it can.
        let (add, becomes) = match &rule.unless {
            Some(unless) => {
                (format!("or {}", statement.when), format!("{unless} or {}", statement.when))
            }
            None => (format!("unless {}", statement.when), statement.when.to_string()),
        };
        return Fix::Unless { rule: name, add, becomes };
    }
    let opposite = opposite(&statement.when, domains);
    let opposite = match &opposite {
        Predicate::Or(terms) if terms.len() > 1 => format!("({opposite})"),
        _ => opposite.to_string(),
    };
    let becomes = if rule.when == Predicate::always() {
        opposite.clone()
    } else {
        format!("{} and {opposite}", rule.when)
    };
    Fix::When { rule: name, add: format!("and {opposite}"), becomes }
}

/// What is true exactly where a condition is false.
fn opposite(condition: &Predicate, domains: &[Domain]) -> Predicate {
    match condition {
        Predicate::Not(inner) => match &**inner {
            Predicate::Not(inner) => opposite(inner, domains),
            inner => inner.clone(),
        },
        Predicate::Compare { field, comparison, value } => {
            let range = domains
                .iter()
                .find(|domain| domain.name == field.name())
                .and_then(|domain| domain.views.iter().flatten().next()?.range);
            let comparison = match (comparison, value, range) {
                // At the end of a range what is left lies to one side.
                (Comparison::Equal, Value::Int(end), Some((low, _))) if *end == low => {
                    Comparison::Greater
                }
                (Comparison::Equal, Value::Int(end), Some((_, high))) if *end == high => {
                    Comparison::Less
                }
                (Comparison::Equal, ..) => Comparison::NotEqual,
                (Comparison::NotEqual, ..) => Comparison::Equal,
                (Comparison::Less, ..) => Comparison::GreaterOrEqual,
                (Comparison::LessOrEqual, ..) => Comparison::Greater,
                (Comparison::Greater, ..) => Comparison::LessOrEqual,
                (Comparison::GreaterOrEqual, ..) => Comparison::Less,
            };
            Predicate::Compare { field: field.clone(), comparison, value: value.clone() }
        }
        other => other.clone().not(),
    }
}
