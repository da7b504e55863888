//! What can go wrong with the files of the state directory, and what an operator does about it.

use std::{fmt, io, path::PathBuf, sync::Arc};

use thiserror::Error;

/// Why the journal (or another file of the state directory) cannot be opened, read or written.
///
/// Cloneable, because one failed commit is the answer to every entry of its batch.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process owns the journal.
    #[error(
        "the journal in {dir} is in use by {holder}: use `rackhand get`, `logs` or `cancel` beside it, or stop it first"
    )]
    InUse {
        /// The state directory.
        dir: PathBuf,
        /// Who owns it.
        holder: Holder,
    },
    /// A reader found a state directory in which nothing was ever written.
    #[error("there is no journal in {dir} yet: nothing was applied from this state directory")]
    NoJournal {
        /// The state directory.
        dir: PathBuf,
    },
    /// The file was written by a newer version.
    #[error(
        "{path} has format {found}, this version of rackhand knows formats up to {known}: use the version that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// The file is a database of something else.
    #[error("{path} is not a file of rackhand: choose another state directory, or move that file away")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The records are gone although there were some.
    #[error(
        "the journal in {dir} is gone: the marker beside it knows of {known} records and none is left. A live site must not be reinstalled because its journal was lost, so nothing is done. Restore journal.sqlite with its -wal file, or start a new journal with --accept-lost-journal: every host that is on then waits for a decision (`adopt` or `--install`)"
    )]
    Lost {
        /// The state directory.
        dir: PathBuf,
        /// Sequence of the last record known to have been there.
        known: u64,
    },
    /// The end of the journal is missing.
    #[error(
        "the journal in {dir} was cut: it ends with record {last}, the marker beside it knows of record {known}. Acts on real servers may be among what is missing, so nothing is done. Restore journal.sqlite with its -wal file, or set this journal aside and start a new one with --accept-lost-journal: every host that is on then waits for a decision"
    )]
    Cut {
        /// The state directory.
        dir: PathBuf,
        /// Sequence of the last record that is there.
        last: u64,
        /// Sequence of the last record known to have been there.
        known: u64,
    },
    /// The journal is not the one that the marker beside it belongs to.
    #[error(
        "the journal in {dir} is not the one that was here: {what}. Put the right journal.sqlite back with its -wal file, or set this one aside and start a new one with --accept-lost-journal: every host that is on then waits for a decision"
    )]
    Replaced {
        /// The state directory.
        dir: PathBuf,
        /// What differs.
        what: String,
    },
    /// A record is not as it was written.
    #[error(
        "{path} is damaged at record {seq}: {what}. Records before it are sound. Restore the file from a backup, or set it aside and start a new journal with --accept-lost-journal: every host that is on then waits for a decision"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Sequence of the first record that is not as it was written.
        seq: u64,
        /// What was seen.
        what: String,
    },
    /// A file beside the journal is damaged, and can be done without.
    #[error("{path} is damaged: {what}. {advice}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What was seen.
        what: String,
        /// What to do, and what is lost by it.
        advice: &'static str,
    },
    /// The file was taken away from under the process that writes it.
    #[error(
        "{path} was removed or replaced while in use: what is written now would be lost, so nothing more is done. Stop rackhand, put the file back with its -wal file, and start again"
    )]
    Removed {
        /// The file.
        path: PathBuf,
    },
    /// No space is left. Nothing was written; a later try succeeds once there is space.
    #[error(
        "no space is left for {path}: nothing was written, and no act goes out unwritten. Free some space"
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// A cursor was set beyond the end.
    #[error("record {seq} does not exist: the journal ends with record {last}")]
    NoSuchRecord {
        /// The record asked for.
        seq: u64,
        /// The last there is.
        last: u64,
    },
    /// An event cannot be written as JSON, or is not understood as an event.
    #[error(
        "record {seq} cannot be understood: {what}. It was probably written by another version of rackhand"
    )]
    NotUnderstood {
        /// Its sequence; 0 when it was not yet written.
        seq: u64,
        /// What was seen.
        what: String,
    },
    /// A file could not be worked with.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// SQLite could not do its work.
    #[error("cannot {doing} {path}: {source}")]
    Sqlite {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Arc<rusqlite::Error>,
    },
    /// The task or thread that serves the journal has ended.
    #[error("the journal is closed")]
    Closed,
}

/// The process that owns a journal, as far as its lock file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, when it could be read.
    pub pid: Option<u32>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

impl JournalError {
    /// Whether `--accept-lost-journal` lets one proceed: the records are gone, cut, damaged or of another journal.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Cut { .. } | Self::Replaced { .. } | Self::Damaged { .. })
    }

    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        let path = path.into();
        if source.kind() == io::ErrorKind::StorageFull {
            return Self::Full { path };
        }
        Self::Io { doing, path, source: Arc::new(source) }
    }

    pub(crate) fn sqlite(doing: &'static str, path: impl Into<PathBuf>, source: rusqlite::Error) -> Self {
        let path = path.into();
        if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) {
            return Self::Full { path };
        }
        Self::Sqlite { doing, path, source: Arc::new(source) }
    }
}
