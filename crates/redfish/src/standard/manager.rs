//! The Manager: what it says of itself, whether it is ready, its restart.

use std::sync::Arc;

use jiff::Timestamp;
use rackhand_bmc::{Fut, HostProgress, Manager, ManagerInfo, Outcome, Readiness, ReadyState, Result};
use serde_json::json;

use super::host::Host;
use crate::document::Document;

/// The Manager of the machine.
#[derive(Debug)]
pub struct StandardManager {
    host: Arc<Host>,
}

impl StandardManager {
    /// The Manager of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host) }
    }

    async fn known(&self) -> Result<&Document> {
        self.host.manager().await?.ok_or_else(|| self.host.lacks("Manager"))
    }

    async fn is_ready(&self, what: Readiness) -> Result<ReadyState> {
        if let Some(own) = self.host.dialect.readiness(&self.host, what) {
            return own.await;
        }
        match what {
            Readiness::HostPost => {
                let system = self.host.system().await?;
                let progress = self.host.dialect.host_progress(&system);
                // Where nothing is shown, nothing can be waited for.
                let waits = progress == HostProgress::InPost;
                Ok(if waits {
                    ReadyState::NotYet(format!("the host is in POST ({progress:?})"))
                } else {
                    ReadyState::Ready
                })
            }
            // A System that answers is all a standard service shows of its BMC being ready.
            _ => self.host.system().await.map(|_| ReadyState::Ready),
        }
    }

    async fn restart(&self) -> Result<Outcome> {
        let manager = self.known().await?;
        let action =
            manager.action("Manager.Reset").ok_or_else(|| self.host.lacks("Manager.Reset action"))?;
        let target = action.str("target").ok_or_else(|| self.host.lacks("target for Manager.Reset"))?;
        let allowed = action.strings("ResetType@Redfish.AllowableValues");
        // Graceful where it is known: iDRAC has nothing else. Cisco has ForceRestart alone.
        let kind = ["GracefulRestart", "ForceRestart"].into_iter().find(|kind| allowed.contains(kind));
        let body = match (kind, allowed.first()) {
            (Some(kind), _) => json!({"ResetType": kind}),
            (None, None) => json!({"ResetType": "GracefulRestart"}),
            (None, Some(only)) => json!({"ResetType": only}),
        };
        self.host.forget();
        Ok(self.host.client.post(target, body).await?.outcome())
    }
}

impl Manager for StandardManager {
    fn info(&self) -> Fut<'_, ManagerInfo> {
        Box::pin(async move {
            let manager = self.host.client.get(self.known().await?.uri()).await?;
            Ok(ManagerInfo {
                id: manager.id().to_owned(),
                firmware: manager.str("FirmwareVersion").map(str::to_owned),
                model: manager.str("Model").map(str::to_owned),
                // Vendors write impossible dates and offsets without a colon; those count as none.
                date: manager.str("DateTime").and_then(|date| date.parse::<Timestamp>().ok()),
            })
        })
    }

    fn ready(&self, what: Readiness) -> Fut<'_, ReadyState> {
        Box::pin(self.is_ready(what))
    }

    fn reset(&self) -> Fut<'_, Outcome> {
        Box::pin(self.restart())
    }
}
