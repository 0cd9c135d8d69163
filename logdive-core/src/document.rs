//! Documents: what is written into a ticket, as a tree of blocks that each sink renders and fits.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// How much a block matters when a document must be made to fit.
///
/// Blocks of the lowest priority are shortened and left out first. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "a renderer must know what to leave out")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Detail.
    Detail,
    /// Worth having.
    Normal,
    /// The document says something wrong without it.
    Essential,
}

/// A run of text. Its content is data: each renderer makes it inert in its own markup. The enum is
/// complete.
#[expect(clippy::exhaustive_enums, reason = "a renderer that skips a kind would lose text")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inline {
    /// Plain text.
    Text(String),
    /// Text that stands out.
    Strong(String),
    /// Text as a machine wrote it.
    Code(String),
}

impl Inline {
    /// The text without its form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Strong(text) | Self::Code(text) => text,
        }
    }
}

/// A line of runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Line(pub Vec<Inline>);

impl Line {
    /// An empty line.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds plain text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Inline::Text(text.into()));
        self
    }

    /// Adds text that stands out.
    #[must_use]
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Inline::Strong(text.into()));
        self
    }

    /// Adds text as a machine wrote it.
    #[must_use]
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Inline::Code(text.into()));
        self
    }

    /// The text without its form.
    #[must_use]
    pub fn plain(&self) -> String {
        self.0.iter().map(Inline::as_str).collect()
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

/// What a block is. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "a renderer that skips a kind would lose text")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading of level 1 to 3.
    Heading {
        /// Its level.
        level: u8,
        /// Its text.
        text: Line,
    },
    /// A paragraph.
    Paragraph(Line),
    /// Items, one below the other.
    List(Vec<Line>),
    /// Names and what they stand for.
    KeyValues(Vec<(String, Line)>),
    /// A table; every row has as many cells as there are columns.
    Table {
        /// The columns' heads.
        columns: Vec<String>,
        /// The rows.
        rows: Vec<Vec<Line>>,
    },
    /// Lines as a machine wrote them.
    Code(Vec<String>),
    /// Blocks under a title, shown when asked for where the destination can.
    Fold {
        /// The title.
        title: Line,
        /// The blocks.
        blocks: Vec<Block>,
    },
    /// A link.
    Link {
        /// What it says.
        text: String,
        /// Where it leads.
        url: String,
    },
}

/// One block, and how much it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// How much it matters.
    pub priority: Priority,
}

/// A tree of blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(pub Vec<Block>);

impl Document {
    /// An empty document.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a block.
    #[must_use]
    pub fn with(mut self, priority: Priority, kind: BlockKind) -> Self {
        self.push(priority, kind);
        self
    }

    /// Adds a block.
    pub fn push(&mut self, priority: Priority, kind: BlockKind) {
        self.0.push(Block { kind, priority });
    }

    /// Adds an essential heading.
    #[must_use]
    pub fn heading(self, level: u8, text: impl Into<Line>) -> Self {
        self.with(Priority::Essential, BlockKind::Heading { level, text: text.into() })
    }

    /// Adds an essential paragraph.
    #[must_use]
    pub fn paragraph(self, text: impl Into<Line>) -> Self {
        self.with(Priority::Essential, BlockKind::Paragraph(text.into()))
    }

    /// The document's identity: what it says, before it is fitted to a destination.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }
}

/// The identity of what is delivered: one key, one place in the destination, whatever its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryKey(Digest);

impl DeliveryKey {
    /// A key from the parts that make a delivery what it is (ticket, purpose).
    #[must_use]
    pub fn of<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Self {
        Self(Digest::of_parts(parts))
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Digest::parse(text).map(Self)
    }
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
