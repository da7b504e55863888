//! Firmware: what is in force beside its image and what went before, and updates by jobs.

use serde_json::{Value, json};

use super::{Generation, jobs, messages};
use crate::machine::Machine;
use crate::machine::firmware::{Component, Update};
use crate::personality::Quirks;
use crate::personality::standard::service::task_path;
use crate::personality::standard::update::{self, SERVICE};
use crate::personality::standard::{asked, collection, drop_property};
use crate::web::{Call, Problem, Reply, Table};

const KIND: &str = "FirmwareUpdate";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, generation: Generation, quirks: &Quirks) {
    table.post(&format!("{SERVICE}/Actions/UpdateService.SimpleUpdate"), simple_update);
    let push = format!("{SERVICE}/MultipartUpload");
    if generation == Generation::Eight {
        table.remove(&push);
        table.amend(SERVICE, |_, _, body| drop_property(body, "MultipartHttpPushUri"));
    } else {
        table.upload(&push, self::push);
    }
    if quirks.has("inventory-has-backups") {
        let inventory = format!("{SERVICE}/FirmwareInventory");
        table.get(&inventory, list);
        table.get(&format!("{inventory}/{{component}}"), read);
    }
}

/// The entries of a component: prefix and version of each.
fn entries(one: &Component) -> Vec<(String, &str)> {
    let id = |word: &str, version: &str| format!("{word}-{}-{version}__{}", one.id, one.device);
    let mut entries = vec![
        (id("Current", &one.version), one.version.as_str()),
        (id("Installed", &one.version), one.version.as_str()),
    ];
    if let Some(previous) = &one.previous {
        entries.push((id("Previous", previous), previous));
    }
    entries
}

fn list(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let ids = machine.firmware.iter().flat_map(|one| entries(one).into_iter().map(|(id, _)| id));
    let members = ids.map(|id| format!("{path}/{id}")).collect();
    Ok(collection("SoftwareInventoryCollection", &path, "Firmware Inventory Collection", members))
}

fn read(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let wanted = call.param("component");
    let all = machine.firmware.iter().flat_map(|one| entries(one).into_iter().map(move |entry| (one, entry)));
    let (one, (id, version)) = all.into_iter().find(|(_, (id, _))| id == wanted).ok_or(Problem::NotFound)?;
    let mut body = update::render(&asked(call), &id, one);
    body["Version"] = version.into();
    body["SoftwareId"] = one.id.clone().into();
    // Dates that are none: what the vendor of a card left out.
    body["ReleaseDate"] =
        if one.device.starts_with("NIC") { "00:00:00Z" } else { "2022-09-01T00:00:00Z" }.into();
    body["Oem"] =
        json!({"Dell": {"DellSoftwareInventory": {"ElementName": one.name, "ComponentID": one.id}}});
    Ok(body)
}

fn simple_update(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    jobs::needs_lc(call, machine)?;
    let update = update::wanted(call, &call.object()?)?;
    let query = update.source.as_ref().is_some_and(|source| source.url.contains('?'));
    let (reply, id) = begin(call, machine, update);
    if query && call.cell.quirks.has("firmware-url-query") {
        machine.fail_job(&id, "the image could not be downloaded: the file name is not valid");
    }
    Ok(reply)
}

/// A target is an entry of the inventory; whichever of a component's entries it is, the component is meant.
fn component(machine: &Machine, target: String) -> String {
    let last = target.rsplit('/').next().unwrap_or_default();
    let meant = machine.firmware.iter().find(|one| entries(one).iter().any(|(id, _)| id == last));
    let meant = meant.map(|one| one.id.clone());
    meant.unwrap_or(target)
}

fn begin(call: &Call, machine: &mut Machine, mut update: Update) -> (Reply, String) {
    update.targets = update.targets.into_iter().map(|target| component(machine, target)).collect();
    let id = jobs::next_id(machine);
    machine.begin_update(id.clone(), KIND, SERVICE, update);
    // The task of the same JID is told, and not the job.
    let place =
        if Generation::of(call) == Generation::Eight { jobs::path(call, &id) } else { task_path(&id) };
    (Reply::accepted(&place, messages::success()), id)
}

fn push(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    jobs::needs_lc(call, machine)?;
    let (update, file) = update::pushed(call)?;
    let (reply, id) = begin(call, machine, update);
    machine.image_arrived(&id, Ok(&file.content));
    Ok(reply)
}
