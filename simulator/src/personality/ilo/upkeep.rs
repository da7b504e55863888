//! Firmware as an iLO shows and updates it: no task tells of an update, the UpdateService itself does.

use serde_json::{Value, json};

use super::facts::Generation;
use super::messages;
use crate::machine::firmware::ComponentKind;
use crate::machine::{Job, JobState, Machine};
use crate::personality::Quirks;
use crate::personality::standard::update::{self, SERVICE};
use crate::web::{Call, Problem, Reply, Table};

/// What an update's job is called; it shows in no list where updates have no task.
const KIND: &str = "FirmwareUpdate";

/// The redundant ROM, as a device.
pub(super) const REDUNDANT: &str = "Redundant ROM";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    if quirks.has("redundant-rom") {
        table.amend(&format!("{SERVICE}/FirmwareInventory/{{component}}"), redundant);
    }
    if quirks.has("firmware-kind-in-description") {
        table.amend(&format!("{SERVICE}/FirmwareInventory/{{component}}"), describe);
    }
    table.amend(SERVICE, |_, _, body| {
        // Files go to /cgi-bin/uploadFile, by a form.
        if let Some(body) = body.as_object_mut() {
            body.remove("MultipartHttpPushUri");
        }
    });
    if quirks.has("update-without-task") {
        table.amend(SERVICE, tell);
    }
    table.post(&format!("{SERVICE}/Actions/UpdateService.SimpleUpdate"), simple_update);
}

fn describe(call: &Call, machine: &Machine, body: &mut Value) {
    let id = call.param("component");
    let Some(one) = machine.firmware.iter().find(|one| one.id == id) else { return };
    body["Description"] = match one.kind {
        ComponentKind::Bmc => "SystemBMC",
        ComponentKind::Bios => "SystemRomActive",
        ComponentKind::Device | ComponentKind::DeviceInPost if one.device == REDUNDANT => "SystemRomBackup",
        ComponentKind::Device | ComponentKind::DeviceInPost => "Device",
    }
    .into();
}

/// The ROM that an update of the BIOS leaves as it was.
fn redundant(call: &Call, machine: &Machine, body: &mut Value) {
    let id = call.param("component");
    if machine.firmware.iter().any(|one| one.id == id && one.device == REDUNDANT)
        && let Some(active) = machine.firmware.iter().find(|one| one.kind == ComponentKind::Bios)
    {
        body["Version"] = active.previous.as_ref().unwrap_or(&active.version).clone().into();
    }
}

fn last_update(machine: &Machine) -> Option<&Job> {
    machine.jobs.iter().rev().find(|job| job.kind == KIND)
}

/// The state of the last update. What waits for POST is written already: only the host has yet to start with it.
fn tell(call: &Call, machine: &Machine, body: &mut Value) {
    let (state, percent) = match last_update(machine).map(|job| (job.state, job.percent)) {
        None => ("Idle", 0),
        Some((JobState::Failed, percent)) => ("Error", percent),
        Some((JobState::Scheduled, _)) => ("Complete", 100),
        Some((state, _)) if state.is_over() => ("Complete", 100),
        Some((_, percent)) => ("Updating", percent),
    };
    body["Oem"] = json!({"Hpe": {
        "@odata.type": "#HpeiLOUpdateServiceExt.v2_6_0.HpeiLOUpdateServiceExt",
        "State": state,
        "FlashProgressPercent": percent,
    }});
    if let Some(job) = last_update(machine).filter(|job| job.state == JobState::Failed) {
        let registry = Generation::of(call).facts().own;
        let id = format!("{registry}.UpdateFailed: {}", job.message);
        body["Oem"]["Hpe"]["Result"] = json!({"MessageId": id});
    }
}

fn simple_update(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let wanted = update::wanted(call, &call.object()?)?;
    let quirks = &call.cell.quirks;
    let url = wanted.source.as_ref().map_or("", |source| source.url.as_str());
    let file = url.split(['?', '#']).next().unwrap_or(url);
    if quirks.has("no-smart-component") && file.to_ascii_lowercase().ends_with(".exe") {
        return Err(Problem::ParameterValue("ImageURI".into(), url.into()));
    }
    let task = update::begin(call, machine, wanted, KIND);
    Ok(if quirks.has("update-without-task") { messages::success(call) } else { task })
}
