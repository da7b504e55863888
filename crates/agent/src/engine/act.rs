//! Carrying out one act.

use std::time::Duration;

use rackhand_bmc::{BiosStage, Bmc, BootTarget, Error, Mark, MediaImage, Outcome, Pacing, Result};

use crate::event::{Act, ActResult};

/// What carrying out an act came to.
pub(super) enum Carried {
    /// Done and proven, or so already.
    Proven(ActResult),
    /// Sent, and no answer came: only a read, after everything in flight has arrived, decides.
    Unknown(String),
    /// The BMC refused it, or it was not observed in time.
    Failed(Error),
}

/// Carries out an act and proves it.
pub(super) async fn carry_out(bmc: &Bmc, act: &Act) -> Carried {
    let outcome = match act {
        Act::PowerOff { policy, .. } => bmc.power_off(*policy).await,
        Act::PowerOn { .. } => bmc.power_on().await,
        Act::StageBios { attributes, .. } => stage(bmc, attributes.clone()).await,
        Act::SetSecureBoot { enabled } => match bmc.boot() {
            Ok(boot) => boot.set_secure_boot(*enabled).await,
            Err(error) => Err(error),
        },
        Act::HoldInSetup { .. } => bmc.boot_once(&BootTarget::BiosSetup).await,
        Act::EjectLeftover { slot, .. } => bmc.clear_slot(slot).await,
        Act::Eject { slot, .. } => bmc.eject_proven(slot).await,
        Act::Insert { slot, url } => {
            bmc.insert_proven(slot, &MediaImage { url: url.clone(), credentials: None }).await
        }
        Act::BootCdOnce => bmc.boot_once(&BootTarget::Cd).await,
        Act::ClearBootOverride => bmc.clear_boot_override().await,
    };
    match outcome {
        Ok(Outcome::Unchanged) => Carried::Proven(ActResult::AlreadySo),
        Ok(Outcome::Pending(pending)) => Carried::Proven(ActResult::Done { mark: Some(pending.mark) }),
        Ok(Outcome::Unknown { seen }) => Carried::Unknown(seen),
        Ok(_) => Carried::Proven(ActResult::Done { mark: None::<Mark> }),
        Err(error) => Carried::Failed(error),
    }
}

async fn stage(bmc: &Bmc, attributes: rackhand_bmc::Attributes) -> Result<Outcome> {
    let stage = BiosStage { attributes, reason: String::new() };
    bmc.bios()?.stage(&stage).await
}

/// How long after its intent an act can still change what is seen: a request under way, and the time the BMC then
/// takes to show it.
pub(super) fn in_flight(act: &Act, pacing: &Pacing) -> Duration {
    let request = match act {
        Act::StageBios { .. } => pacing.slow_request_timeout,
        _ => pacing.request_timeout,
    };
    let shows = match act {
        Act::PowerOff { .. } | Act::PowerOn { .. } => pacing.power_change,
        Act::Insert { .. } => pacing.media_attach,
        Act::EjectLeftover { .. } | Act::Eject { .. } => pacing.media_detach,
        Act::BootCdOnce | Act::HoldInSetup { .. } | Act::ClearBootOverride => pacing.boot_override,
        Act::StageBios { .. } | Act::SetSecureBoot { .. } => Duration::ZERO,
    };
    request + pacing.write_margin + shows
}
