//! The hooks of the standard driver that differ.

use std::collections::BTreeSet;

use rackhand_bmc::{Attributes, BootTarget, Capabilities, MediaImage, Quirks, Vendor};
use rackhand_redfish::{Dialect, Document, Machine, Meaning, MessageRule, Plain, standard::bios::Registry};
use serde_json::Value;

use crate::{
    bios, capabilities,
    quirks::{self, quirks},
};

/// What Supermicro's messages mean, where the standard ones do not say it.
pub const MESSAGES: &[MessageRule] = &[MessageRule::new("OemLicenseNotPassed", Meaning::NeedsLicence, "LRF")];

/// Supermicro's differences.
#[derive(Debug)]
pub struct SupermicroDialect {
    quirks: Quirks,
}

impl SupermicroDialect {
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

impl Default for SupermicroDialect {
    fn default() -> Self {
        Self::without(&BTreeSet::new())
    }
}

/// The board's generation (X12, H13) where the model names the board; servers go by other names (SYS-821GE).
pub(crate) fn generation(machine: &Machine) -> String {
    let board = machine.system.str("Model").and_then(|model| {
        let prefix: String = model.chars().take(3).collect();
        let (family, number) = prefix.split_at_checked(1)?;
        let is_board = matches!(family, "X" | "H" | "B" | "M") && number.len() == 2;
        (is_board && number.chars().all(|c| c.is_ascii_digit())).then_some(prefix)
    });
    board.unwrap_or_else(|| "BMC".to_owned())
}

impl Dialect for SupermicroDialect {
    fn vendor(&self) -> Vendor {
        Vendor::Supermicro
    }

    fn message_rules(&self) -> &'static [MessageRule] {
        if self.quirks.cures(quirks::LICENCE) { MESSAGES } else { &[] }
    }

    fn generation(&self, machine: &Machine) -> String {
        generation(machine)
    }

    fn capabilities(&self, machine: &Machine, capabilities: &mut Capabilities) {
        capabilities::add(&self.quirks, machine, capabilities);
    }

    fn boot_target_name(&self, machine: &Machine, target: &BootTarget, allowed: &[&str]) -> String {
        let listed = allowed.is_empty() || allowed.iter().any(|name| name.eq_ignore_ascii_case("UsbCd"));
        let as_usb = self.on(machine, quirks::USB_CD) && !self.on(machine, quirks::PLAIN_CD);
        if *target == BootTarget::Cd && listed && as_usb {
            return "UsbCd".to_owned();
        }
        Plain.boot_target_name(machine, target, allowed)
    }

    /// Both spellings mean the virtual CD, whichever of them boots it here; and the next boot of UEFI's is the network's:
    /// nothing else that is set reads so.
    fn boot_target(&self, name: &str) -> BootTarget {
        match name {
            name if name.eq_ignore_ascii_case("UsbCd") => BootTarget::Cd,
            "UefiBootNext" if self.quirks.cures(quirks::PXE_IS_NEXT) => BootTarget::Pxe,
            name => Plain.boot_target(name),
        }
    }

    fn boot_wants_enabled(&self) -> bool {
        self.quirks.cures(quirks::ENABLED_ALWAYS)
    }

    fn slot_actions_change(&self) -> bool {
        self.quirks.cures(quirks::EJECT_SHOWN)
    }

    fn shows_ejected(&self, slot: &Document) -> bool {
        slot.str("ConnectedVia") == Some("NotConnected") && self.quirks.cures(quirks::STALE_IMAGE)
    }

    fn insert_bodies(&self, machine: &Machine, image: &MediaImage) -> Vec<Value> {
        let mut bodies = Plain.insert_bodies(machine, image);
        if self.on(machine, quirks::IMAGE_ALONE) {
            bodies.truncate(1);
        }
        bodies
    }

    fn bios_pending(&self, current: &Attributes, settings: &Document) -> Option<Attributes> {
        if settings.at("Attributes").is_none() && !self.quirks.cures(quirks::NO_ATTRIBUTES) {
            return None;
        }
        Plain.bios_pending(current, settings)
    }

    fn bios_can_restage(&self) -> bool {
        !self.quirks.cures(quirks::PENDING_STAYS)
    }

    fn bios_registry(&self, registry: Document) -> Document {
        if self.quirks.cures(quirks::VALUE_NUMBERS) { bios::in_words(&registry) } else { registry }
    }

    fn bios_names(&self, wanted: &str, current: &Attributes, registry: Option<&Registry>) -> Vec<String> {
        if self.quirks.cures(quirks::NAME_NUMBERS) {
            bios::names(wanted, current, registry)
        } else {
            Plain.bios_names(wanted, current, registry)
        }
    }
}
