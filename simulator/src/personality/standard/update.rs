//! UpdateService: the firmware inventory, updates that the BMC fetches, and images that are pushed to it.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{asked, collection, link, service, storage};
use crate::machine::firmware::{Component, Update};
use crate::machine::{Machine, Source, When};
use crate::web::multipart::{self, Part};
use crate::web::{Call, Problem, Reply, Table, call};

/// The service.
pub const SERVICE: &str = "/redfish/v1/UpdateService";
const KIND: &str = "FirmwareUpdate";

/// Adds the service.
pub fn add(table: &mut Table) {
    table.amend("/redfish/v1", |_, _, body| body["UpdateService"] = link(SERVICE));
    table.get(SERVICE, update_service);
    table.post(&format!("{SERVICE}/Actions/UpdateService.SimpleUpdate"), simple_update);
    table.upload(&format!("{SERVICE}/MultipartUpload"), push);
    table.get(&format!("{SERVICE}/FirmwareInventory"), inventory);
    table.get(&format!("{SERVICE}/FirmwareInventory/{{component}}"), component);
}

/// The service's resource.
///
/// # Errors
/// None.
pub fn update_service(call: &Call, _: &Machine) -> Result<Value, Problem> {
    let mut action = json!({
        "target": format!("{SERVICE}/Actions/UpdateService.SimpleUpdate"),
        "TransferProtocol@Redfish.AllowableValues": ["HTTP", "HTTPS"],
    });
    if let Some(times) = storage::apply_times(call) {
        action["@Redfish.OperationApplyTimeSupport"] = times;
    }
    Ok(json!({
        "@odata.id": SERVICE,
        "@odata.type": "#UpdateService.v1_11_0.UpdateService",
        "Id": "UpdateService",
        "Name": "Update Service",
        "ServiceEnabled": true,
        "MultipartHttpPushUri": format!("{SERVICE}/MultipartUpload"),
        "FirmwareInventory": link(format!("{SERVICE}/FirmwareInventory")),
        "Actions": {"#UpdateService.SimpleUpdate": action},
        "Status": {"Health": "OK", "State": "Enabled"},
    }))
}

fn inventory(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let path = asked(call);
    let members = machine.firmware.iter().map(|one| format!("{path}/{}", one.id)).collect();
    Ok(collection("SoftwareInventoryCollection", &path, "Firmware Inventory", members))
}

fn component(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    let id = call.param("component");
    let one = machine.firmware.iter().find(|one| one.id == id).ok_or(Problem::NotFound)?;
    Ok(render(&asked(call), id, one))
}

/// A component as a member of the inventory.
pub fn render(path: &str, id: &str, one: &Component) -> Value {
    json!({
        "@odata.id": path,
        "@odata.type": "#SoftwareInventory.v1_2_3.SoftwareInventory",
        "Id": id,
        "Name": one.name,
        "Version": one.version,
        "Updateable": one.updateable,
        "Status": {"Health": "OK", "State": "Enabled"},
    })
}

/// Reads what `SimpleUpdate` asks for.
///
/// # Errors
/// Parameters that are missing or of the wrong type; a protocol that this BMC does not know.
pub fn wanted(call: &Call, body: &Map<String, Value>) -> Result<Update, Problem> {
    let name = "ImageURI";
    let url = call::text(body, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    call.summary(format!("SimpleUpdate {url}"));
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let protocol = call::text(body, "TransferProtocol")?;
    if let Some(other) = protocol.filter(|word| !matches!(word.as_str(), "HTTP" | "HTTPS")) {
        return Err(Problem::ParameterValue("TransferProtocol".into(), other.into()));
    }
    if !matches!(scheme, "http" | "https") {
        return Err(Problem::ParameterValue(name.into(), url.into()));
    }
    let login = match (call::text(body, "Username")?, call::text(body, "Password")?) {
        (Some(user), Some(password)) => Some((user, password)),
        _ => None,
    };
    Ok(Update {
        source: Some(Source { url, login }),
        targets: targets(body)?,
        at_reset: storage::when(call, body)? == When::AtReset,
        package: None,
    })
}

/// `Targets` of a body.
///
/// # Errors
/// When it is no list of texts.
pub fn targets(body: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    let Some(list) = body.get("Targets").filter(|list| !list.is_null()) else { return Ok(Vec::new()) };
    let wrong = || Problem::PropertyType("Targets".into(), list.clone());
    let texts = list.as_array().ok_or_else(wrong)?.iter();
    texts.map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn simple_update(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let update = wanted(call, &call.object()?)?;
    Ok(begin(call, machine, update, KIND))
}

/// Begins an update by a task: 202 with its place.
pub fn begin(call: &Call, machine: &mut Machine, update: Update, kind: &str) -> Reply {
    let personality = &call.cell.personality;
    let id = personality.job_id(machine);
    machine.begin_update(id.clone(), kind, SERVICE, update);
    let task =
        machine.jobs.iter().find(|job| job.id == id).map(|job| service::render_task(call, machine, job));
    Reply::accepted(&personality.job_path(call, &id), task.unwrap_or_default())
}

/// What a multipart push holds: the update that its parameters ask for, and the image.
///
/// # Errors
/// A body of another form; a part that is missing.
pub fn pushed(call: &Call) -> Result<(Update, Part), Problem> {
    let kind = call.header("content-type").ok_or(Problem::NotJson)?;
    if !kind.starts_with("multipart/form-data") {
        let text = "The request body must be multipart/form-data.".into();
        return Err(Problem::Other(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType".into(), text));
    }
    let mut parts = multipart::parts(kind, &call.body).ok_or(Problem::MalformedJson)?;
    let mut take = |name: &str| {
        let at = parts.iter().position(|part| part.name == name);
        at.map(|at| parts.remove(at)).ok_or_else(|| Problem::Missing(name.into()))
    };
    let parameters: Map<String, Value> =
        serde_json::from_slice(&take("UpdateParameters")?.content).map_err(|_| Problem::MalformedJson)?;
    let file = take("UpdateFile")?;
    call.summary(format!("Push {}", file.file.as_deref().unwrap_or("an image without a name")));
    let at_reset = storage::when(call, &parameters)? == When::AtReset;
    Ok((Update { source: None, targets: targets(&parameters)?, at_reset, package: None }, file))
}

fn push(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let (update, file) = pushed(call)?;
    Ok(begin_pushed(call, machine, update, &file.content))
}

/// A push of an image in parts or, with no parameters, as it is: 202 with the place of its task.
///
/// # Errors
/// A multipart body of another form; a part that is missing.
pub fn push_any(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    if call.header("content-type").is_some_and(|kind| kind.starts_with("multipart/")) {
        return push(call, machine);
    }
    call.summary("Push an image without a name");
    let update = Update { source: None, targets: Vec::new(), at_reset: false, package: None };
    Ok(begin_pushed(call, machine, update, &call.body))
}

fn begin_pushed(call: &Call, machine: &mut Machine, update: Update, image: &[u8]) -> Reply {
    let reply = begin(call, machine, update, KIND);
    if let Some(job) = machine.jobs.last().map(|job| job.id.clone()) {
        machine.image_arrived(&job, Ok(image));
    }
    reply
}
