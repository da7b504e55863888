//! BIOS settings: staged, committed by a job, applied in POST; and the attribute registry.

use serde_json::{Value, json};

use super::facts::Generation;
use super::{attributes, jobs, messages};
use crate::machine::bios::Complaint;
use crate::machine::{BiosRule, JobState, Machine, Work};
use crate::personality::Quirks;
use crate::personality::standard::{self, bios, collection, drop_property, manager_path, service};
use crate::web::{Call, Problem, Reply, Table};

const BIOS: &str = "/redfish/v1/Systems/{system}/Bios";
/// The apply times that BIOS settings know. None is immediate.
const APPLY_TIMES: [&str; 3] = ["OnReset", "AtMaintenanceWindowStart", "InMaintenanceWindowOnReset"];

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend(BIOS, amend);
    if quirks.has("bios-job-apart") {
        table.amend(BIOS, |_, _, body| drop_property(&mut body["@Redfish.Settings"], "SupportedApplyTimes"));
    }
    if !quirks.has("bios-mark-is-job") {
        table.amend(BIOS, mark);
    }
    table.amend(&format!("{BIOS}/Settings"), amend_settings);
    table.patch(&format!("{BIOS}/Settings"), patch);
    table.post(&format!("{BIOS}/Settings/Actions/Oem/DellManager.ClearPending"), clear_pending);
    table.post(&format!("{BIOS}/Actions/Bios.ResetBios"), reset);
    table.get(&format!("{BIOS}/BiosRegistry"), registry);
    if quirks.has("registry-version-drift") {
        table.remove("/redfish/v1/Registries");
        table.get("/redfish/v1/Registries", drifted_registries);
        table.get(&format!("/redfish/v1/Registries/{DRIFTED}"), drifted_file);
    } else if quirks.has("registry-read-only-is-live") {
        table.amend("/redfish/v1/Registries/{registry}/Document", |_, machine, body| {
            show_locks(machine, body);
        });
    }
}

/// The registry's resource, an older version than the Bios names.
const DRIFTED: &str = "BiosAttributeRegistry.v1_0_0";

fn drifted_registries(_: &Call, _: &Machine) -> Result<Value, Problem> {
    let members = vec![format!("/redfish/v1/Registries/{DRIFTED}")];
    Ok(collection(
        "MessageRegistryFileCollection",
        "/redfish/v1/Registries",
        "Registry File Collection",
        members,
    ))
}

fn drifted_file(call: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": format!("/redfish/v1/Registries/{DRIFTED}"),
        "@odata.type": "#MessageRegistryFile.v1_1_3.MessageRegistryFile",
        "Id": DRIFTED,
        "Name": "BIOS Attribute Registry File",
        "Registry": "BiosAttributeRegistry1.0",
        "Languages": ["en"],
        "Location": [{"Language": "en", "Uri": format!("{}/BiosRegistry", bios::path(call))}],
        "Oem": {},
    }))
}

fn registry(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let mut body = service::render_registry(machine);
    if call.cell.quirks.has("registry-read-only-is-live") {
        show_locks(machine, &mut body);
    }
    // The values in force are the Bios's to tell.
    for entry in body["RegistryEntries"]["Attributes"].as_array_mut().into_iter().flatten() {
        entry["CurrentValue"] = Value::Null;
    }
    body["@odata.id"] = format!("{}/BiosRegistry", bios::path(call)).into();
    Ok(body)
}

/// When the settings were taken up last, and which they were.
fn mark(call: &Call, machine: &Machine, body: &mut Value) {
    body["@Redfish.Settings"]["ETag"] = machine.bios.consumed_staging.to_string().into();
    body["@Redfish.Settings"]["Time"] = standard::date(call, machine.bios.consumed_at).into();
}

fn show_locks(machine: &Machine, body: &mut Value) {
    let registry = &machine.bios.registry;
    let entries = body["RegistryEntries"]["Attributes"].as_array_mut();
    for entry in entries.into_iter().flatten() {
        let locked =
            entry["AttributeName"].as_str().is_some_and(|name| registry.locked(name, &machine.bios.current));
        if locked || attributes::locked_down(machine) {
            entry["ReadOnly"] = true.into();
        }
    }
}

fn amend(_: &Call, _: &Machine, body: &mut Value) {
    body["@odata.type"] = "#Bios.v1_2_0.Bios".into();
    body["@Redfish.Settings"]["SupportedApplyTimes"] = json!(APPLY_TIMES);
}

fn amend_settings(call: &Call, _: &Machine, body: &mut Value) {
    if Generation::of(call) == Generation::Eight {
        return;
    }
    let target = format!("{}/Settings/Actions/Oem/DellManager.ClearPending", bios::path(call));
    body["Actions"] = json!({"Oem": {"DellManager.v1_0_0#DellManager.ClearPending": {"target": target}}});
    if call.cell.quirks.has("jobs-below-manager") {
        body["Oem"] = json!({"Dell": {
            "@odata.type": "#DellManager.v1_2_0.DellManager",
            "Jobs": {"@odata.id": format!("{}/Oem/Dell/Jobs", manager_path(call))},
        }});
    }
}

/// Path of the pending settings.
pub(super) fn settings(call: &Call) -> String {
    format!("{}/Settings", bios::path(call))
}

/// A BIOS job that has not ended stands in the way of every further setting.
///
/// # Errors
/// When there is one.
pub(super) fn no_job(call: &Call, machine: &Machine) -> Result<(), Problem> {
    match machine.bios_job().filter(|_| call.cell.quirks.has("bios-job-queued")) {
        Some(job) => Err(Problem::JobPending(job.id.clone())),
        None => Ok(()),
    }
}

/// PATCH of the pending settings: staged only (200), or with an apply time committed by a job (202).
fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let wanted = bios::wanted(call)?;
    let commits = apply_time(call)?;
    no_job(call, machine)?;
    machine.write_bios(wanted).map_err(Problem::Bios)?;
    if !commits || machine.rules.bios != BiosRule::ByJob {
        return Ok(Reply::json(messages::success()));
    }
    Ok(jobs::commit(call, machine, Work::Nothing))
}

/// Whether the body asks for an apply time.
fn apply_time(call: &Call) -> Result<bool, Problem> {
    let body = call.object()?;
    let property = "@Redfish.SettingsApplyTime";
    let Some(when) = body.get(property) else { return Ok(false) };
    if call.cell.quirks.has("bios-job-apart") {
        return Err(Problem::UnknownProperty(property.into()));
    }
    let name = "ApplyTime";
    let time = when.get(name).ok_or_else(|| Problem::Missing(name.into()))?;
    let known = time.as_str().is_some_and(|time| APPLY_TIMES.contains(&time));
    if known { Ok(true) } else { Err(Problem::PropertyValue(name.into(), time.clone())) }
}

fn clear_pending(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object()?;
    call.summary("ClearPending");
    if let Some(job) = machine.bios_job().map(|job| job.id.clone())
        && (call.cell.quirks.has("bios-discard-by-job") || !machine.delete_job(&job))
    {
        return Err(Problem::JobPending(job));
    }
    machine.discard_bios();
    Ok(Reply::json(messages::success()))
}

fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    if call.cell.quirks.has("reset-bios-needs-body") {
        call.object()?;
    }
    if call.cell.quirks.has("bios-reset-while-pending") {
        match machine.bios_job() {
            Some(job) => return Err(Problem::JobPending(job.id.clone())),
            None if !machine.bios.pending.is_empty() => return Err(Problem::JobPending("none yet".into())),
            None => {}
        }
    }
    bios::restore(call, machine)?;
    if machine.rules.bios == BiosRule::ByJob
        && !machine.bios.pending.is_empty()
        && machine.bios_job().is_none()
    {
        // Nobody can watch it: it is the firmware's own job.
        let id = jobs::next_id(machine);
        machine.add_job(id, "BIOSConfiguration", JobState::Scheduled, &bios::path(call));
    }
    Ok(Reply::json(messages::success()))
}

/// The value of the BIOS setting that changes the boot mode to `mode`; none when it has that mode.
///
/// # Errors
/// A mode that there is not; a job that stands in the way.
pub(super) fn changed_mode(
    call: &Call,
    machine: &Machine,
    mode: &str,
) -> Result<Option<&'static str>, Problem> {
    let value = match mode {
        "UEFI" => "Uefi",
        "Legacy" => "Bios",
        _ => return Err(Problem::PropertyValue("BootSourceOverrideMode".into(), mode.into())),
    };
    if machine.bios.current.get("BootMode").and_then(Value::as_str) == Some(value) {
        return Ok(None);
    }
    no_job(call, machine)?;
    Ok(Some(value))
}

/// Attributes that the last POST refused, in words for a job's message.
pub(super) fn refusals(machine: &Machine) -> Vec<String> {
    let rejected = machine.bios.refused.iter().filter(|one| one.complaint == Complaint::Rejected);
    rejected.map(|one| one.attribute.clone()).collect()
}
