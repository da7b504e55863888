//! Booting: an override lasts for one boot, and the order waits for POST in a resource of its own.

use serde_json::{Map, Value, json};

use super::SYSTEM;
use crate::machine::{BootChange, JobState, Machine, Work};
use crate::personality::Quirks;
use crate::personality::standard::{asked, boot, link, system_path};
use crate::web::{Call, Problem, Reply, Table};

/// What the job is called that waits for POST with an order; it shows in no list.
const KIND: &str = "BootOrder";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.patch(SYSTEM, patch_system);
    if quirks.has("override-once-only") {
        table.amend(SYSTEM, |_, _, body| {
            body["Boot"]["BootSourceOverrideEnabled@Redfish.AllowableValues"] = json!(["Once", "Disabled"]);
        });
    }
    if quirks.has("boot-order-pending") {
        table.amend(SYSTEM, |call, _, body| {
            body["@Redfish.Settings"] = json!({
                "@odata.type": "#Settings.v1_3_0.Settings",
                "SettingsObject": link(format!("{}/Pending", system_path(call))),
                "SupportedApplyTimes": ["OnReset"],
                "Messages": [],
            });
        });
        let path = format!("{SYSTEM}/Pending");
        table.get(&path, pending).patch(&path, patch_pending);
    }
}

fn patch_system(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let quirks = &call.cell.quirks;
    if let Some(wanted) = call.object()?.get("Boot").and_then(Value::as_object) {
        let enabled = "BootSourceOverrideEnabled";
        let lasting = wanted.get(enabled).filter(|word| *word == "Continuous");
        if let Some(word) = lasting.filter(|_| quirks.has("override-once-only")) {
            return Err(Problem::PropertyValue(enabled.into(), word.clone()));
        }
        if wanted.contains_key("BootOrder") && quirks.has("boot-order-pending") {
            return Err(Problem::ReadOnlyProperty("BootOrder".into()));
        }
    }
    boot::patch(call, machine)
}

/// The order that waits for POST.
fn waiting(machine: &Machine) -> Option<(&str, &BootChange)> {
    let job = machine.jobs.iter().find(|job| job.kind == KIND && !job.state.is_over())?;
    match &job.work {
        Work::Boot(change) => Some((&job.id, change)),
        _ => None,
    }
}

fn pending(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let order = match waiting(machine) {
        Some((_, BootChange { order: Some(order), .. })) => boot::references(order),
        _ => boot::order(machine),
    };
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#ComputerSystem.v1_17_0.ComputerSystem",
        "Id": "Pending",
        "Name": "Pending",
        "Boot": {"BootOrder": order},
    }))
}

/// The `Boot` of a body that has nothing else, and nothing but an order in it.
fn wanted(body: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    if let Some(other) = body.keys().find(|name| *name != "Boot") {
        return Err(Problem::UnknownProperty(other.clone()));
    }
    let boot = body.get("Boot").and_then(Value::as_object).ok_or_else(|| Problem::Missing("Boot".into()))?;
    if let Some(other) = boot.keys().find(|name| *name != "BootOrder") {
        return Err(Problem::UnknownProperty(other.clone()));
    }
    boot::wanted_order(boot)?.ok_or_else(|| Problem::Missing("BootOrder".into()))
}

fn patch_pending(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let order = wanted(&call.object()?)?;
    call.summary(format!("PATCH Pending BootOrder {}", order.join(" ")));
    let earlier = waiting(machine).map(|(id, _)| id.to_owned());
    let id = earlier.unwrap_or_else(|| {
        let id = call.cell.personality.job_id(machine);
        machine.add_job(id, KIND, JobState::Scheduled, SYSTEM)
    });
    machine.give_work(&id, Work::Boot(BootChange { order: Some(order), ..BootChange::default() }));
    if let Some(job) = machine.jobs.iter_mut().find(|job| job.id == id) {
        job.shown = false;
    }
    Ok(Reply::no_content())
}
