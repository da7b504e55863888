//! The log: every request and every state change, in order, readable by machines. Tests count by it.
//!
//! In a file each entry is one line of JSON, handed to the system before the request is answered, so that it survives
//! whatever ends the process. The form is stable: fields are added, never renamed or given another meaning.
//!
//! - `kind: request`: `seq`, `ms`, `machine`, `connection`, `method`, `path`, `status` (null when the client saw none),
//!   `class` (`read`, `session`, `query`, `change`), `applied`; where there is something to say, `summary` and `fault`.
//! - `kind: state`: `seq`, `ms`, `machine`, `what`, `from`, `to`.
//!
//! Attempted changes are the requests of class `change`; those that took effect are `applied` among them.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::SimTime;

/// What a request is to a test that counts changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// GET, HEAD and OPTIONS.
    Read,
    /// Making, keeping and deleting sessions.
    Session,
    /// A POST that only asks: a documented query action.
    Query,
    /// Anything that changes, or tries to change, the machine or its BMC.
    Change,
}

/// One request, logged when it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// Position in the log, from 1, without gaps.
    pub seq: u64,
    /// Simulated milliseconds since the start, when the request took effect.
    pub ms: u64,
    /// Name of the machine whose BMC was asked.
    pub machine: String,
    /// Number of the client's connection within the simulator.
    pub connection: u64,
    /// HTTP method.
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// Status of the answer; absent when the connection was cut instead.
    pub status: Option<u16>,
    /// What kind of request it is: also of one that a fault swallowed, so that attempts can be counted.
    pub class: Class,
    /// Whether the BMC carried it out and found it good, whether or not the client saw the answer. False for what a
    /// fault swallowed and for what the BMC refused.
    #[serde(default)]
    pub applied: bool,
    /// What was asked for, in a few words: `Reset On`, `InsertMedia Cd http://…`, `PATCH Bios NumCores=4`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub summary: Option<String>,
    /// Name of the fault rule that had a part in the answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fault: Option<String>,
}

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateEntry {
    /// Position in the log, from 1, without gaps.
    pub seq: u64,
    /// Simulated milliseconds since the start, when the change was due (it may be played later).
    pub ms: u64,
    /// Name of the machine.
    pub machine: String,
    /// What changed: `power`, `post`, `boot-source`, `boot-override`, `media:<slot>`, `bios`, `bios-pending`,
    /// `guest`, `disk`, `session`, `job:<id>`, `secure-boot`, `account`, `callback`, `bmc`. Of a boot over the network what
    /// happened, in `to`: `pxe` (what DHCP offers, why it does not boot), `tftp` (file and bytes), `ipxe` (what its commands
    /// loaded and started), `http-boot` (URL and bytes).
    pub what: String,
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Entry {
    /// A request that was answered or cut.
    Request(RequestEntry),
    /// A state that changed.
    State(StateEntry),
}

impl Entry {
    /// Name of the machine.
    pub fn machine(&self) -> &str {
        match self {
            Self::Request(entry) => &entry.machine,
            Self::State(entry) => &entry.machine,
        }
    }

    fn set_seq(&mut self, seq: u64) {
        match self {
            Self::Request(entry) => entry.seq = seq,
            Self::State(entry) => entry.seq = seq,
        }
    }
}

/// Simulated milliseconds since the start, as the log counts.
pub fn millis(time: SimTime) -> u64 {
    u64::try_from(time.since_start().as_millis()).unwrap_or(u64::MAX)
}

/// The log of one simulation.
#[derive(Debug)]
pub struct Log {
    inner: Mutex<Inner>,
    grown: tokio::sync::watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    seq: u64,
    kept: Option<Vec<Entry>>,
    file: Option<File>,
    file_error: Option<String>,
}

impl Log {
    /// A log that keeps its entries in memory if `keep`, and writes them to `file` if there is one.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn new(keep: bool, file: Option<&Path>) -> std::io::Result<Self> {
        let file = file.map(File::create).transpose()?;
        let kept = keep.then(Vec::new);
        let inner = Inner { seq: 0, kept, file, file_error: None };
        Ok(Self { inner: Mutex::new(inner), grown: tokio::sync::watch::Sender::new(0) })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry and gives it its number.
    pub fn add(&self, mut entry: Entry) {
        let mut inner = self.lock();
        inner.seq += 1;
        entry.set_seq(inner.seq);
        if let Err(error) = inner.write(&entry)
            && inner.file_error.is_none()
        {
            tracing::error!(%error, "the log file cannot be written: entries are missing from it from here on");
            inner.file_error = Some(error.to_string());
        }
        if let Some(kept) = &mut inner.kept {
            kept.push(entry);
        }
        let seq = inner.seq;
        drop(inner);
        self.grown.send_replace(seq);
    }

    /// All entries kept in memory.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().kept.iter().flatten().cloned().collect()
    }

    /// The first failure to write the log file, if there was one.
    pub fn file_error(&self) -> Option<String> {
        self.lock().file_error.clone()
    }

    /// Requests to `machine`, in order.
    pub fn requests(&self, machine: &str) -> Vec<RequestEntry> {
        self.select(|entry| match entry {
            Entry::Request(request) if request.machine == machine => Some(request.clone()),
            _ => None,
        })
    }

    /// State changes of `machine` in `what`, in order, as (from, to).
    pub fn changes(&self, machine: &str, what: &str) -> Vec<(String, String)> {
        self.select(|entry| match entry {
            Entry::State(state) if state.machine == machine && state.what == what => {
                Some((state.from.clone(), state.to.clone()))
            }
            _ => None,
        })
    }

    /// How many requests of `class` to all machines were carried out.
    pub fn count_applied(&self, class: Class) -> usize {
        self.select(|entry| match entry {
            Entry::Request(request) if request.class == class && request.applied => Some(()),
            _ => None,
        })
        .len()
    }

    /// How many requests of `class` were made to all machines, carried out or not.
    pub fn count(&self, class: Class) -> usize {
        self.select(|entry| match entry {
            Entry::Request(request) if request.class == class => Some(()),
            _ => None,
        })
        .len()
    }

    fn select<T>(&self, pick: impl FnMut(&Entry) -> Option<T>) -> Vec<T> {
        self.lock().kept.iter().flatten().filter_map(pick).collect()
    }

    /// Waits until an entry that `wanted` accepts is in memory, and returns it.
    pub async fn wait_for(&self, mut wanted: impl FnMut(&Entry) -> bool) -> Entry {
        let mut grown = self.grown.subscribe();
        let mut seen = 0;
        loop {
            {
                let inner = self.lock();
                let kept = inner.kept.as_deref().unwrap_or(&[]);
                if let Some(entry) = kept.iter().skip(seen).find(|entry| wanted(entry)) {
                    return entry.clone();
                }
                seen = kept.len();
            }
            if grown.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Waits until `what` of `machine` has changed to `to`.
    pub async fn wait_state(&self, machine: &str, what: &str, to: &str) -> Entry {
        self.wait_for(|entry| match entry {
            Entry::State(state) => state.machine == machine && state.what == what && state.to == to,
            Entry::Request(_) => false,
        })
        .await
    }
}

impl Inner {
    fn write(&mut self, entry: &Entry) -> std::io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        file.write_all(&line)
    }
}
