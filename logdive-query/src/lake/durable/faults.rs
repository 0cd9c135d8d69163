//! Steps of the disk that fail when a test says so.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};

/// No space left on the device.
pub(crate) const ENOSPC: i32 = 28;
/// The device could not do it.
pub(crate) const EIO: i32 = 5;

/// How a step fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It is not done.
    Undone,
    /// It is done, and says that it is not.
    Done,
    /// If it writes, half of it is written; else as `Undone`.
    Short,
}

/// Which steps fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// The first, counted from 0.
    pub(crate) first: u64,
    /// How many from there on.
    pub(crate) count: u64,
    pub(crate) how: How,
    /// The operating system's number of the error.
    pub(crate) error: i32,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    steps: u64,
    failed: u64,
    fault: Option<Fault>,
}

impl Faults {
    /// Lets steps fail, counted from now.
    pub(crate) fn set(&self, fault: Option<Fault>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) =
            State { fault, ..State::default() };
    }

    /// How many steps there were since they were counted, and how many of them failed.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.steps, state.failed)
    }

    /// The next step's fault.
    fn next(&self, taken: bool) -> Option<Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let at = state.steps;
        let fault = state
            .fault
            .filter(|fault| (fault.first..fault.first.saturating_add(fault.count)).contains(&at));
        if taken {
            state.steps += 1;
            state.failed += u64::from(fault.is_some());
        }
        fault
    }

    pub(crate) fn step<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let Some(fault) = self.next(true) else { return work() };
        if fault.how == How::Done {
            work()?;
        }
        Err(io::Error::from_raw_os_error(fault.error))
    }

    /// Writes the half that comes before a short write fails.
    pub(crate) fn short(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        match self.next(false) {
            Some(fault) if fault.how == How::Short => {
                let (half, _) = bytes.split_at(bytes.len() / 2);
                file.write_all(half)
            }
            _ => Ok(()),
        }
    }
}
