//! Carrying out one act.

use std::time::Duration;

use rackhand_bmc::{
    ApplyTime, BiosStage, Bmc, BootTarget, Error, ErrorKind, FirmwareImage, JobState, Mark, MediaImage,
    NewVolume, Outcome, Pacing, Pending, Result, StorageView, VolumeId,
};
use tokio::time::{Instant, sleep};

use crate::{
    event::{Act, ActResult, FirmwareUpdate},
    plan::Accepted,
};

/// How long a job may be scheduled before it is taken to wait for a reset: real-time jobs begin within seconds.
pub(super) const SCHEDULED_WAITS: Duration = Duration::from_secs(60);

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
        Act::UpdateFirmware { update } => return accepted(update_firmware(bmc, update).await),
        Act::SetBootMode { mode } => match bmc.boot() {
            Ok(boot) => boot.set_mode(*mode).await,
            Err(error) => Err(error),
        },
        Act::SetSecureBoot { enabled } => set_secure_boot(bmc, *enabled).await,
        Act::DeleteVolume { volume, .. } => {
            return volumes_changed(bmc, act, delete(bmc, volume).await).await;
        }
        Act::CreateVolume { volume } => return volumes_changed(bmc, act, create(bmc, volume).await).await,
        Act::HoldInSetup { .. } => bmc.boot_once(&BootTarget::BiosSetup).await,
        Act::EjectLeftover { slot, .. } => bmc.clear_slot(slot).await,
        Act::Eject { slot, .. } => bmc.eject_proven(slot).await,
        Act::Insert { slot, url } => {
            bmc.insert_proven(slot, &MediaImage { url: url.clone(), credentials: None }).await
        }
        Act::BootCdOnce => bmc.boot_once(&BootTarget::Cd).await,
        Act::BootHttpOnce { url } => bmc.boot_http_once(url).await,
        Act::BootPxeOnce { mode } => bmc.boot_once_in(&BootTarget::Pxe, *mode).await,
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

/// Has the BMC fetch the file. When it is installed is for the component to say: an iLO knows no other time, and no boot
/// that it brings about starts an operating system.
async fn update_firmware(bmc: &Bmc, update: &FirmwareUpdate) -> Result<Outcome> {
    let image = FirmwareImage {
        url: update.url.clone(),
        targets: vec![update.target.clone()],
        when: ApplyTime::Immediate,
        credentials: None,
    };
    bmc.firmware()?.update(&image).await
}

/// An update that was accepted is followed apart, so that its job is in the journal before anything can go wrong with it.
fn accepted(outcome: Result<Outcome>) -> Carried {
    let job = match outcome {
        Ok(Outcome::Unchanged) => return Carried::Proven(ActResult::AlreadySo),
        Ok(Outcome::Unknown { seen }) => return Carried::Unknown(seen),
        Ok(Outcome::Running(job)) => Some(job),
        Ok(Outcome::Pending(pending)) => pending.job,
        Ok(_) => None,
        Err(error) => return Carried::Failed(error),
    };
    Carried::Proven(ActResult::Done { mark: Some(Accepted { job }.mark()) })
}

async fn set_secure_boot(bmc: &Bmc, enabled: bool) -> Result<Outcome> {
    let boot = bmc.boot()?;
    if boot.secure_boot().await?.enabled == Some(enabled) {
        return Ok(Outcome::Unchanged);
    }
    boot.set_secure_boot(enabled).await
}

async fn create(bmc: &Bmc, volume: &NewVolume) -> Result<Outcome> {
    let outcome = bmc.storage()?.create_volume(volume).await?;
    ended(bmc, outcome).await
}

async fn delete(bmc: &Bmc, volume: &VolumeId) -> Result<Outcome> {
    let outcome = bmc.storage()?.delete_volume(volume).await?;
    ended(bmc, outcome).await
}

/// Follows the job of an outcome to its end. One that only waits for a reset is left waiting.
async fn ended(bmc: &Bmc, outcome: Outcome) -> Result<Outcome> {
    let job = match &outcome {
        Outcome::Running(job) => job.clone(),
        Outcome::Pending(Pending { job: Some(job), .. }) => job.clone(),
        _ => return Ok(outcome),
    };
    let begun = Instant::now();
    let mut scheduled_since = None;
    loop {
        match bmc.jobs()?.job(&job).await {
            Ok(seen) if seen.state == JobState::Failed => {
                let why = seen.message.as_deref().unwrap_or("it says nothing more");
                let said = format!("job {job} failed: {why}");
                return Err(Error::new(ErrorKind::NotObserved, &bmc.address, said));
            }
            Ok(seen) if seen.state.is_over() => return Ok(Outcome::Done),
            Ok(seen) => {
                let since = *scheduled_since.get_or_insert_with(Instant::now);
                if seen.state != JobState::Scheduled {
                    scheduled_since = None;
                } else if since.elapsed() >= SCHEDULED_WAITS {
                    return Ok(outcome);
                }
            }
            Err(error) if error.kind().is_transient() => {}
            Err(error) => return Err(error),
        }
        if begun.elapsed() >= bmc.pacing.bios_apply {
            let said = format!("waited {:?} for job {job} to end", bmc.pacing.bios_apply);
            return Err(Error::new(ErrorKind::NotObserved, &bmc.address, said));
        }
        sleep(bmc.pacing.poll).await;
    }
}

/// What a change of volumes came to: proven when it shows, and to be seen after a reset when it does not yet.
async fn volumes_changed(bmc: &Bmc, act: &Act, outcome: Result<Outcome>) -> Carried {
    match outcome {
        Ok(Outcome::Unknown { seen }) => return Carried::Unknown(seen),
        Ok(Outcome::Unchanged) => return Carried::Proven(ActResult::AlreadySo),
        Ok(_) => {}
        Err(error) => return Carried::Failed(error),
    }
    let seen = match bmc.storage() {
        Ok(storage) => storage.view().await,
        Err(error) => Err(error),
    };
    match seen {
        Ok(view) if shows(act, &view) => Carried::Proven(ActResult::Done { mark: None }),
        Ok(_) => Carried::Proven(ActResult::Undecidable),
        Err(error) if error.kind().is_transient() => Carried::Proven(ActResult::Undecidable),
        Err(error) => Carried::Failed(error),
    }
}

fn shows(act: &Act, view: &StorageView) -> bool {
    match act {
        Act::CreateVolume { volume } => view
            .volume_named(&volume.name)
            .is_some_and(|(_, there)| there.raid.as_ref() == Some(&volume.raid)),
        Act::DeleteVolume { volume, .. } => {
            !view.controllers.iter().flat_map(|one| &one.volumes).any(|one| one.id == *volume)
        }
        _ => false,
    }
}

/// How long after its intent an act can still change what is seen: a request under way, and the time the BMC then
/// takes to show it.
pub(super) fn in_flight(act: &Act, pacing: &Pacing) -> Duration {
    let request = match act {
        Act::StageBios { .. }
        | Act::SetBootMode { .. }
        | Act::UpdateFirmware { .. }
        | Act::CreateVolume { .. }
        | Act::DeleteVolume { .. } => pacing.slow_request_timeout,
        _ => pacing.request_timeout,
    };
    let shows = match act {
        Act::PowerOff { .. } | Act::PowerOn { .. } => pacing.power_change,
        Act::Insert { .. } => pacing.media_attach,
        Act::EjectLeftover { .. } | Act::Eject { .. } => pacing.media_detach,
        Act::BootCdOnce
        | Act::BootHttpOnce { .. }
        | Act::BootPxeOnce { .. }
        | Act::HoldInSetup { .. }
        | Act::ClearBootOverride => pacing.boot_override,
        // A job that was accepted still has to run.
        Act::CreateVolume { .. } | Act::DeleteVolume { .. } => pacing.power_change,
        Act::UpdateFirmware { .. }
        | Act::SetBootMode { .. }
        | Act::StageBios { .. }
        | Act::SetSecureBoot { .. } => Duration::ZERO,
    };
    request + pacing.write_margin + shows
}
