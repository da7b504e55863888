//! iLO 4 where it is older than the standard: BIOS attributes at the top level, firmware below System and Manager, and
//! links as `href` for whoever does not ask for Redfish alone.
//!
//! What was before Redfish has a tree of its own at `/rest/v1`, which is not simulated: links lead to where Redfish has it.

use serde_json::{Map, Value, json};

use super::facts::Generation;
use super::{MANAGER, SYSTEM, bios, messages};
use crate::machine::Machine;
use crate::machine::firmware::{ComponentKind, Update};
use crate::machine::{JobState, Source};
use crate::personality::Quirks;
use crate::personality::standard::{asked, date, drop_property, link, system_path, update};
use crate::web::{Call, Problem, Reply, Table, call};

const CURRENT: &str = "/redfish/v1/systems/1/bios/";
const PENDING: &str = "/redfish/v1/systems/1/bios/settings/";
const UPDATE: &str = "FirmwareUpdate";

/// Replaces what the later generations have.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    for newer in ["/redfish/v1/UpdateService", "/redfish/v1/TaskService", &format!("{SYSTEM}/Storage")] {
        table.remove(newer);
    }
    table.amend(SYSTEM, |_, _, body| drop_property(body, "Storage"));
    if quirks.has("bios-at-top-level") {
        table.get(&format!("{SYSTEM}/bios"), current);
        table.get(&format!("{SYSTEM}/bios/Settings"), pending);
        table.patch(&format!("{SYSTEM}/bios/Settings"), patch);
        table.amend(SYSTEM, link_bios);
    }
    table.amend(&format!("{SYSTEM}/SecureBoot"), |_, machine, body| {
        body["@odata.type"] = "#HpSecureBoot.1.0.0.HpSecureBoot".into();
        body["SecureBootCurrentState"] = machine.secure_boot.current.into();
        for newer in ["SecureBootCurrentBoot", "SecureBootMode"] {
            drop_property(body, newer);
        }
    });
    table.amend(SYSTEM, |call, _, body| {
        body["Oem"]["Hp"]["Links"]["FirmwareInventory"] =
            link(format!("{}/FirmwareInventory", system_path(call)));
    });
    table.get(&format!("{SYSTEM}/FirmwareInventory"), inventory);
    let service = format!("{MANAGER}/UpdateService");
    table.get(&service, update_service);
    table.post(&format!("{service}/Actions/Oem/Hp/HpiLOFirmwareUpdate.InstallFromURI"), install);
}

fn link_bios(call: &Call, _: &Machine, body: &mut Value) {
    let links = &mut body["Oem"]["Hp"]["Links"];
    links["BIOS"] = link(CURRENT);
    links["SecureBoot"] = link(format!("{}/SecureBoot", system_path(call)));
    for newer in ["Bios", "SecureBoot"] {
        drop_property(body, newer);
    }
}

/// A BIOS resource: the attributes among its other properties, and links of the older form.
fn render(machine: &Machine, path: &str, name: &str, attributes: &Map<String, Value>, links: Value) -> Value {
    let mut body = json!({
        "@odata.id": path,
        "@odata.type": "#HpBios.1.2.0.HpBios",
        "AttributeRegistry": machine.bios.registry.id,
        "Name": name,
        "Type": "HpBios.1.2.0",
        "links": links,
    });
    if let Some(body) = body.as_object_mut() {
        body.extend(attributes.clone());
    }
    body
}

fn current(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let links = json!({
        "Boot": {"href": format!("{CURRENT}boot/")},
        "Settings": {"href": PENDING},
        "self": {"href": CURRENT},
    });
    let mut body = render(machine, CURRENT, "BIOS Current Settings", &machine.bios.current, links);
    let mut outcome: Vec<_> = machine
        .bios
        .refused
        .iter()
        .map(|refused| {
            let (id, args) = bios::verdict(refused);
            json!({"MessageArgs": args, "MessageID": format!("Base.1.0:{id}")})
        })
        .collect();
    outcome.push(json!({"MessageArgs": [], "MessageID": "Base.1.0:Success"}));
    body["SettingsResult"] = json!({
        "ETag": bios::consumed_tag(machine),
        "Messages": outcome,
        "Time": date(call, machine.bios.consumed_at),
    });
    Ok(body)
}

fn pending(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let mut attributes = Map::new();
    if call.cell.quirks.has("pending-is-full") {
        attributes = machine.bios.current.clone();
    }
    attributes.extend(machine.bios.pending.clone());
    Ok(render(machine, PENDING, "BIOS Pending Settings", &attributes, json!({"self": {"href": PENDING}})))
}

/// PATCH of the pending settings; `BaseConfig` asks for the factory's before the others.
fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let mut wanted = call.object()?;
    wanted.retain(|name, _| !name.starts_with("@odata."));
    let base = wanted.remove("BaseConfig");
    let wanted = crate::personality::standard::bios::note_wanted(call, wanted);
    match base {
        None => {}
        Some(Value::String(word)) if word == "default" => machine.reset_bios(),
        Some(other) => return Err(Problem::PropertyValue("BaseConfig".into(), other)),
    }
    if wanted.is_empty() {
        return Ok(messages::reset_required(call));
    }
    bios::stage(call, machine, wanted)
}

fn inventory(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let mut current = json!({});
    for one in &machine.firmware {
        let name = match one.kind {
            ComponentKind::Bmc => "SystemBMC",
            ComponentKind::Bios => "SystemRomActive",
            ComponentKind::Device | ComponentKind::DeviceInPost => continue,
        };
        current[name] = json!([{"Name": one.name, "Location": "System Board", "VersionString": one.version}]);
    }
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#FwSwVersionInventory.1.2.0.FwSwVersionInventory",
        "Id": "FirmwareInventory",
        "Name": "Firmware Version Inventory",
        "Current": current,
    }))
}

fn update_service(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let last = machine.jobs.iter().rev().find(|job| job.kind == UPDATE);
    let (state, percent) = match last.map(|job| (job.state, job.percent)) {
        None => ("IDLE", 0),
        Some((JobState::Failed, percent)) => ("ERROR", percent),
        Some((JobState::Scheduled, _)) => ("COMPLETED", 100),
        Some((state, _)) if state.is_over() => ("COMPLETED", 100),
        Some((_, percent)) => ("PROGRESSING", percent),
    };
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#HpiLOFirmwareUpdate.1.0.0.HpiLOFirmwareUpdate",
        "Id": "UpdateService",
        "Name": "Update Service",
        "State": state,
        "ProgressPercent": percent,
        "Actions": {"#HpiLOFirmwareUpdate.InstallFromURI": {
            "target": format!("{path}/Actions/Oem/Hp/HpiLOFirmwareUpdate.InstallFromURI"),
        }},
    }))
}

fn install(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let name = "FirmwareURI";
    let url = call::text(&call.object()?, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    call.summary(format!("InstallFromURI {url}"));
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Problem::ParameterValue(name.into(), url.into()));
    }
    let source = Some(Source { url, login: None });
    update::begin(
        call,
        machine,
        Update { source, targets: Vec::new(), at_reset: false, package: None },
        UPDATE,
    );
    Ok(messages::success(call))
}

/// The answer with each link as `href` too.
pub(super) fn with_links(call: &Call, mut reply: Reply) -> Reply {
    if Generation::of(call) != Generation::Four || reply.status != http::StatusCode::OK {
        return reply;
    }
    if let Some(Value::Object(body)) = &mut reply.json
        && body.contains_key("@odata.id")
        && !body.contains_key("links")
    {
        let mut links = json!({"self": {"href": asked(call)}});
        for (name, value) in body.iter() {
            if let Some(path) = value.get("@odata.id") {
                links[name] = json!({"href": path});
            }
        }
        if let Some(members) = body.get("Members").and_then(Value::as_array) {
            links["Member"] = members.iter().map(|one| json!({"href": one["@odata.id"]})).collect();
            body.insert("Total".into(), members.len().into());
        }
        body.insert("links".into(), links);
    }
    reply
}
