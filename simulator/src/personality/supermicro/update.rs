//! Firmware: an image that is pushed is checked, and applied when told to start.

use base64::Engine as _;
use http::StatusCode;
use serde_json::{Value, json};

use crate::machine::firmware::{Update, UpdateProblem};
use crate::machine::{JobState, Machine};
use crate::package::Package;
use crate::personality::Quirks;
use crate::personality::pieces::{self, Parameter};
use crate::personality::standard::service;
use crate::personality::standard::update::{self, SERVICE};
use crate::web::{Call, Problem, Reply, Table};

/// Where the machine keeps an image that was checked and not started yet.
const STAGED: &str = "staged-update";
const BASE64: base64::engine::GeneralPurpose = base64::engine::general_purpose::STANDARD;

const PARAMETERS: &[Parameter<'_>] = &[
    ("ImageURI", true, "String", &[]),
    ("TransferProtocol", false, "String", &["HTTP", "HTTPS"]),
    ("Targets", false, "StringArray", &[]),
];

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.relocate(&format!("{SERVICE}/MultipartUpload"), &format!("{SERVICE}/upload"));
    table.amend(SERVICE, |_, _, body| body["MultipartHttpPushUri"] = format!("{SERVICE}/upload").into());
    if quirks.has("parameters-by-action-info") {
        table.amend(SERVICE, |_, _, body| {
            let info = format!("{SERVICE}/SimpleUpdateActionInfo");
            pieces::point_to_info(&mut body["Actions"]["#UpdateService.SimpleUpdate"], info);
        });
        table.get(&format!("{SERVICE}/SimpleUpdateActionInfo"), |call, _| {
            Ok(pieces::action_info(call, PARAMETERS))
        });
    }
    if quirks.has("start-after-push") {
        let start = format!("{SERVICE}/Actions/UpdateService.StartUpdate");
        table.upload(&format!("{SERVICE}/upload"), check).post(&start, begin);
        table.amend(SERVICE, |_, _, body| {
            let target = format!("{SERVICE}/Actions/UpdateService.StartUpdate");
            body["Actions"]["#UpdateService.StartUpdate"] = json!({"target": target});
        });
    }
}

/// 202 with the place of a task.
fn accepted(call: &Call, machine: &Machine, id: &str) -> Reply {
    let task = machine.jobs.iter().find(|job| job.id == id);
    let body = task.map(|job| service::render_task(call, machine, job)).unwrap_or_default();
    Reply::accepted(&call.cell.personality.job_path(call, id), body)
}

/// A push: the image is checked by a task of its own, and kept.
fn check(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let (update, file) = update::pushed(call)?;
    let id = call.cell.personality.job_id(machine);
    let kept = json!({
        "image": BASE64.encode(&file.content),
        "targets": update.targets,
        "at_reset": update.at_reset,
    });
    machine.begin_update(id.clone(), "Firmware Verify", SERVICE, update);
    match Package::parse(&file.content) {
        Ok(_) => {
            machine.oem.insert(STAGED.into(), kept);
            machine.set_job(&id, JobState::Completed, 100);
        }
        Err(why) => machine.image_arrived(&id, Err(UpdateProblem::Package(why))),
    }
    Ok(accepted(call, machine, &id))
}

/// `StartUpdate`: the image that was checked last is applied, by a second task.
fn begin(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    call.summary("StartUpdate");
    let nothing = || {
        let text = "There is no image to start the update of; push one first.".into();
        Problem::Other(StatusCode::BAD_REQUEST, "OperationFailed".into(), text)
    };
    let kept = machine.oem.remove(STAGED).ok_or_else(nothing)?;
    let image = kept["image"].as_str().and_then(|coded| BASE64.decode(coded).ok()).ok_or_else(nothing)?;
    let targets = kept["targets"].as_array().into_iter().flatten();
    let targets = targets.filter_map(Value::as_str).map(str::to_owned).collect();
    let at_reset = kept["at_reset"].as_bool().unwrap_or(false);
    let id = call.cell.personality.job_id(machine);
    let update = Update { source: None, targets, at_reset, package: None };
    machine.begin_update(id.clone(), "Firmware Update", SERVICE, update);
    machine.image_arrived(&id, Ok(&image));
    Ok(accepted(call, machine, &id))
}
