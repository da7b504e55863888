//! SmartStorage of iLO 4 and 5: arrays with their drives, to be read.

use serde_json::{Value, json};
use sha2::Digest as _;

use super::facts::{Facts, Generation};
use super::storage::owner;
use super::{SYSTEM, smart_config};
use crate::machine::Machine;
use crate::machine::inventory::{Controller, Volume};
use crate::personality::Quirks;
use crate::personality::standard::{asked, collection, link};
use crate::web::{Call, Problem, Table};

const ARRAYS: &str = "/redfish/v1/Systems/{system}/SmartStorage/ArrayControllers";

fn facts(call: &Call) -> &'static Facts {
    Generation::of(call).facts()
}

/// HPE's name of a type.
fn named(call: &Call, kind: &str) -> String {
    format!("{}{kind}", facts(call).oem)
}

fn members_of(call: &Call, path: &str, kind: &str, members: Vec<String>) -> Value {
    let name = named(call, kind);
    collection(&format!("{name}Collection"), path, &format!("{name}s"), members)
}

/// Where a controller's drive of that number is: port, box and bay.
pub(super) fn location(number: usize) -> String {
    format!("1I:1:{}", number + 1)
}

/// The identifier that no other volume has, while it is the same.
pub(super) fn unique_id(owner: &Controller, volume: &Volume) -> String {
    let words = [&owner.id, &volume.id, &volume.name, volume.raid, &volume.drives.join(" ")];
    let digest = sha2::Sha256::digest(words.join("/"));
    let hex = crate::tls::hex(digest.get(..10).unwrap_or(&[])).to_ascii_uppercase();
    format!("600508B1001C{hex}")
}

/// Smart Array controllers are no Storage: they have a tree of their own.
pub(super) fn add(table: &mut Table, generation: Generation, quirks: &Quirks) {
    table.remove(&format!("{SYSTEM}/Storage"));
    if generation == Generation::Five {
        table.get(&format!("{SYSTEM}/Storage"), |call, _| {
            Ok(collection("StorageCollection", &asked(call), "Storage", Vec::new()))
        });
    }
    if quirks.has("smart-storage-config") {
        smart_config::add(table);
    }
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
        "@odata.type": facts(call).kind("SmartStorage", "2_0_0"),
        "Id": "SmartStorage",
        "Name": named(call, "SmartStorage"),
        "Links": {"ArrayControllers": link(format!("{path}/ArrayControllers"))},
        "Status": {"Health": "OK"},
    }))
}

fn arrays(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = machine.storage.iter().map(|one| format!("{path}/{}", one.id)).collect();
    Ok(members_of(call, &path, "SmartStorageArrayController", members))
}

fn array(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let one = owner(call, machine)?;
    let path = asked(call);
    Ok(json!({
        "@odata.id": path,
        "@odata.type": facts(call).kind("SmartStorageArrayController", "2_0_0"),
        "Id": one.id,
        "Name": named(call, "SmartStorageArrayController"),
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
    Ok(members_of(call, &path, "SmartStorageDiskDrive", members))
}

fn disk(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let owner = owner(call, machine)?;
    let wanted = call.param("piece");
    let mut numbered = owner.drives.iter().enumerate();
    let (number, one) = numbered.find(|(_, drive)| drive.id == wanted).ok_or(Problem::NotFound)?;
    let used = owner.volumes.iter().any(|volume| volume.drives.contains(&one.id));
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": facts(call).kind("SmartStorageDiskDrive", "2_0_0"),
        "Id": one.id,
        "Name": named(call, "SmartStorageDiskDrive"),
        "CapacityMiB": one.bytes / 1_048_576,
        "DiskDriveUse": if used { "Data" } else { "Raw" },
        "InterfaceType": one.protocol,
        "Location": location(number),
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
    Ok(members_of(call, &path, "SmartStorageLogicalDrive", members))
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
        "@odata.type": facts(call).kind("SmartStorageLogicalDrive", "2_1_0"),
        "Id": one.id,
        "Name": named(call, "SmartStorageLogicalDrive"),
        "CapacityMiB": one.bytes / 1_048_576,
        "LogicalDriveName": one.name,
        "LogicalDriveType": "Data",
        "LogicalDriveNumber": one.id.parse::<u64>().unwrap_or(0),
        "Raid": one.raid.trim_start_matches("RAID"),
        "VolumeUniqueIdentifier": unique_id(owner(call, machine)?, one),
        "Links": {"DataDrives": link(format!("{path}/DataDrives"))},
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

fn data_drives(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let controller = path.split_once("/LogicalDrives").map_or("", |(controller, _)| controller);
    let members =
        volume(call, machine)?.drives.iter().map(|id| format!("{controller}/DiskDrives/{id}")).collect();
    Ok(members_of(call, &path, "SmartStorageDiskDrive", members))
}
