//! Storage: volumes are made and deleted before the answer.

use serde_json::Value;

use super::SYSTEM;
use crate::machine::Machine;
use crate::machine::inventory::Controller;
use crate::machine::storage::{DriveState, NewVolume, StorageAct};
use crate::personality::standard::{asked, drop_property, storage};
use crate::personality::{Quirks, pieces};
use crate::web::{Call, Problem, Reply, Table, call, expand};

/// Sizes are kept in whole MiB; the smallest is one.
const UNIT: u64 = 1024 * 1024;

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    let volumes = format!("{SYSTEM}/Storage/{{controller}}/Volumes");
    table.amend(&format!("{volumes}/{{piece}}"), |_, _, body| {
        // An initialisation is fast or none.
        body["Actions"]["#Volume.Initialize"]["InitializeType@Redfish.AllowableValues"] =
            serde_json::json!(["Fast"]);
    });
    let drive = format!("{SYSTEM}/Storage/{{controller}}/Drives/{{piece}}");
    table.remove(&format!("{drive}/Actions"));
    table.amend(&drive, |_, _, body| drop_property(body, "Actions"));
    if quirks.has("volumes-at-once") {
        table.post(&volumes, create);
        table.delete(&format!("{volumes}/{{piece}}"), delete);
        table.post(&format!("{volumes}/{{piece}}/Actions/Volume.Initialize"), initialize);
    }
}

/// The drives that a volume of the controller would be made of when none were named.
fn free(owner: &Controller) -> Vec<String> {
    let free = |id: &str| owner.volumes_of(id).next().is_none();
    let drives = owner.drives.iter().filter(|drive| drive.state == DriveState::Ready && free(&drive.id));
    drives.map(|drive| drive.id.clone()).collect()
}

fn wanted(call: &Call, machine: &Machine) -> Result<NewVolume, Problem> {
    let body = call.object()?;
    let required = |name: &str| call::text(&body, name)?.ok_or_else(|| Problem::Missing(name.into()));
    let (name, raid) = (required("Name")?, required("RAIDType")?);
    let named = body.get("Links").and_then(|links| links.get("Drives"));
    let drives = match named {
        Some(list) if !call.cell.quirks.has("volume-of-all-free-drives") => storage::linked("Drives", list)?,
        _ => free(storage::owner(call, machine)?),
    };
    let bytes = storage::bytes(&body)?;
    if let Some(small) = bytes.filter(|bytes| *bytes < UNIT) {
        return Err(Problem::PropertyValue("CapacityBytes".into(), small.into()));
    }
    Ok(NewVolume { name: Some(name), raid, drives, bytes: bytes.map(|bytes| bytes / UNIT * UNIT) })
}

/// POST of a volume: 201 with it.
fn create(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let wanted = wanted(call, machine)?;
    storage::note_new(call, &wanted);
    let id = pieces::do_now(call, machine, &StorageAct::Create(wanted))?.unwrap_or_default();
    let path = format!("{}/{id}", asked(call));
    let volume = expand::read(&call.cell, machine, &path).unwrap_or(Value::Null);
    Ok(Reply::created(&path, volume))
}

fn delete(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let id = storage::find_volume(call, machine)?.id.clone();
    call.summary(format!("Delete volume {id}"));
    pieces::do_now(call, machine, &StorageAct::Delete(id))?;
    Ok(Reply::no_content())
}

fn initialize(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let volume = storage::find_volume(call, machine)?.id.clone();
    let name = "InitializeType";
    let kind = call::text(&call.object_or_empty()?, name)?;
    if let Some(other) = kind.filter(|kind| kind != "Fast") {
        return Err(Problem::ParameterValue(name.into(), other.into()));
    }
    call.summary(format!("Initialize volume {volume}"));
    pieces::do_now(call, machine, &StorageAct::Initialize { volume, full: false })?;
    Ok(Reply::no_content())
}
