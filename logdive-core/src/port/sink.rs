//! Where documents go: what the author of a sink writes.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Audience, DeliveryKey, Document};

/// How a document is placed. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "a sink must know how it places what it gets")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryKind {
    /// One living comment a key: sent again, it is updated in place.
    Comment,
    /// A short reply of its own.
    Reply,
}

/// A document on its way to a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How it is placed.
    pub kind: DeliveryKind,
    /// Where, in the sink's own words (`issues/42`).
    pub target: String,
    /// Its identity: one key, one place.
    pub key: DeliveryKey,
    /// What it says.
    pub document: Document,
    /// Who may read it.
    pub audience: Audience,
}

impl Delivery {
    /// A living comment for internal readers.
    #[must_use]
    pub fn comment(target: impl Into<String>, key: DeliveryKey, document: Document) -> Self {
        let target = target.into();
        Self { kind: DeliveryKind::Comment, target, key, document, audience: Audience::Internal }
    }

    /// A reply for internal readers.
    #[must_use]
    pub fn reply(target: impl Into<String>, key: DeliveryKey, document: Document) -> Self {
        Self { kind: DeliveryKind::Reply, ..Self::comment(target, key, document) }
    }
}

/// The markup a sink takes. The enum is complete for renderers of this workspace.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Markup {
    /// Text for a terminal or a plain field.
    Plain,
    /// GitHub-flavoured Markdown.
    Markdown,
}

/// In which unit a destination counts.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitUnit {
    /// Unicode scalar values.
    Chars,
    /// Bytes of UTF-8.
    Bytes,
    /// UTF-16 code units.
    Utf16,
}

/// The longest text a destination takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SizeLimit {
    /// How many.
    pub max: usize,
    /// Of what.
    pub unit: LimitUnit,
}

impl SizeLimit {
    /// No limit.
    pub const NONE: Self = Self { max: usize::MAX, unit: LimitUnit::Bytes };

    /// How long a text is in the limit's unit.
    #[must_use]
    pub fn measure(&self, text: &str) -> usize {
        match self.unit {
            LimitUnit::Chars => text.chars().count(),
            LimitUnit::Bytes => text.len(),
            LimitUnit::Utf16 => text.encode_utf16().count(),
        }
    }

    /// Whether a text fits.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        self.measure(text) <= self.max
    }
}

/// How a destination tells what it has already. The enum is complete: retries depend on it.
#[expect(clippy::exhaustive_enums, reason = "a retry that ignores a class would send twice")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// It takes our key and keeps one of each: sending again is safe.
    Native,
    /// It can be asked by our key (`find`): ask before sending again.
    ReadBack,
    /// It cannot tell: what may have arrived is not sent again by itself.
    None,
}

/// What a sink can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// The sink's name, stable over restarts (`github:acme/ops`).
    pub name: String,
    /// The markup it takes.
    pub markup: Markup,
    /// The longest body.
    pub body: SizeLimit,
    /// How it tells what it has.
    pub idempotency: Idempotency,
}

impl Caps {
    /// A sink of plain text without a limit that cannot tell what it has.
    #[must_use]
    pub fn plain(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            markup: Markup::Plain,
            body: SizeLimit::NONE,
            idempotency: Idempotency::None,
        }
    }

    /// Takes Markdown.
    #[must_use]
    pub const fn markdown(mut self) -> Self {
        self.markup = Markup::Markdown;
        self
    }

    /// Takes so much.
    #[must_use]
    pub const fn body(mut self, max: usize, unit: LimitUnit) -> Self {
        self.body = SizeLimit { max, unit };
        self
    }

    /// Tells what it has so.
    #[must_use]
    pub const fn idempotency(mut self, idempotency: Idempotency) -> Self {
        self.idempotency = idempotency;
        self
    }
}

/// A document as one sink takes it: rendered, and fitted to its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// How it is placed.
    pub kind: DeliveryKind,
    /// Where.
    pub target: String,
    /// Its identity.
    pub key: DeliveryKey,
    /// The text in the sink's markup.
    pub body: String,
    /// The place it has already, if it is an update.
    pub existing: Option<Receipt>,
}

/// What of a document was kept when it was fitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Blocks of the document, folds opened.
    pub blocks: usize,
    /// Blocks left out.
    pub left_out: usize,
    /// Lines and rows left out of blocks that were kept.
    pub lines_left_out: usize,
}

impl Kept {
    /// Whether everything was kept.
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.left_out == 0 && self.lines_left_out == 0
    }
}

/// What a destination said of a delivery it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The destination's own id of it.
    pub id: String,
    /// Where people see it.
    pub url: Option<String>,
    /// What of the document was kept.
    pub kept: Kept,
    /// Whether nothing was sent, only shown (dry-run).
    pub dry_run: bool,
}

impl Receipt {
    /// A receipt of a delivery that was sent.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), url: None, kept: Kept::default(), dry_run: false }
    }
}

/// Why a sink did not take a delivery: each variant says what the caller needs next. The enum is
/// complete.
#[expect(clippy::exhaustive_enums, reason = "a retry that ignores a case would send twice")]
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SinkError {
    /// It was provably not applied; it may work later.
    #[error("not applied: {0}")]
    Transient(String),
    /// Too many; later.
    #[error("rate limited")]
    RateLimited {
        /// How long to wait, if the destination said.
        after: Option<Duration>,
    },
    /// It was sent and nothing came back: it may have been applied.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// It is longer than the destination takes.
    #[error("too large: {actual}, at most {max}")]
    TooLarge {
        /// How long it is.
        actual: usize,
        /// How long it may be.
        max: usize,
    },
    /// The destination does not know us, or does not let us.
    #[error("not authorised: {0}")]
    Auth(String),
    /// The place is not there any more.
    #[error("`{0}` is gone")]
    Gone(String),
    /// The destination will not take it, now or later.
    #[error("rejected: {0}")]
    Rejected(String),
}

/// What a check of a sink showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// In words.
    pub detail: String,
}

/// Where documents go.
///
/// # Contract
/// - `deliver` sends once and never retries; what may have been applied without an answer is
///   [`SinkError::NoAnswer`], never [`SinkError::Transient`].
/// - With [`Idempotency::ReadBack`], `find` tells what `deliver` has stored.
/// - `check` sends nothing.
#[async_trait]
pub trait Sink: Send + Sync + fmt::Debug {
    /// What it can do.
    fn caps(&self) -> Caps;

    /// Sends once.
    ///
    /// # Errors
    /// What the caller needs next.
    async fn deliver(&self, rendered: &Rendered) -> Result<Receipt, SinkError>;

    /// Asks the destination for a delivery by its key.
    ///
    /// # Errors
    /// If it cannot be asked.
    async fn find(&self, target: &str, key: &DeliveryKey) -> Result<Option<Receipt>, SinkError> {
        let _ = (target, key);
        Ok(None)
    }

    /// Asks whether the destination is there and lets us in.
    ///
    /// # Errors
    /// Why not.
    async fn check(&self) -> Result<Health, SinkError> {
        Ok(Health { detail: "not checked".to_owned() })
    }
}
