//! The rows of the journal, and their chain.

use chrono::{DateTime, Utc};
use logdive_core::Digest;
use logdive_core::case::{CaseId, Entry};
use logdive_core::port::{Draft, JournalError, Row};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::{Verified, failed};

/// A row as it is stored.
struct Stored {
    seq: i64,
    at: String,
    case: Option<String>,
    entry: String,
    ends_case: bool,
    hash: String,
}

const COLUMNS: &str = "seq, at, case_id, entry, ends_case, hash";

impl Stored {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            at: row.get(1)?,
            case: row.get(2)?,
            entry: row.get(3)?,
            ends_case: row.get(4)?,
            hash: row.get(5)?,
        })
    }

    /// The row, if it is what its hash says and follows the one before.
    fn checked(self, after: Tail) -> Result<Row, JournalError> {
        let expected = after.seq + 1;
        let bad = |detail: String| JournalError::Corrupt { seq: expected, detail };
        let seq = u64::try_from(self.seq).unwrap_or_default();
        if seq != expected {
            return Err(bad(format!("it is missing; the next one is {}", self.seq)));
        }
        let at = DateTime::parse_from_rfc3339(&self.at)
            .map_err(|error| bad(format!("its time cannot be read: {error}")))?
            .to_utc();
        let case = self
            .case
            .map(|case| CaseId::parse(&case))
            .transpose()
            .map_err(|error| bad(error.to_string()))?;
        let hash = Row::chain(after.hash, seq, at, case.as_ref(), &self.entry);
        if Digest::parse(&self.hash) != Some(hash) || at.to_rfc3339() != self.at {
            return Err(bad("it is not what its hash says".to_owned()));
        }
        let entry: Entry = serde_json::from_str(&self.entry)
            .map_err(|error| bad(format!("it cannot be read: {error}")))?;
        // Not part of the hash, since it follows from the entry.
        if entry.ends_case() != self.ends_case {
            return Err(bad("its mark for the end of a case is wrong".to_owned()));
        }
        Ok(Row { seq, at, case, entry, hash })
    }
}

/// Where the chain goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Tail {
    seq: u64,
    hash: Digest,
}

impl Tail {
    fn start() -> Self {
        Self { seq: 0, hash: Digest::of("") }
    }
}

fn read_tail(row: &rusqlite::Row<'_>) -> rusqlite::Result<(i64, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

fn tail((seq, hash): (i64, String)) -> Result<Tail, JournalError> {
    let seq = u64::try_from(seq).unwrap_or_default();
    let hash = Digest::parse(&hash)
        .ok_or_else(|| JournalError::Corrupt { seq, detail: "its hash is none".to_owned() })?;
    Ok(Tail { seq, hash })
}

/// The row that a place names, as the chain's tail there; `None` if there is none.
fn tail_at(connection: &Connection, seq: u64) -> Result<Option<Tail>, JournalError> {
    if seq == 0 {
        return Ok(Some(Tail::start()));
    }
    let Ok(seq) = i64::try_from(seq) else { return Ok(None) };
    connection
        .query_row("SELECT seq, hash FROM journal WHERE seq = ?1", [seq], read_tail)
        .optional()
        .map_err(failed("reading the journal"))?
        .map(tail)
        .transpose()
}

/// The last row by what is written of it, which the last row there is must be.
pub(super) fn check_head(connection: &Connection) -> Result<(), JournalError> {
    head(connection).map(drop)
}

fn head(connection: &Connection) -> Result<Tail, JournalError> {
    let written = connection
        .query_row("SELECT seq, hash FROM head WHERE one = 1", [], read_tail)
        .optional()
        .map_err(failed("reading the head of the journal"))?
        .ok_or_else(|| JournalError::store("reading the head of the journal", "it is missing"))?;
    let written = tail(written)?;
    let last = connection
        .query_row("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1", [], read_tail)
        .optional()
        .map_err(failed("reading the last row of the journal"))?
        .map(tail)
        .transpose()?
        .unwrap_or_else(Tail::start);
    if last.seq < written.seq {
        return Err(JournalError::Corrupt {
            seq: last.seq + 1,
            detail: format!("it is missing; the journal had {} rows", written.seq),
        });
    }
    if last != written {
        return Err(JournalError::Corrupt {
            seq: last.seq,
            detail: "it is not the last row that was written".to_owned(),
        });
    }
    Ok(written)
}

pub(super) fn append(connection: &mut Connection, draft: Draft) -> Result<Row, JournalError> {
    let Draft { at, case, entry, fence } = draft;
    let json = serde_json::to_string(&entry)
        .map_err(|error| JournalError::store("writing an entry as JSON", error))?;
    check_readable(at, &entry, &json)?;
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("beginning to append to the journal"))?;
    if let Some(fence) = fence
        && super::lease::fence(&transaction)? != fence
    {
        return Err(JournalError::Fenced { fence });
    }
    let before = head(&transaction)?;
    let seq = before.seq + 1;
    let hash = Row::chain(before.hash, seq, at, case.as_ref(), &json);
    let stored = i64::try_from(seq)
        .map_err(|error| JournalError::store("numbering a row of the journal", error))?;
    transaction
        .prepare_cached(
            "INSERT INTO journal (seq, at, case_id, entry, ends_case, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                stored,
                at.to_rfc3339(),
                case.as_ref().map(CaseId::as_str),
                json,
                entry.ends_case(),
                hash.to_string(),
            ])
        })
        .and_then(|_| {
            transaction.execute(
                "UPDATE head SET seq = ?1, hash = ?2 WHERE one = 1",
                params![stored, hash.to_string()],
            )
        })
        .map_err(failed("appending to the journal"))?;
    transaction.commit().map_err(failed("committing to the journal"))?;
    Ok(Row { seq, at, case, entry, hash })
}

/// What could not be read back is not written.
fn check_readable(at: DateTime<Utc>, entry: &Entry, json: &str) -> Result<(), JournalError> {
    let what = "checking an entry before it is written";
    match DateTime::parse_from_rfc3339(&at.to_rfc3339()) {
        Ok(read) if read == at => {}
        _ => return Err(JournalError::store(what, "its time cannot be kept")),
    }
    match serde_json::from_str::<Entry>(json) {
        Ok(read) if read == *entry => Ok(()),
        Ok(_) => Err(JournalError::store(what, "it would be read as another one")),
        Err(error) => Err(JournalError::store(what, error)),
    }
}

pub(super) fn since(connection: &mut Connection, seq: u64) -> Result<Vec<Row>, JournalError> {
    let mut rows = Vec::new();
    walk(connection, seq, |row| rows.push(row))?;
    Ok(rows)
}

pub(super) fn verify(connection: &mut Connection) -> Result<Verified, JournalError> {
    let tail = walk(connection, 0, drop)?;
    Ok(Verified { rows: tail.seq, head: tail.hash })
}

/// Visits all rows behind a place and checks each against the one before, and the last against the
/// head.
fn walk(
    connection: &mut Connection,
    seq: u64,
    mut visit: impl FnMut(Row),
) -> Result<Tail, JournalError> {
    // One transaction: rows and head are of one moment.
    let transaction = connection.transaction().map_err(failed("reading the journal"))?;
    let Some(mut tail) = tail_at(&transaction, seq)? else {
        // Behind the end there is nothing; a hole is found by whoever reads across it.
        return head(&transaction);
    };
    {
        let from = i64::try_from(seq).unwrap_or(i64::MAX);
        let mut select = transaction
            .prepare(&format!("SELECT {COLUMNS} FROM journal WHERE seq > ?1 ORDER BY seq"))
            .map_err(failed("reading the journal"))?;
        let mut rows = select.query([from]).map_err(failed("reading the journal"))?;
        while let Some(row) = rows.next().map_err(failed("reading the journal"))? {
            let stored = Stored::read(row).map_err(|error| JournalError::Corrupt {
                seq: tail.seq + 1,
                detail: error.to_string(),
            })?;
            let row = stored.checked(tail)?;
            tail = Tail { seq: row.seq, hash: row.hash };
            visit(row);
        }
    }
    if head(&transaction)? != tail {
        return Err(JournalError::Corrupt {
            seq: tail.seq,
            detail: "it is not the last row that was written".to_owned(),
        });
    }
    Ok(tail)
}

pub(super) fn open_cases(connection: &mut Connection) -> Result<Vec<CaseId>, JournalError> {
    let what = "reading the open cases of the journal";
    let mut select = connection
        .prepare_cached(
            "SELECT case_id, MIN(seq) AS first FROM journal WHERE case_id IS NOT NULL
             GROUP BY case_id HAVING MAX(ends_case) = 0 ORDER BY first",
        )
        .map_err(failed(what))?;
    let cases = select
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(failed(what))?;
    cases
        .into_iter()
        .map(|(case, seq)| {
            CaseId::parse(&case).map_err(|error| JournalError::Corrupt {
                seq: u64::try_from(seq).unwrap_or_default(),
                detail: error.to_string(),
            })
        })
        .collect()
}
