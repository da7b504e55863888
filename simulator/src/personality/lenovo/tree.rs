//! System, Manager, logs and firmware as an XCC shows them.

use serde_json::{Value, json};

use super::{MANAGER, SYSTEM, serial};
use crate::machine::Machine;
use crate::personality::standard::update::{self, SERVICE};
use crate::personality::standard::{link, system_path};
use crate::personality::{Quirks, pieces};
use crate::web::{Call, Problem, Reply, Table, call};

/// Where the machine keeps whether somebody has claimed the push of an image, and for what.
const CLAIMED: &str = "HttpPushUriTargetsBusy";
const TARGETS: &str = "HttpPushUriTargets";

/// Amends what the standard renders.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend("/redfish/v1", |_, machine, body| {
        body["@odata.type"] = "#ServiceRoot.v1_13_0.ServiceRoot".into();
        body["UUID"] = machine.identity.uuid.to_ascii_uppercase().into();
    });
    table.amend(SYSTEM, amend_system);
    table.get(&format!("{SYSTEM}/ResetActionInfo"), pieces::reset_info);
    table.amend(MANAGER, |_, machine, body| {
        body["UUID"] = machine.identity.uuid.to_ascii_uppercase().into();
        body["Oem"] = json!({"Lenovo": {
            "@odata.type": "#LenovoManager.v1_0_0.LenovoManagerProperties",
            "KCSEnabled": false,
            "release_name": "whitley_gp_23-1",
        }});
    });
    table.amend("/redfish/v1/Chassis/{chassis}", |_, machine, body| {
        body["SerialNumber"] = serial(&machine.identity).into();
    });
    table.amend("/redfish/v1/AccountService", |_, _, body| {
        body["MinPasswordLength"] = 10.into();
        body["MaxPasswordLength"] = 32.into();
        body["AccountLockoutThreshold"] = 0.into();
        body["AccountLockoutDuration"] = 60.into();
    });
    if quirks.has("logs-below-the-system") {
        let logs = format!("{SYSTEM}/LogServices");
        pieces::move_log(table, "Log", &format!("{logs}/PlatformLog"));
        pieces::move_log(table, "Sel", &format!("{logs}/SEL"));
        table.get(&logs, |call, _| Ok(pieces::log_services(call, &["PlatformLog", "SEL"])));
        table.amend(SYSTEM, link_logs).amend(MANAGER, link_logs);
        table.remove(&format!("{MANAGER}/LogServices"));
    }
    table.relocate(&format!("{SERVICE}/MultipartUpload"), "/mfwupdate");
    table.upload("/fwupdate", update::push_any);
    table.amend(SERVICE, amend_update).patch(SERVICE, claim);
}

fn link_logs(call: &Call, _: &Machine, body: &mut Value) {
    body["LogServices"] = link(format!("{}/LogServices", system_path(call)));
}

fn amend_system(call: &Call, machine: &Machine, body: &mut Value) {
    body["@odata.type"] = "#ComputerSystem.v1_17_0.ComputerSystem".into();
    body["Name"] = "ComputerSystem".into();
    body["SerialNumber"] = serial(&machine.identity).into();
    body["SubModel"] = "7Z23".into();
    body["SKU"] = "7Z23CTO1WW".into();
    body["UUID"] = machine.identity.uuid.to_ascii_uppercase().into();
    // It tells the reset types in place, and by a resource as well.
    body["Actions"]["#ComputerSystem.Reset"]["@Redfish.ActionInfo"] =
        format!("{}/ResetActionInfo", system_path(call)).into();
    if machine.boot.uefi_target.is_none() {
        body["Boot"]["UefiTargetBootSourceOverride"] = Value::Null;
    }
}

fn amend_update(_: &Call, machine: &Machine, body: &mut Value) {
    body["HttpPushUri"] = "/fwupdate".into();
    body["MultipartHttpPushUri"] = "/mfwupdate".into();
    body["MaxImageSizeBytes"] = 250_000_000.into();
    body[CLAIMED] = machine.oem.get(CLAIMED).cloned().unwrap_or_else(|| false.into());
    body[TARGETS] = machine.oem.get(TARGETS).cloned().unwrap_or_else(|| json!([]));
    let action = &mut body["Actions"]["#UpdateService.SimpleUpdate"];
    action["Targets@Redfish.AllowableValues"] = json!([format!("{SERVICE}/FirmwareInventory/BMC-Backup")]);
}

/// PATCH of the UpdateService: claims the push, or gives it free.
fn claim(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    if let Some(other) = body.keys().find(|name| !matches!(name.as_str(), CLAIMED | TARGETS)) {
        return Err(Problem::UnknownProperty(other.clone()));
    }
    let busy = call::flag(&body, CLAIMED)?;
    let targets = body.get(TARGETS);
    if let Some(wrong) = targets.filter(|targets| !targets.is_array()) {
        return Err(Problem::PropertyType(TARGETS.into(), wrong.clone()));
    }
    if let Some(busy) = busy {
        machine.oem.insert(CLAIMED.into(), busy.into());
    }
    if let Some(targets) = targets {
        machine.oem.insert(TARGETS.into(), targets.clone());
    }
    Ok(Reply::no_content())
}
