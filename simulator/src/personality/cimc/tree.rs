//! Root, System and Managers as a CIMC shows them.

use serde_json::{Value, json};

use super::storage::is_partial;
use super::{MANAGER, PID, SYSTEM, precise, serial};
use crate::machine::{Machine, Post};
use crate::personality::Quirks;
use crate::personality::standard::{boot, collection, drop_property, manager, manager_path};
use crate::web::{Call, Problem, Reply, Table, call};

/// Amends what the standard renders.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend("/redfish/v1", |_, _, body| body["@odata.type"] = "#ServiceRoot.v1_10_0.ServiceRoot".into());
    table.amend(SYSTEM, amend_system);
    table.patch(SYSTEM, patch_system);
    table.amend(MANAGER, amend_manager);
    table.post(&format!("{MANAGER}/Actions/Manager.Reset"), reset);
    table.amend("/redfish/v1/Chassis/{chassis}", |_, machine, body| {
        body["SerialNumber"] = serial(&machine.identity).into();
    });
    if quirks.has("adapter-among-managers") {
        table.get("/redfish/v1/Managers", managers);
        table.get("/redfish/v1/Managers/{adapter}", adapter);
    }
    if quirks.has("partial-inventory-when-off") {
        table.amend(&format!("{SYSTEM}/Storage/{{controller}}"), |_, machine, body| {
            if machine.power() == crate::machine::Power::Off {
                body["Drives"] = json!([]);
                body["Drives@odata.count"] = 0.into();
            }
        });
    }
}

fn amend_system(call: &Call, machine: &Machine, body: &mut Value) {
    body["@odata.type"] = "#ComputerSystem.v1_12_0.ComputerSystem".into();
    body["SerialNumber"] = serial(&machine.identity).into();
    if call.cell.quirks.has("no-boot-mode") {
        for absent in [
            "BootSourceOverrideMode",
            "BootSourceOverrideMode@Redfish.AllowableValues",
            "UefiTargetBootSourceOverride",
        ] {
            drop_property(&mut body["Boot"], absent);
        }
        body["Boot"]["BootSourceOverrideEnabled@Redfish.AllowableValues"] =
            json!(["Once", "Continuous", "Disabled"]);
    }
    if let Some(first) = &machine.boot.first {
        // Set by the XML API, and an override all the same.
        let known = machine.rules.boot_targets.contains(&first.source.as_str());
        body["Boot"]["BootSourceOverrideEnabled"] = "Once".into();
        body["Boot"]["BootSourceOverrideTarget"] = if known { first.source.as_str() } else { "None" }.into();
    }
    let partial = is_partial(call, machine);
    body["Oem"] = json!({"Cisco": {
        "PostCompletionStatus": matches!(machine.post(), Post::Done),
        "PowerRestorePolicy": "PowerOff",
        "InventoryState": if partial { "PartialInventoryReady" } else { "OobInventoryReady" },
    }});
}

/// The PATCH of the System knows no boot mode. An override takes the place of the device that is booted once.
fn patch_system(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let boot = body.get("Boot").and_then(Value::as_object);
    let known = ["BootSourceOverrideEnabled", "BootSourceOverrideTarget"];
    let other = boot.and_then(|boot| boot.keys().find(|name| !known.contains(&name.as_str())));
    match other {
        Some(other) if call.cell.quirks.has("no-boot-mode") => {
            return Err(Problem::UnknownProperty(other.clone()));
        }
        _ => {}
    }
    let reply = boot::patch(call, machine)?;
    precise::forget_one_time(machine);
    Ok(reply)
}

fn amend_manager(_: &Call, machine: &Machine, body: &mut Value) {
    body["Name"] = "Cisco Integrated Management Controller".into();
    body["SerialNumber"] = serial(&machine.identity).into();
    body["Actions"]["#Manager.Reset"]["ResetType@Redfish.AllowableValues"] = json!(["ForceRestart"]);
}

fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let kind = call::text(&body, "ResetType")?.ok_or_else(|| Problem::Missing("ResetType".into()))?;
    if kind != "ForceRestart" {
        return Err(Problem::ParameterValue("ResetType".into(), kind.into()));
    }
    manager::reset(call, machine)
}

fn adapter_id(machine: &Machine) -> String {
    format!("UCSC-M-V100-04_{}", serial(&machine.identity))
}

fn managers(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let members = vec![manager_path(call), format!("/redfish/v1/Managers/{}", adapter_id(machine))];
    Ok(collection("ManagerCollection", "/redfish/v1/Managers", "Manager Collection", members))
}

/// The VIC adapter: a Manager that is not the BMC.
fn adapter(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = adapter_id(machine);
    if call.param("adapter") != id {
        return Err(Problem::NotFound);
    }
    let path = format!("/redfish/v1/Managers/{id}");
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#Manager.v1_9_0.Manager",
        "Id": id,
        "Name": "VIC adapter",
        "ManagerType": "AuxiliaryController",
        "Model": "UCSC-M-V100-04",
        "FirmwareVersion": "5.2(3c)",
        "Description": format!("Network adapter of {PID}"),
        "Actions": {"#Manager.Reset": {
            "target": format!("{path}/Actions/Manager.Reset"),
            "ResetType@Redfish.AllowableValues": [],
        }},
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}
