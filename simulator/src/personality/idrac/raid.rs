//! `DellRaidService`: what is done with drives, by lists of FQDDs.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{SYSTEM, jobs, messages, storage};
use crate::machine::storage::StorageAct;
use crate::machine::{Machine, When};
use crate::personality::Quirks;
use crate::personality::standard::asked;
use crate::personality::standard::storage::home_of;
use crate::web::{Call, Problem, Reply, Table, call};

const ACTIONS: [&str; 6] = [
    "ConvertToRAID",
    "ConvertToNonRAID",
    "AssignSpare",
    "UnassignSpare",
    "ClearForeignConfig",
    "ResetConfig",
];

/// Adds the service.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    if !quirks.has("drives-by-raid-service") {
        return;
    }
    let service = format!("{SYSTEM}/Oem/Dell/DellRaidService");
    table.get(&service, resource);
    table.post(&format!("{service}/Actions/{{action}}"), act);
}

fn resource(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let mut actions = Map::new();
    for action in ACTIONS {
        let target = format!("{path}/Actions/DellRaidService.{action}");
        actions.insert(format!("#DellRaidService.{action}"), json!({"target": target}));
    }
    Ok(json!({
        "@odata.id": path,
        "@odata.type": "#DellRaidService.v1_4_0.DellRaidService",
        "Id": "DellRaidService",
        "Name": "DellRaidService",
        "Actions": actions,
    }))
}

/// Names in a list of texts.
fn names(body: &Map<String, Value>, name: &str) -> Result<Vec<String>, Problem> {
    let list = body.get(name).ok_or_else(|| Problem::Missing(name.into()))?;
    let wrong = || Problem::PropertyType(name.into(), list.clone());
    let texts = list.as_array().filter(|list| !list.is_empty()).ok_or_else(wrong)?.iter();
    texts.map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn text(body: &Map<String, Value>, name: &str) -> Result<String, Problem> {
    call::text(body, name)?.ok_or_else(|| Problem::Missing(name.into()))
}

fn act(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let action = call.param("action").strip_prefix("DellRaidService.").ok_or(Problem::NotFound)?.to_owned();
    call.summary(format!("{action} {}", Value::from(body.clone())));
    let (piece, act) = match action.as_str() {
        "ConvertToRAID" => {
            let drives = names(&body, "PDArray")?;
            (drives.first().cloned(), StorageAct::ToRaid(drives))
        }
        "ConvertToNonRAID" => {
            let drives = names(&body, "PDArray")?;
            (drives.first().cloned(), StorageAct::ToHost(drives))
        }
        "AssignSpare" => {
            let drive = text(&body, "TargetFQDD")?;
            let named = body.contains_key("VirtualDiskArray");
            let volumes = if named { names(&body, "VirtualDiskArray")? } else { Vec::new() };
            (Some(drive.clone()), StorageAct::Spare { drive, volumes })
        }
        "UnassignSpare" => {
            let drive = text(&body, "TargetFQDD")?;
            (Some(drive.clone()), StorageAct::Unspare(drive))
        }
        "ClearForeignConfig" => (None, StorageAct::ClearForeign),
        "ResetConfig" => (None, StorageAct::ResetAll),
        _ => return Err(Problem::NotFound),
    };
    let controller = match piece {
        Some(piece) => home_of(machine, &piece).map_err(Problem::Storage)?,
        None => text(&body, "TargetFQDD")?,
    };
    if matches!(act, StorageAct::ToHost(_))
        && controller.starts_with("BOSS")
        && call.cell.quirks.has("boss-keeps-raid")
    {
        let text = format!("The controller {controller} does not support the operation.");
        return Err(Problem::Other(StatusCode::BAD_REQUEST, "STOR023".into(), text));
    }
    let when = if jobs::storage_ready(call, machine) { When::Now } else { When::AtReset };
    machine.check_storage(&controller, &act).map_err(Problem::Storage)?;
    let id = jobs::next_id(machine);
    let kind = storage::kind(when);
    machine.add_storage_job(id.clone(), kind, &controller, vec![act], when).map_err(Problem::Storage)?;
    Ok(Reply::accepted(&jobs::path(call, &id), messages::success()))
}
