//! Storage as a CIMC shows it.

use serde_json::{Value, json};

use super::SYSTEM;
use super::facts::Facts;
use crate::machine::inventory::{Controller, Volume};
use crate::machine::storage::{DriveState, StorageAct};
use crate::machine::{Machine, Power};
use crate::personality::Quirks;
use crate::personality::pieces;
use crate::personality::standard::{asked, drop_property, link, storage};
use crate::web::{Call, Problem, Reply, Table, call};

/// The M.2 controller: it makes one mirror of its two drives, which the host sees as they are until then.
const M2: (&str, &str) = ("MSTOR-RAID", "UCS-M2-HWRAID");
const RAID: [&str; 7] = ["RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID50", "RAID60"];

/// Whether drives are not known yet, because the host is off.
pub(super) fn is_partial(call: &Call, machine: &Machine) -> bool {
    machine.power() == Power::Off && call.cell.quirks.has("partial-inventory-when-off")
}

/// The number of a drive or volume, which on M4 is `PD-1` or `VD-0` for Redfish.
pub(super) fn number(id: &str) -> &str {
    id.strip_prefix("PD-").or_else(|| id.strip_prefix("VD-")).unwrap_or(id)
}

/// The drives of a volume, span by span.
pub(super) fn spans(volume: &Volume) -> Vec<Vec<String>> {
    let count = volume.drives.len().max(1);
    let wide = match volume.raid {
        "RAID10" => 2,
        "RAID50" | "RAID60" => count.div_ceil(2),
        _ => count,
    };
    volume.drives.chunks(wide).map(<[String]>::to_vec).collect()
}

/// The controllers as delivered: the host's disk is the mirror on M.2, or, without such, the first volume.
pub(super) fn controllers(facts: &Facts, quirks: &Quirks) -> Vec<Controller> {
    let (id, model) = facts.raid;
    if id == "SLOT-HBA" {
        let prefixed = quirks.has("slot-hba-ids");
        let name = |kind: &str, at: usize| if prefixed { format!("{kind}{at}") } else { at.to_string() };
        let drives = pieces::drives(4, |at| name("PD-", at + 1), "ST1200MM0088", 1_200_243_081_216);
        let boot = drives.get(..2).unwrap_or_default();
        let volume = Volume::new(&name("VD-", 0), "BOOT", "RAID1", 1_199_169_339_392, boot);
        return vec![Controller::new(id, model, &RAID, drives).with_volume(volume)];
    }
    let drives = pieces::drives(2, |at| (253 + at).to_string(), "MTFDDAV480TDS", 480_103_981_056);
    let mirror = Volume::new("0", "BOOT", "RAID1", 478_998_953_984, &drives);
    let m2 = Controller::new(M2.0, M2.1, &["RAID1"], drives).resting(DriveState::NonRaid).with_volume(mirror);
    let drives = pieces::drives(4, |at| (at + 1).to_string(), "MZ7LH960HAJR0D3", 960_197_124_096);
    vec![m2, Controller::new(id, model, &RAID, drives)]
}

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table) {
    let controller = format!("{SYSTEM}/Storage/{{controller}}");
    let (drive, volume) =
        (format!("{controller}/Drives/{{piece}}"), format!("{controller}/Volumes/{{piece}}"));
    table.amend(&controller, amend_controller);
    table.post(&format!("{controller}/Actions/Oem/Cisco.ClearConfig"), |call, machine| {
        call.object_or_empty()?;
        call.summary("ClearConfig");
        act(call, machine, &StorageAct::ResetAll)
    });
    table.post(&format!("{controller}/Actions/Oem/Cisco.DoForeignConfig"), foreign);
    table.amend(&drive, amend_drive);
    table.post(&format!("{drive}/Actions/Oem/Cisco.AddHotspare"), spare);
    table.amend(&volume, amend_volume);
    table.post(&format!("{controller}/Volumes"), create);
    table.post(&format!("{volume}/Actions/Volume.CheckConsistency"), check);
}

fn amend_controller(call: &Call, machine: &Machine, body: &mut Value) {
    if is_partial(call, machine) {
        body["Drives"] = json!([]);
        body["Drives@odata.count"] = 0.into();
    }
    let path = asked(call);
    body["Actions"]["Oem"] = json!({
        "#Cisco.ClearConfig": {"target": format!("{path}/Actions/Oem/Cisco.ClearConfig")},
        "#Cisco.DoForeignConfig": {
            "target": format!("{path}/Actions/Oem/Cisco.DoForeignConfig"),
            "ForeignConfigActionType@Redfish.AllowableValues": ["Clear", "Import"],
        },
    });
}

/// A name of its own for good; on the captured machines with a blank behind it.
fn durable(call: &Call, name: &str) -> Value {
    let blank = if call.cell.quirks.has("durable-name-blank") { " " } else { "" };
    json!([{"DurableName": format!("{name}{blank}"), "DurableNameFormat": "NAA"}])
}

fn amend_drive(call: &Call, machine: &Machine, body: &mut Value) {
    let (Ok(owner), Ok(drive)) = (storage::owner(call, machine), storage::find_drive(call, machine)) else {
        return;
    };
    let state = match drive.state {
        DriveState::Ready if owner.volumes_of(&drive.id).next().is_some() => "Online",
        DriveState::Ready => "UnConfiguredGood",
        DriveState::NonRaid => "Jbod",
        DriveState::GlobalSpare => "GlobalHotSpare",
        DriveState::DedicatedSpare => "DedicatedHotSpare",
        DriveState::Foreign => "Foreign",
        DriveState::Failed => "Failed",
    };
    body["Oem"] = json!({"Cisco": {
        "DriveState": state,
        "CoercedSizeBytes": drive.usable(),
        "DrivePowerState": "Active",
        "DisabledForRemoval": false,
    }});
    body["Identifiers"] = durable(call, &format!("5002538e{:0>8}", number(&drive.id)));
    body["Actions"]["Oem"] = json!({"#Cisco.AddHotspare": {
        "target": format!("{}/Actions/Oem/Cisco.AddHotspare", asked(call)),
        "HotSpareType@Redfish.AllowableValues": ["Global", "Dedicated"],
    }});
}

fn amend_volume(call: &Call, machine: &Machine, body: &mut Value) {
    let (Ok(owner), Ok(volume)) = (storage::owner(call, machine), storage::find_volume(call, machine)) else {
        return;
    };
    let (path, quirks) = (asked(call), &call.cell.quirks);
    body["Identifiers"] = durable(call, &format!("600605b0{:0>8}", number(&volume.id)));
    body["Actions"]["#Volume.CheckConsistency"] =
        json!({"target": format!("{path}/Actions/Volume.CheckConsistency")});
    if quirks.has("volume-spans") {
        drop_property(&mut body["Links"], "Drives");
        let listed = |drives: &Vec<String>| {
            let links: Vec<_> = drives.iter().map(|id| link(storage::drive_path(call, owner, id))).collect();
            json!({"DrivesList": links})
        };
        body["Links"]["Oem"]["Cisco"]["Spans"] = spans(volume).iter().map(listed).collect();
    }
    if quirks.has("old-schema-paths") {
        body["@odata.type"] = "#Volume.v1_0_3.Volume".into();
        body["@odata.context"] =
            "/redfish/v1/$metadata#Systems/Members/$entity/Storage/Members/$entity/Volumes/Members/$entity"
                .into();
    }
}

/// POST to the volumes: drives in `Links.Drives`, or span by span.
fn create(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let mut body = call.object()?;
    let spans = body.get("Links").map(|links| &links["Oem"]["Cisco"]["Spans"]).and_then(Value::as_array);
    if let Some(spans) = spans.filter(|_| call.cell.quirks.has("volume-spans")) {
        let drives =
            spans.iter().flat_map(|span| span["DrivesList"].as_array().into_iter().flatten().cloned());
        let drives: Vec<Value> = drives.collect();
        body.insert("Links".into(), json!({"Drives": drives}));
    }
    storage::create_of(call, machine, &body)
}

/// What reads a volume and leaves it as it is.
fn check(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    let id = storage::find_volume(call, machine)?.id.clone();
    call.summary(format!("CheckConsistency {id}"));
    machine.event("OK", format!("The consistency of the virtual disk {id} is checked."));
    Ok(Reply::no_content())
}

fn act(call: &Call, machine: &mut Machine, act: &StorageAct) -> Result<Reply, Problem> {
    let controller = storage::owner(call, machine)?.id.clone();
    machine.check_storage(&controller, act).map_err(Problem::Storage)?;
    machine.do_storage(&controller, act).map_err(Problem::Storage)?;
    Ok(Reply::no_content())
}

fn foreign(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let name = "ForeignConfigActionType";
    let wanted = call::text(&call.object()?, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    call.summary(format!("DoForeignConfig {wanted}"));
    match wanted.as_str() {
        "Clear" => act(call, machine, &StorageAct::ClearForeign),
        _ => Err(Problem::ParameterValue(name.into(), wanted.into())),
    }
}

/// `Cisco.AddHotspare`: of all volumes, or of the controller's own.
fn spare(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let name = "HotSpareType";
    let wanted = call::text(&call.object()?, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    let drive = storage::find_drive(call, machine)?.id.clone();
    call.summary(format!("AddHotspare {drive} {wanted}"));
    let volumes = match wanted.as_str() {
        "Global" => Vec::new(),
        "Dedicated" => storage::owner(call, machine)?.volumes.iter().map(|one| one.id.clone()).collect(),
        _ => return Err(Problem::ParameterValue(name.into(), wanted.into())),
    };
    act(call, machine, &StorageAct::Spare { drive, volumes })
}
