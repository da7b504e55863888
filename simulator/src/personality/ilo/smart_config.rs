//! SmartStorageConfig of iLO 5: the volumes that there are to be are put into the settings, and the next POST makes and
//! deletes what it takes. DataGuard says what may be lost for it; what became of it stands beside the current
//! configuration.

use http::Method;
use serde_json::{Map, Value, json};

use super::{SYSTEM, boot, messages, smart};
use crate::machine::inventory::{Controller, Volume};
use crate::machine::storage::{NewVolume, StorageAct};
use crate::machine::{Job, JobState, Machine, Work};
use crate::personality::standard::{date, link};
use crate::web::{Call, Handler, Problem, Reply, Style, Table, call, reply};

/// What the job that carries the settings to POST is called.
pub(super) const KIND: &str = "SmartStorageConfig";
/// Where the machine keeps the settings last sent.
const SENT: &str = "smart-storage-sent";
/// Where the machine keeps what POST will say against them, whatever it finds.
const VERDICT: &str = "smart-storage-verdict";
const CURRENT: &str = "/redfish/v1/systems/1/smartstorageconfig/";
const PENDING: &str = "/redfish/v1/systems/1/smartstorageconfig/settings/";
const REGISTRY: &str = "SmartStorageMessages.2.0";
const GIB: u64 = 1 << 30;

/// Adds the configuration and its settings.
pub(super) fn add(table: &mut Table) {
    let path = format!("{SYSTEM}/smartstorageconfig");
    table.amend(SYSTEM, |_, _, body| body["Oem"]["Hpe"]["SmartStorageConfig"] = json!([link(CURRENT)]));
    table.get(&path, current);
    let settings = format!("{path}/settings");
    table.get(&settings, pending);
    for method in [Method::PUT, Method::PATCH] {
        table.on(method, &settings, Handler::Write(write));
    }
}

fn owner(machine: &Machine) -> Result<&Controller, Problem> {
    machine.storage.first().ok_or(Problem::NotFound)
}

fn place(owner: &Controller, drive: &str) -> Option<String> {
    owner.drives.iter().position(|one| one.id == drive).map(smart::location)
}

fn logical_drive(owner: &Controller, volume: &Volume) -> Value {
    let drives: Vec<_> = volume.drives.iter().filter_map(|id| place(owner, id)).collect();
    json!({
        "Accelerator": "None",
        "BlockSizeBytes": 512,
        "CapacityBlocks": volume.bytes / 512,
        "CapacityGiB": volume.bytes / GIB,
        "DataDrives": drives,
        "DriveLocationFormat": "ControllerPort:Box:Bay",
        "LegacyBootPriority": "None",
        "LogicalDriveName": volume.name,
        "LogicalDriveNumber": volume.id.parse::<u64>().unwrap_or(0),
        "Raid": volume.raid.replace("RAID", "Raid"),
        "SpareDrives": [],
        "VolumeUniqueIdentifier": smart::unique_id(owner, volume),
    })
}

fn render(machine: &Machine, path: &str, id: &str) -> Result<Value, Problem> {
    let owner = owner(machine)?;
    let volumes: Vec<_> = owner.volumes.iter().map(|volume| logical_drive(owner, volume)).collect();
    let drives: Vec<_> = (0..owner.drives.len())
        .map(
            |number| json!({"Location": smart::location(number), "LocationFormat": "ControllerPort:Box:Bay"}),
        )
        .collect();
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#SmartStorageConfig.v2_0_2.SmartStorageConfig",
        "Id": id,
        "DataGuard": "Strict",
        "Location": "Slot 0",
        "LocationFormat": "PCISlot",
        "LogicalDrives": volumes,
        "PhysicalDrives": drives,
    }))
}

fn waiting(machine: &Machine) -> bool {
    machine.jobs.iter().any(|job| job.kind == KIND && !job.state.is_over())
}

/// The settings: as they are, with what was sent while it waits for POST.
fn pending(_: &Call, machine: &Machine) -> Result<Value, Problem> {
    let mut body = render(machine, PENDING, "settings")?;
    if let (true, Some(Value::Object(sent))) = (waiting(machine), machine.oem.get(SENT)) {
        for (name, value) in sent {
            body[name.as_str()] = value.clone();
        }
    }
    Ok(body)
}

fn current(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let mut body = render(machine, CURRENT, "smartstorageconfig")?;
    let unmodified = reply::etag(Style::Weak, &render(machine, PENDING, "settings")?);
    let last = machine.jobs.iter().rev().find(|job| job.kind == KIND && job.state.is_over());
    let mut settings = json!({
        "@odata.type": "#Settings.v1_0_0.Settings",
        "ETag": "",
        "Messages": [{"MessageId": "Base.1.0.Success"}],
        "SettingsObject": link(PENDING),
        "Time": null,
    });
    if let Some(job) = last {
        settings["ETag"] = reply::etag(Style::Strong, &job.id.clone().into()).trim_matches('"').into();
        settings["Time"] = date(call, job.ended.unwrap_or(job.created)).into();
        settings["Messages"] = outcome(machine, job);
    }
    body["@Redfish.Settings"] = settings;
    body["Oem"] = json!({"Hpe": {
        "@odata.type": "#HpeBiosExt.v2_0_0.HpeBiosExt",
        "SettingsObject": {"UnmodifiedETag": unmodified},
    }});
    Ok(body)
}

/// What POST says of the settings that it took last.
fn outcome(machine: &Machine, job: &Job) -> Value {
    let verdict = machine.oem.get(VERDICT).filter(|verdict| !verdict.is_null());
    match (verdict, job.state) {
        (Some(verdict), _) => json!([verdict]),
        (None, JobState::Failed) => json!([{
            "Message": job.message,
            "MessageId": format!("{REGISTRY}.CommitEditableConfigurationFailed"),
        }]),
        (None, _) => json!([{"MessageId": format!("{REGISTRY}.Success")}]),
    }
}

/// PUT or PATCH of the settings: 200, and a reset is required. What is wrong with them, POST tells.
fn write(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let guard = Guard::of(call, &body)?;
    let (acts, verdict) = match wanted(owner(machine)?, &body, guard)? {
        Wanted::Acts(acts) => (acts, Value::Null),
        Wanted::Refused(id, about) => {
            (Vec::new(), json!({"MessageArgs": [about], "MessageId": format!("{REGISTRY}.{id}")}))
        }
    };
    call.summary(format!("PUT SmartStorageConfig: {} acts", acts.len()));
    let controller = owner(machine)?.id.clone();
    let keeps = Work::Keep(vec![(VERDICT.into(), verdict)]);
    machine.oem.insert(SENT.into(), body.into());
    boot::wait_for_post(machine, KIND, Work::All(vec![keeps, Work::Storage(controller, acts)]));
    Ok(messages::reset_required(call))
}

/// What may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// Nothing: no volume is made or deleted.
    Strict,
    /// What is named.
    Permissive,
    /// Also what is not named.
    Disabled,
}

impl Guard {
    fn of(call: &Call, body: &Map<String, Value>) -> Result<Self, Problem> {
        let name = "DataGuard";
        let word = call::text(body, name)?;
        match word.as_deref() {
            _ if !call.cell.quirks.has("data-guard") => Ok(Self::Permissive),
            None | Some("Strict") => Ok(Self::Strict),
            Some("Permissive") => Ok(Self::Permissive),
            Some("Disabled") => Ok(Self::Disabled),
            Some(other) => Err(Problem::PropertyValue(name.into(), other.into())),
        }
    }
}

/// What settings come to.
enum Wanted {
    Acts(Vec<StorageAct>),
    /// A message id, and what it is about.
    Refused(&'static str, String),
}

/// Compares the volumes that there are to be with those that there are.
fn wanted(owner: &Controller, body: &Map<String, Value>, guard: Guard) -> Result<Wanted, Problem> {
    let name = "LogicalDrives";
    let mut acts = erasures(owner, body);
    let Some(list) = body.get(name) else { return Ok(guarded(acts, guard)) };
    let wrong = || Problem::PropertyType(name.into(), list.clone());
    let (mut kept, mut made) = (Vec::new(), Vec::new());
    for one in list.as_array().ok_or_else(wrong)? {
        let one = one.as_object().ok_or_else(wrong)?;
        let Some(unique) = call::text(one, "VolumeUniqueIdentifier")? else {
            made.push(StorageAct::Create(new_volume(owner, one)?));
            continue;
        };
        let volume = owner.volumes.iter().find(|volume| smart::unique_id(owner, volume) == unique);
        let Some(volume) = volume else {
            return Ok(Wanted::Refused("LogicalDriveNotFound", unique));
        };
        if asks(one, "LogicalDriveDelete") {
            acts.push(StorageAct::Delete(volume.id.clone()));
        } else {
            kept.push(volume.id.clone());
        }
    }
    if guard != Guard::Permissive {
        let named = |id: &String| kept.contains(id) || acts.contains(&StorageAct::Delete(id.clone()));
        let left_out: Vec<_> = owner
            .volumes
            .iter()
            .filter(|volume| !named(&volume.id))
            .map(|volume| volume.id.clone())
            .collect();
        acts.extend(left_out.into_iter().map(StorageAct::Delete));
    }
    // Deleted before anything is made: the drives may be wanted again.
    acts.extend(made);
    Ok(guarded(acts, guard))
}

/// A strict guard stands in the way of whatever could lose data.
fn guarded(acts: Vec<StorageAct>, guard: Guard) -> Wanted {
    let refused = match acts.first().filter(|_| guard == Guard::Strict) {
        None => return Wanted::Acts(acts),
        Some(StorageAct::Delete(id)) => ("DeleteEditableLogicalDriveFailed", id.clone()),
        Some(StorageAct::Create(volume)) => {
            ("CreateEditableLogicalDriveFailed", volume.name.clone().unwrap_or_default())
        }
        Some(StorageAct::Erase(drive)) => ("ErasePhysicalDriveFailed", drive.clone()),
        Some(_) => ("ClearConfigurationClearPhysicalDriveCCMNotAllowed", String::new()),
    };
    Wanted::Refused(refused.0, refused.1)
}

/// Whether `Actions` of a body has an action.
fn asks(body: &Map<String, Value>, action: &str) -> bool {
    actions(body).any(|one| one["Action"] == action)
}

fn actions(body: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    body.get("Actions").and_then(Value::as_array).into_iter().flatten()
}

/// What is to be erased: other controllers' configurations, and whole drives.
fn erasures(owner: &Controller, body: &Map<String, Value>) -> Vec<StorageAct> {
    let mut acts = Vec::new();
    for action in actions(body) {
        match action["Action"].as_str() {
            Some("ClearConfigurationMetadata") => acts.push(StorageAct::ClearForeign),
            Some("PhysicalDriveErase") => {
                let places = action["PhysicalDriveList"].as_array().into_iter().flatten();
                acts.extend(
                    places.filter_map(Value::as_str).map(|at| StorageAct::Erase(drive_at(owner, at))),
                );
            }
            _ => {}
        }
    }
    acts
}

/// `Id` of the drive at a place; the place itself where there is none, which POST then refuses.
fn drive_at(owner: &Controller, place: &str) -> String {
    let mut drives = owner.drives.iter().enumerate();
    let found = drives.find(|(number, _)| smart::location(*number) == place);
    found.map_or_else(|| place.to_owned(), |(_, drive)| drive.id.clone())
}

fn new_volume(owner: &Controller, body: &Map<String, Value>) -> Result<NewVolume, Problem> {
    let raid = call::text(body, "Raid")?.ok_or_else(|| Problem::Missing("Raid".into()))?;
    let bytes = match body.get("CapacityGiB").filter(|gib| !gib.is_null()) {
        None => None,
        Some(gib) => {
            let wrong = || Problem::PropertyType("CapacityGiB".into(), gib.clone());
            Some(gib.as_u64().ok_or_else(wrong)?.saturating_mul(GIB))
        }
    };
    Ok(NewVolume {
        name: call::text(body, "LogicalDriveName")?,
        raid: raid.to_ascii_uppercase(),
        drives: data_drives(owner, body)?,
        bytes,
    })
}

/// `DataDrives`: their places, or how many of the free ones.
fn data_drives(owner: &Controller, body: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    let name = "DataDrives";
    let value = body.get(name).ok_or_else(|| Problem::Missing(name.into()))?;
    let wrong = || Problem::PropertyType(name.into(), value.clone());
    if let Some(count) = value.get("DataDriveCount") {
        let count = count.as_u64().and_then(|count| usize::try_from(count).ok()).ok_or_else(wrong)?;
        let free = owner.drives.iter().filter(|drive| owner.volumes_of(&drive.id).next().is_none());
        return Ok(free.take(count).map(|drive| drive.id.clone()).collect());
    }
    let places = value.as_array().ok_or_else(wrong)?.iter();
    places.map(|at| at.as_str().map(|at| drive_at(owner, at)).ok_or_else(wrong)).collect()
}
