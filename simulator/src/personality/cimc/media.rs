//! Virtual media: mapped after InsertMedia has answered.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::MANAGER;
use crate::fetch::Fut;
use crate::machine::{Machine, Slot};
use crate::personality::standard::{collection, drop_property, manager_path, media};
use crate::web::{Call, Problem, Reply, Table};

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table) {
    let slots = format!("{MANAGER}/VirtualMedia");
    table.get(&slots, slot_collection);
    table.amend(&format!("{slots}/{{slot}}"), amend_slot);
    table.post_slow(&format!("{slots}/{{slot}}/Actions/VirtualMedia.InsertMedia"), insert);
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

/// Whether a slot is the vKVM's own, which takes no image from here.
fn is_vkvm(call: &Call, slot: &Slot) -> bool {
    slot.name.starts_with("vKVM") && call.cell.quirks.has("vkvm-slots-refuse")
}

/// `InsertMedia`, where there is one.
fn insert(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    let refused = call.cell.with(|machine| {
        let slot = media::find(&call, machine)?;
        if call.cell.quirks.has("insert-answers-405") {
            return Err(Problem::MethodNotAllowed);
        }
        if is_vkvm(&call, slot) {
            let text = format!("{} takes no image.", slot.name);
            return Err(Problem::Other(StatusCode::BAD_REQUEST, "ActionNotSupported".into(), text));
        }
        Ok(())
    });
    match refused {
        Ok(()) => media::insert(call),
        Err(problem) => Box::pin(std::future::ready(Err(problem))),
    }
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
    if call.cell.quirks.has("vkvm-slots-refuse") {
        body["Oem"] = json!({"Cisco": {
            "ImageNameVariable": body["ImageName"],
            "RemapOnEject": null,
        }});
    }
    if call.cell.quirks.has("slot-status-disabled") {
        body["Status"] = json!({
            "State": if slot.inserted { "Enabled" } else { "Disabled" },
            "Health": if slot.error.is_some() { "Critical" } else { "OK" },
        });
    }
    if call.cell.quirks.has("no-insert-media") {
        drop_property(&mut body["Actions"], "#VirtualMedia.InsertMedia");
    } else if call.cell.quirks.has("prose-allowable-values") {
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
