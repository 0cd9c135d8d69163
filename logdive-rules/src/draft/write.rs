//! From a draft to text, and from a rule set to a draft.
//!
//! A draft's parts are written into the text one by one, each only after it was read alone as what
//! it should be, so that no part can say more than its place allows.

use std::fmt::Write as _;

use logdive_core::predicate::syntax::{self, Cursor, tokens};
use logdive_core::{Diagnostic, FieldName, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Condition, DefaultDraft, Draft, DraftError, EffectDraft, FORM, RuleDraft, SchemaDraft,
};
use crate::limits;
use crate::rule::Argument;
use crate::schema::Origin;
use crate::set::RuleSet;
use crate::statement::StatementKind;
use crate::syntax::part;

type Written<T = ()> = Result<T, DraftError>;

impl Draft {
    /// Writes it as a rule file, parts in their order here; nothing is checked against the schema.
    ///
    /// # Errors
    /// The first part that is not what it should be.
    pub fn text(&self) -> Result<String, DraftError> {
        if self.form != FORM {
            return Err(DraftError::Form { found: self.form });
        }
        let mut to = String::new();
        self.schema.write(&mut to)?;
        to.push_str("decisions {");
        for decision in &self.decisions {
            line(&mut to, format_args!("  {},", word("a decision", decision)?));
        }
        let DefaultDraft { decision, because } = &self.default;
        let decision = word("a decision", decision)?;
        line(&mut to, format_args!("}}\ndefault {decision} {}", quoted(because)));
        for (kind, claims) in [
            (StatementKind::Cover, &self.cover),
            (StatementKind::NeverAutomatic, &self.never_automatic),
        ] {
            for claim in claims {
                let claim = condition(kind.words(), claim)?;
                line(&mut to, format_args!("{} when {claim}", kind.words()));
            }
        }
        for rule in &self.rules {
            rule.write(&mut to)?;
        }
        Ok(to)
    }
}

/// Each part stands in lines of its own, so that a comment at its end hides nothing.
fn line(to: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    let _ = writeln!(to, "{text}");
}

impl SchemaDraft {
    fn write(&self, to: &mut String) -> Written {
        let name = word("a schema", &self.name)?;
        line(to, format_args!("schema {name} v{} {{", self.version));
        for (name, kind) in &self.ticket {
            let name = format!("ticket.{name}");
            let entry = entry(word("a ticket field", &name)?, ':', kind)?;
            line(to, format_args!("{entry}"));
        }
        for (step, fields) in &self.evidence {
            line(to, format_args!("evidence {} : rows {{", word("a step", step)?));
            for (name, kind) in fields {
                let name = word("a field", name)?;
                part(&format!("{step}.{name}"), kind, |cursor| {
                    crate::syntax::one_type(cursor).map(drop)
                })?;
                line(to, format_args!("  {name}: {kind}\n,"));
            }
            line(to, format_args!("}}"));
        }
        for (facts, sign) in [(&self.facts, ':'), (&self.measures, '=')] {
            for (name, rest) in facts {
                let name = word("a fact", name)?;
                let entry = entry(&format!("fact {name}"), sign, rest)?;
                line(to, format_args!("{entry}"));
            }
        }
        line(to, format_args!("}}"));
        Ok(())
    }
}

impl RuleDraft {
    fn write(&self, to: &mut String) -> Written {
        let name = &self.name;
        line(to, format_args!("rule {} v{} mode {}", quoted(name), self.version, self.mode));
        for (index, over) in self.over.iter().enumerate() {
            let before = if index == 0 { "over " } else { ", " };
            line(to, format_args!("{before}{}", quoted(over)));
        }
        if let Some(cap) = self.cap {
            let cap = logdive_core::port::Cap { actions: cap.actions, per: cap.per };
            line(to, format_args!("cap {cap}"));
        }
        if let Some(owner) = &self.owner {
            line(to, format_args!("owner {}", quoted(owner)));
        }
        if let Some(day) = self.review_by {
            line(to, format_args!("review by {day}"));
        }
        let when = condition(&format!("`when` of rule `{name}`"), &self.when)?;
        line(to, format_args!("{{\nwhen {when}"));
        if let Some(unless) = &self.unless {
            let unless = condition(&format!("`unless` of rule `{name}`"), unless)?;
            line(to, format_args!("unless {unless}"));
        }
        line(to, format_args!("decide {}", word("a decision", &self.decide)?));
        if let Some(because) = &self.because {
            line(to, format_args!("because {}", quoted(because)));
        }
        match &self.effect {
            EffectDraft::NoAction(_) => line(to, format_args!("no action")),
            EffectDraft::Actions(calls) => {
                for (index, call) in calls.iter().enumerate() {
                    for (parameter, argument) in &call.arguments {
                        word("a parameter", parameter)?;
                        if let Argument::Fact(fact) = argument {
                            word("a fact", fact)?;
                        }
                    }
                    let before = if index == 0 { "do" } else { ";" };
                    line(to, format_args!("{before} {call}"));
                }
            }
        }
        line(to, format_args!("}}"));
        Ok(())
    }
}

/// A name that stands without quotes.
fn word<'a>(what: &'static str, text: &'a str) -> Written<&'a str> {
    match FieldName::parse(text) {
        Ok(_) => Ok(text),
        Err(_) => Err(DraftError::Name {
            what,
            text: text.chars().take(limits::NAME).collect(),
            rule: "words of letters, digits and `_`, none beginning with a digit, joined by dots, \
                   and not a word of the language",
        }),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// An entry of the schema, read alone.
fn entry(name: &str, sign: char, rest: &str) -> Written<String> {
    let text = format!("{name} {sign} {rest}");
    part(name, &text, |cursor| crate::syntax::entry(cursor).map(drop))?;
    Ok(text)
}

/// Reads a part alone, to its end.
fn part(
    place: &str,
    text: &str,
    parse: impl FnOnce(&mut Cursor<'_>) -> Result<(), Diagnostic>,
) -> Written {
    let (tokens, mut found) = tokens(text);
    if let Err(diagnostic) = part::whole(&tokens, "it", &[], parse) {
        found.push(diagnostic);
    }
    match found.into_iter().next() {
        None => Ok(()),
        Some(diagnostic) => {
            Err(DraftError::Part { place: place.to_owned(), diagnostic: Box::new(diagnostic) })
        }
    }
}

/// A condition as text, read alone.
fn condition(place: &str, condition: &Condition) -> Written<String> {
    match condition {
        Condition::Text(text) => {
            part(place, text, |cursor| syntax::expression(cursor).map(drop))?;
            Ok(text.clone())
        }
        Condition::Tree(tree) => match tree.check_limits() {
            Ok(()) => Ok(tree.to_string()),
            Err(source) => Err(DraftError::Tree { place: place.to_owned(), source }),
        },
    }
}

impl From<&RuleSet> for Draft {
    fn from(rules: &RuleSet) -> Self {
        let claims = |kind| {
            let of_kind = rules.statements().iter().filter(move |claim| claim.kind == kind);
            of_kind.map(|claim| Condition::Text(claim.when.to_string())).collect()
        };
        let (decision, because) = rules.default_decision();
        Self {
            form: FORM,
            schema: SchemaDraft::from(rules),
            decisions: rules.decisions().map(str::to_owned).collect(),
            default: DefaultDraft { decision: decision.to_owned(), because: because.to_owned() },
            cover: claims(StatementKind::Cover),
            never_automatic: claims(StatementKind::NeverAutomatic),
            rules: rules.rules().map(RuleDraft::from).collect(),
        }
    }
}

impl From<&RuleSet> for SchemaDraft {
    fn from(rules: &RuleSet) -> Self {
        let schema = &rules.schema;
        let mut draft =
            Self { name: schema.name.clone(), version: schema.version, ..Self::default() };
        for (name, entry) in &schema.entries {
            match &entry.origin {
                Origin::Ticket => {
                    let name = name.strip_prefix("ticket.").unwrap_or(name);
                    draft.ticket.insert(name.to_owned(), entry.to_string());
                }
                Origin::Given => {
                    draft.facts.insert(name.clone(), entry.to_string());
                }
                Origin::Measured(measure) => {
                    draft.measures.insert(name.clone(), measure.to_string());
                }
            }
        }
        for (step, fields) in &schema.steps {
            let fields = fields.iter().map(|(name, kind)| (name.clone(), crate::print::kind(kind)));
            draft.evidence.insert(step.to_string(), fields.collect());
        }
        draft
    }
}

/// Written as a [`Draft`].
impl Serialize for RuleSet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        Draft::from(self).serialize(to)
    }
}

/// Read as a [`Draft`] and checked.
impl<'de> Deserialize<'de> for RuleSet {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Draft::deserialize(from)?.build().map_err(serde::de::Error::custom)
    }
}
