//! The table of Cisco's differences: one row each, asked for by name where it is acted upon.

use rackhand_bmc::{Quirk, Quirks, When};
use rackhand_redfish::{Machine, View};

/// The generation of blades, whose CIMC has slots of the KVM beside its own and no XML API of its own.
pub(crate) const X_SERIES: &str = "CIMC (X-series)";
/// The generation of rack servers.
pub(crate) const RACK: &str = "CIMC";

const fn row(name: &'static str, when: When, seen: &'static str, source: &'static str) -> Quirk {
    Quirk { name, when, seen, source }
}

const ALWAYS: When = When::ALWAYS;
const BLADES: When = When::generations(&[X_SERIES]);
const BEFORE_4_3: When = When::ALWAYS.before("4.3");

/// Cisco's differences that the driver acts upon.
#[must_use]
pub fn quirks() -> &'static [Quirk] {
    &TABLE
}

static TABLE: [Quirk; 20] = [
    row(
        "adapters-are-managers",
        ALWAYS,
        "VIC adapters are Managers beside the CIMC, with a Reset that allows nothing",
        "ISV: C220 M5 4.1(3d)",
    ),
    row(
        "override-without-mode",
        ALWAYS,
        "a boot override has no BootSourceOverrideMode",
        "ISV: 4.1(2g) to 4.2(2a)",
    ),
    row(
        "post-completion-status",
        ALWAYS,
        "Oem.Cisco.PostCompletionStatus says whether POST is over; there is no BootProgress",
        "ISV: C220 M4 to C225 M6",
    ),
    row(
        "kvm-slots-refuse-images",
        BLADES,
        "slots 0 to 2 are the KVM's: they advertise InsertMedia and answer it with 400",
        "ISV2: UCSX-210c; ironic bugs 2031595 and 2039042",
    ),
    row(
        "mapped-dvd-is-last",
        BLADES,
        "the one slot that takes an image by URL is the last, named CIMC-Mapped vDVD, of type DVD alone",
        "ISV2: UCSX-210c; ironic bugs 2031595 and 2039042",
    ),
    row(
        "insert-wants-everything",
        ALWAYS,
        "InsertMedia is seen to work with Inserted, WriteProtected, TransferProtocolType and TransferMethod; which may be left out is not",
        "ISV2: the workflow that mounts images",
    ),
    row(
        "media-by-xml",
        ALWAYS,
        "slots without InsertMedia, or that answer 405 to it; the XML API maps images since 1.5",
        "SDK: commVMediaMap; ironic: note cisco-c845a",
    ),
    row(
        "mapping-fails-later",
        ALWAYS,
        "InsertMedia succeeds and the mapping fails afterwards; only commVMediaMap.mappingStatus of the XML API says why",
        "ISV2: polls Inserted for 30 s; SDK: mappingStatus \"ERROR ...\"",
    ),
    row(
        "bios-flat-body",
        ALWAYS,
        "the guide's example writes BIOS tokens to Bios itself, without an Attributes object",
        "G41: PATCH of Bios",
    ),
    row(
        "bios-pending-hidden",
        BEFORE_4_3,
        "BIOS settings that wait for a reset are nowhere to be read",
        "ISV: 4.1(2g) to 4.2(2a); G41 (?)",
    ),
    row(
        "bios-by-xml",
        ALWAYS,
        "a System without Bios; the XML API has every token as an object below bios-settings",
        "SDK: biosSettings",
    ),
    row(
        "boot-by-xml",
        ALWAYS,
        "boot mode, boot order and precise one-time devices are the XML API's alone",
        "ISV: 4.1(2g) to 4.2(2a); SDK: lsbootDevPrecision since 2.0, oneTimePrecisionBootDevice since 3.0(1c)",
    ),
    row(
        "secure-boot-by-xml",
        ALWAYS,
        "a System without SecureBoot; the XML API has lsbootBootSecurity since 2.0",
        "SDK: lsbootBootSecurity",
    ),
    row(
        "partial-inventory",
        ALWAYS,
        "with the host off storage may be listed in part: Oem.Cisco.InventoryState is PartialInventoryReady",
        "ISV: C220 M5",
    ),
    row(
        "drive-state-oem",
        ALWAYS,
        "what a drive is used for stands in Oem.Cisco.DriveState alone",
        "ISV: Jbod, UnConfiguredGood, Online",
    ),
    row("spans-oem", ALWAYS, "the drives of a volume stand in Links.Oem.Cisco.Spans", "ISV: C220 M5 MRAID"),
    row(
        "m2-mirrors-only",
        ALWAYS,
        "the M.2 controller MSTOR-RAID makes one RAID 1 and nothing else",
        "ISV: UCS-M2-HWRAID",
    ),
    row(
        "volumes-by-xml",
        ALWAYS,
        "what a POST of a Volume must hold is not known; the XML API's storageVirtualDriveCreatorUsingUnusedPhysicalDrive is",
        "SDK: storage classes since 2.0; Redfish (?)",
    ),
    row(
        "image-without-scheme",
        ALWAYS,
        "SimpleUpdate wants ImageURI as HOST:/PATH, not as a URL",
        "ISV: C220 M5 4.1(3d)",
    ),
    row(
        "no-ethernet-interfaces",
        ALWAYS,
        "a System without EthernetInterfaces, so that its addresses stand with its network adapters alone",
        "ironic: note on UCS B and X-series",
    ),
];

/// The generation of a machine: firmware generations are not named, and blades are told from rack servers by their model.
pub(crate) fn generation(machine: &Machine) -> &'static str {
    let model = machine.system.str("Model").unwrap_or_default();
    if model.starts_with("UCSX") { X_SERIES } else { RACK }
}

/// Whether a quirk is found on a machine and its cure is to be used.
pub(crate) fn on(quirks: &Quirks, machine: &Machine, name: &str) -> bool {
    let firmware = machine.manager().and_then(|manager| manager.str("FirmwareVersion"));
    quirks.on(name, generation(machine), firmware, machine.system.str("Model"))
}

/// The action of a view that advertises nothing to choose from.
pub(crate) fn allows_nothing(action: View<'_>, parameter: &str) -> bool {
    action
        .at(&format!("{parameter}@Redfish.AllowableValues"))
        .is_some_and(|values| values.list("").is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own_and_says_what_was_seen() {
        let names: BTreeSet<&str> = quirks().iter().map(|quirk| quirk.name).collect();
        assert_eq!(names.len(), quirks().len());
        for quirk in quirks() {
            assert!(
                quirk.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{quirk}"
            );
            assert!(!quirk.seen.is_empty() && !quirk.source.is_empty(), "{quirk}");
        }
    }
}
