//! What other processes ask of the owner of the journal.
//!
//! A request is a row that anybody who may write the state directory can add, and that the owner removes only once the
//! decision stands in the journal (a login is none: to try it twice does no harm that the ledger permits). A crash between the two shows the same request again; its [`RequestId`], written
//! into the journal with the decision, is what makes it recognisable. So a request is neither lost nor obeyed twice.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{
    JournalError,
    store::{self, Layout},
};

const NAME: &str = "inbox.sqlite";

const LAYOUT: Layout = Layout {
    format: 1,
    schema: "
        CREATE TABLE requests (
            place INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            at TEXT NOT NULL,
            node TEXT NOT NULL,
            wish TEXT NOT NULL,
            by TEXT NOT NULL
        ) STRICT;
    ",
    if_damaged: Some(
        "Remove it with its -wal file, and say again what was asked of the running agent in the meantime (cancel, retry, adopt)",
    ),
};

/// How often the owner looks for requests of other processes.
const POLL: Duration = Duration::from_millis(200);

/// What somebody wants done with a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wish {
    /// Stop what is under way.
    Cancel,
    /// Try again what failed.
    Retry,
    /// Record it as installed.
    Adopt,
    /// Install it, whatever runs on it.
    Install,
    /// Log in again to a BMC that refused it before: the credentials are corrected.
    Login,
    /// The same of a user name, to every BMC that is logged in to by it.
    LoginAs,
}

/// A request to the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The node it is about; with [`Wish::Login`] the BMC, as messages name it, and with [`Wish::LoginAs`] the user name.
    pub node: String,
    /// What is wanted.
    pub wish: Wish,
    /// Who asks, for the journal: a user and a command, never a secret.
    pub by: String,
    /// When it was asked.
    pub at: Timestamp,
}

/// Names one request for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub String);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its name.
    pub id: RequestId,
    /// The request.
    pub request: Request,
}

/// The requests that wait in a state directory.
#[derive(Debug)]
pub struct Inbox {
    path: PathBuf,
    conn: Mutex<Connection>,
}

impl Inbox {
    /// Opens the inbox in `dir`, for asking as for answering.
    ///
    /// # Errors
    /// When it is of a newer format or cannot be worked with.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        store::create_dir(dir)?;
        let path = dir.join(NAME);
        let conn = store::open_or_create(&path, LAYOUT)?;
        Ok(Self { path, conn: Mutex::new(conn) })
    }

    /// Leaves a request. It is durable when this returns, and answered whenever there is an owner.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn post(&self, request: &Request) -> Result<RequestId, JournalError> {
        let id = RequestId(format!("{:032x}", rand::random::<u128>()));
        let wish = serde_json::to_string(&request.wish)
            .map_err(|error| JournalError::NotUnderstood { seq: 0, what: error.to_string() })?;
        self.conn()
            .execute(
                "INSERT INTO requests (id, at, node, wish, by) VALUES (?1, ?2, ?3, ?4, ?5)",
                (&id.0, request.at.to_string(), &request.node, wish, &request.by),
            )
            .map_err(|error| JournalError::sqlite("write", &self.path, error))?;
        Ok(id)
    }

    /// The requests that wait, oldest first. They stay until [`done`](Inbox::done). One that cannot be understood (of a
    /// newer version) is left where it is and said in the program's log.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn waiting(&self) -> Result<Vec<Posted>, JournalError> {
        let failed = |error| JournalError::sqlite("read", &self.path, error);
        let conn = self.conn();
        let mut select = conn
            .prepare_cached("SELECT id, at, node, wish, by FROM requests ORDER BY place")
            .map_err(failed)?;
        let rows = select
            .query_map((), |row| {
                Ok((
                    row.get(0)?,
                    row.get::<_, String>(1)?,
                    row.get(2)?,
                    row.get::<_, String>(3)?,
                    row.get(4)?,
                ))
            })
            .map_err(failed)?;
        let mut waiting = Vec::new();
        for row in rows {
            let (id, at, node, wish, by) = row.map_err(failed)?;
            match (at.parse(), serde_json::from_str(&wish)) {
                (Ok(at), Ok(wish)) => {
                    waiting.push(Posted { id: RequestId(id), request: Request { node, wish, by, at } });
                }
                _ => tracing::warn!(id, wish, "a request in the inbox is not understood and left there"),
            }
        }
        Ok(waiting)
    }

    /// Removes a request. Only once what it led to stands in the journal.
    ///
    /// # Errors
    /// When it cannot be written. The request then shows again, so the caller must know it by its id.
    pub fn done(&self, id: &RequestId) -> Result<(), JournalError> {
        self.conn()
            .execute("DELETE FROM requests WHERE id = ?1", [&id.0])
            .map(|_| ())
            .map_err(|error| JournalError::sqlite("write", &self.path, error))
    }

    /// Waits until there are requests whose id `known` does not know, and answers all that wait.
    ///
    /// # Errors
    /// As [`waiting`](Inbox::waiting).
    pub async fn arrived(&self, known: impl Fn(&RequestId) -> bool) -> Result<Vec<Posted>, JournalError> {
        let mut ticks = tokio::time::interval(POLL);
        loop {
            let waiting = self.waiting()?;
            if waiting.iter().any(|posted| !known(&posted.id)) {
                return Ok(waiting);
            }
            ticks.tick().await;
        }
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
