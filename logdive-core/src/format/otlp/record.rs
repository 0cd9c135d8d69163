//! What a log record says, whichever way it is written.

use std::borrow::Cow;

use super::notes::Notes;
use super::values::Values;

/// A log record as it was read; used again for the next, so that its lists keep their memory.
///
/// Numbers and texts that are not given are 0 and empty, as in protobuf.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) time_unix_nano: u64,
    pub(super) observed_time_unix_nano: u64,
    pub(super) severity_number: i64,
    pub(super) severity_text: Cow<'a, str>,
    pub(super) event_name: Cow<'a, str>,
    /// One value or none.
    pub(super) body: Values<'a>,
    pub(super) attributes: Values<'a>,
    pub(super) dropped_attributes_count: u32,
    pub(super) flags: u32,
    pub(super) trace_id: Option<[u8; 16]>,
    pub(super) span_id: Option<[u8; 8]>,
    pub(super) notes: Notes,
    seen: u32,
}

impl Record<'_> {
    pub(super) fn clear(&mut self) {
        self.time_unix_nano = 0;
        self.observed_time_unix_nano = 0;
        self.severity_number = 0;
        self.severity_text = Cow::Borrowed("");
        self.event_name = Cow::Borrowed("");
        self.body.clear();
        self.attributes.clear();
        self.dropped_attributes_count = 0;
        self.flags = 0;
        self.trace_id = None;
        self.span_id = None;
        self.notes.clear();
        self.seen = 0;
    }

    /// Notes that a field comes, by its number: if it came before, that value is lost.
    pub(super) fn see(&mut self, field: u64) {
        let bit = if field < 32 { 1_u32 << field } else { 0 };
        self.notes.lossy |= self.seen & bit != 0;
        self.seen |= bit;
    }
}

/// What a resource or a scope says, with what stands beside it.
#[derive(Debug, Default)]
pub(super) struct Described<'a> {
    /// Of a scope.
    pub(super) name: Cow<'a, str>,
    /// Of a scope.
    pub(super) version: Cow<'a, str>,
    pub(super) attributes: Values<'a>,
    pub(super) dropped_attributes_count: u32,
    pub(super) schema_url: Cow<'a, str>,
    pub(super) notes: Notes,
    seen: u32,
}

/// What of a resource or scope comes once: a second one hides the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Once {
    /// The message that describes it.
    Whole = 1,
    Name = 2,
    Version = 4,
    Dropped = 8,
    SchemaUrl = 16,
}

impl Described<'_> {
    pub(super) fn clear(&mut self) {
        self.name = Cow::Borrowed("");
        self.version = Cow::Borrowed("");
        self.attributes.clear();
        self.dropped_attributes_count = 0;
        self.schema_url = Cow::Borrowed("");
        self.notes.clear();
        self.seen = 0;
    }

    /// Notes that a part comes: if it came before, that one is lost. (Of two messages the fields
    /// are merged, as protobuf does.)
    pub(super) const fn see(&mut self, part: Once) {
        let bit = part as u32;
        self.notes.lossy |= self.seen & bit != 0;
        self.seen |= bit;
    }
}
