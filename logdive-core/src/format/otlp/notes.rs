//! What reading a part of a request lost.

/// What reading a part of a request lost.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// It says something that no field of the row holds.
    pub(super) lossy: bool,
    /// The first thing that is wrong with it.
    pub(super) error: Option<String>,
}

impl Notes {
    pub(super) fn clear(&mut self) {
        self.lossy = false;
        self.error = None;
    }

    /// Notes that something is wrong; what was wrong first is said.
    pub(super) fn error(&mut self, what: impl FnOnce() -> String) {
        self.error.get_or_insert_with(what);
    }

    /// Says of what is wrong where it is.
    pub(super) fn within(&mut self, place: impl FnOnce() -> String) {
        if let Some(error) = &mut self.error {
            *error = format!("{}: {error}", place());
        }
    }

    /// Whether the fields of the row do not hold all of it.
    pub(super) const fn keep(&self) -> bool {
        self.lossy || self.error.is_some()
    }
}
