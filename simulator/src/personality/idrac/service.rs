//! Sessions and their older path, licences, and what stands in the way of every request.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Generation, MANAGER, attributes, jobs};
use crate::machine::Machine;
use crate::personality::Quirks;
use crate::personality::standard::{asked, collection, link, service};
use crate::web::{Call, Problem, Table};

/// Adds what the standard does not have.
pub(super) fn add(table: &mut Table, generation: Generation, quirks: &Quirks) {
    let old = "/redfish/v1/Sessions";
    table.post(old, service::log_in);
    if quirks.has("old-sessions-path") {
        table.remove("/redfish/v1/SessionService/Sessions");
        table.get(old, |_, machine| {
            let members = machine.sessions.iter().map(|one| format!("/redfish/v1/Sessions/{}", one.id));
            Ok(collection(
                "SessionCollection",
                "/redfish/v1/Sessions",
                "Session Collection",
                members.collect(),
            ))
        });
        table.post(old, |call, machine| {
            let mut reply = service::log_in(call, machine)?;
            let id = machine.sessions.last().map(|session| session.id.clone()).unwrap_or_default();
            let path = format!("/redfish/v1/Sessions/{id}");
            if let Some(body) = &mut reply.json {
                body["@odata.id"] = path.clone().into();
            }
            Ok(reply.located(&path))
        });
        table.get(&format!("{old}/{{session}}"), |call, machine| {
            let mut body = service::session(call, machine)?;
            body["@odata.id"] = asked(call).into();
            Ok(body)
        });
        table.delete(&format!("{old}/{{session}}"), service::log_out);
        table.amend("/redfish/v1", |_, _, body| body["Links"]["Sessions"] = link("/redfish/v1/Sessions"));
        table.amend("/redfish/v1/SessionService", |_, _, body| {
            body["Sessions"] = link("/redfish/v1/Sessions")
        });
    }
    if generation == Generation::Eight {
        return;
    }
    let licences = format!("{MANAGER}/Oem/Dell/DellLicenses");
    table.get(&licences, licence_collection);
    table.get(&format!("{licences}/{{licence}}"), licence);
}

/// How long an iDRAC that is back refuses everything.
const UNREADY: Duration = Duration::from_secs(60);
/// Parts of paths whose writes configuration lock stands in the way of.
const LOCKED: [&str; 8] = [
    "/Bios",
    "/Jobs",
    "/UpdateService",
    "/Volumes",
    "/DellRaidService",
    "/DellJobService",
    "SystemConfiguration",
    "/Drives/",
];

/// What stands in the way of a call before it reaches its resource.
///
/// # Errors
/// The reason.
pub(super) fn gate(call: &Call, machine: &mut Machine) -> Result<(), Problem> {
    let quirks = &call.cell.quirks;
    let root = matches!(call.path.trim_end_matches('/'), "/redfish" | "/redfish/v1");
    let early = jobs::since_restart(machine).is_some_and(|since| since < UNREADY);
    if early && !root && quirks.has("not-ready-after-restart") {
        let text = "The iDRAC is not ready. Try again after a few minutes.";
        return Err(Problem::Other(StatusCode::BAD_REQUEST, "SWC0700".into(), text.into()));
    }
    let write = call.method != Method::GET && call.method != Method::HEAD;
    let locked = LOCKED.iter().any(|part| call.path.contains(part));
    if write && locked && attributes::locked_down(machine) && quirks.has("lockdown") {
        let text = "The operation is not possible while the server is in system lockdown mode.";
        return Err(Problem::Other(StatusCode::FORBIDDEN, "SYS406".into(), text.into()));
    }
    let action = call.method == Method::POST && call.path.contains("/Actions/");
    if action && call.header("if-match").is_some() && quirks.has("no-if-match-on-actions") {
        return Err(Problem::PreconditionFailed);
    }
    Ok(())
}

fn licence_id(machine: &Machine) -> String {
    format!("FD000000{}", machine.identity.serial)
}

fn licence_collection(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = vec![format!("{path}/{}", licence_id(machine))];
    Ok(collection("DellLicenseCollection", &path, "DellLicenseCollection", members))
}

fn licence(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = licence_id(machine);
    if call.param("licence") != id {
        return Err(Problem::NotFound);
    }
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#DellLicense.v1_2_0.DellLicense",
        "Id": id,
        "EntitlementID": id,
        "Name": "DellLicense",
        "AssignedDevices": ["iDRAC.Embedded.1"],
        "LicenseDescription": ["iDRAC9 15g Enterprise License"],
        "LicensePrimaryStatus": "OK",
        "LicenseType": "Perpetual",
    }))
}
