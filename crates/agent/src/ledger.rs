//! The ledger of all processes together: refused logins and open sessions, per BMC.
//!
//! BMCs count refused logins by address and by account and lock both, so what counts is what *all* processes of this
//! jump host did; and the session of a killed process must be deleted by somebody, but never the session of a live one.
//! So this stands in one SQLite file beside the journal, which any number of processes share.
//!
//! Three rules for logins:
//! - At most [two](REFUSALS_ALLOWED) refused logins per BMC in a window. A login that another process has under way
//!   counts as if it would be refused, until its outcome is known or [`UNDER_WAY`] has passed.
//! - A user name that [three](BMCS_REFUSING) BMCs refused, with none accepting it since, is stopped for all: it is most
//!   likely the credential that is wrong, and trying on would lock a whole fleet. The rule goes by the user name, since
//!   nothing derived from a password is kept; an acceptance anywhere in between shows that the passwords differ, and
//!   lifts it.
//! - [`FileLedger::permit_again`] is an operator's word that the cause is removed.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rackhand_bmc::{Clock, Error, ErrorKind, Ledger, Result};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use rustix::fs::{FlockOperation, flock};

use crate::journal::{
    JournalError,
    store::{self, Layout},
};

#[cfg(test)]
mod tests;

/// Refused logins that a BMC gets to see in one window: one below the smallest limit known (an iDRAC blocks the address
/// after three within a minute).
pub const REFUSALS_ALLOWED: u32 = 2;

/// BMCs that must have refused a user name before it is stopped for all.
pub const BMCS_REFUSING: u32 = 3;

/// How long a login of another process counts as under way when its outcome stays unknown: it died, or it speaks Basic,
/// where no session tells of success.
pub const UNDER_WAY: Duration = Duration::from_secs(30);

const NAME: &str = "ledger.sqlite";

const LAYOUT: Layout = Layout {
    format: 1,
    schema: "
        CREATE TABLE refusals (bmc TEXT NOT NULL, username TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
        CREATE INDEX refusals_by_bmc ON refusals (bmc, at);
        CREATE TABLE logins (
            bmc TEXT NOT NULL, owner TEXT NOT NULL, username TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (bmc, owner)
        ) STRICT;
        CREATE TABLE acceptances (username TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
        CREATE TABLE sessions (
            bmc TEXT NOT NULL, uri TEXT NOT NULL, owner TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (bmc, uri)
        ) STRICT;
    ",
    if_damaged: Some(
        "Remove it with its -wal file: refused logins are then counted anew, and sessions of killed processes stay until the BMCs end them",
    ),
};

/// The [`Ledger`] in a state directory. Several may be open at once, in one process or many; each is an owner of its own.
#[derive(Debug)]
pub struct FileLedger {
    path: PathBuf,
    owners: PathBuf,
    owner: String,
    /// Locked while this owner lives. The kernel releases it however the process ends.
    _alive: File,
    clock: Arc<dyn Clock>,
    window: Duration,
    conn: Mutex<Connection>,
}

impl FileLedger {
    /// Opens the ledger in `dir`. `window` is how long refused logins count
    /// ([`Pacing::login_window`](rackhand_bmc::Pacing)).
    ///
    /// # Errors
    /// When the files are of a newer format or cannot be worked with.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>, window: Duration) -> Result<Self, JournalError> {
        store::create_dir(dir)?;
        let path = dir.join(NAME);
        let conn = store::open_or_create(&path, LAYOUT)?;
        let owners = dir.join("owners");
        store::create_dir(&owners)?;
        let owner = format!("{}-{:016x}", std::process::id(), rand::random::<u64>());
        let alive = enrol(&conn, &path, &owners, &owner)?;
        Ok(Self { path, owners, owner, _alive: alive, clock, window, conn: Mutex::new(conn) })
    }

    /// How many refused logins of a BMC are known.
    ///
    /// # Errors
    /// [`ErrorKind::Ledger`] when it cannot be read.
    pub fn refused(&self, bmc: &str) -> Result<u32> {
        refusals(&self.conn(), bmc).map_err(|error| self.failed(bmc, error))
    }

    /// Which BMCs are known to have refused a user name.
    ///
    /// # Errors
    /// [`ErrorKind::Ledger`] when it cannot be read.
    pub fn refused_to(&self, username: &str) -> Result<Vec<String>> {
        bmcs_refusing(&self.conn(), username).map_err(|error| self.failed("", error))
    }

    /// Permits one more login to a BMC, on an operator's word that the credentials are corrected. One, because the BMC
    /// counts on: what it refuses next may lock the account. What other BMCs refused still counts.
    ///
    /// # Errors
    /// [`ErrorKind::Ledger`] when it cannot be written down.
    pub fn permit_again(&self, bmc: &str) -> Result<()> {
        self.change(bmc, |transaction| leave_room_for_one(transaction, bmc))
    }

    /// Permits logins of a user name that BMCs refused, on an operator's word that the password is corrected: one more to
    /// each of those BMCs. When three refuse it again it is stopped for all, as before.
    ///
    /// # Errors
    /// [`ErrorKind::Ledger`] when it cannot be written down.
    pub fn permit_user_again(&self, username: &str) -> Result<()> {
        let now = self.now();
        self.change("", |transaction| {
            let bmcs = bmcs_refusing(transaction, username)?;
            for bmc in &bmcs {
                leave_room_for_one(transaction, bmc)?;
            }
            accept(transaction, username, now)
        })
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn conn(&self) -> MutexGuard<'_, Connection> {
        self.conn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, bmc: &str, error: rusqlite::Error) -> Error {
        let error = JournalError::sqlite("write", &self.path, error);
        Error::new(ErrorKind::Ledger, bmc, format!("{error}; nothing was sent"))
    }

    /// One transaction that no other process gets between.
    fn change<T>(
        &self,
        bmc: &str,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let failed = |error| self.failed(bmc, error);
        let mut conn = self.conn();
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let answer = change(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(answer)
    }

    fn is_alive(&self, owner: &str) -> bool {
        owner == self.owner || is_alive(&self.owners, owner)
    }
}

/// Makes and locks the file of a new owner and removes those of the dead. Both inside one write transaction, so that
/// nobody takes a file for dead that is made but not yet locked.
fn enrol(conn: &Connection, path: &Path, owners: &Path, owner: &str) -> Result<File, JournalError> {
    let failed = |error| JournalError::sqlite("write", path, error);
    let transaction = Transaction::new_unchecked(conn, TransactionBehavior::Immediate).map_err(failed)?;
    let unreadable = |error| JournalError::io("read", owners, error);
    for entry in fs::read_dir(owners).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if let Ok(other) = entry.file_name().into_string()
            && !is_alive(owners, &other)
        {
            // An owner without a file is as dead as one with an unlocked file: its sessions are found all the same. One
            // that ends at this moment removes its own.
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(JournalError::io("remove", entry.path(), error));
                }
                _ => {}
            }
        }
    }
    let lock = owners.join(owner);
    let file = File::create_new(&lock).map_err(|error| JournalError::io("create", &lock, error))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|error| JournalError::io("lock", &lock, error.into()))?;
    transaction.commit().map_err(failed)?;
    Ok(file)
}

/// Whether the process behind an owner is alive: it holds its lock as long as it is.
fn is_alive(owners: &Path, owner: &str) -> bool {
    match OpenOptions::new().read(true).open(owners.join(owner)) {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK),
        // Nobody lives without the file; but what cannot be looked at may well live.
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

impl Drop for FileLedger {
    fn drop(&mut self) {
        // Tidiness: an owner without a file counts as gone, like one whose file is unlocked.
        let _ = fs::remove_file(self.owners.join(&self.owner));
    }
}

impl Ledger for FileLedger {
    fn permit_login(&self, bmc: &str, username: &str) -> Result<()> {
        let now = self.now();
        let since = now.saturating_sub(millis(self.window));
        let verdict = self.change(bmc, |transaction| {
            forget(transaction, since)?;
            let verdict = judge(transaction, bmc, username, &self.owner, now)?;
            if matches!(verdict, Verdict::Permitted) {
                transaction.execute(
                    "INSERT OR REPLACE INTO logins (bmc, owner, username, at) VALUES (?1, ?2, ?3, ?4)",
                    (bmc, &self.owner, username, now),
                )?;
            }
            Ok(verdict)
        })?;
        verdict.into_result(bmc, username, now, self.window)
    }

    fn login_refused(&self, bmc: &str, username: &str) -> Result<()> {
        let now = self.now();
        self.change(bmc, |transaction| {
            transaction.execute(
                "INSERT INTO refusals (bmc, username, at) VALUES (?1, ?2, ?3)",
                (bmc, username, now),
            )?;
            transaction
                .execute("DELETE FROM logins WHERE bmc = ?1 AND owner = ?2", (bmc, &self.owner))
                .map(|_| ())
        })
    }

    fn login_accepted(&self, bmc: &str, username: &str) -> Result<()> {
        let now = self.now();
        self.change(bmc, |transaction| {
            transaction.execute("DELETE FROM logins WHERE bmc = ?1 AND owner = ?2", (bmc, &self.owner))?;
            accept(transaction, username, now)
        })
    }

    fn session_opened(&self, bmc: &str, uri: &str) -> Result<()> {
        let now = self.now();
        self.change(bmc, |transaction| {
            let username: Option<String> = transaction
                .query_row(
                    "DELETE FROM logins WHERE bmc = ?1 AND owner = ?2 RETURNING username",
                    (bmc, &self.owner),
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(username) = username {
                accept(transaction, &username, now)?;
            }
            transaction
                .execute(
                    "INSERT OR REPLACE INTO sessions (bmc, uri, owner, at) VALUES (?1, ?2, ?3, ?4)",
                    (bmc, uri, &self.owner, now),
                )
                .map(|_| ())
        })
    }

    fn session_closed(&self, bmc: &str, uri: &str) -> Result<()> {
        self.change(bmc, |transaction| {
            transaction.execute("DELETE FROM sessions WHERE bmc = ?1 AND uri = ?2", (bmc, uri)).map(|_| ())
        })
    }

    fn leftover_sessions(&self, bmc: &str) -> Vec<String> {
        let rows = {
            let conn = self.conn();
            sessions_of(&conn, bmc)
        };
        match rows {
            Ok(rows) => {
                rows.into_iter().filter(|(_, owner)| !self.is_alive(owner)).map(|(uri, _)| uri).collect()
            }
            Err(error) => {
                // The BMC ends such sessions itself after a while, so this is no reason to stop.
                tracing::warn!(bmc, %error, "sessions of earlier processes cannot be looked up and stay open");
                Vec::new()
            }
        }
    }
}

/// What the ledger says to a login.
enum Verdict {
    Permitted,
    /// This BMC refused this many logins; the oldest that counts was at this time.
    UsedUp {
        refused: u32,
        oldest: i64,
    },
    /// Another process is logging in to this BMC since this time, and there is no room for two failures.
    UnderWay {
        oldest: i64,
    },
    /// This many BMCs refused the user name; the oldest refusal that counts was at this time.
    Stopped {
        bmcs: u32,
        oldest: i64,
    },
}

impl Verdict {
    fn into_result(self, bmc: &str, username: &str, now: i64, window: Duration) -> Result<()> {
        let left = |at: i64, span: Duration| {
            let end = at.saturating_add(millis(span));
            Some(Duration::from_millis(u64::try_from(end.saturating_sub(now)).unwrap_or(0)))
        };
        let minutes = |at: i64| left(at, window).map_or(0, |left| left.as_secs().div_ceil(60));
        let (kind, detail) = match self {
            Self::Permitted => return Ok(()),
            Self::UsedUp { refused, oldest } => (
                ErrorKind::Locked { retry_after: left(oldest, window) },
                format!(
                    "it refused {refused} logins within the last {} min (now asked for user {username}); no further login is tried, so that it does not lock the account or block this address. Correct the user name or password, then permit a login: rackhand retry-login {bmc}; after {} min one is permitted without",
                    window.as_secs() / 60,
                    minutes(oldest)
                ),
            ),
            Self::UnderWay { oldest } => (
                ErrorKind::Busy { retry_after: left(oldest, UNDER_WAY) },
                format!(
                    "another rackhand process is logging in to it and one more refusal could lock the account; user {username} is tried once the outcome is known"
                ),
            ),
            Self::Stopped { bmcs, oldest } => (
                ErrorKind::Locked { retry_after: left(oldest, window) },
                format!(
                    "user {username} was refused by {bmcs} BMCs and accepted by none since, so the credential is most likely wrong and is tried on no BMC any more. Correct the password, then permit it: rackhand retry-login --user {username}; after {} min it is permitted without",
                    minutes(oldest)
                ),
            ),
        };
        Err(Error::new(kind, bmc, detail))
    }
}

/// Drops what no longer counts.
fn forget(transaction: &Transaction<'_>, since: i64) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM refusals WHERE at <= ?1", [since])?;
    transaction.execute("DELETE FROM logins WHERE at <= ?1", [since])?;
    transaction.execute("DELETE FROM acceptances WHERE at <= ?1", [since]).map(|_| ())
}

fn judge(
    transaction: &Transaction<'_>,
    bmc: &str,
    username: &str,
    owner: &str,
    now: i64,
) -> rusqlite::Result<Verdict> {
    let (bmcs, oldest): (u32, Option<i64>) = transaction.query_row(
        "SELECT count(DISTINCT bmc), min(at) FROM refusals WHERE username = ?1
         AND at > coalesce((SELECT at FROM acceptances WHERE username = ?1), ?2)",
        (username, i64::MIN),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if bmcs >= BMCS_REFUSING {
        return Ok(Verdict::Stopped { bmcs, oldest: oldest.unwrap_or(now) });
    }
    let (refused, oldest): (u32, Option<i64>) =
        transaction.query_row("SELECT count(*), min(at) FROM refusals WHERE bmc = ?1", [bmc], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if refused >= REFUSALS_ALLOWED {
        return Ok(Verdict::UsedUp { refused, oldest: oldest.unwrap_or(now) });
    }
    let (others, oldest): (u32, Option<i64>) = transaction.query_row(
        "SELECT count(*), min(at) FROM logins WHERE bmc = ?1 AND owner <> ?2 AND at > ?3",
        (bmc, owner, now.saturating_sub(millis(UNDER_WAY))),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if refused.saturating_add(others) >= REFUSALS_ALLOWED {
        return Ok(Verdict::UnderWay { oldest: oldest.unwrap_or(now) });
    }
    Ok(Verdict::Permitted)
}

fn leave_room_for_one(transaction: &Transaction<'_>, bmc: &str) -> rusqlite::Result<()> {
    transaction
        .execute(
            "DELETE FROM refusals WHERE bmc = ?1 AND rowid NOT IN
             (SELECT rowid FROM refusals WHERE bmc = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2)",
            (bmc, REFUSALS_ALLOWED.saturating_sub(1)),
        )
        .map(|_| ())
}

fn refusals(conn: &Connection, bmc: &str) -> rusqlite::Result<u32> {
    conn.query_row("SELECT count(*) FROM refusals WHERE bmc = ?1", [bmc], |row| row.get(0))
}

fn bmcs_refusing(conn: &Connection, username: &str) -> rusqlite::Result<Vec<String>> {
    let mut select = conn.prepare("SELECT DISTINCT bmc FROM refusals WHERE username = ?1 ORDER BY bmc")?;
    let rows = select.query_map([username], |row| row.get(0))?;
    rows.collect()
}

fn accept(transaction: &Transaction<'_>, username: &str, now: i64) -> rusqlite::Result<()> {
    transaction
        .execute("INSERT OR REPLACE INTO acceptances (username, at) VALUES (?1, ?2)", (username, now))
        .map(|_| ())
}

fn sessions_of(conn: &Connection, bmc: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let mut select =
        conn.prepare_cached("SELECT uri, owner FROM sessions WHERE bmc = ?1 ORDER BY at, uri")?;
    let rows = select.query_map([bmc], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
