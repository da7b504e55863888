//! The BMC's services.

use super::element::Element;
use super::media;
use super::object::Object;
use super::refusal::Refusal;
use crate::machine::Machine;
use crate::personality::cimc::services;
use crate::web::Call;

/// The BMC as a whole, around the server.
pub(super) fn top(call: &Call, machine: &Machine, unit: Object) -> Object {
    let now = call.cell.world.clock.date(machine.now()).to_string();
    Object::new("topSystem", "sys")
        .with("address", machine.identity.address.as_str())
        .with("currentTime", now)
        .with("mode", "stand-alone")
        .with("name", machine.name.as_str())
        .holding([unit, endpoint(machine)])
}

fn endpoint(machine: &Machine) -> Object {
    let dn = "sys/svc-ext";
    let rules = machine.rules.sessions.as_ref();
    let most = rules.map_or(0, |rules| rules.max).to_string();
    let idle = rules.map_or(0, |rules| rules.idle.as_secs()).to_string();
    let redfish = Object::new("commRedfish", format!("{dn}/redfish-svc"))
        .with("adminState", services::REDFISH.word(machine))
        .with("activeSessions", machine.sessions.len().to_string())
        .with("maximumSessions", most);
    let https = Object::new("commHttps", format!("{dn}/https-svc"))
        .with("adminState", "enabled")
        .with("port", "443")
        .with("sessionTimeout", idle);
    Object::new("commSvcEp", dn).holding([https, redfish, media::object(machine)])
}

/// `commRedfish`: switches Redfish off and on.
///
/// # Errors
/// A state that there is not.
pub(super) fn configure_redfish(machine: &mut Machine, element: &Element) -> Result<(), Refusal> {
    match element.get("adminState") {
        Some(wanted) if !services::REDFISH.set(machine, wanted) => Err(Refusal::value(element, "adminState")),
        _ => Ok(()),
    }
}
