//! Virtual media: two slots for what a browser serves, two for images at a URL.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use super::MANAGER;
use crate::fetch::Fut;
use crate::machine::Machine;
use crate::personality::standard::{drop_property, media};
use crate::web::{Call, Problem, Reply, Table};

/// Parameters of InsertMedia.
const KNOWN: &[&str] = &[
    "Image",
    "UserName",
    "Password",
    "Inserted",
    "WriteProtected",
    "TransferMethod",
    "TransferProtocolType",
];

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table) {
    let slot = format!("{MANAGER}/VirtualMedia/{{slot}}");
    table.amend(&slot, amend_slot);
    table.post_slow(&format!("{slot}/Actions/VirtualMedia.InsertMedia"), insert);
}

/// Whether the slot is one for a browser.
fn is_proxy(call: &Call) -> bool {
    matches!(call.param("slot"), "Slot_0" | "Slot_1") && call.cell.quirks.has("proxy-slots")
}

fn amend_slot(call: &Call, machine: &Machine, body: &mut Value) {
    let Ok(slot) = media::find(call, machine) else { return };
    drop_property(body, "VerifyCertificate");
    let scheme = slot.url().and_then(|url| url.split_once("://")).map(|(scheme, _)| scheme);
    body["TransferProtocolType"] = match scheme {
        Some("https") => "HTTPS".into(),
        Some("http") => "HTTP".into(),
        Some("smb") => "CIFS".into(),
        _ => Value::Null,
    };
    if is_proxy(call) {
        drop_property(&mut body["Actions"], "#VirtualMedia.InsertMedia");
        let number = call.param("slot").trim_start_matches("Slot_");
        body["Oem"] = json!({"OpenBMC": {
            "@odata.type": "#OemVirtualMedia.v1_0_0.VirtualMedia",
            "WebSocketEndpoint": format!("/nbd/{number}"),
        }});
    }
}

fn insert(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        if is_proxy(&call) {
            call.summary(format!("InsertMedia {}", call.param("slot")));
            return Err(Problem::NotFound);
        }
        let body = call.object()?;
        if let Some(other) = body.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(Problem::UnknownProperty(other.clone()));
        }
        let wanted = media::wanted(&body)?;
        let url = &wanted.source.url;
        let known = url.starts_with("https://") || url.starts_with("smb://");
        if !known && call.cell.quirks.has("https-or-smb-only") {
            call.summary(format!("InsertMedia {} {url}", call.param("slot")));
            let text = format!("The resource at {url} is in a format not recognized by the service.");
            let id = "ResourceAtUriInUnknownFormat".into();
            return Err(Problem::Other(StatusCode::BAD_REQUEST, id, text));
        }
        if !wanted.inserted {
            return Err(Problem::ParameterValue("Inserted".into(), false.into()));
        }
        media::insert_image(&call, wanted).await?;
        Ok(Reply::no_content())
    })
}
