//! Virtual media: one pair of slots under the System and, by other names, under the Manager.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::{Generation, attributes, home};
use crate::fetch::{FetchError, Fut};
use crate::machine::{Machine, MediaProblem};
use crate::personality::standard::{collection, drop_property, manager_path, media};
use crate::personality::{MediaHome, Quirks};
use crate::web::{Call, Problem, Reply, Table};

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, generation: Generation, quirks: &Quirks) {
    let (system, manager) =
        ("/redfish/v1/Systems/{system}/VirtualMedia", "/redfish/v1/Managers/{manager}/VirtualMedia");
    let homes = match home(generation, quirks) {
        MediaHome::System => vec![system],
        MediaHome::Manager => vec![manager],
        MediaHome::Both => vec![system, manager],
    };
    if home(generation, quirks) != MediaHome::System {
        table.get(manager, manager_slots);
    }
    for home in homes {
        let slot = format!("{home}/{{slot}}");
        table.get(&slot, read);
        table.post_slow(&format!("{slot}/Actions/VirtualMedia.InsertMedia"), insert);
        table.post(&format!("{slot}/Actions/VirtualMedia.EjectMedia"), eject);
        if quirks.has("media-cannot-insert") {
            table.remove(&format!("{slot}/Actions"));
            table.amend(&slot, |_, _, body| drop_property(body, "Actions"));
        }
    }
}

fn manager_slots(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/VirtualMedia", manager_path(call));
    // This collection lists the disk before the CD.
    let members = machine.slots.iter().rev().map(|slot| slot.alias.as_ref().unwrap_or(&slot.id));
    let members = members.map(|id| format!("{path}/{id}"));
    Ok(collection("VirtualMediaCollection", &path, "Virtual Media Collection", members.collect()))
}

/// Each collection knows the slots by its own names only.
fn check(call: &Call, machine: &Machine) -> Result<(), Problem> {
    let slot = media::find(call, machine)?;
    let asked = call.param("slot");
    let below_manager = call.path.contains("/Managers/");
    let known = slot.alias.as_deref().filter(|_| below_manager).unwrap_or(&slot.id);
    if known == asked { Ok(()) } else { Err(Problem::NotFound) }
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
    drop_property(&mut body, "VerifyCertificate");
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

/// How long a share that cannot be reached is tried.
const TIME_OUT: Duration = Duration::from_secs(30);

fn insert(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        call.cell.with(|machine| check(&call, machine))?;
        let wanted = media::wanted(&call.object()?)?;
        let url = wanted.source.url.clone();
        call.summary(format!("InsertMedia {} {url}", call.param("slot")));
        if !known_form(&call, &url) {
            return Err(Problem::Image(url.clone(), FetchError::BadUrl(url)));
        }
        call.cell.with(|machine| free(&call, machine))?;
        let outcome = media::insert_image(&call, wanted).await;
        if matches!(outcome, Err(Problem::Image(..))) && call.cell.quirks.has("refused-insert-is-slow") {
            call.cell.world.clock.sleep(TIME_OUT).await;
        }
        outcome?;
        Ok(Reply::no_content())
    })
}

/// Whether an image is named as this iDRAC wants it.
fn known_form(call: &Call, url: &str) -> bool {
    let quirks = &call.cell.quirks;
    let name = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
    let suffix = name.ends_with(".iso") || name.ends_with(".img");
    let share = ["nfs://", "cifs://", "smb://"].iter().any(|scheme| name.starts_with(scheme));
    (suffix || !quirks.has("image-suffix")) && !(share && quirks.has("share-forms"))
}

/// Whether virtual media as a whole takes an image now.
fn free(call: &Call, machine: &Machine) -> Result<(), Problem> {
    let quirks = &call.cell.quirks;
    if attributes::media_detached(machine) && quirks.has("media-detached") {
        let text = "Virtual media is detached, or a session has it in use.".to_owned();
        return Err(Problem::Other(StatusCode::INTERNAL_SERVER_ERROR, "VRM0021".into(), text));
    }
    let own = media::index(call, machine)?;
    let other = machine.slots.iter().enumerate().any(|(at, slot)| at != own && slot.image.is_some());
    if other && quirks.has("one-medium-at-a-time") {
        return Err(Problem::Media(MediaProblem::Occupied));
    }
    Ok(())
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
