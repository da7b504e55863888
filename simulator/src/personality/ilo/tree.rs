//! Root, System, Manager and Chassis as an iLO shows them.

use serde_json::{Value, json};

use super::{MANAGER, SYSTEM, facts::Generation, messages, serial};
use crate::machine::{Machine, Post, Power};
use crate::personality::Quirks;
use crate::personality::standard::{boot, date, link, manager, system};
use crate::web::{Call, Problem, Reply, Table, call};

/// Amends what the standard renders.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    if quirks.has("boot-mode-is-bios-setting") {
        table.amend(SYSTEM, |_, machine, body| {
            if machine.bios.registry.attributes.iter().all(|one| one.name != "BootMode") {
                return;
            }
            let mode = if machine.bios.current.get("BootMode") == Some(&json!("LegacyBios")) {
                "Legacy"
            } else {
                "UEFI"
            };
            body["Boot"]["BootSourceOverrideMode"] = mode.into();
        });
    }
    table.amend("/redfish/v1", amend_root);
    table.amend(SYSTEM, amend_system).patch(SYSTEM, patch_system);
    table.patch(&format!("{SYSTEM}/SecureBoot"), |call, machine| {
        system::patch_secure_boot(call, machine)?;
        Ok(messages::reset_required(call))
    });
    table.amend(MANAGER, amend_manager);
    table.post(&format!("{MANAGER}/Actions/Manager.Reset"), reset_manager);
    table.amend("/redfish/v1/Chassis/{chassis}", |_, machine, body| {
        body["SerialNumber"] = serial(&machine.identity).into();
    });
}

fn amend_root(call: &Call, machine: &Machine, body: &mut Value) {
    let facts = Generation::of(call).facts();
    body["@odata.type"] = "#ServiceRoot.v1_5_1.ServiceRoot".into();
    body["Name"] = "HPE RESTful Root Service".into();
    body["Oem"] = json!({"Hpe": {
        "@odata.type": "#HpeiLOServiceExt.v2_4_0.HpeiLOServiceExt",
        "Manager": [{
            "DefaultLanguage": "en",
            "HostName": format!("ILO{}", serial(&machine.identity)),
            "ManagerFirmwareVersion": facts.version,
            "ManagerType": facts.manager,
            "Status": {"Health": "OK"},
        }],
        "Moniker": {"PRODABR": "iLO", "PRODGEN": facts.manager, "VENDABR": "HPE"},
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
    }});
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

fn amend_system(call: &Call, machine: &Machine, body: &mut Value) {
    let generation = Generation::of(call);
    let facts = generation.facts();
    body["Name"] = "Computer System".into();
    body["SKU"] = facts.sku.into();
    body["SerialNumber"] = serial(&machine.identity).into();
    if call.cell.quirks.has("bios-paths-lower-case") {
        body["Bios"] = link("/redfish/v1/systems/1/bios");
    }
    if machine.boot.uefi_target.is_none() {
        body["Boot"]["UefiTargetBootSourceOverride"] = "None".into();
    }
    let mut found = json!({"AMSDeviceDiscovery": "NoAMS", "DeviceDiscovery": discovery(machine)});
    match generation {
        Generation::Five => found["SmartArrayDiscovery"] = "Complete".into(),
        Generation::Six => found["ServerFirmwareInventoryComplete"] = true.into(),
    }
    let actions = "/redfish/v1/Systems/1/Actions/Oem/Hpe";
    body["Oem"] = json!({"Hpe": {
        "@odata.type": "#HpeComputerSystemExt.v2_12_0.HpeComputerSystemExt",
        "Actions": {
            "#HpeComputerSystemExt.PowerButton": {
                "PushType@Redfish.AllowableValues": ["Press", "PressAndHold"],
                "target": format!("{actions}/HpeComputerSystemExt.PowerButton"),
            },
            "#HpeComputerSystemExt.SystemReset": {
                "ResetType@Redfish.AllowableValues": ["ColdBoot", "AuxCycle"],
                "target": format!("{actions}/HpeComputerSystemExt.SystemReset"),
            },
        },
        "Bios": {"Current": {"VersionString": facts.bios}},
        "DeviceDiscoveryComplete": found,
        "PostState": post_state(machine),
    }});
    if generation == Generation::Five {
        body["Oem"]["Hpe"]["Links"] = json!({"SmartStorage": link("/redfish/v1/Systems/1/SmartStorage")});
    }
}

/// PATCH of the System: 200. Not while the host is in POST.
fn patch_system(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    if machine.in_post() && call.cell.quirks.has("no-boot-change-in-post") {
        return Err(Problem::InPost);
    }
    boot::patch(call, machine)?;
    Ok(messages::success(call))
}

fn amend_manager(call: &Call, machine: &Machine, body: &mut Value) {
    let facts = Generation::of(call).facts();
    body["UUID"] = machine.identity.uuid.clone().into();
    body["Oem"] = json!({"Hpe": {
        "@odata.type": "#HpeiLO.v2_8_1.HpeiLO",
        "Firmware": {"Current": {"VersionString": facts.firmware}},
        "IdleConnectionTimeoutMinutes": 30,
        "License": {"LicenseString": "iLO Advanced", "LicenseType": "Perpetual"},
    }});
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
