//! Why something could not be set up.

use thiserror::Error;

/// Why a sink, an outbox or an actuator could not be set up. Nothing was sent or begun.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A setting is not what it has to be.
    #[error("{what}: {why}")]
    Setting {
        /// Which setting, with its value if that is no secret.
        what: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// A secret cannot be had.
    #[error("secret from {place}: {why}")]
    Secret {
        /// Where it was looked for.
        place: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// The system refused.
    #[error("{what} failed")]
    System {
        /// What was being done, to what.
        what: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SetupError {
    pub(crate) fn setting(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Setting { what: what.into(), why: why.into() }
    }

    #[cfg(any(feature = "file", feature = "github"))]
    pub(crate) fn system(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::System { what: what.into(), source: source.into() }
    }
}
