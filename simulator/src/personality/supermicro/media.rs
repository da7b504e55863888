//! Virtual media: three slots alike below the Manager.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::MANAGER;
use crate::fetch::Fut;
use crate::machine::Machine;
use crate::personality::Quirks;
use crate::personality::pieces::{self, Parameter};
use crate::personality::standard::{asked, drop_property, media};
use crate::web::{Call, Problem, Reply, Table};

/// Parameters of InsertMedia.
const PARAMETERS: &[Parameter<'_>] = &[
    ("Image", true, "String", &[]),
    ("UserName", false, "String", &[]),
    ("Password", false, "String", &[]),
    ("Inserted", false, "Boolean", &[]),
    ("TransferMethod", false, "String", &[]),
    ("TransferProtocolType", false, "String", &[]),
    ("WriteProtected", false, "Boolean", &[]),
];

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    let slot = format!("{MANAGER}/VirtualMedia/{{slot}}");
    table.amend(&slot, amend_slot);
    table.post_slow(&format!("{slot}/Actions/VirtualMedia.InsertMedia"), insert);
    table.post(&format!("{slot}/Actions/VirtualMedia.EjectMedia"), eject);
    if quirks.has("parameters-by-action-info") {
        table.amend(&slot, |call, _, body| {
            let info = format!("{}/InsertMediaActionInfo", asked(call));
            pieces::point_to_info(&mut body["Actions"]["#VirtualMedia.InsertMedia"], info);
        });
        table.get(&format!("{slot}/InsertMediaActionInfo"), |call, machine| {
            media::find(call, machine)?;
            Ok(pieces::action_info(call, PARAMETERS))
        });
    }
}

/// Where the machine keeps the image that was last in a slot.
fn left(slot: &str) -> String {
    format!("image-left:{slot}")
}

fn amend_slot(call: &Call, machine: &Machine, body: &mut Value) {
    let Ok(slot) = media::find(call, machine) else { return };
    let quirks = &call.cell.quirks;
    let mut verify = Value::from(slot.verify_certificate);
    if !slot.inserted {
        if quirks.has("eject-only-when-inserted") {
            drop_property(&mut body["Actions"], "#VirtualMedia.EjectMedia");
        }
        body["WriteProtected"] = Value::Null;
        if !slot.verify_certificate {
            verify = Value::Null;
        }
    }
    if let Some(url) = machine.oem.get(&left(&slot.id)).and_then(Value::as_str).filter(|_| !slot.inserted) {
        body["Image"] = url.into();
        body["ImageName"] = url.rsplit('/').next().into();
    }
    let accepts = verify.as_bool().map(|verify| !verify);
    body["VerifyCertificate"] = verify;
    body["TransferMethod"] = if slot.inserted { "Stream".into() } else { Value::Null };
    body["Oem"] = json!({"Supermicro": {
        "@odata.type": "#VirtualMediaConfig.v1_0_0.VirtualMediaConfig",
        "AcceptSelfSigned": accepts,
    }});
}

fn insert(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        let body = call.object()?;
        let unknown = ["Inserted", "WriteProtected"].into_iter().find(|name| body.contains_key(*name));
        if let Some(name) = unknown.filter(|_| call.cell.quirks.has("insert-takes-image-only")) {
            call.summary(format!("InsertMedia {} with {name}", call.param("slot")));
            let text = format!("The action VirtualMedia.InsertMedia has no parameter {name}.");
            return Err(Problem::Other(StatusCode::BAD_REQUEST, "ActionParameterNotSupported".into(), text));
        }
        media::insert_image(&call, media::wanted(&body)?).await?;
        call.cell.with(|machine| machine.oem.remove(&left(call.param("slot"))));
        Ok(Reply::no_content())
    })
}

fn eject(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let slot = media::find(call, machine)?;
    let (id, url) = (slot.id.clone(), slot.url().map(str::to_owned));
    if !slot.inserted && call.cell.quirks.has("eject-only-when-inserted") {
        return Err(Problem::NotFound);
    }
    let reply = media::eject(call, machine)?;
    if let Some(url) = url.filter(|_| call.cell.quirks.has("image-stays-after-eject")) {
        machine.oem.insert(left(&id), url.into());
    }
    Ok(reply)
}
