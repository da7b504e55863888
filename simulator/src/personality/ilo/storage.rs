//! Storage from iLO 6 on: the standard's, with drives below a Chassis for each controller.

use serde_json::{Value, json};

use super::facts::{Facts, Generation};
use super::{SYSTEM, ns204i, smart, tree};
use crate::machine::Machine;
use crate::machine::inventory::{Controller, Drive, Volume};
use crate::personality::Quirks;
use crate::personality::pieces::drives;
use crate::personality::standard::{self, asked, chassis_path, collection, drop_property, link};
use crate::web::{Call, Problem, Reply, Table};

/// What the controllers make.
const RAID: &[&str] = &["RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID50", "RAID60"];

/// The controllers of a generation.
pub(super) fn controllers(facts: &Facts) -> Vec<Controller> {
    let bytes = 480_103_981_056;
    if facts.generation.has_smart_storage() {
        let model = match facts.generation {
            Generation::Four => "Smart Array P440ar Controller",
            _ => "HPE Smart Array P408i-a SR Gen10",
        };
        let drives = drives(4, |number| number.to_string(), "VK000480GWSRR", bytes);
        let volume = mirror("1", &drives);
        return vec![Controller::new("0", model, RAID, drives).with_volume(volume)];
    }
    let drives = drives(4, |number| (number + 2).to_string(), "VO000480KYDTQ", bytes);
    let volume = mirror("239", &drives);
    let controller = Controller::new("DE00A000", "HPE MR416i-o Gen11", RAID, drives).with_volume(volume);
    vec![controller.drives_at("/redfish/v1/Chassis/DE00A000/Drives"), ns204i::controller()]
}

/// The first two drives, mirrored.
fn mirror(id: &str, drives: &[Drive]) -> Volume {
    Volume::new(id, "OS", "RAID1", 479_559_942_144, drives.get(..2).unwrap_or_default())
}

/// Puts storage where the generation has it.
pub(super) fn add(table: &mut Table, generation: Generation, quirks: &Quirks) {
    if generation.has_smart_storage() {
        smart::add(table, generation, quirks);
        return;
    }
    let storage = format!("{SYSTEM}/Storage");
    let volumes = format!("{storage}/{{controller}}/Volumes");
    if quirks.has("empty-bays") {
        table.amend(&format!("{storage}/{{controller}}"), list_bay);
    }
    if quirks.has("storage-after-discovery") {
        table.amend(&format!("{storage}/{{controller}}"), hide_until_discovered);
        table.amend(&volumes, hide_members);
    }
    table.remove(&format!("{storage}/{{controller}}/Drives"));
    table.get("/redfish/v1/Chassis", chassis);
    table.get("/redfish/v1/Chassis/{controller}", enclosure);
    table.get("/redfish/v1/Chassis/{controller}/Drives", enclosure_drives);
    let drive = "/redfish/v1/Chassis/{controller}/Drives/{piece}";
    table.get(drive, drive_or_bay);
    table.amend(drive, show_use);
    table.post(&format!("{drive}/Actions/Drive.SecureErase"), standard::storage::secure_erase);
    table.patch(drive, standard::storage::patch_drive);
    table.amend(&volumes, offer_creation);
    table.get(&format!("{volumes}/{{piece}}"), volume_or_creation);
    if quirks.has("volume-display-name") {
        table.post(&volumes, create_named);
        table.amend(&format!("{volumes}/{{piece}}"), name_twice);
    }
    if quirks.has("ns204i-no-delete") {
        ns204i::add(table);
    }
}

/// `Id` of the bay without a drive; the controller with more drives than two has one.
const BAY: &str = "64515";

fn has_bay(call: &Call, machine: &Machine) -> bool {
    call.cell.quirks.has("empty-bays") && owner(call, machine).is_ok_and(|one| one.drives.len() > 2)
}

/// The bay stands among the drives of its controller.
fn list_bay(call: &Call, machine: &Machine, body: &mut Value) {
    let Ok(one) = owner(call, machine) else { return };
    if let (true, Some(drives)) = (has_bay(call, machine), body["Drives"].as_array_mut()) {
        drives.push(link(standard::storage::drive_path(call, one, BAY)));
        body["Drives@odata.count"] = (one.drives.len() + 1).into();
    }
}

fn drive_or_bay(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    if call.param("piece") != BAY || !has_bay(call, machine) {
        return standard::storage::drive(call, machine);
    }
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#Drive.v1_17_0.Drive",
        "Id": BAY,
        "Name": "Empty Bay",
        "Status": {"Health": "OK", "State": "Absent"},
    }))
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
    if body["Status"]["State"] == "Absent" {
        return;
    }
    let owner = machine.controller(call.param("controller"));
    let used = owner.is_some_and(|owner| owner.volumes_of(call.param("piece")).next().is_some());
    body["Status"]["State"] = if used { "Enabled" } else { "StandbyOffline" }.into();
    if used {
        drop_property(body, "Actions");
    }
}

/// Collections of controllers that make volumes say so.
fn offer_creation(call: &Call, _: &Machine, body: &mut Value) {
    if ns204i::is(call) {
        return;
    }
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
    if ns204i::keeps_volume(call) {
        return Err(Problem::MethodNotAllowed);
    }
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

pub(super) fn owner<'a>(call: &Call, machine: &'a Machine) -> Result<&'a Controller, Problem> {
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
    let drives = owner(call, machine)?.drives.iter().map(|drive| drive.id.as_str());
    let bay = has_bay(call, machine).then_some(BAY);
    let members = drives.chain(bay).map(|id| format!("{path}/{id}")).collect();
    Ok(collection("DriveCollection", &path, "Drive Collection", members))
}
