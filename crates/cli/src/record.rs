//! The journal as commands beside its owner read it.

use std::path::Path;

use anyhow::Context as _;
use rackhand_agent::{
    history::History,
    journal::{JournalError, JournalReader, Record},
};

use crate::site::resolve_node;

/// How many records are read at once.
const BATCH: usize = 10_000;

/// The journal of a state directory, and what is known from it.
pub(crate) struct Recorded {
    pub(crate) reader: JournalReader,
    pub(crate) history: History,
    /// The last record that the history knows.
    pub(crate) last: u64,
}

impl Recorded {
    /// Reads it all.
    pub(crate) fn open(dir: &Path) -> Result<Self, JournalError> {
        let reader = JournalReader::open(dir)?;
        let (mut history, mut last) = (History::default(), 0);
        loop {
            let records = reader.read(last, BATCH)?;
            let Some(record) = records.last() else { break };
            last = record.seq;
            records.iter().for_each(|record| history.apply(record));
        }
        Ok(Self { reader, history, last })
    }

    /// Reads it all; `None` when there never was a journal.
    pub(crate) fn open_if_any(dir: &Path) -> Result<Option<Self>, JournalError> {
        match Self::open(dir) {
            Ok(recorded) => Ok(Some(recorded)),
            Err(JournalError::NoJournal { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The full name of a node that the journal knows.
    pub(crate) fn resolve(&self, given: &str) -> anyhow::Result<String> {
        let names: Vec<&str> = self.history.nodes().map(|(name, _)| name).collect();
        resolve_node(given, &names)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("{given} is not in the journal of this state directory"))
    }

    /// The records of a node up to `last`, in order.
    pub(crate) fn of_node(&self, node: &str) -> Result<Vec<Record>, JournalError> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let records = self.reader.read(after, BATCH)?;
            let Some(record) = records.last() else { return Ok(all) };
            after = record.seq;
            let ours = |record: &Record| record.seq <= self.last && record.node.as_deref() == Some(node);
            all.extend(records.into_iter().filter(ours));
        }
    }
}
