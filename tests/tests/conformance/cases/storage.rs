//! Controllers, drives and volumes.

use rackhand_bmc::{
    DriveId, DriveState, DriveUse, Initialize, NewVolume, Operation, RaidLevel, StorageController,
    StorageView, VolumeId,
};

use super::{Case, Stop, expect};
use crate::rack::Rack;

const VOLUME: &str = "conformance";

async fn view(rack: &Rack) -> Result<StorageView, Stop> {
    Ok(rack.bmc.storage()?.view().await?)
}

/// What is there once POST has found it.
async fn whole_view(rack: &Rack) -> Result<StorageView, Stop> {
    let first = view(rack).await?;
    if first.partial.is_none() && controller(&first).is_ok() {
        return Ok(first);
    }
    rack.start().await?;
    view(rack).await
}

/// A controller that makes mirrors and has two free drives.
fn controller(view: &StorageView) -> Result<&StorageController, Stop> {
    let fits = |controller: &&StorageController| controller.can_create && free(controller).len() >= 2;
    let fitting = view.controllers.iter().find(fits);
    fitting.ok_or_else(|| Stop::Wrong(format!("no controller has two free drives: {view:?}")))
}

fn free(controller: &StorageController) -> Vec<DriveId> {
    // A drive of which nothing is said is never taken by itself; here it is somebody's choice.
    let is_free =
        |drive: &&rackhand_bmc::StorageDrive| matches!(drive.state, DriveState::Ready | DriveState::Unknown);
    controller.drives.iter().filter(is_free).map(|drive| drive.id.clone()).collect()
}

pub(super) async fn read(rack: &Rack) -> Case {
    let view = whole_view(rack).await?;
    expect(!view.controllers.is_empty() && view.skipped.is_empty(), || format!("{view:?}"))?;
    let drives: usize = view.controllers.iter().map(|controller| controller.drives.len()).sum();
    expect(drives > 0, || "no drive shows".to_owned())
}

async fn created(rack: &Rack) -> Result<VolumeId, Stop> {
    let before = whole_view(rack).await?;
    let controller = controller(&before)?;
    let drives: Vec<DriveId> = free(controller).into_iter().take(2).collect();
    let wanted = NewVolume {
        controller: controller.id.clone(),
        name: VOLUME.to_owned(),
        raid: RaidLevel::Raid1,
        drives: drives.clone(),
        bytes: None,
    };
    let outcome = rack.bmc.storage()?.create_volume(&wanted).await?;
    rack.settle(outcome).await?;
    let after = view(rack).await?;
    let found = after.volume_named(VOLUME).ok_or_else(|| format!("the volume does not show: {after:?}"))?.1;
    expect(found.raid == Some(RaidLevel::Raid1), || format!("it is {:?}", found.raid))?;
    let mut made_of = found.drives.clone();
    made_of.sort();
    let mut wanted_drives = drives;
    wanted_drives.sort();
    expect(made_of == wanted_drives, || format!("it is made of {made_of:?}, not {wanted_drives:?}"))?;
    let others: usize = before.controllers.iter().map(|one| one.volumes.len()).sum();
    let now: usize = after.controllers.iter().map(|one| one.volumes.len()).sum();
    expect(now == others + 1, || format!("{others} volumes became {now}"))?;
    Ok(found.id.clone())
}

pub(super) async fn create(rack: &Rack) -> Case {
    created(rack).await.map(|_| ())
}

pub(super) async fn delete(rack: &Rack) -> Case {
    rack.bmc.require(Operation::StorageWrite)?;
    let volume = created(rack).await?;
    let outcome = rack.bmc.storage()?.delete_volume(&volume).await?;
    rack.settle(outcome).await?;
    let after = view(rack).await?;
    expect(after.volume_named(VOLUME).is_none(), || "the volume still shows".to_owned())
}

pub(super) async fn initialize(rack: &Rack) -> Case {
    let volume = created(rack).await?;
    let outcome = rack.bmc.storage()?.initialize_volume(&volume, Initialize::Fast).await?;
    rack.settle(outcome).await?;
    let after = view(rack).await?;
    expect(after.volume_named(VOLUME).is_some(), || "the volume is gone".to_owned())
}

async fn state_of(rack: &Rack, drive: &DriveId) -> Result<DriveState, Stop> {
    let view = view(rack).await?;
    let mut drives = view.controllers.iter().flat_map(|controller| &controller.drives);
    let found = drives.find(|seen| seen.id == *drive).map(|seen| seen.state.clone());
    found.ok_or_else(|| Stop::Wrong(format!("drive {drive} does not show")))
}

pub(super) async fn convert(rack: &Rack) -> Case {
    let before = whole_view(rack).await?;
    let controller = controller(&before)?;
    let drive = free(controller).remove(0);
    for (to, wanted) in [(DriveUse::NonRaid, DriveState::NonRaid), (DriveUse::Raid, DriveState::Ready)] {
        let storage = rack.bmc.storage()?;
        let outcome = storage.convert_drives(&controller.id, std::slice::from_ref(&drive), to).await?;
        rack.settle(outcome).await?;
        let state = state_of(rack, &drive).await?;
        expect(state == wanted, || format!("converted to {to:?} the drive is {state:?}"))?;
    }
    Ok(())
}

/// A drive for a spare where a machine's own volume has taken the last: that volume goes.
async fn freed(rack: &Rack, controller: Option<&StorageController>) -> Result<DriveId, Stop> {
    let own = controller.and_then(|one| one.volumes.iter().find(|it| it.name.as_deref() != Some(VOLUME)));
    let own = own.ok_or_else(|| format!("no drive is left for a spare: {controller:?}"))?;
    let outcome = rack.bmc.storage()?.delete_volume(&own.id).await?;
    rack.settle(outcome).await?;
    let after = view(rack).await?;
    let drive = after.volume_named(VOLUME).and_then(|(controller, _)| free(controller).into_iter().next());
    Ok(drive.ok_or_else(|| format!("no drive came free: {after:?}"))?)
}

pub(super) async fn spare(rack: &Rack) -> Case {
    let volume = created(rack).await?;
    let after = view(rack).await?;
    let controller = after.volume_named(VOLUME).map(|(controller, _)| controller);
    let drive = match controller.and_then(|controller| free(controller).into_iter().next()) {
        Some(drive) => drive,
        None => freed(rack, controller).await?,
    };
    let outcome = rack.bmc.storage()?.assign_spare(&drive, Some(&volume)).await?;
    rack.settle(outcome).await?;
    let state = state_of(rack, &drive).await?;
    expect(state == DriveState::Spare, || format!("the drive is {state:?}"))
}

pub(super) async fn erase(rack: &Rack) -> Case {
    let before = whole_view(rack).await?;
    let drive = free(controller(&before)?).remove(0);
    let outcome = rack.bmc.storage()?.secure_erase(&drive).await?;
    rack.settle(outcome).await?;
    let state = state_of(rack, &drive).await?;
    expect(state == DriveState::Ready, || format!("the drive is {state:?}"))
}
