//! The documented differences of each server.

use super::facts::Generation;
use crate::personality::Quirk;

/// Trees read from hardware.
const TREES: &str = "akaliwod/iserver, trees of C220 and C240 M4 to M6 on IMC 4.1 and 4.2";
/// The SDK's metadata of the XML API.
const SDK: &str = "CiscoUcs/imcsdk";
/// Trees of the blade.
const BLADE: &str = "akaliwod/iserver, tree of a UCSX-210c M6";
/// What the REST guide says.
const GUIDE: &str =
    "Cisco's C-Series REST API guide for 4.1, by a digest; the trees have no settings resource";

const fn quirk(name: &'static str, seen: &'static str, source: &'static str) -> Quirk {
    Quirk { name, seen, source }
}

const NO_BOOT_MODE: Quirk = quirk(
    "no-boot-mode",
    "Boot has BootSourceOverrideEnabled and Target only; BootSourceOverrideMode is no property",
    TREES,
);
const NO_BOOT_ORDER: Quirk =
    quirk("no-boot-order", "there is no BootOrder, and there are no BootOptions", TREES);
const BIOS_DIRECT: Quirk = quirk(
    "bios-direct",
    "no @Redfish.Settings: tokens are written by PATCH of the Bios itself, and what waits for POST is not shown",
    GUIDE,
);
const BIOS_FLAT: Quirk = quirk(
    "bios-flat",
    "the PATCH of the Bios takes tokens flat, as the guide shows it, as well as in Attributes; the value \"default\" restores a token",
    GUIDE,
);
const MAPPED_LATER: Quirk = quirk(
    "media-mapped-later",
    "InsertMedia answers at once; the slot reads empty until the image is mapped, and stays so when it cannot be",
    "datacenter/iserver, which polls Inserted for up to 30 s",
);
const SLOT_ORDER: Quirk =
    quirk("slot-order", "the virtual media collection lists 1 before 0 at times", TREES);
const PROSE: Quirk = quirk("prose-allowable-values", "AllowableValues of InsertMedia hold sentences", TREES);
const SLOT_STATUS: Quirk = quirk(
    "slot-status-disabled",
    "a slot reads Status.State Disabled while nothing is mapped",
    "akaliwod/iserver, tree of a C220 M6 on IMC 4.2(2a)",
);
const ADAPTER: Quirk = quirk(
    "adapter-among-managers",
    "Managers lists the VIC adapter beside CIMC, with a Reset that allows no value",
    TREES,
);
const RESET_FORCED: Quirk =
    quirk("manager-reset-forced", "Manager.Reset takes ForceRestart and nothing else", TREES);
const PARTIAL: Quirk = quirk(
    "partial-inventory-when-off",
    "Oem.Cisco.InventoryState reads PartialInventoryReady with the host off, and storage shows no drives",
    TREES,
);
const SPANS: Quirk = quirk(
    "volume-spans",
    "a volume names its drives span by span in Links.Oem.Cisco.Spans, and a new one may be asked for so; Links has no Drives",
    TREES,
);
const BLANK: Quirk =
    quirk("durable-name-blank", "the DurableName of a drive or volume ends in a blank", TREES);
const NAMES_VENDOR: Quirk = quirk(
    "root-names-vendor",
    "the service root has Vendor and Product; older firmware (M4 and M5 up to 4.1) has neither",
    "akaliwod/iserver, tree of a C225 M6 on IMC 4.2(2a)",
);
const IMAGE_URI: Quirk = quirk(
    "image-uri-host-path",
    "SimpleUpdate takes an ImageURI as HOST:/PATH with a TransferProtocol, for the targets CIMC and BIOS only; a URL is refused",
    TREES,
);
const ACTIVATE: Quirk = quirk(
    "activate-apart",
    "an image that SimpleUpdate has taken is in force only after BmcFwActivate or BiosFwActivate",
    TREES,
);
const XML_API: Quirk = quirk(
    "xml-api",
    "POST /nuova takes the XML API: precise boot order, mappings, BIOS tokens, storage; without it there is nothing at that path",
    SDK,
);
const COOKIE: Quirk = quirk(
    "cookie-needs-refresh",
    "a cookie of the XML API is good for the refresh period of 600 s, however it is used; aaaRefresh gives out another and ends it",
    "CiscoUcs/imcsdk, which refreshes 60 s before the period ends and sends the new cookie from then on",
);
const ONE_MAP: Quirk = quirk(
    "one-map-per-drive-type",
    "a second mapping of a kind of drive is refused while there is one, also one that failed",
    "CiscoUcs/imcsdk, which deletes the mappings of that kind first",
);

static OF_M6: [Quirk; 21] = [
    NAMES_VENDOR,
    NO_BOOT_MODE,
    NO_BOOT_ORDER,
    BIOS_DIRECT,
    BIOS_FLAT,
    MAPPED_LATER,
    SLOT_ORDER,
    PROSE,
    quirk(
        "empty-fields-omitted",
        "an empty slot has no Image and no ImageName; 4.1(2) has them as null",
        TREES,
    ),
    SLOT_STATUS,
    ADAPTER,
    RESET_FORCED,
    PARTIAL,
    SPANS,
    BLANK,
    IMAGE_URI,
    ACTIVATE,
    quirk("no-push", "there is no MultipartHttpPushUri: the CIMC fetches every image itself", TREES),
    XML_API,
    COOKIE,
    ONE_MAP,
];

static OF_M4: [Quirk; 20] = [
    quirk(
        "root-without-vendor",
        "the service root has neither Vendor nor Product: its Name, the Manager's Id and the System's manufacturer tell",
        TREES,
    ),
    quirk(
        "no-insert-media",
        "a slot has no action InsertMedia: an image is mapped by the XML API",
        "OpenStack ironic, note on Cisco servers",
    ),
    quirk(
        "insert-answers-405",
        "a POST to where InsertMedia would be answers 405",
        "OpenStack ironic, note on Cisco servers",
    ),
    quirk(
        "no-graceful-restart",
        "ComputerSystem.Reset has no GracefulRestart",
        "akaliwod/iserver, tree of a C220 M4S on IMC 4.1(2g)",
    ),
    quirk(
        "slot-hba-ids",
        "drives are PD-1 and volumes VD-0, where the XML API counts 1 and 0",
        "akaliwod/iserver, tree of a C220 M4S on IMC 4.1(2g)",
    ),
    quirk(
        "old-schema-paths",
        "@odata.context is $metadata#Systems/Members/$entity, and a volume is of Volume.v1_0_3",
        "akaliwod/iserver, tree of a C220 M4S on IMC 4.1(2g)",
    ),
    NO_BOOT_MODE,
    NO_BOOT_ORDER,
    BIOS_DIRECT,
    BIOS_FLAT,
    MAPPED_LATER,
    SLOT_ORDER,
    ADAPTER,
    RESET_FORCED,
    PARTIAL,
    IMAGE_URI,
    ACTIVATE,
    XML_API,
    COOKIE,
    ONE_MAP,
];

static OF_X: [Quirk; 18] = [
    NAMES_VENDOR,
    NO_BOOT_MODE,
    NO_BOOT_ORDER,
    BIOS_DIRECT,
    BIOS_FLAT,
    MAPPED_LATER,
    SLOT_ORDER,
    PROSE,
    SLOT_STATUS,
    quirk(
        "vkvm-slots-refuse",
        "slots 0 to 2 are the vKVM's own: InsertMedia answers 400 there, and only 3 takes an image",
        "datacenter/iserver; OpenStack ironic bug 2039042",
    ),
    quirk(
        "dvd-only",
        "MediaTypes of the slot that takes an image reads DVD alone: who looks for a CD finds none",
        "OpenStack ironic bugs 2031595 and 2039042",
    ),
    quirk("no-session-timeout", "SessionService has no SessionTimeout", BLADE),
    quirk(
        "no-ethernet-interfaces",
        "the System has no EthernetInterfaces",
        "OpenStack ironic, note on UCSB and UCSX",
    ),
    RESET_FORCED,
    PARTIAL,
    SPANS,
    IMAGE_URI,
    ACTIVATE,
];

/// The differences of a server.
pub(super) fn of(generation: Generation) -> &'static [Quirk] {
    match generation {
        Generation::M4 => &OF_M4,
        Generation::M6 => &OF_M6,
        Generation::X => &OF_X,
    }
}
