//! The table of everything in which Supermicro's BMCs differ, from the standard and among each other.
//!
//! Each cure asks for its row by name, so a row that is switched off leaves a driver that does not know of it: that is also
//! the way to say of one host that a row does not hold for it.

use std::{ops::Deref, sync::Arc};

use rackhand_bmc::{Quirk, Quirks, When};
use rackhand_redfish::{Host, Machine};

use crate::dialect::generation;

/// Declares each name once, as a constant that the cures use, and the table of all of them.
macro_rules! quirks {
    ($($name:ident = $text:literal, $when:expr, $seen:literal, $source:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        static TABLE: &[Quirk] = &[$(Quirk { name: $text, when: $when, seen: $seen, source: $source }),*];
    };
}

const ALWAYS: When = When::ALWAYS;
const ARS: When = When { models: &["ARS-111GL-NHR"], ..When::ALWAYS };

quirks! {
    // ---- answers
    LICENCE = "licence-not-passed",  ALWAYS,
        "what takes a licence (SFT-OOB-LIC, SFT-DCMS-SINGLE) is refused with OemLicenseNotPassed",
        "LRF: BIOS, SecureBoot, firmware on older boards";

    // ---- boot
    USB_CD = "virtual-cd-is-usb-cd", ALWAYS,
        "the virtual CD boots as UsbCd alone, also where Cd is among the targets",
        "sushy: X11, X12; RS lists both";
    PLAIN_CD = "virtual-cd-is-cd", ARS,
        "the virtual CD boots as Cd, though UsbCd is among the targets",
        "sushy bug: ARS-111GL-NHR";
    PXE_IS_NEXT = "pxe-reads-uefi-boot-next", ALWAYS,
        "in UEFI mode the target Pxe reads UefiBootNext once it is set",
        "LRF, CG";
    ENABLED_ALWAYS = "enabled-in-every-boot-write", ALWAYS,
        "whatever is written of Boot is refused without BootSourceOverrideEnabled, even unchanged",
        "sushy story 2008547";
    BOOT_ORDER = "boot-order-may-be-refused", ALWAYS,
        "BootOrder is shown, but some firmware answers PropertyUnknown to it and takes Oem FixedBootOrder alone",
        "LRF; RS shows both";

    // ---- virtual media
    EJECT_SHOWN = "eject-shown-while-inserted", ALWAYS,
        "a slot shows EjectMedia only while something is in it",
        "RS: an empty slot shows InsertMedia alone";
    IMAGE_ALONE = "insert-image-alone", ALWAYS,
        "Image is all that an insert needs, and some firmware refuses Inserted and WriteProtected",
        "RS: InsertMediaActionInfo; sushy; CG";
    STALE_IMAGE = "image-stays-after-eject", ALWAYS,
        "Image and ImageName stay after an eject: a slot is empty when ConnectedVia is NotConnected",
        "CG#6969, CG#7470";

    // ---- BIOS
    NAME_NUMBERS = "names-end-in-numbers", ALWAYS,
        "attribute names end in a number that changes with the BIOS (SR_IOVSupport_0047, TXTSupport#0062), and one setting can be several attributes",
        "LRF; RS: 202 names for 358 attributes";
    VALUE_NUMBERS = "registry-values-are-numbers", ALWAYS,
        "the registry names values by number; the attributes are read and written as the words people see",
        "RS: 336 of 336 live enumerations";
    NO_ATTRIBUTES = "nothing-pending-without-attributes", ALWAYS,
        "the settings object has no Attributes while nothing is pending",
        "RS: Bios/SD";
    PENDING_STAYS = "pending-stays", ALWAYS,
        "current values written over what is pending do not drop it",
        "LRF";

    // ---- firmware
    PUSH = "push-then-start", ALWAYS,
        "a file that is sent names its target and what to preserve, and is installed by StartUpdate after it was verified",
        "RS: MultipartHttpPushUri, UpdateService.StartUpdate; LRF; bmclib";
}

/// The table.
#[must_use]
pub fn quirks() -> &'static [Quirk] {
    TABLE
}

/// A row as it is cited.
pub(crate) fn cited(name: &str) -> String {
    TABLE.iter().find(|row| row.name == name).map(Quirk::to_string).unwrap_or_default()
}

/// Whether a row holds for a machine and its cure is to be used.
pub(crate) fn on(quirks: &Quirks, machine: &Machine, name: &str) -> bool {
    let firmware = machine.manager().and_then(|manager| manager.str("FirmwareVersion"));
    quirks.on(name, &generation(machine), firmware, machine.system.str("Model"))
}

/// A machine with the rows that are in force on it: what Supermicro's facets work with.
#[derive(Debug, Clone)]
pub(crate) struct Smc {
    pub(crate) host: Arc<Host>,
    quirks: Quirks,
}

impl Smc {
    pub(crate) fn new(host: &Arc<Host>, quirks: &Quirks) -> Self {
        Self { host: Arc::clone(host), quirks: quirks.clone() }
    }

    /// Whether the row of that name holds here and its cure is to be used.
    pub(crate) fn on(&self, name: &str) -> bool {
        on(&self.quirks, &self.host.machine, name)
    }
}

impl Deref for Smc {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rackhand_redfish::standard_quirks;

    use super::*;

    #[test]
    fn names_are_plain_and_unique_and_every_row_cites_its_source() {
        let mut seen: BTreeSet<&str> = standard_quirks().iter().map(|row| row.name).collect();
        for row in quirks() {
            assert!(row.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{row}");
            assert!(seen.insert(row.name), "{row} stands twice");
            assert!(!row.seen.is_empty() && !row.source.is_empty(), "{row}");
        }
    }
}
