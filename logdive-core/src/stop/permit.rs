//! Permits: what an effect holds from before it begins until it has ended.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::Shared;
use crate::{Actor, Scope};

/// How long a permit is good without being renewed: a dead-man's handle.
const TTL: Duration = Duration::from_secs(2);

/// Who wants to begin what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermitRequest {
    /// What is to be begun, in words for who stops it.
    pub holder: String,
    /// The scopes it belongs to.
    pub scopes: Vec<Scope>,
    /// On whose authority.
    pub by: Actor,
    /// The epoch its decision was made in.
    pub epoch: u64,
}

/// Why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PermitRefused {
    /// Somebody stopped it.
    #[error("stopped: {0}")]
    Stopped(String),
    /// Its decision is from before a stop or a reset.
    #[error("decided in epoch {decided}, now is {now}: decide anew")]
    Epoch {
        /// The decision's epoch.
        decided: u64,
        /// The epoch now.
        now: u64,
    },
}

/// Something in flight when somebody stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InFlight {
    /// What it is.
    pub holder: String,
    /// On whose authority.
    pub by: Actor,
    /// How far it says it is.
    pub progress: String,
    /// Whether the stop reached it: what a named person started is listed and goes on.
    pub revoked: bool,
}

#[derive(Debug)]
pub(super) struct Holder {
    id: u64,
    request: PermitRequest,
    epoch: u64,
    revoked: AtomicBool,
    progress: Mutex<String>,
    /// When it was renewed last; `None` for a latch without a watcher, which expires never.
    renewed: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
pub(super) struct Holders {
    next: u64,
    held: BTreeMap<u64, Arc<Holder>>,
}

impl Holders {
    pub(super) fn take(
        &mut self,
        request: PermitRequest,
        epoch: u64,
        expires: bool,
    ) -> Arc<Holder> {
        self.next += 1;
        let holder = Arc::new(Holder {
            id: self.next,
            request,
            epoch,
            revoked: AtomicBool::new(false),
            progress: Mutex::new("begun".to_owned()),
            renewed: Mutex::new(expires.then(Instant::now)),
        });
        self.held.insert(self.next, Arc::clone(&holder));
        holder
    }

    /// Revokes what automation holds for a scope, and lists all that is in flight for it.
    pub(super) fn revoke(&self, scope: &Scope) -> Vec<InFlight> {
        self.held
            .values()
            .filter(|holder| *scope == Scope::Global || holder.request.scopes.contains(scope))
            .map(|holder| {
                let reaches = !holder.request.by.is_person();
                if reaches {
                    holder.revoked.store(true, Ordering::SeqCst);
                }
                InFlight {
                    holder: holder.request.holder.clone(),
                    by: holder.request.by.clone(),
                    progress: lock(&holder.progress).clone(),
                    revoked: reaches,
                }
            })
            .collect()
    }

    pub(super) fn renew(&self) {
        let now = Instant::now();
        for holder in self.held.values() {
            let mut renewed = lock(&holder.renewed);
            if renewed.is_some() {
                *renewed = Some(now);
            }
        }
    }

    fn release(&mut self, id: u64) {
        self.held.remove(&id);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The right to an effect, held from before it begins until it has ended. Dropping it gives it
/// back.
#[derive(Debug)]
pub struct Permit {
    holder: Arc<Holder>,
    latch: Weak<Shared>,
}

impl Permit {
    pub(super) const fn new(holder: Arc<Holder>, latch: Weak<Shared>) -> Self {
        Self { holder, latch }
    }

    /// The epoch it was taken in.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.holder.epoch
    }

    /// On whose authority it was taken.
    #[must_use]
    pub fn by(&self) -> &Actor {
        &self.holder.request.by
    }

    /// Whether the effect may go on: nobody has stopped it, and the latch's watcher is alive.
    /// To be asked before each step.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let alive = self.latch.strong_count() > 0;
        let renewed = lock(&self.holder.renewed).is_none_or(|at| at.elapsed() < TTL);
        alive && renewed && !self.holder.revoked.load(Ordering::SeqCst)
    }

    /// Says how far the effect is, for who stops it.
    pub fn progress(&self, text: impl Into<String>) {
        *lock(&self.holder.progress) = text.into();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(shared) = self.latch.upgrade() {
            shared.lock().holders.release(self.holder.id);
        }
    }
}
