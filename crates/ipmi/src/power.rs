//! Power, and the host as far as IPMI shows it.

use rackhand_bmc::{ErrorKind, Fut, HostProgress, HostView, Outcome, Power, PowerState, ResetType};

use crate::{
    boot::shown,
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
            // A BMC that does not show its boot options has power all the same.
            let boot = shown(&self.link).await?.map(|flags| self.seen.settings(flags)).unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        command::netfn,
        double::{Does, Double, link},
    };

    /// The host as a BMC shows it that answers the question for its boot flags so.
    async fn view(flags: Does) -> rackhand_bmc::Result<HostView> {
        let double = Double::deciding(move |function, command, _| match (function, command) {
            (netfn::CHASSIS, 0x01) => Some(Does::Answer(0, vec![0, 0, 0])),
            (netfn::CHASSIS, 0x09) => Some(flags.clone()),
            _ => None,
        });
        ChassisPower { link: link(&double), seen: Seen::plain() }.observe().await
    }

    #[tokio::test]
    async fn a_bmc_without_boot_options_shows_power_alone() {
        for code in [0xC1, 0xCC, 0x80] {
            let seen = view(Does::Answer(code, Vec::new())).await.unwrap();
            assert_eq!((seen.power, seen.progress), (PowerState::Off, HostProgress::Off));
            assert_eq!(seen.boot, rackhand_bmc::BootSettings::default(), "0x{code:02X}");
        }
        assert!(view(Does::Answer(0xC0, Vec::new())).await.is_err(), "a busy one is read again");
        assert!(view(Does::Nothing).await.is_err());
    }

    #[tokio::test]
    async fn a_state_that_is_reached_is_not_asked_for() {
        let double = Double::deciding(|function, command, _| {
            ((function, command) == (netfn::CHASSIS, 0x01)).then(|| Does::Answer(0, vec![1, 0, 0]))
        });
        double.does([Does::Answer(0, Vec::new())]);
        let power = ChassisPower { link: link(&double), seen: Seen::plain() };
        assert_eq!(power.reset(ResetType::On).await.unwrap(), Outcome::Unchanged);
        assert_eq!(double.heard(), "login raise status");
        assert_eq!(power.reset(ResetType::ForceRestart).await.unwrap(), Outcome::Done);
        assert_eq!(double.heard(), "status control");
    }
}
