//! Logs of the BMC: `Log`, what was done to the machine, and `Sel`, what hardware told of. Either can be cleared.

use serde_json::{Value, json};

use super::{asked, collection, date, link, manager_path};
use crate::machine::{Event, LOG_SIZE, LogKind, Machine};
use crate::web::{Call, Problem, Reply, Table};

const LOGS: &str = "/redfish/v1/Managers/{manager}/LogServices";

/// Adds the log services below the Manager.
pub fn add(table: &mut Table) {
    table.get(LOGS, services);
    table.get(&format!("{LOGS}/Log"), |call, _| Ok(service(call, "Log", "Event Log")));
    table.get(&format!("{LOGS}/Log/Entries"), entries);
    table.get(&format!("{LOGS}/Log/Entries/{{entry}}"), entry);
    table.post(&format!("{LOGS}/Log/Actions/LogService.ClearLog"), clear);
    table.get(&format!("{LOGS}/Sel"), |call, _| Ok(service(call, "Sel", "System Event Log")));
    table.get(&format!("{LOGS}/Sel/Entries"), sel_entries);
    table.get(&format!("{LOGS}/Sel/Entries/{{entry}}"), sel_entry);
    table.post(&format!("{LOGS}/Sel/Actions/LogService.ClearLog"), clear_sel);
}

fn services(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = format!("{}/LogServices", manager_path(call));
    let members = vec![format!("{path}/Log"), format!("{path}/Sel")];
    Ok(collection("LogServiceCollection", &path, "Log Services", members))
}

/// A log service at the path asked for.
pub fn service(call: &Call, id: &str, name: &str) -> Value {
    let path = asked(call);
    json!({
        "@odata.id": path,
        "@odata.type": "#LogService.v1_1_3.LogService",
        "Id": id,
        "Name": name,
        "OverWritePolicy": "WrapsWhenFull",
        "MaxNumberOfRecords": LOG_SIZE,
        "Entries": link(format!("{path}/Entries")),
        "Actions": {"#LogService.ClearLog": {"target": format!("{path}/Actions/LogService.ClearLog")}},
    })
}

/// The lifecycle log's entries, newest first, in full.
///
/// # Errors
/// None.
pub fn entries(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    Ok(render_entries(call, machine.log(LogKind::Lifecycle), "Event"))
}

/// The system event log's entries, newest first, in full.
///
/// # Errors
/// None.
pub fn sel_entries(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    Ok(render_entries(call, machine.log(LogKind::Sel), "SEL"))
}

fn render_entries(call: &Call, events: &[Event], kind: &str) -> Value {
    let path = asked(call);
    let members: Vec<_> = events.iter().rev().map(|event| render_entry(call, event, &path, kind)).collect();
    json!({
        "@odata.id": path,
        "@odata.type": "#LogEntryCollection.LogEntryCollection",
        "Name": "Log Entries",
        "Members@odata.count": members.len(),
        "Members": members,
    })
}

fn entry(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    find_entry(call, machine.log(LogKind::Lifecycle), "Event")
}

/// An entry of the system event log.
///
/// # Errors
/// `NotFound`.
pub fn sel_entry(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    find_entry(call, machine.log(LogKind::Sel), "SEL")
}

fn find_entry(call: &Call, events: &[Event], kind: &str) -> Result<Value, Problem> {
    let id = call.param("entry");
    let event = events.iter().find(|event| event.id.to_string() == id).ok_or(Problem::NotFound)?;
    let path = asked(call);
    let entries = path.rsplit_once('/').map_or("", |(entries, _)| entries);
    Ok(render_entry(call, event, entries, kind))
}

fn render_entry(call: &Call, event: &Event, entries: &str, kind: &str) -> Value {
    json!({
        "@odata.id": format!("{entries}/{}", event.id),
        "@odata.type": "#LogEntry.v1_6_1.LogEntry",
        "Id": event.id.to_string(),
        "Name": format!("Log entry {}", event.id),
        "EntryType": kind,
        "Created": date(call, event.at),
        "Severity": event.severity,
        "Message": event.message,
    })
}

/// `LogService.ClearLog` of the lifecycle log: 204.
///
/// # Errors
/// A body that is no JSON object.
pub fn clear(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    call.summary("ClearLog");
    machine.clear_log(LogKind::Lifecycle);
    Ok(Reply::no_content())
}

/// `LogService.ClearLog` of the system event log: 204.
///
/// # Errors
/// A body that is no JSON object.
pub fn clear_sel(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    call.summary("ClearLog Sel");
    machine.clear_log(LogKind::Sel);
    Ok(Reply::no_content())
}
