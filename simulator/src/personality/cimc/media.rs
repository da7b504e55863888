//! Virtual media: mapped after InsertMedia has answered.

use serde_json::{Value, json};

use super::MANAGER;
use crate::machine::Machine;
use crate::personality::standard::{collection, drop_property, manager_path, media};
use crate::web::{Call, Problem, Table};

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table) {
    let slots = format!("{MANAGER}/VirtualMedia");
    table.get(&slots, slot_collection);
    table.amend(&format!("{slots}/{{slot}}"), amend_slot);
    table.post(&format!("{slots}/{{slot}}/Actions/VirtualMedia.EjectMedia"), media::eject_always);
}

fn slot_collection(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/VirtualMedia", manager_path(call));
    let mut members: Vec<_> = machine.slots.iter().map(|slot| format!("{path}/{}", slot.id)).collect();
    // The order follows nothing that a client could know; here it changes from second to second.
    let odd = machine.now().since_start().as_secs() % 2 == 1;
    if odd && call.cell.quirks.has("slot-order") {
        members.reverse();
    }
    Ok(collection("VirtualMediaCollection", &path, "Virtual Media Collection", members))
}

fn amend_slot(call: &Call, machine: &Machine, body: &mut Value) {
    let Ok(slot) = media::find(call, machine) else { return };
    drop_property(body, "VerifyCertificate");
    if !slot.inserted {
        body["Image"] = Value::Null;
        body["ImageName"] = Value::Null;
        if call.cell.quirks.has("empty-fields-omitted") {
            drop_property(body, "Image");
            drop_property(body, "ImageName");
        }
    }
    if call.cell.quirks.has("slot-status-disabled") {
        body["Status"] = json!({
            "State": if slot.inserted { "Enabled" } else { "Disabled" },
            "Health": if slot.error.is_some() { "Critical" } else { "OK" },
        });
    }
    if call.cell.quirks.has("prose-allowable-values") {
        let action = &mut body["Actions"]["#VirtualMedia.InsertMedia"];
        for (name, values) in [
            ("Image", json!(["The location of the image as a string (Required)"])),
            ("Inserted", json!(["true"])),
            ("TransferMethod", json!(["Stream"])),
            ("TransferProtocolType", json!(["CIFS", "HTTP", "HTTPS", "NFS"])),
            ("WriteProtected", json!(["Whether the medium is write protected, as a boolean (Optional)"])),
        ] {
            action[format!("{name}@Redfish.AllowableValues")] = values;
        }
    }
}
