//! Processors, memory and network ports under the paths that the standard gives it, and registries written as tables: for any vendor.

use serde_json::{Value, json};

use super::standard::{asked, collection, link, system_path};
use crate::machine::Machine;
use crate::machine::bios::{Attribute, Dependency, Effect};
use crate::machine::inventory::{Dimm, Drive, Processor};
use crate::machine::storage::DriveState;
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

fn ports(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let ids = machine.hardware.inventory.ports.iter().take(machine.identity.macs.len());
    Ok(members(call, "EthernetInterfaceCollection", "Ethernet Interfaces", ids))
}

fn port(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let wanted = call.param("port");
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
