//! The documented differences of the iLOs, from the standard and among each other: each a behaviour that can be switched
//! off.

use std::sync::LazyLock;

use super::facts::Generation::{self, Five, Four, Seven, Six};
use crate::personality::Quirk;

/// Firmware captured from hardware.
const CAPTURED: &str = "DL385 Gen10 Plus v2 (iLO 5 2.72) and DL380a Gen11 (iLO 6 1.66), as captured";
const CAPTURED_6: &str = "DL380a Gen11 (iLO 6 1.66), as captured";
const CAPTURED_7: &str = "DL360 Gen12 (iLO 7 1.14), as captured";
const DOCUMENTED: &str = "HPE's Redfish documentation";
const ADAPTATION: &str = "HPE's guide for adapting from iLO 4 to iLO 5";

const ALL: &[Generation] = &Generation::ALL;
const SINCE_5: &[Generation] = &[Five, Six, Seven];
const SINCE_6: &[Generation] = &[Six, Seven];
const BEFORE_7: &[Generation] = &[Four, Five, Six];

type Row = (&'static [Generation], &'static str, &'static str, &'static str);

/// On which, name, what is seen, source.
const ROWS: &[Row] = &[
    // ---- sessions and answers
    (
        ALL,
        "small-session-table",
        "few sessions; a full table answers SessionLimitExceeded until one expires",
        "HPE's Redfish documentation, page on authentication; the size is this simulator's",
    ),
    (ALL, "session-timeout-30", "SessionTimeout reads 30 and means minutes", CAPTURED),
    (
        ALL,
        "login-failure-delay",
        "from the second wrong password on, the refusal comes 10 s late; nothing is locked",
        "AuthFailureDelayTimeSeconds 10 and AuthFailuresBeforeDelay 1, as captured",
    ),
    (
        BEFORE_7,
        "closes-connections",
        "the connection is closed after each answer",
        "NVIDIA bare-metal-manager-core, for iLO before 7",
    ),
    (
        SINCE_6,
        "basic-unadvertised",
        "Basic credentials are taken, and no WWW-Authenticate says so: HTTPBasicAuth is Unadvertised",
        "DL380a Gen11 (iLO 6 1.66) and DL360 Gen12 (iLO 7 1.14), as captured",
    ),
    (
        ALL,
        "messages-without-text",
        "errors have MessageId and MessageArgs only, under the code iLO.0.10.ExtendedInfo; success has such a body too",
        CAPTURED,
    ),
    (
        &[Four],
        "legacy-without-odata-version",
        "a request without an OData-Version header is answered in both forms: links with href beside @odata.id, and MessageID for MessageId",
        ADAPTATION,
    ),
    // ---- power
    (
        ALL,
        "busy-after-power",
        "a power action within seconds of another answers 400 InvalidOperationForSystemState",
        "OpenStack sushy, which sends it again",
    ),
    (
        &[Seven],
        "boot-progress-none",
        "the System has a BootProgress whose LastState stays None; PostState alone tells",
        CAPTURED_7,
    ),
    (
        &[Seven],
        "firmware-version-plain",
        "the Manager's FirmwareVersion begins with the number, without iLO 7 before it",
        CAPTURED_7,
    ),
    // ---- boot
    (
        ALL,
        "no-boot-change-in-post",
        "PATCH of Boot during POST answers 400 UnableToModifyDuringSystemPOST",
        "OpenStack ironic, bug 2136275",
    ),
    (
        ALL,
        "override-target-none",
        "the override target None is shown, and refused when written; Enabled is refused until there is a target",
        "ironcore-dev/metal-operator pull request 998; HPE's Redfish documentation",
    ),
    (
        SINCE_5,
        "override-mode-read-only",
        "BootSourceOverrideMode reflects how the host boots; a PATCH that has it is refused",
        "community.general issue 3509; HPE's guide for adapting from iLO 4 to iLO 5",
    ),
    (
        &[Four],
        "no-override-mode",
        "Boot has no BootSourceOverrideMode",
        "OpenStack proliantutils, samples of Gen9",
    ),
    (
        SINCE_5,
        "no-http-boot-uri",
        "HttpBootUri is refused: the BIOS attribute UrlBootFile names what UefiHttp boots",
        "stmcginnis/gofish issue 507; NVIDIA/libredfish",
    ),
    (
        &[Five, Six],
        "boot-mode-is-bios-setting",
        "BootSourceOverrideMode shows the BIOS setting BootMode (Uefi, LegacyBios), which is changed in POST alone",
        CAPTURED,
    ),
    (
        &[Four],
        "boot-order-in-bios",
        "Boot has no BootOrder; PersistentBootConfigOrder of bios/boot is the only order",
        "OpenStack proliantutils; HPE's Redfish documentation",
    ),
    // ---- virtual media
    (
        ALL,
        "media-needs-license",
        "an image by URL without an iLO Advanced license is refused with LicenseKeyRequired",
        DOCUMENTED,
    ),
    (
        ALL,
        "media-attaches-later",
        "InsertMedia answers 200 also for an image that cannot be read; only Inserted and ConnectedVia tell, some seconds later",
        "HewlettPackard/redfish-utility issues 1 and 2",
    ),
    (
        ALL,
        "media-occupied-400",
        "an image over another is refused with MaxVirtualMediaConnectionEstablished, not swapped",
        "iLO message registry 2.30",
    ),
    (
        ALL,
        "image-suffix",
        "Image has to be an http or https URL that ends in .iso, .bin or .img; there is no NFS or CIFS",
        DOCUMENTED,
    ),
    (
        SINCE_5,
        "eject-needs-body",
        "EjectMedia without a JSON body is refused",
        "HPE's Redfish documentation; OpenStack sushy",
    ),
    (
        ALL,
        "eject-empty-400",
        "EjectMedia of an empty slot answers 400 NoScriptedVirtualMediaConnectionAvailable",
        "iLO message registry 2.30",
    ),
    (ALL, "empty-image-text", "an empty slot has Image \"\", not null", CAPTURED),
    (
        ALL,
        "boot-on-next-reset",
        "Oem's BootOnNextServerReset of the CD slot boots it once; the reset after that ejects it",
        "HPE's Redfish documentation; captured on slot 2 only",
    ),
    (
        &[Four],
        "boot-flag-before-insert",
        "BootOnNextServerReset is refused with UnableToModifyAfterVirtualMediaInsert once there is an image",
        "HPE's Redfish documentation, for older firmware",
    ),
    (
        &[Four],
        "media-by-hp-actions",
        "there are InsertVirtualMedia and EjectVirtualMedia below Oem.Hp, and no standard actions",
        "OpenStack sushy; HPE's iLO 4 API reference",
    ),
    (
        &[Four],
        "insert-takes-image-only",
        "an insert with Inserted or WriteProtected is refused",
        "OpenStack sushy, which leaves them out",
    ),
    // ---- BIOS
    (
        ALL,
        "registry-gzip-only",
        "the attribute registry's document is sent gzip-compressed; asked for identity it answers 406",
        "OpenStack sushy",
    ),
    (
        &[Four],
        "registry-extref",
        "Location of a registry has its path as Uri.extref",
        "OpenStack sushy; HPE's guide for adapting from iLO 4 to iLO 5",
    ),
    (
        ALL,
        "bios-judged-in-post",
        "any attribute is accepted; POST judges, and the messages beside the current settings have Success whatever else they say",
        "HPE's Redfish documentation, page on error responses; DL360 Gen12 as captured",
    ),
    (ALL, "pending-is-full", "the pending settings hold every attribute, changed or not", CAPTURED),
    (ALL, "bios-paths-lower-case", "links to the BIOS are lower case, some with a trailing slash", CAPTURED),
    (
        &[Four],
        "bios-at-top-level",
        "the BIOS's attributes are properties of the resource itself, linked from Oem.Hp alone; SettingsResult tells the outcome",
        "HPE's guide for adapting from iLO 4 to iLO 5; OpenStack proliantutils, samples of Gen9",
    ),
    (
        SINCE_5,
        "workload-profile-locks",
        "a WorkloadProfile is a state: it sets attributes, and locks them until the profile is Custom",
        "attribute registries U46, U58 and U68: dependencies on WorkloadProfile",
    ),
    (
        ALL,
        "settings-stick-until-cleared",
        "settings that do not come into force, as with the fault of stuck jobs, stay until ClearRestApiState drops them",
        "HPE's Redfish documentation, ClearRestApiState and ClearRestApiStatus",
    ),
    // ---- storage
    (
        &[Five],
        "smart-storage-config",
        "volumes are made and deleted by PUT of smartstorageconfig/settings, in the next POST",
        "HPE's Redfish documentation, SmartStorage configuration",
    ),
    (
        &[Five],
        "data-guard",
        "DataGuard Strict changes no volume, Permissive deletes only those with LogicalDriveDelete, Disabled also those left out",
        "HPE's Redfish documentation, SmartStorage configuration",
    ),
    (
        SINCE_6,
        "volume-display-name",
        "a volume's given name is DisplayName; Name is the controller's (MR Volume 239)",
        CAPTURED_6,
    ),
    (
        SINCE_6,
        "storage-after-discovery",
        "drives and volumes show once device discovery of POST is complete",
        "HPE's Redfish documentation, page on RDE",
    ),
    (SINCE_6, "empty-bays", "an empty bay is a drive named Empty Bay with the State Absent", CAPTURED_6),
    (
        SINCE_6,
        "ns204i-no-delete",
        "the volume of an NS204i boot device has no DELETE: ResetToDefaults, SecureErase of its drives and a reboot make it anew",
        "HPE's Redfish documentation, page on RDE",
    ),
    // ---- firmware
    (
        SINCE_5,
        "firmware-kind-in-description",
        "Description says what a firmware belongs to: SystemBMC, SystemRomActive",
        CAPTURED,
    ),
    (
        SINCE_5,
        "redundant-rom",
        "the inventory lists a Redundant System ROM (SystemRomBackup) that holds the version before the last update",
        CAPTURED,
    ),
    (
        SINCE_5,
        "no-smart-component",
        "SimpleUpdate refuses a Smart Component (.exe): it takes raw images",
        DOCUMENTED,
    ),
    (
        SINCE_5,
        "update-without-task",
        "an accepted SimpleUpdate names no task: Oem.Hpe of the UpdateService has State and FlashProgressPercent",
        "HPE's Redfish documentation; ilorest",
    ),
];

static TABLES: LazyLock<Vec<(Generation, Vec<Quirk>)>> = LazyLock::new(|| {
    let of = |generation| {
        let rows = ROWS.iter().filter(|row| row.0.contains(&generation));
        rows.map(|(_, name, seen, source)| Quirk { name, seen, source }).collect()
    };
    Generation::ALL.into_iter().map(|generation| (generation, of(generation))).collect()
});

/// The quirks of a generation.
pub(super) fn of(generation: Generation) -> &'static [Quirk] {
    TABLES.iter().find(|(one, _)| *one == generation).map_or(&[], |(_, quirks)| quirks)
}
