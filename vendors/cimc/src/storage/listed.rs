//! Storage as CIMC's Redfish lists it, with what stands in Cisco's own properties, each resource read once.

use rackhand_bmc::{
    ControllerId, DriveId, DriveState, ErrorKind, RaidLevel, Result, Skipped, StorageController,
    StorageDrive, StorageView, StorageVolume, VolumeId,
};
use rackhand_redfish::{Document, last_segment, same_resource};

use super::{array::M2, units};
use crate::{cisco::Cisco, dialect::partial};

/// Every controller that the System links.
pub(crate) async fn view(cisco: &Cisco) -> Result<StorageView> {
    let host = &cisco.host;
    let system = host.system().await?;
    let mut view = StorageView {
        partial: partial(&system).filter(|_| cisco.on("partial-inventory")),
        ..StorageView::default()
    };
    let uri = system.link("Storage").ok_or_else(|| host.lacks("Storage collection"))?;
    let found = host.client.collection(uri).await?;
    view.skipped = found.skipped;
    for document in &found.documents {
        let shown = controller(cisco, document, &mut view.skipped).await?;
        view.controllers.push(shown);
    }
    Ok(view)
}

async fn controller(
    cisco: &Cisco,
    document: &Document,
    skipped: &mut Vec<Skipped>,
) -> Result<StorageController> {
    let client = &cisco.host.client;
    let links: Vec<String> = document.links("Drives").into_iter().map(str::to_owned).collect();
    let drives = client.each(&links).await;
    skipped.extend(drives.skipped);
    let volumes = match document.link("Volumes") {
        None => Vec::new(),
        Some(uri) => match client.collection(uri).await {
            Ok(found) => {
                skipped.extend(found.skipped);
                found.documents
            }
            // Linked and not served: HBAs and NVMe groups make no volumes.
            Err(error) if *error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        },
    };
    let volumes: Vec<StorageVolume> = volumes.iter().map(|document| volume(cisco, document)).collect();
    let drives = drives.documents.iter().map(|document| drive(cisco, document, &volumes)).collect();
    let raid_levels = levels(cisco, document);
    Ok(StorageController {
        id: ControllerId(document.uri().to_owned()),
        name: document.id().to_owned(),
        model: document.str("StorageControllers/0/Model").map(str::to_owned),
        can_create: !raid_levels.is_empty(),
        raid_levels,
        drives,
        volumes,
    })
}

/// What a controller says it makes; the M.2 one makes mirrors whatever it says (m2-mirrors-only).
fn levels(cisco: &Cisco, document: &Document) -> Vec<RaidLevel> {
    if last_segment(document.uri()) == M2 && cisco.on("m2-mirrors-only") {
        return vec![RaidLevel::Raid1];
    }
    let said = document.strings("StorageControllers/0/SupportedRAIDTypes");
    said.into_iter().map(RaidLevel::parse).collect()
}

/// A volume, with its drives by their own links or by Cisco's spans (spans-oem).
fn volume(cisco: &Cisco, document: &Document) -> StorageVolume {
    let mut drives = document.links("Links/Drives");
    let spans = document.view().list("Links/Oem/Cisco/Spans");
    if drives.is_empty() && cisco.on("spans-oem") {
        drives = spans.iter().flat_map(|span| span.links("DrivesList")).collect();
    }
    let by_type = || RaidLevel::from_volume_type(document.str("VolumeType")?);
    StorageVolume {
        id: VolumeId(document.uri().to_owned()),
        name: document.str("Name").map(str::to_owned),
        raid: document.str("RAIDType").map(RaidLevel::parse).or_else(by_type),
        bytes: document.u64("CapacityBytes"),
        drives: drives.into_iter().map(|uri| DriveId(uri.to_owned())).collect(),
    }
}

/// A drive, used for what Cisco says (drive-state-oem), else for what its volumes tell.
fn drive(cisco: &Cisco, document: &Document, volumes: &[StorageVolume]) -> StorageDrive {
    let own =
        |volume: &&StorageVolume| volume.drives.iter().any(|member| same_resource(&member.0, document.uri()));
    let member_of: Vec<VolumeId> = volumes.iter().filter(own).map(|volume| volume.id.clone()).collect();
    let said = document.str("Oem/Cisco/DriveState").filter(|_| cisco.on("drive-state-oem"));
    let state = match units::state(said) {
        DriveState::InVolume(_) => DriveState::InVolume(member_of),
        DriveState::Unknown if !member_of.is_empty() => DriveState::InVolume(member_of),
        state => state,
    };
    let text = |name: &str| document.str(name).map(str::to_owned);
    StorageDrive {
        id: DriveId(document.uri().to_owned()),
        name: text("Name").unwrap_or_else(|| document.id().to_owned()),
        model: text("Model"),
        serial: text("SerialNumber"),
        bytes: document.u64("CapacityBytes"),
        media: text("MediaType"),
        protocol: text("Protocol"),
        state,
    }
}
