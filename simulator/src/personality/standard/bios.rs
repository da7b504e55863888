//! BIOS settings: current, pending, restore.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{link, system_path};
use crate::machine::Machine;
use crate::machine::bios::plain;
use crate::web::{Call, Problem, Reply, Table};

/// Adds the BIOS resource at `Systems/{id}/{name}`; with `settings` its pending values as a resource below it, else they
/// are written to the resource itself.
pub fn add(table: &mut Table, name: &str, settings: bool) {
    let path = format!("/redfish/v1/Systems/{{system}}/{name}");
    table.get(&path, current);
    table.post(&format!("{path}/Actions/Bios.ResetBios"), restore);
    if settings {
        table.get(&format!("{path}/Settings"), pending);
        table.patch(&format!("{path}/Settings"), patch);
    } else {
        table.patch(&path, patch);
    }
}

/// Path of the BIOS resource.
pub fn path(call: &Call) -> String {
    format!("{}/{}", system_path(call), call.cell.traits.bios_name)
}

/// The BIOS resource: values in force.
///
/// # Errors
/// None.
pub fn current(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = path(call);
    let mut bios = json!({
        "@odata.id": path,
        "@odata.type": "#Bios.v1_1_1.Bios",
        "Id": call.cell.traits.bios_name,
        "Name": "BIOS Configuration Current Settings",
        "AttributeRegistry": machine.bios.registry.id,
        "Attributes": machine.bios.current,
        "Actions": {"#Bios.ResetBios": {"target": format!("{path}/Actions/Bios.ResetBios")}},
    });
    if call.cell.traits.bios_settings {
        bios["@Redfish.Settings"] = json!({
            "@odata.type": "#Settings.v1_3_1.Settings",
            "SettingsObject": link(format!("{path}/Settings")),
        });
    }
    Ok(bios)
}

/// The pending settings: only what was written.
///
/// # Errors
/// None.
pub fn pending(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": format!("{}/Settings", path(call)),
        "@odata.type": "#Bios.v1_1_1.Bios",
        "Id": "Settings",
        "Name": "BIOS Configuration Pending Settings",
        "AttributeRegistry": machine.bios.registry.id,
        "Attributes": machine.bios.pending,
    }))
}

/// The `Attributes` of a PATCH body, noted in the log.
///
/// # Errors
/// When they are missing or no object.
pub fn wanted(call: &Call) -> Result<Map<String, Value>, Problem> {
    let mut body = call.object()?;
    let wanted = match body.remove("Attributes") {
        Some(Value::Object(wanted)) => wanted,
        Some(other) => return Err(Problem::PropertyType("Attributes".into(), other)),
        None => return Err(Problem::Missing("Attributes".into())),
    };
    Ok(note_wanted(call, wanted))
}

/// Notes attributes that are to be written in the log.
pub fn note_wanted(call: &Call, wanted: Map<String, Value>) -> Map<String, Value> {
    let words: Vec<_> = wanted.iter().map(|(name, value)| shown(name, value)).collect();
    call.summary(format!("PATCH Bios {}", words.join(" ")));
    wanted
}

/// BIOS passwords are attributes too: their values stay out of the log.
fn shown(name: &str, value: &Value) -> String {
    if name.to_ascii_lowercase().contains("password") {
        format!("{name}=…")
    } else {
        format!("{name}={}", plain(value))
    }
}

/// PATCH of the settings: 204.
///
/// # Errors
/// Every attribute that the registry is against.
pub fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let wanted = wanted(call)?;
    machine.write_bios(wanted).map_err(Problem::Bios)?;
    Ok(Reply::no_content())
}

/// `Bios.ResetBios`: 204.
///
/// # Errors
/// A body that is no JSON object.
pub fn restore(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    call.summary("ResetBios");
    machine.reset_bios();
    Ok(Reply::status(StatusCode::NO_CONTENT))
}
