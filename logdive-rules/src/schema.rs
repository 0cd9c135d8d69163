//! What rules may read: ticket fields, measures over evidence, and facts given by the caller.

use std::collections::BTreeMap;

use logdive_core::predicate::FieldTypes;
use logdive_core::{
    Fact, Field, Function, Measure, Reason, ReasonKind, StepName, Value, ValueType, did_you_mean,
};

use crate::diagnostics::Suggestions;

/// All that rules may read, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) name: String,
    pub(crate) version: u32,
    /// Ticket fields (`ticket.severity`) and facts.
    pub(crate) entries: BTreeMap<String, Entry>,
    /// Steps and the fields that measures may use, beside those that every line has.
    pub(crate) steps: BTreeMap<StepName, BTreeMap<String, ValueType>>,
}

/// One thing that rules may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: ValueType,
    /// Least and greatest value, for `int` only.
    pub(crate) range: Option<(i64, i64)>,
    /// Whether it may be absent.
    pub(crate) optional: bool,
    /// What is read where it is absent.
    pub(crate) default: Option<Value>,
    /// Where a ticket field stands, as a JSON pointer; else its name says it.
    pub(crate) at: Option<String>,
    /// Whether whatever stands there is read, as the text of its JSON.
    pub(crate) json: bool,
    pub(crate) origin: Origin,
}

/// What a fact that cannot be had is to a term, which asks for no reason.
pub(crate) static UNAVAILABLE: Fact =
    Fact::Unavailable(Reason { kind: ReasonKind::NotMeasured, detail: String::new() });

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The ticket.
    Ticket,
    /// A dive.
    Measured(Measure),
    /// The caller.
    Given,
}

/// Why a fact does not fit its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    Type,
    Range(i64, i64),
    Absent,
    NoLowerBound,
}

impl Entry {
    /// Whether it may be known as a lower bound: more input can only raise it.
    pub(crate) const fn may_be_at_least(&self) -> bool {
        let ordered = matches!(
            self.kind,
            ValueType::Int | ValueType::Decimal | ValueType::Duration | ValueType::Time
        );
        match &self.origin {
            Origin::Ticket => false,
            Origin::Given => ordered,
            Origin::Measured(measure) => matches!(
                measure.function,
                Function::Count | Function::Distinct(_) | Function::Max(_) | Function::Rate
            ),
        }
    }

    /// Whether it is read from a ticket's JSON, not from the fields that a ticket has.
    pub(crate) const fn is_of_json(&self) -> bool {
        self.at.is_some() || self.json || matches!(self.kind, ValueType::Set(_))
    }

    /// Checks a fact against the entry.
    pub(crate) fn fits(&self, fact: &Fact) -> Result<(), Misfit> {
        if !fact.is_a(&self.kind) {
            return Err(Misfit::Type);
        }
        match fact {
            Fact::Known(Value::Int(number)) => match self.range {
                Some((low, high)) if !(low..=high).contains(number) => {
                    Err(Misfit::Range(low, high))
                }
                _ => Ok(()),
            },
            Fact::AtLeast(..) if !self.may_be_at_least() => Err(Misfit::NoLowerBound),
            Fact::AtLeast(Value::Int(bound), _) => match self.range {
                Some((low, high)) if *bound > high => Err(Misfit::Range(low, high)),
                _ => Ok(()),
            },
            Fact::Absent if !self.optional && self.default.is_none() => Err(Misfit::Absent),
            _ => Ok(()),
        }
    }

    /// The fact as [`Entry::admit`] gives it, for who asks for no reason. `default` is what the
    /// entry reads where it is absent.
    pub(crate) fn see<'a>(&self, fact: &'a Fact, default: Option<&'a Fact>) -> &'a Fact {
        match (self.fits(fact), fact, default) {
            (Err(_), ..) => &UNAVAILABLE,
            (Ok(()), Fact::Absent, Some(default)) => default,
            (Ok(()), fact, _) => fact,
        }
    }

    /// The fact as rules see it: one that does not fit cannot be had, one that is absent may read as
    /// a constant.
    pub(crate) fn admit(&self, name: &str, fact: Fact) -> Fact {
        let (kind, detail) = match self.fits(&fact) {
            Ok(()) => {
                return match (fact, &self.default) {
                    (Fact::Absent, Some(default)) => Fact::Known(default.clone()),
                    (fact, _) => fact,
                };
            }
            Err(Misfit::Type) => {
                (ReasonKind::IllTyped, format!("`{name}` is not of type {}", self.kind))
            }
            Err(Misfit::Range(low, high)) => {
                (ReasonKind::IllTyped, format!("`{name}` is outside of {low} to {high}"))
            }
            Err(Misfit::Absent) => {
                (ReasonKind::Other, format!("`{name}` is absent and is not optional"))
            }
            // Only its own reason is left of a bound that says nothing.
            Err(Misfit::NoLowerBound) => match fact.reason() {
                Some(Reason { kind, detail }) => (*kind, detail.clone()),
                None => (ReasonKind::Other, format!("`{name}` is not known exactly")),
            },
        };
        Fact::unavailable(kind, detail)
    }
}

impl Schema {
    /// The name that was most likely meant.
    pub(crate) fn near(&self, name: &str) -> Option<&str> {
        did_you_mean(name, self.entries.keys().map(String::as_str))
    }
}

/// The fields that conditions of rules may read.
pub(crate) struct EntryTypes<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) suggestions: &'a Suggestions,
}

impl FieldTypes for EntryTypes<'_> {
    fn field_type(&self, field: &Field) -> Option<ValueType> {
        self.schema.entries.get(field.name()).map(|entry| entry.kind.clone())
    }

    fn names(&self) -> Vec<String> {
        self.schema.entries.keys().take(self.suggestions.most()).cloned().collect()
    }
}

/// The fields that a step's lines have.
pub(crate) struct StepTypes<'a> {
    pub(crate) fields: &'a BTreeMap<String, ValueType>,
    pub(crate) suggestions: &'a Suggestions,
}

impl FieldTypes for StepTypes<'_> {
    fn field_type(&self, field: &Field) -> Option<ValueType> {
        field.built_in_type().or_else(|| self.fields.get(field.name()).cloned())
    }

    fn names(&self) -> Vec<String> {
        let declared = self.fields.keys().cloned();
        let built_in = Field::built_in().map(|field| field.name().to_owned());
        declared.chain(built_in).take(self.suggestions.most()).collect()
    }
}
