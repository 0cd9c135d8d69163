//! Templates: lines that say the same thing, counted.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::log::LogSeverity;
use crate::{Digest, LayerName};

/// A template's identity: the first eight bytes of the SHA-256 of its text, so that it is the same
/// on every run and machine. Written as sixteen hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TemplateId(u64);

/// A text that is no template's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no template id: sixteen hexadecimal digits")]
pub struct TemplateIdError(String);

impl TemplateId {
    /// The id of a template's text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let digest = Digest::of(text.as_bytes());
        let first = digest.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
        Self(u64::from_be_bytes(first))
    }
}

impl fmt::Display for TemplateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<TemplateId> for String {
    fn from(id: TemplateId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TemplateId {
    type Error = TemplateIdError;

    fn try_from(text: String) -> Result<Self, TemplateIdError> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u64::from_str_radix(&text, 16) {
            Ok(id) if digits => Ok(Self(id)),
            _ => Err(TemplateIdError(text.chars().take(40).collect())),
        }
    }
}

/// Lines of one template in one layer, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The layer.
    pub layer: LayerName,
    /// Its identity.
    pub id: TemplateId,
    /// What the lines share; `<*>` where they differ.
    pub text: String,
    /// The most severe of them.
    pub severity: Option<LogSeverity>,
    /// How many there are.
    pub count: u64,
    /// The oldest.
    pub first: DateTime<Utc>,
    /// The newest.
    pub last: DateTime<Utc>,
    /// Who wrote them: the first few names in order.
    pub emitters: Vec<String>,
    /// How many emitters wrote them.
    pub emitter_count: u64,
    /// The text of the oldest, and of the newest if it is another.
    pub examples: Vec<String>,
}
