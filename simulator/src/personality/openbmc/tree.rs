//! Root, System, Manager, Chassis and logs as bmcweb shows them.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{MANAGER, SYSTEM};
use crate::machine::{Machine, Power};
use crate::personality::standard::{drop_property, link, manager_path, system_path};
use crate::personality::{Quirks, pieces};
use crate::web::{Call, Problem, Table, expand};

const CHASSIS: &str = "/redfish/v1/Chassis/{chassis}";

/// Amends what the standard renders.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend("/redfish/v1", |call, _, body| {
        body["@odata.type"] = "#ServiceRoot.v1_15_0.ServiceRoot".into();
        body["Links"]["ManagerProvidingService"] = link(manager_path(call));
        body["ProtocolFeaturesSupported"] = expand::features(None);
    });
    table.amend(SYSTEM, amend_system);
    table.amend(MANAGER, |_, _, body| body["Name"] = "OpenBmc Manager".into());
    table.amend(CHASSIS, |_, machine, body| {
        let on = machine.power() != Power::Off;
        body["Status"]["State"] = if on { "Enabled" } else { "StandbyOffline" }.into();
    });
    if quirks.has("parameters-by-action-info") {
        table.get(&format!("{SYSTEM}/ResetActionInfo"), pieces::reset_info);
        table.amend(SYSTEM, |call, _, body| {
            let info = format!("{}/ResetActionInfo", system_path(call));
            pieces::point_to_info(&mut body["Actions"]["#ComputerSystem.Reset"], info);
        });
        table.get(&format!("{MANAGER}/ResetActionInfo"), |call, _| {
            let kinds = &["GracefulRestart", "ForceRestart"];
            Ok(pieces::action_info(call, &[("ResetType", true, "String", kinds)]))
        });
        table.amend(MANAGER, |call, _, body| {
            let info = format!("{}/ResetActionInfo", manager_path(call));
            pieces::point_to_info(&mut body["Actions"]["#Manager.Reset"], info);
        });
    }
    if quirks.has("no-secure-boot") {
        table.remove(&format!("{SYSTEM}/SecureBoot"));
        table.amend(SYSTEM, |_, _, body| drop_property(body, "SecureBoot"));
    }
    table.amend("/redfish/v1/AccountService", |_, _, body| {
        body["MinPasswordLength"] = 8.into();
        body["MaxPasswordLength"] = 20.into();
        body["AccountLockoutThreshold"] = 0.into();
        body["AccountLockoutDuration"] = 0.into();
    });
    add_logs(table);
    drop_order(table);
    // Drives are the host's own.
    let controller = format!("{SYSTEM}/Storage/{{controller}}");
    table.remove(&format!("{controller}/Volumes"));
    table.amend(&controller, |_, _, body| {
        drop_property(body, "Volumes");
        drop_property(&mut body["StorageControllers"][0], "SupportedRAIDTypes");
    });
}

fn amend_system(call: &Call, machine: &Machine, body: &mut Value) {
    body["@odata.type"] = "#ComputerSystem.v1_16_0.ComputerSystem".into();
    body["Name"] = "system".into();
    body["BootProgress"] = pieces::boot_progress(machine);
    body["PowerRestorePolicy"] = "AlwaysOff".into();
    body["LogServices"] = link(format!("{}/LogServices", system_path(call)));
    body["Boot"]["AutomaticRetryConfig"] = "RetryAttempts".into();
    body["Boot"]["AutomaticRetryConfig@Redfish.AllowableValues"] = json!(["Disabled", "RetryAttempts"]);
    if machine.power() == Power::Off {
        body["Status"]["State"] = "Disabled".into();
    }
}

/// There is no boot order: firmware keeps it to itself.
fn drop_order(table: &mut Table) {
    table.remove(&format!("{SYSTEM}/BootOptions"));
    table.amend(SYSTEM, |_, _, body| {
        drop_property(&mut body["Boot"], "BootOrder");
        drop_property(&mut body["Boot"], "BootOptions");
    });
    table.patch(SYSTEM, crate::personality::standard::system::patch_system);
}

/// What was done is the BMC's journal, which nobody can clear; what hardware told of is the System's event log.
fn add_logs(table: &mut Table) {
    let (journal, events) =
        (format!("{MANAGER}/LogServices/Journal"), format!("{SYSTEM}/LogServices/EventLog"));
    pieces::move_log(table, "Log", &journal);
    pieces::move_log(table, "Sel", &events);
    table.remove(&format!("{journal}/Actions"));
    table.amend(&journal, |_, _, body| drop_property(body, "Actions"));
    table.get(&format!("{MANAGER}/LogServices"), |call, _| Ok(pieces::log_services(call, &["Journal"])));
    table.get(&format!("{SYSTEM}/LogServices"), |call, _| Ok(pieces::log_services(call, &["EventLog"])));
}

/// A query that the root says is not supported.
pub(super) fn refuse_expand(call: &Call) -> Result<(), Problem> {
    let asked = call.method == Method::GET
        && url::form_urlencoded::parse(call.query.as_bytes()).any(|(name, _)| name == "$expand");
    if asked && call.cell.quirks.has("expand-refused") {
        let text = "Querying is not supported by the implementation.".into();
        return Err(Problem::Other(StatusCode::BAD_REQUEST, "QueryNotSupported".into(), text));
    }
    Ok(())
}
