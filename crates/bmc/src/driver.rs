//! What a vendor is: something that recognises a BMC and connects to it.

use std::{collections::BTreeSet, fmt, sync::Arc};

use secrecy::SecretString;

use crate::{Bmc, Clock, Fut, Ledger, Memory, Pacing, Quirk};

/// A vendor.
///
/// `Link` is what the protocol's crate has in hand before anybody logs in: for Redfish the transport and the service
/// root that was read without credentials. Drivers are tried in order; the best [`Claim`] connects.
pub trait Driver: Send + Sync {
    /// The protocol's unauthenticated beginning of a connection.
    type Link;

    /// The vendor's name as people type it: `idrac`, `ilo`, `cimc`, `supermicro`, `lenovo`, `standard`.
    fn name(&self) -> &'static str;

    /// The table of what this vendor does otherwise, each row with its source.
    fn quirks(&self) -> &'static [Quirk] {
        &[]
    }

    /// Looks at the link, sends nothing, and says whether this is one of ours.
    fn probe(&self, link: &Self::Link) -> Claim;

    /// Logs in, learns identity and capabilities, and assembles the facets. On any error the session is given back.
    fn connect(&self, link: Self::Link, target: Target) -> Fut<'_, Bmc>;
}

/// How sure a driver is that a BMC is one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// Not ours.
    No,
    /// Could be: used when nobody is surer (the standard driver says this of every Redfish service).
    Fallback,
    /// Looks like ours, to be confirmed once logged in.
    Likely,
    /// Ours.
    Certain,
}

/// Which machine to connect to and with what.
#[derive(Debug, Clone)]
pub struct Target {
    /// The BMC's address as people know it; names it in every message.
    pub bmc: String,
    /// The System's URI when the spec names one; `None` takes the only one.
    pub system: Option<String>,
    /// Who to log in as.
    pub credentials: Credentials,
    /// What outlives the process.
    pub ledger: Arc<dyn Ledger>,
    /// Dates.
    pub clock: Arc<dyn Clock>,
    /// Every interval and deadline.
    pub pacing: Pacing,
    /// Quirks whose cures are not used, by name ([`Quirks`](crate::Quirks)): for tests, and for firmware that has mended
    /// what the table still works around.
    pub quirks_off: BTreeSet<String>,
    /// What earlier connections learned, and where this one keeps what it learns.
    pub memory: Option<Arc<Memory>>,
}

/// A user name and a password. The password never shows.
#[derive(Clone)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: SecretString,
}

impl Credentials {
    /// Makes them from their parts.
    pub fn new(username: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self { username: username.into(), password: password.into() }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}
