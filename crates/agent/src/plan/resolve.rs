//! Deciding an act that a killed process left without an outcome.

use rackhand_bmc::{BiosStage, BootTarget, MediaSlot, PowerOffPolicy, PowerState};

use super::{Observed, firmware, running_boot};
use crate::{
    event::{Act, ActResult},
    history::JobHistory,
};

/// What became of an act whose outcome was never written, by what is observed now.
///
/// Only valid once everything that was in flight must have arrived: a write can arrive after its reader.
#[must_use]
pub fn resolve(act: &Act, observed: &Observed) -> ActResult {
    let found = match act {
        Act::PowerOff { .. } => observed.view.power == PowerState::Off,
        Act::PowerOn { .. } => matches!(observed.view.power, PowerState::On | PowerState::PoweringOn),
        Act::StageBios { attributes, .. } => {
            let stage = BiosStage { attributes: attributes.clone(), reason: String::new() };
            let Some(bios) = &observed.bios else { return ActResult::Undecidable };
            let differs = bios.plan.stages.iter().any(|s| s.attributes == *attributes);
            match bios.shows_pending(&stage) {
                Some(pending) => pending || !differs,
                None if differs => return ActResult::Undecidable,
                None => true,
            }
        }
        Act::UpdateFirmware { update } => return firmware::resolve(update, observed),
        // A mode that is written shows at the next boot.
        Act::SetBootMode { mode } if observed.view.boot.mode == Some(*mode) => true,
        Act::SetBootMode { .. } => return ActResult::Undecidable,
        Act::SetSecureBoot { enabled } => {
            observed.secure_boot.and_then(|seen| seen.enabled) == Some(*enabled)
        }
        Act::CreateVolume { volume } => observed
            .storage
            .as_ref()
            .and_then(|view| view.volume_named(&volume.name))
            .is_some_and(|(_, there)| there.raid.as_ref() == Some(&volume.raid)),
        Act::DeleteVolume { volume, .. } => match &observed.storage {
            // What a partial view does not show may be there.
            Some(view) if view.partial.is_none() => {
                !view.controllers.iter().flat_map(|one| &one.volumes).any(|one| one.id == *volume)
            }
            _ => return ActResult::Undecidable,
        },
        Act::HoldInSetup { .. } => observed.armed(&BootTarget::BiosSetup),
        Act::Insert { slot, url } => observed.slots.iter().any(|seen| {
            seen.id == *slot && seen.image.as_deref() == Some(url.as_str()) && seen.problem.is_none()
        }),
        Act::EjectLeftover { slot, image } | Act::Eject { slot, url: image } => !observed
            .slots
            .iter()
            .any(|seen| seen.id == *slot && seen.image.as_deref() == Some(image.as_str())),
        Act::BootCdOnce => observed.armed(&BootTarget::Cd),
        Act::BootHttpOnce { url } => observed.armed_for_http(url),
        Act::BootPxeOnce { mode } => observed.view.boot.armed_in(&BootTarget::Pxe, *mode),
        Act::ClearBootOverride => !super::boot::is_armed_for_us(observed),
    };
    if found { ActResult::FoundDone } else { ActResult::FoundNotDone }
}

/// What takes back everything that a job prepared before it switched the host on to install: the host off again where
/// the job had switched it on for something else, the medium out, the boot override gone.
#[must_use]
pub fn undo(observed: &Observed, job: &JobHistory) -> Vec<Act> {
    let mut acts = Vec::new();
    if let Some(purpose) = running_boot(job).filter(|_| observed.view.power != PowerState::Off) {
        acts.push(Act::PowerOff { purpose, policy: PowerOffPolicy::Force });
    }
    // A service that mounts what it is to fetch over HTTP (sushy-tools) has it in a slot too.
    let ours = |image: &str| {
        job.acts.iter().any(
            |known| matches!(&known.act, Act::Insert { url, .. } | Act::BootHttpOnce { url } if url == image),
        )
    };
    // Accepted and never shown: it may yet be attached.
    let unseen = |slot: &MediaSlot| {
        job.acts.iter().find_map(|known| match (&known.act, &known.result) {
            (Act::Insert { slot: id, url }, Some(ActResult::Failed { .. }))
                if *id == slot.id && slot.is_empty() =>
            {
                Some(url).filter(|url| !job.done(&Act::Eject { slot: id.clone(), url: (*url).clone() }))
            }
            _ => None,
        })
    };
    for slot in &observed.slots {
        if let Some(url) = slot.image.as_ref().filter(|image| ours(image)).or_else(|| unseen(slot)) {
            acts.push(Act::Eject { slot: slot.id.clone(), url: url.clone() });
        }
    }
    let armed_by_us = job.acts.iter().any(|known| match &known.act {
        Act::BootCdOnce => observed.armed(&BootTarget::Cd),
        Act::BootHttpOnce { url } => observed.armed_for_http(url),
        Act::BootPxeOnce { .. } => observed.armed(&BootTarget::Pxe),
        Act::HoldInSetup { .. } => observed.armed(&BootTarget::BiosSetup),
        _ => false,
    });
    if armed_by_us {
        acts.push(Act::ClearBootOverride);
    }
    acts
}
