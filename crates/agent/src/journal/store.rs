//! How every SQLite file of the state directory is opened: what it is, its format, its durability.

use std::{fs, io, os::unix::fs::DirBuilderExt, path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::JournalError;

/// Marks the header of our files (`PRAGMA application_id`): "RkHd".
const APPLICATION_ID: i64 = 0x526b_4864;

/// How long a statement waits for another process before it fails. Writers hold their locks for one small commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What one of our files holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Its format (`PRAGMA user_version`); raised whenever an older version could no longer use it.
    pub(crate) format: i64,
    /// The statements that create it.
    pub(crate) schema: &'static str,
    /// What to do when it is damaged; none for the journal itself, which nobody may do without unasked.
    pub(crate) if_damaged: Option<&'static str>,
}

/// Creates the state directory, for its owner alone: its files say which servers are where.
pub(crate) fn create_dir(dir: &Path) -> Result<(), JournalError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| JournalError::io("create", dir, error))
}

/// Makes names created, renamed or removed in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), JournalError> {
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| JournalError::io("write", dir, error))
}

/// Opens for writing. Answers whether the file holds its tables already; [`create`] makes them.
pub(crate) fn open(path: &Path, layout: Layout) -> Result<(Connection, bool), JournalError> {
    let failed = |error| unreadable(path, layout, error);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    // Before anything is written: a file of somebody else, or of a newer version, stays as it is.
    let filled = check_format(&conn, path, layout)?;
    conn.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    conn.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    Ok((conn, filled))
}

/// Opens for reading beside a writer. None when there is no such file, or nothing in it yet.
pub(crate) fn open_read_only(path: &Path, layout: Layout) -> Result<Option<Connection>, JournalError> {
    let exists = path.try_exists().map_err(|error| JournalError::io("read", path, error))?;
    if !exists {
        return Ok(None);
    }
    let failed = |error| unreadable(path, layout, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(failed)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    Ok(check_format(&conn, path, layout)?.then_some(conn))
}

/// Opens for writing and creates the tables if they are not there, whichever process comes first.
pub(crate) fn open_or_create(path: &Path, layout: Layout) -> Result<Connection, JournalError> {
    let (mut conn, filled) = open(path, layout)?;
    if !filled {
        create(&mut conn, path, layout, |_| Ok(()))?;
    }
    Ok(conn)
}

/// Creates the tables in one transaction, in which `fill` may add rows. Another process may have been faster.
pub(crate) fn create(
    conn: &mut Connection,
    path: &Path,
    layout: Layout,
    fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), JournalError> {
    let failed = |error| JournalError::sqlite("create", path, error);
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if check_format(&transaction, path, layout)? {
        return Ok(());
    }
    transaction.execute_batch(layout.schema).map_err(failed)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", layout.format).map_err(failed)?;
    fill(&transaction).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Whether the file is ours and filled; an error when it is somebody else's or of a newer format.
fn check_format(conn: &Connection, path: &Path, layout: Layout) -> Result<bool, JournalError> {
    let number = |name| {
        conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(|error| unreadable(path, layout, error))
    };
    let application = number("application_id")?;
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(|error| unreadable(path, layout, error))?;
    if application == 0 && tables == 0 {
        return Ok(false);
    }
    if application != APPLICATION_ID {
        return Err(JournalError::NotOurs { path: path.to_owned() });
    }
    match number("user_version")? {
        found if found > layout.format => {
            Err(JournalError::NewerFormat { path: path.to_owned(), found, known: layout.format })
        }
        _ => Ok(true),
    }
}

/// A file whose beginning is no database any more is damaged from its first record on.
fn unreadable(path: &Path, layout: Layout, error: rusqlite::Error) -> JournalError {
    let damaged = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown)
    );
    let (path, what) = (path.to_owned(), error.to_string());
    match layout.if_damaged {
        _ if !damaged => JournalError::sqlite("open", path, error),
        None => JournalError::Damaged { path, seq: 1, what },
        Some(advice) => JournalError::Unusable { path, what, advice },
    }
}

/// Sequences are far below 2^63, which is where SQLite's integers end.
pub(crate) fn to_sql(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// Reads a small file whole; none when it is not there.
pub(crate) fn read_small(path: &Path) -> Result<Option<String>, JournalError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(Some(String::new())),
        Err(error) => Err(JournalError::io("read", path, error)),
    }
}
