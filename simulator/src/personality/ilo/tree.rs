//! Root, System, Manager and Chassis as an iLO shows them.

use serde_json::{Value, json};

use super::facts::Generation;
use super::{MANAGER, SYSTEM, messages, own, serial};
use crate::machine::{Guest, Machine, Post, Power};
use crate::personality::standard::{date, drop_property, link, manager, system, system_path};
use crate::web::{Call, Problem, Reply, Table, call};

/// Amends what the standard renders.
pub(super) fn add(table: &mut Table) {
    table.amend("/redfish/v1", amend_root);
    table.amend(SYSTEM, amend_system);
    table.patch(&format!("{SYSTEM}/SecureBoot"), |call, machine| {
        system::patch_secure_boot(call, machine)?;
        Ok(messages::reset_required(call))
    });
    table.amend(MANAGER, |call, machine, body| {
        body["UUID"] = machine.identity.uuid.clone().into();
        body["Oem"] = Generation::of(call).facts().section(own::section(call, machine));
    });
    table.post(&format!("{MANAGER}/Actions/Manager.Reset"), reset_manager);
    table.amend("/redfish/v1/Chassis/{chassis}", |_, machine, body| {
        body["SerialNumber"] = serial(&machine.identity).into();
    });
}

fn amend_root(call: &Call, machine: &Machine, body: &mut Value) {
    let generation = Generation::of(call);
    let facts = generation.facts();
    body["@odata.type"] = "#ServiceRoot.v1_5_1.ServiceRoot".into();
    body["Name"] = "HPE RESTful Root Service".into();
    if generation == Generation::Four {
        body["@odata.type"] = "#ServiceRoot.1.0.0.ServiceRoot".into();
        body["Name"] = "HP RESTful Root Service".into();
        for newer in ["UpdateService", "Tasks"] {
            drop_property(body, newer);
        }
    }
    body["Oem"] = facts.section(json!({
        "@odata.type": facts.kind("iLOServiceExt", "2_4_0"),
        "Manager": [{
            "DefaultLanguage": "en",
            "HostName": format!("ILO{}", serial(&machine.identity)),
            "ManagerFirmwareVersion": facts.version,
            "ManagerType": facts.manager,
            "Status": {"Health": "OK"},
        }],
        "Moniker": {"PRODABR": "iLO", "PRODGEN": facts.manager, "VENDABR": facts.maker},
        "Sessions": {
            "LocalLoginEnabled": true,
            "LoginFailureDelay": 0,
            "LoginHint": {
                "Hint": "Log in by a POST of this object to the sessions:",
                "HintPOSTData": {"Password": "password", "UserName": "username"},
            },
            "SecurityOverride": false,
        },
        "System": [{"Status": {"Health": "OK"}}],
        "Time": date(call, machine.now()),
    }));
}

/// Where firmware is, in HPE's words; a phase of POST carries its word as its name.
pub(super) fn post_state(machine: &Machine) -> &'static str {
    match (machine.power(), machine.post()) {
        (Power::Off | Power::PoweringOn, _) => "PowerOff",
        (_, Post::Off) => "Reset",
        (_, Post::Phase(_)) => machine.post_phase().unwrap_or("Unknown"),
        (_, Post::Setup) => "InPostDiscoveryComplete",
        (_, Post::Done) => "FinishedPost",
    }
}

/// How far the discovery of devices is.
pub(super) fn discovery(machine: &Machine) -> &'static str {
    match post_state(machine) {
        "PowerOff" => "vAuxDeviceDiscoveryComplete",
        "FinishedPost" | "InPostDiscoveryComplete" => "vMainDeviceDiscoveryComplete",
        _ => "Busy",
    }
}

/// `DeviceDiscoveryComplete` of a generation.
fn discoveries(generation: Generation, machine: &Machine) -> Value {
    let now = discovery(machine);
    let mut found = json!({"AMSDeviceDiscovery": "NoAMS"});
    if generation != Generation::Four {
        found["DeviceDiscovery"] = now.into();
    }
    match generation {
        Generation::Four => {
            let (aux, main) = match now {
                "vAuxDeviceDiscoveryComplete" => ("DataComplete", "ServerOff"),
                "Busy" => ("DataComplete", "DataIncomplete"),
                _ => ("DataComplete", "DataComplete"),
            };
            found["vAuxDeviceDiscovery"] = aux.into();
            found["vMainDeviceDiscovery"] = main.into();
            found["SmartArrayDiscovery"] = if main == "ServerOff" { "Initial" } else { "Complete" }.into();
        }
        Generation::Five => found["SmartArrayDiscovery"] = "Complete".into(),
        Generation::Six | Generation::Seven => found["ServerFirmwareInventoryComplete"] = true.into(),
    }
    found
}

/// How far the host is, in the standard's words.
fn boot_progress(machine: &Machine) -> &'static str {
    match (post_state(machine), machine.guest()) {
        ("PowerOff" | "Reset", _) => "None",
        ("InPost", _) => "PrimaryProcessorInitializationStarted",
        ("InPostDiscoveryStart", _) => "PCIResourceConfigStarted",
        ("InPostDiscoveryComplete", _) => "SystemHardwareInitializationComplete",
        (_, Guest::OldOs | Guest::Installed(_) | Guest::Installer(_)) => "OSRunning",
        _ => "OSBootStarted",
    }
}

fn amend_system(call: &Call, machine: &Machine, body: &mut Value) {
    let generation = Generation::of(call);
    let facts = generation.facts();
    body["Name"] = "Computer System".into();
    body["SKU"] = facts.sku.into();
    body["SerialNumber"] = serial(&machine.identity).into();
    if call.cell.quirks.has("bios-paths-lower-case") {
        body["Bios"] = link("/redfish/v1/systems/1/bios");
    }
    if generation == Generation::Seven {
        let none = call.cell.quirks.has("boot-progress-none");
        let state = if none { "None" } else { boot_progress(machine) };
        body["BootProgress"] = json!({"LastBootTimeSeconds": 0, "LastState": state});
    }
    body["Oem"] = facts.section(system_section(call, machine));
}

fn system_section(call: &Call, machine: &Machine) -> Value {
    let generation = Generation::of(call);
    let facts = generation.facts();
    let path = system_path(call);
    let mut actions =
        facts.actions(&path, &["ComputerSystemExt.PowerButton", "ComputerSystemExt.SystemReset"]);
    let kinds =
        if generation == Generation::Four { json!(["ColdBoot"]) } else { json!(["ColdBoot", "AuxCycle"]) };
    let name = |action: &str| format!("#{}ComputerSystemExt.{action}", facts.oem);
    actions[name("PowerButton")]["PushType@Redfish.AllowableValues"] = json!(["Press", "PressAndHold"]);
    actions[name("SystemReset")]["ResetType@Redfish.AllowableValues"] = kinds;
    let mut section = json!({
        "@odata.type": facts.kind("ComputerSystemExt", "2_12_0"),
        "Actions": actions,
        "Bios": {"Current": {"VersionString": machine.hardware.bios_version}},
        "DeviceDiscoveryComplete": discoveries(generation, machine),
        "PostState": post_state(machine),
    });
    if generation.has_smart_storage() {
        section["Links"] = json!({"SmartStorage": link(format!("{path}/SmartStorage"))});
    }
    section
}

fn reset_manager(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object_or_empty()?;
    let kind = call::text(&body, "ResetType")?;
    if let Some(other) = kind.filter(|kind| !matches!(kind.as_str(), "ForceRestart" | "GracefulRestart")) {
        return Err(Problem::ParameterValue("ResetType".into(), other.into()));
    }
    manager::reset(call, machine)?;
    Ok(messages::done(call, messages::own(call, "ResetInProgress", &[])))
}
