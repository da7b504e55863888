//! Virtual media: images are mounted and ejected by a PATCH of their slot.

use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value};

use super::{MANAGER, SYSTEM};
use crate::fetch::Fut;
use crate::personality::standard::{drop_property, media};
use crate::personality::{MediaHome, Quirks};
use crate::web::{Call, Handler, Problem, Reply, Table, call};

/// What a PATCH of a slot can have.
const KNOWN: &[&str] = &[
    "Image",
    "Inserted",
    "WriteProtected",
    "UserName",
    "Password",
    "TransferMethod",
    "TransferProtocolType",
    "VerifyCertificate",
];

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, home: MediaHome, quirks: &Quirks) {
    let homes: &[&str] = match home {
        MediaHome::System => &[SYSTEM],
        MediaHome::Manager => &[MANAGER],
        MediaHome::Both => &[SYSTEM, MANAGER],
    };
    for home in homes {
        let slot = format!("{home}/VirtualMedia/{{slot}}");
        table.amend(&slot, |_, _, body| {
            for absent in ["UserName", "Password", "TransferMethod", "TransferProtocolType"] {
                body[absent] = Value::Null;
            }
        });
        if quirks.has("media-by-patch") {
            table.amend(&slot, |_, _, body| drop_property(body, "Actions"));
            table.remove(&format!("{slot}/Actions"));
            table.on(Method::PATCH, &slot, Handler::Slow(patch));
        } else {
            table.post_slow(&format!("{slot}/Actions/VirtualMedia.InsertMedia"), insert);
        }
    }
}

/// What a PATCH asks for.
enum Wish {
    Mount(media::Wanted),
    Eject,
    /// Nothing of the image.
    Keep,
}

fn wish(body: &Map<String, Value>) -> Result<Wish, Problem> {
    if let Some(other) = body.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(Problem::UnknownProperty(other.clone()));
    }
    let inserted = call::flag(body, "Inserted")?;
    let image = call::text(body, "Image")?.filter(|url| !url.is_empty());
    match (image, inserted) {
        (Some(_), None | Some(true)) => Ok(Wish::Mount(media::wanted(body)?)),
        (Some(_), Some(false)) => Err(Problem::PropertyValue("Inserted".into(), false.into())),
        (None, Some(false)) => Ok(Wish::Eject),
        (None, _) if body.contains_key("Image") => Ok(Wish::Eject),
        (None, Some(true)) => Err(Problem::Missing("Image".into())),
        (None, None) => Ok(Wish::Keep),
    }
}

/// Whether the slot is one for images.
fn takes_images(call: &Call) -> Result<(), Problem> {
    let other = !call.param("slot").starts_with("EXT");
    if other && call.cell.quirks.has("only-ext-takes-images") {
        return Err(Problem::ReadOnlyProperty("Image".into()));
    }
    Ok(())
}

fn patch(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        let body = call.object()?;
        let wish = wish(&body)?;
        let verify = call::flag(&body, "VerifyCertificate")?;
        call.cell.with(|machine| {
            let at = media::index(&call, machine)?;
            if let Some((slot, verify)) = machine.slots.get_mut(at).zip(verify) {
                slot.verify_certificate = verify;
            }
            Ok::<_, Problem>(())
        })?;
        match wish {
            Wish::Mount(wanted) => {
                call.summary(format!("PATCH {} {}", call.param("slot"), wanted.source.url));
                takes_images(&call)?;
                media::insert_image(&call, wanted).await?;
            }
            Wish::Eject => call.cell.with(|machine| media::eject_image(&call, machine))?,
            Wish::Keep => {}
        }
        Ok(Reply::no_content())
    })
}

fn insert(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        takes_images(&call)?;
        media::insert(call).await
    })
}
