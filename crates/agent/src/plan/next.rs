//! What comes next in a job.

use rackhand_bmc::{BiosStage, ComponentKind, HostProgress, Mark, Operation, StorageView, VolumeId};
use serde::Serialize;

use super::{
    Observed, Served, VolumePlan, boot, boots_for, firmware, held_boot, install_power_on, power_off,
    running_boot, settings, stage_key, stage_mark, unverified, volumes,
};
use crate::{
    event::{Act, ActResult, Evidence, JobResult, PowerPurpose, StepId, Trigger},
    history::JobHistory,
    wanted::{BootWay, Follow, Wanted},
};

/// What comes next in a job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Next {
    /// A mutating act.
    Act(Act),
    /// Read until a BIOS stage is in force, was refused, or is known not to have arrived.
    VerifyBios {
        /// The stage's key.
        key: String,
        /// The stage.
        stage: BiosStage,
        /// The mark from staging.
        mark: Option<Mark>,
        /// Whether it is uncertain that the write arrived at all.
        undecided: bool,
    },
    /// Follow a firmware update that was sent until it is in force, waits for a boot, has failed, or is known not to have
    /// arrived.
    VerifyFirmware {
        /// The update.
        act: Act,
        /// What the BMC answered to it; `None` when it is uncertain that it arrived at all.
        mark: Option<Mark>,
        /// What the component is.
        kind: ComponentKind,
        /// Whether it has had its boot.
        booted: bool,
    },
    /// Read until a boot setting is in force after its boot, or is known not to be taken up.
    VerifyBoot {
        /// What set it.
        act: Act,
        /// Whether it is uncertain that the write arrived at all.
        undecided: bool,
    },
    /// Wait for a sign.
    Await(Await),
    /// Give up, with what was seen.
    Fail {
        /// In which step.
        step: StepId,
        /// What was seen.
        error: String,
    },
    /// The job is over.
    Finish(JobResult),
}

impl Next {
    /// The step that it belongs to.
    #[must_use]
    pub fn step(&self) -> StepId {
        match self {
            Self::Act(act) => act.step(),
            Self::VerifyFirmware { .. } => StepId::Firmware,
            Self::VerifyBios { .. } | Self::VerifyBoot { .. } => StepId::Bios,
            Self::Await(sign) => sign.step(),
            Self::Fail { step, .. } => *step,
            Self::Finish(_) => StepId::Settle,
        }
    }
}

/// A sign that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Await {
    /// That the image named in the slot is attached.
    Attached,
    /// Any sign that the host boots the image.
    Boot,
    /// That storage can be worked on, or that what was sent shows.
    Storage,
    /// That the installer has written the disk.
    DiskWritten,
    /// The reset that follows.
    Reset,
    /// That the installed system answers.
    Installed,
}

impl Await {
    /// The step it belongs to.
    #[must_use]
    pub fn step(self) -> StepId {
        match self {
            Self::Attached => StepId::Media,
            Self::Storage => StepId::Storage,
            Self::Boot | Self::DiskWritten | Self::Reset | Self::Installed => StepId::Follow,
        }
    }
}

/// Why a job must not begin, each a sentence. Everything that can be known before the first mutating request.
#[must_use]
pub fn problems(wanted: &Wanted, observed: &Observed, trigger: &Trigger) -> Vec<String> {
    let mut problems = wanted.cannot.clone();
    let needed = [Operation::PowerOn, Operation::PowerOffForce];
    problems.extend(needed.iter().filter_map(|operation| observed.capabilities.refusal(*operation)));
    problems.extend(boot::boot_way(wanted, observed).err().into_iter().flatten());
    if let Some(bios) = &observed.bios {
        problems.extend(
            bios.plan.problems.iter().map(|p| format!("BIOS attribute {}: {}", p.attribute, p.problem)),
        );
        if !bios.plan.stages.is_empty() {
            problems.extend(observed.capabilities.refusal(Operation::BiosStage));
        }
    } else if !wanted.bios.is_empty() {
        problems.push("the spec asks for BIOS settings, and this BMC offers none".to_owned());
    }
    problems.extend(settings::problems(wanted, observed));
    problems.extend(firmware::problems(wanted, observed));
    problems.extend(storage_problems(wanted, observed));
    if !matches!(trigger, Trigger::Asked { .. }) {
        problems.extend(other_machine(wanted, observed));
    }
    problems
}

/// Why the volumes that are wanted cannot be had. What shows only once the host is on is found out then.
fn storage_problems(wanted: &Wanted, observed: &Observed) -> Vec<String> {
    if wanted.storage.is_empty() {
        return Vec::new();
    }
    let Some(view) = &observed.storage else {
        return vec!["volumes are asked for, and this BMC shows no storage".to_owned()];
    };
    let plan = if view.partial.is_none() { volumes(wanted, view, |_| false) } else { VolumePlan::default() };
    let mut needed = Vec::new();
    if !wanted.storage.volumes.is_empty() && (view.partial.is_some() || !plan.create.is_empty()) {
        needed.push(Operation::StorageWrite);
    }
    if !wanted.storage.delete.is_empty() {
        needed.push(Operation::VolumeDelete);
    }
    let mut problems = plan.problems;
    for operation in needed {
        problems.extend(observed.capabilities.refusal(operation));
        problems.extend(unverified(wanted, observed, operation));
    }
    problems
}

/// Whether the boot MAC address is missing among those that the machine shows.
fn other_machine(wanted: &Wanted, observed: &Observed) -> Option<String> {
    let mac = wanted.boot_mac.as_ref()?;
    let shown = observed.macs.as_ref().filter(|shown| !shown.is_empty() && !shown.contains(mac))?;
    Some(format!(
        "the boot MAC address {mac} is not among those of this machine ({}): it may be the wrong one. If it is right: rackhand apply --install {}",
        shown.join(", "),
        wanted.node
    ))
}

/// What comes next, given what is served. Call it only past the gate; `job` is `None` to see how a new one begins.
#[must_use]
pub fn next(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>, served: &Served) -> Next {
    if job.is_some_and(|job| job.done(&install_power_on())) {
        return follow(wanted, observed, job, served);
    }
    firmware::prepare(wanted, observed, job, served)
        .or_else(|| settings::prepare_mode(wanted, observed, job))
        .or_else(|| prepare_bios(wanted, observed, job))
        .or_else(|| prepare_storage(wanted, observed, job))
        .or_else(|| settings::prepare_secure_boot(wanted, observed, job))
        .or_else(|| off_for_install(observed, job))
        .or_else(|| boot::arm(wanted, observed, job, served))
        .unwrap_or_else(|| Next::Act(install_power_on()))
}

/// BIOS settings, one stage after the other: off, stage, hold in setup, on, verify.
fn prepare_bios(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> Option<Next> {
    let bios = observed.bios.as_ref().filter(|_| !wanted.bios.is_empty())?;
    let stage = bios.plan.stages.first()?;
    let key = stage_key(stage, job);
    let purpose = PowerPurpose::BiosStage { stage: key.clone() };
    let power_on = Act::PowerOn { purpose };
    let stage_act = Act::StageBios { stage: key.clone(), attributes: stage.attributes.clone() };
    let staged_by_us = job.and_then(|job| job.act(&stage_act));
    if job.is_some_and(|job| job.done(&power_on)) {
        let undecided = staged_by_us.is_some_and(|known| known.result == Some(ActResult::Undecidable));
        return Some(Next::VerifyBios { mark: stage_mark(job, &key), key, stage: stage.clone(), undecided });
    }
    if !observed.is_off() {
        return Some(Next::Act(power_off(job)));
    }
    // What the BMC shows counts; where it shows nothing, what the journal knows.
    let staged = bios.shows_pending(stage).unwrap_or_else(|| {
        staged_by_us.is_some_and(|known| known.is_done() || known.result == Some(ActResult::Undecidable))
    });
    if !staged {
        return Some(Next::Act(stage_act));
    }
    Some(held_boot(observed, PowerPurpose::BiosStage { stage: key }))
}

/// Volumes: with the host on and held in setup, where every controller can be seen and worked on; what still does not
/// show then gets one more boot.
fn prepare_storage(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> Option<Next> {
    if wanted.storage.is_empty() {
        return None;
    }
    let fail = |error: String| Some(Next::Fail { step: StepId::Storage, error });
    let Some(view) = &observed.storage else { return fail("this BMC shows no storage any more".to_owned()) };
    let plan = volume_plan(wanted, view, job);
    let whole = view.partial.is_none();
    if whole && plan.is_nothing() {
        return None;
    }
    let boot = boots_for(job, |purpose| matches!(purpose, PowerPurpose::Storage { .. }));
    let on_by_us = job.is_some_and(|job| running_boot(job).is_some());
    if observed.is_off() {
        // After a boot for it the host goes off when something waits for another, or all was seen as wanted. An iLO shows
        // of a host that is off again only a part, which says nothing against that.
        if !whole && boot > 0 && !job.is_some_and(waits_for_boot) {
            return None;
        }
        return Some(held_boot(observed, PowerPurpose::Storage { boot: boot + 1 }));
    }
    if !on_by_us {
        return Some(Next::Act(power_off(job)));
    }
    if !whole || observed.storage_busy.is_some() {
        return Some(Next::Await(Await::Storage));
    }
    if !plan.problems.is_empty() {
        return fail(plan.problems.join("; "));
    }
    let delete = plan.delete.iter().map(|doomed| Act::DeleteVolume {
        volume: doomed.volume.clone(),
        name: doomed.name.clone(),
        what: doomed.what.clone(),
    });
    let create = plan.create.iter().map(|volume| Act::CreateVolume { volume: volume.clone() });
    let act = delete.chain(create).next()?;
    let sent = job
        .and_then(|job| job.act(&act))
        .is_some_and(|known| known.is_done() || known.result == Some(ActResult::Undecidable));
    if !sent {
        return Some(Next::Act(act));
    }
    // Accepted, and it does not show: it waits for a reset. One is enough.
    let since = job.map_or(0, |job| boots_since(job, &act));
    Some(if since == 0 { Next::Act(power_off(job)) } else { Next::Await(Await::Storage) })
}

fn volume_plan(wanted: &Wanted, view: &StorageView, job: Option<&JobHistory>) -> VolumePlan {
    let deleted = |id: &VolumeId| {
        job.is_some_and(|job| {
            job.acts.iter().any(|known| {
                matches!(&known.act, Act::DeleteVolume { volume, .. } if volume == id) && known.is_done()
            })
        })
    };
    volumes(wanted, view, deleted)
}

/// Whether a change of volumes was sent that is to show at a boot which it has not had.
fn waits_for_boot(job: &JobHistory) -> bool {
    job.acts.iter().any(|known| {
        matches!(known.act, Act::CreateVolume { .. } | Act::DeleteVolume { .. })
            && known.result == Some(ActResult::Undecidable)
            && boots_since(job, &known.act) == 0
    })
}

/// How often the host was switched on for its storage after an act was intended.
fn boots_since(job: &JobHistory, act: &Act) -> usize {
    let later = job.acts.iter().skip_while(|known| known.act != *act);
    later
        .filter(|known| {
            matches!(known.act, Act::PowerOn { purpose: PowerPurpose::Storage { .. } }) && known.is_done()
        })
        .count()
}

fn off_for_install(observed: &Observed, job: Option<&JobHistory>) -> Option<Next> {
    (!observed.is_off()).then(|| Next::Act(power_off(job)))
}

/// After the host was switched on to install.
fn follow(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>, served: &Served) -> Next {
    let Some(job) = job else { return Next::Await(Await::Boot) };
    match wanted.follow {
        Follow::NotObservable => match boot_seen(job, observed, served.way) {
            Some(seen) => Next::Finish(JobResult::BootedNotObservable { seen }),
            None => Next::Await(Await::Boot),
        },
        Follow::CallBack => follow_call_backs(observed, job, served),
    }
}

/// The strongest sign that the image was booted, for a node whose installation nothing reports. An operating system that
/// boots may be the old one where the host has to fetch its installer first: firmware that cannot goes on with the disk.
fn boot_seen(job: &JobHistory, observed: &Observed, way: BootWay) -> Option<String> {
    let progress = observed.view.progress;
    let boots = matches!(progress, HostProgress::OsBooting | HostProgress::OsRunning);
    if boots && way == BootWay::VirtualMedia {
        return Some(format!("the BMC shows the host as {progress:?}"));
    }
    let mut signs = job.evidence.iter().rev().map(|(seen, _)| seen);
    let sign =
        signs.find(|seen| matches!(seen, Evidence::ImageComplete { .. } | Evidence::CalledBack { .. }))?;
    Some(format!("the host is on, and {sign}"))
}

/// The stages that an installation names once its disk is written, in the words of the assisted-service.
const WRITTEN: [&str; 4] = ["Rebooting", "Configuring", "Joined", "Done"];

/// What an installer said of its own end, if that was a bad one: it takes no look at the host to know it.
pub(crate) fn installer_failed(job: &JobHistory) -> Option<String> {
    job.called_back("Failed").then(|| "the installer called back: Failed".to_owned())
}

fn follow_call_backs(observed: &Observed, job: &JobHistory, served: &Served) -> Next {
    if let Some(error) = installer_failed(job) {
        return Next::Fail { step: StepId::Follow, error };
    }
    if boot::is_left_armed(observed, served)
        && job.evidence.iter().any(|(seen, _)| matches!(seen, Evidence::CalledBack { .. }))
    {
        // The installer runs, and the override was not used up by its boot (sushy-tools shows every override as
        // Continuous): left so, the reset after the disk write would boot the installer again.
        return Next::Act(Act::ClearBootOverride);
    }
    if !WRITTEN.iter().any(|stage| job.called_back(stage)) {
        return Next::Await(Await::DiskWritten);
    }
    let done = job.called_back("Done");
    let ours = observed.slots.iter().find(|slot| slot.image.as_deref() == Some(served.image.as_str()));
    if let Some(slot) = ours {
        // The live root is in use until the host has been reset after writing the disk.
        if !done && !job.saw(&Evidence::HostReset) && !job.saw(&Evidence::NoResetSeen) {
            return Next::Await(Await::Reset);
        }
        return Next::Act(Act::Eject { slot: slot.id.clone(), url: served.image.clone() });
    }
    if !done {
        return Next::Await(Await::Installed);
    }
    Next::Finish(JobResult::Installed)
}
