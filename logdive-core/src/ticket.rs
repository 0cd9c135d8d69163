//! A ticket: what somebody asked of us.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::entities::{Entity, EntityKind};
use crate::name::NameError;
use crate::predicate::FieldTypes;
use crate::{Digest, Fact, Field, Value, ValueType};

/// The identity of a ticket: the source it came from and the id it has there, written
/// `source:id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Invariant: the source is a plain name; the native id is 1 to 512 bytes without control
// characters.
pub struct TicketId {
    source: String,
    native: String,
}

impl TicketId {
    /// Makes an id.
    ///
    /// # Errors
    /// If the source is not a plain name, or the native id is empty, longer than 512 bytes or has
    /// control characters.
    pub fn new(source: &str, native: &str) -> Result<Self, NameError> {
        const RULE: &str = "a source of a-z, 0-9, `_`, `-`, a colon, and 1 to 512 bytes without \
                            control characters";
        let fits = crate::name::is_plain(source)
            && (1..=512).contains(&native.len())
            && !native.chars().any(char::is_control);
        if fits {
            Ok(Self { source: source.to_owned(), native: native.to_owned() })
        } else {
            Err(NameError::new("ticket id", &format!("{source}:{native}"), RULE))
        }
    }

    /// Reads `source:id`.
    ///
    /// # Errors
    /// As [`TicketId::new`], and if there is no colon.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (source, native) = text.split_once(':').unwrap_or((text, ""));
        Self::new(source, native)
    }

    /// Where it came from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its id there.
    #[must_use]
    pub fn native(&self) -> &str {
        &self.native
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.native)
    }
}

impl From<TicketId> for String {
    fn from(id: TicketId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TicketId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

/// How severe a ticket is: 1, the worst, to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
// Invariant: 1 to 5.
pub struct TicketSeverity(u8);

impl TicketSeverity {
    /// A severity by number; `None` outside of 1 to 5.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1..=5 => Some(Self(number)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl From<TicketSeverity> for u8 {
    fn from(severity: TicketSeverity) -> Self {
        severity.0
    }
}

impl TryFrom<u8> for TicketSeverity {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        Self::new(number).ok_or_else(|| format!("`{number}` is not a severity of 1 to 5"))
    }
}

/// Where a ticket stands, normalised.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketStatus {
    /// Nobody has taken it.
    New,
    /// Somebody works on it.
    InProgress,
    /// It waits.
    OnHold,
    /// It is solved.
    Resolved,
    /// It is over.
    Closed,
    /// It was over and is not.
    Reopened,
}

impl TicketStatus {
    /// Its name, as a predicate writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InProgress => "in_progress",
            Self::OnHold => "on_hold",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Reopened => "reopened",
        }
    }

    const ALL: [Self; 6] =
        [Self::New, Self::InProgress, Self::OnHold, Self::Resolved, Self::Closed, Self::Reopened];
}

/// Who may read what is written into the ticket.
#[non_exhaustive]
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The people who run the service.
    #[default]
    Internal,
    /// Anybody: refused unless configured.
    Public,
}

/// The ticket's own times, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Times {
    /// When what it tells of began.
    pub started: Option<DateTime<Utc>>,
    /// When that was detected.
    pub detected: Option<DateTime<Utc>>,
    /// When the ticket was opened.
    pub opened: DateTime<Utc>,
    /// When it was changed last.
    pub updated: Option<DateTime<Utc>>,
    /// When it was resolved.
    pub resolved: Option<DateTime<Utc>>,
}

impl Times {
    /// Times of a ticket of which only the opening is known.
    #[must_use]
    pub const fn opened(opened: DateTime<Utc>) -> Self {
        Self { started: None, detected: None, opened, updated: None, resolved: None }
    }
}

/// What somebody asked of us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its identity.
    pub id: TicketId,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// Where people see it.
    pub url: Option<String>,
    /// How severe it is.
    pub severity: Option<TicketSeverity>,
    /// Where it stands, normalised.
    pub status: TicketStatus,
    /// Where it stands, in the vendor's own word.
    pub vendor_status: String,
    /// The service it is about.
    pub service: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Its times.
    pub times: Times,
    /// Tickets of one key belong together.
    pub group_key: Option<String>,
    /// Deliveries of one key are the same.
    pub dedupe_key: String,
    /// Who may read what is written into it.
    pub audience: Audience,
    /// Members of a group that the source left out.
    pub truncated_members: u64,
    /// Digest of the payload it was read from.
    pub raw_digest: Digest,
    /// What it names: from fields, and found in its text.
    pub entities: Vec<Entity>,
}

impl Ticket {
    /// The ticket's revision: what a decision was made about. A second delivery of the same
    /// content has the same revision.
    #[must_use]
    pub fn revision(&self) -> Digest {
        Digest::of_json(&(
            (&self.id, &self.title, &self.body, self.severity, self.status, &self.vendor_status),
            (&self.service, &self.labels, self.times.started, self.truncated_members),
        ))
    }

    /// Reads one of the ticket's fields, written `ticket.title`, `ticket.labels.region`,
    /// `ticket.entities.host` (the first of its kind).
    #[must_use]
    pub fn read(&self, field: &Field) -> Fact {
        let optional = |value: Option<Value>| value.map_or(Fact::Absent, Fact::Known);
        let Some(name) = field.name().strip_prefix("ticket.") else { return Fact::Absent };
        if let Some(label) = name.strip_prefix("labels.") {
            return optional(self.labels.get(label).map(|value| value.as_str().into()));
        }
        if let Some(kind) = name.strip_prefix("entities.") {
            let found = self.entities.iter().find(|entity| entity.kind.name() == kind);
            return optional(found.map(|entity| entity.value.as_str().into()));
        }
        match name {
            "id" => Fact::from(self.id.to_string()),
            "source" => Fact::from(self.id.source()),
            "title" => Fact::from(self.title.as_str()),
            "body" => Fact::from(self.body.as_str()),
            "severity" => optional(self.severity.map(|severity| i64::from(severity.0).into())),
            "status" => Fact::from(self.status.name()),
            "vendor_status" => Fact::from(self.vendor_status.as_str()),
            "service" => optional(self.service.as_deref().map(Value::from)),
            "started" => optional(self.times.started.map(Value::from)),
            "detected" => optional(self.times.detected.map(Value::from)),
            "opened" => Fact::from(self.times.opened),
            "truncated_members" => {
                Fact::from(i64::try_from(self.truncated_members).unwrap_or(i64::MAX))
            }
            _ => Fact::Absent,
        }
    }
}

/// The types of a ticket's fields, for predicates over tickets.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TicketFields;

type NamedType = (&'static str, fn() -> ValueType);

const TICKET_FIELDS: [NamedType; 12] = [
    ("ticket.id", || ValueType::Text),
    ("ticket.source", || ValueType::Text),
    ("ticket.title", || ValueType::Text),
    ("ticket.body", || ValueType::Text),
    ("ticket.severity", || ValueType::Int),
    ("ticket.status", || {
        ValueType::Enum(TicketStatus::ALL.iter().map(|s| s.name().to_owned()).collect())
    }),
    ("ticket.vendor_status", || ValueType::Text),
    ("ticket.service", || ValueType::Text),
    ("ticket.started", || ValueType::Time),
    ("ticket.detected", || ValueType::Time),
    ("ticket.opened", || ValueType::Time),
    ("ticket.truncated_members", || ValueType::Int),
];

impl FieldTypes for TicketFields {
    fn field_type(&self, field: &Field) -> Option<ValueType> {
        let name = field.name();
        if let Some(label) = name.strip_prefix("ticket.labels.") {
            return (!label.is_empty()).then_some(ValueType::Text);
        }
        if let Some(kind) = name.strip_prefix("ticket.entities.") {
            return EntityKind::ALL
                .iter()
                .any(|known| known.name() == kind)
                .then_some(ValueType::Text);
        }
        TICKET_FIELDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind())
    }

    fn names(&self) -> Vec<String> {
        let fields = TICKET_FIELDS.iter().map(|(name, _)| (*name).to_owned());
        let entities =
            EntityKind::ALL.iter().map(|kind| format!("ticket.entities.{}", kind.name()));
        fields.chain(entities).chain(["ticket.labels.NAME".to_owned()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{TicketId, TicketSeverity};

    #[test]
    fn ids_are_checked() {
        let id = TicketId::parse("cloudwatch:arn:aws:cloudwatch:us-east-1:1:alarm:x").unwrap();
        assert_eq!(id.source(), "cloudwatch");
        assert_eq!(TicketId::parse(&id.to_string()), Ok(id));
        for bad in ["", "x", ":x", "x:", "X:1", "a/b:1", "a:\n"] {
            assert!(TicketId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn severities_are_one_to_five() {
        assert!(TicketSeverity::new(0).is_none());
        assert!(TicketSeverity::new(6).is_none());
        assert_eq!(TicketSeverity::new(1).unwrap().number(), 1);
    }
}
