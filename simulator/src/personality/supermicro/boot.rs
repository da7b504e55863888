//! Booting: what a PATCH has to have, what a target reads as, and the order that is a resource of its own.

use serde_json::{Map, Value, json};

use super::SYSTEM;
use crate::machine::{Lasts, Machine};
use crate::personality::standard::{asked, boot, drop_property, link, system_path};
use crate::web::{Call, Problem, Reply, Table};

const ORDER: &str = "Oem/Supermicro/FixedBootOrder";
/// The machine's words for what it boots, and the beginnings of the entries of the fixed order.
const CLASSES: [(&str, &str); 3] =
    [("Hdd", "UEFI Hard Disk"), ("Cd", "UEFI USB CD/DVD"), ("Pxe", "UEFI Network")];

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table) {
    table.amend(SYSTEM, amend).patch(SYSTEM, patch_system);
    let order = format!("{SYSTEM}/{ORDER}");
    table.get(&order, fixed_order).patch(&order, patch_order);
}

fn in_uefi(machine: &Machine) -> bool {
    machine.boot.mode == "UEFI"
}

fn amend(call: &Call, machine: &Machine, body: &mut Value) {
    let quirks = &call.cell.quirks;
    drop_property(&mut body["Boot"], "BootSourceOverrideMode@Redfish.AllowableValues");
    body["Boot"]["BootNext"] = Value::Null;
    let idle = machine.boot.lasts == Lasts::Disabled;
    if idle && quirks.has("idle-target-pxe") {
        body["Boot"]["BootSourceOverrideTarget"] = "Pxe".into();
    }
    if !idle && machine.boot.target == "Pxe" && in_uefi(machine) && quirks.has("pxe-reads-boot-next") {
        body["Boot"]["BootSourceOverrideTarget"] = "UefiBootNext".into();
    }
    body["Oem"] = json!({"Supermicro": {
        "@odata.type": "#SmcSystemExtensions.v1_0_0.System",
        "FixedBootOrder": link(format!("{}/{ORDER}", system_path(call))),
    }});
}

fn patch_system(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    if let Some(wanted) = call.object()?.get("Boot").and_then(Value::as_object) {
        check(call, wanted)?;
    }
    boot::patch(call, machine)
}

/// What this BMC is against, before the standard's checks.
fn check(call: &Call, wanted: &Map<String, Value>) -> Result<(), Problem> {
    let quirks = &call.cell.quirks;
    let enabled = "BootSourceOverrideEnabled";
    let overrides = wanted.keys().any(|name| name.starts_with("BootSourceOverride"));
    if overrides && !wanted.contains_key(enabled) && quirks.has("enabled-in-every-boot-patch") {
        return Err(Problem::Missing(enabled.into()));
    }
    if wanted.contains_key("BootOrder") && quirks.has("fixed-boot-order") {
        return Err(Problem::UnknownProperty("BootOrder".into()));
    }
    let target = "BootSourceOverrideTarget";
    match wanted.get(target) {
        Some(value) if value == "UefiBootNext" && quirks.has("pxe-reads-boot-next") => {
            Err(Problem::PropertyValue(target.into(), value.clone()))
        }
        _ => Ok(()),
    }
}

/// The entry of the fixed order for a source.
fn entry(machine: &Machine, source: &str) -> Option<String> {
    let (_, class) = CLASSES.iter().find(|(own, _)| *own == source)?;
    if source != "Pxe" {
        return Some((*class).to_owned());
    }
    Some(format!("{class}:{}", network(machine)))
}

/// The first network port, as firmware names it.
fn network(machine: &Machine) -> String {
    let mac = machine.identity.macs.first().map_or_else(String::new, |mac| mac.replace(':', ""));
    format!("(B220/D0/F0) UEFI PXE IPv4 Intel(R) Ethernet Controller X550 - {}", mac.to_ascii_uppercase())
}

fn order(machine: &Machine) -> Vec<String> {
    machine.boot.order.iter().filter_map(|source| entry(machine, source)).collect()
}

fn fixed_order(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#SmcFixedBootOrder.v1_0_0.SmcFixedBootOrder",
        "Id": "FixedBootOrder",
        "Name": "Fixed Boot Order",
        "BootModeSelected": if in_uefi(machine) { "UEFI" } else { "LEGACY" },
        "FixedBootOrder": order(machine),
        "FixedBootOrderDisabledItem": ["Disabled"],
        "UEFINetwork": [network(machine)],
        "UEFINetworkDisabledItem": ["Disabled"],
    }))
}

/// PATCH of the fixed order: a whole list, each entry once.
fn patch_order(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let name = "FixedBootOrder";
    let body = call.object()?;
    let list = body.get(name).ok_or_else(|| Problem::Missing(name.into()))?;
    let wrong = || Problem::PropertyValue(name.into(), list.clone());
    let source = |wanted: &Value| {
        let found = CLASSES.iter().find(|(own, _)| entry(machine, own).as_deref() == wanted.as_str());
        found.map(|(own, _)| (*own).to_owned()).ok_or_else(wrong)
    };
    let wanted = list.as_array().ok_or_else(wrong)?.iter().map(source).collect::<Result<Vec<_>, _>>()?;
    let whole = machine.boot.order.iter().all(|own| wanted.contains(own));
    if !whole || wanted.len() != machine.boot.order.len() {
        return Err(wrong());
    }
    call.summary(format!("PATCH {name} {}", wanted.join(" ")));
    boot::set_order(machine, wanted);
    Ok(Reply::no_content())
}
