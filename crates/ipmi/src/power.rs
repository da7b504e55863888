//! Power, and the host as far as IPMI shows it.

use rackhand_bmc::{ErrorKind, Fut, HostProgress, HostView, Outcome, Power, PowerState, ResetType};

use crate::{
    boot_options::GetBootFlags,
    chassis::{ChassisControl, Control, GetChassisStatus},
    link::Link,
    quirks::Seen,
};

/// The facet.
pub(crate) struct ChassisPower {
    pub(crate) link: Link,
    pub(crate) seen: Seen,
}

impl Power for ChassisPower {
    fn state(&self) -> Fut<'_, PowerState> {
        Box::pin(async move { Ok(self.link.read(GetChassisStatus).await?.power()) })
    }

    fn observe(&self) -> Fut<'_, HostView> {
        Box::pin(async move {
            let power = self.link.read(GetChassisStatus).await?.power();
            let boot = self.seen.settings(self.link.read(GetBootFlags).await?);
            // How far a host is, and when it was reset, IPMI does not show.
            let progress = if power == PowerState::Off { HostProgress::Off } else { HostProgress::Unknown };
            Ok(HostView { power, progress, boot, last_reset: None })
        })
    }

    fn reset(&self, kind: ResetType) -> Fut<'_, Outcome> {
        Box::pin(async move {
            let Some(control) = Control::of(kind) else {
                let detail = format!("IPMI has no {}", kind.as_str());
                return Err(self.link.error(ErrorKind::Unsupported, detail));
            };
            self.link
                .owned(move |link| async move {
                    // This read also makes sure that the session is alive when the command leaves.
                    let power = link.read(GetChassisStatus).await?.power();
                    if control.satisfied_by() == Some(power) {
                        return Ok(Outcome::Unchanged);
                    }
                    link.outcome(ChassisControl(control)).await
                })
                .await
        })
    }
}
