//! The table of everything in which iDRACs differ, from the standard and among each other.
//!
//! Each cure asks for its row by name, so a row that is switched off leaves a driver that does not know of it. Firmware
//! is compared within a generation only: iDRAC10 began at 1.x again.

use std::{ops::Deref, sync::Arc};

use rackhand_bmc::{Quirk, Quirks, When};
use rackhand_redfish::{Host, Machine};

use crate::generation::Generation;

/// Declares each name once, as a constant that the cures use, and the table of all of them.
macro_rules! quirks {
    ($($name:ident = $text:literal, $when:expr, $seen:literal, $source:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        static TABLE: &[Quirk] = &[$(Quirk { name: $text, when: $when, seen: $seen, source: $source }),*];
    };
}

const IDRAC9: When = When::generations(&["iDRAC9"]);
const IDRAC10: When = When::generations(&["iDRAC10"]);
const BEFORE_10: When = When::generations(&["iDRAC8", "iDRAC9"]);
const SINCE_9: When = When::generations(&["iDRAC9", "iDRAC10"]);

quirks! {
    // ---- identity and answers
    SERVICE_TAG = "service-tag-is-sku", When::ALWAYS,
        "the service tag that people know is System.SKU; SerialNumber is the board's",
        "ironic, note idrac-inspect-sku";
    EEMI = "eemi-messages", When::ALWAYS,
        "what went wrong stands in EEMI ids, whatever the status: SWC0700 (not ready) comes with 400, RAC0679 (a job runs) with 503",
        "DS; BF#129; OMAM#113";

    // ---- power and readiness
    ON_REFUSED = "on-refused-after-off", IDRAC10,
        "for a moment after the host went off, On is refused with 409 ActionParameterValueConflict",
        "ironic bug 2162995";
    READINESS = "readiness-by-lc-service", When::ALWAYS,
        "DellLCService.GetRemoteServicesAPIStatus tells of lifecycle controller, storage inventory and POST; the System's BootProgress is missing before 7.x",
        "DS; sushy; R750 6.00";

    RESTARTING = "restart-shows-in-attribute", IDRAC9.from("7.10"),
        "an iDRAC that restarts goes on answering for a while; Redfish.1.iDRACRebootInProgress tells",
        "R750 7.10";

    // ---- boot
    PHYSICAL_CD = "cd-is-physical", IDRAC9.before("6.00"),
        "the target Cd boots the physical drive; the attributes ServerBoot.1.FirstBootDevice and BootOnce boot the virtual one, at once and without a job",
        "DS#90; CG PR#494";
    OVERRIDE_AT_SETTINGS = "override-at-settings", IDRAC10,
        "the System lists no override targets and takes none; its settings resource does",
        "TF; CG; DS#324";
    OVERRIDE_MODE = "override-mode-makes-job", When::ALWAYS,
        "a written BootSourceOverrideMode makes a BIOS job of what would be immediate; iDRAC10 has no such property",
        "CG; LRF; TF";
    BOOT_MODE = "boot-mode-by-job", BEFORE_10,
        "the boot mode is the BIOS setting BootMode (Uefi, Bios) and travels in a BIOS job like the others",
        "CG; LRF; R750 6.00 registry";

    // ---- virtual media
    NO_INSERT = "media-cannot-insert", When::generations(&["iDRAC8"]),
        "virtual media can be read and nothing else",
        "OMAM: Redfish up to 1.4";
    SLOT_1 = "only-slot-1-boots", IDRAC10,
        "of two slots only the one named 1 boots",
        "ironic drac/boot.py";
    STALE_INSERTED = "stale-inserted", When::ALWAYS,
        "Inserted stays true for a while after an eject, when image and connection are gone",
        "ironic, note fix-redfish-vmedia-stale-insert; story 2008504";
    IMAGE_SUFFIX = "image-suffix", When::ALWAYS,
        "Image has to end in .iso or .img",
        "OMAM";
    SHARE_FORMS = "share-forms", When::ALWAYS,
        "a share is written //host/share/file (CIFS) or host:/path/file (NFS), not as a URL",
        "OMAM";
    INSERT_ONCE = "refused-insert-is-slow", When::ALWAYS,
        "a refused insert means an image that cannot be read, and each further form takes the share's time-out again",
        "DS#265";
    MEDIA_DETACHED = "media-detached", SINCE_9,
        "VRM0021: virtual media is detached or held by a session that is gone, until VirtualMedia.1.Attached is set anew",
        "microsoft/lisa#4168";

    // ---- BIOS
    BIOS_JOB_APART = "bios-job-apart", When::ALWAYS,
        "where the settings do not know the apply time OnReset, values are only staged until a job takes them up",
        "LRF; DS";
    BIOS_MARK = "bios-mark-is-job", When::ALWAYS,
        "@Redfish.Settings has neither ETag nor Time, so the job is what tells whether settings were taken up, and of failure",
        "R750 6.00 and 7.10";
    BIOS_QUEUED = "bios-job-queued", When::ALWAYS,
        "while a BIOS job is scheduled every further setting is refused (RAC0773, RAC011, RAC052): it has to go, and the union has to be staged anew",
        "LRF; BF";
    BIOS_DISCARD = "bios-discard-by-job", When::ALWAYS,
        "staged values are held by their job: it goes first, then DellManager.ClearPending drops what is only staged",
        "LRF; R750 6.00";
    BIOS_RESET = "bios-reset-while-pending", When::ALWAYS,
        "Bios.ResetBios must not be asked for while settings are pending, and shows in no job",
        "DS";

    // ---- jobs
    JOBS_PLACE = "jobs-below-manager", When::ALWAYS,
        "jobs are below the Manager: linked on recent firmware, at its Jobs before that; the TaskService has only some of them",
        "R750 6.00; LRF; DS";
    JOB_STATES = "dell-job-states", When::ALWAYS,
        "JobState has Dell's own words, on jobs and inside tasks",
        "sushy; DS";
    JOB_STUCK = "job-stuck-pr30", When::ALWAYS,
        "a Scheduled job that says PR30 (processing initialization failure) never starts: it must be deleted",
        "LRF";
    TASK_GONE = "task-gone-job-left", When::ALWAYS,
        "tasks are deleted soon after their end (one minute before 5.00, ten on 7.10) and may read 404 before; the job of the same JID stays",
        "ironic; sushy; R750 7.10";
    CLEAR_QUEUE = "delete-job-queue", SINCE_9,
        "DellJobService.DeleteJobQueue drops all jobs with JID_CLEARALL; jobs that are stuck go with JID_CLEARALL_FORCE, which restarts the lifecycle controller",
        "DS; BF: iDRAC8 has no such service";

    // ---- storage
    RAID_STATUS = "raid-status-in-oem", When::ALWAYS,
        "what a drive is used for stands in Oem.Dell.DellPhysicalDisk.RaidStatus",
        "DS; R750 6.00";
    RAW_VOLUMES = "raw-device-volumes", When::ALWAYS,
        "a drive that is handed to the host stands among the volumes too, as RawDevice without a RAIDType",
        "R750 6.00 and 7.10";
    VOLUME_BODY = "volume-type-and-drives", BEFORE_10,
        "older firmware creates a volume from VolumeType and Drives; iDRAC10 insists on RAIDType and Links.Drives",
        "OMAM; TF";
    VOLUME_NAME = "volume-name-15", When::ALWAYS,
        "a volume's name has at most 15 characters",
        "OMAM";
    VOLUME_TIME = "volume-apply-time", SINCE_9,
        "a volume is created at once (Immediate) where the controller takes real-time jobs and the inventory is ready (RTStatus), else at the next reset",
        "TF; ironic drac raid; R750 6.00";
    RAID_SERVICE = "drives-by-raid-service", SINCE_9,
        "drives are converted, and spares assigned, by DellRaidService with lists of FQDDs",
        "DS; ironic drac raid";
    BOSS = "boss-keeps-raid", When::ALWAYS,
        "a BOSS controller cannot hand drives to the host (ConvertToNonRAID)",
        "DS";

    // ---- firmware
    FIRMWARE_STATES = "inventory-has-backups", When::ALWAYS,
        "the inventory lists each firmware as Installed-, Current- and Previous-: what is in force, the image of it, and what went before",
        "R750 6.00; NVR";
    URL_QUERY = "firmware-url-query", IDRAC9.before("6.00"),
        "a firmware URL with a query string fails",
        "ironic";

    // ---- whole configurations
    SCP_COMPACT = "scp-no-whitespace", When::ALWAYS,
        "an ImportBuffer with whitespace between its elements is refused",
        "sushy; ironic";
    SCP_TARGETS = "scp-target-list", When::ALWAYS,
        "ShareParameters.Target has to be a list",
        "ironic bug 2111528";
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

/// A machine with the rows that are in force on it: what Dell's facets work with.
#[derive(Debug, Clone)]
pub(crate) struct Dell {
    host: Arc<Host>,
    quirks: Quirks,
}

impl Dell {
    pub(crate) fn new(host: &Arc<Host>, quirks: &Quirks) -> Self {
        Self { host: Arc::clone(host), quirks: quirks.clone() }
    }

    /// The machine itself, for facets of the standard driver.
    pub(crate) fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Whether the row of that name holds here and its cure is to be used.
    pub(crate) fn on(&self, name: &str) -> bool {
        on(&self.quirks, &self.host.machine, name)
    }
}

impl Deref for Dell {
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
            assert!(
                row.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
                "{row}"
            );
            assert!(seen.insert(row.name), "{row} stands twice");
            assert!(!row.seen.is_empty() && !row.source.is_empty(), "{row}");
        }
    }

    #[test]
    fn idrac10_is_never_older_than_idrac9() {
        let row = quirks().iter().find(|row| row.name == PHYSICAL_CD).unwrap();
        assert!(row.when.holds("iDRAC9", Some("5.10.50.00"), None));
        assert!(!row.when.holds("iDRAC9", Some("6.00.30.00"), None));
        assert!(!row.when.holds("iDRAC10", Some("1.20.25.00"), None));
    }
}
