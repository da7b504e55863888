//! Systems: the host, its power, boot, network ports, Secure Boot; and the chassis around it.

use serde_json::{Map, Value, json};

use super::{chassis_path, collection, date, link, manager_path, system_path};
use crate::machine::{Boot, HttpBoot, Lasts, Machine, Power};
use crate::personality::MediaHome;
use crate::web::{Call, Problem, Reply, Table, call};

/// Adds Systems and Chassis.
pub fn add(table: &mut Table) {
    table.get("/redfish/v1/Systems", systems);
    table.get("/redfish/v1/Systems/{system}", system);
    table.patch("/redfish/v1/Systems/{system}", patch_system);
    table.post("/redfish/v1/Systems/{system}/Actions/ComputerSystem.Reset", reset);
    table.get("/redfish/v1/Systems/{system}/EthernetInterfaces", ports);
    table.get("/redfish/v1/Systems/{system}/EthernetInterfaces/{port}", port);
    table.get("/redfish/v1/Systems/{system}/SecureBoot", secure_boot);
    table.patch("/redfish/v1/Systems/{system}/SecureBoot", patch_secure_boot);
    table.get("/redfish/v1/Chassis", chassis_collection);
    table.get("/redfish/v1/Chassis/{chassis}", chassis);
}

fn systems(call: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(collection("ComputerSystemCollection", "/redfish/v1/Systems", "Systems", vec![system_path(call)]))
}

/// `PowerState` as this BMC shows it.
pub fn power_state(machine: &Machine) -> &'static str {
    match machine.power() {
        power if machine.rules.power.shows_transitions => power.word(),
        Power::On | Power::PoweringOff => "On",
        Power::Off | Power::PoweringOn => "Off",
    }
}

/// The System's `Boot` object.
pub fn boot(machine: &Machine) -> Value {
    let boot = &machine.boot;
    let mut object = json!({
        "BootSourceOverrideEnabled": boot.lasts.word(),
        "BootSourceOverrideTarget": boot.target,
        "BootSourceOverrideTarget@Redfish.AllowableValues": machine.rules.boot_targets,
        "BootSourceOverrideMode": boot.mode,
        "BootSourceOverrideMode@Redfish.AllowableValues": ["UEFI", "Legacy"],
    });
    if let Some(path) = &boot.uefi_target {
        object["UefiTargetBootSourceOverride"] = path.clone().into();
    }
    if machine.rules.http_boot == HttpBoot::Property {
        object["HttpBootUri"] = json!(boot.http_uri);
    }
    object
}

/// The System.
///
/// # Errors
/// None.
pub fn system(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = system_path(call);
    let traits = &call.cell.traits;
    let (hardware, identity) = (&machine.hardware, &machine.identity);
    let mut system = json!({
        "@odata.id": path,
        "@odata.type": "#ComputerSystem.v1_13_0.ComputerSystem",
        "Id": traits.ids.system,
        "Name": "System",
        "SystemType": "Physical",
        "Manufacturer": hardware.manufacturer,
        "Model": hardware.model,
        "SerialNumber": identity.serial,
        "UUID": identity.uuid,
        "HostName": "",
        "BiosVersion": hardware.bios_version,
        "PowerState": power_state(machine),
        "LastResetTime": date(call, machine.last_reset),
        "Status": {"Health": "OK", "HealthRollup": "OK", "State": "Enabled"},
        "Boot": boot(machine),
        "ProcessorSummary": {"Count": hardware.processors, "Model": "Simulated processor"},
        "MemorySummary": {"TotalSystemMemoryGiB": hardware.memory_gib},
        "Bios": link(format!("{path}/{}", traits.bios_name)),
        "SecureBoot": link(format!("{path}/SecureBoot")),
        "EthernetInterfaces": link(format!("{path}/EthernetInterfaces")),
        "Links": {"Chassis": [link(chassis_path(call))], "ManagedBy": [link(manager_path(call))]},
        "Actions": {"#ComputerSystem.Reset": {
            "target": format!("{path}/Actions/ComputerSystem.Reset"),
            "ResetType@Redfish.AllowableValues": machine.rules.power.reset_types,
        }},
    });
    if traits.media_home != MediaHome::Manager {
        system["VirtualMedia"] = link(format!("{path}/VirtualMedia"));
    }
    Ok(system)
}

/// PATCH of the System: its `Boot`.
///
/// # Errors
/// A property or value that is not allowed; then nothing is changed.
pub fn patch_system(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    if let Some(other) = body.keys().find(|name| !matches!(name.as_str(), "Boot" | "@odata.etag")) {
        let known = system(call, machine)?.get(other).is_some();
        let name = other.clone();
        return Err(if known { Problem::ReadOnlyProperty(name) } else { Problem::UnknownProperty(name) });
    }
    let boot = match body.get("Boot") {
        Some(Value::Object(boot)) => boot,
        Some(other) => return Err(Problem::PropertyType("Boot".into(), other.clone())),
        None => return Err(Problem::Missing("Boot".into())),
    };
    patch_boot(call, machine, boot)?;
    Ok(Reply::no_content())
}

/// Changes the boot override as a `Boot` object asks for.
///
/// # Errors
/// A value that is not allowed; then nothing is changed.
pub fn patch_boot(call: &Call, machine: &mut Machine, boot: &Map<String, Value>) -> Result<(), Problem> {
    let after = wanted_boot(machine, boot)?;
    set_boot(call, machine, after);
    Ok(())
}

/// The boot settings as a `Boot` object asks for them.
///
/// # Errors
/// A value that is not allowed.
pub fn wanted_boot(machine: &Machine, boot: &Map<String, Value>) -> Result<Boot, Problem> {
    let mut after = machine.boot.clone();
    let refuse = |name: &str, value: &str| Problem::PropertyValue(name.into(), value.into());
    if let Some(target) = call::text(boot, "BootSourceOverrideTarget")? {
        if !machine.rules.boot_targets.contains(&target.as_str()) {
            return Err(refuse("BootSourceOverrideTarget", &target));
        }
        after.target = target;
    }
    if let Some(word) = call::text(boot, "BootSourceOverrideEnabled")? {
        after.lasts = Lasts::parse(&word).ok_or_else(|| refuse("BootSourceOverrideEnabled", &word))?;
    }
    if let Some(mode) = call::text(boot, "BootSourceOverrideMode")? {
        if !matches!(mode.as_str(), "UEFI" | "Legacy") {
            return Err(refuse("BootSourceOverrideMode", &mode));
        }
        after.mode = mode;
    }
    if let Some(path) = call::text(boot, "UefiTargetBootSourceOverride")? {
        after.uefi_target = Some(path);
    }
    if boot.contains_key("HttpBootUri") {
        if machine.rules.http_boot != HttpBoot::Property {
            return Err(Problem::UnknownProperty("HttpBootUri".into()));
        }
        // Null takes it away.
        after.http_uri = call::text(boot, "HttpBootUri")?;
    }
    Ok(after)
}

/// Puts a boot override into force and tells the log.
pub fn set_boot(call: &Call, machine: &mut Machine, after: Boot) {
    let word = |boot: &Boot| format!("{} {}", boot.lasts.word(), boot.target);
    call.summary(format!("PATCH Boot {} {}", word(&after), after.mode));
    let (from, to) = (word(&machine.boot), word(&after));
    machine.boot = after;
    machine.note("boot-override", from, to);
}

/// `ComputerSystem.Reset`: 204.
///
/// # Errors
/// A `ResetType` that is missing, not allowed, or not possible now.
pub fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let reset = call::text(&body, "ResetType")?.ok_or_else(|| Problem::Missing("ResetType".into()))?;
    call.summary(format!("Reset {reset}"));
    if !machine.rules.power.reset_types.contains(&reset.as_str()) {
        return Err(Problem::ParameterValue("ResetType".into(), reset.into()));
    }
    machine.reset(&reset).map_err(Problem::Power)?;
    Ok(Reply::no_content())
}

fn ports(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/EthernetInterfaces", system_path(call));
    let members = (1..=machine.identity.macs.len()).map(|number| format!("{path}/{number}")).collect();
    Ok(collection("EthernetInterfaceCollection", &path, "Ethernet Interfaces", members))
}

fn port(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = call.param("port");
    let number: usize = id.parse().map_err(|_| Problem::NotFound)?;
    let mac = number.checked_sub(1).and_then(|at| machine.identity.macs.get(at)).ok_or(Problem::NotFound)?;
    Ok(json!({
        "@odata.id": format!("{}/EthernetInterfaces/{id}", system_path(call)),
        "@odata.type": "#EthernetInterface.v1_4_1.EthernetInterface",
        "Id": id,
        "Name": format!("Port {id}"),
        "MACAddress": mac,
        "PermanentMACAddress": mac,
        "LinkStatus": "LinkUp",
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

fn secure_boot(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let current = if machine.secure_boot.current { "Enabled" } else { "Disabled" };
    Ok(json!({
        "@odata.id": format!("{}/SecureBoot", system_path(call)),
        "@odata.type": "#SecureBoot.v1_1_0.SecureBoot",
        "Id": "SecureBoot",
        "Name": "UEFI Secure Boot",
        "SecureBootEnable": machine.secure_boot.enable,
        "SecureBootCurrentBoot": current,
        "SecureBootMode": "DeployedMode",
    }))
}

/// PATCH of SecureBoot: in force from the next POST on.
///
/// # Errors
/// A missing or ill-typed `SecureBootEnable`.
pub fn patch_secure_boot(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let enable =
        call::flag(&body, "SecureBootEnable")?.ok_or_else(|| Problem::Missing("SecureBootEnable".into()))?;
    call.summary(format!("PATCH SecureBoot {enable}"));
    machine.secure_boot.enable = enable;
    Ok(Reply::no_content())
}

fn chassis_collection(call: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(collection("ChassisCollection", "/redfish/v1/Chassis", "Chassis", vec![chassis_path(call)]))
}

/// The Chassis.
///
/// # Errors
/// None.
pub fn chassis(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": chassis_path(call),
        "@odata.type": "#Chassis.v1_10_0.Chassis",
        "Id": call.cell.traits.ids.chassis,
        "Name": "Computer System Chassis",
        "ChassisType": "RackMount",
        "Manufacturer": machine.hardware.manufacturer,
        "Model": machine.hardware.model,
        "SerialNumber": machine.identity.serial,
        "PowerState": power_state(machine),
        "Status": {"Health": "OK", "State": "Enabled"},
        "Links": {"ComputerSystems": [link(system_path(call))], "ManagedBy": [link(manager_path(call))]},
    }))
}
