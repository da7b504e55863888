//! Firmware: images of the CIMC and the BIOS are fetched by `SimpleUpdate` and put into force by actions of their own.

use serde_json::{Map, Value, json};

use super::MANAGER;
use crate::machine::firmware::{ComponentKind, Update};
use crate::machine::{Machine, Source};
use crate::personality::Quirks;
use crate::personality::standard::{drop_property, manager_path, service, update};
use crate::web::{Call, Problem, Reply, Table, call};

const PROTOCOLS: [&str; 5] = ["SCP", "SFTP", "TFTP", "FTP", "HTTP"];
const BMC: &str = "CiscoUCSExtensions.BmcFwActivate";
const BIOS: &str = "CiscoUCSExtensions.BiosFwActivate";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, quirks: &Quirks) {
    table.amend(update::SERVICE, amend_service);
    if quirks.has("no-push") {
        table.remove(&format!("{}/MultipartUpload", update::SERVICE));
    }
    if quirks.has("image-uri-host-path") {
        table.post(&format!("{}/Actions/UpdateService.SimpleUpdate", update::SERVICE), simple_update);
    }
    if quirks.has("activate-apart") {
        table.amend(MANAGER, |call, _, body| {
            let path = manager_path(call);
            for action in [BMC, BIOS] {
                body["Actions"]["Oem"][format!("#{action}")] =
                    json!({"target": format!("{path}/Actions/Oem/{action}")});
            }
        });
        table.post(&format!("{MANAGER}/Actions/Oem/{BMC}"), |call, machine| {
            activate(call, machine, ComponentKind::Bmc)
        });
        table.post(&format!("{MANAGER}/Actions/Oem/{BIOS}"), |call, machine| {
            activate(call, machine, ComponentKind::Bios)
        });
    }
}

fn amend_service(call: &Call, _: &Machine, body: &mut Value) {
    body["MaxImageSizeBytes"] = 60_000_000.into();
    if call.cell.quirks.has("no-push") {
        drop_property(body, "MultipartHttpPushUri");
    }
    if call.cell.quirks.has("image-uri-host-path") {
        let action = &mut body["Actions"]["#UpdateService.SimpleUpdate"];
        action["TransferProtocol@Redfish.AllowableValues"] = json!(PROTOCOLS);
        action["ImageURI@Redfish.AllowableValues"] = json!(["The path of the image file, as HOST:/PATH"]);
        action["Targets@Redfish.AllowableValues"] = json!(["The inventory's URI of the CIMC or of the BIOS"]);
    }
}

/// `SimpleUpdate`: 202 with the place of its task.
fn simple_update(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let body = call.object()?;
    let update = wanted(call, &body)?;
    Ok(update::begin(call, machine, update, "FirmwareUpdate"))
}

fn wanted(call: &Call, body: &Map<String, Value>) -> Result<Update, Problem> {
    let name = "ImageURI";
    let image = call::text(body, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    call.summary(format!("SimpleUpdate {image}"));
    let protocol = call::text(body, "TransferProtocol")?.unwrap_or_else(|| "HTTP".into());
    if !PROTOCOLS.contains(&protocol.as_str()) {
        return Err(Problem::ParameterValue("TransferProtocol".into(), protocol.into()));
    }
    let wrong = || Problem::ParameterValue(name.into(), image.clone().into());
    let (host, path) = image.split_once(":/").ok_or_else(wrong)?;
    if host.is_empty() || host.contains('/') || path.is_empty() || path.starts_with('/') {
        return Err(wrong());
    }
    let targets = update::targets(body)?;
    let known = |target: &&String| {
        target.ends_with("/FirmwareInventory/CIMC") || target.ends_with("/FirmwareInventory/BIOS")
    };
    if let Some(other) = targets.iter().find(|target| !known(target)) {
        return Err(Problem::ParameterValue("Targets".into(), other.as_str().into()));
    }
    let login = match (call::text(body, "Username")?, call::text(body, "Password")?) {
        (Some(user), Some(password)) => Some((user, password)),
        _ => None,
    };
    let url = format!("{}://{host}/{path}", protocol.to_ascii_lowercase());
    Ok(Update { source: Some(Source { url, login }), targets, at_reset: false, package: None })
}

/// Puts the image into force that was fetched for the CIMC or the BIOS: 202 with the place of its task.
fn activate(call: &Call, machine: &mut Machine, kind: ComponentKind) -> Result<Reply, Problem> {
    call.object_or_empty()?;
    call.summary(format!("Activate {kind:?}"));
    let personality = &call.cell.personality;
    let id = personality.job_id(machine);
    if !machine.activate_firmware(&id, kind) {
        let text = "There is no image to activate: fetch one by SimpleUpdate first.".into();
        return Err(Problem::Other(http::StatusCode::BAD_REQUEST, "GeneralError".into(), text));
    }
    let task =
        machine.jobs.iter().find(|job| job.id == id).map(|job| service::render_task(call, machine, job));
    Ok(Reply::accepted(&personality.job_path(call, &id), task.unwrap_or_default()))
}
