//! Virtual media: slot 2 is the CD. An image is accepted and attaches later, if it can be read.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{MANAGER, messages};
use crate::fetch::Fut;
use crate::machine::{Machine, MediaProblem, Source};
use crate::personality::standard::media::{self, Wanted};
use crate::personality::standard::{asked, drop_property};
use crate::web::{Call, Problem, Reply, Table, call};

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table) {
    let slot = format!("{MANAGER}/VirtualMedia/{{slot}}");
    table.amend(&slot, amend_slot);
    table.on(http::Method::PATCH, &slot, crate::web::Handler::Slow(patch));
    for insert in ["VirtualMedia.InsertMedia", "Oem/Hpe/HpeiLOVirtualMedia.InsertVirtualMedia"] {
        table.post_slow(&format!("{slot}/Actions/{insert}"), insert_media);
    }
    for eject in ["VirtualMedia.EjectMedia", "Oem/Hpe/HpeiLOVirtualMedia.EjectVirtualMedia"] {
        table.post(&format!("{slot}/Actions/{eject}"), eject_media);
    }
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
    let action = |name: &str| json!({"target": format!("{path}/Actions/Oem/Hpe/HpeiLOVirtualMedia.{name}")});
    let mut hpe = json!({
        "@odata.type": "#HpeiLOVirtualMedia.v2_2_0.HpeiLOVirtualMedia",
        "Actions": {
            "#HpeiLOVirtualMedia.EjectVirtualMedia": action("EjectVirtualMedia"),
            "#HpeiLOVirtualMedia.InsertVirtualMedia": action("InsertVirtualMedia"),
        },
    });
    if slot.is_cd() && call.cell.quirks.has("boot-on-next-reset") {
        hpe["BootOnNextServerReset"] = slot.boot_next.into();
    }
    body["Oem"] = json!({"Hpe": hpe});
}

/// `Oem.Hpe.BootOnNextServerReset` of a body.
fn boot_flag(body: &Map<String, Value>) -> Result<Option<bool>, Problem> {
    let hpe = body.get("Oem").and_then(|oem| oem.get("Hpe")).and_then(Value::as_object);
    hpe.map_or(Ok(None), |hpe| call::flag(hpe, "BootOnNextServerReset"))
}

fn set_boot_flag(call: &Call, machine: &mut Machine, flag: bool) -> Result<(), Problem> {
    let name = "BootOnNextServerReset";
    let at = media::index(call, machine)?;
    let known = call.cell.quirks.has("boot-on-next-reset");
    let Some(slot) = machine.slots.get_mut(at).filter(|slot| slot.is_cd() && known) else {
        return Err(Problem::UnknownProperty(name.into()));
    };
    let before = std::mem::replace(&mut slot.boot_next, flag);
    let what = format!("media-boot:{}", slot.id);
    machine.note(&what, before.to_string(), flag.to_string());
    Ok(())
}

async fn insert(call: &Call, wanted: Wanted) -> Result<(), Problem> {
    let url = &wanted.source.url;
    let name = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
    let http = name.starts_with("http://") || name.starts_with("https://");
    let known = [".iso", ".bin", ".img"].iter().any(|suffix| name.ends_with(suffix));
    if call.cell.quirks.has("image-suffix") && !(http && known) {
        call.summary(format!("InsertMedia {} {url}", call.param("slot")));
        return Err(Problem::ParameterValue("Image".into(), url.clone().into()));
    }
    media::insert_image(call, wanted).await
}

fn insert_media(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        let body = call.object()?;
        let flag = boot_flag(&body)?;
        insert(&call, media::wanted(&body)?).await?;
        if let Some(flag) = flag {
            call.cell.with(|machine| set_boot_flag(&call, machine, flag))?;
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
        let flag = boot_flag(&body)?;
        if body.contains_key("Image") {
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
            call.summary(format!("PATCH VirtualMedia BootOnNextServerReset {flag}"));
            call.cell.with(|machine| set_boot_flag(&call, machine, flag))?;
        }
        Ok(messages::success(&call))
    })
}
