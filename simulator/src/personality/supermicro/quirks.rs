//! In which a Supermicro differs from the standard.

use crate::personality::Quirk;

/// A whole tree read from hardware.
const CAPTURED: &str = "SYS-821GE-TNHR, BMC 11.01.01, as captured";

pub(super) const QUIRKS: &[Quirk] = &[
    Quirk {
        name: "root-without-vendor",
        seen: "the service root has neither Vendor nor Product; Oem.Supermicro tells who made it",
        source: CAPTURED,
    },
    Quirk {
        name: "parameters-by-action-info",
        seen: "actions have no AllowableValues; a resource that @Redfish.ActionInfo names tells their parameters",
        source: CAPTURED,
    },
    Quirk {
        name: "lockout-30s",
        seen: "three refused logins within 30 s close the door for 30 s, also to the right password",
        source: CAPTURED,
    },
    Quirk {
        name: "session-timeout-300",
        seen: "a session ends after five minutes without a request",
        source: CAPTURED,
    },
    Quirk {
        name: "idle-target-pxe",
        seen: "an override that is Disabled reads with the target Pxe",
        source: CAPTURED,
    },
    Quirk {
        name: "enabled-in-every-boot-patch",
        seen: "a PATCH of the boot override without BootSourceOverrideEnabled is refused, also where that does not change",
        source: "OpenStack sushy, story 2008547",
    },
    Quirk {
        name: "cd-is-physical",
        seen: "the target Cd is the drive in the server, in which there is nothing; the virtual CD boots by UsbCd only",
        source: "OpenStack sushy, which maps Cd to UsbCd on X11 and X12",
    },
    Quirk {
        name: "pxe-reads-boot-next",
        seen: "in UEFI mode the target Pxe reads UefiBootNext once it is set, and that cannot be set itself",
        source: "NVIDIA/libredfish; ansible-collections/community.general",
    },
    Quirk {
        name: "fixed-boot-order",
        seen: "BootOrder is an unknown property when it is written; the order is FixedBootOrder of an OEM resource",
        source: "NVIDIA/libredfish",
    },
    Quirk {
        name: "eject-only-when-inserted",
        seen: "a slot has no EjectMedia action until something is inserted",
        source: CAPTURED,
    },
    Quirk {
        name: "insert-takes-image-only",
        seen: "InsertMedia with Inserted or WriteProtected answers 400, though its ActionInfo has both",
        source: "OpenStack sushy and ansible-collections/community.general, of other firmware than 11.01",
    },
    Quirk {
        name: "image-stays-after-eject",
        seen: "Image and ImageName of an ejected slot name what was there; ConnectedVia NotConnected tells that it is gone",
        source: "ansible-collections/community.general issues 6969 and 7470",
    },
    Quirk {
        name: "pending-without-attributes",
        seen: "the settings object of the Bios has no Attributes while nothing waits for POST",
        source: CAPTURED,
    },
    Quirk {
        name: "attribute-suffixes",
        seen: "names of BIOS attributes end in four hexadecimal digits, which differ between boards and versions",
        source: CAPTURED,
    },
    Quirk {
        name: "repeated-attributes",
        seen: "several BIOS attributes differ in those digits alone: TXTSupport_0062 and TXTSupport_0072",
        source: CAPTURED,
    },
    Quirk {
        name: "registry-values-are-numbers",
        seen: "the registry's ValueNames are numbers; what is read and written are its ValueDisplayNames",
        source: CAPTURED,
    },
    Quirk {
        name: "registry-outside-the-tree",
        seen: "the registry is at /registries, and the Bios, the file and the registry write its version each in their own way",
        source: CAPTURED,
    },
    Quirk {
        name: "locks-are-gray-out",
        seen: "the registry's dependencies lock attributes by the property GrayOut, not ReadOnly",
        source: CAPTURED,
    },
    Quirk {
        name: "start-after-push",
        seen: "a pushed image is only checked; UpdateService.StartUpdate begins its update, by a second task",
        source: "NVIDIA/libredfish; the action in the tree of BMC 11.01.01",
    },
    Quirk {
        name: "host-interface-among-ports",
        seen: "ToManager, the host's network to the BMC, is listed among the host's network ports",
        source: CAPTURED,
    },
];
