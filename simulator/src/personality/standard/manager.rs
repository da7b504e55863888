//! Managers: the BMC itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{chassis_path, collection, date, link, manager_path, system_path};
use crate::machine::{Event, Machine};
use crate::personality::MediaHome;
use crate::web::{Call, Problem, Reply, Table};

/// How long a BMC is gone when it is reset.
const RESET: Duration = Duration::from_secs(90);

/// Adds Managers.
pub fn add(table: &mut Table) {
    table.get("/redfish/v1/Managers", managers);
    table.get("/redfish/v1/Managers/{manager}", manager);
    table.post("/redfish/v1/Managers/{manager}/Actions/Manager.Reset", reset);
    table.get("/redfish/v1/Managers/{manager}/EthernetInterfaces", ports);
    table.get("/redfish/v1/Managers/{manager}/EthernetInterfaces/1", port);
    table.get("/redfish/v1/Managers/{manager}/LogServices", logs);
    table.get("/redfish/v1/Managers/{manager}/LogServices/Log", log);
    table.get("/redfish/v1/Managers/{manager}/LogServices/Log/Entries", entries);
    table.get("/redfish/v1/Managers/{manager}/LogServices/Log/Entries/{entry}", entry);
}

fn managers(call: &Call, _: &Machine) -> Result<Value, Problem> {
    Ok(collection("ManagerCollection", "/redfish/v1/Managers", "Managers", vec![manager_path(call)]))
}

/// The Manager.
///
/// # Errors
/// None.
pub fn manager(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = manager_path(call);
    let mut manager = json!({
        "@odata.id": path,
        "@odata.type": "#Manager.v1_9_0.Manager",
        "Id": call.cell.traits.ids.manager,
        "Name": "Manager",
        "ManagerType": "BMC",
        "Model": machine.hardware.bmc_model,
        "FirmwareVersion": machine.hardware.bmc_version,
        "DateTime": date(call, machine.now()),
        "DateTimeLocalOffset": "+00:00",
        "PowerState": "On",
        "Status": {"Health": "OK", "State": "Enabled"},
        "EthernetInterfaces": link(format!("{path}/EthernetInterfaces")),
        "LogServices": link(format!("{path}/LogServices")),
        "Links": {
            "ManagerForServers": [link(system_path(call))],
            "ManagerForChassis": [link(chassis_path(call))],
        },
        "Actions": {"#Manager.Reset": {
            "target": format!("{path}/Actions/Manager.Reset"),
            "ResetType@Redfish.AllowableValues": ["ForceRestart", "GracefulRestart"],
        }},
    });
    if call.cell.traits.media_home != MediaHome::System {
        manager["VirtualMedia"] = link(format!("{path}/VirtualMedia"));
    }
    Ok(manager)
}

/// `Manager.Reset`: the BMC is gone for a while, and its sessions with it; the host goes on.
///
/// # Errors
/// A body that is no JSON object.
pub fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    call.summary("Manager.Reset");
    for id in machine.sessions.iter().map(|session| session.id.clone()).collect::<Vec<_>>() {
        machine.close_session(&id);
    }
    machine.note("bmc", "up", "resetting");
    call.cell.go_down(RESET);
    Ok(Reply::no_content())
}

fn ports(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/EthernetInterfaces", manager_path(call));
    let members = vec![format!("{path}/1")];
    Ok(collection("EthernetInterfaceCollection", &path, "Manager Ethernet Interfaces", members))
}

fn port(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    Ok(json!({
        "@odata.id": format!("{}/EthernetInterfaces/1", manager_path(call)),
        "@odata.type": "#EthernetInterface.v1_4_1.EthernetInterface",
        "Id": "1",
        "Name": "Manager port",
        "MACAddress": machine.identity.bmc_mac,
        "PermanentMACAddress": machine.identity.bmc_mac,
        "IPv4Addresses": [{"Address": machine.identity.address, "AddressOrigin": "Static"}],
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

fn logs(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/LogServices", manager_path(call));
    let members = vec![format!("{path}/Log")];
    Ok(collection("LogServiceCollection", &path, "Log Services", members))
}

fn log(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/LogServices/Log", manager_path(call));
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#LogService.v1_1_3.LogService",
        "Id": "Log",
        "Name": "Event Log",
        "OverWritePolicy": "WrapsWhenFull",
        "Entries": link(format!("{path}/Entries")),
    }))
}

/// The event log's entries, newest first, in full.
///
/// # Errors
/// None.
pub fn entries(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = super::asked(call);
    let members: Vec<_> = machine.events.iter().rev().map(|event| render_entry(call, event, &path)).collect();
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#LogEntryCollection.LogEntryCollection",
        "Name": "Log Entries",
        "Members@odata.count": members.len(),
        "Members": members,
    }))
}

fn entry(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = call.param("entry");
    let event = machine.events.iter().find(|event| event.id.to_string() == id).ok_or(Problem::NotFound)?;
    let path = super::asked(call);
    Ok(render_entry(call, event, path.rsplit_once('/').map_or("", |(entries, _)| entries)))
}

fn render_entry(call: &Call, event: &Event, entries: &str) -> Value {
    json!({
        "@odata.id": format!("{entries}/{}", event.id),
        "@odata.type": "#LogEntry.v1_6_1.LogEntry",
        "Id": event.id.to_string(),
        "Name": format!("Log entry {}", event.id),
        "EntryType": "Event",
        "Created": date(call, event.at),
        "Severity": event.severity,
        "Message": event.message,
    })
}
