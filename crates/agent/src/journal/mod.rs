//! The journal: the one append-only sequence of events that everything else reads.
//!
//! [`Journal`] is the seam. [`FileJournal`] is the durable form: a SQLite file that one process owns and any number of
//! others read ([`JournalReader`]) and ask things of ([`Inbox`]). [`MemoryJournal`] is the synchronous form for
//! simulations, with neither thread nor file.
//!
//! What keeps it trustworthy:
//! - a record is durable before `append` returns (WAL, `synchronous=FULL`, one commit per batch by one writer);
//! - every record carries the hash of the one before and its own, checked on open and on every read, so
//!   that damage and gaps are named with their sequence;
//! - a marker beside the database remembers the last record, so that a lost or cut journal is never taken for a new
//!   one: a live site must not be reinstalled because its journal was lost.
//!
//! # Files of a state directory
//!
//! | file | what |
//! |---|---|
//! | `journal.sqlite` | the records and the readers' cursors |
//! | `journal.marker` | sequence and hash of the last record |
//! | `journal.lock` | locked by the owner, whose process id it holds |
//! | `inbox.sqlite` | requests of other processes to the owner |
//! | `ledger.sqlite`, `owners/` | logins and sessions: see [`ledger`](crate::ledger) |

mod chain;
mod error;
mod file;
mod inbox;
mod lock;
mod marker;
mod memory;
mod reader;
pub(crate) mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use error::{Holder, JournalError};
pub use file::{FileJournal, OnLoss};
pub use inbox::{Inbox, Posted, Request, RequestId, Wish};
pub use memory::MemoryJournal;
pub use reader::JournalReader;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::event::Event;

/// What is appended.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The node it is about; none for what concerns the whole process.
    pub node: Option<String>,
    /// What happened.
    pub event: Event,
}

/// An event in its place. The JSON of a record is the public stream format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its place, from 1, without gaps. The order of records is this, never `at`.
    pub seq: u64,
    /// The date at which it was appended, by the journal's clock.
    pub at: Timestamp,
    /// The node it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What happened.
    pub event: Event,
}

/// The append-only sequence of events, with a durable cursor for each of its readers.
pub trait Journal: Send + Sync + std::fmt::Debug {
    /// The name of this journal, given at its creation: with the sequence it makes a record globally unique.
    fn id(&self) -> &str;

    /// Appends an entry. It is durable when this returns.
    ///
    /// Once polled, the entry is written even if the future is dropped. An error means that it was not written, with
    /// one exception that no storage can avoid: when the disk itself fails in the middle of a commit and the machine
    /// goes down at once, the record may be found later. So an intent that could not be written must be taken as absent
    /// now and may be present after a restart, where a read-back decides it like any other.
    ///
    /// # Errors
    /// [`JournalError::Full`] when there is no space; other variants as they say. Nothing is half-written.
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Record, JournalError>>;

    /// Up to `limit` records after sequence `after` (0: from the beginning), in order, verified.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] with the sequence of the first record that is not as it was written.
    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Record>, JournalError>>;

    /// The sequence of the last durable record, as it changes.
    fn watch(&self) -> watch::Receiver<u64>;

    /// How far the named reader has come: the sequence last given to [`set_cursor`](Journal::set_cursor), or 0.
    ///
    /// # Errors
    /// When it cannot be read.
    fn cursor<'a>(&'a self, reader: &'a str) -> BoxFuture<'a, Result<u64, JournalError>>;

    /// Writes down durably how far the named reader has come.
    ///
    /// # Errors
    /// [`JournalError::NoSuchRecord`] beyond the end; others when it cannot be written.
    fn set_cursor<'a>(&'a self, reader: &'a str, seq: u64) -> BoxFuture<'a, Result<(), JournalError>>;
}
