//! The whole way laid out for people: what `plan` prints.

use rackhand_bmc::{BootTarget, PowerState};
use serde::Serialize;

use super::{Observed, boot, firmware, install_power_on, settings, volumes};
use crate::{
    event::{StepId, StepResult},
    history::JobHistory,
    wanted::{BootWay, Follow, Wanted},
};

/// One step as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Which.
    pub step: StepId,
    /// Whether there is anything to do.
    pub state: StepState,
    /// What will be done, or why not.
    pub detail: String,
}

/// Whether a planned step has anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// Done earlier in this job.
    Done,
    /// As wanted already.
    AlreadySo,
    /// Nothing is asked for.
    NotRequired,
    /// To be done.
    Todo,
}

/// Lays out every step from what is observed now. Later steps may change once earlier ones are done: the engine plans
/// anew after each act, and what cannot be known yet says so.
#[must_use]
pub fn steps(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> Vec<PlannedStep> {
    let installing = job.is_some_and(|job| job.done(&install_power_on()));
    StepId::ALL
        .into_iter()
        .map(|step| {
            let ended = job
                .and_then(|job| job.steps.get(&step))
                .and_then(|known| known.ended.map(|(r, _)| (r, known)));
            if let Some((StepResult::Done, known)) = ended {
                return PlannedStep { step, state: StepState::Done, detail: known.detail.clone() };
            }
            if installing && step <= StepId::PowerOn {
                return PlannedStep {
                    step,
                    state: StepState::Done,
                    detail: "done before the host was switched on".to_owned(),
                };
            }
            let (state, detail) = describe(step, wanted, observed, job);
            PlannedStep { step, state, detail }
        })
        .collect()
}

fn describe(
    step: StepId,
    wanted: &Wanted,
    observed: &Observed,
    job: Option<&JobHistory>,
) -> (StepState, String) {
    use StepState::{AlreadySo, NotRequired, Todo};
    match step {
        StepId::Connect => {
            let who = &observed.identity;
            let model = who.model.as_deref().unwrap_or("unknown model");
            let serial = who.serial.as_deref().unwrap_or("unknown");
            (AlreadySo, format!("{} {model}, serial {serial}", who.generation))
        }
        StepId::Check => (Todo, "prepare the image and have its digest".to_owned()),
        StepId::PowerOff => match observed.view.power {
            PowerState::Off => (AlreadySo, "the host is off".to_owned()),
            state => (Todo, format!("the host is {state:?}: shut it down, by force if it does not")),
        },
        StepId::Firmware if wanted.firmware.is_empty() => (NotRequired, "no updates asked for".to_owned()),
        StepId::Firmware => match firmware::described(wanted, observed, job) {
            (true, detail) => (AlreadySo, detail),
            (false, detail) => (Todo, detail),
        },
        StepId::Bios => bios(wanted, observed, job),
        StepId::Storage => storage(wanted, observed),
        StepId::Media => media(wanted, observed, job),
        StepId::BootOnce => boot_once(wanted, observed, job),
        StepId::PowerOn => (Todo, "switch the host on: this installs it".to_owned()),
        StepId::Follow => match wanted.follow {
            Follow::CallBack => (Todo, "until the installed system calls back".to_owned()),
            Follow::NotObservable => {
                (Todo, "until the host has booted; the installation itself is not observable".to_owned())
            }
        },
        StepId::Eject if !has_medium(wanted, observed, job) => (NotRequired, "no medium".to_owned()),
        StepId::Eject => match wanted.follow {
            Follow::CallBack => (Todo, "after the reset that follows the disk write".to_owned()),
            Follow::NotObservable => {
                (NotRequired, "left in: nothing shows when the installer is done with it".to_owned())
            }
        },
        StepId::Settle => (Todo, "give the session back, report".to_owned()),
    }
}

/// How the host boots the installer: as the job has begun, else as it would be chosen now. With the reason, where one was made.
fn way(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> Option<(BootWay, Option<String>)> {
    if let Some(image) = job.and_then(|job| job.image.as_ref()) {
        return Some((image.way, None));
    }
    boot::boot_way(wanted, observed).ok().map(|choice| (choice.way, Some(choice.reason)))
}

/// Whether a medium is to be taken out in the end. A service may mount what it is to fetch over HTTP (sushy-tools).
fn has_medium(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> bool {
    let image = job.and_then(|job| job.image.as_ref());
    image.is_some_and(|image| observed.holds(&image.url))
        || way(wanted, observed, job).is_none_or(|(way, _)| way == BootWay::VirtualMedia)
}

fn media(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> (StepState, String) {
    match (way(wanted, observed, job), observed.slot()) {
        (Some((BootWay::VirtualMedia, _)), Some(slot)) if slot.is_empty() => {
            (StepState::Todo, format!("insert the image into {}", slot.name))
        }
        (Some((BootWay::VirtualMedia, _)), Some(slot)) => {
            let image = slot.image.as_deref().unwrap_or("a medium");
            (StepState::Todo, format!("{} holds {image}: eject it, then insert the image", slot.name))
        }
        (Some((way, _)), _) => (StepState::NotRequired, format!("it boots by {way}")),
        (None, _) => (StepState::Todo, "there is no way to boot the image".to_owned()),
    }
}

fn boot_once(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> (StepState, String) {
    use StepState::{AlreadySo, Todo};
    let (way, reason) = way(wanted, observed, job).unwrap_or_default();
    let (state, detail) = match way {
        BootWay::VirtualMedia if observed.armed(&BootTarget::Cd) => (AlreadySo, "the virtual CD is next"),
        BootWay::VirtualMedia => (Todo, "boot the virtual CD once"),
        BootWay::UefiHttp if fetches_next(observed, job) => (AlreadySo, "the image over HTTP is next"),
        BootWay::UefiHttp => (Todo, "have firmware fetch the image over HTTP, once"),
        BootWay::Pxe if observed.view.boot.armed_in(&BootTarget::Pxe, wanted.boot_mode) => {
            (AlreadySo, "the network is next")
        }
        BootWay::Pxe => (Todo, "boot from the network once"),
    };
    let because = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    (state, format!("{detail}{because}"))
}

/// Whether the next boot fetches the job's image. Of a job that has none yet nobody knows its address.
fn fetches_next(observed: &Observed, job: Option<&JobHistory>) -> bool {
    let image = job.and_then(|job| job.image.as_ref());
    image.is_some_and(|image| observed.armed_for_http(&image.url))
}

fn storage(wanted: &Wanted, observed: &Observed) -> (StepState, String) {
    if wanted.storage.is_empty() {
        return (StepState::NotRequired, "no volumes asked for".to_owned());
    }
    let names: Vec<&str> = wanted.storage.volumes.iter().map(|volume| volume.name.as_str()).collect();
    let Some(view) = &observed.storage else {
        return (StepState::Todo, "this BMC shows no storage".to_owned());
    };
    if let Some(why) = &view.partial {
        let detail = format!("see to {} once the host is on and held in setup: {why}", names.join(", "));
        return (StepState::Todo, detail);
    }
    let plan = volumes::volumes(wanted, view, |_| false);
    if plan.is_nothing() {
        return (StepState::AlreadySo, format!("volumes as wanted: {}", names.join(", ")));
    }
    let delete = plan
        .delete
        .iter()
        .map(|doomed| format!("DELETE volume {} and all that is on it ({})", doomed.name, doomed.what));
    let create = plan.create.iter().map(|new| format!("make {}", volumes::describe_new(view, new)));
    let parts: Vec<String> = delete.chain(create).chain(plan.problems.iter().cloned()).collect();
    (StepState::Todo, parts.join("; "))
}

fn bios(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> (StepState, String) {
    let mut parts = Vec::new();
    let by_http = way(wanted, observed, job).is_some_and(|(way, _)| way == BootWay::UefiHttp);
    // Once the image is prepared they are among the settings that are wanted.
    if by_http && job.is_none_or(|job| job.image.is_none()) && !observed.http_settings.is_empty() {
        parts.push(format!("set {} for HTTP boot", observed.http_settings.join(", ")));
    }
    if let Some((mode, shown)) = settings::other_mode(wanted, observed) {
        let (mode, shown) = (settings::mode_name(mode), settings::mode_name(shown));
        parts.push(format!("set the boot mode from {shown} to {mode}"));
    }
    if parts.is_empty() && wanted.bios.is_empty() && wanted.secure_boot.is_none() {
        return (StepState::NotRequired, "no settings asked for".to_owned());
    }
    if let Some(bios) = &observed.bios {
        let stages = &bios.plan.stages;
        for (number, stage) in stages.iter().enumerate() {
            let values: Vec<String> =
                stage.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let which = if stages.len() > 1 {
                format!("boot {} of {}: ", number + 1, stages.len())
            } else {
                String::new()
            };
            parts.push(format!("{which}set {}", values.join(", ")));
        }
    }
    let seen = observed.secure_boot.and_then(|seen| seen.enabled);
    if let Some(enabled) = wanted.secure_boot.filter(|enabled| seen == Some(!enabled)) {
        parts.push(format!("{} secure boot", if enabled { "enable" } else { "disable" }));
    } else if let Some(enabled) = wanted.secure_boot
        && observed.secure_boot.is_some_and(|seen| seen.current_boot == Some(!enabled))
    {
        parts.push("boot once more for secure boot, which is set and not taken up".to_owned());
    }
    if parts.is_empty() {
        return (StepState::AlreadySo, format!("{} attributes are as wanted", wanted.bios.len()));
    }
    (StepState::Todo, parts.join("; "))
}
