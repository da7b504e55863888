//! Power: a restart that hangs on one model is taken apart.

use std::{sync::Arc, time::Duration};

use rackhand_bmc::{ErrorKind, Fut, HostView, Outcome, Power, PowerState, ResetType, Result};
use tokio::time::{Instant, sleep};

use crate::quirks::{self, Xcc};

/// How long the host stays off before it is switched on again (LRF).
const STAYS_OFF: Duration = Duration::from_secs(10);

/// The facet.
pub(crate) fn power(xcc: Xcc, standard: Arc<dyn Power>) -> Arc<dyn Power> {
    Arc::new(XccPower { xcc, standard })
}

struct XccPower {
    xcc: Xcc,
    standard: Arc<dyn Power>,
}

impl XccPower {
    /// Off, seen off, a while, on. A host that is off already is switched on by nobody who asked for a restart.
    async fn restart(&self) -> Result<Outcome> {
        if self.standard.state().await? == PowerState::Off {
            return Err(self
                .xcc
                .client
                .error(ErrorKind::Conflict, "the host is off; there is nothing to restart"));
        }
        match self.standard.reset(ResetType::ForceOff).await? {
            unknown @ Outcome::Unknown { .. } => return Ok(unknown),
            _ => self.seen_off().await?,
        }
        sleep(STAYS_OFF).await;
        self.standard.reset(ResetType::On).await
    }

    async fn seen_off(&self) -> Result<()> {
        let pacing = &self.xcc.pacing;
        let deadline = Instant::now() + pacing.power_change;
        while self.standard.state().await? != PowerState::Off {
            if Instant::now() >= deadline {
                let why = "the host was switched off to restart it, and does not show as off";
                return Err(self.xcc.client.error(ErrorKind::NotObserved, why));
            }
            sleep(pacing.poll).await;
        }
        Ok(())
    }
}

impl Power for XccPower {
    fn state(&self) -> Fut<'_, PowerState> {
        self.standard.state()
    }

    fn observe(&self) -> Fut<'_, HostView> {
        self.standard.observe()
    }

    fn reset(&self, kind: ResetType) -> Fut<'_, Outcome> {
        if kind == ResetType::ForceRestart && self.xcc.on(quirks::RESTART_HANGS) {
            return Box::pin(self.restart());
        }
        self.standard.reset(kind)
    }
}
