//! Storage: controllers, drives and volumes, and what is done with them: each act by a task that runs at once or waits for a
//! reset.

use serde_json::{Map, Value, json};

use super::{asked, chassis_path, collection, link, system_path};
use crate::machine::inventory::{Controller, Drive, Volume};
use crate::machine::storage::{DriveState, NewVolume, StorageAct, StorageProblem};
use crate::machine::{Machine, When};
use crate::web::{Call, Problem, Reply, Table, call};

const STORAGE: &str = "/redfish/v1/Systems/{system}/Storage";
/// The property of a body that says when an operation takes effect.
pub const APPLY_TIME: &str = "@Redfish.OperationApplyTime";

/// Adds Storage below the System.
pub fn add(table: &mut Table) {
    table.amend("/redfish/v1/Systems/{system}", |call, _, body| {
        body["Storage"] = link(format!("{}/Storage", system_path(call)));
    });
    let (drive_path, volume_path) = (
        format!("{STORAGE}/{{controller}}/Drives/{{piece}}"),
        format!("{STORAGE}/{{controller}}/Volumes/{{piece}}"),
    );
    table.get(STORAGE, storage);
    table.get(&format!("{STORAGE}/{{controller}}"), controller);
    table.get(&drive_path, drive).patch(&drive_path, patch_drive);
    table.post(&format!("{drive_path}/Actions/Drive.SecureErase"), secure_erase);
    let volumes_path = format!("{STORAGE}/{{controller}}/Volumes");
    table.get(&volumes_path, volumes).post(&volumes_path, create);
    table.get(&volume_path, volume).delete(&volume_path, delete).patch(&volume_path, patch_volume);
    table.post(&format!("{volume_path}/Actions/Volume.Initialize"), initialize);
}

fn storage(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = machine.storage.iter().map(|one| format!("{path}/{}", one.id)).collect();
    Ok(collection("StorageCollection", &path, "Storage", members))
}

/// The controller that the call names.
///
/// # Errors
/// `NotFound`.
pub fn owner<'a>(call: &Call, machine: &'a Machine) -> Result<&'a Controller, Problem> {
    machine.controller(call.param("controller")).ok_or(Problem::NotFound)
}

fn piece<'a, T>(call: &Call, pieces: &'a [T], id: impl Fn(&T) -> &str) -> Result<&'a T, Problem> {
    let wanted = call.param("piece");
    pieces.iter().find(|piece| id(piece) == wanted).ok_or(Problem::NotFound)
}

/// The drive that the call names.
///
/// # Errors
/// `NotFound`.
pub fn find_drive<'a>(call: &Call, machine: &'a Machine) -> Result<&'a Drive, Problem> {
    piece(call, &owner(call, machine)?.drives, |one| &one.id)
}

/// The volume that the call names.
///
/// # Errors
/// `NotFound`.
pub fn find_volume<'a>(call: &Call, machine: &'a Machine) -> Result<&'a Volume, Problem> {
    piece(call, &owner(call, machine)?.volumes, |one| &one.id)
}

/// The apply times that a resource or action supports, as its annotation; none where bodies cannot choose.
pub fn apply_times(call: &Call) -> Option<Value> {
    let times = call.cell.personality.apply_times(&call.cell.quirks);
    (!times.is_empty()).then(|| {
        json!({
            "@odata.type": "#Settings.v1_3_1.OperationApplyTimeSupport",
            "SupportedValues": times,
        })
    })
}

fn with_times(call: &Call, mut body: Value) -> Value {
    if let Some(times) = apply_times(call) {
        body["@Redfish.OperationApplyTimeSupport"] = times;
    }
    body
}

/// A controller.
///
/// # Errors
/// `NotFound`.
pub fn controller(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let one = owner(call, machine)?;
    let path = asked(call);
    let drives: Vec<_> = one.drives.iter().map(|drive| link(drive_path(call, one, &drive.id))).collect();
    let health = machine.health(&one.id);
    let firmware = machine.firmware.iter().find(|component| component.device == one.id);
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#Storage.v1_10_1.Storage",
        "Id": one.id,
        "Name": one.model,
        "StorageControllers": [{
            "@odata.id": format!("{path}#/StorageControllers/0"),
            "MemberId": one.id,
            "Model": one.model,
            "FirmwareVersion": firmware.map(|component| &component.version),
            "SupportedRAIDTypes": one.raid,
            "Status": {"Health": health, "State": "Enabled"},
        }],
        "Drives": drives,
        "Drives@odata.count": drives.len(),
        "Volumes": link(format!("{path}/Volumes")),
        "Status": {"Health": health, "HealthRollup": health, "State": "Enabled"},
    }))
}

/// Path of a controller's Storage.
pub fn storage_path(call: &Call, controller: &Controller) -> String {
    format!("{}/Storage/{}", system_path(call), controller.id)
}

/// Path of a drive.
pub fn drive_path(call: &Call, controller: &Controller, id: &str) -> String {
    match &controller.drives_at {
        Some(path) => format!("{path}/{id}"),
        None => format!("{}/Drives/{id}", storage_path(call, controller)),
    }
}

/// A drive: parameters `controller` and `piece`.
///
/// # Errors
/// `NotFound`.
pub fn drive(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let owner = owner(call, machine)?;
    let one = find_drive(call, machine)?;
    let path = storage_path(call, owner);
    let volumes: Vec<_> =
        owner.volumes_of(&one.id).map(|volume| link(format!("{path}/Volumes/{}", volume.id))).collect();
    let mut all = machine.storage.iter().flat_map(|owner| &owner.drives);
    let number = all.position(|other| std::ptr::eq(other, one)).unwrap_or(0);
    let spare = match one.state {
        DriveState::GlobalSpare => "Global",
        DriveState::DedicatedSpare => "Dedicated",
        DriveState::Ready | DriveState::NonRaid | DriveState::Foreign | DriveState::Failed => "None",
    };
    let health = if one.state == DriveState::Failed { "Critical" } else { machine.health(&one.id) };
    let own = asked(call);
    let mut body = json!({
        "@odata.id": own,
        "@odata.type": "#Drive.v1_12_1.Drive",
        "Id": one.id,
        "Name": one.name,
        "Model": one.model,
        "SerialNumber": machine.identity.drive_serial(number),
        "MediaType": one.media,
        "Protocol": one.protocol,
        "CapacityBytes": one.bytes,
        "HotspareType": spare,
        "FailurePredicted": health == "Warning",
        "Links": {"Chassis": link(chassis_path(call)), "Volumes": volumes},
        "Status": {"Health": health, "State": "Enabled"},
    });
    if one.erasable {
        let action = json!({"target": format!("{own}/Actions/Drive.SecureErase")});
        body["Actions"] = json!({"#Drive.SecureErase": with_times(call, action)});
    }
    Ok(body)
}

/// The volumes of a controller.
///
/// # Errors
/// `NotFound`.
pub fn volumes(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = owner(call, machine)?.volumes.iter().map(|one| format!("{path}/{}", one.id)).collect();
    Ok(with_times(call, collection("VolumeCollection", &path, "Volumes", members)))
}

/// A volume.
///
/// # Errors
/// `NotFound`.
pub fn volume(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let owner = owner(call, machine)?;
    let one = find_volume(call, machine)?;
    let drives: Vec<_> = one.drives.iter().map(|id| link(drive_path(call, owner, id))).collect();
    let path = asked(call);
    let health = machine.health(&one.id);
    let action = json!({
        "target": format!("{path}/Actions/Volume.Initialize"),
        "InitializeType@Redfish.AllowableValues": ["Fast", "Slow"],
    });
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#Volume.v1_6_2.Volume",
        "Id": one.id,
        "Name": one.name,
        "RAIDType": one.raid,
        "CapacityBytes": one.bytes,
        "Links": {"Drives": drives},
        "Status": {"Health": health, "State": "Enabled"},
        "Actions": {"#Volume.Initialize": with_times(call, action)},
    }))
}

/// The last segments of a list of links.
///
/// # Errors
/// When it is no list of links.
pub fn linked(name: &str, list: &Value) -> Result<Vec<String>, Problem> {
    let wrong = || Problem::PropertyType(name.into(), list.clone());
    let id = |one: &Value| {
        let path = one["@odata.id"].as_str().ok_or_else(wrong)?;
        Ok(path.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_owned())
    };
    list.as_array().ok_or_else(wrong)?.iter().map(id).collect()
}

/// When the operation of a body takes effect.
///
/// # Errors
/// An apply time that this BMC does not know.
pub fn when(call: &Call, body: &Map<String, Value>) -> Result<When, Problem> {
    let times = call.cell.personality.apply_times(&call.cell.quirks);
    let Some(wanted) = call::text(body, APPLY_TIME)? else {
        return Ok(if times.first() == Some(&"OnReset") { When::AtReset } else { When::Now });
    };
    match wanted.as_str() {
        _ if !times.contains(&wanted.as_str()) => {
            Err(Problem::PropertyValue(APPLY_TIME.into(), wanted.into()))
        }
        "OnReset" => Ok(When::AtReset),
        _ => Ok(When::Now),
    }
}

/// Gives acts to a new task: 202 with its place.
///
/// # Errors
/// When the controller refuses the first.
pub fn begin(
    call: &Call,
    machine: &mut Machine,
    acts: Vec<StorageAct>,
    when: When,
    kind: &str,
) -> Result<Reply, Problem> {
    let controller = owner(call, machine)?.id.clone();
    if let Some(act) = acts.first() {
        machine.check_storage(&controller, act).map_err(Problem::Storage)?;
    }
    let personality = &call.cell.personality;
    let id = personality.job_id(machine);
    machine.add_storage_job(id.clone(), kind, &controller, acts, when).map_err(Problem::Storage)?;
    let task = machine
        .jobs
        .iter()
        .find(|job| job.id == id)
        .map(|job| super::service::render_task(call, machine, job));
    Ok(Reply::accepted(&personality.job_path(call, &id), task.unwrap_or_default()))
}

const KIND: &str = "StorageConfiguration";

/// Reads what a POST to the volumes asks for.
///
/// # Errors
/// Properties that are missing or of the wrong type.
pub fn new_volume(body: &Map<String, Value>) -> Result<NewVolume, Problem> {
    let raid = call::text(body, "RAIDType")?.ok_or_else(|| Problem::Missing("RAIDType".into()))?;
    let drives = body.get("Links").and_then(|links| links.get("Drives"));
    let drives = drives.ok_or_else(|| Problem::Missing("Links/Drives".into()))?;
    Ok(NewVolume {
        name: call::text(body, "Name")?,
        raid,
        drives: linked("Drives", drives)?,
        bytes: bytes(body)?,
    })
}

/// `CapacityBytes` of a body.
///
/// # Errors
/// When it is no number.
pub fn bytes(body: &Map<String, Value>) -> Result<Option<u64>, Problem> {
    match body.get("CapacityBytes") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let wrong = || Problem::PropertyType("CapacityBytes".into(), value.clone());
            value.as_u64().map(Some).ok_or_else(wrong)
        }
    }
}

/// Says what is to be made, for the log.
pub fn note_new(call: &Call, wanted: &NewVolume) {
    let name = wanted.name.as_deref().unwrap_or("");
    call.summary(format!("Create volume {name} {} of {}", wanted.raid, wanted.drives.join(", ")));
}

fn create(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    create_of(call, machine, &call.object()?)
}

/// Makes the volume of a body in the standard's form: 202 with the place of its task.
///
/// # Errors
/// Properties that are missing or wrong; what the controller refuses.
pub fn create_of(call: &Call, machine: &mut Machine, body: &Map<String, Value>) -> Result<Reply, Problem> {
    let wanted = new_volume(body)?;
    note_new(call, &wanted);
    let when = when(call, body)?;
    begin(call, machine, vec![StorageAct::Create(wanted)], when, KIND)
}

/// DELETE of a volume.
///
/// # Errors
/// `NotFound`; a job that stands in the way.
pub fn delete(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let id = find_volume(call, machine)?.id.clone();
    call.summary(format!("Delete volume {id}"));
    let when = when(call, &call.object_or_empty()?)?;
    begin(call, machine, vec![StorageAct::Delete(id)], when, KIND)
}

/// `Volume.Initialize`.
///
/// # Errors
/// An `InitializeType` that there is not; a job that stands in the way.
pub fn initialize(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object_or_empty()?;
    let volume = find_volume(call, machine)?.id.clone();
    let kind = call::text(&body, "InitializeType")?;
    let full = match kind.as_deref() {
        None | Some("Fast") => false,
        Some("Slow") => true,
        Some(other) => return Err(Problem::ParameterValue("InitializeType".into(), other.into())),
    };
    call.summary(format!("Initialize volume {volume}{}", if full { " in full" } else { "" }));
    let when = when(call, &body)?;
    begin(call, machine, vec![StorageAct::Initialize { volume, full }], when, KIND)
}

/// PATCH of a volume: its name, and the spares of its own.
fn patch_volume(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let controller = owner(call, machine)?.id.clone();
    let volume = find_volume(call, machine)?.id.clone();
    let mut acts = Vec::new();
    if let Some(name) = call::text(&body, "Name")? {
        acts.push(StorageAct::Rename { volume: volume.clone(), name });
    }
    let spares = body.get("Links").and_then(|links| links.get("DedicatedSpareDrives"));
    for drive in spares.map(|list| linked("DedicatedSpareDrives", list)).transpose()?.unwrap_or_default() {
        acts.push(StorageAct::Spare { drive, volumes: vec![volume.clone()] });
    }
    if acts.is_empty() {
        return Err(Problem::Missing("Name".into()));
    }
    call.summary(format!("PATCH volume {volume}"));
    do_all(machine, &controller, &acts)
}

/// Does acts at once: 204.
fn do_all(machine: &mut Machine, controller: &str, acts: &[StorageAct]) -> Result<Reply, Problem> {
    for act in acts {
        machine.check_storage(controller, act).map_err(Problem::Storage)?;
    }
    for act in acts {
        machine.do_storage(controller, act).map_err(Problem::Storage)?;
    }
    Ok(Reply::no_content())
}

/// PATCH of a drive: `HotspareType`.
///
/// # Errors
/// A value that there is not; a drive that is in use.
pub fn patch_drive(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let controller = owner(call, machine)?.id.clone();
    let drive = find_drive(call, machine)?.id.clone();
    let name = "HotspareType";
    let wanted = call::text(&body, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    call.summary(format!("PATCH drive {drive} {name} {wanted}"));
    let act = match wanted.as_str() {
        "Global" => StorageAct::Spare { drive, volumes: Vec::new() },
        "None" => StorageAct::Unspare(drive),
        _ => return Err(Problem::PropertyValue(name.into(), wanted.into())),
    };
    do_all(machine, &controller, &[act])
}

/// `Drive.SecureErase`.
///
/// # Errors
/// A drive that is in use or cannot be erased; a job that stands in the way.
pub fn secure_erase(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object_or_empty()?;
    let drive = find_drive(call, machine)?.id.clone();
    call.summary(format!("SecureErase {drive}"));
    let when = when(call, &body)?;
    begin(call, machine, vec![StorageAct::Erase(drive)], when, KIND)
}

/// The controller that a drive or volume is on.
///
/// # Errors
/// When no controller has it.
pub fn home_of(machine: &Machine, piece: &str) -> Result<String, StorageProblem> {
    let has = |owner: &&Controller| owner.drive(piece).is_some() || owner.volume(piece).is_some();
    let found = machine.storage.iter().find(has);
    found.map(|owner| owner.id.clone()).ok_or_else(|| StorageProblem::NoDrive(piece.into()))
}
