//! Which format a source has.

use std::sync::Arc;

use logdive_core::format::{Format, Plain, UnknownFormat, by_name};

/// Which format a source has.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FormatChoice {
    /// This one.
    Fixed(Arc<dyn Format>),
    /// Each file's own, chosen by its first bytes.
    Detect(fn(&[u8]) -> Arc<dyn Format>),
}

impl FormatChoice {
    /// Each file's own, guessed from its first bytes; what fits nothing else is plain text.
    #[must_use]
    pub fn auto() -> Self {
        Self::Detect(|sample| {
            <dyn Format>::detect(sample)
                .map_or_else(|| Arc::new(Plain::new()) as _, |found| found.format)
        })
    }

    /// By name: `auto`, or that of a format.
    ///
    /// # Errors
    /// If there is no format of that name.
    pub fn named(name: &str) -> Result<Self, UnknownFormat> {
        if name.eq_ignore_ascii_case("auto") {
            Ok(Self::auto())
        } else {
            by_name(name).map(Self::Fixed)
        }
    }
}
