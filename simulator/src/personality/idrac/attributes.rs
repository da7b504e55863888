//! The iDRAC's own attributes: written at once and without a job.

use serde_json::{Map, Value, json};

use super::{Generation, MANAGER, messages};
use crate::machine::bios::plain;
use crate::machine::{BootChange, FirstDevice, Machine, Work};
use crate::personality::standard::{asked, manager_path};
use crate::web::{Call, Problem, Reply, Table};

/// The sets: of the iDRAC, the System and the lifecycle controller.
pub(super) const SETS: [&str; 3] =
    ["System.Embedded.1", "LifecycleController.Embedded.1", "iDRAC.Embedded.1"];
pub(super) const FIRST_DEVICE: &str = "ServerBoot.1.FirstBootDevice";
pub(super) const BOOT_ONCE: &str = "ServerBoot.1.BootOnce";
const LOCKDOWN: &str = "Lockdown.1.SystemLockdown";
const ATTACHED: &str = "VirtualMedia.1.Attached";
const RESTARTING: &str = "Redfish.1.iDRACRebootInProgress";

/// Set, name, and the value of a machine as delivered.
const TABLE: &[(&str, &str, &str)] = &[
    ("iDRAC.Embedded.1", "Info.1.Product", "Integrated Dell Remote Access Controller"),
    ("iDRAC.Embedded.1", "IPBlocking.1.BlockEnable", "Enabled"),
    ("iDRAC.Embedded.1", "IPBlocking.1.FailCount", "3"),
    ("iDRAC.Embedded.1", "IPBlocking.1.FailWindow", "60"),
    ("iDRAC.Embedded.1", "IPBlocking.1.PenaltyTime", "60"),
    ("iDRAC.Embedded.1", "IPMILan.1.Enable", "Disabled"),
    ("iDRAC.Embedded.1", LOCKDOWN, "Disabled"),
    ("iDRAC.Embedded.1", "NTPConfigGroup.1.NTPEnable", "Disabled"),
    ("iDRAC.Embedded.1", "NTPConfigGroup.1.NTP1", ""),
    ("iDRAC.Embedded.1", "NIC.1.DNSRacName", ""),
    ("iDRAC.Embedded.1", "RFS.1.IgnoreCertWarning", "Yes"),
    ("iDRAC.Embedded.1", "RFS.1.AttachMode", "Auto Attach"),
    ("iDRAC.Embedded.1", BOOT_ONCE, "Enabled"),
    ("iDRAC.Embedded.1", FIRST_DEVICE, "Normal"),
    ("iDRAC.Embedded.1", "SSH.1.Enable", "Enabled"),
    ("iDRAC.Embedded.1", "Time.1.Timezone", "UTC"),
    ("iDRAC.Embedded.1", "VirtualMedia.1.ActiveSessions", "0"),
    ("iDRAC.Embedded.1", ATTACHED, "AutoAttach"),
    ("iDRAC.Embedded.1", "VirtualMedia.1.MaxSessions", "1"),
    ("iDRAC.Embedded.1", "WebServer.1.HostHeaderCheck", "Disabled"),
    ("iDRAC.Embedded.1", "WebServer.1.MaxNumberOfSessions", "8"),
    ("System.Embedded.1", "ServerPwr.1.PSRedPolicy", "Not Redundant"),
    ("System.Embedded.1", "ServerTopology.1.AisleName", ""),
    ("System.Embedded.1", "ServerTopology.1.RackName", ""),
    ("System.Embedded.1", "ThermalSettings.1.ThermalProfile", "Default Thermal Profile Settings"),
    ("LifecycleController.Embedded.1", "LCAttributes.1.CollectSystemInventoryOnRestart", "Enabled"),
    ("LifecycleController.Embedded.1", "LCAttributes.1.LifecycleControllerState", "Enabled"),
];

/// Attributes that only the iDRAC itself writes.
const FIXED: [&str; 4] =
    ["Info.1.Product", "VirtualMedia.1.ActiveSessions", "VirtualMedia.1.MaxSessions", RESTARTING];

/// Attributes with few values.
const CHOICES: [(&str, &[&str]); 4] = [
    (LOCKDOWN, &["Enabled", "Disabled"]),
    (BOOT_ONCE, &["Enabled", "Disabled"]),
    (
        FIRST_DEVICE,
        &["Normal", "PXE", "HDD", "BIOS", "FDD", "SD", "F10", "F11", "UefiHttp", "VCD-DVD", "VFDD"],
    ),
    (ATTACHED, &["Detached", "Attached", "AutoAttach"]),
];

/// Adds the sets, and the older place of the iDRAC's own.
pub(super) fn add(table: &mut Table) {
    let set = format!("{MANAGER}/Oem/Dell/DellAttributes/{{set}}");
    table.get(&set, read).patch(&set, patch);
    let alias = format!("{MANAGER}/Attributes");
    table.get(&alias, read).patch(&alias, patch);
}

/// The set that a call is about; the older place has the iDRAC's.
fn set(call: &Call) -> Result<&'static str, Problem> {
    let wanted = call.params.iter().find(|(name, _)| name == "set").map(|(_, value)| value.as_str());
    match wanted {
        None => Ok("iDRAC.Embedded.1"),
        Some(wanted) => SETS.into_iter().find(|set| *set == wanted).ok_or(Problem::NotFound),
    }
}

fn key(name: &str) -> String {
    format!("attribute:{name}")
}

/// The value of an attribute; none when there is none of that name.
pub(super) fn value(machine: &Machine, name: &str) -> Option<Value> {
    let delivered = TABLE.iter().find(|(_, known, _)| *known == name)?.2;
    let first = machine.boot.first.as_ref();
    Some(match (name, first) {
        // Its idle value says nothing by itself.
        (BOOT_ONCE, Some(first)) => if first.once { "Enabled" } else { "Disabled" }.into(),
        (FIRST_DEVICE, Some(first)) => device(&first.source).into(),
        (FIRST_DEVICE, None) => "Normal".into(),
        _ => machine.oem.get(&key(name)).cloned().unwrap_or_else(|| delivered.into()),
    })
}

fn device(source: &str) -> &'static str {
    match source {
        "Cd" => "VCD-DVD",
        "Pxe" => "PXE",
        "UefiHttp" => "UefiHttp",
        _ => "HDD",
    }
}

/// Names and values of a set.
pub(super) fn all(call: &Call, machine: &Machine, set: &str) -> Map<String, Value> {
    let own = TABLE.iter().filter(|(owner, ..)| *owner == set);
    let mut values: Map<String, Value> =
        own.filter_map(|(_, name, _)| Some(((*name).to_owned(), value(machine, name)?))).collect();
    if set == "iDRAC.Embedded.1" && call.cell.quirks.has("restart-shows-in-attribute") {
        values.insert(RESTARTING.into(), machine.bmc_leaving().into());
    }
    values
}

/// Whether configuration is locked.
pub(super) fn locked_down(machine: &Machine) -> bool {
    value(machine, LOCKDOWN).is_some_and(|value| value == "Enabled")
}

/// Whether virtual media is detached.
pub(super) fn media_detached(machine: &Machine) -> bool {
    value(machine, ATTACHED).is_some_and(|value| value == "Detached")
}

fn read(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let set = set(call)?;
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#DellAttributes.v1_0_0.DellAttributes",
        "Id": set,
        "Name": "OEMAttributeRegistry",
        "AttributeRegistry": "ManagerAttributeRegistry.v1_0_0",
        "Attributes": all(call, machine, set),
        "Links": {"Manager": {"@odata.id": manager_path(call)}},
    }))
}

/// What is wrong with writing a value to an attribute.
pub(super) fn complaint(set: &str, name: &str, wanted: &Value) -> Option<Problem> {
    if FIXED.contains(&name) {
        return Some(Problem::ReadOnlyProperty(name.into()));
    }
    if !TABLE.iter().any(|(owner, known, _)| *owner == set && *known == name) {
        return Some(Problem::UnknownProperty(name.into()));
    }
    let choices = CHOICES.iter().find(|(known, _)| *known == name);
    let allowed =
        choices.is_none_or(|(_, values)| wanted.as_str().is_some_and(|word| values.contains(&word)));
    (!allowed).then(|| Problem::PropertyValue(name.into(), wanted.clone()))
}

fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let set = set(call)?;
    let body = call.object()?;
    let wanted = match body.get("Attributes") {
        Some(Value::Object(wanted)) => wanted,
        Some(other) => return Err(Problem::PropertyType("Attributes".into(), other.clone())),
        None => return Err(Problem::Missing("Attributes".into())),
    };
    let names: Vec<_> = wanted.keys().map(String::as_str).collect();
    call.summary(format!("PATCH attributes {}", names.join(" ")));
    if let Some(problem) = wanted.iter().find_map(|(name, value)| complaint(set, name, value)) {
        return Err(problem);
    }
    write(call, machine, wanted);
    Ok(Reply::json(messages::success()))
}

/// Whether only the iDRAC itself writes an attribute.
pub(super) fn is_fixed(name: &str) -> bool {
    FIXED.contains(&name)
}

/// The first boot device as attributes that are to be written make it; none when they say nothing of it.
fn first_device(machine: &Machine, call: &Call, wanted: &Map<String, Value>) -> Option<Option<FirstDevice>> {
    // It is there on iDRAC8 too, and does nothing (dell/iDRAC-Redfish-Scripting issue 90).
    let boots = wanted.contains_key(FIRST_DEVICE) || wanted.contains_key(BOOT_ONCE);
    if !boots || Generation::of(call) == Generation::Eight {
        return None;
    }
    let shown = |name: &str| wanted.get(name).cloned().or_else(|| value(machine, name)).unwrap_or_default();
    let once = shown(BOOT_ONCE) != "Disabled";
    let source = match shown(FIRST_DEVICE).as_str() {
        Some("VCD-DVD") => "Cd",
        Some("HDD") => "Hdd",
        Some("PXE") => "Pxe",
        Some("UefiHttp") => "UefiHttp",
        _ => return Some(None),
    };
    Some(Some(FirstDevice { source: source.into(), once }))
}

/// Writing attributes that nothing is wrong with, as work.
pub(super) fn work(machine: &Machine, call: &Call, wanted: &Map<String, Value>) -> Vec<Work> {
    let values: Vec<_> = wanted.iter().map(|(name, value)| (key(name), value.clone())).collect();
    let first = first_device(machine, call, wanted);
    let first = first.map(|first| Work::Boot(BootChange { first: Some(first), ..BootChange::default() }));
    let keep = (!values.is_empty()).then_some(Work::Keep(values));
    keep.into_iter().chain(first).collect()
}

/// Writes attributes that nothing is wrong with.
fn write(call: &Call, machine: &mut Machine, wanted: &Map<String, Value>) {
    let first = first_device(machine, call, wanted);
    for (name, wanted) in wanted {
        let before = value(machine, name).unwrap_or_default();
        machine.note(&key(name), plain(&before), plain(wanted));
        machine.oem.insert(key(name), wanted.clone());
    }
    if let Some(first) = first {
        machine.boot.first = first;
    }
}
