//! How a host boots the installer: which way it goes, and what is next on that way.

use rackhand_bmc::{BootMode, BootTarget, Operation};
use serde::Serialize;

use super::{Await, Next, Observed, Served, unverified};
use crate::{
    event::{Act, ActResult, StepId},
    history::{ActHistory, JobHistory},
    wanted::{BootWay, Wanted},
};

/// The way that a host boots the installer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootChoice {
    /// The way.
    pub way: BootWay,
    /// Why this one, for people.
    pub reason: String,
}

/// The first of the wanted ways that this machine can go.
///
/// # Errors
/// Why none of them can be gone, each a sentence, and what else could be asked for.
pub fn boot_way(wanted: &Wanted, observed: &Observed) -> Result<BootChoice, Vec<String>> {
    let mut passed = Vec::new();
    for way in &wanted.boot.ways {
        let against = hindrances(*way, wanted, observed);
        if against.is_empty() {
            let mut reason = wanted.boot.source.clone();
            for (other, why) in passed {
                reason = format!("{reason}; not {other}: {why}");
            }
            return Ok(BootChoice { way: *way, reason });
        }
        passed.push((*way, against.join(", ")));
    }
    Err(no_way(wanted, observed, passed))
}

/// Why a host cannot boot as it was asked for, and which other way it could go.
fn no_way(wanted: &Wanted, observed: &Observed, passed: Vec<(BootWay, String)>) -> Vec<String> {
    let several = passed.len() > 1;
    let mut said: Vec<String> =
        passed.into_iter().map(|(way, why)| if several { format!("no {way}: {why}") } else { why }).collect();
    let other = BootWay::ALL
        .into_iter()
        .find(|way| !wanted.boot.ways.contains(way) && hindrances(*way, wanted, observed).is_empty());
    if let Some(other) = other {
        said.push(format!(
            "this machine can boot by {other}; to have it so, annotate the node with rackhand.dev/boot, or say `boot` in its profile"
        ));
    }
    said
}

/// Why a host cannot boot that way; nothing when it can.
fn hindrances(way: BootWay, wanted: &Wanted, observed: &Observed) -> Vec<String> {
    let refusals = |operations: &[Operation]| -> Vec<String> {
        let mut said: Vec<String> =
            operations.iter().filter_map(|operation| observed.capabilities.refusal(*operation)).collect();
        // One cause keeps several operations away.
        said.dedup();
        said
    };
    match way {
        BootWay::VirtualMedia => {
            let mut against = refusals(&[Operation::BootCdOnce, Operation::MediaEject]);
            if observed.slot().is_none() {
                against
                    .push("the BMC offers no virtual media slot that takes an ISO image by URL".to_owned());
            }
            against
        }
        BootWay::UefiHttp => {
            let mut against = refusals(&[Operation::BootUefiHttpOnce]);
            against.extend(unverified(wanted, observed, Operation::BootUefiHttpOnce));
            if !observed.http_settings.is_empty() {
                against.extend(refusals(&[Operation::BiosRead, Operation::BiosStage]));
            }
            against.extend(observed.http_problems.iter().cloned());
            if wanted.boot_mode == Some(BootMode::Legacy) {
                against.push(
                    "the spec asks for legacy boot, and only UEFI fetches an image over HTTP".to_owned(),
                );
            }
            against
        }
        BootWay::Pxe => {
            let mut against = refusals(&[Operation::BootPxeOnce]);
            against.extend(unverified(wanted, observed, Operation::BootPxeOnce));
            if wanted.boot_mac.is_none() {
                against.push(
                    "a host that asks the network is known by its boot MAC address, and none is given"
                        .to_owned(),
                );
            }
            against
        }
    }
}

/// Everything between a host that is off and one that boots the image when it is switched on.
pub(super) fn arm(
    wanted: &Wanted,
    observed: &Observed,
    job: Option<&JobHistory>,
    served: &Served,
) -> Option<Next> {
    if served.way == BootWay::VirtualMedia
        && let Some(next) = mount(observed, job, &served.image)
    {
        return Some(next);
    }
    if is_armed(wanted, observed, served) {
        return None;
    }
    Some(Next::Act(match served.way {
        BootWay::VirtualMedia => Act::BootCdOnce,
        BootWay::UefiHttp => Act::BootHttpOnce { url: served.image.clone() },
        BootWay::Pxe => Act::BootPxeOnce { mode: wanted.boot_mode },
    }))
}

/// Whether the next boot is that of the image.
pub(super) fn is_armed(wanted: &Wanted, observed: &Observed, served: &Served) -> bool {
    match served.way {
        BootWay::VirtualMedia => observed.armed(&BootTarget::Cd),
        BootWay::UefiHttp => observed.armed_for_http(&served.image),
        BootWay::Pxe => observed.view.boot.armed_in(&BootTarget::Pxe, wanted.boot_mode),
    }
}

/// Whether a boot that way is still armed, however exactly: what is left once the installer runs is to go.
pub(super) fn is_left_armed(observed: &Observed, served: &Served) -> bool {
    match served.way {
        BootWay::VirtualMedia => observed.armed(&BootTarget::Cd),
        BootWay::UefiHttp => observed.armed(&BootTarget::UefiHttp) || observed.armed_for_http(&served.image),
        BootWay::Pxe => observed.armed(&BootTarget::Pxe),
    }
}

/// Whether the next boot goes to anything that a job arms.
pub(super) fn is_armed_for_us(observed: &Observed) -> bool {
    [BootTarget::Cd, BootTarget::UefiHttp, BootTarget::Pxe, BootTarget::BiosSetup]
        .iter()
        .any(|target| observed.armed(target))
}

fn mount(observed: &Observed, job: Option<&JobHistory>, image_url: &str) -> Option<Next> {
    let slot = observed.slot()?;
    if slot.holds(image_url) {
        return None;
    }
    let insert = Act::Insert { slot: slot.id.clone(), url: image_url.to_owned() };
    let inserted = job.and_then(|job| job.act(&insert));
    if slot.image.as_deref() == Some(image_url) && slot.problem.is_none() {
        // Named, not attached: on its way, unless waiting has shown that it never will be (iLO keeps the name of an
        // image that it could not reach while the process that served it was gone), or it was an earlier job that
        // inserted it.
        if inserted.is_none_or(|known| known.result == Some(ActResult::FoundNotDone)) {
            return Some(Next::Act(Act::EjectLeftover {
                slot: slot.id.clone(),
                image: image_url.to_owned(),
            }));
        }
        return Some(Next::Await(Await::Attached));
    }
    if inserted.is_some_and(ActHistory::is_done) {
        let seen = slot.problem.clone().unwrap_or_else(|| "the slot no longer holds it".to_owned());
        return Some(Next::Fail {
            step: StepId::Media,
            error: format!("{image_url} was attached in {} and is not any more: {seen}", slot.name),
        });
    }
    if slot.is_empty() {
        return Some(Next::Act(insert));
    }
    let image = slot.image.clone().unwrap_or_else(|| "medium".to_owned());
    Some(Next::Act(Act::EjectLeftover { slot: slot.id.clone(), image }))
}

#[cfg(test)]
mod tests;
