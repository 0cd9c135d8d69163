//! The latch's own thread: it needs no runtime, no database and no network.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Shared, StopError};

/// How often the file is looked at and permits are renewed.
const PERIOD: Duration = Duration::from_millis(50);

/// Starts the watcher; it ends by itself when the latch is gone.
pub(super) fn start(shared: &Arc<Shared>) -> Result<(), StopError> {
    let latch = Arc::downgrade(shared);
    std::thread::Builder::new()
        .name("logdive-stop".to_owned())
        .spawn(move || run(&latch))
        .map(drop)
        .map_err(|source| StopError::File {
            path: String::new(),
            what: "starting the watcher",
            source,
        })
}

fn run(latch: &Weak<Shared>) {
    while let Some(shared) = latch.upgrade() {
        {
            let mut inner = shared.lock();
            inner.refresh(shared.file.as_ref());
            inner.holders.renew();
        }
        drop(shared);
        std::thread::park_timeout(PERIOD);
    }
}
