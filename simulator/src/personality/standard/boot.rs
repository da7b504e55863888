//! The boot order: `BootOrder` of the System and the options that it names.

use serde_json::{Map, Value, json};

use super::{asked, collection, link, system, system_path};
use crate::machine::Machine;
use crate::web::{Call, Problem, Reply, Table};

const SYSTEM: &str = "/redfish/v1/Systems/{system}";
/// What can be booted, in the order of the options' numbers: the machine's own word, and the name that a person sees.
const SOURCES: [(&str, &str); 3] = [
    ("Hdd", "Operating system on the first disk"),
    ("Cd", "Virtual CD"),
    ("Pxe", "Network: first port, IPv4"),
];

/// Adds the boot order to the System.
pub fn add(table: &mut Table) {
    table.amend(SYSTEM, |call, machine, body| {
        body["Boot"]["BootOrder"] = json!(order(machine));
        body["Boot"]["BootOptions"] = link(format!("{}/BootOptions", system_path(call)));
    });
    table.patch(SYSTEM, patch);
    table.get(&format!("{SYSTEM}/BootOptions"), options);
    table.get(&format!("{SYSTEM}/BootOptions/{{option}}"), option);
}

fn reference(source: &str) -> Option<String> {
    let at = SOURCES.iter().position(|(own, _)| *own == source)?;
    Some(format!("Boot{at:04}"))
}

/// The boot order, as references to the options.
pub fn order(machine: &Machine) -> Vec<String> {
    references(&machine.boot.order)
}

/// Sources as references to their options.
pub fn references(sources: &[String]) -> Vec<String> {
    sources.iter().filter_map(|source| reference(source)).collect()
}

fn options(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = SOURCES.iter().filter_map(|(source, _)| reference(source));
    let members = members.map(|id| format!("{path}/{id}")).collect();
    Ok(collection("BootOptionCollection", &path, "Boot Options", members))
}

fn option(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let id = call.param("option");
    let found = SOURCES.iter().find(|(source, _)| reference(source).as_deref() == Some(id));
    let (_, name) = found.ok_or(Problem::NotFound)?;
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#BootOption.v1_0_4.BootOption",
        "Id": id,
        "Name": name,
        "DisplayName": name,
        "BootOptionReference": id,
        "BootOptionEnabled": true,
    }))
}

/// The sources that a `BootOrder` names; none when the body has none.
///
/// # Errors
/// When it is no list of all options, each once.
pub fn wanted_order(boot: &Map<String, Value>) -> Result<Option<Vec<String>>, Problem> {
    let Some(list) = boot.get("BootOrder") else { return Ok(None) };
    let wrong = || Problem::PropertyValue("BootOrder".into(), list.clone());
    let source = |one: &Value| {
        let wanted = one.as_str()?;
        let found = SOURCES.iter().find(|(source, _)| reference(source).as_deref() == Some(wanted))?;
        Some(found.0.to_owned())
    };
    let order: Option<Vec<_>> = list.as_array().ok_or_else(wrong)?.iter().map(source).collect();
    let order = order.ok_or_else(wrong)?;
    let whole = SOURCES.iter().all(|(source, _)| order.iter().any(|one| one == source));
    if whole && order.len() == SOURCES.len() { Ok(Some(order)) } else { Err(wrong()) }
}

/// Puts a boot order into force and tells the log.
pub fn set_order(machine: &mut Machine, order: Vec<String>) {
    let before = machine.boot.order.join(" ");
    machine.note("boot-order", before, order.join(" "));
    machine.boot.order = order;
}

/// PATCH of the System: its `Boot`, the order with it.
///
/// # Errors
/// A property or value that is not allowed; then nothing is changed.
pub fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let order = match body.get("Boot").and_then(Value::as_object) {
        Some(boot) => wanted_order(boot)?,
        None => None,
    };
    let reply = system::patch_system(call, machine)?;
    if let Some(order) = order {
        set_order(machine, order);
    }
    Ok(reply)
}
