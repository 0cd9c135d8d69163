//! Facts for a rule set, checked against its schema.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use logdive_core::{
    Fact, Facts, Field, FieldPath, LayerField, Reason, ReasonKind, Ticket, Value, ValueType,
    gather, walk,
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use crate::schema::{self, Misfit, Origin, Schema};
use crate::set::RuleSet;

mod json;

/// One thing that is wrong with a set of facts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FactProblem {
    /// The schema declares no such fact or ticket field.
    #[error("the schema has no `{name}`{}", did_you_mean(near.as_deref()))]
    #[non_exhaustive]
    Unknown {
        /// The name that was given.
        name: String,
        /// The name that was most likely meant.
        near: Option<String>,
    },
    /// The value is of another type than the schema says.
    #[error("`{name}` is of type {kind}, not `{found}`")]
    #[non_exhaustive]
    Type {
        /// The fact or ticket field.
        name: String,
        /// Its type.
        kind: ValueType,
        /// What was given.
        found: String,
    },
    /// The number is outside of the range that the schema says.
    #[error("`{name}` is {low} to {high}, not `{found}`")]
    #[non_exhaustive]
    Range {
        /// The fact or ticket field.
        name: String,
        /// The least value.
        low: i64,
        /// The greatest value.
        high: i64,
        /// What was given.
        found: String,
    },
    /// It is absent, and the schema does not say `optional`.
    #[error(
        "`{name}` is missing: give it, say why it is unavailable, or declare it optional in the \
         schema"
    )]
    #[non_exhaustive]
    Missing {
        /// The fact or ticket field.
        name: String,
    },
    /// A lower bound says nothing of it: more input could lower it, or it has no order.
    #[error("`{name}` cannot be known as a lower bound: say that it is unavailable")]
    #[non_exhaustive]
    NoLowerBound {
        /// The fact or ticket field.
        name: String,
    },
    /// It was given twice.
    #[error("`{name}` was given twice")]
    #[non_exhaustive]
    Twice {
        /// The fact or ticket field.
        name: String,
    },
    /// The ticket cannot be written as JSON.
    #[error("the ticket cannot be read: {reason}")]
    #[non_exhaustive]
    Ticket {
        /// Why.
        reason: String,
    },
}

impl FactProblem {
    /// What it is about: a fact, a ticket field, an unknown name, or the whole ticket.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown { name, .. }
            | Self::Type { name, .. }
            | Self::Range { name, .. }
            | Self::Missing { name }
            | Self::NoLowerBound { name }
            | Self::Twice { name } => name,
            Self::Ticket { .. } => "ticket",
        }
    }
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default()
}

/// All that is wrong with a set of facts.
#[derive(Debug, Clone, PartialEq, Eq)]
// Invariant: not empty.
pub struct FactsError {
    problems: Vec<FactProblem>,
}

impl FactsError {
    /// Each problem.
    #[must_use]
    pub fn problems(&self) -> &[FactProblem] {
        &self.problems
    }
}

/// Lists the problems in one line.
impl fmt::Display for FactsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the facts do not fit the schema")?;
        for (index, problem) in self.problems.iter().enumerate() {
            write!(f, "{} {problem}", if index == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl std::error::Error for FactsError {}

/// Collects facts and checks them against a schema.
///
/// Ticket fields are taken from a ticket, or given by name (`ticket.severity`) like any fact; what
/// is given by name wins. A fact that is not given is unavailable: `not measured`.
#[derive(Debug, Clone)]
#[must_use = "facts are made by `build`"]
pub struct FactsBuilder<'a> {
    rules: &'a RuleSet,
    ticket: Option<TicketValue>,
    given: BTreeMap<String, Fact>,
    problems: Vec<FactProblem>,
    lenient: bool,
}

#[derive(Debug, Clone)]
enum TicketValue {
    Json(Json),
    Ticket(Box<Ticket>, Json),
}

impl<'a> FactsBuilder<'a> {
    pub(crate) const fn new(rules: &'a RuleSet) -> Self {
        Self { rules, ticket: None, given: BTreeMap::new(), problems: Vec::new(), lenient: false }
    }

    /// Takes the schema's ticket fields from anything that serialises to JSON:
    /// `ticket.labels.metric` is what stands at `labels`, `metric`.
    ///
    /// What serialises as a logdive [`Ticket`] is read as one ([`Ticket::read`]), so that fields
    /// like `ticket.started` and `ticket.entities.host` are found. Nothing is converted, save
    /// that times, durations and addresses are texts in JSON.
    pub fn ticket<T: Serialize + ?Sized>(mut self, ticket: &T) -> Self {
        if self.ticket.is_some() {
            self.problems.push(FactProblem::Twice { name: "ticket".to_owned() });
            return self;
        }
        match serde_json::to_value(ticket) {
            Ok(json) => {
                self.ticket = Some(match as_ticket(&json) {
                    Some(ticket) => TicketValue::Ticket(Box::new(ticket), json),
                    None => TicketValue::Json(json),
                });
            }
            Err(error) => self.problems.push(FactProblem::Ticket { reason: error.to_string() }),
        }
        self
    }

    /// Gives a fact as it is.
    pub fn fact(mut self, name: impl Into<String>, fact: impl Into<Fact>) -> Self {
        let name = name.into();
        match self.given.entry(name) {
            Entry::Vacant(slot) => {
                slot.insert(fact.into());
            }
            Entry::Occupied(slot) => {
                self.problems.push(FactProblem::Twice { name: slot.key().clone() });
            }
        }
        self
    }

    /// Gives the value of a fact.
    pub fn known(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fact(name, Fact::Known(value.into()))
    }

    /// Says that there is none: for optional facts and ticket fields.
    pub fn absent(self, name: impl Into<String>) -> Self {
        self.fact(name, Fact::Absent)
    }

    /// Says that a fact cannot be had, and why.
    pub fn unavailable(self, name: impl Into<String>, reason: impl Into<Reason>) -> Self {
        self.fact(name, Fact::Unavailable(reason.into()))
    }

    /// Says that only a lower bound is certain, and why: the input is incomplete, and more of it
    /// can only raise the number.
    pub fn at_least(
        self,
        name: impl Into<String>,
        value: impl Into<Value>,
        reason: impl Into<Reason>,
    ) -> Self {
        self.fact(name, Fact::AtLeast(value.into(), reason.into()))
    }

    /// Takes ticket fields as the loop does: one that is missing or of another type is unavailable
    /// with the reason, and no error. What is given by name is checked as ever.
    pub const fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Takes what there is, as the loop does: what does not fit the schema, or is missing, is
    /// unavailable with the reason; names that the schema does not have are left out.
    #[must_use]
    pub fn admit(self) -> Facts {
        let facts = self.rules.schema.entries.iter().map(|(name, entry)| {
            let fact = match self.taken(name, entry) {
                Some(read) => read.unwrap_or_else(|found| unread(name, &found)),
                None => Facts::new().read(name),
            };
            (name.clone(), entry.admit(name, fact))
        });
        facts.collect()
    }

    /// What there is of an entry: given by name, else in the ticket; `None` of a fact that nobody
    /// gave. An error says what stands in the ticket that is of another type.
    fn taken(&self, name: &str, entry: &schema::Entry) -> Option<Result<Fact, String>> {
        match (self.given.get(name), &entry.origin, &self.ticket) {
            (Some(fact), ..) => Some(Ok(fact.clone())),
            (None, Origin::Ticket, Some(ticket)) => Some(ticket.read(name, entry)),
            (None, Origin::Ticket, None) => Some(Ok(Fact::Absent)),
            (None, Origin::Measured(_) | Origin::Given, _) => None,
        }
    }

    /// Checks all facts.
    ///
    /// # Errors
    /// Every name that the schema does not have, every value of another type, every required
    /// ticket field that is missing.
    pub fn build(mut self) -> Result<Facts, FactsError> {
        let mut problems = std::mem::take(&mut self.problems);
        let schema = &self.rules.schema;
        let mut facts = Facts::new();
        for (name, entry) in &schema.entries {
            let fact = match self.taken(name, entry) {
                Some(Ok(fact)) => fact,
                Some(Err(found)) if self.lenient => unread(name, &found),
                Some(Err(found)) => {
                    let (name, kind) = (name.clone(), entry.kind.clone());
                    problems.push(FactProblem::Type { name, kind, found });
                    continue;
                }
                // Left out, it reads as not measured.
                None => continue,
            };
            let by_name = self.given.contains_key(name);
            match problem(name, entry, &fact) {
                Some(_) if self.lenient && !by_name => {
                    facts.insert_overwrite(name.as_str(), entry.admit(name, fact));
                }
                Some(problem) => problems.push(problem),
                None => facts.insert_overwrite(name.as_str(), fact),
            }
        }
        problems.extend(self.given.keys().filter_map(|name| unknown(schema, name)));
        if problems.is_empty() { Ok(facts) } else { Err(FactsError { problems }) }
    }
}

fn unread(name: &str, found: &str) -> Fact {
    Fact::unavailable(ReasonKind::IllTyped, format!("`{name}` is of another type: {found}"))
}

fn unknown(schema: &Schema, name: &str) -> Option<FactProblem> {
    if schema.entries.contains_key(name) {
        return None;
    }
    let near = schema.near(name).map(str::to_owned);
    Some(FactProblem::Unknown { name: name.to_owned(), near })
}

fn problem(name: &str, entry: &schema::Entry, fact: &Fact) -> Option<FactProblem> {
    let misfit = entry.fits(fact).err()?;
    let name = name.to_owned();
    let found = match fact {
        Fact::Known(value) | Fact::AtLeast(value, _) => shown(&value.to_string()),
        Fact::Absent | Fact::Unavailable(_) => fact.to_string(),
    };
    Some(match misfit {
        Misfit::Type => FactProblem::Type { name, kind: entry.kind.clone(), found },
        Misfit::Range(low, high) => FactProblem::Range { name, low, high, found },
        Misfit::Absent => FactProblem::Missing { name },
        Misfit::NoLowerBound => FactProblem::NoLowerBound { name },
    })
}

/// A hostile value is not repeated at full length.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Reads JSON as a logdive ticket, if it is one.
fn as_ticket(json: &Json) -> Option<Ticket> {
    // The digest is what no ticket of another system has.
    json.get("raw_digest")?;
    Ticket::deserialize(json).ok()
}

impl TicketValue {
    /// Reads a field; an error says what stands there that is of another type.
    fn read(&self, name: &str, entry: &schema::Entry) -> Result<Fact, String> {
        match self {
            Self::Json(json) => read_json(json, name, entry),
            Self::Ticket(_, json) if entry.is_of_json() => read_json(json, name, entry),
            Self::Ticket(ticket, json) => match read_ticket(ticket, name, entry) {
                // A field that a logdive ticket does not have may be one that a user's type adds.
                Fact::Absent => read_json(json, name, entry),
                Fact::Unavailable(_) => {
                    let found = Field::parse(name).map(|field| ticket.read(&field).to_string());
                    Err(shown(&found.unwrap_or_default()))
                }
                fact => Ok(fact),
            },
        }
    }
}

/// Reads a field of a logdive ticket. Labels and entities are texts there: where the schema says
/// another type, they are read as it.
pub(crate) fn read_ticket(ticket: &Ticket, name: &str, entry: &schema::Entry) -> Fact {
    let Ok(field) = Field::parse(name) else { return Fact::Absent };
    match ticket.read(&field) {
        Fact::Known(Value::Text(text)) if entry.kind != ValueType::Text => {
            field_of(&entry.kind).read_json(Some(&Json::String(text)))
        }
        fact => fact,
    }
}

fn field_of(kind: &ValueType) -> LayerField {
    LayerField::at(FieldPath::Attribute(Vec::new()), kind.clone())
}

fn read_json(json: &Json, name: &str, entry: &schema::Entry) -> Result<Fact, String> {
    let path = path(name, entry.at.as_deref());
    let gathered;
    let found = if matches!(entry.kind, ValueType::Set(_)) {
        gathered = gather(json, &path);
        gathered.as_ref()
    } else if let Some(pointer) = &entry.at {
        json.pointer(pointer)
    } else {
        walk(json, &path)
    };
    let found = match found {
        None | Some(Json::Null) => return Ok(Fact::Absent),
        Some(found) => found,
    };
    let fact = match found {
        Json::String(_) if entry.json => field_of(&entry.kind).read_json(Some(found)),
        _ if entry.json => Fact::from(found.to_string()),
        _ if has_shape(found, &entry.kind) => field_of(&entry.kind).read_json(Some(found)),
        _ => Fact::Absent,
    };
    match fact {
        fact @ Fact::Known(_) => Ok(fact),
        _ => Err(shown(&found.to_string())),
    }
}

/// The keys that lead to a ticket field.
fn path(name: &str, pointer: Option<&str>) -> Vec<String> {
    match pointer {
        Some(pointer) => {
            let keys = pointer.split('/').skip(1);
            keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
        }
        None => name.split('.').skip(1).map(str::to_owned).collect(),
    }
}

/// Whether JSON is written as values of a type are: nothing is converted.
fn has_shape(json: &Json, kind: &ValueType) -> bool {
    match kind {
        ValueType::Bool => json.is_boolean(),
        ValueType::Int | ValueType::Decimal | ValueType::Severity => json.is_number(),
        ValueType::Set(members) => {
            json.as_array().is_some_and(|array| array.iter().all(|json| has_shape(json, members)))
        }
        _ => json.is_string(),
    }
}

fn from_ticket(ticket: &Ticket, json: Option<&Json>, name: &str, entry: &schema::Entry) -> Fact {
    match json {
        Some(json) if entry.is_of_json() => {
            read_json(json, name, entry).unwrap_or_else(|found| unread(name, &found))
        }
        _ => read_ticket(ticket, name, entry),
    }
}

/// What rules see: every entry of the schema, each fact fitting its entry or unavailable.
pub(crate) fn admitted<'a>(
    schema: &'a Schema,
    facts: &Facts,
    ticket: Option<&Ticket>,
) -> BTreeMap<&'a str, Fact> {
    // Most schemas do not look into the ticket's JSON.
    let of_json = ticket.filter(|_| schema.entries.values().any(schema::Entry::is_of_json));
    let json = of_json.and_then(|ticket| serde_json::to_value(ticket).ok());
    let entries = schema.entries.iter().map(|(name, entry)| {
        let fact = match (ticket, &entry.origin) {
            (Some(ticket), Origin::Ticket) => match from_ticket(ticket, json.as_ref(), name, entry)
            {
                Fact::Absent if !entry.optional && entry.default.is_none() => Fact::unavailable(
                    ReasonKind::Other,
                    format!("the ticket has no `{name}`, which is not optional"),
                ),
                fact => fact,
            },
            _ => facts.read(name),
        };
        (name.as_str(), entry.admit(name, fact))
    });
    entries.collect()
}
