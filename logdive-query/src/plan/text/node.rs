//! What stands in a text, each part with its place.

use logdive_core::Span;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool,
    /// As it was written, in decimal digits where it is a whole number.
    Number(String),
    Text(String),
    /// A time that stands without quotes.
    Time(String),
    List(Vec<Node>),
    Table(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) span: Span,
}

impl Value {
    /// The value in words, for messages.
    pub(super) const fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Time(_) => "a time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}
