//! What can go wrong with one request.

use std::time::Duration;

use logdive_core::{Reason, ReasonKind};

/// Whether asking again may help. A closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The same answer would come.
    Never,
    /// The store may be back soon.
    Soon,
    /// The store asks for less; it may say for how long.
    Later(Option<Duration>),
}

/// Why a request brought nothing.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: ReasonKind,
    /// What failed, for people; without URL and credentials.
    pub(super) text: String,
    pub(super) again: Again,
    /// What the store answered, if it did.
    #[cfg_attr(not(feature = "loki"), expect(dead_code, reason = "only Loki tells limits so"))]
    pub(super) status: Option<u16>,
    /// What the store calls the error, if it says so (`__type`).
    #[cfg_attr(not(feature = "cloudwatch"), expect(dead_code, reason = "only AWS names errors"))]
    pub(super) code: Option<String>,
    /// How long the store asked to wait.
    #[cfg_attr(not(feature = "cloudwatch"), expect(dead_code, reason = "else its status tells"))]
    pub(super) wait: Option<Duration>,
    /// The answer was larger than what is read of one.
    #[cfg_attr(
        not(any(feature = "elasticsearch", feature = "loki")),
        expect(dead_code, reason = "CloudWatch bounds its answers itself")
    )]
    pub(super) too_large: bool,
}

impl Fault {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            kind: ReasonKind::Failed,
            text: text.into(),
            again: Again::Never,
            status: None,
            code: None,
            wait: None,
            too_large: false,
        }
    }

    pub(super) fn timed_out(text: impl Into<String>) -> Self {
        Self { kind: ReasonKind::TimedOut, ..Self::new(text) }
    }

    pub(super) fn again(self, again: Again) -> Self {
        Self { again, ..self }
    }

    pub(super) fn status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Notes how long the store asked to wait, for whoever finds that it throttles.
    pub(super) fn waiting(self, wait: Option<Duration>) -> Self {
        Self { wait, ..self }
    }

    pub(super) fn too_large(self) -> Self {
        Self { too_large: true, ..self }
    }

    pub(super) fn reason(self) -> Reason {
        Reason::new(self.kind, self.text)
    }
}
