//! Storage: SmartStorage on iLO 5, the standard's Storage with drives below a Chassis on iLO 6.

use serde_json::{Value, json};

use super::facts::{Facts, Generation};
use super::{SYSTEM, tree};
use crate::machine::Machine;
use crate::machine::inventory::{Controller, Drive, Volume};
use crate::personality::Quirks;
use crate::personality::pieces::drives;
use crate::personality::standard::{self, asked, chassis_path, collection, drop_property, link};
use crate::web::{Call, Problem, Reply, Table};

const ARRAYS: &str = "/redfish/v1/Systems/{system}/SmartStorage/ArrayControllers";

/// What the controllers make.
const RAID: &[&str] = &["RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID50", "RAID60"];

/// The controllers of a generation.
pub(super) fn controllers(facts: &Facts) -> Vec<Controller> {
    let bytes = 480_103_981_056;
    if facts.name == "ilo6" {
        let drives = drives(4, |number| (number + 2).to_string(), "VO000480KYDTQ", bytes);
        let volume = mirror("239", &drives);
        let controller = Controller::new("DE00A000", "HPE MR416i-o Gen11", RAID, drives);
        return vec![controller.with_volume(volume).drives_at("/redfish/v1/Chassis/DE00A000/Drives")];
    }
    let drives = drives(4, |number| number.to_string(), "VK000480GWSRR", bytes);
    let volume = mirror("1", &drives);
    vec![Controller::new("0", "HPE Smart Array P408i-a SR Gen10", RAID, drives).with_volume(volume)]
}

/// The first two drives, mirrored.
fn mirror(id: &str, drives: &[Drive]) -> Volume {
    Volume::new(id, "OS", "RAID1", 479_559_942_144, drives.get(..2).unwrap_or_default())
}

/// Puts storage where the generation has it.
pub(super) fn add(table: &mut Table, generation: Generation, quirks: &Quirks) {
    match generation {
        Generation::Five => add_smart_storage(table),
        Generation::Six => {
            let late = quirks.has("storage-after-discovery");
            let storage = format!("{SYSTEM}/Storage");
            if late {
                table.amend(&format!("{storage}/{{controller}}"), hide_until_discovered);
                table.amend(&format!("{storage}/{{controller}}/Volumes"), hide_members);
            }
            table.remove(&format!("{storage}/{{controller}}/Drives"));
            table.get("/redfish/v1/Chassis", chassis);
            table.get("/redfish/v1/Chassis/{controller}", enclosure);
            table.get("/redfish/v1/Chassis/{controller}/Drives", enclosure_drives);
            let drive = "/redfish/v1/Chassis/{controller}/Drives/{piece}";
            table.get(drive, standard::storage::drive);
            table.amend(drive, show_use);
            table.post(&format!("{drive}/Actions/Drive.SecureErase"), standard::storage::secure_erase);
            table.patch(drive, standard::storage::patch_drive);
            let volumes = format!("{storage}/{{controller}}/Volumes");
            table.amend(&volumes, offer_creation);
            table.get(&format!("{volumes}/{{piece}}"), volume_or_creation);
            if quirks.has("volume-display-name") {
                table.post(&volumes, create_named);
                table.amend(&format!("{volumes}/{{piece}}"), name_twice);
            }
        }
    }
}

fn discovered(machine: &Machine) -> bool {
    tree::discovery(machine) == "vMainDeviceDiscoveryComplete"
}

fn hide_until_discovered(_: &Call, machine: &Machine, body: &mut Value) {
    if !discovered(machine) {
        body["Drives"] = json!([]);
        body["Drives@odata.count"] = 0.into();
    }
}

fn hide_members(_: &Call, machine: &Machine, body: &mut Value) {
    if !discovered(machine) {
        body["Members"] = json!([]);
        body["Members@odata.count"] = 0.into();
    }
}

/// A drive that is in no volume is offline to the host; one in a volume is not erased.
fn show_use(call: &Call, machine: &Machine, body: &mut Value) {
    let owner = machine.controller(call.param("controller"));
    let used = owner.is_some_and(|owner| owner.volumes_of(call.param("piece")).next().is_some());
    body["Status"]["State"] = if used { "Enabled" } else { "StandbyOffline" }.into();
    if used {
        drop_property(body, "Actions");
    }
}

/// Collections of controllers that make volumes say so.
fn offer_creation(call: &Call, _: &Machine, body: &mut Value) {
    let path = asked(call);
    body["@Redfish.CollectionCapabilities"] = json!({
        "@odata.type": "#CollectionCapabilities.v1_4_0.CollectionCapabilities",
        "MaxMembers": 240,
        "Capabilities": [{
            "CapabilitiesObject": link(format!("{path}/Capabilities")),
            "Links": {"TargetCollection": link(path)},
            "UseCase": "VolumeCreation",
        }],
    });
}

fn volume_or_creation(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let asked_for = call.param("piece");
    if asked_for == "Capabilities" {
        creation(call, machine)
    } else {
        standard::storage::volume(call, machine)
    }
}

fn creation(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#Volume.v1_9_0.Volume",
        "Id": "Capabilities",
        "Name": "Capabilities for VolumeCollection",
        "DisplayName@Redfish.OptionalOnCreate": true,
        "DisplayName@Redfish.AllowablePattern": "^.{0,15}$",
        "RAIDType@Redfish.RequiredOnCreate": true,
        "RAIDType@Redfish.AllowableValues": owner(call, machine)?.raid,
        "Links@Redfish.RequiredOnCreate": true,
        "Links": {"Drives@Redfish.RequiredOnCreate": true},
    }))
}

/// The name that a person gave is `DisplayName`; `Name` is the controller's.
fn name_twice(call: &Call, _: &Machine, body: &mut Value) {
    if call.param("piece") == "Capabilities" {
        return;
    }
    body["DisplayName"] = body["Name"].take();
    body["Name"] = format!("MR Volume {}", call.param("piece")).into();
}

fn create_named(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let mut body = call.object()?;
    if let Some(name) = body.remove("DisplayName") {
        body.insert("Name".into(), name);
    }
    standard::storage::create_of(call, machine, &body)
}

fn chassis(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let enclosures = machine.storage.iter();
    let enclosures = enclosures.map(|one| format!("/redfish/v1/Chassis/{}", one.id));
    let members = std::iter::once(chassis_path(call)).chain(enclosures).collect();
    Ok(collection("ChassisCollection", "/redfish/v1/Chassis", "Computer System Chassis", members))
}

fn owner<'a>(call: &Call, machine: &'a Machine) -> Result<&'a Controller, Problem> {
    machine.controller(call.param("controller")).ok_or(Problem::NotFound)
}

fn enclosure(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let one = owner(call, machine)?;
    let path = asked(call);
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#Chassis.v1_19_0.Chassis",
        "Id": one.id,
        "Name": "Storage enclosure",
        "ChassisType": "StorageEnclosure",
        "Drives": link(format!("{path}/Drives")),
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

fn enclosure_drives(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = owner(call, machine)?.drives.iter().map(|drive| format!("{path}/{}", drive.id)).collect();
    Ok(collection("DriveCollection", &path, "Drive Collection", members))
}

/// Smart Array controllers are no Storage: they have a tree of their own.
fn add_smart_storage(table: &mut Table) {
    table.remove(&format!("{SYSTEM}/Storage"));
    table.get(&format!("{SYSTEM}/Storage"), |call, _| {
        Ok(collection("StorageCollection", &asked(call), "Storage", Vec::new()))
    });
    table.get(&format!("{SYSTEM}/SmartStorage"), smart_storage);
    table.get(ARRAYS, arrays);
    table.get(&format!("{ARRAYS}/{{controller}}"), array);
    table.get(&format!("{ARRAYS}/{{controller}}/DiskDrives"), disks);
    table.get(&format!("{ARRAYS}/{{controller}}/DiskDrives/{{piece}}"), disk);
    table.get(&format!("{ARRAYS}/{{controller}}/LogicalDrives"), logical_drives);
    table.get(&format!("{ARRAYS}/{{controller}}/LogicalDrives/{{piece}}"), logical_drive);
    table.get(&format!("{ARRAYS}/{{controller}}/LogicalDrives/{{piece}}/DataDrives"), data_drives);
}

fn smart_storage(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#HpeSmartStorage.v2_0_0.HpeSmartStorage",
        "Id": "SmartStorage",
        "Name": "HpeSmartStorage",
        "Links": {"ArrayControllers": link(format!("{path}/ArrayControllers"))},
        "Status": {"Health": "OK"},
    }))
}

fn arrays(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = machine.storage.iter().map(|one| format!("{path}/{}", one.id)).collect();
    let kind = "HpeSmartStorageArrayControllerCollection";
    Ok(collection(kind, &path, "HpeSmartStorageArrayControllers", members))
}

fn array(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let one = owner(call, machine)?;
    let path = asked(call);
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#HpeSmartStorageArrayController.v2_0_0.HpeSmartStorageArrayController",
        "Id": one.id,
        "Name": "HpeSmartStorageArrayController",
        "AdapterType": "SmartArray",
        "CurrentOperatingMode": "Mixed",
        "Model": one.model,
        "Links": {
            "LogicalDrives": link(format!("{path}/LogicalDrives")),
            "PhysicalDrives": link(format!("{path}/DiskDrives")),
        },
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

fn disks(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = owner(call, machine)?.drives.iter().map(|drive| format!("{path}/{}", drive.id)).collect();
    Ok(collection("HpeSmartStorageDiskDriveCollection", &path, "HpeSmartStorageDiskDrives", members))
}

fn disk(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let owner = owner(call, machine)?;
    let wanted = call.param("piece");
    let mut numbered = owner.drives.iter().enumerate();
    let (number, one) = numbered.find(|(_, drive)| drive.id == wanted).ok_or(Problem::NotFound)?;
    let used = owner.volumes.iter().any(|volume| volume.drives.contains(&one.id));
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#HpeSmartStorageDiskDrive.v2_0_0.HpeSmartStorageDiskDrive",
        "Id": one.id,
        "Name": "HpeSmartStorageDiskDrive",
        "CapacityMiB": one.bytes / 1_048_576,
        "DiskDriveUse": if used { "Data" } else { "Raw" },
        "InterfaceType": one.protocol,
        "Location": format!("1I:1:{}", number + 1),
        "LocationFormat": "ControllerPort:Box:Bay",
        "MediaType": one.media,
        "Model": one.model,
        "SerialNumber": machine.identity.drive_serial(number),
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

fn logical_drives(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = owner(call, machine)?.volumes.iter().map(|one| format!("{path}/{}", one.id)).collect();
    Ok(collection("HpeSmartStorageLogicalDriveCollection", &path, "HpeSmartStorageLogicalDrives", members))
}

fn volume<'a>(call: &Call, machine: &'a Machine) -> Result<&'a Volume, Problem> {
    let wanted = call.param("piece");
    owner(call, machine)?.volumes.iter().find(|volume| volume.id == wanted).ok_or(Problem::NotFound)
}

fn logical_drive(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let one = volume(call, machine)?;
    let path = asked(call);
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#HpeSmartStorageLogicalDrive.v2_1_0.HpeSmartStorageLogicalDrive",
        "Id": one.id,
        "Name": "HpeSmartStorageLogicalDrive",
        "CapacityMiB": one.bytes / 1_048_576,
        "LogicalDriveName": one.name,
        "LogicalDriveType": "Data",
        "Raid": one.raid.trim_start_matches("RAID"),
        "VolumeUniqueIdentifier": format!("600508B1001C{:020X}", one.bytes),
        "Links": {"DataDrives": link(format!("{path}/DataDrives"))},
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

fn data_drives(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let controller = path.split_once("/LogicalDrives").map_or("", |(controller, _)| controller);
    let members =
        volume(call, machine)?.drives.iter().map(|id| format!("{controller}/DiskDrives/{id}")).collect();
    Ok(collection("HpeSmartStorageDiskDriveCollection", &path, "HpeSmartStorageDiskDrives", members))
}
