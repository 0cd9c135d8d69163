//! Names of what can be read from a log line, a ticket or a set of facts.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ValueType;
use crate::name::NameError;

/// A field by name: one that every layer has, or one that a layer, a ticket or a schema declares.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Field {
    /// When it happened, or was observed if the line does not say.
    Time,
    /// OpenTelemetry severity number.
    Severity,
    /// The severity as the line wrote it.
    SeverityText,
    /// The layer's name.
    Layer,
    /// The service that wrote the line.
    Service,
    /// What wrote the line: an instance, a file, a delivery stream.
    Emitter,
    /// The event's name.
    Event,
    /// The text of the line.
    Body,
    /// The request id.
    RequestId,
    /// The trace id, as hexadecimal digits.
    TraceId,
    /// The span id, as hexadecimal digits.
    SpanId,
    /// The line's own unique id.
    Uid,
    /// Where it was read from.
    Source,
    /// Why it could not be parsed.
    ParseError,
    /// A declared field.
    Named(FieldName),
}

const BUILT_IN: [(Field, &str, ValueType); 14] = [
    (Field::Time, "time", ValueType::Time),
    (Field::Severity, "severity", ValueType::Severity),
    (Field::SeverityText, "severity_text", ValueType::Text),
    (Field::Layer, "layer", ValueType::Text),
    (Field::Service, "service", ValueType::Text),
    (Field::Emitter, "emitter", ValueType::Text),
    (Field::Event, "event", ValueType::Text),
    (Field::Body, "body", ValueType::Text),
    (Field::RequestId, "request_id", ValueType::Text),
    (Field::TraceId, "trace_id", ValueType::Text),
    (Field::SpanId, "span_id", ValueType::Text),
    (Field::Uid, "uid", ValueType::Text),
    (Field::Source, "source", ValueType::Text),
    (Field::ParseError, "parse_error", ValueType::Text),
];

impl Field {
    /// Reads a field's name.
    ///
    /// # Errors
    /// If it is not one or more words of letters, digits and `_`, joined by dots.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        match BUILT_IN.iter().find(|(_, name, _)| *name == text) {
            Some((field, _, _)) => Ok(field.clone()),
            None => FieldName::parse(text).map(Self::Named),
        }
    }

    /// The field's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Named(name) => name.as_str(),
            built_in => BUILT_IN
                .iter()
                .find(|(field, _, _)| field == built_in)
                .map_or("", |(_, name, _)| name),
        }
    }

    /// The type of a field that every layer has; `None` for a declared one.
    #[must_use]
    pub fn built_in_type(&self) -> Option<ValueType> {
        BUILT_IN.iter().find(|(field, _, _)| field == self).map(|(_, _, kind)| kind.clone())
    }

    /// The fields that every layer has.
    pub fn built_in() -> impl Iterator<Item = Self> {
        BUILT_IN.iter().map(|(field, _, _)| field.clone())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Field> for String {
    fn from(field: Field) -> Self {
        field.name().to_owned()
    }
}

impl TryFrom<String> for Field {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Field {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

/// The name of a declared field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
// Invariant: words of letters, digits and `_`, none beginning with a digit, joined by dots, 128
// bytes at most, and not a keyword of the grammar: so it can be written in a predicate as it is.
pub struct FieldName(String);

const FIELD_RULE: &str = "words of letters, digits and `_`, none beginning with a digit, joined \
                          by dots, and not a word of the grammar";

impl FieldName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// If it is not one or more words of letters, digits and `_`, joined by dots.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        let word = |word: &str| {
            word.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let fits = text.len() <= 128
            && text.split('.').all(word)
            && !crate::predicate::KEYWORDS.contains(&text);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new("field name", text, FIELD_RULE))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{BUILT_IN, Field};

    #[test]
    fn names_round_trip() {
        for (field, name, _) in BUILT_IN {
            assert_eq!(Field::parse(name), Ok(field.clone()));
            assert_eq!(field.name(), name);
        }
        assert_eq!(Field::parse("ticket.severity").unwrap().name(), "ticket.severity");
        for bad in ["", ".", "a.", "1a", "a b", "and", "a-b", &"a".repeat(129)] {
            assert!(Field::parse(bad).is_err(), "{bad}");
        }
    }
}
