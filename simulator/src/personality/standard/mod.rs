//! The standard's rendering of a machine: a table that personalities start from.

pub mod bios;
pub mod boot;
pub mod logs;
pub mod manager;
pub mod media;
pub mod sensors;
pub mod service;
pub mod storage;
pub mod system;
pub mod update;

use serde_json::{Value, json};

use super::MediaHome;
use crate::clock::SimTime;
use crate::web::{Call, Table};

/// The standard's resources. What depends on a personality's [`super::Traits`] at rendering time follows them; the
/// table's shape follows the arguments.
pub fn table(media: MediaHome, bios_name: &str, bios_settings: bool) -> Table {
    let mut table = core(media, bios_name, bios_settings);
    boot::add(&mut table);
    storage::add(&mut table);
    update::add(&mut table);
    logs::add(&mut table);
    sensors::add(&mut table);
    table
}

/// The least that a server is driven with: power, boot override, virtual media, BIOS settings.
pub fn core(media: MediaHome, bios_name: &str, bios_settings: bool) -> Table {
    let mut table = Table::new();
    service::add(&mut table);
    system::add(&mut table);
    bios::add(&mut table, bios_name, bios_settings);
    manager::add(&mut table);
    if media != MediaHome::Manager {
        media::add(&mut table, "/redfish/v1/Systems/{system}/VirtualMedia");
    }
    if media != MediaHome::System {
        media::add(&mut table, "/redfish/v1/Managers/{manager}/VirtualMedia");
    }
    table
}

/// Path of the machine's System.
pub fn system_path(call: &Call) -> String {
    format!("/redfish/v1/Systems/{}", call.cell.traits.ids.system)
}

/// Path of the machine's Manager.
pub fn manager_path(call: &Call) -> String {
    format!("/redfish/v1/Managers/{}", call.cell.traits.ids.manager)
}

/// Path of the machine's Chassis.
pub fn chassis_path(call: &Call) -> String {
    format!("/redfish/v1/Chassis/{}", call.cell.traits.ids.chassis)
}

/// A link.
pub fn link(path: impl AsRef<str>) -> Value {
    json!({"@odata.id": path.as_ref()})
}

/// A collection of links.
pub fn collection(kind: &str, path: &str, name: &str, members: Vec<String>) -> Value {
    let members: Vec<_> = members.into_iter().map(link).collect();
    json!({
        "@odata.id": path,
        "@odata.type": format!("#{kind}.{kind}"),
        "Name": name,
        "Members@odata.count": members.len(),
        "Members": members,
    })
}

/// A moment as the BMC writes it: ISO 8601 in UTC.
pub fn date(call: &Call, time: SimTime) -> String {
    call.cell.world.clock.date(time).to_string()
}

/// The path as asked for, without a trailing slash: the `@odata.id` of a resource reachable by several paths.
pub fn asked(call: &Call) -> String {
    call.path.trim_end_matches('/').to_owned()
}

/// Removes a property of a rendered object.
pub fn drop_property(body: &mut Value, name: &str) {
    if let Some(object) = body.as_object_mut() {
        object.shift_remove(name);
    }
}
