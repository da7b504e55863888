//! Root, System, Manager and Chassis as an iDRAC shows them.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::facts::Generation;
use super::{MANAGER, SYSTEM, attributes, jobs, messages};
use crate::machine::{Machine, Post, Power};
use crate::personality::Quirks;
use crate::personality::standard::{collection, drop_property, link, manager, manager_path, system};
use crate::web::{Call, Problem, Reply, Table, call};

/// Amends what the standard renders.
pub(super) fn add(table: &mut Table, generation: Generation, quirks: &Quirks) {
    table.amend("/redfish/v1", amend_root);
    table.amend(SYSTEM, amend_system);
    if quirks.has("systems-gone-after-force") {
        table.amend("/redfish/v1/Systems", |_, machine, body| {
            if jobs::was_forced(machine) {
                body["Members"] = json!([]);
                body["Members@odata.count"] = 0.into();
            }
        });
    }
    table.amend(MANAGER, amend_manager);
    if generation != Generation::Eight {
        table.amend(MANAGER, link_services);
    }
    table.amend("/redfish/v1/Chassis/{chassis}", |call, machine, body| {
        if call.cell.quirks.has("service-tag-is-sku") {
            body["SKU"] = machine.identity.serial.clone().into();
            body["SerialNumber"] = board_serial(machine).into();
        }
    });
    table.post(&format!("{SYSTEM}/Actions/ComputerSystem.Reset"), reset_system);
    table.patch(&format!("{SYSTEM}/SecureBoot"), patch_secure_boot);
    table.post(&format!("{MANAGER}/Actions/Manager.Reset"), reset);
    let logs = format!("{MANAGER}/LogServices");
    table.relocate(&format!("{logs}/Log"), &format!("{logs}/Lclog"));
    table.get(&logs, log_services);
    table.amend(&format!("{logs}/Lclog"), |_, _, body| {
        body["Id"] = "Lclog".into();
        body["Name"] = "Lifecycle Controller Log Service".into();
        // The lifecycle log cannot be cleared.
        drop_property(body, "Actions");
    });
    table.remove(&format!("{logs}/Lclog/Actions"));
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
    if call.cell.quirks.has("service-tag-is-sku") {
        body["SKU"] = tag.clone().into();
        body["SerialNumber"] = board_serial(machine).into();
    }
    if !call.cell.quirks.has("readiness-by-lc-service") {
        body["BootProgress"] = json!({"LastState": boot_progress(machine)});
    }
    body["Status"]["HealthRollup"] = machine.health_rollup().into();
    body["Oem"] = json!({"Dell": {
        "@odata.type": "#DellOem.v1_3_0.DellOemResources",
        "DellSystem": {
            "@odata.type": "#DellSystem.v1_3_0.DellSystem",
            "ChassisServiceTag": tag,
            "NodeID": tag,
            "SystemGeneration": machine.hardware.bmc_model,
        },
    }});
}

fn patch_secure_boot(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    system::patch_secure_boot(call, machine)?;
    Ok(Reply::json(messages::success()))
}

fn amend_manager(call: &Call, machine: &Machine, body: &mut Value) {
    let path = manager_path(call);
    body["@odata.type"] = "#Manager.v1_12_0.Manager".into();
    body["LastResetTime"] = crate::personality::standard::date(call, machine.bmc_started()).into();
    body["UUID"] = machine.identity.uuid.clone().into();
    body["Actions"]["#Manager.Reset"]["ResetType@Redfish.AllowableValues"] = json!(["GracefulRestart"]);
    body["Attributes"] = link(format!("{path}/Attributes"));
}

/// The services of Dell's own that iDRAC9 brought.
fn link_services(call: &Call, _: &Machine, body: &mut Value) {
    let path = manager_path(call);
    let quirks = &call.cell.quirks;
    let sets = attributes::SETS.iter().map(|set| link(format!("{path}/Oem/Dell/DellAttributes/{set}")));
    let mut links = json!({
        "@odata.type": "#DellOem.v1_3_0.DellOemLinks",
        "DellAttributes": sets.collect::<Vec<_>>(),
        "DellLicenseCollection": link(format!("{path}/Oem/Dell/DellLicenses")),
    });
    for (quirk, name, place) in [
        ("delete-job-queue", "DellJobService", "DellJobService"),
        ("readiness-by-lc-service", "DellLCService", "DellLCService"),
        ("jobs-below-manager", "Jobs", "Jobs"),
    ] {
        if quirks.has(quirk) {
            links[name] = link(format!("{path}/Oem/Dell/{place}"));
        }
    }
    body["Links"]["Oem"] = json!({"Dell": links});
}

/// Where the host is, in the standard's words.
fn boot_progress(machine: &Machine) -> &'static str {
    match (machine.power(), machine.post()) {
        (Power::Off | Power::PoweringOn, _) => "None",
        (_, Post::Setup) => "SetupEntered",
        (_, Post::Done) => "OSBootStarted",
        _ => "SystemHardwareInitializationComplete",
    }
}

/// For how long an iDRAC10 does not switch a host on that has only just gone off.
const SETTLES: Duration = Duration::from_secs(10);

/// `ComputerSystem.Reset`.
fn reset_system(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let on = call.object()?.get("ResetType").and_then(Value::as_str) == Some("On");
    let recent = machine.off_since().is_some_and(|off| machine.now().since(off) < SETTLES);
    if on && recent && machine.power() == Power::Off && call.cell.quirks.has("on-refused-after-off") {
        let text = "The value On of the parameter ResetType conflicts with the state of the server.";
        let id = format!("{}.ActionParameterValueConflict", call.cell.traits.base);
        return Err(Problem::Other(StatusCode::CONFLICT, id, text.into()));
    }
    system::reset(call, machine)
}

/// How long an iDRAC still answers after it was told to restart, and how long it is gone then.
const LEAVES: Duration = Duration::from_secs(20);
const GONE: Duration = Duration::from_secs(90);

/// `Manager.Reset` takes `GracefulRestart` only.
fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let kind = call::text(&body, "ResetType")?.ok_or_else(|| Problem::Missing("ResetType".into()))?;
    if kind != "GracefulRestart" {
        return Err(Problem::ParameterValue("ResetType".into(), kind.into()));
    }
    if !call.cell.quirks.has("restart-shows-in-attribute") {
        return manager::reset(call, machine);
    }
    call.summary("Manager.Reset");
    machine.restart_bmc_after(LEAVES, GONE);
    Ok(Reply::no_content())
}

fn log_services(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/LogServices", manager_path(call));
    let members = vec![format!("{path}/Sel"), format!("{path}/Lclog")];
    Ok(collection("LogServiceCollection", &path, "Log Service Collection", members))
}
