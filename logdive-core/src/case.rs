//! A case: one ticket's way through the loop.

mod entry;

pub use entry::{CaseId, Entry};
