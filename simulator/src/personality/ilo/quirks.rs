//! The documented differences of iLO 5 and 6.

use super::facts::Generation;
use crate::personality::Quirk;

/// Firmware captured from hardware.
const CAPTURED: &str = "DL385 Gen10 Plus v2 (iLO 5 2.72) and DL380a Gen11 (iLO 6 1.66), as captured";

/// The last two are of iLO 6 only.
static ALL: [Quirk; 22] = [
    Quirk {
        name: "small-session-table",
        seen: "few sessions; a full table answers SessionLimitExceeded until one expires",
        source: "HPE's Redfish documentation, page on authentication; the size is this simulator's",
    },
    Quirk { name: "session-timeout-30", seen: "SessionTimeout reads 30 and means minutes", source: CAPTURED },
    Quirk {
        name: "login-failure-delay",
        seen: "from the second wrong password on, the refusal comes 10 s late; nothing is locked",
        source: "AuthFailureDelayTimeSeconds 10 and AuthFailuresBeforeDelay 1, as captured",
    },
    Quirk {
        name: "closes-connections",
        seen: "the connection is closed after each answer",
        source: "NVIDIA bare-metal-manager-core, for iLO before 7",
    },
    Quirk {
        name: "messages-without-text",
        seen: "errors have MessageId and MessageArgs only, under the code iLO.0.10.ExtendedInfo; success has such a body too",
        source: CAPTURED,
    },
    Quirk {
        name: "registry-gzip-only",
        seen: "the attribute registry's document is sent gzip-compressed; asked for identity it answers 406",
        source: "OpenStack sushy",
    },
    Quirk {
        name: "media-attaches-later",
        seen: "InsertMedia answers 200 also for an image that cannot be read; only Inserted and ConnectedVia tell, some seconds later",
        source: "HewlettPackard/redfish-utility issues 1 and 2",
    },
    Quirk {
        name: "image-suffix",
        seen: "Image has to be an http or https URL that ends in .iso, .bin or .img",
        source: "HPE's Redfish documentation",
    },
    Quirk {
        name: "eject-needs-body",
        seen: "EjectMedia without a JSON body is refused",
        source: "HPE's Redfish documentation; OpenStack sushy",
    },
    Quirk {
        name: "eject-empty-400",
        seen: "EjectMedia of an empty slot answers 400 NoScriptedVirtualMediaConnectionAvailable",
        source: "iLO message registry 2.30",
    },
    Quirk { name: "empty-image-text", seen: "an empty slot has Image \"\", not null", source: CAPTURED },
    Quirk {
        name: "no-boot-change-in-post",
        seen: "PATCH of Boot during POST answers 400 UnableToModifyDuringSystemPOST",
        source: "OpenStack ironic, bug 2136275",
    },
    Quirk {
        name: "busy-after-power",
        seen: "a power action within seconds of another answers 400 InvalidOperationForSystemState",
        source: "OpenStack sushy, which sends it again",
    },
    Quirk {
        name: "bios-judged-in-post",
        seen: "any attribute is accepted; POST judges, and Messages beside the current settings begin with Success whatever follows",
        source: "HPE's Redfish documentation, page on error responses; DL360 Gen12 as captured",
    },
    Quirk {
        name: "pending-is-full",
        seen: "the pending settings hold every attribute, changed or not",
        source: CAPTURED,
    },
    Quirk {
        name: "bios-paths-lower-case",
        seen: "links to the BIOS are lower case, some with a trailing slash",
        source: CAPTURED,
    },
    Quirk {
        name: "boot-on-next-reset",
        seen: "Oem.Hpe.BootOnNextServerReset of the CD slot boots it once; the reset after that ejects it",
        source: "HPE's Redfish documentation; captured on slot 2 only",
    },
    Quirk {
        name: "boot-mode-is-bios-setting",
        seen: "BootSourceOverrideMode shows the BIOS setting BootMode (Uefi, LegacyBios), which is changed in POST alone",
        source: CAPTURED,
    },
    Quirk {
        name: "firmware-kind-in-description",
        seen: "Description says what a firmware belongs to: SystemBMC, SystemRomActive",
        source: CAPTURED,
    },
    Quirk {
        name: "update-without-task",
        seen: "an accepted SimpleUpdate names no task: Oem.Hpe of the UpdateService has State and FlashProgressPercent",
        source: "HPE's Redfish documentation; ilorest",
    },
    Quirk {
        name: "volume-display-name",
        seen: "a volume's given name is DisplayName; Name is the controller's (MR Volume 239)",
        source: "DL380a Gen11 (iLO 6 1.66), as captured",
    },
    Quirk {
        name: "storage-after-discovery",
        seen: "drives and volumes show once device discovery of POST is complete",
        source: "HPE's Redfish documentation, page on RDE",
    },
];

/// A generation's.
pub(super) fn of(generation: Generation) -> &'static [Quirk] {
    match (generation, ALL.split_last_chunk::<2>()) {
        (Generation::Five, Some((shared, _))) => shared,
        _ => &ALL,
    }
}
