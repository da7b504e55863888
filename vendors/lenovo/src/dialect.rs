//! The hooks of the standard driver that differ.

use std::collections::BTreeSet;

use rackhand_bmc::{Attributes, Capabilities, Quirks, Vendor};
use rackhand_redfish::{Dialect, Document, Machine, Plain, standard::bios};

use crate::{
    capabilities,
    quirks::{self, quirks},
};

/// Lenovo's differences.
#[derive(Debug)]
pub struct LenovoDialect {
    quirks: Quirks,
}

impl LenovoDialect {
    /// The dialect without the cures that are named in `off`.
    #[must_use]
    pub fn without(off: &BTreeSet<String>) -> Self {
        Self { quirks: Quirks::new(quirks(), off) }
    }

    /// The table and what of it is off.
    pub(crate) fn cures(&self) -> &Quirks {
        &self.quirks
    }

    fn on(&self, machine: &Machine, name: &str) -> bool {
        quirks::on(&self.quirks, machine, name)
    }
}

impl Default for LenovoDialect {
    fn default() -> Self {
        Self::without(&BTreeSet::new())
    }
}

/// The generation, by the server's: XCC3 is as different from XCC2 as a new start (it is made of OpenBMC), so a model that
/// does not tell is of none.
pub(crate) fn generation(machine: &Machine) -> &'static str {
    let model = machine.system.str("Model").unwrap_or_default();
    if !model.starts_with("Think") {
        return "XCC";
    }
    let version = model.split_whitespace().find_map(|word| word.strip_prefix('V')?.parse::<u32>().ok());
    match version {
        None | Some(1 | 2) => "XCC1",
        Some(3) => "XCC2",
        Some(4) => "XCC3",
        Some(_) => "XCC",
    }
}

/// Whether a slot is one of those that take images by URL.
pub(crate) fn is_ext(slot: &Document) -> bool {
    slot.id().to_ascii_uppercase().starts_with("EXT")
}

impl Dialect for LenovoDialect {
    fn vendor(&self) -> Vendor {
        Vendor::Lenovo
    }

    fn generation(&self, machine: &Machine) -> String {
        generation(machine).to_owned()
    }

    fn capabilities(&self, machine: &Machine, capabilities: &mut Capabilities) {
        capabilities::add(&self.quirks, machine, capabilities);
    }

    fn lasting_boot_uri(&self, machine: &Machine) -> String {
        if self.on(machine, quirks::ORDER_PENDING) {
            return Plain.lasting_boot_uri(machine);
        }
        machine.system.uri().to_owned()
    }

    fn can_insert(&self, machine: &Machine, slot: &Document) -> bool {
        let fits = is_ext(slot) || !self.on(machine, quirks::EXT_ALONE);
        fits && (Plain.can_insert(machine, slot) || self.on(machine, quirks::MEDIA_PATCH))
    }

    fn bios_pending(&self, current: &Attributes, settings: &Document) -> Option<Attributes> {
        if self.quirks.cures(quirks::PENDING_FULL) {
            return Plain.bios_pending(current, settings);
        }
        Some(bios::attributes(settings))
    }
}
