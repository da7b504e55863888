//! The iLO's own affairs: its license, its security state, and the configuration that it keeps for the BIOS.

use serde_json::{Value, json};

use super::facts::Generation;
use super::{MANAGER, boot, messages, smart_config};
use crate::machine::Machine;
use crate::personality::standard::{asked, collection, link, manager_path};
use crate::web::{Call, Problem, Reply, Table, call};

/// Where the machine keeps that the license was removed.
const UNLICENSED: &str = "license-removed";
/// Where the machine keeps at which boot the configuration was cleared.
const CLEARED: &str = "rest-state-cleared";

/// Adds the services and the action.
pub(super) fn add(table: &mut Table, generation: Generation) {
    let licenses = format!("{MANAGER}/LicenseService");
    table.get(&licenses, service).post(&licenses, install);
    table.get(&format!("{licenses}/1"), license).delete(&format!("{licenses}/1"), remove);
    let facts = generation.facts();
    table.post(&facts.action(MANAGER, "iLO.ClearRestApiState"), clear_rest_state);
    if generation != Generation::Four {
        table.get(&format!("{MANAGER}/SecurityService"), security);
    }
}

/// Whether it has the license that virtual media by URL takes.
pub(super) fn is_advanced(machine: &Machine) -> bool {
    machine.oem.get(UNLICENSED) != Some(&Value::Bool(true))
}

/// The license's name.
fn license_name(machine: &Machine) -> &'static str {
    if is_advanced(machine) { "iLO Advanced" } else { "iLO Standard" }
}

/// The section of the Manager that HPE adds.
pub(super) fn section(call: &Call, machine: &Machine) -> Value {
    let generation = Generation::of(call);
    let facts = generation.facts();
    let path = manager_path(call);
    let mut links = json!({"LicenseService": link(format!("{path}/LicenseService"))});
    if generation == Generation::Four {
        links["UpdateService"] = link(format!("{path}/UpdateService"));
    } else {
        links["SecurityService"] = link(format!("{path}/SecurityService"));
    }
    let cleared = machine.oem.get(CLEARED).and_then(Value::as_u64) == Some(machine.boots());
    json!({
        "@odata.type": facts.kind("iLO", "2_8_1"),
        "Actions": facts.actions(&path, &["iLO.ClearRestApiState"]),
        "ClearRestApiStatus": if cleared { "DataCleared" } else { "DataPresent" },
        "Firmware": {"Current": {"VersionString": machine.hardware.bmc_version}},
        "IdleConnectionTimeoutMinutes": 30,
        "License": {"LicenseString": license_name(machine), "LicenseType": "Perpetual"},
        "Links": links,
    })
}

fn service(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = if is_advanced(machine) { vec![format!("{path}/1")] } else { Vec::new() };
    Ok(collection(
        &format!("{}iLOLicenseCollection", Generation::of(call).facts().oem),
        &path,
        "Licenses",
        members,
    ))
}

fn license(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    if !is_advanced(machine) {
        return Err(Problem::NotFound);
    }
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": Generation::of(call).facts().kind("iLOLicense", "2_3_0"),
        "Id": "1",
        "Name": "iLO License",
        "License": license_name(machine),
        // Masked, as an iLO shows the key of a licence.
        "LicenseKey": "XXXXX-XXXXX-XXXXX-XXXXX-SIMUL",
        "LicenseType": "Perpetual",
    }))
}

fn set_license(machine: &mut Machine, advanced: bool) {
    let before = license_name(machine);
    machine.oem.insert(UNLICENSED.into(), (!advanced).into());
    machine.note("license", before, license_name(machine));
}

/// A key of the usual form is taken.
fn install(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let name = "LicenseKey";
    let key = call::text(&call.object()?, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    call.summary("Install license");
    if key.chars().filter(char::is_ascii_alphanumeric).count() != 25 {
        return Err(Problem::PropertyValue(name.into(), "…".into()));
    }
    set_license(machine, true);
    Ok(messages::success(call))
}

fn remove(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    if !is_advanced(machine) {
        return Err(Problem::NotFound);
    }
    call.summary("Remove license");
    set_license(machine, false);
    Ok(messages::success(call))
}

fn security(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let generation = Generation::of(call);
    let facts = generation.facts();
    let states = match generation {
        Generation::Seven => json!(["SecureStandard", "FIPS"]),
        _ => json!(["Production", "HighSecurity", "FIPS"]),
    };
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": facts.kind("SecurityService", "2_4_0"),
        "Id": "SecurityService",
        "Name": "Security Service",
        "SecurityState": facts.security,
        "SecurityState@Redfish.AllowableValues": states,
    }))
}

/// Drops what waits for the BIOS, and whatever kept it from coming into force.
fn clear_rest_state(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    call.summary("ClearRestApiState");
    machine.discard_bios();
    machine.bios.stuck = false;
    for kind in [boot::ORDER, smart_config::KIND] {
        boot::drop_waiting(machine, kind);
    }
    let boots = machine.boots();
    machine.oem.insert(CLEARED.into(), boots.into());
    Ok(messages::reset_required(call))
}
