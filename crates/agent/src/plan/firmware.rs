//! Firmware updates: what differs between the versions that are wanted and those that are there, and the way of each.
//!
//! A wanted version counts as there when the inventory shows it. An update without a wanted version is made once for a
//! request, found again in the journal by its component and its file's digest, and proven by another version than before
//! or by its job's end. One update is at work at a time; what is written in POST gets one boot, held in setup.

use rackhand_bmc::{
    ComponentKind, FirmwareComponent, FirmwareInventory, JobRef, Mark, Operation, PowerState,
};
use serde::{Deserialize, Serialize};

use super::{
    Next, Observed, Served, ServedFirmware, boots_after, boots_for, held_boot, power_off, unverified,
};
use crate::{
    event::{Act, ActResult, FirmwareUpdate, PowerPurpose, StepId},
    history::{ActHistory, JobHistory},
    wanted::{Wanted, WantedFirmware},
};

/// What a BMC answered to an update that it accepted; kept as the mark of its act.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The job that carries it, where there is one.
    pub job: Option<JobRef>,
}

impl Accepted {
    /// As a mark in the journal.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(serde_json::to_string(self).unwrap_or_default())
    }

    /// From a mark in the journal; one that cannot be read still says that the update was accepted.
    #[must_use]
    pub fn of(mark: &Mark) -> Self {
        serde_json::from_str(&mark.0).unwrap_or_default()
    }
}

/// Whether a version, as the BMC writes it, is the one that somebody named: the same text, or among others as a word
/// (`U46 v1.78 (07/07/2023)` is `1.78`, and not `1.7`).
#[must_use]
pub fn is_version(shown: &str, named: &str) -> bool {
    let (shown, named) = (shown.trim().to_ascii_lowercase(), named.trim().to_ascii_lowercase());
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_';
    !named.is_empty()
        && shown.match_indices(&named).any(|(at, found)| {
            let (before, rest) = shown.split_at_checked(at).unwrap_or_default();
            let after = rest.strip_prefix(found).unwrap_or_default();
            let before = before.strip_suffix('v').unwrap_or(before);
            !before.ends_with(inner) && !after.starts_with(inner)
        })
}

/// Whether a version that is shown proves an update.
#[must_use]
pub fn proves(update: &FirmwareUpdate, shown: Option<&str>) -> bool {
    match (&update.to, &update.from, shown) {
        (Some(to), _, Some(shown)) => is_version(shown, to),
        (None, Some(from), Some(shown)) => from != shown,
        _ => false,
    }
}

fn is_there(wanted: &WantedFirmware, component: &FirmwareComponent) -> bool {
    match (&wanted.version, &component.version) {
        (Some(named), Some(shown)) => is_version(shown, named),
        _ => false,
    }
}

/// The updates whose files may have to be sent: all whose version is not there already.
#[must_use]
pub fn needed<'a>(wanted: &'a Wanted, observed: &Observed) -> Vec<&'a WantedFirmware> {
    let there = |one: &WantedFirmware| {
        let seen = observed.firmware.as_ref();
        seen.and_then(|seen| seen.find(&one.component)).is_some_and(|found| is_there(one, found))
    };
    wanted.firmware.iter().filter(|one| !there(one)).collect()
}

/// Why the updates that are wanted cannot be made.
pub(super) fn problems(wanted: &Wanted, observed: &Observed) -> Vec<String> {
    let needed = needed(wanted, observed);
    if needed.is_empty() {
        return Vec::new();
    }
    let Some(seen) = &observed.firmware else {
        return vec![
            "firmware updates are asked for, and this BMC does not show what is installed".to_owned(),
        ];
    };
    let mut problems: Vec<String> = needed.iter().filter_map(|one| unfit(one, seen)).collect();
    problems.extend(observed.capabilities.refusal(Operation::FirmwareUpdate));
    problems.extend(unverified(wanted, observed, Operation::FirmwareUpdate));
    problems
}

fn unfit(wanted: &WantedFirmware, inventory: &FirmwareInventory) -> Option<String> {
    let WantedFirmware { component, source, .. } = wanted;
    let Some(found) = inventory.find(component) else {
        let names: Vec<&str> = inventory.components.iter().map(|one| one.name.as_str()).collect();
        let unread: String = inventory
            .skipped
            .iter()
            .map(|skipped| format!("; {} could not be read: {}", skipped.what, skipped.why))
            .collect();
        return Some(format!(
            "{source} asks to update {component}, and the BMC's inventory has none or several of that name: {}{unread}",
            names.join(", ")
        ));
    };
    (found.updateable == Some(false)).then(|| {
        format!("{source} asks to update {component}, and the BMC says that {} cannot be", found.name)
    })
}

/// What comes next for the firmware.
pub(super) fn prepare(
    wanted: &Wanted,
    observed: &Observed,
    job: Option<&JobHistory>,
    served: &Served,
) -> Option<Next> {
    let seen = observed.firmware.as_ref()?;
    let fail = |error: String| Some(Next::Fail { step: StepId::Firmware, error });
    for one in &wanted.firmware {
        let Some(component) = seen.find(&one.component) else {
            return fail(format!("the BMC's inventory shows no {} any more", one.component));
        };
        if is_there(one, component) {
            continue;
        }
        let Some(file) = served.firmware.iter().find(|file| file.wanted == *one) else {
            return fail(format!(
                "{} had the wanted version and has it no more: {}",
                one.component,
                component.version.as_deref().unwrap_or("it shows none")
            ));
        };
        if let Some(next) = one_update(observed, job, file, component) {
            return Some(next);
        }
    }
    None
}

/// Whether an act of the journal is this file's update.
fn is_same(update: &FirmwareUpdate, file: &ServedFirmware) -> bool {
    update.component == file.wanted.component && update.sha256 == file.image.sha256
}

fn one_update(
    observed: &Observed,
    job: Option<&JobHistory>,
    file: &ServedFirmware,
    component: &FirmwareComponent,
) -> Option<Next> {
    let same =
        |known: &&ActHistory| matches!(&known.act, Act::UpdateFirmware { update } if is_same(update, file));
    // The last: sent again, it may have been served at another address.
    let sent = job.and_then(|job| job.acts.iter().filter(same).max_by_key(|known| known.intended_at));
    let by_journal = file.wanted.version.is_none();
    if by_journal && job.is_some_and(|job| job.updated.iter().any(|update| is_same(update, file))) {
        return None;
    }
    match (job, sent) {
        (_, Some(known)) if known.is_proven() && by_journal => None,
        (_, Some(known)) if known.is_proven() => {
            Some(Next::Fail { step: StepId::Firmware, error: not_the_version(&file.wanted, component) })
        }
        (Some(job), Some(known)) if known.is_sent() => Some(follow(observed, job, known, component)),
        (_, known) => Some(send(observed, job, known, file, component)),
    }
}

fn not_the_version(wanted: &WantedFirmware, component: &FirmwareComponent) -> String {
    format!(
        "the update of {} is over, and it has version {}, not {}",
        wanted.component,
        component.version.as_deref().unwrap_or("unknown"),
        wanted.version.as_deref().unwrap_or("another")
    )
}

/// An update that was sent: followed, and given one boot where it waits for that.
fn follow(observed: &Observed, job: &JobHistory, known: &ActHistory, component: &FirmwareComponent) -> Next {
    let is_boot = |purpose: &PowerPurpose| matches!(purpose, PowerPurpose::Firmware { .. });
    let booted = boots_after(job, known, is_boot) > 0;
    // What a killed process left undecided of a BMC's own update shows without a boot.
    let waits = known.result == Some(ActResult::Undecidable)
        && (known.mark().is_some() || component.kind != ComponentKind::Bmc);
    if waits && !booted {
        if !observed.is_off() {
            return Next::Act(power_off(Some(job)));
        }
        return held_boot(observed, PowerPurpose::Firmware { boot: boots_for(Some(job), is_boot) + 1 });
    }
    Next::VerifyFirmware { act: known.act.clone(), mark: known.mark().cloned(), kind: component.kind, booted }
}

/// Off first, and with the next boot held in setup where the host may be booted for it: by us, or by a BMC that does so
/// by itself.
fn send(
    observed: &Observed,
    job: Option<&JobHistory>,
    known: Option<&ActHistory>,
    file: &ServedFirmware,
    component: &FirmwareComponent,
) -> Next {
    if observed.view.power != PowerState::Off {
        return Next::Act(power_off(job));
    }
    if component.kind != ComponentKind::Bmc {
        let boot = boots_for(job, |purpose| matches!(purpose, PowerPurpose::Firmware { .. })) + 1;
        if let Next::Act(hold @ Act::HoldInSetup { .. }) =
            held_boot(observed, PowerPurpose::Firmware { boot })
        {
            return Next::Act(hold);
        }
    }
    // What was sent and came to nothing is sent again from the version that it was sent for.
    let from = match known.map(|known| &known.act) {
        Some(Act::UpdateFirmware { update }) => update.from.clone(),
        _ => component.version.clone(),
    };
    let update = FirmwareUpdate {
        component: file.wanted.component.clone(),
        target: component.id.clone(),
        from,
        to: file.wanted.version.clone(),
        url: file.image.url.clone(),
        sha256: file.image.sha256.clone(),
        verified: file.image.verified,
    };
    Next::Act(Act::UpdateFirmware { update })
}

/// What became of an update whose outcome was never written. What is not proven may be at work, or wait for a boot, where
/// nothing shows it: following it decides.
pub(super) fn resolve(update: &FirmwareUpdate, observed: &Observed) -> ActResult {
    let found = observed.firmware.as_ref().and_then(|seen| seen.find(&update.component));
    if found.is_some_and(|found| proves(update, found.version.as_deref())) {
        ActResult::FoundDone
    } else {
        ActResult::Undecidable
    }
}

/// The updates for people, each with what is there and what is to be there.
pub(super) fn described(wanted: &Wanted, observed: &Observed, job: Option<&JobHistory>) -> (bool, String) {
    let Some(seen) = &observed.firmware else {
        return (false, "this BMC does not show what is installed".to_owned());
    };
    let mut over = true;
    let each = wanted.firmware.iter().map(|one| {
        let name = &one.component;
        let found = seen.find(name);
        let shown = found.and_then(|found| found.version.as_deref()).unwrap_or("an unknown version");
        let by_journal = one.version.is_none()
            && job.is_some_and(|job| job.updated.iter().any(|done| done.component == *name));
        match &one.version {
            _ if found.is_some_and(|found| is_there(one, found)) => format!("{name} has {shown}"),
            None if by_journal => format!("{name} has {shown}; updated again only when its file has changed"),
            to => {
                over = false;
                let to = match to {
                    Some(to) => format!("to {to}"),
                    None => format!("with the file of {}", one.source),
                };
                format!("update {name} from {shown} {to}")
            }
        }
    });
    let text = each.collect::<Vec<_>>().join("; ");
    (over, text)
}

#[cfg(test)]
mod tests;
