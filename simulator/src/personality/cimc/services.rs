//! Services of the BMC that can be switched off and on.

use crate::machine::Machine;
use crate::web::{Call, Problem};

/// A service: where its state is kept, and whether it is on when nobody has said anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    key: &'static str,
    at_first: bool,
}

/// Redfish itself.
pub(super) const REDFISH: Service = Service { key: "service redfish", at_first: true };
/// Virtual media.
pub(super) const VMEDIA: Service = Service { key: "service vmedia", at_first: true };
/// Virtual media as a low-power USB device.
pub(super) const LOW_POWER_USB: Service = Service { key: "service low-power-usb", at_first: false };

impl Service {
    pub(super) fn is_on(self, machine: &Machine) -> bool {
        machine.oem.get(self.key).and_then(serde_json::Value::as_bool).unwrap_or(self.at_first)
    }

    /// `enabled` or `disabled`.
    pub(super) fn word(self, machine: &Machine) -> &'static str {
        if self.is_on(machine) { "enabled" } else { "disabled" }
    }

    /// Switches it; false when the word is no state.
    pub(super) fn set(self, machine: &mut Machine, wanted: &str) -> bool {
        let on = match wanted.to_ascii_lowercase().as_str() {
            "enabled" => true,
            "disabled" => false,
            _ => return false,
        };
        let before = self.word(machine);
        machine.oem.insert(self.key.into(), on.into());
        machine.note(self.key, before, self.word(machine));
        true
    }
}

/// What a service that is off keeps from being done.
///
/// # Errors
/// Redfish, while it is off; an image, while virtual media is off.
pub(super) fn gate(call: &Call, machine: &Machine) -> Result<(), Problem> {
    let closed = |status, text: &str| {
        Err(Problem::Other(status, "ServiceDisabled".into(), format!("The service {text} is disabled.")))
    };
    if call.path.starts_with("/redfish") && !REDFISH.is_on(machine) {
        return closed(http::StatusCode::SERVICE_UNAVAILABLE, "Redfish");
    }
    if call.path.ends_with("/VirtualMedia.InsertMedia") && !VMEDIA.is_on(machine) {
        return closed(http::StatusCode::BAD_REQUEST, "virtual media");
    }
    Ok(())
}
