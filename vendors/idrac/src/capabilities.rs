//! What each generation can do, where its documents do not say so themselves.

use rackhand_bmc::{Capabilities, Learned, Operation, Quirks, Support};
use rackhand_redfish::Machine;

use crate::{
    generation::Generation,
    quirks::{NO_INSERT, on},
};

/// What is known of one operation in one generation.
#[derive(Debug, Clone, Copy)]
enum Known {
    /// It can be done.
    Yes,
    /// It can be done, and takes effect at the next reset.
    AtReset,
    /// It cannot.
    No(&'static str),
    /// Nothing written says that it works there.
    Unverified,
}

use Known::{AtReset, No, Unverified, Yes};

/// One row: the operation, what is known of iDRAC8, iDRAC9 and iDRAC10, and from where.
type Row = (Operation, [Known; 3], &'static str);

const READ_ONLY_MEDIA: Known = No("iDRAC8 shows virtual media by Redfish but cannot insert or eject it");
const NO_BOOT: Known = No("iDRAC8 has no Redfish way to boot its virtual CD");
const UEFI_ONLY: Known = No("iDRAC10 boots UEFI only: there is no BootSourceOverrideMode");

/// Fact sheet rows. What the System and its Manager advertise stands where a row is missing.
const ROWS: &[Row] = &[
    (
        Operation::BootCdOnce,
        [NO_BOOT, Yes, Yes],
        "DS#90: neither Cd nor ServerBoot do on iDRAC8; DS#324 for iDRAC10",
    ),
    (
        Operation::BootSetupOnce,
        [Unverified, Yes, Yes],
        "CG#3423 and R750 6.00 list BiosSetup; TF for iDRAC10",
    ),
    (Operation::BootContinuous, [Unverified, Yes, Unverified], "DS#90; R750 6.00"),
    (
        Operation::BootPxeOnce,
        [Unverified, Yes, Unverified],
        "CG#3423; R750 6.00: the target Pxe; no record of iDRAC8 and iDRAC10",
    ),
    (
        Operation::BootUefiHttpOnce,
        [Unverified, Yes, Unverified],
        "CG#3423; R750 6.00: the target UefiHttp, and HttpDev1Uri in its registry",
    ),
    (
        Operation::BootOrderSet,
        [Unverified, AtReset, AtReset],
        "CG, LRF: a BIOS job; TF for iDRAC10's settings",
    ),
    (
        Operation::BootModeSet,
        [AtReset, AtReset, UEFI_ONLY],
        "CG, LRF: the BIOS setting BootMode; TF for iDRAC10",
    ),
    (Operation::MediaInsertHttp, [READ_ONLY_MEDIA, Yes, Yes], "OMAM: Redfish up to 1.4 on iDRAC8; R750 6.00"),
    (
        Operation::MediaInsertHttps,
        [READ_ONLY_MEDIA, Yes, Yes],
        "OMAM: Redfish up to 1.4 on iDRAC8; R750 6.00",
    ),
    (Operation::MediaInsertNfs, [READ_ONLY_MEDIA, Yes, Yes], "OMAM"),
    (Operation::MediaInsertCifs, [READ_ONLY_MEDIA, Yes, Yes], "OMAM: credentials are mandatory"),
    (Operation::MediaEject, [READ_ONLY_MEDIA, Yes, Yes], "OMAM: Redfish up to 1.4 on iDRAC8; R750 6.00"),
    (Operation::BiosReset, [Unverified, AtReset, AtReset], "DS; sushy: Bios.ResetBios with an empty body"),
    (Operation::StorageRead, [Yes, Yes, Yes], "DS; R750 6.00"),
    (Operation::StorageWrite, [Unverified, Yes, Yes], "OMAM, TF: POST to Volumes"),
    (Operation::VolumeDelete, [Unverified, Yes, Yes], "sushy; DS"),
    (Operation::VolumeInitialize, [Unverified, Yes, Yes], "R750 6.00: Volume.Initialize Fast, Slow"),
    (Operation::DriveConvert, [Unverified, Yes, Yes], "DS: DellRaidService, not BOSS"),
    (Operation::DriveSpare, [Unverified, Yes, Yes], "DS: DellRaidService.AssignSpare"),
    (Operation::DriveErase, [Unverified, Yes, Yes], "R750 6.00: Drive.SecureErase"),
    (Operation::FirmwareRead, [Yes, Yes, Yes], "DS; R750 6.00"),
    (Operation::FirmwareUpdate, [Unverified, Yes, Yes], "DS; R750 6.00: SimpleUpdate"),
    (
        Operation::FirmwarePush,
        [Unverified, Yes, Yes],
        "DS; R750 6.00: MultipartHttpPushUri, or HttpPushUri and Install",
    ),
    (Operation::JobsRead, [Yes, Yes, Yes], "DS; BF for iDRAC8's Jobs"),
    (Operation::JobsClear, [Yes, Yes, Yes], "DS: DeleteJobQueue; BF: DELETE of each on iDRAC8"),
    (Operation::LogsRead, [Yes, Yes, Yes], "R750 6.00: Sel, Lclog, FaultList"),
    (Operation::LogsClear, [Unverified, Yes, Yes], "R750 6.00: the Sel has ClearLog"),
    (Operation::SensorsRead, [Yes, Yes, Yes], "R750 6.00"),
];

/// Adds to what the documents advertise.
pub(crate) fn add(quirks: &Quirks, machine: &Machine, capabilities: &mut Capabilities) {
    let generation = Generation::of(machine);
    for (operation, known, source) in ROWS {
        let [eight, nine, ten] = known;
        let known = match generation {
            Generation::Idrac8 => eight,
            Generation::Idrac9 => nine,
            Generation::Idrac10 => ten,
            // What every generation has is there whichever it is; the rest stays as advertised.
            Generation::Unknown if matches!((eight, nine, ten), (Yes, Yes, Yes)) => nine,
            Generation::Unknown => continue,
        };
        let support = match known {
            Yes => Support::Supported,
            AtReset => Support::NeedsReset,
            No(why) => Support::Unsupported((*why).to_owned()),
            Unverified => Support::Unknown,
        };
        capabilities.set(*operation, support, Learned::Documented((*source).to_owned()));
    }
    corrected(quirks, machine, capabilities);
    interrupt(machine, capabilities);
    configuration(machine, capabilities);
}

/// The interrupt is there where the System's reset lists it (R750 6.00 does).
fn interrupt(machine: &Machine, capabilities: &mut Capabilities) {
    if capabilities.get(Operation::PowerNmi).is_some() {
        return;
    }
    let action = machine.system.action("ComputerSystem.Reset");
    let allowed =
        action.map(|action| action.strings("ResetType@Redfish.AllowableValues")).unwrap_or_default();
    let support = if allowed.contains(&"Nmi") {
        Support::Supported
    } else {
        Support::Unsupported(format!("the System allows only {}", allowed.join(", ")))
    };
    capabilities.set(Operation::PowerNmi, support, Learned::Advertised);
}

/// Where switched-off cures take a capability with them.
fn corrected(quirks: &Quirks, machine: &Machine, capabilities: &mut Capabilities) {
    let without = "its cure is switched off by name";
    if on(quirks, machine, NO_INSERT) || Generation::of(machine) != Generation::Idrac8 {
        return;
    }
    for operation in [Operation::MediaInsertHttp, Operation::MediaInsertHttps, Operation::MediaEject] {
        capabilities.set(operation, Support::Unknown, Learned::Observed(without.to_owned()));
    }
}

/// Whole configurations are there where the Manager has the actions; iDRAC8 does not show them.
fn configuration(machine: &Machine, capabilities: &mut Capabilities) {
    let Some(manager) = machine.manager() else { return };
    for (operation, action) in [
        (Operation::ConfigurationExport, "OemManager.ExportSystemConfiguration"),
        (Operation::ConfigurationImport, "OemManager.ImportSystemConfiguration"),
    ] {
        let support = if manager.action(action).is_some() {
            Support::Supported
        } else {
            Support::Unsupported(format!("the Manager has no {action}"))
        };
        capabilities.set(operation, support, Learned::Advertised);
    }
}
