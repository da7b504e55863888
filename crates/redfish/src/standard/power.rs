//! Power as ComputerSystem has it.

use std::sync::Arc;

use rackhand_bmc::{BootSettings, ErrorKind, Fut, HostView, Outcome, Power, PowerState, ResetType, Result};
use serde_json::json;
use tokio::sync::OnceCell;

use super::{boot::boot_settings, capabilities::allowed_resets, host::Host, quirks};
use crate::{document::Document, messages::Meaning};

/// Power of the System.
#[derive(Debug)]
pub struct StandardPower {
    host: Arc<Host>,
    allowed: OnceCell<Vec<String>>,
}

impl StandardPower {
    /// Power of `host`.
    #[must_use]
    pub fn new(host: &Arc<Host>) -> Self {
        Self { host: Arc::clone(host), allowed: OnceCell::new() }
    }

    /// The reset types that are allowed: beside the action, else in its ActionInfo. Empty when nothing says so.
    async fn allowed(&self) -> Result<&Vec<String>> {
        self.allowed.get_or_try_init(|| self.learn_allowed()).await
    }

    async fn learn_allowed(&self) -> Result<Vec<String>> {
        let Some(action) = self.host.machine.system.action("ComputerSystem.Reset") else {
            return Ok(Vec::new());
        };
        let beside = allowed_resets(action);
        let Some(info) = action
            .str("@Redfish.ActionInfo")
            .filter(|_| beside.is_empty() && self.host.cures(quirks::ACTION_INFO))
        else {
            return Ok(beside);
        };
        match self.host.client.get(info).await {
            Ok(info) => Ok(info
                .view()
                .list("Parameters")
                .into_iter()
                .filter(|parameter| parameter.str("Name") == Some("ResetType"))
                .flat_map(|parameter| parameter.strings("AllowableValues"))
                .map(str::to_owned)
                .collect()),
            // Without it the action is sent as the schema has it, and the BMC refuses what it does not know.
            Err(error) if !error.kind().is_transient() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn send(&self, kind: ResetType) -> Result<Outcome> {
        let host = &self.host;
        let action = host.machine.system.action("ComputerSystem.Reset");
        let target = action
            .and_then(|action| action.str("target"))
            .ok_or_else(|| host.lacks("ComputerSystem.Reset action"))?;
        let allowed = self.allowed().await?;
        let name = host.dialect.reset_kind(&host.machine, kind, allowed).ok_or_else(|| {
            let detail = format!("the System cannot do {}; it allows {}", kind.as_str(), allowed.join(", "));
            host.client.error(ErrorKind::Unsupported, detail)
        })?;
        match host.client.post(target, json!({"ResetType": name})).await {
            Ok(sent) => Ok(sent.outcome()),
            Err(error) if self.may_be_there(&error) && self.is_there(kind).await => Ok(Outcome::Unchanged),
            Err(error) => Err(error),
        }
    }

    /// Whether a refusal may mean that the target state is reached: BMCs answer 400 or 409 then, with varying messages.
    fn may_be_there(&self, error: &rackhand_bmc::Error) -> bool {
        let refused = matches!(error.kind(), ErrorKind::Conflict | ErrorKind::RejectedValue { .. })
            || self.host.client.meaning(error) == Some(Meaning::Already);
        (refused && self.host.cures(quirks::STATE_REACHED)) || self.host.dialect.is_already(error)
    }

    async fn is_there(&self, kind: ResetType) -> bool {
        let wanted = match kind {
            ResetType::On | ResetType::ForceOn => PowerState::On,
            ResetType::ForceOff | ResetType::GracefulShutdown => PowerState::Off,
            _ => return false,
        };
        self.host.system().await.is_ok_and(|system| power_state(&system) == wanted)
    }
}

impl Power for StandardPower {
    fn state(&self) -> Fut<'_, PowerState> {
        Box::pin(async move { Ok(power_state(&self.host.system().await?)) })
    }

    fn observe(&self) -> Fut<'_, HostView> {
        Box::pin(async move {
            let system = self.host.system().await?;
            let boot: BootSettings = boot_settings(&system, self.host.dialect.as_ref());
            Ok(HostView {
                power: power_state(&system),
                progress: self.host.dialect.host_progress(&system),
                boot,
                last_reset: system.str("LastResetTime").map(str::to_owned),
            })
        })
    }

    fn reset(&self, kind: ResetType) -> Fut<'_, Outcome> {
        Box::pin(self.send(kind))
    }
}

/// The power state that a System shows.
pub(crate) fn power_state(system: &Document) -> PowerState {
    match system.str("PowerState") {
        Some("On") => PowerState::On,
        Some("Off") => PowerState::Off,
        Some("PoweringOn") => PowerState::PoweringOn,
        Some("PoweringOff") => PowerState::PoweringOff,
        _ => PowerState::Unknown,
    }
}
