//! Volumes: what differs between those that are wanted and those that are there.
//!
//! A volume is found again by its name. What is there and not wanted is left alone; what stands in the way is a problem
//! that names it and all that is known of it, and goes only when somebody asked for that volume by name. A drive is
//! taken only when the BMC says that it is free: one that is foreign, handed to the host, or of which nothing is said,
//! may hold anything.

use rackhand_bmc::{
    DriveId, DriveState, NewVolume, StorageController, StorageDrive, StorageView, StorageVolume, VolumeId,
};
use serde::Serialize;

use crate::wanted::{DriveChoice, Wanted, WantedVolume};

const GIB: u64 = 1 << 30;

/// What is to be done about volumes, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct VolumePlan {
    /// Volumes that go, with all that is on them. Each was asked for by name.
    pub delete: Vec<Doomed>,
    /// Volumes that are made.
    pub create: Vec<NewVolume>,
    /// Why it cannot be done, each a sentence.
    pub problems: Vec<String>,
}

impl VolumePlan {
    /// Whether there is nothing to do and nothing wrong.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.delete.is_empty() && self.create.is_empty() && self.problems.is_empty()
    }
}

/// A volume that is to go.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Doomed {
    /// Which.
    pub volume: VolumeId,
    /// Its name.
    pub name: String,
    /// What is known of it, for people.
    pub what: String,
}

/// What differs. `gone` tells of a volume whether this job has deleted it already: what stands under its id again is
/// what this job made.
#[must_use]
pub fn volumes(wanted: &Wanted, view: &StorageView, gone: impl Fn(&VolumeId) -> bool) -> VolumePlan {
    let mut plan = VolumePlan::default();
    for name in &wanted.storage.delete {
        match view.volume_named(name) {
            Some((_, volume)) if gone(&volume.id) => {}
            Some((controller, volume)) => plan.delete.push(Doomed {
                volume: volume.id.clone(),
                name: name.clone(),
                what: described(controller, volume),
            }),
            None => {}
        }
    }
    let mut taken: Vec<DriveId> = Vec::new();
    for volume in &wanted.storage.volumes {
        let doomed = plan.delete.iter().any(|doomed| doomed.name == volume.name);
        match view.volume_named(&volume.name).filter(|_| !doomed) {
            Some((controller, there)) => {
                if let Some(differs) = difference(volume, there) {
                    plan.problems.push(format!(
                        "volume {} is there and {differs}: {}. It is not touched; to have it deleted with all that is on it and made anew: rackhand apply --delete-volume {}={}",
                        volume.name,
                        described(controller, there),
                        wanted.node,
                        volume.name
                    ));
                }
            }
            None => match choose(wanted, volume, view, &plan.delete, &taken) {
                Ok(new) => {
                    taken.extend(new.drives.iter().cloned());
                    plan.create.push(new);
                }
                Err(why) => plan.problems.push(why),
            },
        }
    }
    plan
}

fn difference(wanted: &WantedVolume, there: &StorageVolume) -> Option<String> {
    match &there.raid {
        Some(raid) if *raid != wanted.raid => return Some(format!("is {raid}, not {}", wanted.raid)),
        Some(_) => {}
        None => return Some(format!("does not say whether it is {}", wanted.raid)),
    }
    let drives = there.drives.len();
    (drives != 0 && drives != wanted.drives.number())
        .then(|| format!("is made of {drives} drives, not {}", wanted.drives.number()))
}

/// A volume with all that is known of it.
fn described(controller: &StorageController, volume: &StorageVolume) -> String {
    let raid = volume.raid.as_ref().map_or_else(|| "of unknown level".to_owned(), ToString::to_string);
    let size = volume.bytes.map_or_else(|| "of unknown size".to_owned(), gib);
    let names: Vec<&str> = volume.drives.iter().map(|id| drive_name(controller, id)).collect();
    let on = controller.model.as_deref().unwrap_or(&controller.name);
    format!("{raid}, {size}, on the drives {} of {on}", names.join(", "))
}

fn gib(bytes: u64) -> String {
    format!("{} GiB", bytes / GIB)
}

fn drive_name<'a>(controller: &'a StorageController, id: &'a DriveId) -> &'a str {
    let found = controller.drives.iter().find(|drive| drive.id == *id);
    found.map_or(id.0.as_str(), |drive| drive.name.as_str())
}

/// The drives of a new volume: of the first controller that has them, the smallest size that does, in the BMC's order. So
/// the same machine always gets the same answer.
fn choose(
    wanted: &Wanted,
    volume: &WantedVolume,
    view: &StorageView,
    doomed: &[Doomed],
    taken: &[DriveId],
) -> Result<NewVolume, String> {
    let mut seen = Vec::new();
    for controller in view.controllers.iter().filter(|one| one.can_create) {
        let named = |name: &String| controller.name == *name || controller.model.as_ref() == Some(name);
        if volume.controller.as_ref().is_some_and(|name| !named(name)) {
            continue;
        }
        if !controller.raid_levels.is_empty() && !controller.raid_levels.contains(&volume.raid) {
            seen.push(format!("{} makes no {}", controller.name, volume.raid));
            continue;
        }
        let free: Vec<&StorageDrive> = controller
            .drives
            .iter()
            .filter(|drive| is_free(drive, doomed) && !taken.contains(&drive.id))
            .collect();
        if let Some(drives) = pick(&volume.drives, &free) {
            return Ok(NewVolume {
                controller: controller.id.clone(),
                name: volume.name.clone(),
                raid: volume.raid.clone(),
                drives,
                bytes: volume.bytes,
            });
        }
        seen.push(format!("{} has {}", controller.name, uses(controller, &free)));
    }
    let seen = if seen.is_empty() { "no controller makes volumes".to_owned() } else { seen.join("; ") };
    Err(format!(
        "volume {} needs {} on one controller: {seen}. A volume in the way goes only by its name: rackhand apply --delete-volume {}=NAME",
        volume.name, volume.drives, wanted.node
    ))
}

/// Whether a drive may be taken: it is free, or will be once those volumes are gone.
fn is_free(drive: &StorageDrive, doomed: &[Doomed]) -> bool {
    match &drive.state {
        DriveState::Ready => true,
        DriveState::InVolume(volumes) => {
            !volumes.is_empty()
                && volumes.iter().all(|volume| doomed.iter().any(|doomed| doomed.volume == *volume))
        }
        _ => false,
    }
}

fn pick(choice: &DriveChoice, free: &[&StorageDrive]) -> Option<Vec<DriveId>> {
    if !choice.ids.is_empty() {
        let named = |id: &String| free.iter().find(|drive| drive.name == *id || drive.id.0 == *id);
        return choice.ids.iter().map(|id| named(id).map(|drive| drive.id.clone())).collect();
    }
    let mut fitting: Vec<&&StorageDrive> = free
        .iter()
        .filter(|drive| choice.media.as_ref().is_none_or(|media| drive.media.as_ref() == Some(media)))
        .filter(|drive| choice.min_bytes.is_none_or(|least| drive.bytes.is_some_and(|bytes| bytes >= least)))
        .collect();
    // Stable: the BMC's order among drives of one size.
    fitting.sort_by_key(|drive| drive.bytes);
    let same_size = |from: usize| {
        let size = fitting.get(from)?.bytes;
        let group: Vec<DriveId> = fitting
            .iter()
            .filter(|drive| drive.bytes == size)
            .take(choice.count)
            .map(|drive| drive.id.clone())
            .collect();
        (group.len() == choice.count).then_some(group)
    };
    (0..fitting.len()).find_map(same_size)
}

/// What a controller's drives are used for, for people.
fn uses(controller: &StorageController, free: &[&StorageDrive]) -> String {
    if controller.drives.is_empty() {
        return "no drives".to_owned();
    }
    let used: Vec<String> = controller
        .drives
        .iter()
        .filter(|drive| !free.iter().any(|one| one.id == drive.id))
        .map(|drive| format!("{} ({})", drive.name, word(controller, &drive.state)))
        .collect();
    let kinds: Vec<String> = free
        .iter()
        .map(|drive| {
            let media = drive.media.as_deref().unwrap_or("unknown media");
            format!(
                "{} ({media}, {})",
                drive.name,
                drive.bytes.map_or_else(|| "unknown size".to_owned(), gib)
            )
        })
        .collect();
    match (kinds.is_empty(), used.is_empty()) {
        (true, _) => format!("none free: {}", used.join(", ")),
        (false, true) => format!("free {}", kinds.join(", ")),
        (false, false) => format!("free {}; not free {}", kinds.join(", "), used.join(", ")),
    }
}

fn word(controller: &StorageController, state: &DriveState) -> String {
    match state {
        DriveState::Ready => "taken by another volume of this plan".to_owned(),
        DriveState::InVolume(volumes) => {
            let name = |id: &VolumeId| {
                let found = controller.volumes.iter().find(|volume| volume.id == *id);
                found.and_then(|volume| volume.name.clone()).unwrap_or_else(|| id.to_string())
            };
            let names: Vec<String> = volumes.iter().map(name).collect();
            if names.is_empty() {
                "in a volume".to_owned()
            } else {
                format!("in volume {}", names.join(", "))
            }
        }
        DriveState::Spare => "a spare".to_owned(),
        DriveState::NonRaid => "handed to the host as it is; it may hold anything".to_owned(),
        DriveState::Foreign => "of another controller's configuration; it may hold anything".to_owned(),
        DriveState::Failed => "failed".to_owned(),
        _ => "of unknown use; it may hold anything".to_owned(),
    }
}

/// A volume to be made, for people.
#[must_use]
pub(super) fn describe_new(view: &StorageView, new: &NewVolume) -> String {
    let controller = view.controllers.iter().find(|one| one.id == new.controller);
    let names: Vec<&str> = match controller {
        Some(controller) => new.drives.iter().map(|id| drive_name(controller, id)).collect(),
        None => new.drives.iter().map(|id| id.0.as_str()).collect(),
    };
    let on = controller.map_or(new.controller.0.as_str(), |one| one.model.as_deref().unwrap_or(&one.name));
    let size = new.bytes.map(|bytes| format!(", {}", gib(bytes))).unwrap_or_default();
    format!("{} {}{size}, of the drives {} of {on}", new.raid, new.name, names.join(", "))
}

#[cfg(test)]
mod tests;
