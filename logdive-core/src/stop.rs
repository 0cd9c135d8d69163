//! The wheel: a latch over all modes that anybody can press and only a person resets.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Actor, Scope};

mod file;
mod permit;
mod watch;

pub use permit::{InFlight, Permit, PermitRefused, PermitRequest};

use file::LatchFile;
use permit::Holders;

/// One stop that nobody has reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRecord {
    /// For what.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: DateTime<Utc>,
    /// Why, if they said.
    pub reason: String,
}

impl fmt::Display for StopRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, by, at, reason } = self;
        write!(f, "{scope} stopped by {by} at {}", at.format("%FT%TZ"))?;
        if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
    }
}

/// What the latch says. Written to disk as JSON; what is here is never renamed, only added to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct LatchState {
    /// Rises with every stop and every reset.
    epoch: u64,
    stops: Vec<StopRecord>,
}

/// What came of a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReceipt {
    /// The epoch after it: no permit of an older one is given any more.
    pub epoch: u64,
    /// What was in flight in this process when the epoch rose. Others show in the journal.
    pub in_flight: Vec<InFlight>,
}

/// Why the latch did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StopError {
    /// The file failed. After a failed stop this process is stopped all the same.
    #[error("stop latch `{path}`: {what} failed")]
    File {
        /// The file.
        path: String,
        /// What was being done.
        what: &'static str,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Only a person resets.
    #[error("only a person resets a stop")]
    NotAPerson,
}

/// A latch over all modes, in a file, with an epoch.
///
/// Stopped means: the latch is set for a scope that matches, or the file cannot be read. A clone
/// is the same latch.
#[derive(Debug, Clone)]
pub struct StopLatch {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    file: Option<LatchFile>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: LatchState,
    /// Why the file cannot be believed: everything is stopped.
    unreadable: Option<String>,
    holders: Holders,
}

impl StopLatch {
    /// A latch in a file, which is made if it is not there. A thread of its own watches the file,
    /// so that a stop pressed in another process reaches what is in flight here.
    ///
    /// # Errors
    /// If the file cannot be made or its watcher not be started. A file that is there and cannot
    /// be read is not an error: it is a latch that is set.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, StopError> {
        let file = LatchFile::open_or_create(path.as_ref())?;
        let latch = Self::with(Some(file));
        latch.lock().refresh(latch.shared.file.as_ref());
        watch::start(&latch.shared)?;
        Ok(latch)
    }

    /// A latch that lives in this process only, for tests and tools that do one thing and end.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::with(None)
    }

    fn with(file: Option<LatchFile>) -> Self {
        let inner =
            Inner { state: LatchState::default(), unreadable: None, holders: Holders::default() };
        Self { shared: Arc::new(Shared { file, inner: Mutex::new(inner) }) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock()
    }

    /// The epoch: it rises with every stop and every reset, in whichever process.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        let mut inner = self.lock();
        inner.refresh(self.shared.file.as_ref());
        inner.state.epoch
    }

    /// Every stop that nobody has reset.
    #[must_use]
    pub fn stops(&self) -> Vec<StopRecord> {
        let mut inner = self.lock();
        inner.refresh(self.shared.file.as_ref());
        inner.state.stops.clone()
    }

    /// Why automation may not move for these scopes; `None` if it may.
    #[must_use]
    pub fn stopped(&self, scopes: &[Scope]) -> Option<String> {
        let mut inner = self.lock();
        inner.refresh(self.shared.file.as_ref());
        inner.stopped(scopes)
    }

    /// Stops what automation may start for a scope.
    ///
    /// The epoch rises first: when it has, no permit of an older one is given. Then the latch is
    /// made durable. Then this returns, with what was in flight.
    ///
    /// # Errors
    /// If the file could not be written. This process is stopped all the same.
    pub fn stop(
        &self,
        scope: Scope,
        by: Actor,
        at: DateTime<Utc>,
        reason: impl Into<String>,
    ) -> Result<StopReceipt, StopError> {
        let mut inner = self.lock();
        inner.state.epoch += 1;
        let in_flight = inner.holders.revoke(&scope);
        inner.state.stops.retain(|known| known.scope != scope);
        inner.state.stops.push(StopRecord { scope, by, at, reason: reason.into() });
        if let Some(file) = &self.shared.file {
            inner.write_through(file)?;
        }
        Ok(StopReceipt { epoch: inner.state.epoch, in_flight })
    }

    /// Lets modes be raised again for a scope; it raises none. `Scope::Global` resets every stop,
    /// and a latch that cannot be read. Gives the epoch after it: decisions of older ones are
    /// not carried out.
    ///
    /// # Errors
    /// If the actor is no person, or the file could not be written: then nothing is reset.
    pub fn reset(&self, scope: &Scope, by: &Actor, at: DateTime<Utc>) -> Result<u64, StopError> {
        if !by.is_person() {
            return Err(StopError::NotAPerson);
        }
        let mut inner = self.lock();
        inner.refresh(self.shared.file.as_ref());
        if inner.unreadable.is_some() && *scope == Scope::Global {
            // The old epoch is lost. Counted epochs never come near microseconds of today.
            let fresh = u64::try_from(at.timestamp_micros()).unwrap_or_default();
            inner.state.epoch = inner.state.epoch.max(fresh);
            inner.unreadable = None;
        }
        let before = inner.state.clone();
        inner.state.epoch += 1;
        inner.state.stops.retain(|stop| *scope != Scope::Global && stop.scope != *scope);
        if let Some(file) = &self.shared.file
            && let Err(error) = file.write(&inner.state)
        {
            inner.state = before;
            inner.unreadable = Some(error.to_string());
            return Err(error);
        }
        Ok(inner.state.epoch)
    }

    /// Takes a permit: the one atomic step in which a dispatch begins.
    ///
    /// Automation gets none while a scope of the request is stopped, or if the epoch is not that
    /// of its decision. A named person gets a one-shot permit in their name also while stopped.
    ///
    /// # Errors
    /// Why there is none.
    pub fn permit(&self, request: PermitRequest) -> Result<Permit, PermitRefused> {
        let mut inner = self.lock();
        inner.refresh(self.shared.file.as_ref());
        if !request.by.is_person() {
            if let Some(why) = inner.stopped(&request.scopes) {
                return Err(PermitRefused::Stopped(why));
            }
            if request.epoch != inner.state.epoch {
                return Err(PermitRefused::Epoch {
                    decided: request.epoch,
                    now: inner.state.epoch,
                });
            }
        }
        let epoch = inner.state.epoch;
        let holder = inner.holders.take(request, epoch, self.shared.file.is_some());
        Ok(Permit::new(holder, Arc::downgrade(&self.shared)))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere must not make the wheel unusable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Takes over what the file says. The latch in memory is only ever raised by it: a file that
    /// lags behind a stop of this process does not undo it.
    fn refresh(&mut self, file: Option<&LatchFile>) {
        let Some(file) = file else { return };
        match file.read() {
            Ok(state) => {
                if state.epoch >= self.state.epoch {
                    if state.epoch > self.state.epoch {
                        for stop in &state.stops {
                            if !self.state.stops.contains(stop) {
                                self.holders.revoke(&stop.scope);
                            }
                        }
                    }
                    self.state = state;
                    self.unreadable = None;
                }
            }
            Err(error) => {
                self.holders.revoke(&Scope::Global);
                self.unreadable = Some(error);
            }
        }
    }

    /// Joins this process's stops with those of the file, and writes them.
    fn write_through(&mut self, file: &LatchFile) -> Result<(), StopError> {
        let written = file.update(|on_disk| {
            if let Ok(on_disk) = on_disk {
                self.state.epoch = self.state.epoch.max(on_disk.epoch + 1);
                for stop in on_disk.stops {
                    if !self.state.stops.iter().any(|known| known.scope == stop.scope) {
                        self.state.stops.push(stop);
                    }
                }
            }
            &self.state
        });
        if let Err(error) = &written {
            self.unreadable = Some(error.to_string());
        }
        written
    }

    fn stopped(&self, scopes: &[Scope]) -> Option<String> {
        if let Some(why) = &self.unreadable {
            return Some(format!("the stop latch cannot be read: {why}"));
        }
        self.state
            .stops
            .iter()
            .find(|stop| stop.scope == Scope::Global || scopes.contains(&stop.scope))
            .map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests;
