//! Facts as JSON, as people and programs write them beside a rule file.

use chrono::{DateTime, TimeDelta, Utc};
use logdive_core::{Fact, LogSeverity, Reason, Value, ValueType, parse_duration};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{FactProblem, FactsBuilder, field_of, has_shape, shown};

/// States of a fact that are no value.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum State {
    Unavailable(String),
    AtLeast(Json),
    /// As [`Fact`] is written.
    Known(Value),
}

impl FactsBuilder<'_> {
    /// Takes facts from JSON.
    ///
    /// ```json
    /// {
    ///   "ticket": { "severity": 3 },
    ///   "throttled": 72,
    ///   "tier": null,
    ///   "other_err": { "unavailable": "loki timed out" },
    ///   "secrets": { "at_least": 20 }
    /// }
    /// ```
    ///
    /// What stands at `ticket` is the ticket ([`FactsBuilder::ticket`]); all else is a fact by its
    /// name, alone or under `facts`. `null` is absent. Times, durations and addresses are texts;
    /// with `now`, a time may also be a distance from it: `"-15m"`, `"+1h"`. A fact that is not
    /// there is not measured.
    pub fn json(mut self, json: &Json, now: Option<DateTime<Utc>>) -> Self {
        let Json::Object(members) = json else {
            let reason = format!("`{}` is no object", shown(&json.to_string()));
            self.problems.push(FactProblem::Ticket { reason });
            return self;
        };
        for (name, json) in members {
            self = match (name.as_str(), json) {
                ("ticket", ticket) => self.ticket(ticket),
                ("facts", Json::Object(facts)) => self.all(facts, now),
                (name, json) => self.one(name, json, now),
            };
        }
        self
    }

    fn all(self, facts: &Map<String, Json>, now: Option<DateTime<Utc>>) -> Self {
        facts.iter().fold(self, |builder, (name, json)| builder.one(name, json, now))
    }

    fn one(mut self, name: &str, json: &Json, now: Option<DateTime<Utc>>) -> Self {
        let Some(entry) = self.rules.schema.entries.get(name) else {
            // Reported as unknown when the facts are built.
            return self.fact(name, Fact::Absent);
        };
        match read(json, &entry.kind, now) {
            Some(fact) => self.fact(name, fact),
            None => {
                let (name, kind) = (name.to_owned(), entry.kind.clone());
                let found = shown(&json.to_string());
                self.problems.push(FactProblem::Type { name, kind, found });
                self
            }
        }
    }
}

fn read(json: &Json, kind: &ValueType, now: Option<DateTime<Utc>>) -> Option<Fact> {
    match json {
        Json::Null => Some(Fact::Absent),
        Json::Object(_) => Some(match State::deserialize(json).ok()? {
            State::Unavailable(why) => Fact::Unavailable(Reason::from(why)),
            State::AtLeast(bound) => {
                Fact::AtLeast(value(&bound, kind, now)?, Reason::from("there may be more"))
            }
            State::Known(value) => Fact::Known(value),
        }),
        json => value(json, kind, now).map(Fact::Known),
    }
}

fn value(json: &Json, kind: &ValueType, now: Option<DateTime<Utc>>) -> Option<Value> {
    match (kind, json) {
        (ValueType::Set(members), Json::Array(array)) => {
            let values: Option<Vec<Value>> =
                array.iter().map(|json| value(json, members, now)).collect();
            Some(Value::Set(values?.into()))
        }
        (ValueType::Severity, Json::String(word)) => {
            LogSeverity::from_word(word).map(|severity| Value::Int(severity.number().into()))
        }
        (ValueType::Time, Json::String(text)) => match (now, distance(text)) {
            (Some(now), Some(distance)) => now.checked_add_signed(distance).map(Value::Time),
            _ => typed(json, kind),
        },
        (kind, json) if has_shape(json, kind) => typed(json, kind),
        _ => None,
    }
}

fn typed(json: &Json, kind: &ValueType) -> Option<Value> {
    field_of(kind).read_json(Some(json)).known().cloned()
}

/// Reads `-15m` and `+1h`.
fn distance(text: &str) -> Option<TimeDelta> {
    let (back, length) = match text.split_at_checked(1)? {
        ("-", length) => (true, length),
        ("+", length) => (false, length),
        _ => return None,
    };
    let length = TimeDelta::from_std(parse_duration(length).ok()?).ok()?;
    Some(if back { -length } else { length })
}
