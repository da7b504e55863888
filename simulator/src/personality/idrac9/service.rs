//! Sessions and their older path, and licences.

use serde_json::{Value, json};

use super::MANAGER;
use crate::machine::Machine;
use crate::personality::standard::{asked, collection, service};
use crate::web::{Call, Problem, Table};

/// Adds what the standard does not have.
pub(super) fn add(table: &mut Table) {
    table.post("/redfish/v1/Sessions", service::log_in);
    let licences = format!("{MANAGER}/Oem/Dell/DellLicenses");
    table.get(&licences, licence_collection);
    table.get(&format!("{licences}/{{licence}}"), licence);
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
