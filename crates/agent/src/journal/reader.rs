//! The journal as other processes see it, beside its owner.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::Connection;

use super::{
    JournalError, Record, chain,
    file::{self, LAYOUT, NAME},
    marker::{self, Found},
    store,
};

/// How often a reader looks whether the owner has appended. SQLite tells other processes nothing by itself; a look
/// costs a read of shared memory.
const POLL: Duration = Duration::from_millis(200);

/// Reads a journal without owning it: for `get`, `describe`, `logs`. Sees what is durable, never half a batch.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    id: String,
    conn: Mutex<Connection>,
}

impl JournalReader {
    /// Opens the journal in `dir`. Whether it was cut is checked here; each record is verified as it is read.
    ///
    /// # Errors
    /// [`JournalError::NoJournal`] when there never was one; [`JournalError::Lost`] or [`JournalError::Cut`] when there
    /// was more; [`JournalError::NewerFormat`]; others when it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        // The marker first: it never runs ahead of the records.
        let found = marker::read(dir)?;
        let path = dir.join(NAME);
        let Some(conn) = store::open_read_only(&path, LAYOUT)? else {
            file::permit_new(dir, &found)?;
            return Err(JournalError::NoJournal { dir: dir.to_owned() });
        };
        let id = file::read_id(&conn, &path)?;
        let reader = Self { path, id, conn: Mutex::new(conn) };
        if let Found::Marker(marker) = found {
            if marker.journal != reader.id {
                let what =
                    format!("its name is {}, the marker beside it is of {}", reader.id, marker.journal);
                return Err(JournalError::Replaced { dir: dir.to_owned(), what });
            }
            file::reaches(dir, reader.last()?, &marker)?;
        }
        Ok(reader)
    }

    /// The name of the journal.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sequence of the last record; 0 when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn last(&self) -> Result<u64, JournalError> {
        let last: Option<i64> = self
            .conn()
            .query_row("SELECT max(seq) FROM records", (), |row| row.get(0))
            .map_err(|error| JournalError::sqlite("read", &self.path, error))?;
        Ok(last.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0))
    }

    /// Up to `limit` records after sequence `after`, in order, verified.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with the sequence of the first record that is not as it was written.
    pub fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        chain::read(&self.conn(), &self.path, &self.id, after, limit)
    }

    /// Waits until there is a record after sequence `after`, then answers up to `limit` of them.
    ///
    /// # Errors
    /// As [`read`](JournalReader::read).
    pub async fn follow(&self, after: u64, limit: usize) -> Result<Vec<Record>, JournalError> {
        let mut ticks = tokio::time::interval(POLL);
        loop {
            let records = self.read(after, limit)?;
            if !records.is_empty() {
                return Ok(records);
            }
            ticks.tick().await;
        }
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
