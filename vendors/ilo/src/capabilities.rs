//! What each generation can do, where its documents do not say so themselves.

use rackhand_bmc::{Capabilities, Learned, Operation, Quirks, Support};
use rackhand_redfish::{Document, Machine};

use crate::{
    generation::Generation,
    quirks::{self, on},
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
    /// What is written about it is too little to rely on.
    Unverified,
    /// As the documents advertise.
    Shown,
}

use Known::{AtReset, No, Shown, Unverified, Yes};

/// One row: the operation, what is known of iLO 4, 5, 6 and 7, and from where.
type Row = (Operation, [Known; 4], &'static str);

const UEFI_ONLY: Known = No("Gen11 and Gen12 boot UEFI only: there is no BootMode setting");
const NO_SHARES: Known = No("an iLO takes images by http and https alone");
const NO_CONVERT: Known = No("an iLO has no request that hands drives to the host or takes them back");
const SMART_READ_ONLY: Known = No("iLO 4 shows its array controllers and changes nothing on them");
const NO_PUSH: Known = No(
    "/cgi-bin/uploadFile takes a form with the session's key as a cookie; serve the image by HTTP instead",
);
const NO_WHOLE: Known = No("an iLO has no whole configuration by Redfish");

/// Fact sheet rows. What the System and its Manager advertise stands where a row says nothing.
const ROWS: &[Row] = &[
    (
        Operation::BootCdOnce,
        [Unverified, Shown, Shown, Shown],
        "R5a, R5b, R6, R7: the target Cd; no record of iLO 4",
    ),
    (Operation::BootContinuous, [Unverified, Yes, Yes, Yes], "HD: Once, Continuous, Disabled"),
    (Operation::BootPxeOnce, [Unverified, Shown, Shown, Shown], "R5a, R5b, R6, R7: the target Pxe"),
    (
        Operation::BootUefiHttpOnce,
        [Unverified, Shown, Shown, Shown],
        "R5a, R5b, R6, R7: the target UefiHttp and the BIOS setting UrlBootFile; no record of iLO 4",
    ),
    (
        Operation::BootModeSet,
        [Unverified, AtReset, UEFI_ONLY, UEFI_ONLY],
        "registries A42, A43, U46 have BootMode, U58, U68, U71 have not; R7: UefiClass 3",
    ),
    (
        Operation::BootOrderSet,
        [Unverified, AtReset, AtReset, AtReset],
        "HD, prox: PersistentBootConfigOrder; BootOrder",
    ),
    (Operation::MediaInsertHttp, [Yes, Shown, Shown, Shown], "prox, sushy: Oem.Hp actions of iLO 4"),
    (
        Operation::MediaInsertHttps,
        [Unverified, Shown, Shown, Shown],
        "HD: http and https; iLO 4 is not named",
    ),
    (Operation::MediaInsertNfs, [NO_SHARES; 4], "HD: VirtualMedia"),
    (Operation::MediaInsertCifs, [NO_SHARES; 4], "HD: VirtualMedia"),
    (Operation::MediaEject, [Yes, Yes, Yes, Yes], "HD; prox, sushy: an empty JSON body"),
    (Operation::BiosReset, [Unverified, AtReset, AtReset, AtReset], "R5a, R5b, R6, R7: Bios.ResetBios"),
    (Operation::StorageRead, [Yes, Yes, Yes, Yes], "libredfish: P440; prox; R5b, R6, R7"),
    (
        Operation::StorageWrite,
        [SMART_READ_ONLY, Unverified, Yes, Yes],
        "HD: storage, rdeSupport; iLO 5: HPE writes SmartStorageConfig by PUT, a PATCH is sent here",
    ),
    (
        Operation::VolumeDelete,
        [SMART_READ_ONLY, Unverified, Yes, Yes],
        "HD: storage, rdeSupport; iLO 5: HPE writes SmartStorageConfig by PUT, a PATCH is sent here",
    ),
    (
        Operation::VolumeInitialize,
        [SMART_READ_ONLY, Unverified, Yes, Unverified],
        "R6: Volume.Initialize Fast, Slow",
    ),
    (Operation::DriveConvert, [NO_CONVERT; 4], "HD: storage"),
    (
        Operation::DriveSpare,
        [SMART_READ_ONLY, Unverified, Unverified, Unverified],
        "R6: HotspareType and DedicatedSpareDrives are writeable; nobody was seen to write them",
    ),
    (Operation::DriveErase, [SMART_READ_ONLY, Unverified, Yes, Yes], "HD: rdeSupport; R6: Drive.SecureErase"),
    (Operation::FirmwareRead, [Unverified, Yes, Yes, Yes], "R5a, R5b, R6, R7: FirmwareInventory"),
    (Operation::FirmwareUpdate, [Unverified, Yes, Yes, Yes], "HD; R5b, R7: SimpleUpdate by HTTP and HTTPS"),
    (Operation::FirmwarePush, [NO_PUSH; 4], "ilorest: uploadFile; HD: a session is mandatory"),
    (Operation::JobsRead, [Unverified, Yes, Yes, Yes], "R7: TaskService"),
    (
        Operation::JobsClear,
        [Unverified, Yes, Yes, Yes],
        "R7: tasks are deleted, then HpeiLO.ClearRestApiState",
    ),
    (Operation::LogsRead, [Unverified, Yes, Yes, Yes], "R5 to R7: IML, IEL"),
    (Operation::LogsClear, [Unverified, Yes, Yes, Yes], "R7: LogService.ClearLog of IML and IEL"),
    (Operation::SensorsRead, [Unverified, Yes, Yes, Yes], "R5 to R7; telegraf"),
    (Operation::ConfigurationExport, [NO_WHOLE; 4], "HD"),
    (Operation::ConfigurationImport, [NO_WHOLE; 4], "HD"),
];

/// Adds to what the documents advertise.
pub(crate) fn add(quirks: &Quirks, machine: &Machine, capabilities: &mut Capabilities) {
    let generation = Generation::of(machine);
    nmi(machine, capabilities);
    for (operation, [four, five, six, seven], source) in ROWS {
        let known = match generation.0 {
            Some(4) => four,
            Some(5) => five,
            Some(6) => six,
            Some(7) => seven,
            // Whichever it is, what none of them can do it cannot.
            _ if matches!((four, seven), (No(_), No(_))) => four,
            _ => continue,
        };
        let support = match known {
            Yes => Support::Supported,
            AtReset => Support::NeedsReset,
            No(why) => Support::Unsupported((*why).to_owned()),
            Unverified => Support::Unknown,
            Shown => continue,
        };
        capabilities.set(*operation, support, Learned::Documented((*source).to_owned()));
    }
    media(quirks, machine, capabilities);
}

/// Whether the System's reset knows of Nmi.
fn nmi(machine: &Machine, capabilities: &mut Capabilities) {
    let action = machine.system.action("ComputerSystem.Reset");
    let listed =
        action.is_some_and(|action| action.strings("ResetType@Redfish.AllowableValues").contains(&"Nmi"));
    let support =
        if listed { Support::Supported } else { Support::Unsupported("the System allows no Nmi".to_owned()) };
    capabilities.set(Operation::PowerNmi, support, Learned::Advertised);
}

fn media(quirks: &Quirks, machine: &Machine, capabilities: &mut Capabilities) {
    let inserts = [Operation::MediaInsertHttp, Operation::MediaInsertHttps];
    if Generation::of(machine).is_4() && !on(quirks, machine, quirks::OEM_INSERT) {
        let why = "iLO 4 takes images by an OEM action alone";
        for operation in inserts.into_iter().chain([Operation::MediaEject]) {
            let learned = Learned::Documented("sushy, HD: iLO 4".to_owned());
            capabilities.set(operation, Support::Unsupported(why.to_owned()), learned);
        }
    }
    let licence =
        machine.manager().filter(|_| on(quirks, machine, quirks::MEDIA_LICENCE)).and_then(media_licence);
    if let Some(support) = licence {
        for operation in inserts {
            let known = capabilities.get(operation).map(|known| &known.support);
            // A licence does not make work what does not.
            if support != Support::Supported || matches!(known, None | Some(Support::Unknown)) {
                capabilities.set(operation, support.clone(), Learned::Advertised);
            }
        }
    }
}

/// Whether the licence covers images by URL, which take iLO Advanced (HD). Of other licences than these two nothing is
/// known.
fn media_licence(manager: &Document) -> Option<Support> {
    let licence = quirks::oem(manager, "License/LicenseString")?;
    if licence.contains("Advanced") {
        Some(Support::Supported)
    } else if licence.contains("Standard") {
        Some(Support::NeedsLicence("iLO Advanced".to_owned()))
    } else {
        None
    }
}
