//! In which a ThinkSystem with an XCC differs from the standard.

use crate::personality::Quirk;

/// A whole tree read from hardware.
const CAPTURED: &str = "ThinkSystem SR670 V2, XCC 2.83, as captured";
/// Lenovo's documents.
const MANUAL: &str = "Lenovo's XCC REST API guide, by a digest";

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk {
        name: "session-timeout-300",
        seen: "a session ends after five minutes without a request",
        source: CAPTURED,
    },
    Quirk {
        name: "patch-needs-if-match",
        seen: "a PATCH without If-Match answers 428; one with another version than the current answers 412",
        source: "lenovo/python-redfish-lenovo, which reads the ETag before every PATCH",
    },
    Quirk {
        name: "override-once-only",
        seen: "BootSourceOverrideEnabled takes Once and Disabled; Continuous is refused",
        source: CAPTURED,
    },
    Quirk {
        name: "boot-order-pending",
        seen: "BootOrder is written to the System's settings object, Pending, and in force from the next POST on",
        source: "NVIDIA/libredfish; the tree of XCC 2.83",
    },
    Quirk {
        name: "media-by-patch",
        seen: "slots have no actions: a PATCH with Image and Inserted mounts, one with Inserted false or without Image ejects",
        source: "lenovo/python-redfish-lenovo; the tree of XCC 2.83",
    },
    Quirk {
        name: "only-ext-takes-images",
        seen: "of ten slots alike only EXT1 to EXT4 take an image; RDOC and Remote are for uploads and consoles",
        source: "lenovo/python-redfish-lenovo; OpenStack sushy",
    },
    Quirk {
        name: "media-in-both-homes",
        seen: "the same slots are below the System and below the Manager; older firmware has them below the Manager only",
        source: CAPTURED,
    },
    Quirk {
        name: "pending-is-full",
        seen: "the settings object of the Bios, Pending, lists every attribute and not only what waits for POST",
        source: CAPTURED,
    },
    Quirk {
        name: "bios-patch-answers-200",
        seen: "a PATCH of the BIOS settings answers 200 with the message RebootRequired",
        source: MANUAL,
    },
    Quirk {
        name: "operating-mode-locks",
        seen: "attributes of power and processors are locked unless the operating mode is CustomMode; another mode sets them",
        source: CAPTURED,
    },
    Quirk {
        name: "locks-are-gray-out",
        seen: "the registry's dependencies lock attributes by the property GrayOut, not ReadOnly",
        source: CAPTURED,
    },
    Quirk {
        name: "registry-among-schemas",
        seen: "the registry's document is at /redfish/v1/schemas/registries",
        source: CAPTURED,
    },
    Quirk {
        name: "volumes-at-once",
        seen: "a POST of a volume answers 201 with the volume, a DELETE 204: there are no tasks",
        source: MANUAL,
    },
    Quirk {
        name: "volume-of-all-free-drives",
        seen: "the drives that a new volume names are not looked at: it is made of all free drives of its controller",
        source: "Lenovo's REST API guide for the first XCC, by a digest; its successors take Links.Drives",
    },
    Quirk {
        name: "storage-errors-500",
        seen: "whatever is wrong with a volume that is asked for answers 500 InternalError",
        source: MANUAL,
    },
    Quirk {
        name: "logs-below-the-system",
        seen: "LogServices of the Manager is a link to those of the System",
        source: CAPTURED,
    },
    Quirk {
        name: "host-interface-among-ports",
        seen: "ToManager, the host's network to the BMC, is listed among the host's network ports",
        source: CAPTURED,
    },
];
