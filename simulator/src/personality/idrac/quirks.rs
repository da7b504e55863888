//! Everything in which iDRACs differ, from the standard and among each other: named, and each a behaviour that can be
//! switched off.
//!
//! Where the driver has a cure for one, its row there has the same name.

use std::sync::LazyLock;

use super::facts::Generation::{self, Eight, Nine, NineNew, NineOld, Ten};
use crate::personality::Quirk;

/// Firmware captured from hardware.
const CAPTURED: &str = "PowerEdge R750, iDRAC9 6.00.30 and 7.10.30, as captured";
const ALL: &[Generation] = &Generation::ALL;
const SINCE_9: &[Generation] = &[NineOld, Nine, NineNew, Ten];
const SINCE_6: &[Generation] = &[Nine, NineNew, Ten];
const BEFORE_10: &[Generation] = &[Eight, NineOld, Nine, NineNew];
const OLD: &[Generation] = &[Eight, NineOld];

type Row = (&'static [Generation], &'static str, &'static str, &'static str);

/// On which, name, what is seen, source.
const ROWS: &[Row] = &[
    // ---- identity and answers
    (
        ALL,
        "service-tag-is-sku",
        "the service tag is the System's SKU; its SerialNumber is the board's",
        "OpenStack ironic, note idrac-inspect-sku",
    ),
    (
        ALL,
        "eemi-messages",
        "errors carry EEMI ids beside those of the Base registry, with statuses of their own",
        "dell/iDRAC-Redfish-Scripting; quadsproject/badfish issue 129; dellemc.openmanage issue 113",
    ),
    (
        OLD,
        "extended-info-object",
        "an error with one message has it as an object instead of a list",
        "OpenStack sushy, which takes both",
    ),
    (
        &[Ten],
        "no-if-match-on-actions",
        "an action's POST with If-Match answers 412",
        "stmcginnis/gofish, update service",
    ),
    // ---- sessions and lockdown
    (
        ALL,
        "session-table-of-8",
        "eight web and Redfish sessions; the ninth login is refused with RAC0218, and a session lasts 30 minutes unused",
        "attribute WebServer.1.MaxNumberOfSessions of iDRAC9 6.00; RAC0218 in dell/iDRAC-Redfish-Scripting",
    ),
    (
        ALL,
        "ip-blocking",
        "three failed logins within 60 s refuse every login for 60 s, also with the right password",
        "attributes IPBlocking.1 of iDRAC9 6.00",
    ),
    (
        &[Eight],
        "old-sessions-path",
        "sessions are made at /redfish/v1/Sessions; the SessionService has no collection",
        "dell/iDRAC-Redfish-Scripting, CreateXAuthTokenSession: RedfishVersion before 1.6",
    ),
    (
        SINCE_9,
        "lockdown",
        "while Lockdown.1.SystemLockdown is Enabled, every BIOS attribute reads ReadOnly, and settings, jobs and firmware are refused with SYS406",
        "PowerEdge R750, iDRAC9 7.10.30 in lockdown, as captured; LC087 and RAC095 in dell/iDRAC-Redfish-Scripting",
    ),
    // ---- power and readiness
    (
        ALL,
        "power-already-409",
        "a reset to the state that the host is in answers 409",
        "quadsproject/badfish",
    ),
    (
        &[Ten],
        "on-refused-after-off",
        "for ten seconds after the host went off, On is refused with 409 ActionParameterValueConflict",
        "OpenStack ironic bug 2162995",
    ),
    (
        SINCE_9,
        "readiness-by-lc-service",
        "the System tells no BootProgress; DellLCService.GetRemoteServicesAPIStatus tells of lifecycle controller, storage inventory and POST",
        "dell/iDRAC-Redfish-Scripting; OpenStack sushy; iDRAC9 6.00",
    ),
    (
        &[NineNew],
        "restart-shows-in-attribute",
        "an iDRAC that is reset goes on answering for 20 s, in which Redfish.1.iDRACRebootInProgress reads true",
        "PowerEdge R750, iDRAC9 7.10.30, as captured",
    ),
    (
        SINCE_9,
        "not-ready-after-restart",
        "an iDRAC that is back answers 400 SWC0700 for a minute, and its lifecycle controller takes another",
        "quadsproject/badfish issue 129; OpenStack sushy waits for it",
    ),
    // ---- boot
    (
        &[NineOld],
        "cd-is-physical",
        "the override target Cd boots the physical drive; the attributes ServerBoot.1.FirstBootDevice and BootOnce boot the virtual one",
        "dell/iDRAC-Redfish-Scripting issue 90; community.general pull request 494",
    ),
    (
        &[Ten],
        "override-at-settings",
        "the System lists no override targets and takes none; Systems/…/Settings does, without a mode",
        "Dell's Terraform provider; community.general; dell/iDRAC-Redfish-Scripting issue 324",
    ),
    (
        BEFORE_10,
        "override-mode-makes-job",
        "a written BootSourceOverrideMode makes a BIOS job, with which the override comes into force",
        "community.general redfish_utils; NVIDIA/libredfish",
    ),
    (
        BEFORE_10,
        "boot-mode-by-job",
        "the boot mode is the BIOS setting BootMode and changes with a BIOS job",
        "community.general redfish_utils; NVIDIA/libredfish",
    ),
    (
        ALL,
        "boot-order-by-job",
        "a written BootOrder makes a BIOS job",
        "community.general redfish_utils; NVIDIA/libredfish",
    ),
    // ---- virtual media
    (
        &[Eight],
        "media-cannot-insert",
        "virtual media can be read and nothing else",
        "dellemc.openmanage: Redfish up to 1.4",
    ),
    (
        &[Nine, NineNew],
        "media-in-both-places",
        "the same slots as Systems/…/VirtualMedia/{1,2} and Managers/…/VirtualMedia/{CD,RemovableDisk}",
        "iDRAC9 from 6.00 on",
    ),
    (
        &[Ten],
        "only-slot-1-boots",
        "of two slots only the one named 1 boots",
        "OpenStack ironic, drac/boot.py",
    ),
    (
        SINCE_9,
        "stale-inserted",
        "a slot reads Inserted for a while after EjectMedia, and InsertMedia answers 500 meanwhile",
        "OpenStack ironic, release notes on stale and retried inserts; dellemc.openmanage waits between the two",
    ),
    (
        SINCE_9,
        "eject-needs-body",
        "EjectMedia without a JSON body is refused",
        "iDRAC9, as OpenStack sushy and dell/iDRAC-Redfish-Scripting send it",
    ),
    (SINCE_9, "eject-empty-500", "EjectMedia of an empty slot answers 500", "quadsproject/badfish"),
    (SINCE_9, "image-suffix", "Image has to end in .iso or .img", "dellemc.openmanage, virtual media module"),
    (
        SINCE_9,
        "share-forms",
        "a share is written //host/share/file (CIFS) or host:/path/file (NFS); as a URL it is refused",
        "dellemc.openmanage, virtual media module",
    ),
    (
        SINCE_9,
        "refused-insert-is-slow",
        "an image whose share cannot be reached is refused after its time-out of 30 s",
        "dell/iDRAC-Redfish-Scripting issue 265",
    ),
    (
        SINCE_9,
        "media-detached",
        "while VirtualMedia.1.Attached is Detached, or held by a session that is gone, InsertMedia answers VRM0021 until it is set anew",
        "microsoft/lisa pull request 4168",
    ),
    (
        &[NineOld],
        "one-medium-at-a-time",
        "a second slot takes no image while another has one",
        "dell/iDRAC-Redfish-Scripting issue 290",
    ),
    // ---- BIOS
    (
        ALL,
        "bios-job",
        "staged BIOS settings take a configuration job, made by the apply time OnReset or by a POST to Jobs; it runs in POST",
        "iDRAC9 6.00",
    ),
    (
        &[Eight],
        "bios-job-apart",
        "the settings know no apply time: values are only staged until a POST to Jobs takes them up",
        "NVIDIA/libredfish; dell/iDRAC-Redfish-Scripting",
    ),
    (ALL, "bios-mark-is-job", "@Redfish.Settings has neither ETag nor Time", CAPTURED),
    (
        ALL,
        "bios-job-queued",
        "while a BIOS job has not ended, every further setting is refused (RAC0773)",
        "NVIDIA/libredfish; quadsproject/badfish on a second configuration job",
    ),
    (
        ALL,
        "bios-discard-by-job",
        "staged values are held by their job: ClearPending is refused until it is gone",
        "NVIDIA/libredfish; iDRAC9 6.00",
    ),
    (
        ALL,
        "bios-reset-while-pending",
        "ResetBios is refused while settings are pending",
        "dell/iDRAC-Redfish-Scripting",
    ),
    (ALL, "reset-bios-needs-body", "ResetBios without a JSON body is refused", "OpenStack sushy"),
    (
        SINCE_9,
        "registry-version-drift",
        "Bios.AttributeRegistry names v1_0_3, the registry's resource is v1_0_0 and its document is below the Bios",
        CAPTURED,
    ),
    (
        SINCE_9,
        "registry-read-only-is-live",
        "ReadOnly in the attribute registry tells what is locked at present, not what is read-only for good",
        CAPTURED,
    ),
    // ---- jobs
    (
        ALL,
        "jobs-below-manager",
        "jobs are below the Manager, linked from iDRAC9 on; the TaskService lists those that run and no others",
        "iDRAC9 6.00; NVIDIA/libredfish; dell/iDRAC-Redfish-Scripting",
    ),
    (
        ALL,
        "dell-job-states",
        "JobState has words of Dell's own, on jobs and inside tasks",
        "OpenStack sushy; dell/iDRAC-Redfish-Scripting",
    ),
    (
        ALL,
        "job-stuck-pr30",
        "a job that is stuck reads Scheduled for good and says PR30",
        "NVIDIA/libredfish",
    ),
    (
        ALL,
        "task-gone-job-left",
        "a task answers 404 soon after its end (a minute before 5.00, ten on 7.10); the job of the same JID stays",
        "OpenStack ironic and sushy; TaskAutoDeleteTimeoutMinutes of iDRAC9 7.10",
    ),
    (
        SINCE_9,
        "delete-job-queue",
        "DellJobService.DeleteJobQueue drops the jobs that are neither stuck nor at work; with JID_CLEARALL_FORCE all of them, and the lifecycle controller restarts",
        "dell/iDRAC-Redfish-Scripting; quadsproject/badfish: iDRAC8 has no such service",
    ),
    (
        SINCE_9,
        "systems-gone-after-force",
        "for two minutes after JID_CLEARALL_FORCE the collection of Systems is empty",
        "redhat-performance/jetlag issue 778",
    ),
    (
        SINCE_9,
        "job-running-503",
        "a controller whose job runs answers 503 with RAC0679",
        "dellemc.openmanage issue 113",
    ),
    // ---- storage
    (
        ALL,
        "raid-status-in-oem",
        "what a drive is used for stands in Oem.Dell.DellPhysicalDisk.RaidStatus",
        "dell/iDRAC-Redfish-Scripting; iDRAC9 6.00",
    ),
    (
        ALL,
        "raw-device-volumes",
        "a drive that is handed to the host stands among the volumes too, as RawDevice without a RAIDType",
        CAPTURED,
    ),
    (
        OLD,
        "volume-type-and-drives",
        "a volume is made from VolumeType and Drives; RAIDType and Links are refused",
        "dellemc.openmanage; Dell's Terraform provider",
    ),
    (
        ALL,
        "volume-name-15",
        "a volume's name has at most 15 characters",
        "dellemc.openmanage, storage volume module",
    ),
    (
        SINCE_9,
        "volume-apply-time",
        "an Immediate volume is refused while the storage inventory is not ready (RTStatus)",
        "Dell's Terraform provider; OpenStack ironic, drac raid",
    ),
    (
        SINCE_6,
        "delete-takes-no-apply-time",
        "DELETE of a volume with an OperationApplyTime is refused",
        "OpenStack sushy: from 6.00.02 on",
    ),
    (
        SINCE_9,
        "drives-by-raid-service",
        "drives are converted, and spares assigned, by DellRaidService with lists of FQDDs; Redfish's own properties are read-only",
        "dell/iDRAC-Redfish-Scripting; OpenStack ironic, drac raid",
    ),
    (
        SINCE_9,
        "boss-keeps-raid",
        "a BOSS controller does not hand drives to the host",
        "dell/iDRAC-Redfish-Scripting",
    ),
    // ---- firmware
    (
        ALL,
        "inventory-has-backups",
        "the inventory lists each firmware as Installed-, Current- and Previous-, some with dates that are none",
        "iDRAC9 6.00; NVIDIA/nv-redfish",
    ),
    (&[NineOld], "firmware-url-query", "a firmware URL with a query string fails", "OpenStack ironic"),
    // ---- whole configurations
    (
        SINCE_9,
        "scp-no-whitespace",
        "an ImportBuffer with whitespace between its elements is refused",
        "OpenStack sushy and ironic",
    ),
    (SINCE_9, "scp-target-list", "ShareParameters.Target has to be a list", "OpenStack ironic bug 2111528"),
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
