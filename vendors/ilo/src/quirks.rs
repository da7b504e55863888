//! The table of everything in which iLOs differ, from the standard and among each other.
//!
//! Each cure asks for its row by name, so a row that is switched off leaves a driver that does not know of it. Firmware
//! begins anew with each generation and is never compared across them.

use std::{ops::Deref, sync::Arc};

use rackhand_bmc::{Error, ErrorKind, Quirk, Quirks, When};
use rackhand_redfish::{Document, Host, Machine};

use crate::generation::Generation;

/// Declares each name once, as a constant that the cures use, and the table of all of them.
macro_rules! quirks {
    ($($name:ident = $text:literal, $when:expr, $seen:literal, $source:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        static TABLE: &[Quirk] = &[$(Quirk { name: $text, when: $when, seen: $seen, source: $source }),*];
    };
}

const ALWAYS: When = When::ALWAYS;
const BEFORE_6: When = When::generations(&["iLO 4", "iLO 5"]);

quirks! {
    // ---- identity and answers
    MESSAGE_IDS = "ilo-messages", ALWAYS,
        "what went wrong stands in the iLO's own message ids, versioned by registry, mostly below 400",
        "HD: errorresponses; sushy; ilorest";

    // ---- power
    POST_STATE = "post-state", ALWAYS,
        "Oem.Hpe.PostState tells of POST; iLO 5 has no BootProgress, and on iLO 7 it stays None through POST",
        "R5a, R5b, R7";
    STATE_REFUSED = "state-refused-or-reached", ALWAYS,
        "InvalidOperationForSystemState is said of a state that is reached already and shortly after another operation",
        "sushy";

    // ---- boot
    OVERRIDE_MODE = "override-without-mode", ALWAYS,
        "some iLOs refuse BootSourceOverrideMode as not writable, even unchanged; Gen9 does not have it",
        "CG#3509; HD";
    OVERRIDE_NONE = "override-none-refused", ALWAYS,
        "the target None is refused: an override is taken back by Enabled alone",
        "metal-operator PR#998";
    BOOT_MODE = "boot-mode-is-bios-setting", BEFORE_6,
        "the boot mode is the BIOS setting BootMode (Uefi, LegacyBios); Gen11 and Gen12 boot UEFI only and have none",
        "registries A42, A43, U46 have it, U58, U68, U71 have not; HD";
    BOOT_ORDER = "boot-order-by-names", ALWAYS,
        "a settings resource below Bios holds PersistentBootConfigOrder, by names such as NIC.Slot.5.1.Httpv4; older iLOs show no BootOrder",
        "R5b, R6, R7; prox; HD";

    // ---- virtual media
    NO_LADDER = "insert-least-form", ALWAYS,
        "the URL is all that an insert needs, and no further property mends a refusal; iLO 4 refuses Inserted and WriteProtected",
        "HD; sushy";
    OEM_INSERT = "media-by-oem-action", BEFORE_6,
        "iLO 4 and early iLO 5 insert and eject by HPE's own actions alone",
        "prox: vmedia of iLO 5 1.x; sushy: iLO 4";
    IMAGE_SUFFIX = "image-suffix", ALWAYS,
        "an image's URL is http or https and ends in .iso, .bin or .img; there is no NFS or CIFS",
        "HD: VirtualMedia";
    MEDIA_LICENCE = "media-needs-licence", ALWAYS,
        "images by URL take iLO Advanced; the Manager names the licence",
        "HD; R5 to R7: Oem.Hpe.License.LicenseString";

    // ---- BIOS
    PROFILE_FIRST = "workload-profile-first", ALWAYS,
        "WorkloadProfile is a state that sets and locks other attributes, so it goes in a stage of its own",
        "registries A43, U46, U58, U68, U72";
    PROFILE_LOCKS = "workload-profile-locks", ALWAYS,
        "LowLatency turns SR-IOV and VT-d off and locks them: with both wanted, what it sets is written by name under Custom, which locks nothing",
        "registries A43, U46, U58, U68, U72; HPE's advice for RAN nodes";
    SETTINGS_MESSAGES = "settings-begin-with-success", ALWAYS,
        "@Redfish.Settings.Messages begin with Success whatever follows; only a message that names an attribute is of it",
        "R7: Success, then PropertyUnknown of IntelProcVtd; HD: biosDoc";

    // ---- storage
    DISCOVERY = "storage-after-discovery", ALWAYS,
        "storage is complete only once DeviceDiscoveryComplete.DeviceDiscovery is vMainDeviceDiscoveryComplete",
        "HD: rdeSupport; R5b, R6, R7";
    SMART_STORAGE = "smart-storage", BEFORE_6,
        "array controllers without Redfish Volumes stand in SmartStorage; iLO 5 changes them through SmartStorageConfig, at the next reset",
        "HD: storage; prox; R5b; libredfish: iLO 4 P440";
    DISPLAY_NAME = "volume-display-name", ALWAYS,
        "a volume's given name is DisplayName, of at most 15 characters; Name is the controller's (MR Volume 239)",
        "R5b, R6";
    EMPTY_BAYS = "empty-bays-are-drives", ALWAYS,
        "an empty bay stands among the drives, with State Absent",
        "R6";
    NS204I = "ns204i-keeps-its-volume", ALWAYS,
        "the boot device NS204i refuses DELETE of its volume; Volume.ResetToDefaults and Drive.SecureErase remake it",
        "HD: rdeSupport, storage";

    // ---- firmware
    FIRMWARE_KIND = "firmware-kind-in-description", ALWAYS,
        "Description says what a firmware belongs to: SystemBMC, SystemRomActive, and SystemRomBackup, which is not in force",
        "R5a, R5b, R6, R7";
    SMART_COMPONENT = "no-smart-component", ALWAYS,
        "SimpleUpdate takes raw images (.bin, .flash, .fwpkg), not Smart Components (.exe)",
        "HD: updating firmware";
    NO_TASK = "update-without-task", ALWAYS,
        "an accepted update names no usable task: UpdateService.Oem.Hpe has State and FlashProgressPercent",
        "HD; ilorest; R7";
    RESET_REQUIRED = "reset-required-is-success", ALWAYS,
        "SystemResetRequired and ResetRequired stand in the answer to what was accepted and takes a reset",
        "HD; ilorest";

    // ---- manager and jobs
    REST_STATE = "rest-state-stuck", ALWAYS,
        "pending REST configuration that is stuck goes with HpeiLO.ClearRestApiState",
        "R7; libredfish: iLO 4 2.55";
}

/// The table.
#[must_use]
pub fn quirks() -> &'static [Quirk] {
    TABLE
}

/// Whether a row holds for a machine and its cure is to be used.
pub(crate) fn on(quirks: &Quirks, machine: &Machine, name: &str) -> bool {
    let firmware = machine.manager().and_then(|manager| manager.str("FirmwareVersion"));
    quirks.on(name, &Generation::of(machine).to_string(), firmware, machine.system.str("Model"))
}

/// A text of HPE's own part of a resource; iLO 4 calls it `Hp`.
pub(crate) fn oem<'a>(document: &'a Document, path: &str) -> Option<&'a str> {
    document.str(&format!("Oem/Hpe/{path}")).or_else(|| document.str(&format!("Oem/Hp/{path}")))
}

/// A link below `at`: iLO 4 writes `links` and `href` for what later ones write as `Links` and `@odata.id`.
pub(crate) fn hp_link<'a>(document: &'a Document, at: &str, name: &str) -> Option<&'a str> {
    let slash = if at.is_empty() { "" } else { "/" };
    document
        .link(&format!("{at}{slash}Links/{name}"))
        .or_else(|| document.link(&format!("{at}{slash}links/{name}")))
        .or_else(|| document.str(&format!("{at}{slash}links/{name}/href")))
}

/// A link below HPE's own part of a resource.
pub(crate) fn oem_link<'a>(document: &'a Document, name: &str) -> Option<&'a str> {
    hp_link(document, "Oem/Hpe", name).or_else(|| hp_link(document, "Oem/Hp", name))
}

/// A machine with the rows that are in force on it: what HPE's facets work with.
#[derive(Debug, Clone)]
pub(crate) struct Hpe {
    host: Arc<Host>,
    quirks: Quirks,
}

impl Hpe {
    pub(crate) fn new(host: &Arc<Host>, quirks: &Quirks) -> Self {
        Self { host: Arc::clone(host), quirks: quirks.clone() }
    }

    /// Whether the row of that name holds here and its cure is to be used.
    pub(crate) fn on(&self, name: &str) -> bool {
        on(&self.quirks, &self.host.machine, name)
    }

    /// A refusal of a value before it is sent.
    pub(crate) fn refused(&self, property: &str, why: String) -> Error {
        self.client.error(ErrorKind::RejectedValue { properties: vec![property.to_owned()] }, why)
    }

    /// That it cannot be done here.
    pub(crate) fn cannot(&self, why: String) -> Error {
        self.client.error(ErrorKind::Unsupported, why)
    }
}

impl Deref for Hpe {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_plain_and_unique_and_every_row_cites_its_source() {
        let mut seen = BTreeSet::new();
        for row in quirks() {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(row.name.chars().all(plain), "{row}");
            assert!(seen.insert(row.name), "{row} stands twice");
            assert!(!row.seen.is_empty() && !row.source.is_empty(), "{row}");
        }
    }

    #[test]
    fn smart_storage_ends_with_ilo_5() {
        let row = quirks().iter().find(|row| row.name == SMART_STORAGE).unwrap();
        for (generation, holds) in [("iLO 4", true), ("iLO 5", true), ("iLO 6", false), ("iLO 7", false)] {
            assert_eq!(row.when.holds(generation, None, None), holds, "{generation}");
        }
    }
}
