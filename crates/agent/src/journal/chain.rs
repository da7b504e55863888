//! The hash chain, and the one way to read records: checked.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, Row};
use sha2::{Digest, Sha256};

use super::{JournalError, Record, store};

/// SHA-256 of a record and of everything before it.
pub(super) type Hash = [u8; 32];

/// The last record: its place and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) seq: u64,
    pub(super) hash: Hash,
}

impl Tail {
    /// The tail of an empty journal. It depends on the journal's name, so that records of one never fit another.
    pub(super) fn empty(id: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"rackhand journal 1, begin\0");
        hasher.update(id.as_bytes());
        Self { seq: 0, hash: hasher.finalize().into() }
    }

    /// The tail once this record follows.
    pub(super) fn link(&self, at: &str, node: Option<&str>, event: &str) -> Self {
        let seq = self.seq.saturating_add(1);
        let mut hasher = Sha256::new();
        hasher.update(b"rackhand journal 1, record\0");
        hasher.update(self.hash);
        hasher.update(seq.to_be_bytes());
        // Lengths go first, so that no text can pass for the next field.
        for field in [Some(at), node, Some(event)] {
            hasher.update(field.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
            hasher.update(field.unwrap_or_default().as_bytes());
        }
        Self { seq, hash: hasher.finalize().into() }
    }
}

/// A row as it stands in the file.
struct Stored {
    at: String,
    node: Option<String>,
    event: String,
}

const SELECT: &str =
    "SELECT seq, at, node, event, previous, hash FROM records WHERE seq >= ?1 ORDER BY seq LIMIT ?2";

/// Reads up to `limit` records after `after`, each checked against the one before it.
///
/// The record before the first one is read too: with it the link between them is checked, in one snapshot.
pub(super) fn read(
    conn: &Connection,
    path: &Path,
    id: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Record>, JournalError> {
    let mut records = Vec::new();
    let rows = limit.saturating_add(usize::from(after > 0));
    walk(conn, path, id, after, rows, |seq, stored| {
        if seq > after {
            records.push(parse(path, seq, stored)?);
        }
        Ok(())
    })?;
    Ok(records)
}

/// Checks every record and answers the last.
pub(super) fn verify(conn: &Connection, path: &Path, id: &str) -> Result<Tail, JournalError> {
    walk(conn, path, id, 0, usize::MAX, |_, _| Ok(()))
}

fn parse(path: &Path, seq: u64, stored: Stored) -> Result<Record, JournalError> {
    let at = stored.at.parse().map_err(|_| damaged(path, seq, "its date is not a date"))?;
    let event = serde_json::from_str(&stored.event)
        .map_err(|error| JournalError::NotUnderstood { seq, what: error.to_string() })?;
    Ok(Record { seq, at, node: stored.node, event })
}

/// Goes through `rows` rows from sequence `from` (0 and 1 are both the beginning), checking each before `visit` sees it.
fn walk(
    conn: &Connection,
    path: &Path,
    id: &str,
    from: u64,
    rows: usize,
    mut visit: impl FnMut(u64, Stored) -> Result<(), JournalError>,
) -> Result<Tail, JournalError> {
    let mut tail = (from <= 1).then(|| Tail::empty(id));
    let mut next = from.max(1);
    let mut statement = conn.prepare_cached(SELECT).map_err(|error| broken(path, next, error))?;
    let limit = i64::try_from(rows).unwrap_or(i64::MAX);
    let mut cursor =
        statement.query((store::to_sql(next), limit)).map_err(|error| broken(path, next, error))?;
    while let Some(row) = cursor.next().map_err(|error| broken(path, next, error))? {
        let (stored, linked) = check(row, path, next, tail.as_ref())?;
        tail = Some(linked);
        visit(next, stored)?;
        next = next.saturating_add(1);
    }
    Ok(tail.unwrap_or_else(|| Tail::empty(id)))
}

/// Checks one row: its place, its link to the one before (when that is known), its own hash.
fn check(
    row: &Row<'_>,
    path: &Path,
    expected: u64,
    before: Option<&Tail>,
) -> Result<(Stored, Tail), JournalError> {
    let column = |error| broken(path, expected, error);
    let seq: i64 = row.get(0).map_err(column)?;
    if u64::try_from(seq) != Ok(expected) {
        return Err(damaged(path, expected, &format!("it is missing, record {seq} follows instead")));
    }
    let stored = Stored {
        at: row.get(1).map_err(column)?,
        node: row.get(2).map_err(column)?,
        event: row.get(3).map_err(column)?,
    };
    let previous: Hash = row.get(4).map_err(column)?;
    let hash: Hash = row.get(5).map_err(column)?;
    if before.is_some_and(|tail| tail.hash != previous) {
        return Err(damaged(path, expected, "it does not follow the record before it"));
    }
    let linked = Tail { seq: expected.saturating_sub(1), hash: previous }.link(
        &stored.at,
        stored.node.as_deref(),
        &stored.event,
    );
    if linked.hash != hash {
        return Err(damaged(path, expected, "its content does not match its checksum"));
    }
    Ok((stored, linked))
}

fn damaged(path: &Path, seq: u64, what: &str) -> JournalError {
    JournalError::Damaged { path: path.to_owned(), seq, what: what.to_owned() }
}

/// What SQLite noticed by itself is damage too; the rest is trouble with the file.
pub(super) fn broken(path: &Path, seq: u64, error: rusqlite::Error) -> JournalError {
    match &error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => damaged(path, seq, &error.to_string()),
        _ if matches!(
            error.sqlite_error_code(),
            // SQLITE_ERROR: a table that every journal has is not there, so the schema was hit.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
        ) =>
        {
            damaged(path, seq, &error.to_string())
        }
        _ => JournalError::sqlite("read", path, error),
    }
}
