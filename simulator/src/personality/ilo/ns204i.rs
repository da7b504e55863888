//! The NS204i boot device: two M.2 drives, mirrored by itself. Its volume cannot be deleted or made by hand: it is reset,
//! its drives are erased, and the next boot makes it anew.

use serde_json::{Value, json};

use super::{SYSTEM, boot, messages};
use crate::machine::inventory::{Controller, Drive, Volume};
use crate::machine::storage::{NewVolume, StorageAct};
use crate::machine::{Machine, Work};
use crate::personality::pieces::drives;
use crate::personality::standard::{asked, drop_property, storage};
use crate::web::{Call, Problem, Reply, Table};

/// Its `Id`.
const ID: &str = "DE00B000";
/// What the job is called that makes the volume anew.
const ANEW: &str = "BootVolume";

/// The device as delivered.
pub(super) fn controller() -> Controller {
    let drives: Vec<_> = drives(2, |number| number.to_string(), "VO000480KXALB", 480_103_981_056)
        .into_iter()
        .map(|drive| Drive { protocol: "NVMe", ..drive })
        .collect();
    let volume = Volume::new("1", "VD_0", "RAID1", 480_036_519_936, &drives);
    let path = format!("/redfish/v1/Chassis/{ID}/Drives");
    Controller::new(ID, "HPE NS204i-u Gen11 Boot Controller", &["RAID1"], drives)
        .with_volume(volume)
        .drives_at(&path)
}

/// Whether the call is about it.
pub(super) fn is(call: &Call) -> bool {
    call.param("controller").eq_ignore_ascii_case(ID)
}

/// Whether the call is about it, and its volume is its own affair.
pub(super) fn keeps_volume(call: &Call) -> bool {
    is(call) && call.cell.quirks.has("ns204i-no-delete")
}

/// Replaces what can be done with its volume.
pub(super) fn add(table: &mut Table) {
    let volumes = format!("{SYSTEM}/Storage/{{controller}}/Volumes");
    let volume = format!("{volumes}/{{piece}}");
    table.amend(&volume, amend);
    table.delete(&volume, |call, machine| {
        if is(call) { Err(Problem::MethodNotAllowed) } else { storage::delete(call, machine) }
    });
    table.post(&format!("{volume}/Actions/Volume.Initialize"), |call, machine| {
        if is(call) { Err(Problem::NotFound) } else { storage::initialize(call, machine) }
    });
    table.post(&format!("{volume}/Actions/Volume.ResetToDefaults"), reset);
}

fn amend(call: &Call, _: &Machine, body: &mut Value) {
    if !is(call) {
        return;
    }
    drop_property(body, "Actions");
    let target = format!("{}/Actions/Volume.ResetToDefaults", asked(call).trim_end_matches('/'));
    body["Actions"] = json!({"#Volume.ResetToDefaults": {"target": target}});
}

/// The volume is gone at once; the next boot mirrors the drives anew.
fn reset(call: &Call, machine: &mut Machine) -> Result<Reply, Problem> {
    if !is(call) {
        return Err(Problem::NotFound);
    }
    call.object_or_empty()?;
    let volume = storage::find_volume(call, machine)?.clone();
    call.summary(format!("ResetToDefaults volume {}", volume.id));
    let wanted =
        NewVolume { name: Some(volume.name), raid: volume.raid.into(), drives: volume.drives, bytes: None };
    machine.do_storage(ID, &StorageAct::Delete(volume.id)).map_err(Problem::Storage)?;
    boot::wait_for_post(machine, ANEW, Work::Storage(ID.into(), vec![StorageAct::Create(wanted)]));
    Ok(messages::reset_required(call))
}
