//! The one writer: a thread that turns whatever waits into one commit, answers, and keeps the marker.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    JournalError,
    chain::Tail,
    file::{self, Opened},
    lock::Lock,
    marker::Marker,
    store,
};

/// Commands that share one commit at most.
const BATCH: usize = 256;

/// Records after which the marker is written even while more is waiting.
const MARKER_EVERY: u64 = 256;

/// What is written of a record, as text.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) at: String,
    pub(super) node: Option<String>,
    pub(super) event: String,
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, JournalError>>;

pub(super) enum Command {
    Append {
        line: Line,
        reply: Reply<u64>,
    },
    Cursor {
        reader: String,
        seq: u64,
        reply: Reply<()>,
    },
    #[cfg(test)]
    Run {
        act: Box<dyn FnOnce(&Connection) + Send>,
        reply: Reply<()>,
    },
}

/// What a command is answered once its batch is durable.
enum Answer {
    Appended(Reply<u64>, u64),
    Placed(Reply<()>, Result<(), JournalError>),
}

impl Answer {
    /// Nobody waits when the future was dropped; then the answer is for nobody.
    fn send(self, outcome: Result<(), JournalError>) {
        match self {
            Self::Appended(reply, seq) => drop(reply.send(outcome.map(|()| seq))),
            Self::Placed(reply, own) => drop(reply.send(outcome.and(own))),
        }
    }
}

/// Fields are dropped in this order: the ownership ends after the file is closed.
pub(super) struct Writer {
    conn: Connection,
    dir: PathBuf,
    path: PathBuf,
    inode: (u64, u64),
    id: String,
    tail: Tail,
    marked: u64,
    last: watch::Sender<u64>,
    _lock: Lock,
}

impl Writer {
    pub(super) fn new(
        dir: &Path,
        opened: Opened,
        lock: Lock,
    ) -> Result<(Self, watch::Receiver<u64>), JournalError> {
        let path = dir.join(file::NAME);
        let inode = inode(&path)?;
        let Opened { conn, id, tail } = opened;
        let (last, watch) = watch::channel(tail.seq);
        let writer =
            Self { conn, dir: dir.to_owned(), path, inode, id, tail, marked: tail.seq, last, _lock: lock };
        Ok((writer, watch))
    }

    /// Works until every sender is gone.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        while let Some(first) = queue.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(next) = queue.try_recv()
            {
                batch.push(next);
            }
            self.serve(batch);
            if queue.is_empty() || self.tail.seq.saturating_sub(self.marked) >= MARKER_EVERY {
                self.mark();
            }
        }
        self.mark();
        // So that a copy of the database alone is complete. Readers may prevent it, and then the -wal file stays.
        if let Err(error) = self.conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::debug!(%error, "the journal's write-ahead log stays beside it");
        }
    }

    fn serve(&mut self, batch: Vec<Command>) {
        let mut answers = Vec::with_capacity(batch.len());
        let outcome = self.write(batch, &mut answers);
        if let Ok(tail) = outcome
            && tail.seq != self.tail.seq
        {
            self.tail = tail;
            self.last.send_replace(tail.seq);
        }
        let outcome = outcome.map(|_| ());
        for answer in answers {
            answer.send(outcome.clone());
        }
    }

    /// Writes a batch as one transaction: all of it is durable, or none of it is there.
    fn write(&mut self, batch: Vec<Command>, answers: &mut Vec<Answer>) -> Result<Tail, JournalError> {
        let mut tail = self.tail;
        // First of all what cannot fail, so that every command has somebody who answers it.
        let mut lines = Vec::new();
        let mut cursors = Vec::new();
        for command in batch {
            match command {
                Command::Append { line, reply } => {
                    let after = tail.link(&line.at, line.node.as_deref(), &line.event);
                    lines.push((line, tail, after));
                    tail = after;
                    answers.push(Answer::Appended(reply, after.seq));
                }
                Command::Cursor { reader, seq, reply } if seq > tail.seq => {
                    let _ = reader;
                    let error = JournalError::NoSuchRecord { seq, last: tail.seq };
                    answers.push(Answer::Placed(reply, Err(error)));
                }
                Command::Cursor { reader, seq, reply } => {
                    cursors.push((reader, seq));
                    answers.push(Answer::Placed(reply, Ok(())));
                }
                #[cfg(test)]
                Command::Run { act, reply } => {
                    act(&self.conn);
                    answers.push(Answer::Placed(reply, Ok(())));
                }
            }
        }
        self.still_there()?;
        commit(&mut self.conn, &lines, &cursors).map_err(|error| self.failed(error))?;
        Ok(tail)
    }

    fn failed(&self, error: rusqlite::Error) -> JournalError {
        JournalError::sqlite("write", &self.path, error)
    }

    /// A file that was unlinked swallows every write. Looking costs one system call per batch.
    fn still_there(&self) -> Result<(), JournalError> {
        match inode(&self.path) {
            Ok(inode) if inode == self.inode => Ok(()),
            _ => Err(JournalError::Removed { path: self.path.clone() }),
        }
    }

    /// The records are durable already, so a marker that cannot be written is no reason to fail them: until it can, a
    /// loss of the newest records would go unnoticed.
    fn mark(&mut self) {
        if self.marked == self.tail.seq || self.still_there().is_err() {
            return;
        }
        match Marker::new(&self.id, &self.tail).write(&self.dir) {
            Ok(()) => self.marked = self.tail.seq,
            Err(error) => tracing::warn!(%error, "the journal's marker lags behind"),
        }
    }
}

fn commit(
    conn: &mut Connection,
    lines: &[(Line, Tail, Tail)],
    cursors: &[(String, u64)],
) -> rusqlite::Result<()> {
    if lines.is_empty() && cursors.is_empty() {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO records (seq, at, node, event, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (line, before, after) in lines {
            insert.execute((
                store::to_sql(after.seq),
                &line.at,
                &line.node,
                &line.event,
                before.hash.as_slice(),
                after.hash.as_slice(),
            ))?;
        }
        let mut place = transaction.prepare_cached(
            "INSERT INTO cursors (reader, seq) VALUES (?1, ?2) ON CONFLICT (reader) DO UPDATE SET seq = excluded.seq",
        )?;
        for (reader, seq) in cursors {
            place.execute((reader, store::to_sql(*seq)))?;
        }
    }
    transaction.commit()
}

fn inode(path: &Path) -> Result<(u64, u64), JournalError> {
    fs::metadata(path)
        .map(|metadata| (metadata.dev(), metadata.ino()))
        .map_err(|error| JournalError::io("read", path, error))
}
