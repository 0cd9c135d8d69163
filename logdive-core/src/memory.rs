//! Every seam in memory: for tests, and for tools that need no more.

mod act;
mod clock;
mod decide;
mod evidence;
mod journal;
mod layer;
mod post;
mod tickets;

pub use act::MemoryActuator;
pub use clock::ManualClock;
pub use decide::FnDecide;
pub use evidence::MemoryEvidence;
pub use journal::MemoryJournal;
pub use layer::MemoryLayer;
pub use post::{MemoryPost, MemorySink};
pub use tickets::MemoryTickets;

use std::sync::{Mutex, MutexGuard, PoisonError};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
