//! The five named troubles, each of one node.

use anyhow::Context as _;
use clap::ValueEnum as _;
use rackhand_simulator::faults::{Rule, preset};

use crate::args::FaultName;

/// The host that a trouble befalls.
fn befallen(fault: FaultName) -> &'static str {
    match fault {
        FaultName::BadPassword | FaultName::RejectedBios => "dell",
        FaultName::UnreachableIso | FaultName::BmcDown => "hpe",
        FaultName::MediaStuck => "cisco",
    }
}

/// What goes wrong, for the header.
pub(super) fn told(fault: FaultName) -> &'static str {
    match fault {
        FaultName::BadPassword => "the BMC of dell refuses the password",
        FaultName::UnreachableIso => "the BMC of hpe cannot reach the image server",
        FaultName::RejectedBios => "the firmware of dell refuses its BIOS settings",
        FaultName::BmcDown => "the BMC of hpe goes down once the image is inserted, and stays down",
        FaultName::MediaStuck => "the BMC of cisco takes the image and never attaches it",
    }
}

/// What the simulator does: its own preset of that name.
pub(super) fn rules(fault: FaultName) -> anyhow::Result<Vec<Rule>> {
    let value = fault.to_possible_value();
    let rules = value.as_ref().and_then(|value| preset(value.get_name(), befallen(fault)));
    rules.with_context(|| format!("the simulator has no fault for {fault:?}; this is a fault in rackhand"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulator_has_every_trouble_by_its_name() {
        for fault in FaultName::value_variants() {
            assert!(!rules(*fault).unwrap().is_empty());
            assert!(told(*fault).contains(befallen(*fault)));
        }
    }
}
