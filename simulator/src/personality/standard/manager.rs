//! Managers: the BMC itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{chassis_path, collection, date, link, manager_path, system_path};
use crate::machine::Machine;
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
    machine.restart_bmc(RESET);
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
