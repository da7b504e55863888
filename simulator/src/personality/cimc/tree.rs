//! Root, System and Managers as a CIMC shows them.

use serde_json::{Value, json};

use super::storage::is_partial;
use super::{MANAGER, SYSTEM, precise, serial};
use crate::machine::{Machine, Post};
use crate::personality::Quirks;
use crate::personality::standard::{boot, collection, drop_property, manager, manager_path};
use crate::web::{Call, Problem, Reply, Table, call};

/// Amends what the standard renders.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend("/redfish/v1", |_, _, body| {
        body["@odata.type"] = "#ServiceRoot.v1_10_0.ServiceRoot".into();
        body["Name"] = "Cisco RESTful Root Service".into();
    });
    table.amend(SYSTEM, amend_system);
    table.patch(SYSTEM, patch_system);
    table.amend(MANAGER, amend_manager);
    if quirks.has("manager-reset-forced") {
        table.post(&format!("{MANAGER}/Actions/Manager.Reset"), reset);
    }
    table.amend("/redfish/v1/Chassis/{chassis}", |_, machine, body| {
        body["SerialNumber"] = serial(&machine.identity).into();
    });
    if quirks.has("adapter-among-managers") {
        table.get("/redfish/v1/Managers", managers);
        table.get("/redfish/v1/Managers/{adapter}", adapter);
    }
    table.amend("/redfish/v1/TaskService", |_, _, body| {
        body["CompletedTaskOverWritePolicy"] = "Oldest".into();
        body["LifeCycleEventOnTaskStateChange"] = false.into();
    });
    if quirks.has("no-boot-order") {
        table.remove(&format!("{SYSTEM}/BootOptions"));
    }
    if quirks.has("no-ethernet-interfaces") {
        table.remove(&format!("{SYSTEM}/EthernetInterfaces"));
    }
    if quirks.has("no-session-timeout") {
        table.amend("/redfish/v1/SessionService", |_, _, body| drop_property(body, "SessionTimeout"));
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
    if call.cell.quirks.has("no-boot-order") {
        drop_property(&mut body["Boot"], "BootOrder");
        drop_property(&mut body["Boot"], "BootOptions");
    }
    if call.cell.quirks.has("no-ethernet-interfaces") {
        drop_property(body, "EthernetInterfaces");
    }
    if call.cell.quirks.has("old-schema-paths") {
        body["@odata.context"] = "/redfish/v1/$metadata#Systems/Members/$entity".into();
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
    let absent = |name: &str| match name {
        "BootOrder" => call.cell.quirks.has("no-boot-order"),
        "BootSourceOverrideEnabled" | "BootSourceOverrideTarget" => false,
        _ => call.cell.quirks.has("no-boot-mode"),
    };
    if let Some(other) = boot.and_then(|boot| boot.keys().find(|name| absent(name))) {
        return Err(Problem::UnknownProperty(other.clone()));
    }
    let reply = boot::patch(call, machine)?;
    precise::forget_one_time(machine);
    Ok(reply)
}

fn amend_manager(call: &Call, machine: &Machine, body: &mut Value) {
    body["Name"] = "Cisco Integrated Management Controller".into();
    body["SerialNumber"] = serial(&machine.identity).into();
    if call.cell.quirks.has("manager-reset-forced") {
        body["Actions"]["#Manager.Reset"]["ResetType@Redfish.AllowableValues"] = json!(["ForceRestart"]);
    }
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
        "Description": format!("Network adapter of {}", machine.hardware.model),
        "Actions": {"#Manager.Reset": {
            "target": format!("{path}/Actions/Manager.Reset"),
            "ResetType@Redfish.AllowableValues": [],
        }},
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}
