//! BIOS tokens: written where they are read; POST applies them.

use serde_json::{Map, Value};

use super::SYSTEM;
use crate::machine::Machine;
use crate::personality::Quirks;
use crate::personality::standard::bios;
use crate::web::{Call, Problem, Reply, Table};

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend(&format!("{SYSTEM}/Bios"), |_, _, body| {
        body["Id"] = "BiosToken".into();
        body["Name"] = "BIOS Token Settings".into();
    });
    if quirks.has("bios-direct") {
        table.patch(&format!("{SYSTEM}/Bios"), patch);
    }
    let registry = "/redfish/v1/Registries/{registry}";
    table.relocate(&format!("{registry}/Document"), &format!("{registry}/BiosAttributeRegistry.json"));
    table.amend(registry, |_, machine, body| {
        let id = &machine.bios.registry.id;
        body["Location"][0]["Uri"] = format!("/redfish/v1/Registries/{id}/BiosAttributeRegistry.json").into();
    });
}

/// PATCH of the Bios: 204. Tokens stand in `Attributes`, or flat.
fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let flat = call.cell.quirks.has("bios-flat");
    let mut wanted = match body.get("Attributes") {
        None if flat && !body.is_empty() => bios::note_wanted(call, body),
        _ => bios::wanted(call)?,
    };
    if flat {
        restore_defaults(machine, &mut wanted);
    }
    machine.write_bios(wanted).map_err(Problem::Bios)?;
    Ok(Reply::no_content())
}

/// The value `default` stands for a token's factory value.
fn restore_defaults(machine: &Machine, wanted: &mut Map<String, Value>) {
    for (name, value) in wanted.iter_mut().filter(|(_, value)| *value == "default") {
        if let Some(token) = machine.bios.registry.attribute(name) {
            *value = token.default.clone();
        }
    }
}
