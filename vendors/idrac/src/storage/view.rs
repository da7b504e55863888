//! Reading controllers, drives and volumes, by the names that Dell gives them (FQDDs).

use rackhand_bmc::{
    ControllerId, DriveId, DriveState, RaidLevel, Result, Skipped, StorageController, StorageDrive,
    StorageView, StorageVolume, VolumeId,
};
use rackhand_redfish::{Document, same_resource};

use crate::quirks::{self, Dell};

/// What the drive's own resource says of its use, in Dell's words.
const RAID_STATUS: &str = "Oem/Dell/DellPhysicalDisk/RaidStatus";

/// Reads every controller with its drives and volumes.
pub(super) async fn read(dell: &Dell) -> Result<StorageView> {
    let uri = dell.machine.system.link("Storage").ok_or_else(|| dell.lacks("Storage"))?;
    let found = dell.client.collection(uri).await?;
    let mut view = StorageView { skipped: found.skipped, ..StorageView::default() };
    for document in &found.documents {
        let controller = controller(dell, document, &mut view.skipped).await?;
        view.controllers.push(controller);
    }
    // Every PowerEdge has controllers: without any the inventory is not complete yet.
    if view.controllers.is_empty() {
        view.partial = Some(
            "the iDRAC shows no storage controller; it lists them once its inventory is complete".to_owned(),
        );
    }
    Ok(view)
}

async fn controller(
    dell: &Dell,
    document: &Document,
    skipped: &mut Vec<Skipped>,
) -> Result<StorageController> {
    let links: Vec<String> = document.links("Drives").into_iter().map(str::to_owned).collect();
    let drives = dell.client.each(&links).await;
    skipped.extend(drives.skipped);
    let (mut volumes, mut raw) = (Vec::new(), Vec::new());
    if let Some(uri) = document.link("Volumes") {
        match dell.client.collection(uri).await {
            Ok(found) => {
                skipped.extend(found.skipped);
                let (devices, made): (Vec<_>, Vec<_>) =
                    found.documents.into_iter().partition(|one| is_raw(one) && dell.on(quirks::RAW_VOLUMES));
                volumes = made.iter().map(volume).collect();
                raw = devices.iter().flat_map(drives_of).collect();
            }
            Err(error) if error.kind().is_transient() => return Err(error),
            Err(error) => skipped.push(Skipped { what: uri.to_owned(), why: error.to_string() }),
        }
    }
    let facts = facts(dell, document, skipped).await;
    let levels: Vec<RaidLevel> =
        facts.strings("SupportedRAIDTypes").into_iter().map(RaidLevel::parse).collect();
    let can_create = !levels.is_empty() && document.link("Volumes").is_some();
    let drives = drives
        .documents
        .iter()
        .map(|one| {
            let to_host = !can_create || raw.iter().any(|DriveId(uri)| same_resource(uri, one.uri()));
            drive(one, state(dell, one, &volumes, to_host))
        })
        .collect();
    Ok(StorageController {
        id: ControllerId(document.uri().to_owned()),
        name: document.id().to_owned(),
        model: facts.str("Model").or_else(|| document.str("Name")).map(str::to_owned),
        raid_levels: levels,
        can_create,
        drives,
        volumes,
    })
}

/// The controller's own facts: inside the Storage, or in the collection that recent firmware has instead.
async fn facts(dell: &Dell, storage: &Document, skipped: &mut Vec<Skipped>) -> Document {
    let inside = storage.view().list("StorageControllers").into_iter().next();
    if let Some(inside) = inside.filter(|inside| inside.at("SupportedRAIDTypes").is_some()) {
        return Document::new(storage.uri(), None, inside.value().clone());
    }
    let none = Document::new(storage.uri(), None, serde_json::Value::Null);
    let Some(uri) = storage.link("Controllers") else { return none };
    match dell.client.collection(uri).await {
        Ok(found) => {
            skipped.extend(found.skipped);
            found.documents.into_iter().next().unwrap_or(none)
        }
        Err(error) => {
            skipped.push(Skipped { what: uri.to_owned(), why: error.to_string() });
            none
        }
    }
}

/// Whether a volume is a drive that is handed to the host.
fn is_raw(volume: &Document) -> bool {
    volume.str("VolumeType") == Some("RawDevice") && volume.str("RAIDType").is_none()
}

fn drives_of(volume: &Document) -> Vec<DriveId> {
    volume.links("Links/Drives").into_iter().map(|uri| DriveId(uri.to_owned())).collect()
}

fn volume(document: &Document) -> StorageVolume {
    let by_type = || document.str("VolumeType").and_then(RaidLevel::from_volume_type);
    StorageVolume {
        id: VolumeId(document.uri().to_owned()),
        name: document.str("Name").map(str::to_owned),
        raid: document.str("RAIDType").map(RaidLevel::parse).or_else(by_type),
        bytes: document.u64("CapacityBytes"),
        drives: drives_of(document),
    }
}

fn drive(document: &Document, state: DriveState) -> StorageDrive {
    let text = |name: &str| document.str(name).map(str::to_owned);
    StorageDrive {
        id: DriveId(document.uri().to_owned()),
        name: document.id().to_owned(),
        model: text("Model"),
        serial: text("SerialNumber"),
        bytes: document.u64("CapacityBytes"),
        media: text("MediaType"),
        protocol: text("Protocol"),
        state,
    }
}

/// What a drive is used for. `to_host`: it stands among the volumes as a raw device, or its controller makes none.
fn state(dell: &Dell, drive: &Document, volumes: &[StorageVolume], to_host: bool) -> DriveState {
    let status = drive.str(RAID_STATUS).filter(|_| dell.on(quirks::RAID_STATUS));
    let ill = drive.bool("FailurePredicted") == Some(true) || drive.str("Status/Health") == Some("Critical");
    if ill || matches!(status, Some("Failed" | "Degraded" | "Blocked" | "Offline" | "Missing")) {
        return DriveState::Failed;
    }
    let holds =
        |volume: &&StorageVolume| volume.drives.iter().any(|DriveId(uri)| same_resource(uri, drive.uri()));
    let inside: Vec<VolumeId> = volumes.iter().filter(holds).map(|volume| volume.id.clone()).collect();
    if !inside.is_empty() {
        return DriveState::InVolume(inside);
    }
    if drive.str("HotspareType").is_some_and(|kind| kind != "None") {
        return DriveState::Spare;
    }
    match status {
        Some("Ready") => DriveState::Ready,
        Some("NonRAID") => DriveState::NonRaid,
        Some("Foreign") => DriveState::Foreign,
        // Online, with a volume that could not be read.
        Some("Online") => DriveState::InVolume(Vec::new()),
        _ if to_host && dell.on(quirks::RAW_VOLUMES) => DriveState::NonRaid,
        _ => DriveState::Unknown,
    }
}

/// Whether a drive is handed to the host now; `None` when it does not say.
pub(super) fn is_non_raid(drive: &Document) -> Option<bool> {
    match drive.str(RAID_STATUS)? {
        "NonRAID" => Some(true),
        "Ready" | "Online" | "Foreign" => Some(false),
        _ => None,
    }
}
