//! The file: made whole, opened with care.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use logdive_core::Digest;
use logdive_core::port::JournalError;
use rusqlite::{Connection, OpenFlags};

use super::failed;

/// The first bytes of every file of SQLite.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// `ldjl`: tells a journal from other files of SQLite.
const APPLICATION: i64 = 0x6c64_6a6c;
/// The version of what is in the file. A new one is written when an old logdive would read it
/// wrongly.
const FORMAT: i64 = 1;
/// How long another process may hold the file before it is an error.
const BUSY: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY CHECK (seq >= 1),
    at TEXT NOT NULL,
    case_id TEXT,
    entry TEXT NOT NULL,
    ends_case INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX journal_cases ON journal (case_id, ends_case, seq) WHERE case_id IS NOT NULL;
CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
CREATE TRIGGER journal_is_not_cut BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
-- What the last row is: rows cut off at the end are missed.
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE TABLE lease (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    fence INTEGER NOT NULL,
    holder TEXT NOT NULL
) STRICT;
CREATE TABLE delivery (
    key TEXT NOT NULL,
    sink TEXT NOT NULL,
    target TEXT NOT NULL,
    -- What was tried last, and how that ended: sending, delivered, not_applied, no_answer, dead.
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    -- What is there, if anything is known to be.
    receipt TEXT,
    receipt_content TEXT,
    PRIMARY KEY (key, sink)
) STRICT;
";

/// The path by which every process names the same file.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, JournalError> {
    let what = || format!("opening journal `{}`", path.display());
    let name =
        path.file_name().ok_or_else(|| JournalError::store(what(), "the path names no file"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = fs::canonicalize(folder).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            let why = format!("folder `{}` is not there; make it first", folder.display());
            JournalError::store(what(), why)
        } else {
            JournalError::store(what(), error)
        }
    })?;
    // A link to a journal is that journal.
    let path = folder.join(name);
    Ok(fs::canonicalize(&path).unwrap_or(path))
}

pub(super) fn open(path: &Path) -> Result<Connection, JournalError> {
    match fs::symlink_metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => create(path)?,
        Err(error) => {
            return Err(JournalError::store(
                format!("opening journal `{}`", path.display()),
                error,
            ));
        }
    }
    check_header(path)?;
    restrict(path)?;
    let connection = connect(path)?;
    check_content(&connection, path)?;
    Ok(connection)
}

/// Makes a journal beside its place and puts it there whole: no other process, and no crash, ever
/// sees a part of one.
fn create(path: &Path) -> Result<(), JournalError> {
    let what = || format!("making journal `{}`", path.display());
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".new-{}-{:?}", std::process::id(), std::thread::current().id()));
    let new = path.with_file_name(name);
    let made = make(&new).and_then(|()| {
        match fs::hard_link(&new, path) {
            // Another process was faster; its journal is as good.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            linked => linked.map_err(|error| JournalError::store(what(), error)),
        }
    });
    let removed = fs::remove_file(&new).map_err(|error| JournalError::store(what(), error));
    made.and(removed)?;
    sync_folder(path).map_err(|error| JournalError::store(what(), error))
}

fn make(path: &Path) -> Result<(), JournalError> {
    let what = |error: std::io::Error| {
        JournalError::store(format!("making journal `{}`", path.display()), error)
    };
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(what(error)),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path).map_err(what)?);
    let connection = connect(path)?;
    let empty = Digest::of("");
    connection
        .execute_batch(&format!(
            "BEGIN IMMEDIATE;
             {SCHEMA}
             INSERT INTO head (one, seq, hash) VALUES (1, 0, '{empty}');
             INSERT INTO lease (one, fence, holder) VALUES (1, 0, '');
             PRAGMA application_id = {APPLICATION};
             PRAGMA user_version = {FORMAT};
             COMMIT;"
        ))
        .map_err(failed("making the tables of the journal"))?;
    connection.close().map_err(|(_, error)| failed("closing the new journal")(error))?;
    File::open(path).and_then(|file| file.sync_all()).map_err(what)
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// A file that is no journal is not handed to SQLite, which would take an empty one for new.
fn check_header(path: &Path) -> Result<(), JournalError> {
    let what = || format!("opening journal `{}`", path.display());
    let mut header = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut header))
        .map_err(|error| JournalError::store(what(), error))?;
    if header.is_empty() {
        return Err(JournalError::store(
            what(),
            "the file is empty, which does not mean that nothing was done; restore it, or remove \
             it if it never was a journal",
        ));
    }
    if header != MAGIC {
        return Err(JournalError::store(
            what(),
            "the file is no journal, or its beginning is damaged; restore it or name another",
        ));
    }
    Ok(())
}

/// The journal holds what tickets and logs hold: it is its owner's.
fn restrict(path: &Path) -> Result<(), JournalError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let what = || format!("closing journal `{}` to others", path.display());
        let mode = fs::metadata(path).map_err(|e| JournalError::store(what(), e))?.permissions();
        if mode.mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))
                .map_err(|error| JournalError::store(what(), error))?;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Connects, and reads back the settings that make a commit survive a power cut.
fn connect(path: &Path) -> Result<Connection, JournalError> {
    // Never `CREATE`: a file that vanished is not replaced by an empty one.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| {
        JournalError::store(format!("opening journal `{}`", path.display()), error)
    })?;
    let set = |name: &str, value: &str, expected: &str| -> Result<(), JournalError> {
        let damaged = |error| {
            JournalError::store(format!("setting `{name}` of journal `{}`", path.display()), error)
        };
        let mut is: String = connection.pragma_update_and_check(None, name, value, text).or_else(
            |error| match error {
                // Not every setting answers when it is set.
                rusqlite::Error::QueryReturnedNoRows => Ok(String::new()),
                error => Err(damaged(error)),
            },
        )?;
        if is.is_empty() {
            is = connection.pragma_query_value(None, name, text).map_err(damaged)?;
        }
        if is == expected {
            return Ok(());
        }
        Err(JournalError::store(
            format!("opening journal `{}`", path.display()),
            format!(
                "`{name}` is `{is}` and not `{expected}`, so a power cut could undo what was \
                 promised; keep the journal on a local disk"
            ),
        ))
    };
    connection.busy_timeout(BUSY).map_err(failed("setting the wait of the journal"))?;
    set("journal_mode", "wal", "wal")?;
    set("synchronous", "full", "2")?;
    // Where a sync does not reach the disk without it.
    set("fullfsync", "on", "1")?;
    set("checkpoint_fullfsync", "on", "1")?;
    set("trusted_schema", "off", "0")?;
    Ok(connection)
}

fn text(row: &rusqlite::Row<'_>) -> rusqlite::Result<String> {
    use rusqlite::types::ValueRef;
    Ok(match row.get_ref(0)? {
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).to_lowercase(),
        _ => String::new(),
    })
}

fn check_content(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let what = || format!("opening journal `{}`", path.display());
    let number = |name: &str| -> Result<i64, JournalError> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|error| JournalError::store(what(), error))
    };
    if number("application_id")? != APPLICATION {
        return Err(JournalError::store(
            what(),
            "the file is a database of something else; name another file",
        ));
    }
    let format = number("user_version")?;
    if format > FORMAT {
        return Err(JournalError::Version(format!(
            "journal `{}` has format {format}, and this logdive reads up to {FORMAT}: it needs the \
             logdive that wrote it, or a newer one",
            path.display()
        )));
    }
    if format < 1 {
        return Err(JournalError::store(what(), "its format has no version: it is damaged"));
    }
    let found: String = connection
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(|error| JournalError::store(what(), error))?;
    if found != "ok" {
        return Err(JournalError::store(what(), format!("the file is damaged: {found}")));
    }
    super::rows::check_head(connection)
}
