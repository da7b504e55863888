//! Virtual media: slot 2 is the CD. An image is accepted and attaches later, if it can be read.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::facts::Generation;
use super::{MANAGER, messages, own};
use crate::fetch::Fut;
use crate::machine::{Machine, MediaProblem, Source};
use crate::personality::Quirks;
use crate::personality::standard::media::{self, Wanted};
use crate::personality::standard::{asked, drop_property};
use crate::web::{Call, Problem, Reply, Table, call};

/// The actions of HPE's own.
const INSERT: &str = "iLOVirtualMedia.InsertVirtualMedia";
const EJECT: &str = "iLOVirtualMedia.EjectVirtualMedia";
/// The flag that boots the CD once.
const FLAG: &str = "BootOnNextServerReset";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, generation: Generation, quirks: &Quirks) {
    let slot = format!("{MANAGER}/VirtualMedia/{{slot}}");
    table.amend(&slot, amend_slot);
    table.on(http::Method::PATCH, &slot, crate::web::Handler::Slow(patch));
    if quirks.has("media-by-hp-actions") {
        table.remove(&format!("{slot}/Actions"));
    } else {
        table.post_slow(&format!("{slot}/Actions/VirtualMedia.InsertMedia"), insert_media);
        table.post(&format!("{slot}/Actions/VirtualMedia.EjectMedia"), eject_media);
    }
    let facts = generation.facts();
    table.post_slow(&facts.action(&slot, INSERT), insert_media);
    table.post(&facts.action(&slot, EJECT), eject_media);
}

fn amend_slot(call: &Call, machine: &Machine, body: &mut Value) {
    let Ok(slot) = media::find(call, machine) else { return };
    let path = asked(call);
    drop_property(body, "VerifyCertificate");
    drop_property(body, "ImageName");
    body["@odata.type"] = "#VirtualMedia.v1_3_0.VirtualMedia".into();
    body["Description"] = "Virtual Removable Media".into();
    if slot.image.is_none() && call.cell.quirks.has("empty-image-text") {
        body["Image"] = "".into();
    }
    if call.cell.quirks.has("media-by-hp-actions") {
        drop_property(body, "Actions");
    }
    let facts = Generation::of(call).facts();
    let mut section = json!({
        "@odata.type": facts.kind("iLOVirtualMedia", "2_2_0"),
        "Actions": facts.actions(&path, &[EJECT, INSERT]),
    });
    if slot.is_cd() && call.cell.quirks.has("boot-on-next-reset") {
        section[FLAG] = slot.boot_next.into();
    }
    body["Oem"] = facts.section(section);
}

/// `BootOnNextServerReset` of a body.
fn boot_flag(call: &Call, body: &Map<String, Value>) -> Result<Option<bool>, Problem> {
    let name = Generation::of(call).facts().oem;
    let section = body.get("Oem").and_then(|oem| oem.get(name)).and_then(Value::as_object);
    section.map_or(Ok(None), |section| call::flag(section, FLAG))
}

/// Sets the flag; `inserts` when the same request inserts the image.
fn set_boot_flag(call: &Call, machine: &mut Machine, flag: bool, inserts: bool) -> Result<(), Problem> {
    let at = media::index(call, machine)?;
    let quirks = &call.cell.quirks;
    let known = quirks.has("boot-on-next-reset");
    let Some(slot) = machine.slots.get_mut(at).filter(|slot| slot.is_cd() && known) else {
        return Err(Problem::UnknownProperty(FLAG.into()));
    };
    if slot.image.is_some() && !inserts && quirks.has("boot-flag-before-insert") {
        return Err(refusal("UnableToModifyAfterVirtualMediaInsert", "There is an image already."));
    }
    let before = std::mem::replace(&mut slot.boot_next, flag);
    let what = format!("media-boot:{}", slot.id);
    machine.note(&what, before.to_string(), flag.to_string());
    Ok(())
}

/// A refusal in the words of iLO's own registry.
fn refusal(id: &str, text: &str) -> Problem {
    Problem::Other(StatusCode::BAD_REQUEST, id.into(), text.into())
}

async fn insert(call: &Call, wanted: Wanted) -> Result<(), Problem> {
    let url = &wanted.source.url;
    let name = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
    let http = name.starts_with("http://") || name.starts_with("https://");
    let known = [".iso", ".bin", ".img"].iter().any(|suffix| name.ends_with(suffix));
    let quirks = &call.cell.quirks;
    if quirks.has("image-suffix") && !(http && known) {
        call.summary(format!("InsertMedia {} {url}", call.param("slot")));
        return Err(Problem::ParameterValue("Image".into(), url.clone().into()));
    }
    if quirks.has("media-needs-license") && !call.cell.with(|machine| own::is_advanced(machine)) {
        call.summary(format!("InsertMedia {} {url}", call.param("slot")));
        return Err(refusal("LicenseKeyRequired", "Virtual media by URL needs iLO Advanced."));
    }
    media::insert_image(call, wanted).await
}

fn insert_media(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        let body = call.object()?;
        let flag = boot_flag(&call, &body)?;
        let other = ["Inserted", "WriteProtected"].into_iter().find(|name| body.contains_key(*name));
        if let Some(name) = other.filter(|_| call.cell.quirks.has("insert-takes-image-only")) {
            return Err(Problem::UnknownProperty(name.into()));
        }
        insert(&call, media::wanted(&body)?).await?;
        if let Some(flag) = flag {
            call.cell.with(|machine| set_boot_flag(&call, machine, flag, true))?;
        }
        Ok(messages::success(&call))
    })
}

fn eject_media(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    if call.cell.quirks.has("eject-needs-body") {
        call.object()?;
    }
    match media::eject(call, machine) {
        Err(Problem::Media(MediaProblem::Empty)) if !call.cell.quirks.has("eject-empty-400") => {}
        other => drop(other?),
    }
    Ok(messages::success(call))
}

/// PATCH of a slot: `Image` inserts, or ejects when null or empty; and the flag for the next reset.
fn patch(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        let body = call.object()?;
        let flag = boot_flag(&call, &body)?;
        let inserts = body.contains_key("Image");
        if inserts {
            match call::text(&body, "Image")?.filter(|url| !url.is_empty()) {
                Some(url) => {
                    let source = Source { url, login: None };
                    insert(&call, Wanted { source, inserted: true, write_protected: true }).await?;
                }
                None => call.cell.with(|machine| media::eject(&call, machine).map(drop))?,
            }
        } else if flag.is_none() {
            return Err(Problem::Missing("Image".into()));
        }
        if let Some(flag) = flag {
            call.summary(format!("PATCH VirtualMedia {FLAG} {flag}"));
            call.cell.with(|machine| set_boot_flag(&call, machine, flag, inserts))?;
        }
        Ok(messages::success(&call))
    })
}
