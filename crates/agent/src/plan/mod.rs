//! The plan: a pure function of what is wanted, observed and remembered.
//!
//! [`gate`] answers whether anything may be done to a node at all; [`next`] answers what comes next in a job;
//! [`resolve`] decides an act that a killed process left without an outcome; [`steps`] lays the whole way out for
//! people. None of them reads a clock, a BMC or a file, so `plan` prints exactly what `apply` will do.

mod boot;
mod firmware;
mod gate;
mod next;
mod resolve;
mod settings;
mod steps;
mod volumes;

use rackhand_bmc::{
    AttributeValue, BiosPlan, BiosStage, BootTarget, Capabilities, FirmwareInventory, HostView, Identity,
    Mark, MediaSlot, Operation, PendingSettings, PowerOffPolicy, PowerState, SecureBootState, StorageView,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

pub use boot::{BootChoice, boot_way};
pub use firmware::{Accepted, is_version, needed as firmware_needed, proves};
pub use gate::{Gate, gate, gate_by_record, other_machine};
pub(crate) use next::installer_failed;
pub use next::{Await, Next, next, problems};
pub use resolve::{resolve, undo};
pub use settings::in_force;
pub use steps::{PlannedStep, StepState, steps};
pub use volumes::{Doomed, VolumePlan, volumes};

use crate::{
    event::{Act, Evidence, JobId, PowerPurpose, StepId},
    history::{ActHistory, JobHistory},
    ports::{Offer, PreparedImage},
    wanted::{BootWay, Wanted, WantedFirmware},
};

/// What is ready to be read by the BMC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// The URL of the image that is booted.
    pub image: String,
    /// How it is booted.
    pub way: BootWay,
    /// Firmware files.
    pub firmware: Vec<ServedFirmware>,
}

/// A firmware file that is ready to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedFirmware {
    /// What it is for.
    pub wanted: WantedFirmware,
    /// Where it is, and what it is.
    pub image: PreparedImage,
}

/// What was read from a BMC just now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Observed {
    /// Who it is.
    pub identity: Identity,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The host.
    pub view: HostView,
    /// Its media slots, best first. Empty when it has none.
    pub slots: Vec<MediaSlot>,
    /// The BIOS settings in which this BMC keeps the address that a UEFI HTTP boot fetches; none where the override has it.
    pub http_settings: Vec<String>,
    /// Why this machine's BIOS does not take them, each a sentence. Looked at before a job begins, where it would boot so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http_problems: Vec<String>,
    /// BIOS settings, when any are wanted.
    pub bios: Option<BiosObserved>,
    /// Firmware, when any is wanted. `None` also where this BMC shows none, and once a job has gone past its updates.
    pub firmware: Option<FirmwareInventory>,
    /// Secure boot, when it is wanted to be one way.
    pub secure_boot: Option<SecureBootState>,
    /// The MAC addresses that the BMC shows; `None` when it shows none.
    pub macs: Option<Vec<String>>,
    /// Storage, when something is wanted of it. `None` also where this BMC shows none.
    pub storage: Option<StorageView>,
    /// Why storage cannot be changed just now, of a host that is on: its POST, or device discovery in it.
    pub storage_busy: Option<String>,
}

impl Observed {
    /// The slot that an ISO goes into.
    #[must_use]
    pub fn slot(&self) -> Option<&MediaSlot> {
        self.slots.iter().find(|slot| slot.can_insert && slot.is_optical())
    }

    /// Whether an image is in one of the slots.
    fn holds(&self, url: &str) -> bool {
        self.slots.iter().any(|slot| slot.image.as_deref() == Some(url))
    }

    fn is_off(&self) -> bool {
        self.view.power == PowerState::Off
    }

    fn armed(&self, target: &BootTarget) -> bool {
        self.view.boot.armed_for(target)
    }

    fn armed_for_http(&self, url: &str) -> bool {
        self.view.boot.armed_for_http(url, self.http_settings.is_empty())
    }
}

/// What was read of BIOS settings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BiosObserved {
    /// What still differs, in stages, as the driver orders it.
    pub plan: BiosPlan,
    /// What waits for a reset.
    pub pending: PendingSettings,
}

impl BiosObserved {
    /// Whether the values of a stage are seen to wait for a reset. `None` when this BMC does not show it.
    fn shows_pending(&self, stage: &BiosStage) -> Option<bool> {
        let same = |values: &rackhand_bmc::Attributes| {
            stage
                .attributes
                .iter()
                .all(|(name, wanted)| values.get(name).is_some_and(|v: &AttributeValue| v.same_as(wanted)))
        };
        match &self.pending {
            PendingSettings::NotVisible => None,
            PendingSettings::None => Some(false),
            PendingSettings::Values(values) => Some(same(values)),
        }
    }
}

/// The key of a BIOS stage within a job: a digest of its values, and which try of it this is.
///
/// A stage is tried again only when a boot has shown that an undecidable write never arrived; the number keeps the
/// acts of the second try apart from those of the first.
#[must_use]
pub fn stage_key(stage: &BiosStage, job: Option<&JobHistory>) -> String {
    let mut hasher = Sha256::new();
    for (name, value) in &stage.attributes {
        hasher.update(format!("{name}={value}\n"));
    }
    let digest: String = hasher.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let lost = job.map_or(0, |job| {
        job.acts
            .iter()
            .filter(|known| {
                matches!(&known.act, Act::StageBios { stage, .. } if stage.starts_with(&digest))
                    && known.result == Some(crate::event::ActResult::FoundNotDone)
                    && job.act(&Act::PowerOn { purpose: bios_purpose(&known.act) }).is_some()
            })
            .count()
    });
    if lost == 0 { digest } else { format!("{digest}#{}", lost + 1) }
}

fn bios_purpose(act: &Act) -> PowerPurpose {
    match act {
        Act::StageBios { stage, .. } | Act::HoldInSetup { stage } => {
            PowerPurpose::BiosStage { stage: stage.clone() }
        }
        _ => PowerPurpose::Install,
    }
}

/// The act that switches the host on to install: the line between what can be taken back and what cannot.
#[must_use]
pub fn install_power_on() -> Act {
    Act::PowerOn { purpose: PowerPurpose::Install }
}

/// Whether a job has switched the host on to install, or may have.
#[must_use]
pub fn is_installing(job: &JobHistory) -> bool {
    job.act(&install_power_on()).is_some_and(|known| known.is_done() || known.result.is_none())
}

/// Whether a new process tells the host of a job to install when it asks the network: an earlier one switched it on for
/// that, and the host was not told before, nor has it read anything. What was begun under a process that is gone cannot have
/// gone on; and had it been read to its end without a record, the host would be installed a second time.
#[must_use]
pub fn is_offered_again(job: &JobHistory) -> bool {
    let begun = seen_since_power_on(job).any(|seen| {
        let told = matches!(seen, Evidence::ToldToInstall { .. } | Evidence::CalledBack { .. });
        told || matches!(seen, Evidence::ImageRead { .. } | Evidence::ImageComplete { .. })
    });
    let by_network = job.image.as_ref().is_some_and(|image| image.way != BootWay::VirtualMedia);
    by_network && is_installing(job) && job.failed_step().is_none() && (!begun || is_mounted(job))
}

/// What an image host is told by what is seen. A host that has all that it fetches over the network is not to be told to
/// install, whatever it asks from now on. What a service has mounted for it is read as any medium, for as long as it is there.
#[must_use]
pub fn offer_seen(job: &JobHistory, observed: &Observed) -> Option<Offer> {
    let image = job.image.as_ref()?;
    if image.way == BootWay::UefiHttp && observed.holds(&image.url) {
        return Some(Offer::Again);
    }
    let mut seen = seen_since_power_on(job);
    let fetched = seen.any(|one| matches!(one, Evidence::ImageComplete { .. } | Evidence::CalledBack { .. }));
    fetched.then_some(Offer::Ended)
}

/// Signs since the host was to be switched on to install.
fn seen_since_power_on(job: &JobHistory) -> impl Iterator<Item = &Evidence> {
    let before = job.act(&install_power_on()).map_or(usize::MAX, |known| known.signs_before);
    job.evidence.iter().skip(before).map(|(seen, _)| seen)
}

/// Whether it was a service that read the image for the host, as sushy-tools does as soon as it is told an address: something
/// was read before the host was on.
fn is_mounted(job: &JobHistory) -> bool {
    let before = job.act(&install_power_on()).map_or(usize::MAX, |known| known.signs_before);
    job.evidence.iter().take(before).any(|(seen, _)| matches!(seen, Evidence::ImageRead { .. }))
}

/// What an image host is told before an act that lets the host, or its BMC, come for the image.
#[must_use]
pub fn offer_before(act: &Act, way: BootWay) -> Option<Offer> {
    match (act, way) {
        (Act::Insert { .. }, BootWay::VirtualMedia)
        // A service may fetch it at once (sushy-tools).
        | (Act::BootHttpOnce { .. }, BootWay::UefiHttp)
        | (Act::PowerOn { purpose: PowerPurpose::Install }, BootWay::UefiHttp | BootWay::Pxe) => {
            Some(Offer::Anew)
        }
        _ => None,
    }
}

/// The mark that the staging of a stage recorded.
fn stage_mark(job: Option<&JobHistory>, key: &str) -> Option<Mark> {
    job?.acts
        .iter()
        .find(|known| matches!(&known.act, Act::StageBios { stage, .. } if stage == key))
        .and_then(|known| known.mark().cloned())
}

/// What the host was switched on for last, held in setup, and not off again.
fn running_boot(job: &JobHistory) -> Option<PowerPurpose> {
    let mut boots = job.acts.iter().rev().filter_map(|known| match &known.act {
        Act::PowerOn { purpose } if *purpose != PowerPurpose::Install => Some(purpose),
        _ => None,
    });
    let is_off = |boot: &PowerPurpose| {
        job.acts.iter().any(|known| {
            matches!(&known.act, Act::PowerOff { purpose, .. } if purpose == boot) && known.is_done()
        })
    };
    boots.find(|boot| !is_off(boot)).cloned()
}

/// How often this job has switched the host on for such a purpose.
fn boots_for(job: Option<&JobHistory>, is: impl Fn(&PowerPurpose) -> bool) -> u32 {
    let boots = job
        .into_iter()
        .flat_map(|job| &job.acts)
        .filter(|known| matches!(&known.act, Act::PowerOn { purpose } if is(purpose)) && known.is_done());
    u32::try_from(boots.count()).unwrap_or(u32::MAX)
}

/// How often the host was switched on for such a purpose since an act was last intended.
fn boots_after(job: &JobHistory, act: &ActHistory, is: impl Fn(&PowerPurpose) -> bool) -> usize {
    let boots = job.acts.iter().filter(|known| {
        matches!(&known.act, Act::PowerOn { purpose } if is(purpose))
            && known.is_done()
            && known.intended_at >= act.intended_at
    });
    boots.count()
}

/// A boot that starts no operating system, where the BMC can hold it in setup.
fn held_boot(observed: &Observed, purpose: PowerPurpose) -> Next {
    let can_hold = observed.capabilities.refusal(Operation::BootSetupOnce).is_none();
    if can_hold && !observed.armed(&BootTarget::BiosSetup) {
        return Next::Act(Act::HoldInSetup { stage: purpose.hold() });
    }
    Next::Act(Act::PowerOn { purpose })
}

/// Off after a boot that was held in setup is by force: no operating system runs. Off before anything else asks first.
fn power_off(job: Option<&JobHistory>) -> Act {
    match job.and_then(running_boot) {
        Some(purpose) => Act::PowerOff { purpose, policy: PowerOffPolicy::Force },
        None => Act::PowerOff { purpose: PowerPurpose::Install, policy: PowerOffPolicy::GracefulThenForce },
    }
}

/// Why an operation takes somebody's leave, if it does and nobody gave it.
fn unverified(wanted: &Wanted, observed: &Observed, operation: Operation) -> Option<String> {
    let source = observed.capabilities.unverified(operation).filter(|_| !wanted.allow_unverified)?;
    Some(format!(
        "nobody has seen {operation:?} work on this kind of BMC ({source}); to try it all the same: rackhand apply --allow-unverified {}",
        wanted.node
    ))
}

/// The name of the next job of a node.
#[must_use]
pub fn job_id(node: &str, jobs_begun: u32) -> JobId {
    JobId(format!("{node}#{}", jobs_begun + 1))
}

/// What a failed step says to do, when the error itself does not.
#[must_use]
pub fn advice(step: StepId, node: &str) -> String {
    let what = match step {
        StepId::Connect => {
            "Check the BMC's address, that it answers from this host, and the credentials in the Secret"
        }
        StepId::Check => "Correct the spec or the profile",
        StepId::Firmware => {
            "See whether the BMC reaches the file's address (--media-url), whether the file is for this machine, and what the BMC's own log says"
        }
        StepId::Bios => "Correct the setting in the spec or the profile, or look at the BMC's own log",
        StepId::Storage => "Correct the volumes in the profile, or look at the controller and its drives",
        StepId::Media => {
            "See whether the BMC answers and reaches the image's address: route, firewall, which of this host's addresses it is served at (--media-url)"
        }
        StepId::Follow => "Look at the host's console",
        StepId::Eject | StepId::Settle => {
            "The host is not touched further; look at its virtual media and boot override"
        }
        _ => "See whether the BMC answers, and look at its own log",
    };
    match step {
        StepId::Follow | StepId::Eject | StepId::Settle => {
            format!("{what}. To install it again from the start: rackhand retry {node}")
        }
        _ => format!("{what}, then run the same apply again; it goes on where it can"),
    }
}

#[cfg(test)]
mod tests;
