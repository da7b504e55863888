//! BIOS settings: a full pending set, judged in POST, with the outcome beside the current ones.

use serde_json::{Map, Value, json};

use super::{SYSTEM, facts::Generation, messages};
use crate::machine::Machine;
use crate::machine::bios::{Complaint, Refused, plain};
use crate::personality::standard::{bios, date, drop_property};
use crate::web::{Call, Problem, Reply, Style, Table, reply};

/// Paths as links to them are written.
const CURRENT: &str = "/redfish/v1/systems/1/bios/";
const PENDING: &str = "/redfish/v1/systems/1/bios/settings/";

/// Replaces what differs from the standard.
pub(super) fn add(table: &mut Table, generation: Generation) {
    let path = format!("{SYSTEM}/bios");
    table.amend(&path, amend_current);
    table.get(&format!("{path}/Settings"), pending);
    table.patch(&format!("{path}/Settings"), patch);
    if generation == Generation::Four {
        table.remove(&format!("{path}/Actions"));
        return;
    }
    // The table's templates keep the standard's case; paths are compared without.
    let own = format!("{path}/Actions");
    let below = format!("{path}/Settings/Actions");
    if generation == Generation::Five {
        table.relocate(&own, &below);
    }
    let actions = if generation == Generation::Five { below } else { own };
    table.post(&format!("{actions}/Bios.ResetBios"), reset);
}

/// Where the BIOS's actions are, below its path.
fn actions(generation: Generation) -> &'static str {
    match generation {
        Generation::Four | Generation::Five => "/settings/Actions",
        Generation::Six | Generation::Seven => "/Actions",
    }
}

fn lower(call: &Call) -> bool {
    call.cell.quirks.has("bios-paths-lower-case")
}

/// The settings object as it is when nothing is pending, or with what is.
fn render_pending(call: &Call, machine: &Machine, changes: &Map<String, Value>) -> Value {
    let mut attributes = Map::new();
    if call.cell.quirks.has("pending-is-full") {
        attributes = machine.bios.current.clone();
    }
    attributes.extend(changes.clone());
    let path = if lower(call) { PENDING.to_owned() } else { format!("{}/Settings", bios::path(call)) };
    json!({
        "@odata.id": path,
        "@odata.type": "#Bios.v1_0_4.Bios",
        "Id": "settings",
        "Name": "BIOS Pending Settings",
        "AttributeRegistry": machine.bios.registry.id,
        "Attributes": attributes,
    })
}

fn pending(call: &Call, machine: &Machine) -> Result<Value, Problem> {
    Ok(render_pending(call, machine, &machine.bios.pending))
}

fn amend_current(call: &Call, machine: &Machine, body: &mut Value) {
    let unmodified = reply::etag(Style::Weak, &render_pending(call, machine, &Map::new()));
    body["@odata.type"] = "#Bios.v1_0_4.Bios".into();
    body["Name"] = "BIOS Current Settings".into();
    let mut settings = format!("{}/Settings", bios::path(call));
    let mut path = bios::path(call);
    if lower(call) {
        body["@odata.id"] = CURRENT.into();
        settings = PENDING.into();
        path = CURRENT.trim_end_matches('/').into();
    }
    let target = format!("{path}{}/Bios.ResetBios/", actions(Generation::of(call)));
    body["Actions"] = json!({"#Bios.ResetBios": {"target": target}});
    if Generation::of(call) == Generation::Four {
        drop_property(body, "Actions");
    }
    body["@Redfish.Settings"] = json!({
        "@odata.type": "#Settings.v1_0_0.Settings",
        "ETag": consumed_tag(machine),
        "Messages": outcome(machine),
        "SettingsObject": {"@odata.id": settings},
        "Time": date(call, machine.bios.consumed_at),
    });
    let facts = Generation::of(call).facts();
    body["Oem"] = facts.section(json!({
        "@odata.type": facts.kind("BiosExt", "2_0_0"),
        "SettingsObject": {"UnmodifiedETag": unmodified},
    }));
    drop_property(body, "Description");
}

/// Names the settings that POST consumed last: it changes with them, and says nothing else.
pub(super) fn consumed_tag(machine: &Machine) -> String {
    let number = machine.bios.consumed_staging.wrapping_mul(0x9E37_79B1).wrapping_add(0x1103_906B);
    format!("{:08X}", number & 0xFFFF_FFFF)
}

/// What became of the settings consumed last: Success first, whatever follows.
fn outcome(machine: &Machine) -> Vec<Value> {
    let mut messages = vec![json!({"MessageId": "Base.1.0.Success"})];
    messages.extend(machine.bios.refused.iter().map(failure));
    messages
}

fn failure(refused: &Refused) -> Value {
    let (id, args) = verdict(refused);
    json!({
        "MessageArgs": args,
        "MessageId": format!("Base.1.0.{id}"),
        "RelatedProperties": [format!("#/{}", refused.attribute)],
    })
}

/// Message id and arguments for what POST refused.
pub(super) fn verdict(refused: &Refused) -> (&'static str, Vec<String>) {
    let (name, value) = (&refused.attribute, plain(&refused.value));
    match refused.complaint {
        Complaint::Unknown => ("PropertyUnknown", vec![name.clone()]),
        Complaint::ReadOnly | Complaint::Locked => ("PropertyNotWritable", vec![name.clone()]),
        Complaint::WrongType => ("PropertyValueTypeError", vec![value, name.clone()]),
        Complaint::NotAllowed | Complaint::OutOfRange | Complaint::Rejected => {
            ("PropertyValueNotInList", vec![value, name.clone()])
        }
    }
}

/// PATCH of the pending settings: 200, and a reset is required.
fn patch(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    let wanted = bios::wanted(call)?;
    stage(call, machine, wanted)
}

/// Stages attributes: 200, and a reset is required.
pub(super) fn stage(
    call: &Call,
    machine: &mut Machine,
    wanted: Map<String, Value>,
) -> Result<Reply, Problem> {
    machine.write_bios(wanted).map_err(Problem::Bios)?;
    if machine.jobs_stick && call.cell.quirks.has("settings-stick-until-cleared") {
        machine.bios.stuck = true;
    }
    Ok(messages::reset_required(call))
}

fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    bios::restore(call, machine)?;
    Ok(messages::reset_required(call))
}
