//! Virtual media.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{asked, collection};
use crate::fetch::{self, FetchError, Fut};
use crate::machine::{Insert, Machine, MediaProblem, Medium, Slot, Source};
use crate::web::{Call, Problem, Reply, Table, call};

/// Adds the collection at `path` with its slots and their actions.
pub fn add(table: &mut Table, path: &str) {
    table.get(path, slots);
    table.get(&format!("{path}/{{slot}}"), slot);
    table.patch(&format!("{path}/{{slot}}"), patch);
    table.post_slow(&format!("{path}/{{slot}}/Actions/VirtualMedia.InsertMedia"), insert);
    table.post(&format!("{path}/{{slot}}/Actions/VirtualMedia.EjectMedia"), eject);
}

fn slots(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = machine.slots.iter().map(|slot| format!("{path}/{}", slot.id)).collect();
    Ok(collection("VirtualMediaCollection", &path, "Virtual Media", members))
}

/// The slot that the call is about, by its index.
///
/// # Errors
/// `NotFound`.
pub fn index(call: &Call, machine: &Machine) -> Result<usize, Problem> {
    machine.slot_index(call.param("slot")).ok_or(Problem::NotFound)
}

/// The slot that the call is about.
///
/// # Errors
/// `NotFound`.
pub fn find<'a>(call: &Call, machine: &'a Machine) -> Result<&'a Slot, Problem> {
    machine.slots.get(index(call, machine)?).ok_or(Problem::NotFound)
}

/// A slot. What is not there is null; a personality that shows it otherwise amends it.
///
/// # Errors
/// `NotFound`.
pub fn slot(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let slot = find(call, machine)?;
    let path = asked(call);
    let name = slot.url().and_then(|url| url.rsplit('/').next());
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#VirtualMedia.v1_4_0.VirtualMedia",
        "Id": slot.id,
        "Name": slot.name,
        "MediaTypes": slot.media_types,
        "Image": slot.url(),
        "ImageName": name,
        "Inserted": slot.inserted,
        "ConnectedVia": if slot.inserted { "URI" } else { "NotConnected" },
        "WriteProtected": slot.write_protected,
        "VerifyCertificate": slot.verify_certificate,
        "Actions": {
            "#VirtualMedia.InsertMedia": {"target": format!("{path}/Actions/VirtualMedia.InsertMedia")},
            "#VirtualMedia.EjectMedia": {"target": format!("{path}/Actions/VirtualMedia.EjectMedia")},
        },
    }))
}

/// PATCH of a slot: `VerifyCertificate`.
///
/// # Errors
/// A value of the wrong type.
pub fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let at = index(call, machine)?;
    let verify = call::flag(&body, "VerifyCertificate")?
        .ok_or_else(|| Problem::Missing("VerifyCertificate".into()))?;
    call.summary(format!("PATCH VirtualMedia VerifyCertificate {verify}"));
    if let Some(slot) = machine.slots.get_mut(at) {
        slot.verify_certificate = verify;
    }
    Ok(Reply::no_content())
}

/// An image as `InsertMedia` asks for it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where it is.
    pub source: Source,
    /// Whether it is inserted at once: `Inserted`, true by default.
    pub inserted: bool,
    /// `WriteProtected`, true by default.
    pub write_protected: bool,
}

/// Reads the parameters of `InsertMedia`.
///
/// # Errors
/// A missing `Image`, a value of the wrong type.
pub fn wanted(body: &Map<String, Value>) -> Result<Wanted, Problem> {
    let url = call::text(body, "Image")?.ok_or_else(|| Problem::Missing("Image".into()))?;
    let login = match (call::text(body, "UserName")?, call::text(body, "Password")?) {
        (Some(user), Some(password)) => Some((user, password)),
        _ => None,
    };
    let inserted = call::flag(body, "Inserted")?.unwrap_or(true);
    let write_protected = call::flag(body, "WriteProtected")?.unwrap_or(true);
    Ok(Wanted { source: Source { url, login }, inserted, write_protected })
}

/// `VirtualMedia.InsertMedia`: 204, as the machine's rules have it.
pub fn insert(call: Arc<Call>) -> Fut<'static, Result<Reply, Problem>> {
    Box::pin(async move {
        let wanted = wanted(&call.object()?)?;
        insert_image(&call, wanted).await?;
        Ok(Reply::no_content())
    })
}

/// Inserts an image as the machine's rules have it: looking at it before, after or not at all.
///
/// # Errors
/// An occupied slot; an image that cannot be read, where that is noticed before the answer.
pub async fn insert_image(call: &Call, wanted: Wanted) -> Result<(), Problem> {
    insert_into(call, call.param("slot"), wanted).await
}

/// As [`insert_image`], into the slot of that `Id`.
///
/// # Errors
/// As there.
pub async fn insert_into(call: &Call, slot: &str, wanted: Wanted) -> Result<(), Problem> {
    let Wanted { source, write_protected, .. } = wanted;
    call.summary(format!("InsertMedia {slot} {}", source.url));
    let stuck = call.cell.world.faults.media_never_attaches(&call.cell.name);
    let (at, rule, medium) = call.cell.with(|machine| {
        let at = machine.slot_index(slot).ok_or(Problem::NotFound)?;
        machine.may_insert(at).map_err(Problem::Media)?;
        let verify = machine.slots.get(at).is_some_and(|slot| slot.verify_certificate);
        let medium = Medium { source: source.clone(), verify, generation: 0 };
        Ok::<_, Problem>((at, machine.rules.media.insert, medium))
    })?;
    if let Insert::Checked | Insert::Downloaded = rule {
        let whole = rule == Insert::Downloaded;
        look(call, &medium, whole).await.map_err(|why| Problem::Image(medium.source.url.clone(), why))?;
    }
    call.cell
        .with(|machine| match rule {
            Insert::Mapped(after) => machine.insert_later(at, source, write_protected, after),
            // It looks well and never maps: nothing will ever look at this source.
            _ if stuck => machine.insert_later(at, source, write_protected, std::time::Duration::ZERO),
            Insert::Checked | Insert::Downloaded | Insert::WhenRead => {
                machine.insert(at, source, write_protected)
            }
        })
        .map_err(Problem::Media)
}

async fn look(call: &Call, medium: &Medium, whole: bool) -> Result<(), FetchError> {
    const CHUNK: u64 = 1024 * 1024;
    let net = call.cell.net();
    let size = fetch::size(net.as_ref(), medium).await?;
    let mut offset = 0;
    while whole && offset < size {
        let length = CHUNK.min(size - offset);
        fetch::read(net.as_ref(), medium, offset, length).await?;
        offset += length;
    }
    Ok(())
}

/// `VirtualMedia.EjectMedia`: 204.
///
/// # Errors
/// Nothing inserted; a body that is no JSON object.
pub fn eject(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    call.summary(format!("EjectMedia {}", call.param("slot")));
    let at = index(call, machine)?;
    machine.eject(at).map_err(Problem::Media)?;
    Ok(Reply::no_content())
}

/// An eject that is also well when nothing is inserted: 204.
///
/// # Errors
/// No such slot; a body that is no JSON object.
pub fn eject_always(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    eject_image(call, machine)?;
    Ok(Reply::no_content())
}

/// Empties the slot of the call, which may be empty.
///
/// # Errors
/// No such slot.
pub fn eject_image(call: &Call, machine: &mut Machine) -> Result<(), Problem> {
    call.summary(format!("EjectMedia {}", call.param("slot")));
    let at = index(call, machine)?;
    match machine.eject(at) {
        Err(MediaProblem::Empty) => Ok(()),
        other => other.map_err(Problem::Media),
    }
}
