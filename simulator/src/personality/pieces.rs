//! Processors, memory and network ports under the paths that the standard gives it, registries written as tables, and
//! what several vendors do alike: for any vendor.

use serde_json::{Value, json};

use super::standard::{self, asked, collection, link, system_path};
use crate::machine::bios::{Attribute, Dependency, Effect};
use crate::machine::inventory::{Dimm, Drive, Processor};
use crate::machine::storage::{DriveState, StorageAct};
use crate::machine::{Machine, Post, Power};
use crate::web::{Call, Problem, Table};

const SYSTEM: &str = "/redfish/v1/Systems/{system}";

/// Adds processors and memory below the System, and links to them in it.
pub(super) fn add(table: &mut Table) {
    table.amend(SYSTEM, summarize);
    table.get(&format!("{SYSTEM}/Processors"), processors);
    table.get(&format!("{SYSTEM}/Processors/{{piece}}"), processor);
    table.get(&format!("{SYSTEM}/Memory"), dimms);
    table.get(&format!("{SYSTEM}/Memory/{{piece}}"), dimm);
}

/// Gives the host's network ports the vendor's `Id`s.
pub(super) fn add_ports(table: &mut Table) {
    table.get(&format!("{SYSTEM}/EthernetInterfaces"), ports);
    table.get(&format!("{SYSTEM}/EthernetInterfaces/{{port}}"), port);
}

fn summarize(call: &Call, machine: &Machine, body: &mut Value) {
    let path = system_path(call);
    let inventory = &machine.hardware.inventory;
    if let Some(first) = inventory.processors.first() {
        body["ProcessorSummary"] = json!({
            "Count": inventory.processors.len(),
            "Model": first.model,
            "CoreCount": inventory.processors.iter().map(|one| one.cores).sum::<u32>(),
            "LogicalProcessorCount": inventory.processors.iter().map(|one| one.threads).sum::<u32>(),
            "Status": {"Health": "OK", "HealthRollup": "OK", "State": "Enabled"},
        });
    }
    for name in ["Processors", "Memory"] {
        body[name] = link(format!("{path}/{name}"));
    }
}

fn members<'a>(call: &Call, kind: &str, name: &str, ids: impl Iterator<Item = &'a String>) -> Value {
    let path = asked(call);
    let members = ids.map(|id| format!("{path}/{id}")).collect();
    collection(kind, &path, name, members)
}

/// The piece that the call names.
fn piece<'a, T>(call: &Call, pieces: &'a [T], id: impl Fn(&T) -> &str) -> Result<&'a T, Problem> {
    let wanted = call.param("piece");
    pieces.iter().find(|piece| id(piece) == wanted).ok_or(Problem::NotFound)
}

fn processors(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let ids = machine.hardware.inventory.processors.iter().map(|one| &one.id);
    Ok(members(call, "ProcessorCollection", "Processors", ids))
}

fn processor(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let one: &Processor = piece(call, &machine.hardware.inventory.processors, |one| &one.id)?;
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#Processor.v1_12_0.Processor",
        "Id": one.id,
        "Name": one.socket,
        "Socket": one.socket,
        "ProcessorType": "CPU",
        "ProcessorArchitecture": "x86",
        "InstructionSet": "x86-64",
        "Manufacturer": "Intel",
        "Model": one.model,
        "MaxSpeedMHz": one.max_mhz,
        "TotalCores": one.cores,
        "TotalThreads": one.threads,
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

fn dimms(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let ids = machine.hardware.inventory.dimms.iter().map(|one| &one.id);
    Ok(members(call, "MemoryCollection", "Memory Modules", ids))
}

fn dimm(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let one: &Dimm = piece(call, &machine.hardware.inventory.dimms, |one| &one.id)?;
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#Memory.v1_7_1.Memory",
        "Id": one.id,
        "Name": one.locator,
        "DeviceLocator": one.locator,
        "CapacityMiB": one.mib,
        "MemoryDeviceType": "DDR4",
        "MemoryType": "DRAM",
        "OperatingSpeedMhz": one.mhz,
        "Manufacturer": "Micron Technology",
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

/// The quirk of a BMC that lists the host's network to itself among the host's ports.
const HOST_INTERFACE: &str = "host-interface-among-ports";

fn ports(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let own = call.cell.quirks.has(HOST_INTERFACE).then(|| "ToManager".to_owned());
    let ids = machine.hardware.inventory.ports.iter().take(machine.identity.macs.len());
    Ok(members(call, "EthernetInterfaceCollection", "Ethernet Interfaces", own.iter().chain(ids)))
}

fn port(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let wanted = call.param("port");
    if wanted == "ToManager" && call.cell.quirks.has(HOST_INTERFACE) {
        return Ok(to_manager(call, machine));
    }
    let mut pairs = machine.hardware.inventory.ports.iter().zip(&machine.identity.macs);
    let (id, mac) = pairs.find(|(id, _)| id.as_str() == wanted).ok_or(Problem::NotFound)?;
    let mac = mac.to_ascii_uppercase();
    Ok(json!({
        "@odata.id": asked(call),
        "@odata.type": "#EthernetInterface.v1_6_4.EthernetInterface",
        "Id": id,
        "Name": "System Ethernet Interface",
        "MACAddress": mac,
        "PermanentMACAddress": mac,
        "InterfaceEnabled": true,
        "LinkStatus": "LinkUp",
        "SpeedMbps": 25_000,
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

/// The host's side of its network to the BMC: no port of the server's.
fn to_manager(call: &Call, machine: &Machine) -> Value {
    let mac = machine.identity.bmc_mac.replacen("02:", "0A:", 1).to_ascii_uppercase();
    json!({
        "@odata.id": asked(call),
        "@odata.type": "#EthernetInterface.v1_6_4.EthernetInterface",
        "Id": "ToManager",
        "Name": "Host Ethernet Interface",
        "Description": "Host Network Interface",
        "MACAddress": mac,
        "PermanentMACAddress": mac,
        "InterfaceEnabled": false,
        "Links": {"HostInterface": link(host_interface(call))},
        "Status": {"Health": "OK", "State": "Disabled"},
    })
}

fn host_interface(call: &Call) -> String {
    format!("{}/HostInterfaces/1", standard::manager_path(call))
}

/// The network between host and BMC, for a BMC that lists it among the host's ports.
pub(super) fn add_host_interface(table: &mut Table) {
    let path = "/redfish/v1/Managers/{manager}/HostInterfaces";
    table.amend("/redfish/v1/Managers/{manager}", |call, _, body| {
        body["HostInterfaces"] = link(format!("{}/HostInterfaces", standard::manager_path(call)));
    });
    table.get(path, |call, _| {
        Ok(collection("HostInterfaceCollection", &asked(call), "Host Interfaces", vec![host_interface(call)]))
    });
    table.get(&format!("{path}/1"), |call, _| {
        Ok(json!({
            "@odata.id": asked(call),
            "@odata.type": "#HostInterface.v1_3_0.HostInterface",
            "Id": "1",
            "Name": "Host Interface",
            "HostInterfaceType": "NetworkHostInterface",
            "InterfaceEnabled": false,
            "ExternallyAccessible": false,
            "Links": {"ComputerSystems": [link(system_path(call))]},
        }))
    });
}

/// A row of a registry's table: name, the name a person sees, the values separated by commas, the value a machine
/// begins with.
pub(super) type Row = (&'static str, &'static str, &'static str, &'static str);

/// Enumerations written as a table.
pub(super) fn choices(rows: &[Row]) -> Vec<Attribute> {
    rows.iter()
        .map(|(name, display, values, first)| {
            let values: Vec<_> = values.split(',').collect();
            Attribute::choice(name, &values).shown_as(display).initially(*first)
        })
        .collect()
}

/// While `attribute` has (or, `negated`, has not) the value, each of `targets` cannot be written.
pub(super) fn locks(attribute: &str, value: &str, negated: bool, targets: &[&str]) -> Vec<Dependency> {
    targets
        .iter()
        .map(|target| Dependency {
            attribute: attribute.into(),
            values: vec![value.into()],
            negated,
            target: (*target).into(),
            effect: Effect::ReadOnly,
        })
        .collect()
}

/// When `attribute` takes the value, each target takes its own.
pub(super) fn sets(attribute: &str, value: &str, targets: &[(&str, &str)]) -> Vec<Dependency> {
    targets
        .iter()
        .map(|(target, follows)| Dependency {
            attribute: attribute.into(),
            values: vec![value.into()],
            negated: false,
            target: (*target).into(),
            effect: Effect::Value((*follows).into()),
        })
        .collect()
}

/// Drives alike, numbered from 0.
pub(super) fn drives(count: usize, id: impl Fn(usize) -> String, model: &str, bytes: u64) -> Vec<Drive> {
    (0..count)
        .map(|number| Drive {
            id: id(number),
            name: format!("SSD {number}"),
            model: model.into(),
            media: "SSD",
            protocol: "SATA",
            bytes,
            state: DriveState::Ready,
            erasable: true,
        })
        .collect()
}

/// Processors alike, numbered from 1.
pub(super) fn cpus(count: u32, id: impl Fn(u32) -> String, model: &str, cores: u32) -> Vec<Processor> {
    (1..=count)
        .map(|number| Processor {
            id: id(number),
            socket: format!("CPU {number}"),
            model: model.into(),
            cores,
            threads: cores * 2,
            max_mhz: 4000,
        })
        .collect()
}

/// Memory modules alike, numbered from 1.
pub(super) fn modules(count: u32, id: impl Fn(u32) -> String) -> Vec<Dimm> {
    (1..=count).map(|number| Dimm { id: id(number), locator: id(number), mib: 32_768, mhz: 3200 }).collect()
}

/// A parameter of an action: its name, whether it is required, its type, the values it takes where they are told.
pub(super) type Parameter<'a> = (&'a str, bool, &'a str, &'a [&'a str]);

/// The resource at the path asked for, which tells the parameters of an action.
pub(super) fn action_info(call: &Call, parameters: &[Parameter<'_>]) -> Value {
    let path = asked(call);
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(name, required, kind, values)| {
            let mut parameter = json!({"Name": name, "Required": required, "DataType": kind});
            if !values.is_empty() {
                parameter["AllowableValues"] = json!(values);
            }
            parameter
        })
        .collect();
    json!({
        "@odata.id": path,
        "@odata.type": "#ActionInfo.v1_1_2.ActionInfo",
        "Id": last_segment(&path),
        "Name": "Action Info",
        "Parameters": parameters,
    })
}

/// `ResetType` of the System, as its ActionInfo.
pub(super) fn reset_info(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    Ok(action_info(call, &[("ResetType", true, "String", &machine.rules.power.reset_types)]))
}

/// An action names the resource that tells its parameters, instead of telling them itself.
pub(super) fn point_to_info(action: &mut Value, info: String) {
    if let Some(action) = action.as_object_mut() {
        action.retain(|name, _| !name.ends_with("@Redfish.AllowableValues"));
        action.insert("@Redfish.ActionInfo".into(), info.into());
    }
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Moves a log of the Manager's to another path; its last segment is its `Id` there.
pub(super) fn move_log(table: &mut Table, id: &str, to: &str) {
    table.relocate(&format!("/redfish/v1/Managers/{{manager}}/LogServices/{id}"), to);
    table.amend(to, |call, _, body| body["Id"] = last_segment(&asked(call)).into());
}

/// The log services below the path asked for.
pub(super) fn log_services(call: &Call, ids: &[&str]) -> Value {
    let path = asked(call);
    let members = ids.iter().map(|id| format!("{path}/{id}")).collect();
    collection("LogServiceCollection", &path, "Log Services", members)
}

/// A registry whose locks are told as `GrayOut`, the word of setup menus.
pub(super) fn gray_out(_: &Call, _: &Machine, body: &mut Value) {
    for rule in body["RegistryEntries"]["Dependencies"].as_array_mut().into_iter().flatten() {
        let property = &mut rule["Dependency"]["MapToProperty"];
        if *property == "ReadOnly" {
            *property = "GrayOut".into();
        }
    }
}

/// The settings of the BIOS under the vendor's name for them.
pub(super) fn rename_bios_settings(table: &mut Table, name: &str) -> String {
    let path = format!("{SYSTEM}/Bios/{name}");
    table.relocate(&format!("{SYSTEM}/Bios/Settings"), &path);
    table.amend(&path, |call, _, body| {
        let path = asked(call);
        body["Id"] = last_segment(&path).into();
        body["@odata.id"] = path.into();
    });
    path
}

/// `BootProgress`: where firmware is.
pub(super) fn boot_progress(machine: &Machine) -> Value {
    let state = match (machine.power(), machine.post()) {
        (Power::Off | Power::PoweringOn, _) => "None",
        (_, Post::Off | Post::Phase(_)) => "SystemHardwareInitializationComplete",
        (_, Post::Setup) => "SetupEntered",
        (_, Post::Done) => "OSBootStarted",
    };
    json!({"LastState": state})
}

/// Does something with the storage that the call names at once, and not by a task.
pub(super) fn do_now(
    call: &Call,
    machine: &mut Machine,
    act: &StorageAct,
) -> Result<Option<String>, Problem> {
    let controller = standard::storage::owner(call, machine)?.id.clone();
    machine.do_storage(&controller, act).map_err(Problem::Storage)
}
