//! The journal of simulations: a list.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, ready};
use rackhand_bmc::Clock;
use tokio::sync::watch;

use super::{Entry, Journal, JournalError, Record};

/// A journal that lives as long as the process, with neither thread nor file: `append` is done when it returns, so a
/// simulation under paused time runs the same way every time. An agent that is dropped and started anew on the same
/// `MemoryJournal` finds what it had written, as after a kill.
#[derive(Debug)]
pub struct MemoryJournal {
    id: String,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    records: Vec<Record>,
    cursors: BTreeMap<String, u64>,
}

impl MemoryJournal {
    /// An empty journal. Its name is given, not random, so that runs can be compared.
    #[must_use]
    pub fn new(id: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { id: id.into(), clock, state: Mutex::default(), last: watch::Sender::new(0) }
    }

    /// Every record so far.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.state().records.clone()
    }

    /// Each change of the state is one step, so a panic elsewhere cannot leave it half-made.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, entry: Entry) -> Record {
        let at = self.clock.now();
        let mut state = self.state();
        let seq = state.records.len() as u64 + 1;
        let record = Record { seq, at, node: entry.node, event: entry.event };
        state.records.push(record.clone());
        self.last.send_replace(seq);
        record
    }

    fn place(&self, reader: &str, seq: u64) -> Result<(), JournalError> {
        let mut state = self.state();
        let last = state.records.len() as u64;
        if seq > last {
            return Err(JournalError::NoSuchRecord { seq, last });
        }
        state.cursors.insert(reader.to_owned(), seq);
        Ok(())
    }
}

impl Journal for MemoryJournal {
    fn id(&self) -> &str {
        &self.id
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Record, JournalError>> {
        // Inside the future, as in the durable form: a future that is never polled writes nothing.
        Box::pin(async move { Ok(self.push(entry)) })
    }

    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let records = self.state().records.iter().skip(skip).take(limit).cloned().collect();
        Box::pin(ready(Ok(records)))
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    fn cursor<'a>(&'a self, reader: &'a str) -> BoxFuture<'a, Result<u64, JournalError>> {
        let cursor = self.state().cursors.get(reader).copied().unwrap_or(0);
        Box::pin(ready(Ok(cursor)))
    }

    fn set_cursor<'a>(&'a self, reader: &'a str, seq: u64) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move { self.place(reader, seq) })
    }
}
