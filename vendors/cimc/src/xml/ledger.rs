//! The ledger as the Redfish client may see it: without the sessions of the XML API, which it cannot delete.

use std::sync::Arc;

use rackhand_bmc::{Clock, Ledger, Result};

use super::core::leftover;

/// A ledger that keeps XML sessions of earlier processes from being deleted as Redfish ones. Those that have ended by
/// themselves are written down as closed; the others are left for a later process to find ended.
#[derive(Debug)]
pub(crate) struct RedfishLedger {
    inner: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
}

impl RedfishLedger {
    pub(crate) fn new(inner: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock }
    }
}

impl Ledger for RedfishLedger {
    fn permit_login(&self, bmc: &str, username: &str) -> Result<()> {
        self.inner.permit_login(bmc, username)
    }

    fn login_refused(&self, bmc: &str, username: &str) -> Result<()> {
        self.inner.login_refused(bmc, username)
    }

    fn login_accepted(&self, bmc: &str, username: &str) -> Result<()> {
        self.inner.login_accepted(bmc, username)
    }

    fn session_opened(&self, bmc: &str, uri: &str) -> Result<()> {
        self.inner.session_opened(bmc, uri)
    }

    fn session_closed(&self, bmc: &str, uri: &str) -> Result<()> {
        self.inner.session_closed(bmc, uri)
    }

    fn leftover_sessions(&self, bmc: &str) -> Vec<String> {
        let now = self.clock.now();
        let mut sessions = self.inner.leftover_sessions(bmc);
        sessions.retain(|name| match leftover(name, now) {
            None => true,
            Some(false) => false,
            Some(true) => {
                if let Err(error) = self.inner.session_closed(bmc, name) {
                    tracing::warn!(bmc, session = %name, %error, "an XML session that has ended stays written down as open");
                }
                false
            }
        });
        sessions
    }
}
