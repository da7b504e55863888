//! Root, System, Manager, Chassis, logs and storage as this BMC shows them.

use serde_json::{Value, json};

use super::hardware::STORAGE;
use super::{MANAGER, SYSTEM, serial, uuid};
use crate::machine::Machine;
use crate::personality::standard::{
    asked, chassis_path, collection, date, drop_property, link, manager, system_path,
};
use crate::personality::{Quirks, pieces};
use crate::web::{Call, Problem, Reply, Table, call, expand};

const CHASSIS: &str = "/redfish/v1/Chassis";
/// The enclosure that the NVMe drives are in.
const BACKPLANE: &str = "/redfish/v1/Chassis/NVMeSSD.0.Group.0.StorageBackplane";

/// Amends what the standard renders.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend("/redfish/v1", |_, machine, body| {
        body["@odata.type"] = "#ServiceRoot.v1_9_0.ServiceRoot".into();
        body["UUID"] = uuid(&machine.identity).into();
        body["Oem"] = json!({"Supermicro": {}});
    });
    table.amend(SYSTEM, amend_system);
    if quirks.has("parameters-by-action-info") {
        table.amend(SYSTEM, |call, _, body| {
            let info = format!("{}/ResetActionInfo", system_path(call));
            pieces::point_to_info(&mut body["Actions"]["#ComputerSystem.Reset"], info);
        });
        table.get(&format!("{SYSTEM}/ResetActionInfo"), pieces::reset_info);
    }
    table.amend(&format!("{SYSTEM}/Memory/{{piece}}"), |_, _, body| {
        body["MemoryDeviceType"] = "DDR5".into();
        body["OperatingSpeedMhz"] = 4800.into();
    });
    table.amend(MANAGER, |call, machine, body| {
        body["UUID"] = uuid(&machine.identity).into();
        body["LastResetTime"] = date(call, machine.bmc_started()).into();
        body["Actions"]["#Manager.Reset"]["ResetType@Redfish.AllowableValues"] = json!(["GracefulRestart"]);
    });
    table.post(&format!("{MANAGER}/Actions/Manager.Reset"), reset_manager);
    table.amend("/redfish/v1/AccountService", amend_accounts);
    add_logs(table);
    add_storage(table);
}

fn amend_system(call: &Call, machine: &Machine, body: &mut Value) {
    body["@odata.type"] = "#ComputerSystem.v1_14_0.ComputerSystem".into();
    body["SerialNumber"] = serial(&machine.identity).into();
    body["PartNumber"] = "SYS-821GE-TNHR-02".into();
    body["UUID"] = uuid(&machine.identity).into();
    body["BootProgress"] = pieces::boot_progress(machine);
    body["LogServices"] = link(format!("{}/LogServices", system_path(call)));
}

fn amend_accounts(_: &Call, machine: &Machine, body: &mut Value) {
    let lockout = machine.rules.lockout.as_ref();
    let seconds = |time: Option<std::time::Duration>| time.map_or(0, |time| time.as_secs());
    body["MinPasswordLength"] = 8.into();
    body["MaxPasswordLength"] = 20.into();
    body["AccountLockoutThreshold"] = lockout.map_or(0, |rule| rule.failures).into();
    body["AccountLockoutDuration"] = seconds(lockout.map(|rule| rule.penalty)).into();
    body["AccountLockoutCounterResetAfter"] = seconds(lockout.map(|rule| rule.within)).into();
}

fn reset_manager(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let kind = call::text(&call.object_or_empty()?, "ResetType")?;
    if let Some(other) = kind.filter(|kind| kind != "GracefulRestart") {
        return Err(Problem::ParameterValue("ResetType".into(), other.into()));
    }
    manager::reset(call, machine)
}

/// What was done is the Manager's log, what hardware told of the System's; either is called Log1.
fn add_logs(table: &mut Table) {
    for home in [SYSTEM, MANAGER] {
        table.get(&format!("{home}/LogServices"), |call, _| Ok(pieces::log_services(call, &["Log1"])));
    }
    pieces::move_log(table, "Log", &format!("{MANAGER}/LogServices/Log1"));
    pieces::move_log(table, "Sel", &format!("{SYSTEM}/LogServices/Log1"));
}

/// The drives are in an enclosure; the BMC makes no volumes of them.
fn add_storage(table: &mut Table) {
    let controller = format!("{SYSTEM}/Storage/{{controller}}");
    table.remove(&format!("{controller}/Volumes"));
    table.amend(&controller, |_, _, body| {
        drop_property(body, "Volumes");
        drop_property(&mut body["StorageControllers"][0], "SupportedRAIDTypes");
        for drive in body["Drives"].as_array_mut().into_iter().flatten() {
            let bay = drive["@odata.id"].as_str().and_then(|path| path.rsplit('/').next());
            *drive = link(format!("{BACKPLANE}/Drives/{}", bay.unwrap_or_default()));
        }
    });
    table.get(CHASSIS, |call, _| {
        let members = vec![chassis_path(call), BACKPLANE.into()];
        Ok(collection("ChassisCollection", CHASSIS, "Chassis Collection", members))
    });
    table.get(BACKPLANE, backplane);
    table.get(&format!("{BACKPLANE}/Drives"), |call, machine| {
        let path = asked(call);
        let drives = machine.controller(STORAGE).into_iter().flat_map(|one| &one.drives);
        let members = drives.map(|drive| format!("{path}/{}", drive.id)).collect();
        Ok(collection("DriveCollection", &path, "Drive Collection", members))
    });
    table.get(&format!("{BACKPLANE}/Drives/{{piece}}"), bay);
}

fn backplane(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#Chassis.v1_14_0.Chassis",
        "Id": path.rsplit('/').next(),
        "Name": "NVMe Storage Backplane",
        "ChassisType": "Enclosure",
        "Drives": link(format!("{path}/Drives")),
        "Links": {"ContainedBy": link(chassis_path(call))},
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

/// A drive, as the storage has it, at its place in the enclosure.
fn bay(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/Storage/{STORAGE}/Drives/{}", system_path(call), call.param("piece"));
    let mut body = expand::read(&call.cell, machine, &path).ok_or(Problem::NotFound)?;
    body["@odata.id"] = asked(call).into();
    Ok(body)
}
