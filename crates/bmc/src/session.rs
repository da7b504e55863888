//! The session with a BMC and what must be written down about it.

use std::{collections::BTreeMap, fmt, sync::Mutex};

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Fut, Result};

/// The connection that a [`Bmc`](crate::Bmc) lives on.
pub trait Session: Send + Sync {
    /// Gives the session back. Safe to call twice. Called at the end, on an error and on cancel.
    fn close(&self) -> Fut<'_, ()>;

    /// What was sent so far.
    fn stats(&self) -> RequestStats;
}

/// What was sent over one connection to a BMC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestStats {
    /// Requests in all.
    pub requests: u64,
    /// TLS or TCP connections opened.
    pub connections: u64,
}

/// What outlives the process: sessions that must be deleted by somebody, and logins that count against a BMC's limit.
///
/// A driver asks [`permit_login`](Ledger::permit_login) before it sends credentials, says what became of them, and
/// says which session it holds, *before* it uses it. The journal behind this trait is what lets a new process delete
/// the session of a killed one, and what keeps several processes together within the login limit.
pub trait Ledger: Send + Sync + fmt::Debug {
    /// Whether credentials may be sent to this BMC now.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] when the budget (two refused logins per lock window) is used up.
    fn permit_login(&self, bmc: &str, username: &str) -> Result<()>;

    /// The BMC refused the credentials.
    ///
    /// # Errors
    /// [`ErrorKind::Ledger`] when it cannot be written down.
    fn login_refused(&self, bmc: &str, username: &str) -> Result<()>;

    /// The BMC let the credentials in, and there is no session to be written down (Basic authentication, IPMI). Of a login with
    /// one [`session_opened`](Ledger::session_opened) says it.
    ///
    /// # Errors
    /// [`ErrorKind::Ledger`] when it cannot be written down.
    fn login_accepted(&self, bmc: &str, username: &str) -> Result<()> {
        let _ = (bmc, username);
        Ok(())
    }

    /// A session was opened; `uri` is its resource, never its token.
    ///
    /// # Errors
    /// [`ErrorKind::Ledger`] when it cannot be written down; the driver then deletes the session at once.
    fn session_opened(&self, bmc: &str, uri: &str) -> Result<()>;

    /// A session was deleted or found gone.
    ///
    /// # Errors
    /// [`ErrorKind::Ledger`] when it cannot be written down.
    fn session_closed(&self, bmc: &str, uri: &str) -> Result<()>;

    /// Sessions on this BMC that were opened, by any process, and never closed. Deleted by the driver once it has
    /// logged in, provided no live process owns them.
    fn leftover_sessions(&self, bmc: &str) -> Vec<String>;
}

/// A ledger that lives as long as the process: for one-off commands and tests.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    refused: Mutex<BTreeMap<String, u32>>,
}

/// Refused logins that a BMC gets to see before rackhand stops by itself. Below the smallest limit known: an iDRAC
/// blocks the address after three within a minute.
const REFUSALS_ALLOWED: u32 = 2;

impl Ledger for MemoryLedger {
    fn permit_login(&self, bmc: &str, username: &str) -> Result<()> {
        let refused = self.refused.lock().map_or(REFUSALS_ALLOWED, |map| map.get(bmc).copied().unwrap_or(0));
        if refused < REFUSALS_ALLOWED {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Locked { retry_after: None },
            bmc,
            format!(
                "user {username} was refused {refused} times already; no further login is tried, so that the BMC does not lock the account or block this address"
            ),
        ))
    }

    fn login_refused(&self, bmc: &str, _username: &str) -> Result<()> {
        if let Ok(mut map) = self.refused.lock() {
            *map.entry(bmc.to_owned()).or_insert(0) += 1;
        }
        Ok(())
    }

    fn session_opened(&self, _bmc: &str, _uri: &str) -> Result<()> {
        Ok(())
    }

    fn session_closed(&self, _bmc: &str, _uri: &str) -> Result<()> {
        Ok(())
    }

    fn leftover_sessions(&self, _bmc: &str) -> Vec<String> {
        Vec::new()
    }
}
