//! Texts with placeholders: `"{throttled} throttles"`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text in which facts are named.
///
/// `{name}` stands for a fact or ticket field; `{{` and `}}` are braces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// Invariant: no two texts stand side by side, and no text is empty.
pub struct Template(Vec<Piece>);

/// A part of a [`Template`]. The enum is complete.
#[expect(clippy::exhaustive_enums, reason = "a renderer must handle every piece")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Text as it stands.
    Text(String),
    /// The value of a fact.
    Fact(String),
}

/// What is wrong with a template.
pub(crate) struct Malformed(pub(crate) &'static str);

impl TryFrom<String> for Template {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::parse(&text).map_err(|Malformed(why)| why)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' if chars.peek() == Some(&'{') => plain.extend(chars.next()),
                '}' if chars.peek() == Some(&'}') => plain.extend(chars.next()),
                '}' => return Err(Malformed("a `}` that closes no placeholder")),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some('{') | None => {
                                return Err(Malformed("a placeholder without its `}`"));
                            }
                            Some(c) => name.push(c),
                        }
                    }
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Fact(name.trim().to_owned()));
                }
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// A text without placeholders.
    pub(crate) fn plain(text: &str) -> Self {
        if text.is_empty() { Self::default() } else { Self(vec![Piece::Text(text.to_owned())]) }
    }

    /// Its parts in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The facts it names, in order of mention.
    pub fn facts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Fact(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// The text, each fact replaced by what `read` gives for it.
    pub(crate) fn render(&self, read: impl Fn(&str) -> String) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Fact(name) => read(name),
            })
            .collect()
    }
}

/// Writes the template as it is written in a rule, without the quotes.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Piece::Fact(name) => write!(f, "{{{name}}}"),
        })
    }
}
