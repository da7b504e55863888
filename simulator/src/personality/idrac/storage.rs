//! Storage as an iDRAC shows it: FQDDs, what a drive is used for in its own words, drives of the host's among the volumes,
//! and volumes made in two forms.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{Generation, SYSTEM, jobs};
use crate::machine::inventory::Drive;
use crate::machine::storage::{DriveState, NewVolume, StorageAct};
use crate::machine::{Machine, When};
use crate::personality::Quirks;
use crate::personality::standard::storage::{self, APPLY_TIME, bytes, find_drive, linked, owner};
use crate::personality::standard::{asked, drop_property, link};
use crate::web::{Call, Problem, Reply, Table, call};

const STORAGE: &str = "/redfish/v1/Systems/{system}/Storage/{controller}";
/// Redfish's levels and the types that stood for them before.
const TYPES: [(&str, &str); 5] = [
    ("RAID0", "NonRedundant"),
    ("RAID1", "Mirrored"),
    ("RAID5", "StripedWithParity"),
    ("RAID10", "SpannedMirrors"),
    ("RAID50", "SpannedStripesWithParity"),
];

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    let (drive, volumes) = (format!("{STORAGE}/Drives/{{piece}}"), format!("{STORAGE}/Volumes"));
    let volume = format!("{volumes}/{{piece}}");
    table.amend(&drive, amend_drive);
    table.post(&format!("{drive}/Actions/Drive.SecureErase"), erase);
    table.get(&volumes, list).post(&volumes, create);
    table.get(&volume, read).delete(&volume, delete);
    table.post(&format!("{volume}/Actions/Volume.Initialize"), initialize);
    if !quirks.has("volume-apply-time") {
        table.amend(&volumes, |_, _, body| drop_property(body, "@Redfish.OperationApplyTimeSupport"));
    }
    if quirks.has("drives-by-raid-service") {
        table.patch(&drive, |_, _| Err(Problem::ReadOnlyProperty("HotspareType".into())));
        table.patch(&volume, |_, _| Err(Problem::MethodNotAllowed));
        table.amend(SYSTEM, |call, _, body| {
            let path = format!("{}/Oem/Dell/DellRaidService", asked(call));
            body["Links"]["Oem"] = json!({"Dell": {"DellRaidService": link(path)}});
        });
    }
}

/// Whether the host sees a drive as it is.
fn is_raw(machine: &Machine, drive: &Drive, controller: &str) -> bool {
    let without_raid = machine.controller(controller).is_some_and(|owner| owner.raid.is_empty());
    drive.state == DriveState::NonRaid || without_raid
}

fn amend_drive(call: &Call, machine: &Machine, body: &mut Value) {
    if !call.cell.quirks.has("raid-status-in-oem") {
        return;
    }
    let (Ok(owner), Ok(drive)) = (owner(call, machine), find_drive(call, machine)) else { return };
    let status = match drive.state {
        DriveState::Failed => "Failed",
        DriveState::Foreign => "Foreign",
        _ if is_raw(machine, drive, &owner.id) => "NonRAID",
        DriveState::Ready | DriveState::GlobalSpare | DriveState::DedicatedSpare | DriveState::NonRaid => {
            if owner.volumes_of(&drive.id).next().is_some() {
                "Online"
            } else {
                "Ready"
            }
        }
    };
    body["Oem"] = json!({"Dell": {
        "@odata.type": "#DellOem.v1_3_0.DellOemResources",
        "DellPhysicalDisk": {
            "@odata.type": "#DellPhysicalDisk.v1_5_0.DellPhysicalDisk",
            "Id": drive.id,
            "RaidStatus": status,
        },
    }});
}

fn list(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let mut body = storage::volumes(call, machine)?;
    let owner = owner(call, machine)?;
    let path = asked(call);
    if call.cell.quirks.has("raw-device-volumes") {
        let raw = owner.drives.iter().filter(|drive| is_raw(machine, drive, &owner.id));
        let raw: Vec<_> = raw.map(|drive| link(format!("{path}/{}", drive.id))).collect();
        if let Some(members) = body["Members"].as_array_mut() {
            members.extend(raw);
            let count = members.len();
            body["Members@odata.count"] = count.into();
        }
    }
    Ok(body)
}

fn read(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let owner = owner(call, machine)?;
    if let Ok(drive) = find_drive(call, machine) {
        let raw = is_raw(machine, drive, &owner.id) && call.cell.quirks.has("raw-device-volumes");
        return if raw { Ok(raw_volume(call, machine, drive)) } else { Err(Problem::NotFound) };
    }
    let mut body = storage::volume(call, machine)?;
    let kind = TYPES.iter().find(|(level, _)| body["RAIDType"] == *level).map(|(_, kind)| *kind);
    body["VolumeType"] = kind.into();
    if call.cell.quirks.has("volume-type-and-drives") {
        drop_property(&mut body, "RAIDType");
    }
    Ok(body)
}

/// A drive that is handed to the host, as a volume.
fn raw_volume(call: &Call, machine: &Machine, drive: &Drive) -> Value {
    let owner = owner(call, machine).ok();
    let path = owner.map(|owner| storage::drive_path(call, owner, &drive.id));
    json!({
        "@odata.id": asked(call),
        "@odata.type": "#Volume.v1_6_2.Volume",
        "Id": drive.id,
        "Name": drive.name,
        "RAIDType": null,
        "VolumeType": "RawDevice",
        "CapacityBytes": drive.bytes,
        "Links": {"Drives": path.map(link).into_iter().collect::<Vec<_>>()},
        "Status": {"Health": "OK", "State": "Enabled"},
    })
}

/// Reads a new volume in the forms that this firmware takes.
fn wanted(call: &Call, body: &Map<String, Value>) -> Result<NewVolume, Problem> {
    let older = body.contains_key("VolumeType");
    if older && Generation::of(call) == Generation::Ten {
        return Err(Problem::UnknownProperty("VolumeType".into()));
    }
    if call.cell.quirks.has("volume-type-and-drives") {
        if let Some(name) = ["RAIDType", "Links"].into_iter().find(|name| body.contains_key(*name)) {
            return Err(Problem::UnknownProperty(name.into()));
        }
    } else if !older {
        return storage::new_volume(body);
    }
    let kind = call::text(body, "VolumeType")?.ok_or_else(|| Problem::Missing("VolumeType".into()))?;
    let level = TYPES.iter().find(|(_, known)| *known == kind).map(|(level, _)| *level);
    let level = level.ok_or_else(|| Problem::PropertyValue("VolumeType".into(), kind.into()))?;
    let drives = body.get("Drives").ok_or_else(|| Problem::Missing("Drives".into()))?;
    Ok(NewVolume {
        name: call::text(body, "Name")?,
        raid: level.into(),
        drives: linked("Drives", drives)?,
        bytes: bytes(body)?,
    })
}

fn create(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let wanted = wanted(call, &body)?;
    storage::note_new(call, &wanted);
    let when = when(call, machine, &body)?;
    begin(call, machine, StorageAct::Create(wanted), when)
}

/// When an operation takes effect. One that is wanted at once needs storage that is ready.
fn when(call: &Call, machine: &Machine, body: &Map<String, Value>) -> Result<When, Problem> {
    let quirk = call.cell.quirks.has("volume-apply-time");
    if !quirk && body.contains_key(APPLY_TIME) {
        return Err(Problem::UnknownProperty(APPLY_TIME.into()));
    }
    let ready = jobs::storage_ready(call, machine);
    let when = storage::when(call, body)?;
    match (when, body.contains_key(APPLY_TIME)) {
        (When::Now, true) if !ready => {
            let text = "The data source of the storage inventory is not available.";
            Err(Problem::Other(StatusCode::SERVICE_UNAVAILABLE, "SYS518".into(), text.into()))
        }
        (When::Now, false) if !ready => Ok(When::AtReset),
        _ => Ok(when),
    }
}

/// Gives an act to a job of the type that its time asks for.
pub(super) fn begin(
    call: &Call,
    machine: &mut Machine,
    act: StorageAct,
    when: When,
) -> Result<Reply, Problem> {
    storage::begin(call, machine, vec![act], when, kind(when)).map(said)
}

/// The type of a storage job.
pub(super) fn kind(when: When) -> &'static str {
    match when {
        When::Now => "RealTimeNoRebootConfiguration",
        When::AtReset => "RAIDConfiguration",
    }
}

/// A job's answer carries messages, and not the job.
fn said(mut reply: Reply) -> Reply {
    reply.json = Some(super::messages::success());
    reply
}

fn delete(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let volume = storage::find_volume(call, machine)?.id.clone();
    call.summary(format!("Delete volume {volume}"));
    let body = call.object_or_empty()?;
    if body.contains_key(APPLY_TIME) && call.cell.quirks.has("delete-takes-no-apply-time") {
        return Err(Problem::UnknownProperty(APPLY_TIME.into()));
    }
    let when = when(call, machine, &body)?;
    begin(call, machine, StorageAct::Delete(volume), when)
}

fn initialize(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    when(call, machine, &call.object_or_empty()?)?;
    storage::initialize(call, machine).map(said)
}

fn erase(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    when(call, machine, &call.object_or_empty()?)?;
    storage::secure_erase(call, machine).map(said)
}
