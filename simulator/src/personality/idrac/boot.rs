//! Booting: what is immediate, what takes a BIOS job, and the settings resource that iDRAC10 has instead of the System.

use serde_json::{Map, Value, json};

use super::{SYSTEM, bios, jobs, messages};
use crate::machine::{BootChange, Machine, Work};
use crate::personality::Quirks;
use crate::personality::standard::{self, drop_property, link, system, system_path};
use crate::web::{Call, Problem, Reply, Table, call};

/// Adds what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.patch(SYSTEM, patch_system).amend(SYSTEM, amend);
    if quirks.has("override-at-settings") {
        let path = format!("{SYSTEM}/Settings");
        table.get(&path, settings).patch(&path, patch_settings);
    }
}

fn amend(call: &Call, machine: &Machine, body: &mut Value) {
    let quirks = &call.cell.quirks;
    if quirks.has("boot-mode-by-job") {
        let legacy = machine.bios.current.get("BootMode").and_then(Value::as_str) == Some("Bios");
        body["Boot"]["BootSourceOverrideMode"] = if legacy { "Legacy" } else { "UEFI" }.into();
    }
    if quirks.has("override-at-settings") {
        for absent in [
            "BootSourceOverrideTarget@Redfish.AllowableValues",
            "BootSourceOverrideMode",
            "BootSourceOverrideMode@Redfish.AllowableValues",
        ] {
            drop_property(&mut body["Boot"], absent);
        }
        body["@Redfish.Settings"] = json!({
            "@odata.type": "#Settings.v1_3_1.Settings",
            "SettingsObject": link(format!("{}/Settings", system_path(call))),
            "SupportedApplyTimes": ["OnReset"],
        });
    }
}

/// The System's settings: its boot settings, without a mode.
fn settings(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let mut boot = system::boot(machine);
    drop_property(&mut boot, "BootSourceOverrideMode");
    drop_property(&mut boot, "BootSourceOverrideMode@Redfish.AllowableValues");
    boot["BootOrder"] = json!(standard::boot::order(machine));
    Ok(json!({
        "@odata.id": format!("{}/Settings", system_path(call)),
        "@odata.type": "#ComputerSystem.v1_22_0.ComputerSystem",
        "Id": "Settings",
        "Name": "Computer System Pending Settings",
        "Boot": boot,
    }))
}

fn patch_settings(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let boot = wanted(&body)?;
    if boot.contains_key("BootSourceOverrideMode") {
        return Err(Problem::UnknownProperty("BootSourceOverrideMode".into()));
    }
    change(call, machine, boot)
}

fn wanted(body: &Map<String, Value>) -> Result<&Map<String, Value>, Problem> {
    let known =
        |name: &&String| !matches!(name.as_str(), "Boot" | "@odata.etag" | "@Redfish.SettingsApplyTime");
    if let Some(other) = body.keys().find(known) {
        return Err(Problem::UnknownProperty(other.clone()));
    }
    match body.get("Boot") {
        Some(Value::Object(boot)) => Ok(boot),
        Some(other) => Err(Problem::PropertyType("Boot".into(), other.clone())),
        None => Err(Problem::Missing("Boot".into())),
    }
}

/// PATCH of the System: 200 with messages; 202 with a job for what takes one.
fn patch_system(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    if call.cell.quirks.has("override-at-settings") && body.contains_key("Boot") {
        return Err(Problem::ReadOnlyProperty("Boot".into()));
    }
    let Some(Value::Object(boot)) = body.get("Boot").filter(|_| body.len() == 1) else {
        system::patch_system(call, machine)?;
        return Ok(Reply::json(messages::success()));
    };
    change(call, machine, boot)
}

fn change(call: &Call, machine: &mut Machine, boot: &Map<String, Value>) -> Result<Reply, Problem> {
    let quirks = &call.cell.quirks;
    let mut after = system::wanted_boot(machine, boot)?;
    let order = standard::boot::wanted_order(boot)?;
    let mode = call::text(boot, "BootSourceOverrideMode")?;
    let setting = match mode.as_deref().filter(|_| quirks.has("boot-mode-by-job")) {
        Some(mode) => bios::changed_mode(call, machine, mode)?,
        None => None,
    };
    let overrides =
        ["BootSourceOverrideTarget", "BootSourceOverrideEnabled"].iter().any(|name| boot.contains_key(*name));
    let by_job = mode.is_some() && overrides && quirks.has("override-mode-makes-job");
    let order_by_job = order.is_some() && quirks.has("boot-order-by-job");
    if !by_job && !order_by_job && setting.is_none() {
        system::set_boot(call, machine, after);
        if let Some(order) = order {
            standard::boot::set_order(machine, order);
        }
        return Ok(Reply::json(messages::success()));
    }
    bios::no_job(call, machine)?;
    let change = BootChange {
        target: by_job.then(|| (after.target.clone(), after.lasts)),
        order: order.clone().filter(|_| order_by_job),
        first: None,
    };
    if let Some(value) = setting {
        let wanted = [("BootMode".to_owned(), Value::from(value))].into_iter().collect();
        machine.write_bios(wanted).map_err(Problem::Bios)?;
    }
    if by_job {
        after = machine.boot.clone();
    }
    system::set_boot(call, machine, after);
    if let Some(order) = order.filter(|_| !order_by_job) {
        standard::boot::set_order(machine, order);
    }
    let work = if change == BootChange::default() { Work::Nothing } else { Work::Boot(change) };
    Ok(jobs::commit(call, machine, work))
}
