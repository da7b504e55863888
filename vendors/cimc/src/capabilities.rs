//! What a CIMC can do, and which way: every operation, each with its source.

use rackhand_bmc::{Capabilities, Learned, Operation, Quirks, Support};
use rackhand_redfish::Machine;

use crate::quirks::on;

/// Corrects what the standard driver knows.
pub(crate) fn of(quirks: &Quirks, machine: &Machine, known: &mut Capabilities) {
    let on = |name: &str| on(quirks, machine, name);
    let mut cannot = |operation: Operation, why: &str, source: &str| {
        let learned = Learned::Documented(source.to_owned());
        known.set(operation, Support::Unsupported(why.to_owned()), learned);
    };
    if machine.system.at("Boot/BootSourceOverrideMode").is_none() {
        let why = "CIMC sets the boot mode by its XML API alone";
        cannot(Operation::BootModeSet, why, "ISV: 4.1 and 4.2; SDK: lsbootDevPrecision");
    }
    if on("bios-pending-hidden") {
        let why = "CIMC does not show BIOS settings that wait for a reset";
        cannot(Operation::BiosPendingRead, why, "ISV: 4.1 and 4.2");
        cannot(Operation::BiosDiscard, why, "ISV: 4.1 and 4.2");
        let learned = Learned::Documented("G41: PATCH of Bios, in force after a reset".to_owned());
        known.set(Operation::BiosStage, Support::NeedsReset, learned);
    }
}
