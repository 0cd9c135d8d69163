//! What a layer declares, whichever store keeps it.

use std::sync::Arc;
use std::time::Duration;

use logdive_core::port::{Clock, SystemClock};
use logdive_core::{Layer, LayerField, LayerName};

use crate::diver::BuildError;
use crate::layers::freshness::Freshness;

/// Fields, ids, lateness, and the clock.
#[derive(Debug, Clone)]
pub(super) struct Declared {
    pub(super) fields: Vec<(String, LayerField)>,
    pub(super) ids: Vec<(String, String)>,
    pub(super) lateness: Option<Duration>,
    pub(super) trusted: bool,
    pub(super) restricted: bool,
    pub(super) changes: bool,
    pub(super) clock: Arc<dyn Clock>,
}

impl Declared {
    pub(super) fn new() -> Self {
        Self {
            fields: Vec::new(),
            ids: Vec::new(),
            lateness: None,
            trusted: false,
            restricted: false,
            changes: false,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The layer of a name.
    pub(super) fn layer(&self, name: &LayerName) -> Result<Layer, BuildError> {
        let mut layer = Layer::new(name.as_str())?;
        for (name, field) in &self.fields {
            layer = layer.field(name, field.clone())?;
        }
        for (kind, field) in &self.ids {
            layer = layer.id(kind, field)?;
        }
        if let Some(lateness) = self.lateness {
            layer = layer.lateness(lateness);
        }
        if self.changes {
            layer = layer.changes();
        }
        Ok(if self.restricted { layer.restricted() } else { layer })
    }

    pub(super) fn freshness(&self, layer: &Layer) -> Freshness {
        let trusted = self.trusted.then_some(&self.clock);
        Freshness::new(layer.name().as_str(), self.lateness, trusted)
    }
}

/// Writes the builder words that all layers over HTTP have; the layer keeps them in `declared`,
/// and has a function `source(&LayerName)`.
macro_rules! declares {
    ($layer:ty) => {
        impl $layer {
            /// Declares a field of the lines' attributes, at keys joined by dots.
            #[must_use]
            pub fn field(
                self,
                name: impl Into<String>,
                path: &str,
                kind: logdive_core::ValueType,
            ) -> Self {
                self.field_at(name, logdive_core::LayerField::attribute(path, kind))
            }

            /// Declares a field at any path: in the resource, or at keys that have dots.
            #[must_use]
            pub fn field_at(
                mut self,
                name: impl Into<String>,
                field: logdive_core::LayerField,
            ) -> Self {
                self.declared.fields.push((name.into(), field));
                self
            }

            /// Declares that a field holds an id of a kind.
            #[must_use]
            pub fn id(mut self, kind: impl Into<String>, field: impl Into<String>) -> Self {
                self.declared.ids.push((kind.into(), field.into()));
                self
            }

            /// Declares how late a line may come. The watermark is that of the lines read, so a
            /// window is complete only if every emitter wrote behind its end; when the store
            /// answered a part of the predicate itself, there is none.
            #[must_use]
            pub const fn lateness(mut self, lateness: std::time::Duration) -> Self {
                self.declared.lateness = Some(lateness);
                self
            }

            /// Declares that the store has every line at the latest this long after its time,
            /// whether or not anything is written: the watermark is then the time of asking, less
            /// this. The clock also tells what is left of a deadline.
            #[must_use]
            pub fn arrives_within(
                mut self,
                lateness: std::time::Duration,
                clock: std::sync::Arc<dyn logdive_core::port::Clock>,
            ) -> Self {
                self.declared.trusted = true;
                self.declared.clock = clock;
                self.lateness(lateness)
            }

            /// The clock by which is told what is left of a deadline; the machine's, if nothing
            /// else is said. It must be that of whoever sets the deadline.
            #[must_use]
            pub fn clock(mut self, clock: std::sync::Arc<dyn logdive_core::port::Clock>) -> Self {
                self.declared.clock = clock;
                self
            }

            /// Marks a layer whose lines are counted, never shown.
            #[must_use]
            pub const fn restricted(mut self) -> Self {
                self.declared.restricted = true;
                self
            }

            /// Marks a layer of changes (deploys, flags): always on the timeline.
            #[must_use]
            pub const fn changes(mut self) -> Self {
                self.declared.changes = true;
                self
            }

            /// Makes it a source by itself, for those who use it without a diver. Reading needs a
            /// Tokio runtime.
            ///
            /// # Errors
            /// If the name, a declared field, the address or a credential is wrong, or TLS cannot
            /// be set up.
            pub fn named(
                self,
                name: impl AsRef<str>,
            ) -> Result<impl logdive_core::port::LayerSource, crate::diver::BuildError> {
                self.source(&logdive_core::LayerName::parse(name)?)
            }
        }

        impl crate::layers::BringLayer for $layer {
            fn bring(
                self,
                name: logdive_core::LayerName,
            ) -> Result<crate::layers::Brought, crate::diver::BuildError> {
                let source = std::sync::Arc::new(self.source(&name)?);
                let layer = crate::layers::foreign::ForeignLayer(source);
                Ok(crate::layers::Brought(std::sync::Arc::new(layer)))
            }
        }
    };
}

/// Writes the builder words for credentials in headers; the layer keeps them in `headers`.
#[cfg(any(feature = "elasticsearch", feature = "loki"))]
macro_rules! sends_headers {
    ($layer:ty) => {
        impl $layer {
            /// Sends a header with each request. Its value is shown nowhere.
            #[must_use]
            pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
                let secret = crate::layers::http::secret::Secret::new(value);
                self.headers.push((name.into(), secret));
                self
            }

            /// Sends a header whose value is asked for before each request: a token that expires.
            #[must_use]
            pub fn header_from(
                mut self,
                name: impl Into<String>,
                value: impl Fn() -> String + Send + Sync + 'static,
            ) -> Self {
                let secret = crate::layers::http::secret::Secret::from_fn(value);
                self.headers.push((name.into(), secret));
                self
            }

            /// Authenticates with a bearer token.
            #[must_use]
            pub fn bearer(self, token: impl AsRef<str>) -> Self {
                self.header("authorization", format!("Bearer {}", token.as_ref()))
            }

            /// Authenticates with a name and a password.
            #[must_use]
            pub fn basic(self, name: impl AsRef<str>, password: impl AsRef<str>) -> Self {
                let pair = format!("{}:{}", name.as_ref(), password.as_ref());
                let coded = crate::layers::http::secret::base64(pair.as_bytes());
                self.header("authorization", format!("Basic {coded}"))
            }
        }
    };
}

pub(super) use declares;
#[cfg(any(feature = "elasticsearch", feature = "loki"))]
pub(super) use sends_headers;
