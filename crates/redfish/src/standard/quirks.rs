//! The table of what services of no particular vendor do otherwise than the standard has it.
//!
//! Each cure asks for its row by name, whichever vendor's driver is at work, so a row that is switched off leaves a driver
//! that takes the standard at its word.

use rackhand_bmc::{Quirk, When};

/// Declares each name once, as a constant that the cures use, and the table of all of them.
macro_rules! quirks {
    ($($name:ident = $text:literal, $seen:literal, $source:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        static TABLE: &[Quirk] =
            &[$(Quirk { name: $text, when: When::ALWAYS, seen: $seen, source: $source }),*];
    };
}

quirks! {
    // ---- the wire
    WEAK_ETAG = "weak-etag",
        "ETags come with a weak mark and match only without it",
        "sushy: connector; AMI MegaRAC and HPE Cray as captured";
    FRESH_ETAG = "etag-changes-on-reads",
        "the ETag of an earlier read no longer matches, though nothing else wrote",
        "Lenovo's Redfish scripts; AMI: ETags of the time";
    NO_IF_MATCH = "if-match-is-refused",
        "no ETag matches, not even a fresh one: written without If-Match",
        "sushy: connector";
    EMPTY_POST = "empty-post-needs-body",
        "an action without parameters is refused with 400 or 415 unless its body is an empty object",
        "sushy: EjectMedia, ResetBios; stories 2008198, 2006246";
    MESSAGES = "messages-anywhere",
        "extended information is an object instead of a list, and stands at the top level or beside a property",
        "DSP0266 for what stands beside a property; Cisco and Dell for single objects";
    EXPAND_REFUSED = "expand-is-refused",
        "$expand is advertised and refused all the same: members are read one by one",
        "check_redfish issue 20: Fujitsu, QueryNotSupportedOnResource";
    VIKING = "expand-drops-properties",
        "$expand leaves out properties that the member itself has",
        "nv-redfish: AMI on DGX H100, Redfish 1.11.0";
    NULL_MEMBERS = "members-are-null",
        "the Members of an empty collection are null or missing",
        "nv-redfish: bmcweb of BlueField-3";

    // ---- finding things
    SEVERAL_SYSTEMS = "several-systems",
        "the first of several Systems need not be the host: the one is meant that the BMC's own Manager manages",
        "NVIDIA GH200 as captured: HGX_Baseboard_0 beside System_0";
    NO_HOSTS = "systems-that-are-no-hosts",
        "members of Systems without power are no hosts",
        "AMI MegaRAC as captured: Systems/Capabilities";
    NO_MANAGED_BY = "managed-by-is-missing",
        "a System names no Manager: the one that provides the service is taken",
        "sushy bug 2039458: Huawei; kubevirtbmc issue 70";

    // ---- power and boot
    ACTION_INFO = "reset-types-in-action-info",
        "the reset types stand in the action's ActionInfo and not beside it",
        "OpenBMC and Supermicro 11.01 as captured";
    STATE_REACHED = "state-reached-is-refused",
        "switching on what is on, or off what is off, is refused with varying messages: a read decides",
        "ironic: redfish/power.py";
    OVERRIDE_MODE = "override-wants-mode",
        "an override is refused unless it names its mode as well",
        "ironic: AMI, ASRock Rack";
    OVERRIDE_SETTINGS = "override-at-settings-object",
        "an override is taken at the System's settings object alone",
        "ironic: Nokia";
    USB_CD = "usb-cd-without-cd",
        "the virtual CD is UsbCd where there is no target Cd",
        "sushy: Supermicro, also where nothing but the System says that it is";

    // ---- virtual media
    INSERT_MORE = "insert-wants-more",
        "an insert is refused without Inserted, WriteProtected, TransferProtocolType or TransferMethod",
        "sushy; ironic bug 2071945; community.general; badfish and bmclib each differ";
    EJECT_EMPTY = "eject-of-empty-is-refused",
        "an eject of an empty slot is refused: a read decides",
        "HPE: NoVirtualMediaConnectionAvailable; others answer 400, 409 or 500";
    IMAGE_NONE = "image-says-none",
        "the Image of an empty slot is a word for none",
        "AMI MegaRAC as captured: None";
    OPENBMC_HTTPS = "openbmc-refuses-http",
        "images are taken by https and smb alone; plain http is refused",
        "bmcweb: virtual_media.hpp";
    PROXY_SLOTS = "proxy-slots-take-no-url",
        "slots in proxy mode are fed by a browser and refuse InsertMedia, though they may show it",
        "bmcweb: virtual_media.hpp";

    // ---- BIOS, storage, firmware
    REGISTRY_ID = "registry-id-differs",
        "the registry goes by another version than Bios names, or Bios names none",
        "Dell, NVIDIA and Supermicro as captured";
    DISPLAY_NAMES = "names-are-codes",
        "attributes have codes for names (TCG003, Rome0552): they are known by what people see",
        "AMI MegaRAC as captured";
    RAW_DEVICES = "raw-devices-among-volumes",
        "a drive that is handed to the host as it is stands among the volumes",
        "DMTF Volume schema: VolumeType RawDevice";
    STORED_IMAGES = "stored-images-among-firmware",
        "images that merely lie ready stand among the firmware: backup, golden, staged",
        "Supermicro, Lenovo and NVIDIA as captured";
}

/// The table. It belongs to no vendor: these cures are at work in every driver that speaks Redfish.
#[must_use]
pub fn standard_quirks() -> &'static [Quirk] {
    TABLE
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rackhand_bmc::common_quirks;

    use super::*;

    #[test]
    fn names_are_plain_and_unique_and_every_row_cites_its_source() {
        let mut seen: BTreeSet<&str> = common_quirks().iter().map(|row| row.name).collect();
        for row in standard_quirks() {
            assert!(row.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{row}");
            assert!(seen.insert(row.name), "{row} stands twice");
            assert!(!row.seen.is_empty() && !row.source.is_empty(), "{row}");
        }
    }
}
