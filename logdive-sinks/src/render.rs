//! Rendering: a document becomes text in a markup, and what came from logs stays data in it.

use logdive_core::Document;
use logdive_core::port::Markup;

mod inert;
mod markdown;
mod plain;

#[cfg(test)]
pub(crate) mod hostile;

pub use inert::visible;

/// Columns of plain text, if nothing else is said.
const WIDTH: usize = 80;
/// Fewer columns cannot hold a word and its indent.
const NARROWEST: usize = 20;

/// How a document becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    markup: Markup,
    width: usize,
}

impl Format {
    /// In a markup; plain text is 80 columns wide.
    #[must_use]
    pub const fn new(markup: Markup) -> Self {
        Self { markup, width: WIDTH }
    }

    /// How many columns plain text has; at least 20. Markdown does not care.
    #[must_use]
    pub const fn width(mut self, columns: usize) -> Self {
        self.width = if columns < NARROWEST { NARROWEST } else { columns };
        self
    }
}

/// Renders a whole document, whatever its length.
///
/// Every text in it is data: it is shown as it was written and does nothing. Markup in it is
/// escaped, what would mention, link or refer is shown as code, and characters that cannot be
/// seen are shown by their number ([`visible`]).
///
/// ```
/// # use logdive_core::{Document, Line};
/// # use logdive_core::port::Markup;
/// # use logdive_sinks::{Format, render};
/// let document = Document::new().heading(2, "Quota").paragraph("*72* denied, ask @ana\u{202e}");
/// assert_eq!(
///     render(&document, Format::new(Markup::Markdown)),
///     "## Quota\n\n\\*72\\* denied, ask `@ana\\u{202e}`\n"
/// );
/// ```
#[must_use]
pub fn render(document: &Document, format: Format) -> String {
    match format.markup {
        Markup::Markdown => markdown::document(document),
        // A markup this version does not know gets what every place can show.
        _ => plain::document(document, format.width),
    }
}
