//! Firmware as an iLO shows and updates it: no task tells of an update, the UpdateService itself does.

use serde_json::{Value, json};

use super::messages;
use crate::machine::firmware::ComponentKind;
use crate::machine::{Job, JobState, Machine};
use crate::personality::Quirks;
use crate::personality::standard::update::{self, SERVICE};
use crate::web::{Call, Problem, Reply, Table};

/// What an update's job is called; it shows in no list where updates have no task.
const KIND: &str = "FirmwareUpdate";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
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
        table.post(&format!("{SERVICE}/Actions/UpdateService.SimpleUpdate"), simple_update);
    }
}

fn describe(call: &Call, machine: &Machine, body: &mut Value) {
    let id = call.param("component");
    let Some(one) = machine.firmware.iter().find(|one| one.id == id) else { return };
    body["Description"] = match one.kind {
        ComponentKind::Bmc => "SystemBMC",
        ComponentKind::Bios => "SystemRomActive",
        ComponentKind::Device | ComponentKind::DeviceInPost => "Device",
    }
    .into();
}

fn last_update(machine: &Machine) -> Option<&Job> {
    machine.jobs.iter().rev().find(|job| job.kind == KIND)
}

/// The state of the last update. What waits for POST is written already: only the host has yet to start with it.
fn tell(_: &Call, machine: &Machine, body: &mut Value) {
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
        body["Oem"]["Hpe"]["Result"] =
            json!({"MessageId": format!("iLO.2.15.UpdateFailed: {}", job.message)});
    }
}

fn simple_update(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let wanted = update::wanted(call, &call.object()?)?;
    update::begin(call, machine, wanted, KIND);
    Ok(messages::success(call))
}
