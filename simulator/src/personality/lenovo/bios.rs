//! BIOS settings: the settings object is called Pending and lists everything.

use serde_json::{Value, json};

use super::SYSTEM;
use crate::machine::Machine;
use crate::personality::standard::{bios, date, link, service};
use crate::personality::{Quirks, pieces};
use crate::web::problem::Message;
use crate::web::{Call, Problem, Reply, Table};

const SCHEMAS: &str = "/redfish/v1/schemas/registries";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend(&format!("{SYSTEM}/Bios"), |call, machine, body| {
        body["Name"] = "Bios".into();
        body["@Redfish.Settings"] = json!({
            "@odata.type": "#Settings.v1_3_4.Settings",
            "SettingsObject": link(format!("{}/Pending", bios::path(call))),
            "SupportedApplyTimes": ["OnReset"],
            "Messages": [],
            "Time": date(call, machine.bios.consumed_at),
        });
    });
    let pending = pieces::rename_bios_settings(table, "Pending");
    if quirks.has("pending-is-full") {
        table.amend(&pending, |_, machine, body| {
            let mut all = machine.bios.current.clone();
            all.extend(machine.bios.pending.clone());
            body["Attributes"] = all.into();
        });
    }
    if quirks.has("bios-patch-answers-200") {
        table.patch(&pending, patch);
    }
    let mut document = "/redfish/v1/Registries/{registry}/Document".to_owned();
    if quirks.has("registry-among-schemas") {
        table.remove(&document);
        document = format!("{SCHEMAS}/{{document}}");
        table.get(&document, read_document);
        table.amend("/redfish/v1/Registries/{registry}", |_, machine, body| {
            body["Location"][0]["Uri"] = format!("{SCHEMAS}/{}.json", machine.bios.registry.id).into();
        });
    }
    if quirks.has("locks-are-gray-out") {
        table.amend(&document, pieces::gray_out);
    }
}

fn read_document(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    if call.param("document").strip_suffix(".json") != Some(machine.bios.registry.id.as_str()) {
        return Err(Problem::NotFound);
    }
    Ok(service::render_registry(machine))
}

/// PATCH of the settings: 200, and a reboot is required.
fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let wanted = bios::wanted(call)?;
    machine.write_bios(wanted).map_err(Problem::Bios)?;
    let text = "The changes are in force after a restart of the system.";
    let mut message = Message::new("ExtendedError.1.2.RebootRequired", text).to_json();
    message["Severity"] = "Warning".into();
    Ok(Reply::json(json!({"@Message.ExtendedInfo": [message]})))
}
