//! The marker: a small file beside the database that remembers how far the journal had come.
//!
//! It is written after the records are durable, so it may lag behind them, by a batch after a crash, but never runs
//! ahead. A database that knows less than its marker has lost something.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{JournalError, chain::Tail, store};

/// What the marker remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// The journal's name.
    pub(super) journal: String,
    /// Sequence of the last record.
    pub(super) seq: u64,
    /// Hash of the last record, lower-case hex.
    pub(super) hash: String,
}

/// What stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// No file.
    Nothing,
    /// A file that is no marker: there was a journal, and that is all that is known.
    Unreadable,
    /// A marker.
    Marker(Marker),
}

impl Marker {
    pub(super) fn new(journal: &str, tail: &Tail) -> Self {
        Self { journal: journal.to_owned(), seq: tail.seq, hash: hex(&tail.hash) }
    }

    /// Writes it as a whole or not at all. Its content is synced, its name is not: after a power failure the marker
    /// before it may stand there again, which only knows of less.
    pub(super) fn write(&self, dir: &Path) -> Result<(), JournalError> {
        let path = path(dir);
        let draft = dir.join("journal.marker.new");
        let mut text =
            serde_json::to_string(self).map_err(|error| JournalError::io("write", &path, error.into()))?;
        text.push('\n');
        let mut file = File::create(&draft).map_err(|error| JournalError::io("write", &draft, error))?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| JournalError::io("write", &draft, error))?;
        fs::rename(&draft, &path).map_err(|error| JournalError::io("write", &path, error))
    }
}

pub(super) fn read(dir: &Path) -> Result<Found, JournalError> {
    let Some(text) = store::read_small(&path(dir))? else {
        return Ok(Found::Nothing);
    };
    Ok(serde_json::from_str(&text).map_or(Found::Unreadable, Found::Marker))
}

fn path(dir: &Path) -> PathBuf {
    dir.join("journal.marker")
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
