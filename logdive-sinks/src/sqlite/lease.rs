//! The right to drive: a lock of the operating system, and a number that rises.

use std::fs::{OpenOptions, TryLockError};
use std::path::Path;

use logdive_core::port::{JournalError, Lease};
use rusqlite::{Connection, TransactionBehavior, params};

use super::failed;

/// The number of the newest lease.
pub(super) fn fence(connection: &Connection) -> Result<u64, JournalError> {
    let fence: i64 = connection
        .query_row("SELECT fence FROM lease WHERE one = 1", [], |row| row.get(0))
        .map_err(failed("reading the lease of the journal"))?;
    u64::try_from(fence)
        .map_err(|error| JournalError::store("reading the lease of the journal", error))
}

pub(super) fn take(
    connection: &mut Connection,
    path: &Path,
    holder: &str,
) -> Result<Lease, JournalError> {
    let what = || format!("locking `{}`", path.display());
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| JournalError::store(what(), error))?;
    // The lock is what counts, not that the file is there: it ends with the process.
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = connection
                .query_row("SELECT holder FROM lease WHERE one = 1", [], |row| row.get(0))
                .map_err(failed("reading the lease of the journal"))?;
            return Err(JournalError::LeaseHeld { holder });
        }
        Err(TryLockError::Error(error)) => return Err(JournalError::store(what(), error)),
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("taking the lease of the journal"))?;
    transaction
        .execute("UPDATE lease SET fence = fence + 1, holder = ?1 WHERE one = 1", params![holder])
        .map_err(failed("taking the lease of the journal"))?;
    let fence = fence(&transaction)?;
    transaction.commit().map_err(failed("taking the lease of the journal"))?;
    Ok(Lease { fence, guard: Box::new(file) })
}
