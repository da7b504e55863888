//! Whole configurations: exported and imported by the Manager's OEM actions, each by a job.
//!
//! The document of an export is what its task answers once it is over. Values of an import stay out of the log.

mod document;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{Generation, MANAGER, attributes, jobs, messages};
use crate::machine::bios::Kind;
use crate::machine::inventory::Controller;
use crate::machine::storage::{NewVolume, StorageAct};
use crate::machine::{JobState, Machine, Power, Work};
use crate::personality::standard::service::task_path;
use crate::personality::standard::{date, manager_path};
use crate::web::{Call, Problem, Reply, Table, call};
use document::{About, Part};

const EXPORT: &str = "ExportSystemConfiguration";
const IMPORT: &str = "ImportSystemConfiguration";
const EXPORT_KIND: &str = "ExportConfiguration";
const IMPORT_KIND: &str = "ImportConfiguration";
const TARGETS: [&str; 6] = ["ALL", "IDRAC", "System", "LifecycleController", "BIOS", "RAID"];
const BIOS: &str = "BIOS.Setup.1-1";

/// How the actions are called: by a number until iDRAC10.
fn action(generation: Generation, name: &str) -> String {
    match generation {
        Generation::Ten => format!("OemManager.{name}"),
        _ => format!("EID_674_Manager.{name}"),
    }
}

/// Adds the actions.
pub(super) fn add(table: &mut Table, generation: Generation) {
    if generation == Generation::Eight {
        return;
    }
    table.amend(MANAGER, amend);
    let place = |name| format!("{MANAGER}/Actions/Oem/{}", action(generation, name));
    table.post(&place(EXPORT), export).post(&place(IMPORT), import);
}

fn amend(call: &Call, _: &Machine, body: &mut Value) {
    let generation = Generation::of(call);
    // The key has had the type's version in it for some time.
    let version = if matches!(generation, Generation::NineOld | Generation::Nine) {
        "OemManager.v1_4_0.OemManager#"
    } else {
        ""
    };
    let mut actions = Map::new();
    for name in [EXPORT, IMPORT] {
        let mut entry = json!({
            "target": format!("{}/Actions/Oem/{}", manager_path(call), action(generation, name)),
            "ShareParameters": {"Target@Redfish.AllowableValues": TARGETS},
        });
        if name == EXPORT {
            entry["ExportFormat@Redfish.AllowableValues"] = json!(["XML", "JSON"]);
        } else {
            entry["ShutdownType@Redfish.AllowableValues"] = json!(["Graceful", "Forced", "NoReboot"]);
        }
        actions.insert(format!("#{version}OemManager.{name}"), entry);
    }
    body["Actions"]["Oem"] = actions.into();
}

/// The parts that a request is about.
fn targets(call: &Call, body: &Map<String, Value>) -> Result<Vec<String>, Problem> {
    let name = "Target";
    let target = body.get("ShareParameters").and_then(|share| share.get(name));
    let target = target.ok_or_else(|| Problem::Missing(name.into()))?;
    let words: Vec<String> = match target {
        Value::Array(list) => list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        Value::String(text) if !call.cell.quirks.has("scp-target-list") => {
            text.split(',').map(str::to_owned).collect()
        }
        other => return Err(Problem::PropertyType(name.into(), other.clone())),
    };
    match words.iter().find(|word| !TARGETS.contains(&word.as_str())) {
        Some(unknown) => Err(Problem::PropertyValue(name.into(), unknown.clone().into())),
        None => Ok(words),
    }
}

/// One import or export at a time.
fn no_other(machine: &Machine) -> Result<(), Problem> {
    let kinds = [EXPORT_KIND, IMPORT_KIND];
    if !machine.jobs.iter().any(|job| kinds.contains(&job.kind.as_str()) && !job.state.is_over()) {
        return Ok(());
    }
    let text = "An import or export of the server's configuration is running.";
    Err(Problem::Other(StatusCode::SERVICE_UNAVAILABLE, "SYS431".into(), text.into()))
}

/// The document of the export whose job is named.
fn document_of(job: &str) -> String {
    format!("export:{job}")
}

fn export(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    jobs::needs_lc(call, machine)?;
    let body = call.object()?;
    let name = "ExportFormat";
    let format = call::text(&body, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    let targets = targets(call, &body)?;
    call.summary(format!("Export configuration {}", targets.join(" ")));
    no_other(machine)?;
    let parts = parts(call, machine, &targets);
    let about = About {
        model: machine.hardware.model.clone(),
        tag: machine.identity.serial.clone(),
        time: date(call, machine.now()),
    };
    let document = match format.as_str() {
        "XML" => Value::from(document::to_xml(&about, &parts)),
        "JSON" => document::to_json(&about, &parts),
        _ => return Err(Problem::PropertyValue(name.into(), format.into())),
    };
    let id = jobs::next_id(machine);
    machine.add_job(id.clone(), EXPORT_KIND, JobState::New, "");
    machine.give_work(&id, Work::Keep(vec![(document_of(&id), document)]));
    machine.run_job(&id, machine.rules.job_starts_after);
    Ok(Reply::accepted(&task_path(&id), messages::success()))
}

/// The task of an export that is over answers its document.
pub(super) fn finish(call: &Call, reply: Reply) -> Reply {
    let task = call.path.trim_end_matches('/').strip_prefix("/redfish/v1/TaskService/Tasks/");
    let Some(id) = task.filter(|_| call.method == Method::GET && reply.status == StatusCode::OK) else {
        return reply;
    };
    match call.cell.with(|machine| machine.oem.get(&document_of(id)).cloned()) {
        Some(Value::String(xml)) => Reply::text(StatusCode::OK, "application/xml", xml),
        Some(document) => Reply::json(document),
        None => reply,
    }
}

fn parts(call: &Call, machine: &Machine, targets: &[String]) -> Vec<Part> {
    let wanted = |name: &str| targets.iter().any(|one| one == "ALL" || one == name);
    let mut all = Vec::new();
    for (target, set) in [
        ("System", "System.Embedded.1"),
        ("LifecycleController", "LifecycleController.Embedded.1"),
        ("IDRAC", "iDRAC.Embedded.1"),
    ] {
        if wanted(target) {
            all.push(attribute_part(call, machine, set));
        }
    }
    if wanted("BIOS") {
        all.push(bios_part(machine));
    }
    if wanted("RAID") {
        all.extend(machine.storage.iter().map(raid_part));
    }
    all
}

/// Attributes of the iDRAC; profiles write the group's number before a `#`.
fn attribute_part(call: &Call, machine: &Machine, set: &str) -> Part {
    let values = attributes::all(call, machine, set);
    let mut part = values.iter().fold(Part::new(set), |part, (name, value)| {
        let name = match name.rsplit_once('.') {
            Some((group, last)) => format!("{group}#{last}"),
            None => name.clone(),
        };
        let fixed = attributes::is_fixed(&name.replace('#', "."));
        let value = crate::machine::bios::plain(value);
        if fixed { part.show(&name, &value) } else { part.set(&name, &value) }
    });
    if set == "iDRAC.Embedded.1" {
        part = part.show("Users.2#UserName", "root").show("Users.2#Password", "******");
    }
    part
}

fn bios_part(machine: &Machine) -> Part {
    let bios = &machine.bios;
    let attributes = bios.registry.attributes.iter();
    attributes.fold(Part::new(BIOS), |part, one| {
        let value = bios.current.get(&one.name).map(crate::machine::bios::plain).unwrap_or_default();
        let shown = one.read_only || bios.registry.locked(&one.name, &bios.current);
        match () {
            () if one.name.contains("Password") => part.show(&one.name, "******"),
            () if shown => part.show(&one.name, &value),
            () => part.set(&one.name, &value),
        }
    })
}

fn raid_part(controller: &Controller) -> Part {
    let mut part = Part::new(&controller.id).set("RAIDresetConfig", "False");
    for volume in &controller.volumes {
        let level = volume.raid.replace("RAID", "RAID ");
        let mut inner = Part::new(&volume.id)
            .set("RAIDaction", "Update")
            .set("Name", &volume.name)
            .set("RAIDTypes", &level)
            .set("Size", &volume.bytes.to_string());
        for drive in &volume.drives {
            inner = inner.set("IncludedPhysicalDiskID", drive);
        }
        part.parts.push(inner);
    }
    part
}

/// What an import asks for, sorted out.
#[derive(Default)]
struct Asked {
    bios: Map<String, Value>,
    attributes: Map<String, Value>,
    storage: Vec<(String, Vec<StorageAct>)>,
    /// What cannot be written.
    refused: Vec<String>,
}

fn import(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    jobs::needs_lc(call, machine)?;
    let body = call.object()?;
    targets(call, &body)?;
    let name = "ImportBuffer";
    let buffer = call::text(&body, name)?.ok_or_else(|| Problem::Missing(name.into()))?;
    let shutdown = call::text(&body, "ShutdownType")?.unwrap_or_else(|| "Graceful".into());
    let compact = call.cell.quirks.has("scp-no-whitespace");
    call.summary("Import configuration");
    let parts = document::parse(&buffer, compact).ok_or_else(|| {
        let text = format!("The value of the parameter {name} is not valid.");
        Problem::Other(StatusCode::BAD_REQUEST, "SYS425".into(), text)
    })?;
    no_other(machine)?;
    if machine.bios_job().is_some() {
        let text = "A job is running, or configuration is pending.".to_owned();
        return Err(Problem::Other(StatusCode::BAD_REQUEST, "LC068".into(), text));
    }
    let asked = sort_out(machine, &parts);
    let restart = match (shutdown.as_str(), machine.power()) {
        ("NoReboot", _) => None,
        ("Graceful" | "Forced", Power::Off) => Some("On"),
        ("Graceful", _) => Some("GracefulRestart"),
        ("Forced", _) => Some("ForceRestart"),
        _ => return Err(Problem::PropertyValue("ShutdownType".into(), shutdown.into())),
    };
    Ok(begin(call, machine, asked, restart))
}

fn begin(call: &Call, machine: &mut Machine, asked: Asked, restart: Option<&str>) -> Reply {
    let in_post = !asked.bios.is_empty() || !asked.storage.is_empty();
    let id = jobs::next_id(machine);
    let state = if in_post { JobState::Scheduled } else { JobState::New };
    machine.add_job(id.clone(), IMPORT_KIND, state, "");
    if !asked.refused.is_empty() {
        machine.say(&id, &format!("not applied: {}", asked.refused.join(", ")));
    }
    let mut work = attributes::work(machine, call, &asked.attributes);
    if !asked.bios.is_empty() {
        work.push(Work::Bios(asked.bios));
    }
    work.extend(asked.storage.into_iter().map(|(controller, acts)| Work::Storage(controller, acts)));
    machine.give_work(&id, Work::All(work));
    match restart {
        _ if !in_post => machine.run_job(&id, machine.rules.job_starts_after),
        None => {}
        // A host that is on its way somewhere goes there first, and the job waits for its POST.
        Some(reset) => drop(machine.reset(reset)),
    }
    Reply::accepted(&task_path(&id), messages::success())
}

fn sort_out(machine: &Machine, parts: &[Part]) -> Asked {
    let mut asked = Asked::default();
    for part in parts {
        if part.fqdd == BIOS {
            bios(machine, part, &mut asked);
        } else if attributes::SETS.contains(&part.fqdd.as_str()) {
            for one in part.settings.iter().filter(|one| one.writable) {
                let name = one.name.replace('#', ".");
                let value = Value::from(one.value.clone());
                match attributes::complaint(&part.fqdd, &name, &value) {
                    None => drop(asked.attributes.insert(name, value)),
                    Some(_) => asked.refused.push(one.name.clone()),
                }
            }
        } else if machine.controller(&part.fqdd).is_some() {
            let acts: Vec<_> = part.parts.iter().filter_map(volume).collect();
            if !acts.is_empty() {
                asked.storage.push((part.fqdd.clone(), acts));
            }
        } else {
            asked.refused.push(part.fqdd.clone());
        }
    }
    asked
}

/// BIOS attributes that differ; numbers are texts in a profile.
fn bios(machine: &Machine, part: &Part, asked: &mut Asked) {
    for one in part.settings.iter().filter(|one| one.writable) {
        let kind = machine.bios.registry.attribute(&one.name).map(|attribute| &attribute.kind);
        let value = match (kind, one.value.parse::<i64>()) {
            (Some(Kind::Integer { .. }), Ok(number)) => Value::from(number),
            _ => Value::from(one.value.clone()),
        };
        if machine.bios.current.get(&one.name) != Some(&value) {
            asked.bios.insert(one.name.clone(), value);
        }
    }
    for refused in machine.bios.complaints(&asked.bios) {
        asked.bios.shift_remove(&refused.attribute);
        asked.refused.push(refused.attribute);
    }
}

/// What is to be done with a volume.
fn volume(part: &Part) -> Option<StorageAct> {
    match part.value("RAIDaction")? {
        "Create" => Some(StorageAct::Create(NewVolume {
            name: part.value("Name").map(str::to_owned),
            raid: part.value("RAIDTypes").unwrap_or_default().replace(' ', ""),
            drives: part.values("IncludedPhysicalDiskID").map(str::to_owned).collect(),
            bytes: part.value("Size").and_then(|size| size.parse().ok()).filter(|size| *size > 0),
        })),
        "Delete" => Some(StorageAct::Delete(part.fqdd.clone())),
        _ => None,
    }
}
