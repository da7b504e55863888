//! Root, System, Manager and Chassis as an iDRAC shows them.

use serde_json::{Value, json};

use super::{MANAGER, SYSTEM, bios, messages};
use crate::machine::Machine;
use crate::personality::standard::{collection, link, manager, manager_path, system};
use crate::web::{Call, Problem, Reply, Table, call};

/// Amends what the standard renders.
pub(super) fn add(table: &mut Table) {
    table.amend("/redfish/v1", amend_root);
    table.amend(SYSTEM, amend_system).patch(SYSTEM, patch_system);
    table.amend(MANAGER, amend_manager);
    table.amend("/redfish/v1/Chassis/{chassis}", |_, machine, body| {
        body["SKU"] = machine.identity.serial.clone().into();
        body["SerialNumber"] = board_serial(machine).into();
    });
    table.patch(&format!("{SYSTEM}/SecureBoot"), patch_secure_boot);
    table.post(&format!("{MANAGER}/Actions/Manager.Reset"), reset);
    let logs = format!("{MANAGER}/LogServices");
    table.relocate(&format!("{logs}/Log"), &format!("{logs}/Lclog"));
    table.get(&logs, log_services);
    table.amend(&format!("{logs}/Lclog"), |call, _, body| {
        let path = format!("{}/LogServices/Lclog", manager_path(call));
        body["Id"] = "Lclog".into();
        body["Name"] = "Lifecycle Controller Log Service".into();
        body["Entries"] = link(format!("{path}/Entries"));
        body["@odata.id"] = path.into();
    });
    table
        .relocate(&format!("{MANAGER}/EthernetInterfaces/1"), &format!("{MANAGER}/EthernetInterfaces/NIC.1"));
    table.get(&format!("{MANAGER}/EthernetInterfaces"), |call, _| {
        let path = format!("{}/EthernetInterfaces", manager_path(call));
        let members = vec![format!("{path}/NIC.1")];
        Ok(collection("EthernetInterfaceCollection", &path, "Ethernet Network Interface Collection", members))
    });
    table.amend(&format!("{MANAGER}/EthernetInterfaces/NIC.1"), |call, _, body| {
        body["Id"] = "NIC.1".into();
        body["@odata.id"] = format!("{}/EthernetInterfaces/NIC.1", manager_path(call)).into();
    });
}

/// Serial number of the board, which is not the service tag.
fn board_serial(machine: &Machine) -> String {
    format!("CNFCP00{}0A", machine.identity.serial)
}

fn amend_root(_: &Call, machine: &Machine, body: &mut Value) {
    body["@odata.type"] = "#ServiceRoot.v1_10_0.ServiceRoot".into();
    body["JobService"] = link("/redfish/v1/JobService");
    body["Oem"] = json!({"Dell": {
        "@odata.type": "#DellServiceRoot.v1_0_0.DellServiceRoot",
        "IsBranded": 0,
        "ManagerMACAddress": machine.identity.bmc_mac,
        "ServiceTag": machine.identity.serial,
    }});
}

fn amend_system(call: &Call, machine: &Machine, body: &mut Value) {
    let tag = &machine.identity.serial;
    body["@odata.type"] = "#ComputerSystem.v1_16_0.ComputerSystem".into();
    body["SKU"] = tag.clone().into();
    body["SerialNumber"] = board_serial(machine).into();
    if call.cell.quirks.has("boot-mode-by-job") {
        let legacy = machine.bios.current.get("BootMode").and_then(Value::as_str) == Some("Bios");
        body["Boot"]["BootSourceOverrideMode"] = if legacy { "Legacy" } else { "UEFI" }.into();
    }
    body["Oem"] = json!({"Dell": {
        "@odata.type": "#DellOem.v1_3_0.DellOemResources",
        "DellSystem": {
            "@odata.type": "#DellSystem.v1_3_0.DellSystem",
            "ChassisServiceTag": tag,
            "NodeID": tag,
            "SystemGeneration": "15G Monolithic",
        },
    }});
}

/// PATCH of the System: 200 with messages; a changed boot mode takes a job.
fn patch_system(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let mode = match body.get("Boot").and_then(Value::as_object) {
        Some(boot) => call::text(boot, "BootSourceOverrideMode")?,
        None => None,
    };
    let changed = match mode.filter(|_| call.cell.quirks.has("boot-mode-by-job")) {
        Some(mode) => bios::changed_mode(machine, &mode)?,
        None => None,
    };
    system::patch_system(call, machine)?;
    match changed {
        Some(value) => bios::commit_mode(call, machine, value),
        None => Ok(Reply::json(messages::success())),
    }
}

fn patch_secure_boot(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    system::patch_secure_boot(call, machine)?;
    Ok(Reply::json(messages::success()))
}

fn amend_manager(call: &Call, machine: &Machine, body: &mut Value) {
    let path = manager_path(call);
    body["@odata.type"] = "#Manager.v1_12_0.Manager".into();
    body["LastResetTime"] = crate::personality::standard::date(call, crate::clock::SimTime::ZERO).into();
    body["UUID"] = machine.identity.uuid.clone().into();
    body["Actions"]["#Manager.Reset"]["ResetType@Redfish.AllowableValues"] = json!(["GracefulRestart"]);
    body["Links"]["Oem"] = json!({"Dell": {
        "@odata.type": "#DellOem.v1_3_0.DellOemLinks",
        "DellJobService": link(format!("{path}/Oem/Dell/DellJobService")),
        "DellLCService": link(format!("{path}/Oem/Dell/DellLCService")),
        "DellLicenseCollection": link(format!("{path}/Oem/Dell/DellLicenses")),
        "Jobs": link(format!("{path}/Oem/Dell/Jobs")),
    }});
}

/// `Manager.Reset` takes `GracefulRestart` only.
fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let kind = call::text(&body, "ResetType")?.ok_or_else(|| Problem::Missing("ResetType".into()))?;
    if kind != "GracefulRestart" {
        return Err(Problem::ParameterValue("ResetType".into(), kind.into()));
    }
    manager::reset(call, machine)
}

fn log_services(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/LogServices", manager_path(call));
    let members = vec![format!("{path}/Lclog")];
    Ok(collection("LogServiceCollection", &path, "Log Service Collection", members))
}
