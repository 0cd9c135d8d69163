//! Entities: what a ticket names, from its fields and found in its text.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::Span;

/// What kind of thing an entity is.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A request id (a UUID).
    RequestId,
    /// A W3C trace id.
    TraceId,
    /// A host's name.
    Host,
    /// An account's number.
    Account,
    /// An Amazon resource name.
    Arn,
    /// The id of an access key, not the key.
    AccessKey,
    /// An IP address.
    Ip,
    /// A cloud region.
    Region,
    /// An instance's id.
    Instance,
    /// A service.
    Service,
}

impl EntityKind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::RequestId,
        Self::TraceId,
        Self::Host,
        Self::Account,
        Self::Arn,
        Self::AccessKey,
        Self::Ip,
        Self::Region,
        Self::Instance,
        Self::Service,
    ];

    /// Its name, as predicates and commands write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestId => "request_id",
            Self::TraceId => "trace_id",
            Self::Host => "host",
            Self::Account => "account",
            Self::Arn => "arn",
            Self::AccessKey => "access_key",
            Self::Ip => "ip",
            Self::Region => "region",
            Self::Instance => "instance",
            Self::Service => "service",
        }
    }
}

/// Where an entity was found.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// In a field of the payload, by its name there.
    Field(String),
    /// In the title.
    Title(Span),
    /// In the body.
    Body(Span),
}

/// One thing that a ticket names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// What kind of thing.
    pub kind: EntityKind,
    /// The value, as it was written.
    pub value: String,
    /// Where it was found.
    pub found: Found,
}

/// Patterns as data: the kind, and an expression whose first group is the value. Earlier ones win
/// where two overlap, so that an ARN is not cut into account and region.
///
/// Sources: AWS IAM user guide, *Amazon Resource Names* and *Unique identifiers* (AKIA and ASIA
/// prefixes); RFC 9562 (UUID); W3C Trace Context.
const PATTERNS: [(EntityKind, &str); 8] = [
    (EntityKind::Arn, r"\b(arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:[^\s,;'\x22<>()\[\]]+)"),
    (EntityKind::AccessKey, r"\b((?:AKIA|ASIA)[A-Z2-7]{16}|(?:AKIA|ASIA)[A-Z0-9]{16})\b"),
    (
        EntityKind::RequestId,
        r"\b([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})\b",
    ),
    (EntityKind::TraceId, r"\b([0-9a-f]{32})\b"),
    (EntityKind::Instance, r"\b(i-[0-9a-f]{8,17})\b"),
    (
        EntityKind::Region,
        r"\b((?:us|eu|ap|sa|ca|me|af|il|mx)-(?:gov-)?(?:north|south|east|west|central|northeast|northwest|southeast|southwest)-[0-9])\b",
    ),
    (
        EntityKind::Ip,
        r"\b((?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3})\b",
    ),
    (EntityKind::Account, r"\b([0-9]{12})\b"),
];

static COMPILED: LazyLock<Vec<(EntityKind, Regex)>> = LazyLock::new(|| {
    // A test compiles every pattern; one that did not would be left out here.
    PATTERNS.iter().filter_map(|(kind, text)| Some((*kind, Regex::new(text).ok()?))).collect()
});

/// Finds entities in a text, in the order they stand there, none inside another.
#[must_use]
pub fn find(text: &str) -> Vec<(EntityKind, Span)> {
    let mut found: Vec<(EntityKind, Span)> = Vec::new();
    for (kind, pattern) in COMPILED.iter() {
        for captures in pattern.captures_iter(text) {
            let Some(value) = captures.get(1) else { continue };
            let value_text = value.as_str().trim_end_matches(['.', ':', ',']);
            let span = Span::new(value.start(), value.start() + value_text.len());
            let free =
                found.iter().all(|(_, taken)| span.end <= taken.start || taken.end <= span.start);
            if free {
                found.push((*kind, span));
            }
        }
    }
    found.sort_by_key(|(_, span)| span.start);
    found
}

/// Adds the entities of a title and a body to those of fields; one value of a kind is kept once,
/// where it was found first.
#[must_use]
pub fn collect(fields: Vec<Entity>, title: &str, body: &str) -> Vec<Entity> {
    let mut entities: Vec<Entity> = Vec::new();
    let in_text = |text: &str, found: fn(Span) -> Found| -> Vec<Entity> {
        find(text)
            .into_iter()
            .filter_map(|(kind, span)| {
                let value = text.get(span.range())?.to_owned();
                Some(Entity { kind, value, found: found(span) })
            })
            .collect()
    };
    let all =
        fields.into_iter().chain(in_text(title, Found::Title)).chain(in_text(body, Found::Body));
    for entity in all {
        if !entities.iter().any(|known| known.kind == entity.kind && known.value == entity.value) {
            entities.push(entity);
        }
    }
    entities
}

#[cfg(test)]
mod tests {
    use super::{COMPILED, EntityKind, PATTERNS, find};

    fn check(text: &str, expected: &[(EntityKind, &str)]) {
        let found: Vec<_> = find(text)
            .into_iter()
            .map(|(kind, span)| (kind, text.get(span.range()).unwrap()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(COMPILED.len(), PATTERNS.len());
    }

    #[test]
    fn finds_what_is_there() {
        check(
            "key AKIATFQR7NSC8Q4X20BJ from 192.168.10.20, see arn:aws:iam::123837392027:user/bert-jan.",
            &[
                (EntityKind::AccessKey, "AKIATFQR7NSC8Q4X20BJ"),
                (EntityKind::Ip, "192.168.10.20"),
                (EntityKind::Arn, "arn:aws:iam::123837392027:user/bert-jan"),
            ],
        );
        check(
            "i-0dbc91f429e48eeed in us-east-1 of 123837392027",
            &[
                (EntityKind::Instance, "i-0dbc91f429e48eeed"),
                (EntityKind::Region, "us-east-1"),
                (EntityKind::Account, "123837392027"),
            ],
        );
        check("999.1.1.1 and v1.2.3", &[]);
    }
}
