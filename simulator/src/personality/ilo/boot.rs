//! Boot: the override with what is refused of it, and the persistent order in the BIOS.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::facts::Generation;
use super::{SYSTEM, messages};
use crate::machine::{BootChange, Job, JobState, Lasts, Machine, Work};
use crate::personality::Quirks;
use crate::personality::standard::{asked, boot, drop_property};
use crate::web::{Call, Problem, Reply, Table, call};

/// What the job that carries a boot order to POST is called; no list shows it.
pub(super) const ORDER: &str = "BootOrder";
const NAME: &str = "PersistentBootConfigOrder";
/// HPE's names of what can be booted, and the machine's own.
const SOURCES: [(&str, &str, &str); 3] = [
    ("HD.EmbRAID.1.1", "Hdd", "Embedded RAID: logical drive 1"),
    ("CD.Virtual.2.1", "Cd", "iLO Virtual USB 2: CD/DVD"),
    ("NIC.LOM.1.1.IPv4", "Pxe", "Embedded LOM 1 Port 1: PXE IPv4"),
];

/// Amends the System's `Boot`, and adds the order.
pub(super) fn add(table: &mut Table, generation: Generation, quirks: &Quirks) {
    if quirks.has("boot-mode-is-bios-setting") {
        table.amend(SYSTEM, show_mode);
    }
    table.amend(SYSTEM, amend).patch(SYSTEM, patch);
    let order = match generation {
        Generation::Four => format!("{SYSTEM}/bios/boot"),
        _ => format!("{SYSTEM}/bios/oem/hpe/boot"),
    };
    table.get(&order, current_order);
    table.get(&format!("{order}/settings"), pending_order);
    table.patch(&format!("{order}/settings"), patch_order);
}

fn show_mode(_: &Call, machine: &Machine, body: &mut Value) {
    if machine.bios.registry.attribute("BootMode").is_none() {
        return;
    }
    let legacy = machine.bios.current.get("BootMode") == Some(&json!("LegacyBios"));
    body["Boot"]["BootSourceOverrideMode"] = if legacy { "Legacy" } else { "UEFI" }.into();
}

fn amend(call: &Call, machine: &Machine, body: &mut Value) {
    let quirks = &call.cell.quirks;
    let boot = &mut body["Boot"];
    if machine.boot.uefi_target.is_none() {
        boot["UefiTargetBootSourceOverride"] = "None".into();
    }
    if quirks.has("override-mode-read-only") || quirks.has("no-override-mode") {
        drop_property(boot, "BootSourceOverrideMode@Redfish.AllowableValues");
    }
    if quirks.has("no-override-mode") {
        drop_property(boot, "BootSourceOverrideMode");
    }
    if quirks.has("boot-order-in-bios") {
        drop_property(boot, "BootOrder");
        drop_property(boot, "BootOptions");
    }
}

/// PATCH of the System: 200. Not while the host is in POST.
fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    if machine.in_post() && call.cell.quirks.has("no-boot-change-in-post") {
        return Err(Problem::InPost);
    }
    if let Some(wanted) = call.object()?.get("Boot").and_then(Value::as_object) {
        judge(call, machine, wanted)?;
    }
    boot::patch(call, machine)?;
    if machine.boot.lasts == Lasts::Disabled {
        machine.boot.target = "None".into();
    }
    Ok(messages::success(call))
}

/// What an iLO refuses of a `Boot` that the standard would take.
fn judge(call: &Call, machine: &Machine, wanted: &Map<String, Value>) -> Result<(), Problem> {
    let quirks = &call.cell.quirks;
    let refused = [
        ("override-mode-read-only", "BootSourceOverrideMode"),
        ("no-override-mode", "BootSourceOverrideMode"),
        ("no-http-boot-uri", "HttpBootUri"),
        ("boot-order-in-bios", "BootOrder"),
    ];
    if let Some((_, name)) =
        refused.iter().find(|(quirk, name)| quirks.has(quirk) && wanted.contains_key(*name))
    {
        return Err(Problem::ReadOnlyProperty((*name).into()));
    }
    if !quirks.has("override-target-none") {
        return Ok(());
    }
    let name = "BootSourceOverrideTarget";
    let target = call::text(wanted, name)?;
    if target.as_deref() == Some("None") {
        return Err(Problem::PropertyValue(name.into(), "None".into()));
    }
    let enabled = call::text(wanted, "BootSourceOverrideEnabled")?;
    let enables = enabled.is_some_and(|word| word != Lasts::Disabled.word());
    if enables && target.is_none() && machine.boot.target == "None" {
        let text = "An override needs a target first.".to_owned();
        return Err(Problem::Other(StatusCode::BAD_REQUEST, "UnsupportedOperation".into(), text));
    }
    Ok(())
}

/// The job that waits to bring another order into force.
fn waiting(machine: &Machine) -> Option<&Job> {
    machine.jobs.iter().find(|job| job.kind == ORDER && !job.state.is_over())
}

fn names(order: &[String]) -> Vec<&'static str> {
    let name = |own: &String| SOURCES.iter().find(|(_, source, _)| source == own).map(|(name, ..)| *name);
    order.iter().filter_map(name).collect()
}

fn render(call: &Call, order: &[String]) -> Value {
    let facts = Generation::of(call).facts();
    let sources = SOURCES.iter().enumerate();
    let sources: Vec<_> = sources
        .map(|(at, (name, _, shown))| {
            json!({"BootOptionNumber": format!("{at:04}"), "BootString": shown, "StructuredBootString": name})
        })
        .collect();
    let mut body = json!({
        "@odata.id": asked(call),
        "@odata.type": facts.kind("ServerBootSettings", "2_0_0"),
        "Id": "boot",
        "Name": "Boot Order Settings",
        "BootSources": sources,
    });
    body[NAME] = json!(names(order));
    body
}

fn current_order(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let mut body = render(call, &machine.boot.order);
    let settings = format!("{}/settings", asked(call));
    match Generation::of(call) {
        Generation::Four => body["links"] = json!({"Settings": {"href": settings}}),
        _ => body["@Redfish.Settings"] = json!({"SettingsObject": {"@odata.id": settings}}),
    }
    Ok(body)
}

fn pending_order(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let order = match waiting(machine).map(|job| &job.work) {
        Some(Work::Boot(BootChange { order: Some(order), .. })) => order,
        _ => &machine.boot.order,
    };
    Ok(render(call, order))
}

/// PATCH of the order: the sources that are not named keep theirs behind those that are. In force from the next POST on.
fn patch_order(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let list = body.get(NAME).ok_or_else(|| Problem::Missing(NAME.into()))?;
    let wrong = || Problem::PropertyValue(NAME.into(), list.clone());
    let own = |one: &Value| {
        let wanted = one.as_str()?;
        SOURCES.iter().find(|(name, ..)| *name == wanted).map(|(_, source, _)| (*source).to_owned())
    };
    let named: Option<Vec<_>> = list.as_array().ok_or_else(wrong)?.iter().map(own).collect();
    let mut order = named.ok_or_else(wrong)?;
    let rest =
        machine.boot.order.iter().filter(|source| !order.contains(source)).cloned().collect::<Vec<_>>();
    order.extend(rest);
    call.summary(format!("PATCH boot order {}", order.join(" ")));
    wait_for_post(machine, ORDER, Work::Boot(BootChange { order: Some(order), ..BootChange::default() }));
    Ok(messages::reset_required(call))
}

/// Leaves work for the next POST in place of work of that kind that waits already. No list of tasks shows it.
pub(super) fn wait_for_post(machine: &mut Machine, kind: &str, work: Work) {
    drop_waiting(machine, kind);
    let id = format!("{kind}-{}", machine.next_number());
    machine.add_job(id.clone(), kind, JobState::Scheduled, "");
    machine.give_work(&id, work);
    if let Some(job) = machine.jobs.iter_mut().find(|job| job.id == id) {
        job.shown = false;
    }
}

/// Forgets work of that kind that waits.
pub(super) fn drop_waiting(machine: &mut Machine, kind: &str) {
    let waits = machine.jobs.iter().filter(|job| job.kind == kind && job.state == JobState::Scheduled);
    for id in waits.map(|job| job.id.clone()).collect::<Vec<_>>() {
        machine.delete_job(&id);
    }
}
