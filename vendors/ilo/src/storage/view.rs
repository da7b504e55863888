//! Reading controllers, drives and volumes as Redfish has them; HPE's own tree of array controllers beside them.

use rackhand_bmc::{
    ControllerId, DriveId, DriveState, RaidLevel, Result, Skipped, StorageController, StorageDrive,
    StorageView, StorageVolume, VolumeId,
};
use rackhand_redfish::{Document, same_resource};

use super::smart;
use crate::{
    dialect::undiscovered,
    quirks::{self, Hpe},
};

/// Reads every controller with its drives and volumes.
pub(super) async fn read(hpe: &Hpe) -> Result<StorageView> {
    let mut view = StorageView::default();
    if hpe.on(quirks::DISCOVERY) {
        let seen = undiscovered(&hpe.system().await?);
        view.partial = seen.map(|seen| {
            format!("{seen}; drives and volumes are complete once it is vMainDeviceDiscoveryComplete")
        });
    }
    let mut serials = Vec::new();
    if let Some(uri) = hpe.machine.system.link("Storage") {
        let found = hpe.client.collection(uri).await?;
        view.skipped.extend(found.skipped);
        for document in &found.documents {
            let facts = facts(hpe, document, &mut view.skipped).await;
            serials.extend(facts.str("SerialNumber").map(str::to_owned));
            view.controllers.push(controller(hpe, document, &facts, &mut view.skipped).await?);
        }
    }
    if hpe.on(quirks::SMART_STORAGE) {
        smart::read(hpe, &serials, &mut view).await?;
    }
    Ok(view)
}

/// Whether volumes can be created in a collection: RDE controllers say so beside its members (R5b, R6, R7).
pub(super) fn makes_volumes(collection: &Document) -> bool {
    let uses = collection.view().list("@Redfish.CollectionCapabilities/Capabilities");
    uses.into_iter().any(|one| one.str("UseCase") == Some("VolumeCreation"))
}

/// The controller's own facts: in a collection, or inside the Storage (direct NVMe of iLO 5).
async fn facts(hpe: &Hpe, storage: &Document, skipped: &mut Vec<Skipped>) -> Document {
    let inside = storage.view().list("StorageControllers").into_iter().next();
    if let Some(inside) = inside.filter(|inside| inside.at("Model").is_some()) {
        return Document::new(storage.uri(), None, inside.value().clone());
    }
    let none = Document::new(storage.uri(), None, serde_json::Value::Null);
    let Some(uri) = storage.link("Controllers") else { return none };
    match hpe.client.collection(uri).await {
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

async fn controller(
    hpe: &Hpe,
    storage: &Document,
    facts: &Document,
    skipped: &mut Vec<Skipped>,
) -> Result<StorageController> {
    let links: Vec<String> = storage.links("Drives").into_iter().map(str::to_owned).collect();
    let drives = hpe.client.each(&links).await;
    skipped.extend(drives.skipped);
    let (mut volumes, mut can_create) = (Vec::new(), false);
    if let Some(uri) = storage.link("Volumes") {
        match hpe.client.get(uri).await {
            Ok(collection) => {
                can_create = makes_volumes(&collection);
                let found = hpe.client.collection(uri).await?;
                skipped.extend(found.skipped);
                volumes = found.documents.iter().map(|one| volume(hpe, one)).collect();
            }
            Err(error) if error.kind().is_transient() => return Err(error),
            Err(error) => skipped.push(Skipped { what: uri.to_owned(), why: error.to_string() }),
        }
    }
    let has_volumes = storage.link("Volumes").is_some();
    let is_there = |one: &&Document| !hpe.on(quirks::EMPTY_BAYS) || one.str("Status/State") != Some("Absent");
    let drives = drives.documents.iter().filter(is_there);
    let drives = drives.map(|one| drive(one, state(one, &volumes, has_volumes))).collect();
    let levels = facts.strings("SupportedRAIDTypes").into_iter().filter(|level| *level != "None");
    Ok(StorageController {
        id: ControllerId(storage.uri().to_owned()),
        name: storage.id().to_owned(),
        model: facts.str("Model").or_else(|| storage.str("Name")).map(str::to_owned),
        raid_levels: levels.map(RaidLevel::parse).collect(),
        can_create,
        drives,
        volumes,
    })
}

fn volume(hpe: &Hpe, document: &Document) -> StorageVolume {
    let given = document.str("DisplayName").filter(|_| hpe.on(quirks::DISPLAY_NAME));
    StorageVolume {
        id: VolumeId(document.uri().to_owned()),
        name: given.or_else(|| document.str("Name")).map(str::to_owned),
        raid: document.str("RAIDType").map(RaidLevel::parse),
        bytes: document.u64("CapacityBytes"),
        drives: document.links("Links/Drives").into_iter().map(|uri| DriveId(uri.to_owned())).collect(),
    }
}

fn drive(document: &Document, state: DriveState) -> StorageDrive {
    let text = |name: &str| document.str(name).map(str::to_owned);
    let place = document.str("PhysicalLocation/PartLocation/ServiceLabel");
    StorageDrive {
        id: DriveId(document.uri().to_owned()),
        name: place.unwrap_or_else(|| document.id()).to_owned(),
        model: text("Model"),
        serial: text("SerialNumber"),
        bytes: document.u64("CapacityBytes"),
        media: text("MediaType"),
        protocol: text("Protocol"),
        state,
    }
}

/// What a drive is used for. A controller without volumes (direct NVMe) hands its drives to the host.
fn state(drive: &Document, volumes: &[StorageVolume], has_volumes: bool) -> DriveState {
    if drive.bool("FailurePredicted") == Some(true) || drive.str("Status/Health") == Some("Critical") {
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
    match drive.str("Status/State") {
        _ if !has_volumes => DriveState::NonRaid,
        // Of a controller with volumes, what the host does not see is free (R6).
        Some("StandbyOffline") => DriveState::Ready,
        // With a volume that could not be read.
        _ if !drive.links("Links/Volumes").is_empty() => DriveState::InVolume(Vec::new()),
        _ => DriveState::Unknown,
    }
}
