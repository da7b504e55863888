//! The arithmetic of RAID, and what a controller refuses.

use super::inventory::{Controller, Drive};
use super::storage::{DriveState, NewVolume, StorageAct, StorageProblem, StorageRules};

/// The controller's own name of a level, and the size of the largest volume of the drives that are wanted.
///
/// # Errors
/// When such a volume cannot be made.
pub(super) fn layout(owner: &Controller, wanted: &NewVolume) -> Result<(&'static str, u64), StorageProblem> {
    let level = owner.raid.iter().find(|level| level.eq_ignore_ascii_case(&wanted.raid));
    let level = *level.ok_or_else(|| StorageProblem::NoLevel(wanted.raid.clone()))?;
    let drives = wanted.drives.iter().map(|id| at_rest(owner, id)).collect::<Result<Vec<_>, _>>()?;
    let count = drives.len();
    let many = u64::try_from(count).unwrap_or(u64::MAX);
    let even = count % 2 == 0;
    let parts = match level {
        "RAID0" if count >= 1 => many,
        "RAID1" if count == 2 => 1,
        "RAID5" if count >= 3 => many - 1,
        "RAID6" if count >= 4 => many - 2,
        "RAID10" if count >= 4 && even => many / 2,
        "RAID50" if count >= 6 && even => many - 2,
        "RAID60" if count >= 8 && even => many - 4,
        _ => return Err(StorageProblem::DriveCount { raid: level.into(), drives: count }),
    };
    let kind = |drive: &&Drive| (drive.media, drive.protocol);
    if drives.iter().any(|drive| drives.first().map(&kind) != Some(kind(drive))) {
        return Err(StorageProblem::Mixed);
    }
    let repeated = |(at, id): (usize, &String)| wanted.drives.iter().skip(at + 1).any(|other| other == id);
    if wanted.drives.iter().enumerate().any(repeated) {
        return Err(StorageProblem::DriveCount { raid: level.into(), drives: count });
    }
    let smallest = drives.iter().map(|drive| drive.usable()).min().unwrap_or(0);
    Ok((level, smallest.saturating_mul(parts)))
}

/// The drive, if it can become part of a volume.
fn at_rest<'a>(owner: &'a Controller, id: &str) -> Result<&'a Drive, StorageProblem> {
    let drive = owner.drive(id).ok_or_else(|| StorageProblem::NoDrive(id.into()))?;
    if drive.state == owner.rest && owner.volumes_of(id).next().is_none() {
        return Ok(drive);
    }
    free(owner, id)
}

/// The drive, if it is at the controller's disposal.
fn free<'a>(owner: &'a Controller, id: &str) -> Result<&'a Drive, StorageProblem> {
    let drive = owner.drive(id).ok_or_else(|| StorageProblem::NoDrive(id.into()))?;
    if drive.state == DriveState::Ready && owner.volumes_of(id).next().is_none() {
        return Ok(drive);
    }
    Err(in_use(owner, drive))
}

fn in_use(owner: &Controller, drive: &Drive) -> StorageProblem {
    let state = match owner.volumes_of(&drive.id).next() {
        Some(volume) => format!("part of the volume {}", volume.id),
        None => drive.state.word().to_owned(),
    };
    StorageProblem::DriveInUse { drive: drive.id.clone(), state }
}

/// A drive in one of the states given, and in no volume.
fn idle(owner: &Controller, id: &str, states: &[DriveState]) -> Result<(), StorageProblem> {
    let drive = owner.drive(id).ok_or_else(|| StorageProblem::NoDrive(id.into()))?;
    let good = states.contains(&drive.state) && owner.volumes_of(id).next().is_none();
    if good { Ok(()) } else { Err(in_use(owner, drive)) }
}

fn volume(owner: &Controller, id: &str) -> Result<(), StorageProblem> {
    owner.volume(id).map(|_| ()).ok_or_else(|| StorageProblem::NoVolume(id.into()))
}

fn name(name: &str, rules: &StorageRules) -> Result<(), StorageProblem> {
    let length = name.chars().count();
    let max = rules.name_max;
    if (1..=max).contains(&length) {
        return Ok(());
    }
    Err(StorageProblem::Name { name: name.into(), max })
}

/// Whether a controller would do that.
///
/// # Errors
/// When it would not.
pub(super) fn check(
    owner: &Controller,
    act: &StorageAct,
    rules: &StorageRules,
) -> Result<(), StorageProblem> {
    use DriveState::{DedicatedSpare, Foreign, GlobalSpare, NonRaid, Ready};
    match act {
        StorageAct::Create(wanted) => {
            if let Some(wanted) = &wanted.name {
                name(wanted, rules)?;
            }
            let (_, most) = layout(owner, wanted)?;
            match wanted.bytes {
                Some(bytes) if bytes == 0 || bytes > most => Err(StorageProblem::Size { bytes, most }),
                _ => Ok(()),
            }
        }
        StorageAct::Delete(id) | StorageAct::Initialize { volume: id, .. } => volume(owner, id),
        StorageAct::Rename { volume: id, name: wanted } => {
            volume(owner, id)?;
            name(wanted, rules)
        }
        StorageAct::ToHost(drives) => {
            drives.iter().try_for_each(|id| idle(owner, id, &[Ready, GlobalSpare, DedicatedSpare]))
        }
        StorageAct::ToRaid(drives) => {
            drives.iter().try_for_each(|id| idle(owner, id, &[NonRaid, Ready, Foreign]))
        }
        StorageAct::Spare { drive, volumes } => {
            free(owner, drive)?;
            volumes.iter().try_for_each(|id| volume(owner, id))
        }
        StorageAct::Unspare(drive) => idle(owner, drive, &[GlobalSpare, DedicatedSpare]),
        StorageAct::Erase(drive) => {
            idle(owner, drive, &[Ready, NonRaid, Foreign])?;
            let able = owner.drive(drive).is_some_and(|one| one.erasable);
            if able { Ok(()) } else { Err(StorageProblem::NotErasable(drive.clone())) }
        }
        StorageAct::ClearForeign | StorageAct::ResetAll => Ok(()),
    }
}
