//! What a line says of its time.

use super::object::ObjectWriter;
use super::time::{Assumed, Civil, OutOfRange};
use super::{Origin, TIME_ASSUMED};

/// What a line says of its time: an instant and what was assumed for it, that it is out of range,
/// or nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct When(Option<Result<(i64, Assumed), OutOfRange>>);

impl When {
    /// The instant of a time as it is written.
    pub(super) fn of(civil: &Civil, origin: &Origin) -> Self {
        Self(Some(civil.resolve(origin)))
    }

    /// The instant, in nanoseconds since 1970.
    pub(super) const fn nanos(&self) -> Option<i64> {
        match self.0 {
            Some(Ok((nanos, _))) => Some(nanos),
            _ => None,
        }
    }

    /// What was assumed.
    pub(super) fn assumed(&self) -> Assumed {
        match self.0 {
            Some(Ok((_, assumed))) => assumed,
            _ => Assumed::default(),
        }
    }

    /// Whether anything was assumed.
    pub(super) fn is_assumed(&self) -> bool {
        self.assumed() != Assumed::default()
    }

    /// Writes beside a line's attributes what was assumed, if anything was.
    pub(super) fn write(&self, object: &mut ObjectWriter<'_>) {
        if let Some(note) = self.assumed().note() {
            object.text(TIME_ASSUMED, &note);
        }
    }

    /// Why there is no instant, though the line has a time.
    pub(super) const fn error(&self) -> Option<&'static str> {
        match self.0 {
            Some(Err(OutOfRange)) => Some("its time is no time of the years 1678 to 2261"),
            _ => None,
        }
    }
}

impl From<Result<(i64, Assumed), OutOfRange>> for When {
    fn from(time: Result<(i64, Assumed), OutOfRange>) -> Self {
        Self(Some(time))
    }
}
