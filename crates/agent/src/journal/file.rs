//! The durable journal of the process that owns it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use futures_util::future::BoxFuture;
use rackhand_bmc::Clock;
use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Entry, Holder, Journal, JournalError, Record, chain,
    chain::Tail,
    lock::{self, Lock},
    marker::{self, Found, Marker},
    store::{self, Layout},
    writer::{Command, Line, Writer},
};

/// The database's name in the state directory.
pub(super) const NAME: &str = "journal.sqlite";

/// Its format. A reader needs `records`, whose hashes cover the columns' text as it stands.
pub(super) const LAYOUT: Layout = Layout {
    format: 1,
    schema: "
        CREATE TABLE journal (id TEXT NOT NULL) STRICT;
        CREATE TABLE records (
            seq INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            node TEXT,
            event TEXT NOT NULL,
            previous BLOB NOT NULL,
            hash BLOB NOT NULL
        ) STRICT;
        CREATE TABLE cursors (reader TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
    ",
    if_damaged: None,
};

/// Commands that wait for the writer before `append` itself has to wait.
const QUEUE: usize = 1024;

/// What opening does about a journal that is gone, cut, damaged or not the one that was here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLoss {
    /// Refuse: a live site must not be reinstalled because its journal was lost.
    #[default]
    Refuse,
    /// The operator said `--accept-lost-journal`: what is left is set aside as `journal.lost-N.sqlite` and a new
    /// journal begins. It knows of no installation, so every host that is on waits for a decision.
    Accept,
}

/// The journal as a file, with this process as its owner. One thread writes; it ends, and with it the ownership, when
/// the `FileJournal` is dropped and everything that was appended is durable.
#[derive(Debug)]
pub struct FileJournal {
    id: String,
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    reads: Arc<Mutex<Connection>>,
    last: watch::Receiver<u64>,
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl FileJournal {
    /// Becomes the owner of the journal in `dir`, which is created if it is not there, and verifies all of it.
    ///
    /// # Errors
    /// [`JournalError::InUse`] when another process owns it; [`JournalError::Lost`], [`JournalError::Cut`],
    /// [`JournalError::Replaced`], [`JournalError::Damaged`] unless `on_loss` accepts them;
    /// [`JournalError::NewerFormat`]; others when the files cannot be worked with.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>, on_loss: OnLoss) -> Result<Self, JournalError> {
        store::create_dir(dir)?;
        let lock = Lock::acquire(dir)?;
        let opened = match open_verified(dir) {
            Err(loss) if loss.is_loss() && on_loss == OnLoss::Accept => {
                let aside = set_aside(dir)?;
                tracing::warn!(%loss, aside = ?aside, "a new journal begins, as --accept-lost-journal says");
                open_verified(dir)?
            }
            other => other?,
        };
        let path = dir.join(NAME);
        let reads = store::open_read_only(&path, LAYOUT)?.ok_or(JournalError::Removed { path })?;
        let id = opened.id.clone();
        let (commands, queue) = mpsc::channel(QUEUE);
        let (writer, last) = Writer::new(dir, opened, lock)?;
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|error| JournalError::io("start the writer of", dir, error))?;
        Ok(Self {
            id,
            dir: dir.to_owned(),
            clock,
            reads: Arc::new(Mutex::new(reads)),
            last,
            commands: Some(commands),
            thread: Some(thread),
        })
    }

    /// The process that owns the journal in `dir` at this moment, if one does.
    ///
    /// # Errors
    /// When the lock file is there and cannot be looked at.
    pub fn owner(dir: &Path) -> Result<Option<Holder>, JournalError> {
        lock::owner(dir)
    }

    /// The state directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Sends a command to the writer and waits for its answer.
    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, JournalError>>) -> Command,
    ) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or(JournalError::Closed)?;
        commands.send(command(reply)).await.map_err(|_| JournalError::Closed)?;
        answer.await.map_err(|_| JournalError::Closed)?
    }

    /// Reads on a thread that may block, through the connection for reading.
    async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Path) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let reads = Arc::clone(&self.reads);
        let path = self.dir.join(NAME);
        tokio::task::spawn_blocking(move || {
            let conn = reads.lock().unwrap_or_else(PoisonError::into_inner);
            read(&conn, &path)
        })
        .await
        .map_err(|_| JournalError::Closed)?
    }

    /// Hands something to the writer's own connection, to bring about what only a real disk does otherwise.
    #[cfg(test)]
    pub(super) async fn on_writer(
        &self,
        act: impl FnOnce(&Connection) + Send + 'static,
    ) -> Result<(), JournalError> {
        self.ask(|reply| Command::Run { act: Box::new(act), reply }).await
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has released the lock already; there is nothing left to wait for.
            let _ = thread.join();
        }
    }
}

impl Journal for FileJournal {
    fn id(&self) -> &str {
        &self.id
    }

    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Record, JournalError>> {
        Box::pin(async move {
            let event = serde_json::to_string(&entry.event)
                .map_err(|error| JournalError::NotUnderstood { seq: 0, what: error.to_string() })?;
            let at = self.clock.now();
            let line = Line { at: at.to_string(), node: entry.node.clone(), event };
            let seq = self.ask(|reply| Command::Append { line, reply }).await?;
            Ok(Record { seq, at, node: entry.node, event: entry.event })
        })
    }

    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Record>, JournalError>> {
        Box::pin(async move {
            let id = self.id.clone();
            self.look(move |conn, path| chain::read(conn, path, &id, after, limit)).await
        })
    }

    fn watch(&self) -> watch::Receiver<u64> {
        let mut last = self.last.clone();
        last.mark_unchanged();
        last
    }

    fn cursor<'a>(&'a self, reader: &'a str) -> BoxFuture<'a, Result<u64, JournalError>> {
        Box::pin(async move {
            let reader = reader.to_owned();
            self.look(move |conn, path| read_cursor(conn, path, &reader)).await
        })
    }

    fn set_cursor<'a>(&'a self, reader: &'a str, seq: u64) -> BoxFuture<'a, Result<(), JournalError>> {
        Box::pin(async move {
            let reader = reader.to_owned();
            self.ask(|reply| Command::Cursor { reader, seq, reply }).await
        })
    }
}

fn read_cursor(conn: &Connection, path: &Path, reader: &str) -> Result<u64, JournalError> {
    let seq: Option<i64> = conn
        .query_row("SELECT seq FROM cursors WHERE reader = ?1", [reader], |row| row.get(0))
        .optional()
        .map_err(|error| JournalError::sqlite("read", path, error))?;
    Ok(seq.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0))
}

/// A journal that was found sound, or made.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) conn: Connection,
    pub(super) id: String,
    pub(super) tail: Tail,
}

fn open_verified(dir: &Path) -> Result<Opened, JournalError> {
    let found = marker::read(dir)?;
    let path = dir.join(NAME);
    if !path.try_exists().map_err(|error| JournalError::io("read", &path, error))? {
        permit_new(dir, &found)?;
    }
    let (conn, filled) = store::open(&path, LAYOUT)?;
    if !filled {
        permit_new(dir, &found)?;
        return create(dir, &path, conn);
    }
    let id = read_id(&conn, &path)?;
    let tail = compare(&conn, dir, &path, &id, &found)?;
    if !matches!(found, Found::Marker(_)) {
        // Without it a later loss would go unnoticed. It is the smaller of the two, so the journal is believed.
        tracing::warn!(
            records = tail.seq,
            "the journal in {} is sound but has no readable marker; it gets one",
            dir.display()
        );
        Marker::new(&id, &tail).write(dir)?;
    }
    Ok(Opened { conn, id, tail })
}

/// Whether a journal without records may begin here: only where none is known to have been.
pub(super) fn permit_new(dir: &Path, found: &Found) -> Result<(), JournalError> {
    match found {
        Found::Nothing => Ok(()),
        Found::Marker(marker) if marker.seq == 0 => Ok(()),
        Found::Marker(marker) => Err(JournalError::Lost { dir: dir.to_owned(), known: marker.seq }),
        Found::Unreadable => Err(JournalError::Replaced {
            dir: dir.to_owned(),
            what: "journal.marker says that there was one but cannot be read, and there are no records"
                .to_owned(),
        }),
    }
}

fn create(dir: &Path, path: &Path, mut conn: Connection) -> Result<Opened, JournalError> {
    let id = format!("{:032x}", rand::random::<u128>());
    store::create(&mut conn, path, LAYOUT, |transaction| {
        transaction.execute("INSERT INTO journal (id) VALUES (?1)", [&id]).map(|_| ())
    })?;
    let tail = Tail::empty(&id);
    Marker::new(&id, &tail).write(dir)?;
    store::sync_dir(dir)?;
    Ok(Opened { conn, id, tail })
}

pub(super) fn read_id(conn: &Connection, path: &Path) -> Result<String, JournalError> {
    conn.query_row("SELECT id FROM journal", (), |row| row.get(0)).map_err(|error| match error {
        rusqlite::Error::QueryReturnedNoRows => JournalError::Damaged {
            path: path.to_owned(),
            seq: 1,
            what: "the name of the journal is missing".to_owned(),
        },
        other => chain::broken(path, 1, other),
    })
}

/// Verifies the chain and that it leads through the record that the marker remembers. Answers the last record.
fn compare(
    conn: &Connection,
    dir: &Path,
    path: &Path,
    id: &str,
    found: &Found,
) -> Result<Tail, JournalError> {
    if let Found::Marker(marker) = found
        && marker.journal != id
    {
        let what = format!("its name is {id}, the marker beside it is of {}", marker.journal);
        return Err(JournalError::Replaced { dir: dir.to_owned(), what });
    }
    let tail = chain::verify(conn, path, id)?;
    let Found::Marker(marker) = found else {
        return Ok(tail);
    };
    reaches(dir, tail.seq, marker)?;
    let hash = if marker.seq == 0 {
        Tail::empty(id).hash
    } else {
        conn.query_row("SELECT hash FROM records WHERE seq = ?1", [store::to_sql(marker.seq)], |row| {
            row.get(0)
        })
        .map_err(|error| JournalError::sqlite("read", path, error))?
    };
    if marker::hex(&hash) == marker.hash {
        return Ok(tail);
    }
    let what = format!("its record {} is another than the one the marker beside it remembers", marker.seq);
    Err(JournalError::Replaced { dir: dir.to_owned(), what })
}

/// Whether the journal is as long as its marker remembers.
pub(super) fn reaches(dir: &Path, last: u64, marker: &Marker) -> Result<(), JournalError> {
    match last {
        _ if last >= marker.seq => Ok(()),
        0 => Err(JournalError::Lost { dir: dir.to_owned(), known: marker.seq }),
        _ => Err(JournalError::Cut { dir: dir.to_owned(), last, known: marker.seq }),
    }
}

/// Moves what is left of a journal out of the way, under the first free number. The marker goes last: should this be
/// cut short, the next start refuses again.
fn set_aside(dir: &Path) -> Result<PathBuf, JournalError> {
    let mut number = 1_u32;
    let aside = loop {
        let candidate = dir.join(format!("journal.lost-{number}.sqlite"));
        if !candidate.try_exists().map_err(|error| JournalError::io("read", &candidate, error))? {
            break candidate;
        }
        number += 1;
    };
    for suffix in ["-wal", "-shm", ""] {
        let from = dir.join(format!("{NAME}{suffix}"));
        let to = dir.join(format!("journal.lost-{number}.sqlite{suffix}"));
        if from.try_exists().map_err(|error| JournalError::io("read", &from, error))? {
            fs::rename(&from, &to).map_err(|error| JournalError::io("set aside", &from, error))?;
        }
    }
    let marker = dir.join("journal.marker");
    if marker.try_exists().map_err(|error| JournalError::io("read", &marker, error))? {
        let to = dir.join(format!("journal.lost-{number}.marker"));
        fs::rename(&marker, &to).map_err(|error| JournalError::io("set aside", &marker, error))?;
    }
    store::sync_dir(dir)?;
    Ok(aside)
}
