//! What Supermicro's BMCs can do, where their documents do not say so themselves.

use rackhand_bmc::{Capabilities, Learned, Operation, Quirks, Support};
use rackhand_redfish::Machine;

use crate::quirks::{self, cited, on};

/// Adds to what the documents advertise.
pub(crate) fn add(quirks: &Quirks, machine: &Machine, known: &mut Capabilities) {
    let mut set = |operation, support, source: String| {
        known.set(operation, support, Learned::Documented(source));
    };
    if on(quirks, machine, quirks::BOOT_ORDER) && machine.system.at("Boot/BootOrder").is_some() {
        set(Operation::BootOrderSet, Support::Unknown, cited(quirks::BOOT_ORDER));
    }
    if on(quirks, machine, quirks::PENDING_STAYS) && machine.system.link("Bios").is_some() {
        let why = "what is pending stays until the next boot takes it".to_owned();
        set(Operation::BiosDiscard, Support::Unsupported(why), cited(quirks::PENDING_STAYS));
    }
    if on(quirks, machine, quirks::PUSH) && machine.root.link("UpdateService").is_some() {
        set(Operation::FirmwarePush, Support::Supported, cited(quirks::PUSH));
    }
}
