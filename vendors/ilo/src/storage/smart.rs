//! HPE's own array controllers (iLO 4 and 5), and SmartStorageConfig, which changes them at the next reset.
//!
//! What is written is always the whole list that waits, with the one change in it, under the guard Permissive: it lets
//! only the objects that are named be changed, so a volume that nobody named keeps its data even if the list was stale.

use rackhand_bmc::{
    Attributes, ControllerId, DriveId, DriveState, NewVolume, Outcome, Pending, RaidLevel, Result, Skipped,
    StorageController, StorageDrive, StorageView, StorageVolume, VolumeId,
};
use rackhand_redfish::{Collection, Document, Sent, same_resource, standard::bios};
use serde_json::{Value, json};

use crate::quirks::{Hpe, hp_link, oem_link};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SETTINGS: &str = "@Redfish.Settings/SettingsObject";

/// Adds array controllers to a view, but those that stand in it by their serial numbers.
pub(super) async fn read(hpe: &Hpe, known: &[String], view: &mut StorageView) -> Result<()> {
    let Some(uri) = oem_link(&hpe.machine.system, "SmartStorage") else { return Ok(()) };
    let root = hpe.client.get(uri).await?;
    let Some(uri) = hp_link(&root, "", "ArrayControllers") else { return Ok(()) };
    let found = hpe.client.collection(uri).await?;
    view.skipped.extend(found.skipped);
    let configured = configs(hpe).next().is_some();
    for array in &found.documents {
        let serial = array.str("SerialNumber");
        if serial.is_some_and(|serial| known.iter().any(|known| known == serial)) {
            continue;
        }
        view.controllers.push(controller(hpe, array, configured, &mut view.skipped).await?);
    }
    Ok(())
}

/// The resources that change array controllers: one each, linked by the System (iLO 5).
fn configs(hpe: &Hpe) -> impl Iterator<Item = &str> {
    hpe.machine.system.links("Oem/Hpe/SmartStorageConfig").into_iter()
}

async fn part(hpe: &Hpe, of: &Document, name: &str, skipped: &mut Vec<Skipped>) -> Result<Collection> {
    let Some(uri) = hp_link(of, "", name) else { return Ok(Collection::default()) };
    match hpe.client.collection(uri).await {
        Err(error) if error.kind().is_transient() => Err(error),
        Err(error) => {
            skipped.push(Skipped { what: uri.to_owned(), why: error.to_string() });
            Ok(Collection::default())
        }
        Ok(mut found) => {
            skipped.append(&mut found.skipped);
            Ok(found)
        }
    }
}

async fn controller(
    hpe: &Hpe,
    array: &Document,
    configured: bool,
    skipped: &mut Vec<Skipped>,
) -> Result<StorageController> {
    let disks = part(hpe, array, "PhysicalDrives", skipped).await?.documents;
    let mut volumes = Vec::new();
    for logical in part(hpe, array, "LogicalDrives", skipped).await?.documents {
        let made_of = part(hpe, &logical, "DataDrives", skipped).await?.documents;
        volumes.push(volume(&logical, &made_of, &disks));
    }
    // In HBA mode the host sees the drives themselves.
    let to_host = array.str("CurrentOperatingMode") == Some("HBA");
    let drives = disks.iter().map(|disk| drive(disk, state(disk, &volumes, to_host))).collect();
    Ok(StorageController {
        id: ControllerId(array.uri().to_owned()),
        name: array.str("Location").unwrap_or_else(|| array.id()).to_owned(),
        model: array.str("Model").map(str::to_owned),
        raid_levels: array.strings("SupportedRAIDTypes").into_iter().map(level).collect(),
        can_create: configured && !to_host,
        drives,
        volumes,
    })
}

/// The disk of the collection that a volume's own collection of data drives means, which has URIs of its own.
fn same_disk(one: &Document, other: &Document) -> bool {
    let serial = |disk: &Document| disk.str("SerialNumber").map(str::to_owned);
    same_resource(one.uri(), other.uri()) || (serial(one).is_some() && serial(one) == serial(other))
}

fn volume(logical: &Document, made_of: &[Document], disks: &[Document]) -> StorageVolume {
    let drives = made_of.iter().map(|disk| {
        let listed = disks.iter().find(|listed| same_disk(listed, disk)).unwrap_or(disk);
        DriveId(listed.uri().to_owned())
    });
    StorageVolume {
        id: VolumeId(logical.uri().to_owned()),
        name: logical.str("LogicalDriveName").map(str::to_owned),
        raid: logical.str("Raid").map(level),
        bytes: logical.u64("CapacityMiB").and_then(|size| size.checked_mul(MIB)),
        drives: drives.collect(),
    }
}

/// A level as SmartStorage writes it: `1`, `10`, or `Raid1`.
fn level(name: &str) -> RaidLevel {
    let number = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    RaidLevel::parse(&format!("RAID{number}"))
}

/// A level as SmartStorageConfig takes it.
fn raid(level: &RaidLevel) -> String {
    level.as_str().replacen("RAID", "Raid", 1)
}

fn drive(disk: &Document, state: DriveState) -> StorageDrive {
    let text = |name: &str| disk.str(name).map(str::to_owned);
    StorageDrive {
        id: DriveId(disk.uri().to_owned()),
        name: disk.str("Location").unwrap_or_else(|| disk.id()).to_owned(),
        model: text("Model"),
        serial: text("SerialNumber"),
        bytes: disk.u64("CapacityMiB").and_then(|size| size.checked_mul(MIB)),
        media: text("MediaType"),
        protocol: text("InterfaceType"),
        state,
    }
}

fn state(disk: &Document, volumes: &[StorageVolume], to_host: bool) -> DriveState {
    if disk.str("Status/Health") == Some("Critical") {
        return DriveState::Failed;
    }
    let holds =
        |volume: &&StorageVolume| volume.drives.iter().any(|DriveId(uri)| same_resource(uri, disk.uri()));
    let inside: Vec<VolumeId> = volumes.iter().filter(holds).map(|volume| volume.id.clone()).collect();
    if !inside.is_empty() {
        return DriveState::InVolume(inside);
    }
    match disk.str("DiskDriveUse") {
        Some("Spare") => DriveState::Spare,
        // With a volume that could not be read.
        Some("Data") => DriveState::InVolume(Vec::new()),
        _ if to_host => DriveState::NonRaid,
        Some("Raw") => DriveState::Ready,
        _ => DriveState::Unknown,
    }
}

/// A controller's configuration as it is and as it waits.
struct Config {
    current: Document,
    settings: Document,
}

impl Config {
    async fn read(hpe: &Hpe, uri: &str) -> Result<Self> {
        let current = hpe.client.get(uri).await?;
        let link = current.link(SETTINGS).ok_or_else(|| hpe.lacks("settings of SmartStorageConfig"))?;
        let settings = hpe.client.get(link).await?;
        Ok(Self { settings, current })
    }

    /// The volumes that will be there: those that wait, with all that is known of each.
    fn waiting(&self) -> Vec<Value> {
        self.settings.view().list("LogicalDrives").into_iter().map(|one| one.value().clone()).collect()
    }

    async fn write(&self, hpe: &Hpe, drives: Vec<Value>, desired: Attributes) -> Result<Outcome> {
        let body = json!({"DataGuard": "Permissive", "LogicalDrives": drives});
        let sent = hpe.client.patch(self.settings.uri(), self.settings.etag(), body).await?;
        if matches!(sent, Sent::Lost { .. }) {
            return Ok(sent.outcome());
        }
        let (mark, job) = (bios::mark(&self.current), sent.job());
        Ok(Outcome::Pending(Pending { needs_reset: true, desired, mark, job, can_discard: false }))
    }
}

/// The configuration for which `fits` holds.
async fn config_where(hpe: &Hpe, what: &str, fits: impl Fn(&Config) -> bool) -> Result<Config> {
    for uri in configs(hpe) {
        let config = Config::read(hpe, uri).await?;
        if fits(&config) {
            return Ok(config);
        }
    }
    Err(hpe.cannot(format!(
        "no SmartStorageConfig is about {what}; iLO 4 and controllers in HBA mode have none"
    )))
}

/// Stages a new volume beside those that are there.
pub(super) async fn create(hpe: &Hpe, array: &Document, wanted: &NewVolume) -> Result<Outcome> {
    let place = array.str("Location");
    let what = format!("the controller at {}", place.unwrap_or_else(|| array.id()));
    let config = config_where(hpe, &what, |config| config.current.str("Location") == place).await?;
    let disks = super::all(hpe, &wanted.drives).await?;
    let mut places = Vec::new();
    for disk in &disks {
        let lacks = || hpe.cannot(format!("{} names no Location, by which volumes are made", disk.uri()));
        places.push(disk.str("Location").ok_or_else(lacks)?);
    }
    let mut all = config.waiting();
    if let Some(taken) = all.iter().find(|one| one["LogicalDriveName"] == wanted.name.as_str()) {
        return Err(
            hpe.refused("LogicalDriveName", format!("{} is there already", taken["LogicalDriveName"]))
        );
    }
    // All the room there is, where no size is wanted (prox).
    let size = wanted.bytes.map_or(json!(-1), |bytes| json!(bytes / GIB));
    all.push(json!({"LogicalDriveName": wanted.name, "Raid": raid(&wanted.raid), "DataDrives": places, "CapacityGiB": size}));
    let desired = Attributes::from([("LogicalDriveName".to_owned(), wanted.name.as_str().into())]);
    config.write(hpe, all, desired).await
}

/// Stages the deletion of one volume, named by its unique identifier.
pub(super) async fn delete(hpe: &Hpe, logical: &Document) -> Result<Outcome> {
    let lacks =
        || hpe.cannot(format!("{} has no VolumeUniqueIdentifier, by which it is deleted", logical.uri()));
    let id = logical.str("VolumeUniqueIdentifier").ok_or_else(lacks)?;
    let is_it = |one: &Value| {
        one["VolumeUniqueIdentifier"].as_str().is_some_and(|seen| seen.eq_ignore_ascii_case(id))
    };
    let config =
        config_where(hpe, &format!("the volume {id}"), |config| config.waiting().iter().any(is_it)).await?;
    let mut all = config.waiting();
    for one in all.iter_mut().filter(|one| is_it(one)) {
        one["Actions"] = json!([{"Action": "LogicalDriveDelete"}]);
    }
    config.write(hpe, all, Attributes::from([("LogicalDriveDelete".to_owned(), id.into())])).await
}
