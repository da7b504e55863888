//! Virtual media: one pair of slots under the System and, by other names, under the Manager.

use std::sync::Arc;

use serde_json::Value;

use crate::fetch::{FetchError, Fut};
use crate::machine::{Machine, MediaProblem};
use crate::personality::Quirks;
use crate::personality::standard::{collection, manager_path, media};
use crate::web::{Call, Problem, Reply, Table};

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    let mut homes = vec!["/redfish/v1/Systems/{system}/VirtualMedia"];
    if quirks.has("media-in-both-places") {
        homes.push("/redfish/v1/Managers/{manager}/VirtualMedia");
        table.get("/redfish/v1/Managers/{manager}/VirtualMedia", manager_slots);
    }
    for home in homes {
        let slot = format!("{home}/{{slot}}");
        table.get(&slot, read);
        table.post_slow(&format!("{slot}/Actions/VirtualMedia.InsertMedia"), insert);
        table.post(&format!("{slot}/Actions/VirtualMedia.EjectMedia"), eject);
    }
}

fn manager_slots(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/VirtualMedia", manager_path(call));
    // This collection lists the disk before the CD.
    let members =
        machine.slots.iter().rev().filter_map(|slot| slot.alias.as_ref()).map(|id| format!("{path}/{id}"));
    Ok(collection("VirtualMediaCollection", &path, "Virtual Media Collection", members.collect()))
}

/// Each collection knows the slots by its own names only.
fn check(call: &Call, machine: &Machine) -> Result<(), Problem> {
    let slot = media::find(call, machine)?;
    let asked = call.param("slot");
    let known = if call.path.contains("/Managers/") { slot.alias.as_deref() } else { Some(slot.id.as_str()) };
    if known == Some(asked) { Ok(()) } else { Err(Problem::NotFound) }
}

fn read(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    check(call, machine)?;
    let slot = media::find(call, machine)?;
    let mut body = media::slot(call, machine)?;
    let asked = call.param("slot");
    body["Id"] = asked.into();
    match asked {
        "CD" => {
            body["Name"] = "Virtual CD".into();
            body["MediaTypes"] = serde_json::json!(["CD", "DVD"]);
        }
        "RemovableDisk" => {
            body["Name"] = "Virtual Removable Disk".into();
            body["MediaTypes"] = serde_json::json!(["USBStick"]);
        }
        _ => {}
    }
    crate::personality::standard::drop_property(&mut body, "VerifyCertificate");
    let login = slot.image.as_ref().and_then(|source| source.login.as_ref());
    body["UserName"] = login.map(|(user, _)| user.clone()).into();
    body["Password"] = Value::Null;
    body["TransferMethod"] = slot.url().map(|_| "Stream").into();
    body["TransferProtocolType"] = slot.url().map(protocol).into();
    Ok(body)
}

fn protocol(url: &str) -> &'static str {
    if url.starts_with("https:") { "HTTPS" } else { "HTTP" }
}

fn insert(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        call.cell.with(|machine| check(&call, machine))?;
        let wanted = media::wanted(&call.object()?)?;
        let url = &wanted.source.url;
        let name = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
        let known = name.ends_with(".iso") || name.ends_with(".img");
        if !known && call.cell.quirks.has("image-suffix") {
            call.summary(format!("InsertMedia {} {url}", call.param("slot")));
            return Err(Problem::Image(url.clone(), FetchError::BadUrl(url.clone())));
        }
        media::insert_image(&call, wanted).await?;
        Ok(Reply::no_content())
    })
}

fn eject(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    check(call, machine)?;
    if call.cell.quirks.has("eject-needs-body") {
        call.object()?;
    }
    match media::eject(call, machine) {
        Err(Problem::Media(MediaProblem::Empty)) if !call.cell.quirks.has("eject-empty-500") => {
            Ok(Reply::no_content())
        }
        other => other,
    }
}
