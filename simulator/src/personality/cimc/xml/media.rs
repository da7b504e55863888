//! Virtual media as mappings: an image per kind of drive, in the same slots that Redfish shows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::element::Element;
use super::object::Object;
use super::refusal::Refusal;
use crate::machine::{Machine, MediaProblem, Slot, Source};
use crate::personality::cimc::services;
use crate::web::Call;

/// The service with its mappings.
pub(super) const SERVICE: &str = "sys/svc-ext/vmedia-svc";
/// How long a mapping takes.
const MAPPING: Duration = Duration::from_secs(8);

/// What a mapping was described as; the image itself is the slot's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Described {
    name: String,
    map: String,
    options: String,
    share: String,
    file: String,
    user: String,
    /// The insert it is of: one that Redfish has ejected or replaced is no longer this.
    generation: u64,
}

fn key(slot: &Slot) -> String {
    format!("vmmap {}", slot.id)
}

fn drive_type(slot: &Slot) -> &'static str {
    if slot.is_cd() { "cd" } else { "floppy" }
}

/// How a slot's image is described: as it was mapped, or, when Redfish inserted it, by its URL.
fn described(machine: &Machine, slot: &Slot) -> Option<Described> {
    let url = slot.url()?;
    let kept = machine.oem.get(&key(slot)).cloned().and_then(|kept| serde_json::from_value(kept).ok());
    let own = kept.filter(|kept: &Described| kept.generation == slot.generation);
    Some(own.unwrap_or_else(|| {
        let (share, file) = url.rsplit_once('/').unwrap_or(("", url));
        let map = match url {
            _ if url.starts_with("http") => "www",
            _ if url.starts_with("//") || url.starts_with("cifs") => "cifs",
            _ => "nfs",
        };
        Described {
            name: format!("vmedia{}", slot.id),
            map: map.into(),
            options: String::new(),
            share: format!("{share}/"),
            file: file.into(),
            user: slot
                .image
                .as_ref()
                .and_then(|image| image.login.clone())
                .map_or_else(String::new, |login| login.0),
            generation: slot.generation,
        }
    }))
}

/// What has become of a mapping: `OK`, `In Progress`, or `ERROR` and why.
fn status(slot: &Slot) -> String {
    match &slot.error {
        Some(why) if why.starts_with("ERROR") => why.clone(),
        Some(why) => format!("ERROR: {why}"),
        None if slot.inserted => "OK".into(),
        None => "In Progress".into(),
    }
}

/// The service with its mappings.
pub(super) fn object(machine: &Machine) -> Object {
    let maps = machine.slots.iter().filter_map(|slot| {
        let one = described(machine, slot)?;
        let object = Object::new("commVMediaMap", format!("{SERVICE}/vmmap-{}", one.name))
            .with("volumeName", one.name)
            .with("map", one.map)
            .with("remoteShare", one.share)
            .with("remoteFile", one.file)
            .with("mountOptions", one.options)
            .with("username", one.user)
            .with("password", "")
            .with("driveType", drive_type(slot))
            .with("mappingStatus", status(slot));
        Some(object)
    });
    let mapped = machine.slots.iter().filter(|slot| slot.inserted).count();
    Object::new("commVMedia", SERVICE)
        .with("adminState", services::VMEDIA.word(machine))
        .with("encryptionState", "disabled")
        .with("lowPowerUsbState", services::LOW_POWER_USB.word(machine))
        .with("activeSessions", mapped.to_string())
        .with("maximumSessions", machine.slots.len().to_string())
        .holding(maps)
}

/// `commVMedia`: switched off, nothing is mapped any more.
///
/// # Errors
/// A state that there is not.
pub(super) fn configure_service(machine: &mut Machine, element: &Element) -> Result<(), Refusal> {
    for (attribute, service) in [
        ("adminState", services::VMEDIA),
        ("lowPowerUsbState", services::LOW_POWER_USB),
        ("lowPowerUsb", services::LOW_POWER_USB),
    ] {
        let Some(wanted) = element.get(attribute) else { continue };
        if !service.set(machine, wanted) {
            return Err(Refusal::value(element, attribute));
        }
    }
    if !services::VMEDIA.is_on(machine) {
        for slot in 0..machine.slots.len() {
            // An empty slot has nothing to let go of.
            let _ = machine.eject(slot);
        }
    }
    Ok(())
}

/// Relative name of a mapping that is described without one.
pub(super) fn relative_name(element: &Element) -> Option<String> {
    (element.name == "commVMediaMap").then_some(())?;
    Some(format!("vmmap-{}", element.get("volumeName")?))
}

/// Makes or ends a mapping.
///
/// # Errors
/// What the schema does not allow; a mapping of that kind of drive that is there; an end of one that is not.
pub(super) fn configure_map(
    call: &Call,
    machine: &mut Machine,
    element: &Element,
    dn: &str,
) -> Result<(), Refusal> {
    let own = format!("{SERVICE}/vmmap-");
    let name = dn.strip_prefix(&own).ok_or_else(|| Refusal::schema(format!("'{dn}' is no commVMediaMap")))?;
    let known = machine
        .slots
        .iter()
        .position(|slot| described(machine, slot).is_some_and(|described| described.name == name));
    if matches!(element.get("status"), Some("deleted" | "removed")) {
        let at = known.ok_or_else(|| Refusal::operation(format!("there is no mapping {name}")))?;
        return machine.eject(at).map_err(media);
    }
    if !services::VMEDIA.is_on(machine) {
        return Err(Refusal::operation("virtual media is disabled"));
    }
    let wanted = wanted(element, name)?;
    let kind = if wanted.file.to_ascii_lowercase().ends_with(".img") { "floppy" } else { "cd" };
    let at = machine.slots.iter().position(|slot| drive_type(slot) == kind);
    let at = at.ok_or_else(|| Refusal::operation("this server has no such virtual drive"))?;
    let taken = machine.slots.get(at).is_some_and(|slot| slot.image.is_some());
    if taken && call.cell.quirks.has("one-map-per-drive-type") {
        return Err(Refusal::operation(format!("a mapping of the drive type {kind} is there already")));
    }
    if taken || known.is_some() {
        machine.eject(known.unwrap_or(at)).map_err(media)?;
    }
    let login = element.get("username").filter(|user| !user.is_empty()).map(|user| {
        let password = element.get("password").unwrap_or_default();
        (user.to_owned(), password.to_owned())
    });
    let source = Source { url: url(&wanted), login };
    machine.insert_later(at, source, true, MAPPING).map_err(media)?;
    if let Some(slot) = machine.slots.get(at) {
        let (key, kept) = (key(slot), Described { generation: slot.generation, ..wanted });
        machine.oem.insert(key, serde_json::to_value(kept).unwrap_or_default());
    }
    Ok(())
}

/// Lengths and letters: CiscoUcs/imcsdk.
fn wanted(element: &Element, name: &str) -> Result<Described, Refusal> {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | ':' | '_');
    let said = element.get("volumeName").unwrap_or(name);
    if !(1..=47).contains(&name.len()) || !name.chars().all(letter) || said != name {
        return Err(Refusal::value(element, "volumeName"));
    }
    let text = |attribute: &str, most: usize| {
        let value = element.get(attribute).unwrap_or_default();
        let good = !value.is_empty()
            && value.len() <= most
            && value.chars().all(|letter| (' '..='~').contains(&letter));
        if good { Ok(value.to_owned()) } else { Err(Refusal::value(element, attribute)) }
    };
    let short = |attribute: &str, most: usize| {
        let value = element.get(attribute).unwrap_or_default();
        if value.len() <= most { Ok(value.to_owned()) } else { Err(Refusal::value(element, attribute)) }
    };
    let map = element.get("map").unwrap_or_default();
    if !matches!(map, "www" | "nfs" | "cifs") {
        return Err(Refusal::value(element, "map"));
    }
    short("password", 255)?;
    Ok(Described {
        name: name.into(),
        map: map.into(),
        options: short("mountOptions", 248)?,
        share: text("remoteShare", 1792)?,
        file: text("remoteFile", 768)?,
        user: short("username", 255)?,
        generation: 0,
    })
}

/// Share and file as one place.
fn url(wanted: &Described) -> String {
    let (share, file) = (wanted.share.trim_end_matches('/'), wanted.file.trim_start_matches('/'));
    format!("{share}/{file}")
}

fn media(problem: MediaProblem) -> Refusal {
    match problem {
        MediaProblem::NoSlot => Refusal::operation("there is no such virtual drive"),
        MediaProblem::Occupied => Refusal::operation("an image is mapped already"),
        MediaProblem::Empty => Refusal::operation("nothing is mapped"),
        MediaProblem::Leaving => Refusal::operation("the image is being unmapped"),
    }
}
